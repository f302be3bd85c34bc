"""A pod that asks for predictions and rates at fixed rates, and counts what became of each request.

The program is `cluster-load` of tests/src. It listens for commands on port 7070 and repeats only UNAVAILABLE. When it
is told to end, it asks the feature store for all its users, and prints whether each acknowledged rating counts once.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from documents import table
from fleet import Fleet, Object, is_ready, namespace, restricted
from load_image import REFERENCE as IMAGE
from processes import Failure

NAMESPACE, NAME, PORT = "shop", "load", 7070
PREDICTIONS, RATINGS = 300, 200
# What must not be found when a load ends, by its names in the summary.
CHECKED = {
    "lost": "acknowledged ratings are lost",
    "double": "ratings count more than once",
    "wrong": "ratings count with another value",
    "unchecked_users": "users could not be checked",
}
# How long a load may take to end: it waits for requests in flight, and reads every user back. In seconds.
SUMMARY = 180


@dataclass(frozen=True)
class Counts:
    """What became of one kind of request in one phase. Latencies are in milliseconds, absent without answers."""

    sent: int
    answered: int
    failed: int
    retried: int
    p50: float | None
    p99: float | None

    @classmethod
    def read(cls, found: Object) -> Counts:
        """Reads the counts of the program."""
        latency = found.get("latency_ms") or {}
        return cls(
            int(found["sent"]),
            int(found["answered"]),
            int(found["failed"]),
            int(found.get("retried_attempts", 0)),
            latency.get("p50"),
            latency.get("p99"),
        )


@dataclass(frozen=True)
class Phase:
    """One phase of a load."""

    name: str
    seconds: float
    predictions: Counts
    ratings: Counts


@dataclass(frozen=True)
class Summary:
    """What a load has counted so far, in all its phases."""

    phases: tuple[Phase, ...]
    # How the feature store differs from what was acknowledged.
    differences: tuple[str, ...]
    # The whole text, for a person who looks for the reason of a failure.
    text: str

    @classmethod
    def read(cls, text: str) -> Summary:
        """Reads the answer of the program."""
        found = json.loads(text)
        phases = tuple(
            Phase(one["name"], float(one["seconds"]), Counts.read(one["predictions"]), Counts.read(one["ratings"]))
            for one in found["phases"]
        )
        checked = found.get("ledger") or {}
        if not CHECKED.keys() <= checked.keys():
            raise Failure("the summary of the load has no check of its ratings: it did not end in order")
        bad = tuple(f"{checked[key]} {words}" for key, words in CHECKED.items() if checked[key])
        if not found["ok"]:
            bad += ("the load ended with an error",)
        return cls(phases, bad, text)

    def complaints(self) -> list[str]:
        """Returns what must not have happened: a failed request, a lost rating, one that counts twice."""
        found = []
        for phase in self.phases:
            for kind, counts in (("predictions", phase.predictions), ("ratings", phase.ratings)):
                if counts.failed:
                    found.append(f"{phase.name}: {counts.failed} of {counts.sent} {kind} failed")
        found += self.differences
        if not any(phase.predictions.answered and phase.ratings.answered for phase in self.phases):
            found.append("nothing was answered, so nothing is proved")
        return found

    def check(self) -> None:
        """Fails if something happened that must not."""
        found = self.complaints()
        if found:
            raise Failure(f"the load has complaints: {'; '.join(found)}\n{self.text[:4000]}")

    def as_table(self) -> str:
        """Returns the phases as a table."""
        header = ["phase", "s", "predictions", "failed", "p50 ms", "p99 ms", "ratings", "failed", "p50 ms", "p99 ms"]
        rows = (
            (phase.name, f"{phase.seconds:.0f}", *cells(phase.predictions), *cells(phase.ratings))
            for phase in self.phases
        )
        return table(header, rows)


def cells(counts: Counts) -> tuple[str, ...]:
    """Returns the cells of a kind of request."""
    times = tuple("–" if time is None else f"{time:.1f}" for time in (counts.p50, counts.p99))
    return (f"{counts.answered:,}", str(counts.failed), *times)


def manifest(fleet: Fleet, ingest: str, inference: str, features: str, rates: tuple[int, int]) -> Object:
    """Returns the pod."""
    here = f"{fleet.namespace}.svc.cluster.local"

    def address(service: str) -> str:
        """A headless Service is asked for all its pods; the load spreads each call over them."""
        scheme = "dns:///" if service.endswith("-headless") else "http://"
        return f"{scheme}{fleet.release}-{service}.{here}:7070"

    arguments = [
        f"--listen=0.0.0.0:{PORT}",
        f"--ingest={address(ingest)}",
        f"--inference={address(inference)}",
        f"--feature-store={address(features)}",
        "--token-file=/etc/load/token",
        # Longer than a node with two processors takes to start several pods at once.
        "--deadline=10",
        "--in-flight=5000",
        f"--predictions-per-second={rates[0]}",
        f"--ratings-per-second={rates[1]}",
        # A fleet that had a load knows its users, so each load has others.
        f"--seed={secrets.randbelow(1 << 31)}",
    ]
    pod = restricted(NAME, NAMESPACE, IMAGE, arguments)
    container = pod["spec"]["containers"][0]
    container["imagePullPolicy"] = "Never"
    container["ports"] = [{"name": "control", "containerPort": PORT}]
    container["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": "control"}, "periodSeconds": 1}
    container["volumeMounts"] = [{"name": "token", "mountPath": "/etc/load", "readOnly": True}]
    pod["spec"]["volumes"] = [{"name": "token", "secret": {"secretName": "load-token", "defaultMode": 0o440}}]
    return pod


class Load:
    """A running load on a fleet. `with Load(fleet) as load:` ends it with the block."""

    def __init__(
        self,
        fleet: Fleet,
        ingest: str = "ingest-headless",
        inference: str = "inference-headless",
        features: str = "feature-store-headless",
        rates: tuple[int, int] = (PREDICTIONS, RATINGS),
    ) -> None:
        self.fleet = fleet
        self.node = fleet.node
        self.pod = manifest(fleet, ingest, inference, features, rates)
        self.address = ""

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the pod, and waits until requests of both kinds were answered."""
        self.node.apply(namespace(NAMESPACE))
        account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
        self.node.wait_for(f"{NAMESPACE} has its first account", lambda: self.node.get(account), 60)
        metadata = {"name": "load-token", "namespace": NAMESPACE}
        token = {"token": self.fleet.token}
        self.node.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": token})
        self.stop()
        self.node.apply(self.pod)
        try:
            found = self.node.wait_for("the load is ready", self.look, 120)
        except Failure as error:
            raise Failure(f"{error}\n{self.log()}\n{self.fleet.explain()}") from None
        self.address = found["status"]["podIP"]

    def look(self) -> Object | None:
        """Returns the pod if it is ready."""
        found = self.node.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{NAME}")
        if found["status"].get("phase") in ("Failed", "Succeeded"):
            raise Failure(f"the load has ended: {found['status'].get('containerStatuses')}")
        return found if is_ready(found) else None

    def log(self, lines: int | None = 20) -> str:
        """Returns the last lines of the pod, or all of them."""
        texts = [text for name, text in self.node.pod_logs().items() if name.startswith(f"{NAMESPACE}/{NAME}/")]
        return "\n".join("".join(texts).splitlines()[-(lines or 0) :])

    def stop(self) -> None:
        """Ends the pod."""
        words = ["delete", "pod", NAME, "--namespace", NAMESPACE, "--ignore-not-found", "--wait", "--timeout=60s"]
        self.node.kubectl(*words)

    def command(self, method: str, path: str, seconds: float = 10) -> str:
        """Sends a command to the load, and returns its answer."""
        status, text = self.fleet.call(self.address, PORT, method, path, seconds=seconds)
        if status != 200:
            raise Failure(f"the load: {method} {path}: {status} {text[:500]}\n{self.log()}")
        return text

    def phase(self, name: str) -> None:
        """Begins a phase: requests that become due from now on belong to it."""
        self.command("POST", f"/phase?name={quote(name)}")

    def finish(self) -> Summary:
        """Ends the load, and waits until it has compared its ratings with those that the feature store has."""
        status, text = self.fleet.call(self.address, PORT, "POST", "/stop")
        if status >= 300:
            raise Failure(f"the load: POST /stop: {status} {text[:500]}\n{self.log()}")
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{NAME}"

        def ended() -> bool:
            return self.node.get(path)["status"].get("phase") in ("Succeeded", "Failed")

        try:
            self.node.wait_for("the load ends", ended, SUMMARY)
            # The last line may reach the file a moment after the end.
            return self.node.wait_for("the load has a summary", lambda: last_summary(self.log(None)), 10)
        except Failure as error:
            raise Failure(f"{error}\n{self.log()}\n{self.fleet.explain()}") from None


def last_summary(log: str) -> Summary | None:
    """Returns the summary that a load printed when it ended."""
    found = [line for line in log.splitlines() if line.startswith('{"') and '"phases"' in line]
    return Summary.read(found[-1]) if found else None
