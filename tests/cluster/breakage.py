"""The faults that need more than a change of values: another key, Kafka away, a wrong clock, a full disk, evictions."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import faults
import upgrades
from documents import without_chance
from faults import by_values, expect, newest, see
from fleet import HTTP, Fleet, Object, is_ready, merge, names
from node import Node
from one_pod import OnePod
from processes import Failure, run

HERE = Path(__file__).resolve().parent
# What a full disk has left, in bytes: the next writes take it.
LEFT = 256 << 10
# An hour, in seconds.
BEHIND = -3600
Row = tuple[str, ...]


def out_of_memory(fleet: Fleet) -> list[Row]:
    """Gives the trainer less memory than a training needs. The run must end as failed. With enough, the next works."""
    fault, values = faults.OUT_OF_MEMORY, fleet.values
    fleet.install(merge(values, fault.change))
    try:
        with fleet.training("map"):
            row = expect(fleet, fault, lambda: newest(fleet, fault.unit, ()))
    finally:
        fleet.install(values)
    fleet.wait("the run has failed", lambda: "interrupted" in fleet.last_training()["message"], 60)
    fleet.train("map")
    return [row]


def wrong_key(fleet: Fleet) -> list[Row]:
    """Gives inference and the trainer the public half of another pair."""
    with tempfile.TemporaryDirectory() as folder:
        run([str(fleet.program), "keys", "generate", "--out", folder])
        public = {"verifying.pem": Path(folder, "verifying.pem").read_text()}
    fleet.node.apply(fleet.secret("marquee-verifying-other", public))
    before = names(fleet.pods())
    fleet.apply(merge(fleet.values, faults.OTHER_KEY))
    try:
        return [
            expect(fleet, fault, partial(newest, fleet, fault.unit, before))
            for fault in (faults.KEY_OF_TRAINER, faults.KEY_OF_INFERENCE)
        ]
    finally:
        fleet.install(fleet.values)


def kafka_away(fleet: Fleet) -> list[Row]:
    """Starts a pod while Kafka is away. It must become ready by itself when Kafka is back."""
    fault, kafka = faults.KAFKA_AWAY, fleet.node.servers.kafka
    before = names(fleet.pods())
    kafka.stop()
    try:
        words = ("rollout", "restart", f"deployment/{fleet.release}-{fault.unit}", "--namespace", fleet.namespace)
        fleet.node.kubectl(*words)
        row = expect(fleet, fault, partial(newest, fleet, fault.unit, before))
    finally:
        kafka.start(fleet.node.watch)
    fleet.wait_until_rolled_out()
    return [row]


def wrong_clock(fleet: Fleet) -> list[Row]:
    """Starts pods whose clock is an hour behind that of the servers and clients.

    Only the time of day of these pods is wrong: a library in front of the C library's answers it (clock.c).
    """
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "clock.so")
        run(["gcc", "-shared", "-fPIC", "-Os", "-s", "-Wall", "-Werror", "-o", str(library), str(HERE / "clock.c")])
        content = base64.b64encode(library.read_bytes()).decode()
    metadata = {"name": "clock", "namespace": fleet.namespace}
    binary = {"clock.so": content}
    fleet.node.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": binary})
    wrong = {
        "extraEnv": [
            {"name": "LD_PRELOAD", "value": "/etc/clock/clock.so"},
            {"name": "CLOCK_SHIFT", "value": str(BEHIND)},
        ],
        "extraVolumes": [{"name": "clock", "configMap": {"name": "clock"}}],
        "extraVolumeMounts": [{"name": "clock", "mountPath": "/etc/clock", "readOnly": True}],
    }
    inference = by_values(fleet, replace(faults.CLOCK_OF_INFERENCE, change=faults.role("inference", **wrong)))
    return [inference, clock_of_ingest(fleet, faults.role("ingest", **wrong))]


def clock_of_ingest(fleet: Fleet, change: Object) -> Row:
    """Returns the row of an ingest pod that is an hour behind. It is ready, and refuses ratings of this moment."""
    before = names(fleet.pods())
    fleet.apply(merge(fleet.values, change))
    try:
        pod = fleet.wait("ingest with a wrong clock is ready", lambda: ready(newest(fleet, "ingest", before)), 120)
        now = datetime.now(timezone.utc).isoformat()
        body = {"userId": "clock", "movieId": "50", "rating": 4, "ratedAt": now}
        status, text = fleet.call(pod["status"]["podIP"], HTTP, "POST", "/v1/ratings", body)
        if status != 400 or "in the future" not in text:
            raise Failure(f"ingest with a wrong clock answers {status}: {text[:300]}")
        told = json.loads(text)["error"]["message"]
        action = "Set the clock of the node right (NTP). Clients see this message; the pod itself cannot know it."
        seen = see(fleet, pod)
        answer = without_chance(f"answer to a client: {told}")
        return ("Clock one hour behind: ingest", seen.pod, "–", seen.ready.split()[0], answer, action)
    finally:
        fleet.install(fleet.values)


def ready(pod: Object | None) -> Object | None:
    """Returns a pod if it is ready."""
    return pod if pod is not None and is_ready(pod) else None


def drained(fleet: Fleet) -> list[Row]:
    """Evicts a pod through the Eviction API, and looks at it while it ends."""
    fault = faults.DRAINED
    pod = names(fleet.pods(fault.unit))[0]
    upgrades.evict(pod, partial(upgrades.ask_for_eviction, fleet, pod))
    path = f"/api/v1/namespaces/{fleet.namespace}/pods/{pod}"
    row = expect(fleet, fault, lambda: fleet.node.get(path), 30)
    fleet.wait_until_gone(pod)
    return [row]


@contextlib.contextmanager
def without_memory(node: Node) -> Iterator[None]:
    """Lets the kubelet believe that the node has too little memory left: it asks for more than there is.

    The kubelet is started again with another threshold, and afterwards with its own one. Pods go on meanwhile.
    """
    place, kubelet = node.places.settings / "kubelet.json", node.processes["kubelet"]
    kept = place.read_text()
    settings = json.loads(kept)
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    # A hard threshold would leave the node no memory to offer, and running pods would be refused.
    settings["evictionSoft"] = {"memory.available": f"{total - 256}Mi"}
    settings["evictionSoftGracePeriod"] = {"memory.available": "1s"}
    settings["evictionMaxPodGracePeriod"] = 5

    def restart(text: str) -> None:
        kubelet.stop()
        place.write_text(text)
        kubelet.start()

    restart(json.dumps(settings))
    try:
        yield
    finally:
        restart(kept)
        node.wait_for("the node has memory again", lambda: not is_pressed(node), 120)


def is_pressed(node: Node) -> bool:
    """Returns whether the node says that it lacks memory, or keeps pods away for that."""
    found = node.get("/api/v1/nodes")["items"][0]
    pressed = any(one["type"] == "MemoryPressure" and one["status"] != "False" for one in found["status"]["conditions"])
    return pressed or any("memory-pressure" in taint["key"] for taint in found["spec"].get("taints", []))


def evicted(fleet: Fleet) -> list[Row]:
    """Lets the kubelet evict a pod, and looks at what remains of it.

    The kubelet begins with pods that use the most beyond their request, so inference asks for next to nothing.
    """
    fleet.apply(merge(fleet.values, faults.role("inference", resources={"requests": {"memory": "1Mi"}})))
    fleet.wait_until_rolled_out()

    def find() -> Object | None:
        found = [pod for pod in fleet.objects("pods") if pod["status"].get("reason") == "Evicted"]
        return found[0] if found else None

    with without_memory(fleet.node):
        row = expect(fleet, faults.EVICTED, find, 120)
    for phase in ("Failed", "Succeeded"):
        fleet.node.kubectl("delete", "pods", "--namespace", fleet.namespace, f"--field-selector=status.phase={phase}")
    fleet.install(fleet.values)
    return [row]


def full_volume(one_pod: OnePod) -> list[Row]:
    """Fills the volume of the embedded profile. The pod must go on by itself when there is room again."""
    fleet, filler = one_pod.fleet, one_pod.place / "filler"
    find = partial(first, fleet)
    numbers = iter(range(1 << 30))
    try:
        fill(filler)

        def look() -> Object | None:
            # Only what is written shows that there is no room. A full segment of the log takes a few batches.
            one_pod.rate(f"full-{next(numbers)}")
            return find()

        row = expect(fleet, faults.FULL_VOLUME, look)
    finally:
        filler.unlink(missing_ok=True)
    fleet.wait("the pod writes again", lambda: ready(find()), 120)
    return [row]


def first(fleet: Fleet) -> Object | None:
    """Returns the first pod of a release."""
    pods = fleet.pods()
    return pods[0] if pods else None


def fill(filler: Path) -> None:
    """Takes all room of a disk that its users have. Room for root alone is left."""
    disk = os.statvfs(filler.parent)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - LEFT)


def run_all(fleet: Fleet, one_pod: OnePod) -> list[Row]:
    """Breaks pods in all ways, one after the other. The fleet must be trained, and is whole again afterwards."""
    rows: list[Row] = []
    # Small requests for processor time let the node admit a broken pod of every role beside the others.
    fleet.install(merge(fleet.values, upgrades.under_load()))
    # The kubelet's own evictions are last: they may hit any pod.
    for step in (out_of_memory, simple, wrong_key, kafka_away, wrong_clock, drained):
        rows += timed(step.__name__, partial(step, fleet))
    rows += timed("full_volume", partial(full_volume, one_pod))
    rows += timed("evicted", partial(evicted, fleet))
    return rows


def simple(fleet: Fleet) -> list[Row]:
    """Breaks pods by values alone."""
    return [by_values(fleet, fault) for fault in faults.BY_VALUES]


def timed(name: str, step: partial[list[Row]]) -> list[Row]:
    """Runs a step, and prints its name and time."""
    began = time.monotonic()
    rows = step()
    print(f"   {name.replace('_', ' ')}: {time.monotonic() - began:.0f} s", flush=True)
    return rows
