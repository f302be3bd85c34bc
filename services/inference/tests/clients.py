"""Calls a server with the clients of Triton or of KServe: `clients.py triton|kserve GRPC HTTP REPOSITORY`.

Both define the same protobuf messages, so one process cannot import both.
"""

import asyncio
import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402

if sys.argv[1] == "triton":
    import tritonclient.grpc as triton_grpc
    import tritonclient.http as triton_http
    from tritonclient.utils import InferenceServerException, np_to_triton_dtype
else:
    from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

FLOATS = np.array([[0.5, -2.0, 3.0]], dtype=np.float32)

# A tensor of each type: the name of its model, the name of the protocol and the values.
TENSORS = [
    ("same_bool", "BOOL", np.array([[True, False, True]])),
    ("same_uint8", "UINT8", np.array([[1, 2, 255]], dtype=np.uint8)),
    ("same_uint16", "UINT16", np.array([[1, 2, 65535]], dtype=np.uint16)),
    ("same_uint32", "UINT32", np.array([[1, 2, 2**32 - 1]], dtype=np.uint32)),
    ("same_uint64", "UINT64", np.array([[1, 2, 2**64 - 1]], dtype=np.uint64)),
    ("same_int8", "INT8", np.array([[1, 2, -128]], dtype=np.int8)),
    ("same_int16", "INT16", np.array([[1, 2, -32768]], dtype=np.int16)),
    ("same_int32", "INT32", np.array([[1, 2, -(2**31)]], dtype=np.int32)),
    ("same_int64", "INT64", np.array([[1, 2, -(2**63)]], dtype=np.int64)),
    ("same_float16", "FP16", FLOATS.astype(np.float16)),
    ("same_bfloat16", "BF16", FLOATS.astype(ml_dtypes.bfloat16)),
    ("same_float32", "FP32", FLOATS),
    ("same_float64", "FP64", FLOATS.astype(np.float64)),
    ("same_string", "BYTES", np.array([["ann", "", "größe"]], dtype=np.object_)),
]


def as_text(values):
    """Texts come back as bytes."""
    if values.dtype != np.object_:
        return values
    decode = np.vectorize(lambda value: value.decode() if isinstance(value, bytes) else value, otypes=[object])
    return decode(values)


def check_equal(name, found, expected):
    assert found is not None, f"{name}: no values"
    found = as_text(found)
    assert found.shape == expected.shape, f"{name}: {found.shape} is not {expected.shape}"
    assert np.array_equal(found, expected), f"{name}: {found} is not {expected}"


def fails(call, *words):
    """Returns the status of a call that fails."""
    try:
        call()
    except InferenceServerException as error:
        for word in words:
            assert word in str(error.message()), f"{error.message()!r} lacks {word!r}"
        return error.status()
    raise AssertionError("a call that should fail did not")


def pair(module):
    """The inputs of the model `add`, for one of Triton's clients."""
    inputs = []
    for name, values in (("a", [[1.0, 2.0]]), ("b", [[10.0, 20.0]])):
        array = np.array(values, dtype=np.float32)
        inputs.append(module.InferInput(name, array.shape, np_to_triton_dtype(array.dtype)))
        inputs[-1].set_data_from_numpy(array)
    return inputs


def check_common(client, as_dict):
    """What both of Triton's clients can do."""
    assert client.is_server_live() and client.is_server_ready()
    metadata = as_dict(client.get_server_metadata())
    assert metadata["name"] == "marquee" and "binary_tensor_data" in metadata["extensions"], metadata
    assert client.is_model_ready("add") and client.is_model_ready("add", "1")
    assert not client.is_model_ready("broken")
    model = as_dict(client.get_model_metadata("add"))
    assert model["versions"] == ["1", "2"] and model["platform"] == "onnxruntime_onnx", model
    assert [tensor["name"] for tensor in model["outputs"]] == ["sum", "difference"], model
    assert [int(length) for length in model["inputs"][0]["shape"]] == [-1, 2], model
    index = {(model["name"], model.get("version")): model for model in as_dict(client.get_model_repository_index())}
    assert index["add", "2"]["state"] == "READY", index
    assert index["broken", "1"]["state"] == "UNAVAILABLE" and index["broken", "1"]["reason"], index


