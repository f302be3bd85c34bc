#!/usr/bin/env python3
"""A cluster of one node with real pods, beside Kafka, Redis, S3 and a registry of images.

    sudo python3 tests/servers/prepare.py cluster       builds and installs what the node is made of
    sudo python3 tests/cluster/node.py up [IMAGE.tar…]  runs a node with these images, until it is interrupted
    sudo python3 tests/cluster/node.py down             removes what a killed run left behind

etcd, the programs of Kubernetes, containerd and the servers are processes in a network namespace of their own. Their
files are in /var/lib/marquee-node. There is one node on a machine at a time. Tests use the class `Node`:

    with Node() as node:
        node.load_image(Path("target/images/marquee.tar"))
        node.helm("install", "marquee", "charts/marquee", "--set", "image.registry=localhost")
        node.wait_for("pods are ready", lambda: all_ready(node.get("/api/v1/pods")), 120)

What ends the block, an interrupt too, ends the node. Logs of all programs and pods are kept if it ends by an error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import configuration
import images
from backends import Backends, Connection, status
from keys import write_keys
from machine import Machine
from processes import Failure, Found, Process, run, wait_for
from registry import Registry

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))
import prepare  # noqa: E402

STATE = Path("/var/lib", configuration.NAME)
# The size of the disk for images, containers and pods. Only what is used takes room.
DISK = 16 << 10
# Longer than a healthy program takes to be ready, in seconds.
DEADLINE = 90

# The order in which programs are ended. Between the API server and containerd, the pods end.
BEFORE_PODS = ("kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager", "kube-apiserver")
AFTER_PODS = ("containerd", "etcd", "coredns")


class Node:
    """A node, up between `__enter__` and `__exit__`.

    `logs` is the folder that the logs are written to; without it, they are kept only after an error. `memory` is how
    much memory the node offers to pods, in mebibytes; by default, all that the machine has.
    """

    def __init__(self, logs: Path | None = None, memory: int | None = None) -> None:
        self.keep_logs = logs is not None
        self.logs = logs or Path(tempfile.mkdtemp(prefix=f"{configuration.NAME}-"))
        self.logs.mkdir(parents=True, exist_ok=True)
        self.memory = memory
        self.machine = Machine(configuration.NAME, STATE, configuration.ADDRESS, configuration.GATEWAY)
        self.places = configuration.Places(STATE, STATE / "disk", self.logs)
        self.processes: dict[str, Process] = {}
        self.tokens = {user: secrets.token_hex(16) for user in configuration.USERS}
        self.ending = threading.Event()
        cache = prepare.cache_folder() / "servers"
        known = {**prepare.SERVERS, **prepare.CLUSTER}
        self.folders = {name: folder(cache) for name, (folder, _) in known.items()}
        # The environment of every program: without proxies, which know nothing of the namespace.
        programs = [str(self.folders[name]) for name in known if name != "kafka"]
        path = os.pathsep.join([*programs, os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
        self.environment = {"PATH": path, "HOME": str(STATE / "home"), "LANG": "C.UTF-8"}
        self.environment["KUBECONFIG"] = str(self.kubeconfig)
        inside, connect = self.machine.inside, self.machine.connect
        self.servers = Backends(self.folders, STATE, self.logs, self.address, connect, inside, self.environment)

    # What tests use.

    @property
    def address(self) -> str:
        """The address of the node. Pods and what runs in the namespace reach it."""
        return configuration.ADDRESS

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.places.kubeconfig("admin")

    def run_in_namespace(self, command: list[str], **options: Any) -> subprocess.Popen[Any]:
        """Starts a command in the network namespace, as the administrator. The caller ends it; else the node does."""
        options.setdefault("env", self.environment)
        return subprocess.Popen(self.machine.inside(command), **options)

    def kubectl(self, *arguments: str, input: str | None = None, seconds: float = 300) -> str:
        """Runs kubectl as the administrator, and returns what it printed. A failure has its message."""
        return run(self.machine.inside(["kubectl", *arguments]), input, seconds, env=self.environment)

    def helm(self, *arguments: str, input: str | None = None, seconds: float = 600) -> str:
        """Runs Helm as the administrator, in the folder of the caller, and returns what it printed."""
        return run(self.machine.inside(["helm", *arguments]), input, seconds, env=self.environment)

    def apply(self, *objects: dict[str, Any]) -> str:
        """Applies objects as the administrator."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(listed))

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Sends a request to the API as the administrator. Returns the status and the text of the answer."""
        connection = ApiConnection(f"{self.address}:{configuration.API_PORT}", self.connect)
        connection.context = ssl.create_default_context(cafile=str(self.places.keys / "authority.pem"))
        return connection.ask(method, path, body, self.tokens["admin"])

    def get(self, path: str) -> Any:
        """Reads a path of the API as the administrator. Costs less than a kubectl. Fails unless the status is 200."""
        status, text = self.ask("GET", path)
        if status != 200:
            raise Failure(f"{path}: {status} {text[:300]}")
        return json.loads(text) if text.startswith("{") else text

    def connect(self, host: str, port: int, seconds: float = 5) -> socket.socket:
        """A connection from the namespace, for example to a Service."""
        return self.machine.connect(host, port, seconds)

    def wait_for(self, description: str, function: Callable[[], Found], seconds: float) -> Found:
        """Calls a function until it returns something true, and returns that.

        Fails after so many seconds, and at once if a program of the node ends by itself.
        """
        return wait_for(description, function, seconds, self.watch)

    def load_image(self, place: Path) -> str:
        """Imports the images of an archive, so that pods run them without a registry. Returns the name of the first."""
        with tarfile.open(place) as archive:
            listed = archive.extractfile("manifest.json")
            if listed is None:
                raise Failure(f"{place} has no manifest.json")
            names = [name for image in json.load(listed) for name in image["RepoTags"]]
        self.ctr("images", "import", str(place))
        # The kubelet knows an image only when containerd has noticed it.
        self.wait_for(f"{', '.join(names)}: imported", lambda: all(map(self.is_managed, names)), DEADLINE)
        return names[0]

    def is_managed(self, image: str) -> bool:
        """Whether the part of containerd that serves the kubelet has noticed an image."""
        return "io.cri-containerd.image=managed" in self.ctr("images", "list", f"name=={image}")

    def push_image(self, place: Path) -> str:
        """Pushes the image of an archive to the registry. Returns its name there, which pods can pull."""
        return Registry(self.servers.registry.address, self.connect).push(place)

    def ctr(self, *arguments: str) -> str:
        """Runs the command line of containerd on the images and containers of Kubernetes."""
        command = ["ctr", f"--address={self.places.containerd}", "--namespace=k8s.io", *arguments]
        return run(command, seconds=300, env=self.environment)

    def add_volume(self, name: str, mebibytes: int, capacity: str = "20Gi") -> Path:
        """Adds a volume for a claim of the class `local`, and returns where it is.

        It is a disk of its own, so it is full when so many mebibytes are written, whatever capacity it claims.
        """
        place = self.machine.make_disk(f"volume-{name}", mebibytes)
        self.apply(configuration.volume(name, place, capacity))
        return place

    def pod_logs(self) -> dict[str, str]:
        """The logs of containers that still exist, by NAMESPACE/POD/CONTAINER/N, where N counts its restarts."""
        found = {}
        for log in sorted(self.places.pod_logs.glob("*/*/*.log")):
            namespace, pod, _ = log.parts[-3].split("_")
            with contextlib.suppress(OSError):
                text = "".join(message(line) for line in log.read_text(errors="replace").splitlines(keepends=True))
                found[f"{namespace}/{pod}/{log.parts[-2]}/{log.stem}"] = text
        return found

    # Up and down.

    def __enter__(self) -> Node:
        try:
            self.check_programs()
            self.machine.acquire()
        except Failure:
            if not self.keep_logs:
                shutil.rmtree(self.logs, ignore_errors=True)
            raise
        try:
            self.machine.clean()
            self.up()
        except BaseException:
            self.keep_logs = True
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, KeyboardInterrupt):
            self.keep_logs = True
        self.down()

    def check_programs(self) -> None:
        """Fails if something is missing that prepare.py makes."""
        missing = [name for name, folder in self.folders.items() if not folder.is_dir()]
        if missing:
            raise Failure(f"{', '.join(missing)}: missing; run `tests/servers/prepare.py cluster`")

    def watch(self) -> None:
        """Fails if the node is being ended, or if a program of it has ended by itself."""
        if self.ending.is_set():
            raise Failure("the node is being ended")
        for process in list(self.processes.values()):
            process.check()

    def up(self) -> None:
        """Starts everything, and waits until the node and its servers are ready."""
        # It has keys. Pods do not pass through it: what they see is mounted for them.
        STATE.mkdir(mode=0o700, parents=True)
        for folder in (self.places.keys, self.places.settings, STATE / "home"):
            folder.mkdir()
        self.machine.keep_kernel_settings()
        self.machine.make_network()
        self.machine.make_control_groups()
        self.machine.make_disk(self.places.disk.name, DISK)
        write_keys(self.places.keys, configuration.server_names())
        (self.places.keys / "tokens.csv").write_text(configuration.tokens(self.tokens))
        self.write_settings()
        with ThreadPoolExecutor(1) as side:
            servers = side.submit(self.servers.start, self.watch)
            try:
                self.start_cluster()
                servers.result()
            except BaseException:
                # The other thread gives up too.
                self.ending.set()
                raise

    def start_cluster(self) -> None:
        """Starts Kubernetes, and waits until the node is ready for pods."""
        self.start("etcd", configuration.etcd(self.places))
        self.start("kube-apiserver", configuration.api_server(self.places))
        self.start("containerd", [f"--config={self.places.settings / 'containerd.toml'}"])
        pause = images.write_pause(STATE, configuration.PAUSE)
        self.wait_for("the API server is ready", lambda: self.get("/readyz") == "ok", DEADLINE)
        self.start("kube-controller-manager", configuration.controller_manager(self.places))
        self.start("kube-scheduler", configuration.scheduler(self.places))
        self.wait_for("containerd answers", lambda: self.ctr("version"), DEADLINE)
        self.load_image(pause)
        self.start("kubelet", configuration.kubelet(self.places))
        self.start("kube-proxy", configuration.proxy(self.places))
        self.apply(*configuration.first_objects()["items"])
        self.start("coredns", ["-conf", str(self.places.settings / "Corefile")])
        self.wait_for("the node is ready", self.is_ready, DEADLINE)
        self.wait_for("names are resolved", self.resolves, DEADLINE)
        # The API server refuses pods without it.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self.wait_for("the first service account exists", lambda: self.get(account), DEADLINE)

    def start(self, name: str, arguments: list[str]) -> None:
        """Starts a program in the namespace."""
        command = self.machine.inside([name, *arguments])
        process = Process(name, command, self.logs / f"{name}.log", self.environment)
        process.start()
        self.processes[name] = process

    def is_ready(self) -> bool:
        """Whether the kubelet says that pods can run."""
        conditions = self.get(f"/api/v1/nodes/{configuration.NAME}")["status"]["conditions"]
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def resolves(self) -> bool:
        """Whether CoreDNS has read the Services."""
        return status(f"{self.address}:{configuration.DNS_READY}", "/ready", self.connect) == 200

    def write_settings(self) -> None:
        """Writes the settings files."""
        places, settings = self.places, self.places.settings
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        reserved = max(0, total - self.memory) if self.memory else 0
        registry = self.servers.registry.address
        files = {
            "kubelet.json": json.dumps(configuration.kubelet_settings(places, reserved)),
            "containerd.toml": configuration.containerd_settings(places, prepare.NETWORK_PLUGINS),
            f"registries/{registry}/hosts.toml": configuration.registry_of_containerd(registry),
            "network/10-marquee.conflist": json.dumps(configuration.pod_network(places)),
            "Corefile": configuration.dns_settings(places),
        }
        for user, (name, _) in configuration.USERS.items():
            text = configuration.kubeconfig(name, self.tokens[user], places.keys / "authority.pem")
            files[places.kubeconfig(user).name] = text
        for name, text in files.items():
            (settings / name).parent.mkdir(parents=True, exist_ok=True)
            (settings / name).write_text(text)

    def down(self) -> None:
        """Ends everything in order, and removes it. Steps are taken although others failed."""
        self.ending.set()
        failures: list[str] = []
        with undisturbed():
            for step in (self.collect, self.end, self.machine.clean):
                try:
                    step()
                except (Failure, OSError, ValueError, subprocess.SubprocessError) as error:
                    failures.append(str(error))
            self.machine.release()
        if self.keep_logs:
            print(f"logs: {self.logs}", file=sys.stderr)
        else:
            shutil.rmtree(self.logs, ignore_errors=True)
        if failures:
            raise Failure("; ".join(failures))

    def collect(self) -> None:
        """Writes down what the cluster was like, while the API server still knows."""
        api = self.processes.get("kube-apiserver")
        if not self.keep_logs or api is None or api.pid is None:
            return
        for name, words in {
            "events": ["get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp"],
            "pods": ["describe", "pods", "--all-namespaces"],
            "objects": ["get", "all,pvc,pv,nodes", "--all-namespaces", "--output=wide"],
        }.items():
            with contextlib.suppress(Failure):
                (self.logs / f"{name}.txt").write_text(self.kubectl(*words, seconds=20))

    def end(self) -> None:
        """Ends processes in the order in which none misses another."""
        for name in BEFORE_PODS:
            self.end_process(name)
        self.machine.kill_pods()
        if self.keep_logs:
            for name, text in self.pod_logs().items():
                (self.logs / f"pod-{name.replace('/', '-')}.log").write_text(text)
        self.end_process(AFTER_PODS[0])
        self.machine.kill_inhabitants("containerd-shim")
        for name in AFTER_PODS[1:]:
            self.end_process(name)
        for server in self.servers.all:
            server.stop()

    def end_process(self, name: str) -> None:
        """Ends a program, if it was started."""
        process = self.processes.get(name)
        if process is not None:
            process.stop()


class ApiConnection(Connection):
    """A connection to the API server."""

    context: ssl.SSLContext

    def connect(self) -> None:
        """Opens the connection, and checks the certificate."""
        super().connect()
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)


def message(line: str) -> str:
    """What a container wrote, from a line of its log: time, stream, whether the line is whole, and the text."""
    parts = line.split(" ", 3)
    if len(parts) < 4:
        return line
    return parts[3] if parts[2] == "F" else parts[3].rstrip("\n")


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ignores interrupts for as long as the node is ended: half of it would be left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the node on SIGTERM as on an interrupt at the terminal."""
    raise KeyboardInterrupt


