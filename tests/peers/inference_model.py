"""The model that model servers are measured with, the requests to it, and ONNX Runtime alone.

The model takes a user and a movie, 64 numbers each, and returns a rating: two layers, from 128 numbers to 64 and to 1.
Weights and inputs come from fixed seeds, so every run and every server computes the same.
"""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "mlp"
INPUTS = ("user", "item")
OUTPUT = "rating"
WIDTH = 64
HIDDEN = 64

# The largest number of rows that a server may run at once. Servers that batch have it in their configuration.
MOST_ROWS = 64


def write_model(file: Path) -> None:
    """Writes the model."""
    import numpy as np
    from onnx import TensorProto, checker, helper, numpy_helper, save

    random = np.random.default_rng(14)

    def weights(name: str, *shape: int) -> Any:
        return numpy_helper.from_array((random.standard_normal(shape) / shape[0] ** 0.5).astype(np.float32), name)

    nodes = [
        helper.make_node("Concat", list(INPUTS), ["both"], axis=1),
        helper.make_node("Gemm", ["both", "w1", "b1"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "w2", "b2"], [OUTPUT]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTH]) for name in INPUTS]
    outputs = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", 1])]
    constants = [weights("w1", 2 * WIDTH, HIDDEN), weights("b1", HIDDEN), weights("w2", HIDDEN, 1), weights("b2", 1)]
    graph = helper.make_graph(nodes, NAME, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, file)


def make_inputs(rows: int) -> dict[str, Any]:
    """Returns the inputs of a request."""
    import numpy as np

    random = np.random.default_rng(rows)
    return {name: random.standard_normal((rows, WIDTH), dtype=np.float32) for name in INPUTS}


def frame(message: bytes) -> bytes:
    """Returns a gRPC message with its prefix: not compressed, and its length."""
    return struct.pack(">BI", 0, len(message)) + message


@dataclass(frozen=True)
class Request:
    """A request as a client sends it, and what it is answered."""

    rows: int
    # The gRPC message, without its prefix.
    message: bytes
    # The body of REST, with the binary extension, and the length of the JSON at its start.
    body: bytes
    head: int
    expected: Any


def make_request(file: Path, rows: int) -> Request:
    """Makes the request of so many rows, and computes what it is answered."""
    import tritonclient.grpc as client
    from tritonclient.grpc import service_pb2 as wire

    inputs = make_inputs(rows)
    message = wire.ModelInferRequest(model_name=NAME)
    for name, values in inputs.items():
        given = client.InferInput(name, values.shape, "FP32")
        given.set_data_from_numpy(values)
        message.inputs.append(given._get_tensor())
        message.raw_input_contents.append(values.tobytes())
    head = json_head(rows, {name: values.nbytes for name, values in inputs.items()})
    body = head + b"".join(values.tobytes() for values in inputs.values())
    expected = open_session(file).run(None, inputs)[0]
    return Request(rows, message.SerializeToString(), body, len(head), expected)


def json_head(rows: int, sizes: dict[str, int]) -> bytes:
    """Returns the JSON at the start of a REST body whose tensors follow as bytes, and that asks for such an answer."""
    inputs = [
        {"name": name, "shape": [rows, WIDTH], "datatype": "FP32", "parameters": {"binary_data_size": size}}
        for name, size in sizes.items()
    ]
    outputs = [{"name": OUTPUT, "parameters": {"binary_data": True}}]
    return json.dumps({"inputs": inputs, "outputs": outputs}, separators=(",", ":")).encode()


def open_session(file: Path) -> Any:
    """Opens the model in ONNX Runtime with one thread, as each server does."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Alone:
    """ONNX Runtime alone in a loop."""

    runs_a_second: float
    # Processor time of a run, in microseconds.
    cost: float


def measure_alone(file: Path, rows: int, seconds: float) -> Alone:
    """Runs the model in a loop, with inputs and outputs that stay where they are."""
    import numpy as np

    session = open_session(file)
    binding = session.io_binding()
    output = np.empty((rows, 1), dtype=np.float32)
    inputs = make_inputs(rows)
    for name, values in inputs.items():
        binding.bind_cpu_input(name, values)
    binding.bind_output(OUTPUT, "cpu", 0, np.float32, output.shape, output.ctypes.data)
    for _ in range(1_000):
        session.run_with_iobinding(binding)
    runs, begin, cost = 0, time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - begin) < seconds:
        for _ in range(100):
            session.run_with_iobinding(binding)
        runs += 100
    return Alone(runs / elapsed, 1e6 * (time.process_time() - cost) / runs)


def read_answer(message: bytes) -> Any:
    """Returns the output of a gRPC answer, whichever way the server writes it."""
    import numpy as np
    from tritonclient.grpc import service_pb2 as wire

    answer = wire.ModelInferResponse.FromString(message)
    if answer.raw_output_contents:
        return np.frombuffer(answer.raw_output_contents[0], dtype=np.float32)
    return np.array(answer.outputs[0].contents.fp32_contents, dtype=np.float32)
