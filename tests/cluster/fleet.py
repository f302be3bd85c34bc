"""A release of the chart on a node: its values, its pods, calls to it, and waits that say why they gave up."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backends import Connection
from node import Node, message
from processes import Failure, Found, run

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "marquee"
sys.path.insert(0, str(ROOT / "tests" / "provision"))
import fetch  # noqa: E402

# The roles of the profile `split`. The operator is no role, and has a Deployment too.
ROLES = ("ingest", "feature-store", "inference", "monitor", "trainer")
UNITS = (*ROLES, "operator")
GRPC, HTTP, ADMIN = 7070, 7080, 7090
COMPONENT = "app.kubernetes.io/component"
# Longer than a healthy rollout of all roles takes on two busy cores, in seconds.
ROLLED_OUT = 300

Object = dict[str, Any]


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> Object:
    """Returns values with a change, merged as Helm merges them: maps by key, everything else replaced."""
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value
    return merged


def is_rolled_out(workload: Object) -> bool:
    """Returns whether all pods of a Deployment or StatefulSet have the last template and are available."""
    status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    is_seen = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    return is_seen and counts == [wanted, wanted, wanted]


def is_ready(pod: Object) -> bool:
    """Returns whether a pod is ready and is not being ended."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def is_alive(pod: Object) -> bool:
    """Returns whether a pod works, or will. Those that were evicted remain, and so do those of `helm test`."""
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    return not ended and pod["metadata"]["labels"][COMPONENT] != "test"


def describe(pod: Object) -> str:
    """Returns the state of a pod in one line."""
    status = pod.get("status", {})
    words = [status.get("reason") or status.get("phase", "no phase")]
    if "deletionTimestamp" in pod["metadata"]:
        words.append("is being ended")
    for condition in status.get("conditions", []):
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            words.append(f"{condition['reason']}: {condition.get('message', '')}")
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            words.append(f"{condition.get('reason', '')}: {condition.get('message', '')}")
    for container in status.get("containerStatuses", []):
        for kind, state in container.get("state", {}).items():
            told = state.get("reason") or kind
            words.append(told if container.get("ready") or kind != "running" else "running, not ready")
            if state.get("message"):
                words.append(state["message"])
        ended = container.get("lastState", {}).get("terminated")
        if ended:
            words.append(f"last end: {ended.get('reason')} (exit code {ended.get('exitCode')})")
        if container.get("restartCount"):
            words.append(f"{container['restartCount']} restarts")
    if status.get("message"):
        words.append(status["message"])
    return "; ".join(words)


