"""The model in KServe's Python server: served_by_kserve.py FILE NAME, and the server's own flags."""

import sys

# The server reads the command line as soon as it is imported.
FILE, NAME = sys.argv[1:3]
del sys.argv[1:3]

import onnxruntime  # noqa: E402
from kserve import InferOutput, InferResponse, Model, ModelServer  # noqa: E402


class OnnxModel(Model):
    """Runs a file."""

    def __init__(self):
        super().__init__(NAME)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(FILE, options, providers=["CPUExecutionProvider"])
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        inputs = {given.name: given.as_numpy() for given in payload.inputs}
        rating = self.session.run(None, inputs)[0]
        output = InferOutput("rating", list(rating.shape), "FP32")
        output.set_data_from_numpy(rating, binary_data=True)
        return InferResponse(payload.id or "", self.name, [output])


if __name__ == "__main__":
    ModelServer(workers=1).start([OnnxModel()])