def check_statistics(client, module, as_dict):
    def of_add():
        found = as_dict(client.get_inference_statistics("add", "2"))["model_stats"]
        assert [(one["name"], one["version"]) for one in found] == [("add", "2")], found
        return found[0]

    before = of_add()
    for _ in range(3):
        client.infer("add", pair(module), model_version="2")
    after = of_add()
    for key in ("inference_count", "execution_count"):
        assert int(after[key]) == int(before.get(key, 0)) + 3, (before, after)
    success = after["inference_stats"]["success"]
    assert int(success["count"]) >= 3 and int(success["ns"]) > 0, after
    assert int(after["inference_stats"]["compute_infer"]["ns"]) > 0, after
    assert len(as_dict(client.get_inference_statistics())["model_stats"]) > 10


def check_repository(client, repository):
    content = (Path(repository) / "add/1/model.onnx").read_bytes()
    client.unload_model("add")
    assert not client.is_model_ready("add")
    client.load_model("add")
    assert client.is_model_ready("add")
    client.load_model("sent", config=json.dumps({"max_batch_size": 4}), files={"file:1/model.onnx": content})
    assert client.is_model_ready("sent", "1")
    client.unload_model("sent")
    fails(lambda: client.load_model("broken"), "broken", "not an ONNX model")
    fails(lambda: client.load_model("absent"), "absent")
    fails(lambda: client.unload_model("absent"), "absent", "unknown")


def triton_over_grpc(address, repository):
    client = triton_grpc.InferenceServerClient(address)

    def as_dict(message):
        if isinstance(message, dict):
            return message.get("models", message)
        from google.protobuf.json_format import MessageToDict

        found = MessageToDict(message, preserving_proto_field_name=True)
        return found.get("models", found)

    check_common(client, as_dict)
    config = client.get_model_config("add").config
    assert (config.max_batch_size, config.backend) == (16, "onnxruntime"), config
    assert list(config.input[0].dims) == [2] and config.instance_group[0].count == 2, config
    for name, datatype, values in TENSORS:
        given = triton_grpc.InferInput("x", values.shape, datatype)
        given.set_data_from_numpy(values)
        check_equal(name, client.infer(name, [given]).as_numpy("y"), values)
    answer = client.infer(
        "add",
        pair(triton_grpc),
        outputs=[triton_grpc.InferRequestedOutput("difference"), triton_grpc.InferRequestedOutput("sum")],
        model_version="1",
        request_id="7",
        priority=1,
        timeout=5_000_000,
    )
    assert [output.name for output in answer.get_response().outputs] == ["difference", "sum"]
    assert (answer.get_response().id, answer.get_response().model_version) == ("7", "1")
    check_equal("sum", answer.as_numpy("sum"), np.array([[11.0, 22.0]], dtype=np.float32))
    for algorithm in ("gzip", "deflate"):
        client.infer("add", pair(triton_grpc), compression_algorithm=algorithm)
    # Larger than the usual limit of gRPC, which is 4 MiB.
    large = np.arange(3 << 20, dtype=np.float32).reshape(1, -1)
    given = triton_grpc.InferInput("x", large.shape, "FP32")
    given.set_data_from_numpy(large)
    check_equal("large", client.infer("same_float32", [given]).as_numpy("y"), large)

    answers = []
    client.start_stream(lambda result, error: answers.append((result, error)))
    for number in range(5):
        client.async_stream_infer("add" if number != 3 else "absent", pair(triton_grpc), request_id=str(number))
    client.stop_stream()
    assert [error is None for _, error in answers] == [True, True, True, False, True], answers
    assert [result.get_response().id for result, error in answers if error is None] == ["0", "1", "2", "4"]

    assert fails(lambda: client.infer("absent", pair(triton_grpc)), "absent") == "StatusCode.NOT_FOUND"
    assert fails(lambda: client.infer("add", pair(triton_grpc), model_version="9"), "9") == "StatusCode.NOT_FOUND"
    assert fails(lambda: client.infer("add", pair(triton_grpc)[:1]), "'b'") == "StatusCode.INVALID_ARGUMENT"
    wrong = triton_grpc.InferInput("x", [1, 3], "INT32")
    wrong.set_data_from_numpy(np.zeros((1, 3), dtype=np.int32))
    assert fails(lambda: client.infer("same_float32", [wrong]), "'x'", "float32") == "StatusCode.INVALID_ARGUMENT"
    fails(lambda: client.get_model_config("absent"), "absent")
    check_statistics(client, triton_grpc, as_dict)
    check_repository(client, repository)
    client.close()