def event_time(event: Object) -> str:
    """Returns the time of an event of either API, as text that sorts by time."""
    times = (event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return next((time for time in times if time), "")


class Fleet:
    """A release of the chart in a namespace of its own with restricted Pod Security."""

    def __init__(self, node: Node, program: Path, namespace: str = "marquee", release: str = "marquee") -> None:
        self.node = node
        # The command line `marquee` on this machine.
        self.program = program.resolve()
        self.namespace = namespace
        self.release = release
        self.values: Object = {}
        # Flags of every call of Helm, for example those that name another account.
        self.flags: tuple[str, ...] = ()
        self.token = secrets.token_hex(24)
        # Keys and the token. It is removed with the node.
        self.folder = node.places.root / f"release-{namespace}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "token").write_text(self.token)

    # Installation.

    def make_namespace(self) -> None:
        """Makes the namespace. The API server refuses pods there that are not restricted."""
        self.node.apply(namespace(self.namespace))
        account = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default"
        self.wait(f"{self.namespace} has its first account", lambda: self.node.get(account), 60)

    def make_secrets(self) -> None:
        """Makes the Secrets that the chart names: the token, a pair of keys, and the keys of S3."""
        run([str(self.program), "keys", "generate", "--out", str(self.folder)])
        servers = self.node.servers
        self.node.apply(
            self.secret("marquee-token", {"token": self.token}),
            self.secret("marquee-signing", {"signing.pem": (self.folder / "signing.pem").read_text()}),
            self.secret("marquee-verifying", {"verifying.pem": (self.folder / "verifying.pem").read_text()}),
            self.secret(
                "marquee-s3", {"access-key-id": servers.access_key, "secret-access-key": servers.secret_key}
            ),
        )

    def secret(self, name: str, content: dict[str, str]) -> Object:
        """Returns a Secret of the namespace."""
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content}

    def split_values(self, tag: str) -> Object:
        """Returns the values of the profile `split` on the servers of the node, with images of a tag."""
        servers = self.node.servers
        names = {"token": "token", "signingKey": "signing", "verifyingKey": "verifying", "s3": "s3"}
        return {
            **images(tag),
            "settings": {
                "kafka": {"bootstrap": servers.kafka.address, "replication": 1, "min_insync_replicas": 1},
                "redis": {"urls": [f"redis://{servers.redis.address}"]},
                "s3": {
                    # A prefix for each namespace, so that two releases do not share models.
                    "url": f"s3://{servers.bucket}/{self.namespace}",
                    "endpoint": f"http://{servers.s3.address}",
                    "allow_http": True,
                    "region": "us-east-1",
                },
            },
            "secrets": {key: {"existingSecret": f"marquee-{name}"} for key, name in names.items()},
        }

    def apply(self, values: Object) -> None:
        """Installs the release with values, or upgrades it to them. Does not wait for pods."""
        words = ["upgrade", "--install", self.release, str(CHART), "--namespace", self.namespace, "-f", "-"]
        self.node.helm(*words, *self.flags, input=json.dumps(values))

    def test(self) -> str:
        """Runs `helm test`, which asks each role whether it serves."""
        words = ("test", self.release, "--namespace", self.namespace, "--timeout", "2m")
        try:
            return self.node.helm(*words, *(flag for flag in self.flags if flag.startswith("--kube")))
        except Failure as error:
            raise Failure(f"{error}\n{self.explain()}") from None

    def install(self, values: Object, seconds: float = ROLLED_OUT) -> None:
        """Installs or upgrades the release, keeps the values, and waits until all pods are ready."""
        self.apply(values)
        self.values = values
        self.wait_until_rolled_out(seconds)

    # What is there.

    def objects(self, path: str, selector: str = "") -> list[Object]:
        """Returns the objects of the release in a list of the API, for example `api/v1/…/pods` by its last word."""
        group = {"pods": "api/v1", "events": "api/v1", "deployments": "apis/apps/v1", "statefulsets": "apis/apps/v1"}
        query = f"?labelSelector={quote(selector)}" if selector else ""
        return self.node.get(f"/{group[path]}/namespaces/{self.namespace}/{path}{query}")["items"]

    def pods(self, unit: str = "") -> list[Object]:
        """Returns the pods of the release or of one unit, the oldest first. Those that have ended do not count."""
        selector = f"app.kubernetes.io/instance={self.release}" + (f",{COMPONENT}={unit}" if unit else "")
        found = [pod for pod in self.objects("pods", selector) if is_alive(pod)]
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def workloads(self) -> list[Object]:
        """Returns the Deployments and StatefulSets of the release."""
        selector = f"app.kubernetes.io/instance={self.release}"
        return self.objects("deployments", selector) + self.objects("statefulsets", selector)

    def events(self, name: str = "") -> list[Object]:
        """Returns events of the namespace or about one object, the oldest first."""
        found = [one for one in self.objects("events") if not name or one["involvedObject"].get("name") == name]
        return sorted(found, key=event_time)

    def log(self, pod: str, lines: int = 40) -> str:
        """Returns the last lines of a pod, with those of containers that ended before."""
        found: list[str] = []
        logs = self.node.places.pod_logs.glob(f"{self.namespace}_{pod}_*/*/*.log")
        for log in sorted(logs, key=lambda place: (place.parent, int(place.stem))):
            found += log.read_text(errors="replace").splitlines(keepends=True)[-lines:]
        return "".join(map(message, found[-lines:]))

    def explain(self) -> str:
        """Returns the state of all pods, the last events, and the last log lines of pods that are not ready."""
        pods = self.objects("pods")
        lines = [f"  {pod['metadata']['name']}: {describe(pod)}" for pod in pods]
        for one in self.events()[-12:]:
            lines.append(f"  {one['involvedObject'].get('name')}: {one.get('reason')}: {one.get('message')}")
        for pod in pods:
            if not is_ready(pod):
                name = pod["metadata"]["name"]
                lines += [f"  log of {name}:", *(f"    {line}" for line in self.log(name, 5).splitlines())]
        return "\n".join(lines)

    # Waits.

    def wait(self, description: str, function: Callable[[], Found], seconds: float) -> Found:
        """Waits as the node does. A failure also says how the pods are."""
        try:
            return self.node.wait_for(description, function, seconds)
        except Failure as error:
            try:
                state = self.explain()
            except (Failure, OSError, LookupError, ValueError) as other:
                state = f"  the pods are unknown: {other}"
            raise Failure(f"{error}\n{state}") from None

    def wait_until_rolled_out(self, seconds: float = ROLLED_OUT) -> None:
        """Waits until all workloads have the pods that they should have, and pods that end are gone."""

        def settled() -> bool:
            workloads = self.workloads()
            gone = all("deletionTimestamp" not in pod["metadata"] for pod in self.pods())
            return bool(workloads) and all(map(is_rolled_out, workloads)) and gone

        self.wait(f"{self.namespace}: all pods are ready", settled, seconds)

    def wait_until_gone(self, pod: str, seconds: float = 120) -> None:
        """Waits until a pod is gone, and its replacement is ready."""

        def gone() -> bool:
            return all(one["metadata"]["name"] != pod for one in self.objects("pods"))

        self.wait(f"{pod} is gone", gone, seconds)
        self.wait_until_rolled_out(seconds)

    # Calls.

    def service(self, name: str) -> str:
        """Returns the address of a Service of the release."""
        path = f"/api/v1/namespaces/{self.namespace}/services/{self.release}-{name}"
        return self.node.get(path)["spec"]["clusterIP"]

    def command(self, service: str, *words: str) -> list[str]:
        """Returns the command that calls a Service by `marquee`."""
        port = ADMIN if service.endswith("-admin") else GRPC
        address = f"http://{self.service(service)}:{port}"
        return [str(self.program), *words, "--grpc", address, "--token-file", str(self.folder / "token"), "--json"]

    def cli(self, service: str, *words: str, seconds: float = 300) -> Any:
        """Runs `marquee` where the node is, against a Service. Returns the JSON that it printed, or the text."""
        command = self.node.machine.inside(self.command(service, *words))
        text = run(command, seconds=seconds, env=self.node.environment)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def call(
        self, host: str, port: int, method: str, path: str, body: Any = None, seconds: float = 10
    ) -> tuple[int, str]:
        """Sends a request by HTTP with the token. Returns the status and the text of the answer."""
        return Connection(f"{host}:{port}", self.node.connect, seconds).ask(method, path, body, self.token)

    def predicted_by(self, service: str = "inference") -> str:
        """Returns the version that predicts for a user."""
        body = {"userId": "20", "movieIds": ["50"]}
        status, text = self.call(self.service(service), HTTP, "POST", "/v1/predict", body)
        if status != 200:
            raise Failure(f"a prediction: {status} {text[:300]}")
        return json.loads(text)["provenance"]["version"]

    def import_ratings(self, service: str = "ingest") -> Any:
        """Imports MovieLens 100K. Pods are ready a moment before the rules of the network lead to them."""
        address = self.service(service)

        def is_reached() -> bool:
            self.node.connect(address, GRPC).close()
            return True

        self.wait(f"the Service {service} leads to a pod", is_reached, 30)
        return self.cli(service, "import", str(fetch.where("movielens", fetch.cache_folder())), seconds=300)

    def last_training(self, service: str = "trainer-admin") -> Any:
        """Returns the newest training run."""
        return self.cli(service, "train", "list", "--limit", "1", seconds=30)[0]

    @contextlib.contextmanager
    def training(self, algorithm: str, service: str = "trainer-admin") -> Iterator[None]:
        """Asks for a training, and does not wait for its end. Nobody watches it after the block."""
        command = self.command(service, "train", "--algorithm", algorithm)
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        watcher = self.node.run_in_namespace(command, **streams)
        try:
            yield
        finally:
            watcher.kill()
            watcher.wait()

    def train(self, algorithm: str, service: str = "trainer-admin") -> Any:
        """Trains and publishes a version."""
        return self.cli(service, "train", "--algorithm", algorithm, seconds=300)


def namespace(name: str) -> Object:
    """Returns a namespace that accepts restricted pods only."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def restricted(name: str, namespace: str, image: str, arguments: list[str]) -> Object:
    """Returns a pod that runs once, and that restricted Pod Security accepts."""
    container = {
        "name": name,
        "image": image,
        "args": arguments,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    identity = {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 5,
            "securityContext": {**identity, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }


def images(tag: str) -> Object:
    """Returns the values of images of a tag that were imported into the node."""
    return {
        "image": {"registry": "localhost", "tag": tag, "pullPolicy": "IfNotPresent"},
        "operator": {"image": {"tag": tag}},
    }


def names(pods: Iterable[Object]) -> list[str]:
    """Returns the names of pods."""
    return [pod["metadata"]["name"] for pod in pods]
