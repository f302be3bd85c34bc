"""Kafka, Redis, S3 and a registry of images on the address of a node, where its pods reach them."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from processes import Failure, Process, run, wait_for

# Longer than a healthy server takes to start, in seconds.
DEADLINE = 60

KAFKA_PORT, KAFKA_CONTROLLER_PORT, REDIS_PORT, S3_PORT, REGISTRY_PORT = 9092, 9093, 6379, 7000, 5000
BUCKET = "marquee"

# Opens a connection to a host and a port of the node.
Connect = Callable[[str, int], socket.socket]


class Server:
    """A server that pods use. It can be ended, paused and started again on the same data."""

    def __init__(self, process: Process, address: str, answers: Callable[[], bool]) -> None:
        self.process = process
        # HOST:PORT.
        self.address = address
        self.answers = answers

    def start(self, watch: Callable[[], None] | None = None) -> None:
        """Starts the process, and waits until it answers."""

        def check() -> None:
            self.process.check()
            if watch is not None:
                watch()

        self.process.start()
        wait_for(f"{self.process.name} answers", self.answers, DEADLINE, check)

    def stop(self) -> None:
        """Ends the process by SIGTERM."""
        self.process.stop()

    def kill(self) -> None:
        """Ends the process by SIGKILL."""
        self.process.kill()


class Connection(http.client.HTTPConnection):
    """A connection by HTTP that is opened where the node is."""

    def __init__(self, address: str, connect: Connect, seconds: float = 5) -> None:
        super().__init__(address, timeout=seconds)
        self.opener = connect

    def connect(self) -> None:
        """Opens the connection."""
        self.sock = self.opener(self.host, self.port)
        self.sock.settimeout(self.timeout)

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, str]:
        """Sends one request, with a body as JSON, and closes the connection. Returns the status and the text."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None
        if body is not None:
            headers["Content-Type"], content = "application/json", json.dumps(body)
        try:
            self.request(method, path, content, headers)
            answer = self.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except http.client.HTTPException as error:
            raise Failure(f"{method} {self.host}:{self.port}{path}: {error!r}") from None
        finally:
            self.close()


def status(address: str, path: str, connect: Connect) -> int:
    """The status that a server answers a GET request with."""
    return Connection(address, connect).ask("GET", path)[0]


def receive(connection: socket.socket, length: int) -> bytes:
    """Exactly so many bytes."""
    found = b""
    while len(found) < length:
        part = connection.recv(length - len(found))
        if not part:
            raise Failure("the connection ended in the middle of an answer")
        found += part
    return found


def kafka_lists_a_broker(host: str, port: int, connect: Connect) -> bool:
    """Whether a broker lists one that serves. Version 4 of Metadata, for no topics."""
    metadata, version, correlation, no_client = 3, 4, 1, -1
    request = struct.pack(">hhih", metadata, version, correlation, no_client) + struct.pack(">i?", 0, False)
    with connect(host, port) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = receive(connection, struct.unpack(">i", receive(connection, 4))[0])
    # The correlation id, the time for which requests are slowed down, and the number of brokers.
    return struct.unpack(">iii", answer[:12])[2] > 0


def redis_answers(host: str, port: int, connect: Connect) -> bool:
    """Whether Redis has loaded its data and serves."""
    with connect(host, port) as connection:
        connection.sendall(b"PING\r\n")
        return receive(connection, 5) == b"+PONG"


def kafka_settings(host: str, folder: Path) -> str:
    """Settings of the only broker, which is its own controller."""
    listeners = f"PLAINTEXT://{host}:{KAFKA_PORT},CONTROLLER://{host}:{KAFKA_CONTROLLER_PORT}"
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{host}:{KAFKA_CONTROLLER_PORT}",
        "controller.listener.names": "CONTROLLER",
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "auto.create.topics.enable": "false",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": str(16 << 20),
    }
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        values[f"{topic}.replication.factor"] = "1"
        values[f"{topic}.num.partitions"] = "8"
        if topic != "offsets.topic":
            values[f"{topic}.min.isr"] = "1"
    return "".join(f"{key}={value}\n" for key, value in values.items())


