"""Does to Kafka what producers and operators of other projects do, by a client that is not Marquee's.

Arguments: the brokers, then one of
  write               ratings in every codec, at odd times, in odd forms, in transactions, and what is no rating
  partitions COUNT [TOPIC]
                      gives a topic, or every topic of Marquee, this many partitions
  empty               deletes every record of the rating topic, as retention does
  config KEY VALUE    changes how the rating topic is configured
Prints one JSON document: the number of ratings of each user that count, and the number of records that do not.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections import Counter
from datetime import datetime, timedelta, timezone

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

RATINGS = "marquee.ratings.v1"
JSON = [("content-type", b"application/json")]
PARTITIONS = 8
bootstrap, command, *arguments = sys.argv[1:]
counts: Counter[str] = Counter()
failures: list[str] = []


numbers = itertools.count()


def rated(user: str, movie: str, at: object = None, rating: object = None) -> bytes:
    """A rating as JSON. By default each is a minute later than the one before, with the next number of stars."""
    number = next(numbers)
    at = at or (datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    rating = rating or 1 + number % 5
    return json.dumps({"rated": {"userId": user, "movieId": movie, "rating": rating, "ratedAt": at}}).encode()


def told(error: object, _: object) -> None:
    """Called once a record's fate is known."""
    if error is not None:
        failures.append(str(error))


def producer(**settings: object) -> Producer:
    """A client that places keys as Kafka's Java client does."""
    return Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", **settings})


def codecs() -> None:
    """Batches in every codec that Kafka has."""
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        client = producer(**{"compression.type": codec, "linger.ms": 50, "enable.idempotence": True})
        for number in range(30):
            user = f"codec-{codec}"
            client.produce(RATINGS, rated(user, f"m{number}"), user.encode(), headers=JSON, on_delivery=told)
            counts[user] += 1
        client.flush()


def times() -> None:
    """Record times in other units than milliseconds, and such that are no time."""
    client, now = producer(), time.time_ns()
    odd = [now // 1_000, now, now // 1_000_000_000, 1, 64_060_588_800_000, now // 1_000_000]
    for number, stamp in enumerate(odd):
        client.produce(RATINGS, rated("times", f"m{number}"), b"times", timestamp=stamp, headers=JSON, on_delivery=told)
        client.flush()
        counts["times"] += 1


def forms() -> None:
    """JSON as other languages write it."""
    client = producer()
    seconds = 1_769_890_500
    variants = [
        ([], b"\xef\xbb\xbf" + rated("forms", "m0")),
        ([], b" \r\n\t" + rated("forms", "m1") + b"\n"),
        ([("Content-Type", b"application/json; charset=utf-8")], rated("forms", "m2")),
        ([("contentType", b'"application/json"')], rated("forms", "m3")),
        ([("content-type", b"application/octet-stream")], rated("forms", "m4", seconds)),
        (JSON, rated("forms", "m5", seconds * 1_000)),
        (JSON, rated("forms", "m6", seconds * 1_000_000)),
        (JSON, rated("forms", "m7", f"{seconds}", "4")),
        (JSON, rated("forms", "m8", None, 3.0000000001)),
    ]
    for headers, value in variants:
        client.produce(RATINGS, value, b"forms", headers=headers, on_delivery=told)
        counts["forms"] += 1
    client.flush()


def elsewhere() -> None:
    """Ratings without a key, in every partition: those of other partitions have to be moved."""
    client = producer()
    for partition in range(PARTITIONS):
        value = rated("elsewhere", f"m{partition}")
        client.produce(RATINGS, value, None, partition, headers=JSON, on_delivery=told)
        counts["elsewhere"] += 1
    client.flush()


def junk() -> None:
    """What is no rating, however it is read."""
    client = producer(**{"message.max.bytes": 64 << 20, "compression.type": "gzip"})
    values = [
        b"\x00\x00\x00\x00\x07" + rated("junk", "m0"),
        None,
        b"",
        b"ann,m,4",
        rated("junk", "m1", 50_000_000_000),
        "{}".encode("utf-16"),
        # Packed it is small enough for a topic.
        b" " * (8 << 20),
    ]
    for value in values:
        client.produce(RATINGS, value, b"junk", on_delivery=told)
        counts[""] += 1
    client.flush()


def transactions() -> None:
    """The last offset of many partitions is a marker then, which no consumer sees."""
    client = producer(**{"transactional.id": "foreign-etl"})
    client.init_transactions()
    for outcome in ("committed", "aborted"):
        client.begin_transaction()
        for number in range(40):
            user = f"{outcome}-{number}"
            client.produce(RATINGS, rated(user, "m1"), user.encode(), headers=JSON, on_delivery=told)
            counts[user] += outcome == "committed"
        client.flush()
        (client.commit_transaction if outcome == "committed" else client.abort_transaction)()


def administer() -> None:
    """What operators do to topics."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    if command == "partitions":
        topics = arguments[1:] or [topic for topic in admin.list_topics().topics if topic.startswith("marquee.")]
        asked = admin.create_partitions([NewPartitions(topic, int(arguments[0])) for topic in topics])
    elif command == "empty":
        partitions = admin.list_topics(RATINGS).topics[RATINGS].partitions
        asked = admin.delete_records([TopicPartition(RATINGS, partition, -1) for partition in partitions])
    else:
        entry = ConfigEntry(*arguments, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, RATINGS, incremental_configs=[entry])
        asked = admin.incremental_alter_configs([resource])
    for answer in asked.values():
        answer.result(timeout=30)


if command == "write":
    for write in (codecs, times, forms, elsewhere, junk, transactions):
        write()
else:
    administer()
if failures:
    sys.exit("\n".join(failures))
print(json.dumps(counts))
