"""Reads online features with Feast's own client stubs: a question as JSON on standard input, what came back as JSON on standard output."""

import json
import sys

import grpc
from feast.online_response import OnlineResponse
from feast.protos.feast.serving import ServingService_pb2 as serving
from feast.protos.feast.serving import ServingService_pb2_grpc as stubs
from feast.protos.feast.types import Value_pb2 as types

question = json.load(sys.stdin)
channel = grpc.insecure_channel(question["address"])
client = stubs.ServingServiceStub(channel)
info = client.GetFeastServingInfo(serving.GetFeastServingInfoRequest(), timeout=60)
assert info.version.startswith("marquee "), info


def column(ids):
    return types.RepeatedValue(val=[types.Value(string_val=one) for one in ids])


def ask(features=None, service=None, full=True, **entities):
    request = serving.GetOnlineFeaturesRequest(full_feature_names=full)
    if service:
        request.feature_service = service
    else:
        request.features.val.extend(features)
    for key, ids in entities.items():
        request.entities[key].CopyFrom(column(ids))
    return client.GetOnlineFeatures(request, timeout=60)


def refused(**question):
    try:
        ask(**question)
    except grpc.RpcError as error:
        details = {key: value for key, value in error.trailing_metadata()}
        # The fields stand in the status details; their names are text there.
        said = error.details() + details.get("grpc-status-details-bin", b"").decode("utf-8", "replace")
        return [error.code().name, said]
    return ["OK", ""]


answer = ask(question["features"], user_id=question["users"], movie_id=question["movies"])
names = list(answer.metadata.feature_names.val)
status = serving.FieldStatus.Name
service = ask(service="user", full=False, user_id=question["users"])
print(
    json.dumps(
        {
            # What Feast makes of an answer for its users.
            "values": OnlineResponse(answer).to_dict(),
            "statuses": {name: [status(one) for one in vector.statuses] for name, vector in zip(names, answer.results)},
            "times": {name: [one.seconds for one in vector.event_timestamps] for name, vector in zip(names, answer.results)},
            "service": list(service.metadata.feature_names.val),
            "errors": {
                "unknown": refused(features=["user:shoe_size"], user_id=["u"]),
                "entity": refused(features=["user:rating_mean"], movie_id=["m"]),
                "twice": refused(
                    features=["user:rating_mean", "movie:rating_mean"], full=False, user_id=["u"], movie_id=["m"]
                ),
            },
        },
        default=lambda time: int(time.timestamp()),
    )
)
