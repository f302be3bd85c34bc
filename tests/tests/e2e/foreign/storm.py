"""Writes to the rating topic what producers of other projects write, until its input ends.

Argument: the brokers. They may die meanwhile. Ratings have every codec of Kafka, odd record times and forms, no key,
keys that another partitioner placed, and transactions. Between them is what is no rating: junk, tombstones, empty
values, and records that are too large for the topic or for a rating.

Prints one JSON document: the ratings that brokers acknowledged and those of aborted transactions, each as
`USER MOVIE`, and how many records that are no ratings were acknowledged, or refused for their size.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
import time
from datetime import datetime, timezone

from confluent_kafka import KafkaError, KafkaException, Message, Producer

RATINGS = "marquee.ratings.v1"
JSON = [("content-type", b"application/json")]
PARTITIONS = 8
# A pause between two rounds in seconds, and the rounds that share their users.
PAUSE, ROUNDS = 0.5, 10
# Seconds until a record is given up, and until a call on a transaction is.
DELIVERY, CALL = 30, 10
# How often the last transaction is tried to be ended.
LAST_TRIES = 3

bootstrap = sys.argv[1]
numbers = itertools.count()
over = threading.Event()
delivered: set[str] = set()
aborted: set[str] = set()
junk = refused = 0


def rated(user: str, movie: str, at: object = None, rating: object = None) -> bytes:
    """A rating as JSON, by default of now."""
    at = at or datetime.now(timezone.utc).isoformat()
    rating = rating or 1 + next(numbers) % 5
    return json.dumps({"rated": {"userId": user, "movieId": movie, "rating": rating, "ratedAt": at}}).encode()


def producer(**settings: object) -> Producer:
    """A client that places keys as Kafka's Java client does, unless it is told otherwise."""
    usual = {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "message.timeout.ms": DELIVERY * 1_000}
    return Producer({**usual, "enable.idempotence": True, "log_level": 2, **settings})


codecs = {
    codec: producer(**{"compression.type": codec, "linger.ms": 20})
    for codec in ("none", "gzip", "snappy", "lz4", "zstd")
}
plain = codecs["none"]
elsewhere = producer(partitioner="consistent")
large = producer(
    **{"message.max.bytes": 64 << 20, "compression.type": "gzip", "batch.num.messages": 1, "enable.idempotence": False}
)


def send(client: Producer, user: str, value: bytes | None = None, **settings: object) -> None:
    """Sends a rating of a user, of a movie that nobody else rates."""
    movie = f"f{next(numbers)}"
    value = value if value is not None else rated(user, movie)
    movie = json.loads(value.decode("utf-8-sig"))["rated"]["movieId"]

    def told(error: KafkaError | None, _: Message) -> None:
        if error is None:
            delivered.add(f"{user} {movie}")

    client.produce(RATINGS, value, **{"key": user.encode(), "headers": JSON, "on_delivery": told, **settings})


def told_of_junk(error: KafkaError | None, _: Message) -> None:
    """Counts a record that is no rating."""
    global junk, refused
    junk += error is None
    refused += error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE


def write_ratings(group: int) -> None:
    """Ratings in all their forms."""
    for codec, client in codecs.items():
        for _ in range(5):
            send(client, f"foreign-{codec}-{group}")
    now = time.time_ns()
    for stamp in (now // 1_000, now // 1_000_000_000, 1):
        send(plain, f"foreign-times-{group}", timestamp=stamp)
    user, seconds = f"foreign-forms-{group}", int(time.time())
    movie = (f"f{next(numbers)}" for _ in itertools.count())
    forms = [
        ([], b"\xef\xbb\xbf" + rated(user, next(movie))),
        ([], b" \r\n\t" + rated(user, next(movie)) + b"\n"),
        ([("Content-Type", b"application/json; charset=utf-8")], rated(user, next(movie))),
        ([("content-type", b"application/octet-stream")], rated(user, next(movie), seconds)),
        (JSON, rated(user, next(movie), seconds * 1_000, "4")),
        (JSON, rated(user, next(movie), seconds * 1_000_000, 3.0000000001)),
    ]
    for headers, value in forms:
        send(plain, user, value, headers=headers)
    for partition in range(PARTITIONS):
        send(plain, f"foreign-keyless-{group}", key=None, partition=partition)
    for number in range(5):
        send(elsewhere, f"foreign-elsewhere-{number}-{group}")


def write_junk(number: int) -> None:
    """What is no rating, however it is read."""
    values = [None, b"", b"ann,m,4", os.urandom(300), "{}".encode("utf-16"), rated("foreign-junk", "f", 50_000_000_000)]
    for value in [b"\x00\x00\x00\x00\x07" + rated("foreign-junk", "f"), *values]:
        key = [b"junk", None][number % 2]
        plain.produce(RATINGS, value, key, on_delivery=told_of_junk)
    if number % 10 == 0:
        # Packed it is small enough for a topic, and then it is not.
        for value in (b" " * (8 << 20), os.urandom(2 << 20)):
            large.produce(RATINGS, value, b"junk", on_delivery=told_of_junk)


def transact(client: Producer, number: int) -> None:
    """One transaction: every second one is aborted."""
    users = [f"foreign-{'aborted' if number % 2 else 'committed'}-{user}-{number // 20}" for user in range(10)]
    keys = {f"{user} t{number}" for user in users}
    client.begin_transaction()
    for user in users:
        client.produce(RATINGS, rated(user, f"t{number}"), user.encode(), headers=JSON)
    if number % 2:
        client.flush(CALL)
        client.abort_transaction(CALL)
        aborted.update(keys)
    else:
        client.commit_transaction(CALL)
        delivered.update(keys)


def write_transactions() -> None:
    """Transactions until the end. After a failure, the next client of the same name aborts what is open."""
    settings = {"transactional.id": "foreign-etl", "transaction.timeout.ms": 20_000, "message.timeout.ms": 15_000}
    client, failures = None, 0
    for number in itertools.count():
        try:
            if client is None:
                client = producer(**settings)
                client.init_transactions(CALL)
            if over.is_set():
                return
            transact(client, number)
        except KafkaException:
            client, failures = None, failures + over.is_set()
        if failures == LAST_TRIES:
            return
        time.sleep(PAUSE)


def wait_for_the_end() -> None:
    """Waits until the input ends."""
    sys.stdin.buffer.read()
    over.set()


threading.Thread(target=wait_for_the_end, daemon=True).start()
transactions = threading.Thread(target=write_transactions)
transactions.start()
for round_number in itertools.count():
    if over.is_set():
        break
    write_ratings(round_number // ROUNDS)
    write_junk(round_number)
    for open_client in (*codecs.values(), elsewhere, large):
        open_client.poll(0)
    over.wait(PAUSE)
for open_client in (*codecs.values(), elsewhere, large):
    open_client.flush(DELIVERY)
transactions.join()
print(json.dumps({"delivered": sorted(delivered), "aborted": sorted(aborted), "junk": junk, "refused": refused}))
