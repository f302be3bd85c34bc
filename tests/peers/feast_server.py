"""Feast's own gRPC server on a Redis, with 10 features of users and 10 of movies: what feature reads are measured beside.

feast_server.py REDIS_PORT USERS MOVIES defines the features in a folder of its own, writes a row for every user `u0`, `u1` … and movie `m0`, `m1` …, serves on a
port that the system picks, prints that port, and ends with its standard input.
"""

import os
import random
import sys
import tempfile
from concurrent import futures
from datetime import datetime, timedelta, timezone

import grpc
import pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.contrib.grpc_server import GrpcFeatureServer
from feast.protos.feast.serving.GrpcServer_pb2_grpc import add_GrpcFeatureServerServicer_to_server
from feast.types import Float32

port, users, movies = (int(argument) for argument in sys.argv[1:4])
folder = tempfile.mkdtemp(prefix="feast-")
config = RepoConfig(
    project="ratings",
    provider="local",
    registry=os.path.join(folder, "registry.db"),
    online_store={"type": "redis", "connection_string": f"127.0.0.1:{port}"},
    offline_store={"type": "file"},
    entity_key_serialization_version=3,
)
store = FeatureStore(config=config)
now = datetime.now(timezone.utc)


def view(name, key, prefix, count):
    """A feature view with ten numbers, and a row for every id."""
    columns = [f"{prefix}{number}" for number in range(10)]
    rows = pandas.DataFrame({key: [f"{prefix}{number}" for number in range(count)]})
    for column in columns:
        rows[column] = pandas.Series([random.random() for _ in range(count)], dtype="float32")
    rows["event_timestamp"] = now
    rows["created"] = now
    path = os.path.join(folder, f"{name}.parquet")
    rows.to_parquet(path)
    entity = Entity(name=key, join_keys=[key], value_type=ValueType.STRING)
    source = FileSource(path=path, timestamp_field="event_timestamp", created_timestamp_column="created")
    fields = [Field(name=column, dtype=Float32) for column in columns]
    return entity, FeatureView(name=name, entities=[entity], ttl=timedelta(days=1), schema=fields, source=source), rows


made = [view("user_stats", "user_id", "u", users), view("movie_stats", "movie_id", "m", movies)]
store.apply([part for entity, features, _ in made for part in (entity, features)])
for _, features, rows in made:
    store.write_to_online_store(features.name, rows)
# As `feast listen` puts it together, but for the health service, whose package is not among what is provisioned.
server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
add_GrpcFeatureServerServicer_to_server(GrpcFeatureServer(store, registry_ttl_sec=600), server)
address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
server.start()
print(address, flush=True)
sys.stdin.read()
server.stop(0)