class Backends:
    """The servers of a fleet, each with its data in a folder below `root` and its log in `logs`."""

    def __init__(
        self,
        folders: dict[str, Path],
        root: Path,
        logs: Path,
        host: str,
        connect: Connect,
        inside: Callable[[list[str]], list[str]],
        environment: dict[str, str],
    ) -> None:
        self.folders = folders
        self.root = root
        self.logs = logs
        self.host = host
        self.connect = connect
        self.inside = inside
        self.environment = environment
        # The key of S3 that may do everything.
        self.access_key = secrets.token_hex(8)
        self.secret_key = secrets.token_hex(16)
        self.bucket = BUCKET
        self.kafka = self.make_kafka()
        self.redis = self.make_redis()
        self.s3 = self.make_s3()
        self.registry = self.make_registry()

    @property
    def all(self) -> list[Server]:
        """Every server, in the order in which they are ended."""
        return [self.registry, self.s3, self.redis, self.kafka]

    def server(
        self, name: str, command: list[str], port: int, answers: Callable[[], bool], **variables: str
    ) -> Server:
        """A server that runs in the namespace of the node."""
        environment = {**self.environment, **variables}
        process = Process(name, self.inside(command), self.logs / f"{name}.log", environment)
        return Server(process, f"{self.host}:{port}", answers)

    def java(self, folder: Path, *options: str) -> list[str]:
        """A command that runs a class of Kafka's."""
        log = "-Dorg.slf4j.simpleLogger."
        quiet = [f"{log}log.org.apache.kafka.common.config=warn", f"{log}showDateTime=true"]
        # What it unpacks goes with its folder.
        common = ["-XX:+UseSerialGC", "-XX:-UsePerfData", f"-Djava.io.tmpdir={folder}", *quiet]
        return ["java", *common, *options, "-cp", f"{self.folders['kafka']}/*"]

    def make_kafka(self) -> Server:
        """The broker."""
        folder = self.root / "kafka"
        command = [*self.java(folder, "-Xmx512m"), "kafka.Kafka", str(folder / "server.properties")]

        def answers() -> bool:
            return kafka_lists_a_broker(self.host, KAFKA_PORT, self.connect)

        return self.server("kafka", command, KAFKA_PORT, answers)

    def format_kafka(self) -> None:
        """Makes the broker's empty log."""
        folder = self.root / "kafka"
        folder.mkdir()
        settings = folder / "server.properties"
        settings.write_text(kafka_settings(self.host, folder))
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        options = ("-Xmx256m", "-XX:TieredStopAtLevel=1")
        # An id that begins with a hyphen would be taken for an option.
        words = ["kafka.tools.StorageTool", "format", "-t", f"A{cluster[1:]}", "-c", str(settings)]
        run([*self.java(folder, *options), *words], env=self.environment)

    def make_redis(self) -> Server:
        """Redis, alone, with an append-only file."""
        folder = self.root / "redis"
        program = str(self.folders["redis"] / "redis-server")
        words = f"--port {REDIS_PORT} --bind {self.host} --protected-mode no --dir {folder}"
        durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]

        def answers() -> bool:
            return redis_answers(self.host, REDIS_PORT, self.connect)

        return self.server("redis", [program, *words.split(), *durable], REDIS_PORT, answers)

    def make_s3(self) -> Server:
        """An S3 server over a folder. A folder in it is a bucket."""
        address, folder = f"{self.host}:{S3_PORT}", self.root / "s3"
        # Longer than the name of a bucket may be, so it hides none.
        health = f"/{'health' * 12}"
        program = str(self.folders["s3"] / "versitygw")
        command = [program, "--quiet", "--health", health, "--port", address, "posix", str(folder)]

        def answers() -> bool:
            return status(address, health, self.connect) == 200

        keys = {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}
        return self.server("s3", command, S3_PORT, answers, **keys)

    def make_registry(self) -> Server:
        """A registry of images, without TLS."""
        address, settings = f"{self.host}:{REGISTRY_PORT}", self.root / "registry.yml"
        command = [str(self.folders["registry"] / "registry"), "serve", str(settings)]

        def answers() -> bool:
            return status(address, "/v2/", self.connect) == 200

        return self.server("registry", command, REGISTRY_PORT, answers, OTEL_TRACES_EXPORTER="none")

    def start(self, watch: Callable[[], None]) -> None:
        """Makes the folders, and starts every server."""
        (self.root / "redis").mkdir()
        (self.root / "s3" / BUCKET).mkdir(parents=True)
        (self.root / "registry.yml").write_text(registry_settings(f"{self.host}:{REGISTRY_PORT}", self.root))
        for server in (self.registry, self.s3, self.redis):
            server.start(watch)
        self.format_kafka()
        watch()
        self.kafka.start(watch)


def registry_settings(address: str, root: Path) -> str:
    """Settings of the registry."""
    return f"""version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: {root / "registry"}
  delete:
    enabled: true
http:
  addr: {address}
"""
