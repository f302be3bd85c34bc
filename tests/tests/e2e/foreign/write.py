"""Writes records to Kafka as they are given, by somebody else's client, and says what became of each.

Arguments: brokers, topic, and the most bytes of a record that this client lets through. A line of standard input is a
record in JSON: `key`, `value` in hexadecimal, `headers` (an object of texts). A line of standard output is its fate:
`delivered`, or the error's name. The keys choose partitions as Kafka's Java client would.
"""

from __future__ import annotations

import json
import sys

from confluent_kafka import KafkaError, KafkaException, Message, Producer

bootstrap, topic, largest = sys.argv[1:]
producer = Producer(
    {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "message.max.bytes": int(largest),
        # Else a broker would refuse what shares a batch with a record that is too large.
        "batch.num.messages": 1,
    }
)
fates: list[str] = []
for number, line in enumerate(sys.stdin):
    record = json.loads(line)
    fates.append("lost")

    def report(error: KafkaError | None, _: Message, number: int = number) -> None:
        """Called once a record's fate is known."""
        fates[number] = "delivered" if error is None else error.name()

    try:
        value = bytes.fromhex(record["value"])
        producer.produce(topic, value, record["key"], headers=list(record["headers"].items()), on_delivery=report)
    except KafkaException as refused:
        fates[number] = refused.args[0].name()
producer.flush()
print("\n".join(fates))