def triton_over_http(address, repository):
    client = triton_http.InferenceServerClient(address, concurrency=2)
    check_common(client, lambda value: value)
    config = client.get_model_config("add")
    assert (config["max_batch_size"], config["backend"]) == (16, "onnxruntime"), config
    for name, datatype, values in TENSORS:
        for binary in (True, False):
            # Triton's client has no JSON for half precision.
            if not binary and datatype in ("FP16", "BF16"):
                continue
            given = triton_http.InferInput("x", values.shape, datatype)
            given.set_data_from_numpy(values, binary_data=binary)
            wanted = [triton_http.InferRequestedOutput("y", binary_data=binary)]
            check_equal(name, client.infer(name, [given], outputs=wanted).as_numpy("y"), values)
        given = triton_http.InferInput("x", values.shape, datatype)
        given.set_data_from_numpy(values)
        check_equal(name, client.infer(name, [given]).as_numpy("y"), values)
    for algorithm in ("gzip", "deflate"):
        large = np.zeros((1, 100_000), dtype=np.float32)
        given = triton_http.InferInput("x", large.shape, "FP32")
        given.set_data_from_numpy(large)
        packed = {"request_compression_algorithm": algorithm, "response_compression_algorithm": algorithm}
        check_equal(algorithm, client.infer("same_float32", [given], **packed).as_numpy("y"), large)
    answer = client.infer("add", pair(triton_http), request_id="7", priority=1, timeout=5_000_000, model_version="1")
    response = answer.get_response()
    assert (response["id"], response["model_version"], response["model_name"]) == ("7", "1", "add"), response
    assert client.async_infer("add", pair(triton_http)).get_result().as_numpy("sum")[0, 0] == 11.0
    for call in (
        lambda: client.infer("absent", pair(triton_http)),
        lambda: client.infer("add", pair(triton_http), model_version="9"),
        lambda: client.get_model_metadata("absent"),
    ):
        assert fails(call) == "404"
    assert fails(lambda: client.infer("add", pair(triton_http)[:1]), "'b'") == "400"
    check_statistics(client, triton_http, lambda value: value)
    check_repository(client, repository)
    client.close()


async def kserve(grpc_address, http_address):
    def request(is_binary):
        values = np.array([[1.0, 2.0]], dtype=np.float32)
        inputs = [InferInput(name, list(values.shape), "FP32") for name in ("a", "b")]
        for given in inputs:
            given.set_data_from_numpy(values, binary_data=is_binary)
        return InferRequest(model_name="add", infer_inputs=inputs)

    expected = np.array([[2.0, 4.0]], dtype=np.float32)
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = f"http://{http_address}"
    assert await rest.is_server_live(base) and await rest.is_server_ready(base)
    assert await rest.is_model_ready(base, "add")
    for is_binary in (True, False):
        answer = await rest.infer(base, request(is_binary), model_name="add")
        check_equal("kserve rest", answer.get_output_by_name("sum").as_numpy(), expected)
    await rest.close()
    client = InferenceGRPCClient(grpc_address)
    assert await client.is_server_live() and await client.is_server_ready()
    assert await client.is_model_ready("add")
    for is_binary in (True, False):
        answer = await client.infer(request(is_binary))
        check_equal("kserve grpc", answer.get_output_by_name("sum").as_numpy(), expected)
    await client.close()


def main():
    kind, grpc_address, http_address, repository = sys.argv[1:]
    if kind == "triton":
        triton_over_grpc(grpc_address, repository)
        print("tritonclient.grpc works")
        triton_over_http(http_address, repository)
        print("tritonclient.http works")
    else:
        asyncio.run(kserve(grpc_address, http_address))
        print("kserve works")


main()
