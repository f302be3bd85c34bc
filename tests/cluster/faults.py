"""Breaks pods in known ways, and writes down what Kubernetes and Marquee then show.

Each fault replaces or ends one pod of a role. The pods before it serve on, because a rollout waits until new pods are
ready. A fault has patterns that the status, the events, `/readyz` or the log must have. So the table in the runbook is
tested: where a message no longer says what happened, the fault fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import configuration
from backends import REGISTRY_PORT
from documents import table, without_chance
from fleet import ADMIN, Fleet, Object, describe, merge, names
from processes import Failure

# Longer than a pod takes to fail for the second time, in seconds.
SHOWN = 120


@dataclass(frozen=True)
class Seen:
    """What a pod shows: its status in a line, its events, `/readyz`, and the lines of its log."""

    pod: str = ""
    events: tuple[str, ...] = ()
    ready: str = ""
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fault:
    """A way to break a pod of a role, and what must then be shown. An empty pattern asks for nothing."""

    name: str
    unit: str
    action: str
    # The change of values that breaks it.
    change: Object = field(default_factory=dict)
    pod: str = ""
    event: str = ""
    ready: str = ""
    log: str = ""

    def row(self, seen: Seen) -> tuple[str, ...] | None:
        """Returns the row of the table, or `None` as long as something is not shown."""
        event, log = last(seen.events, self.event), last(seen.log, self.log)
        has_pod = re.search(self.pod, seen.pod, re.IGNORECASE)
        has_ready = re.search(self.ready, seen.ready, re.IGNORECASE)
        if event is None or log is None or not has_pod or not has_ready:
            return None
        texts = (seen.pod, event, seen.ready if self.ready else "", log)
        return (self.name, *(without_chance(text) or "–" for text in texts), self.action)


HEADER = ("fault", "`kubectl get pod`, `describe`", "event", "`/readyz`", "log", "what to do")


def last(lines: Iterable[str], pattern: str) -> str | None:
    """Returns the last line with a pattern. Without a pattern, returns the last line, or an empty text."""
    found = [line for line in lines if re.search(pattern, line, re.IGNORECASE)]
    return found[-1] if found else (None if pattern else "")


def log_line(line: str) -> str:
    """Returns a line of a log as a person reads it: level, message and error of a JSON line, others unchanged."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line.strip()
    if not isinstance(entry, dict) or "message" not in entry:
        return line.strip()
    details = [f"{key}={entry[key]}" for key in ("error", "cause", "reason", "facility") if entry.get(key)]
    return " ".join([str(entry.get("level", "")), str(entry["message"]), *details]).strip()


def see(fleet: Fleet, pod: Object) -> Seen:
    """Looks at a pod as a person does."""
    name, address = pod["metadata"]["name"], pod.get("status", {}).get("podIP")
    ready = ""
    if address:
        try:
            status, text = fleet.call(address, ADMIN, "GET", "/readyz", seconds=3)
            ready = f"{status} {text.strip()}"
        except (Failure, OSError) as error:
            ready = f"no answer: {error}"
    events = tuple(f"{one.get('reason')}: {one.get('message')}" for one in fleet.events(name))
    return Seen(describe(pod), events, ready, tuple(map(log_line, fleet.log(name).splitlines())))


def expect(fleet: Fleet, fault: Fault, find: Callable[[], Object | None], seconds: float = SHOWN) -> tuple[str, ...]:
    """Waits until a pod shows what a fault must show, and returns the row. A failure says what is shown instead."""
    shown = [Seen()]

    def look() -> tuple[str, ...] | None:
        pod = find()
        if pod is None:
            return None
        shown[0] = see(fleet, pod)
        return fault.row(shown[0])

    try:
        return fleet.wait(f"{fault.name}: the pod says why", look, seconds)
    except Failure as error:
        seen = shown[0]
        text = f"pod: {seen.pod}\nevents: {seen.events[-5:]}\nreadyz: {seen.ready}\nlog: {seen.log[-8:]}"
        raise Failure(f"{error}\nshown at the end:\n{text}") from None


def newest(fleet: Fleet, unit: str, before: Iterable[str]) -> Object | None:
    """Returns the newest pod of a unit that was not there before."""
    known = set(before)
    found = [pod for pod in fleet.pods(unit) if pod["metadata"]["name"] not in known]
    return found[-1] if found else None


def by_values(fleet: Fleet, fault: Fault, seconds: float = SHOWN) -> tuple[str, ...]:
    """Breaks new pods by a change of values, looks at them, and takes the change back."""
    before = names(fleet.pods())
    fleet.apply(merge(fleet.values, fault.change))
    try:
        return expect(fleet, fault, lambda: newest(fleet, fault.unit, before), seconds)
    finally:
        fleet.install(fleet.values)