def explain(node: Node) -> str:
    """How to reach a node."""
    script = STATE / "run"
    variables = " ".join(f"{name}='{value}'" for name, value in node.environment.items())
    inside = f"nsenter --net={node.machine.namespace}"
    script.write_text(f'#!/bin/sh\n# Runs a command where the node is.\nexec {inside} env {variables} "$@"\n')
    script.chmod(0o755)
    servers = node.servers
    return "\n".join(
        (
            "the node is up, until this is interrupted:",
            f"  commands   {script} kubectl get pods --all-namespaces",
            f"  registry   {servers.registry.address}",
            f"  Kafka      {servers.kafka.address}",
            f"  Redis      redis://{servers.redis.address}",
            f"  S3         http://{servers.s3.address}, bucket {servers.bucket}, key {servers.access_key}, "
            f"secret {servers.secret_key}",
            f"  logs       {node.logs}",
        )
    )


def up(archives: list[Path]) -> None:
    """Runs a node until this process is interrupted."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    with contextlib.suppress(KeyboardInterrupt), Node() as node:
        for place in archives:
            print(f"imported: {node.load_image(place)}", flush=True)
        print(explain(node), flush=True)
        forever = threading.Event()
        while not forever.wait(1):
            node.watch()


def down() -> None:
    """Removes what a killed run left behind."""
    machine = Machine(configuration.NAME, STATE, configuration.ADDRESS, configuration.GATEWAY)
    machine.acquire()
    machine.clean()
    machine.release()


def main() -> int:
    """Command line: up or down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE.tar", help="images to import")
    arguments = parser.parse_args()
    try:
        if arguments.command == "up":
            up(arguments.images)
        else:
            down()
    except (Failure, prepare.Failure, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
