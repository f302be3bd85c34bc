"""Asks for ratings with Triton's clients: a question as JSON on standard input, the answers as JSON on standard output."""

import json
import sys

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http

question = json.load(sys.stdin)


def texts(module, name, values):
    values = np.array(values, dtype=np.object_)
    given = module.InferInput(name, values.shape, "BYTES")
    given.set_data_from_numpy(values)
    return given


def ask(module, client):
    inputs = [
        texts(module, "user_id", [[user] for user in question["users"]]),
        texts(module, "movie_id", [question["movies"]] * len(question["users"])),
    ]
    answer = client.infer(question["model"], inputs)
    graphs = [f"{question['model']}{part}" for part in ("", ".encoder", ".scorer")]
    assert all(client.is_model_ready(name) for name in graphs), graphs
    return {
        "rating": answer.as_numpy("rating").tolist(),
        "spread": answer.as_numpy("spread").tolist(),
        "version": answer.as_numpy("version").tolist(),
    }


def encode(module, client):
    """Runs the encoder by itself, on one history, and then the scorer on the state."""
    name = question["model"]

    def given(name, values, datatype):
        one = module.InferInput(name, values.shape, datatype)
        one.set_data_from_numpy(values)
        return one

    history = [
        given("movie", np.zeros((1, 1), dtype=np.int64), "INT64"),
        given("rating", np.full((1, 1), 4, dtype=np.float32), "FP32"),
        given("weight", np.ones((1, 1), dtype=np.float32), "FP32"),
    ]
    state = client.infer(f"{name}.encoder", history)
    outputs = [output["name"] for output in client.get_model_metadata(f"{name}.encoder")["outputs"]]
    scored = [given(output, state.as_numpy(output), "FP32") for output in outputs]
    scored.append(given("movie", np.array([[0, 1]], dtype=np.int64), "INT64"))
    return client.infer(f"{name}.scorer", scored).as_numpy("rating").shape


grpc_client = over_grpc.InferenceServerClient(question["grpc"])
http_client = over_http.InferenceServerClient(question["http"])
answers = {
    "grpc": ask(over_grpc, grpc_client),
    "http": ask(over_http, http_client),
    "scored": encode(over_http, http_client),
    "index": http_client.get_model_repository_index(),
}
http_client.close()
json.dump(answers, sys.stdout)
