"""The model in Triton's Python back-end: the requests of a batch are one run."""

import os

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    """Runs the model beside this file."""

    def initialize(self, arguments):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        file = os.path.join(arguments["model_repository"], arguments["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        def read(name):
            return [triton.get_input_tensor_by_name(request, name).as_numpy() for request in requests]

        inputs = {name: read(name) for name in ("user", "item")}
        rows = [len(values) for values in inputs["user"]]
        joined = {name: values[0] if len(values) == 1 else np.concatenate(values) for name, values in inputs.items()}
        rating = self.session.run(None, joined)[0]
        answers, at = [], 0
        for count in rows:
            answers.append(triton.InferenceResponse([triton.Tensor("rating", rating[at : at + count])]))
            at += count
        return answers
