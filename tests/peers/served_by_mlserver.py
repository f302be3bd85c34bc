"""The model in MLServer."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class OnnxModel(MLModel):
    """Runs the file that the settings name."""

    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        file = self.settings.parameters.uri
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        inputs = {given.name: NumpyCodec.decode_input(given) for given in payload.inputs}
        rating = self.session.run(None, inputs)[0]
        outputs = [NumpyCodec.encode_output("rating", rating)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
