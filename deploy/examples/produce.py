#!/usr/bin/env python3
"""Sends ratings to Marquee through Kafka, as any producer may. It needs `pip install confluent-kafka` and nothing else.

    produce.py --bootstrap 127.0.0.1:9092 < ratings.ndjson

A line of standard input is one rating, its time as RFC 3339 writes it:

    {"user_id": "20", "movie_id": "50", "rating": 4, "rated_at": "2026-01-31T20:15:00Z"}

It ends with 0 if every line was delivered, which means that all brokers in step have it, and with 1 otherwise. Then run
it again on the same lines: Marquee counts a rating once, however often it comes. Whether it is a rating that this
deployment accepts shows later, on the topic of rejected records; proto/README.md says what is accepted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

TOPIC = "marquee.ratings.v1"
HEADERS: list[tuple[str, str | bytes | None]] = [("content-type", b"application/json")]

# How long to wait for room, when more ratings are under way than the client holds.
WAIT_S = 0.1


class Outcome:
    """What became of the ratings."""

    def __init__(self) -> None:
        self.delivered = 0
        self.failures: Counter[str] = Counter()

    def report(self, error: KafkaError | None, _: Message) -> None:
        """Called by the client for each record, once its fate is known."""
        if error is None:
            self.delivered += 1
        else:
            self.failures[error.str()] += 1


def settings(bootstrap: str, timeout_s: int) -> dict[str, Any]:
    """Settings of the client."""
    return {
        "bootstrap.servers": bootstrap,
        # All brokers in step acknowledge, and a batch that is sent again is neither doubled nor out of order.
        "enable.idempotence": True,
        # Marquee looks for a user where Kafka's Java client would put the user's id; this client's default differs.
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "delivery.timeout.ms": timeout_s * 1_000,
    }


def record(line: bytes) -> tuple[bytes, bytes]:
    """Key and value for a line: the user's id, and a `marquee.ratings.v1.RatingEvent` in proto3's JSON."""
    rating = json.loads(line)
    user, movie, at = (rating[name] for name in ("user_id", "movie_id", "rated_at"))
    if not all(isinstance(text, str) for text in (user, movie, at)):
        raise ValueError("user_id, movie_id and rated_at are texts")
    rated = {"userId": user, "movieId": movie, "rating": rating["rating"], "ratedAt": at}
    return user.encode(), json.dumps({"rated": rated}, allow_nan=False).encode()


def send(producer: Producer, topic: str, key: bytes, value: bytes, outcome: Outcome) -> None:
    """Hands a record to the client, as soon as that has room for it."""
    while True:
        try:
            producer.produce(topic, value, key, headers=HEADERS, on_delivery=outcome.report)
        except BufferError:
            producer.poll(WAIT_S)
        except KafkaException as refused:
            outcome.failures[str(refused.args[0].str())] += 1
            return
        else:
            producer.poll(0)
            return


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT,…", help="brokers to begin with")
    parser.add_argument("--topic-prefix", default="", metavar="PREFIX", help="the deployment's kafka.prefix")
    parser.add_argument("--timeout", type=int, default=60, metavar="SECONDS", help="longest wait for a delivery")
    arguments = parser.parse_args()
    topic = f"{arguments.topic_prefix}{TOPIC}"
    producer, outcome = Producer(settings(arguments.bootstrap, arguments.timeout)), Outcome()
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            key, value = record(line)
        except (ValueError, TypeError, KeyError) as error:
            outcome.failures[f"line {number} is no rating: {type(error).__name__}: {error}"] += 1
            continue
        send(producer, topic, key, value, outcome)
    producer.flush()
    for reason, count in outcome.failures.items():
        print(f"{count} not delivered: {reason}", file=sys.stderr)
    print(f"{outcome.delivered} ratings delivered to {topic}, {outcome.failures.total()} not")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