def role(name: str, **values: object) -> Object:
    """Returns a change of the values of one role."""
    return {"roles": {name: values}}


def memory(mebibytes: int) -> Object:
    """Returns resources with a memory limit, which the request must not exceed."""
    return {"requests": {"memory": f"{mebibytes}Mi"}, "limits": {"memory": f"{mebibytes}Mi"}}


# The process begins with so much memory, and has too little for a training.
OUT_OF_MEMORY = Fault(
    "Killed for memory (OOM)",
    "trainer",
    "Raise `roles.trainer.resources.limits.memory`, and train again: the run ended as failed, \"interrupted by a "
    "restart\".",
    role("trainer", resources=memory(32)),
    pod=r"last end: OOMKilled \(exit code 137\)",
    event="BackOff|Killing|Unhealthy|Started",
)

BY_VALUES = (
    Fault(
        "Image missing",
        "ingest",
        "Correct `image.registry`, `image.tag` or `image.digest`, or push the image. A private registry needs "
        "`imagePullSecrets`.",
        {"image": {"registry": f"{configuration.ADDRESS}:{REGISTRY_PORT}", "tag": "absent"}},
        pod="ImagePullBackOff|ErrImagePull",
        event="Failed to pull image|Back-off pulling image",
    ),
    Fault(
        "Setting that does not exist",
        "trainer",
        "Correct the key in `settings` or `roles.ROLE.settings`; `marquee config --explain` lists all keys.",
        role("trainer", settings={"trainer": {"no_such_setting": 1}}),
        pod="CrashLoopBackOff",
        event="Back-off restarting",
        log="trainer.no_such_setting|no_such_setting",
    ),
    Fault(
        "Setting with a bad value",
        "ingest",
        "Correct the value; the message has its key and what is allowed.",
        role("ingest", settings={"ingest": {"max_batch": "many"}}),
        pod="CrashLoopBackOff",
        event="Back-off restarting",
        log="ingest.max_batch",
    ),
)

OTHER_KEY = {"secrets": {"verifyingKey": {"existingSecret": "marquee-verifying-other"}}}
KEY_OF_TRAINER = Fault(
    "Verifying key of another pair: trainer",
    "trainer",
    "Give `secrets.verifyingKey` the public half of `secrets.signingKey`; `marquee keys fingerprint` compares them.",
    OTHER_KEY,
    pod="CrashLoopBackOff",
    event="Back-off restarting",
    log="verifying_key.*belongs to key",
)
KEY_OF_INFERENCE = Fault(
    "Verifying key of another pair: inference",
    "inference",
    "As for the trainer. Models of a lost key are refused for ever: train them again.",
    OTHER_KEY,
    pod="not ready",
    event="Unhealthy",
    ready="503",
    log="not the signature|by key",
)
KAFKA_AWAY = Fault(
    "Kafka away at the start",
    "ingest",
    "Bring Kafka back, or correct `settings.kafka.bootstrap`. The pod goes on by itself, or Kubernetes starts it "
    "again.",
    pod="not ready|CrashLoopBackOff|last end",
    event="Unhealthy|Back-off restarting|Started",
    log="(warn|error).*(kafka|broker)",
)
CLOCK_OF_INFERENCE = Fault(
    "Clock one hour behind: inference",
    "inference",
    "Set the clock of the node right (NTP). S3 refuses requests whose time is wrong by more than 15 minutes.",
    pod="not ready|CrashLoopBackOff|last end",
    event="Unhealthy|Back-off restarting|Started",
    log="clock of this machine",
)
DRAINED = Fault(
    "Evicted by a drain of its node",
    "monitor",
    "Nothing: the pod ends in order, and its replacement starts. Give roles that must not pause two replicas.",
    pod="EvictionByEvictionAPI",
    log="shutting down|stopped",
)
EVICTED = Fault(
    "Evicted by the kubelet for memory",
    "",
    "The replacement starts by itself. Raise the memory request of what uses more than it asked for, or add a node.",
    pod="Evicted|low on resource",
    event="Evicted",
)
FULL_VOLUME = Fault(
    "Full volume (embedded)",
    "fleet",
    "Make the volume larger, or remove what else is on it. The pod writes again by itself when there is room.",
    pod="not ready",
    event="Unhealthy",
    ready="503.*storage",
    log="no space|full",
)


def as_table(rows: Iterable[tuple[str, ...]]) -> str:
    """Returns the table of the runbook."""
    return table(HEADER, rows)
