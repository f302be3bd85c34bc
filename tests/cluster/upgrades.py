"""What operators do to a fleet under load: upgrades, deleted pods, evictions, scaling. No request may fail."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fleet import Fleet, Object, UNITS, images, merge, names
from load import PREDICTIONS, RATINGS, Load, Summary
from processes import LOOK, Failure

# How long an eviction may be refused before the budget lets it through, in seconds.
ALLOWED = 180
# How long the load goes on after each disturbance: long enough for late failures to show, in seconds.
CALM = 5

# Two pods of each role that clients and roles call.
REPLICAS = {"ingest": 2, "feature-store": 2, "inference": 2}
# The memory limits of the chart in bytes, in a form from which the chart computes no `server.answer_budget`: the
# previous release does not know that setting, and refuses a file that has it.
LIMITS = {"ingest": "671e6", "feature-store": "805e6", "inference": "1610e6", "monitor": "939e6", "trainer": "2147e6"}


def under_load() -> Object:
    """Returns the change of values for a fleet that is disturbed under load, by releases of two ages.

    Requests for processor time are small, because two cores must admit four pods of a role.
    """
    roles: Object = {}
    for name, limit in LIMITS.items():
        resources = {"requests": {"cpu": "50m"}, "limits": {"memory": limit}}
        roles[name] = {"replicas": REPLICAS.get(name, 1), "resources": resources}
    return {"roles": roles}


@dataclass(frozen=True)
class Evicted:
    """A pod that was evicted, and how often the budget refused it before."""

    pod: str
    refusals: int


def evict(
    pod: str, attempt: Callable[[], tuple[int, str]], seconds: float = ALLOWED, pause: float = LOOK
) -> Evicted:
    """Evicts a pod as `kubectl drain` does: a refusal by the budget (429) is repeated until it is allowed.

    `attempt` asks for the eviction, and returns the status and the text of the answer. A pod that is gone counts.
    """
    deadline = time.monotonic() + seconds
    refusals = 0
    while True:
        status, text = attempt()
        if status in (200, 201, 404):
            return Evicted(pod, refusals)
        if status != 429:
            raise Failure(f"{pod}: the eviction was answered {status}: {text[:300]}")
        refusals += 1
        if time.monotonic() >= deadline:
            raise Failure(f"{pod}: the budget refuses the eviction for {seconds:g} s: {text[:300]}")
        time.sleep(pause)


def ask_for_eviction(fleet: Fleet, pod: str) -> tuple[int, str]:
    """Asks the Eviction API for one pod."""
    metadata = {"name": pod, "namespace": fleet.namespace}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    return fleet.node.ask("POST", f"/api/v1/namespaces/{fleet.namespace}/pods/{pod}/eviction", body)


def calm(fleet: Fleet) -> None:
    """Lets the load go on for a while, and notices a program of the node that ends."""
    deadline = time.monotonic() + CALM
    fleet.node.wait_for("the load goes on", lambda: time.monotonic() >= deadline, CALM + 30)


def upgrade(fleet: Fleet, load: Load, tag: str, name: str) -> None:
    """Upgrades all roles and the operator to the images of a tag, and waits until they are ready."""
    load.phase(name)
    fleet.install(merge(fleet.values, images(tag)))
    running = [(names([pod])[0], image) for pod in fleet.pods() for image in images_of(pod)]
    wrong = [f"{pod} runs {image}" for pod, image in running if not image.endswith(f":{tag}")]
    if wrong:
        raise Failure(f"{name}: {'; '.join(wrong)}")
    calm(fleet)


def images_of(pod: Object) -> list[str]:
    """Returns the images of the containers of a pod."""
    return [container["image"] for container in pod["spec"]["containers"]]


def delete_pods(fleet: Fleet, load: Load) -> None:
    """Deletes one pod of each role and of the operator, one after the other."""
    for unit in UNITS:
        load.phase(f"delete a pod: {unit}")
        pod = names(fleet.pods(unit))[0]
        fleet.node.kubectl("delete", "pod", pod, "--namespace", fleet.namespace, "--wait=false")
        fleet.wait_until_gone(pod)
        calm(fleet)


def evict_pods(fleet: Fleet, load: Load) -> list[Evicted]:
    """Evicts every pod that the fleet has at the beginning, role by role. Returns what the budgets refused.

    The pods of a role are evicted without a wait in between, as a drain of their node does. So the budget of a role
    with two pods must refuse the second one until the first is replaced.
    """
    found = []
    for unit in UNITS:
        load.phase(f"evict all pods: {unit}")
        for pod in names(fleet.pods(unit)):
            found.append(evict(pod, partial(ask_for_eviction, fleet, pod)))
        fleet.wait_until_rolled_out()
        refused = sum(one.refusals for one in found if f"-{unit}-" in one.pod)
        if unit in REPLICAS and refused == 0:
            raise Failure(f"{unit}: its budget refused no eviction, although all its pods were evicted at once")
        calm(fleet)
    return found


def scale(fleet: Fleet, load: Load) -> None:
    """Scales inference and ingest from two pods to four and back."""
    for unit in ("inference", "ingest"):
        for replicas in (4, 2):
            load.phase(f"scale to {replicas}: {unit}")
            deployment = f"deployment/{fleet.release}-{unit}"
            fleet.node.kubectl("scale", deployment, "--namespace", fleet.namespace, f"--replicas={replicas}")
            fleet.wait_until_rolled_out()
            calm(fleet)


def run(
    fleet: Fleet, present: str = "test", other: str = "previous", rates: tuple[int, int] = (PREDICTIONS, RATINGS)
) -> tuple[Summary, list[Evicted]]:
    """Disturbs a fleet under load in all ways, and returns what the load counted. Fails if a request failed.

    The fleet must be trained. It ends on the present release, with two pods of some roles.
    """
    fleet.install(merge(merge(fleet.values, under_load()), images(present)))
    with Load(fleet, rates=rates) as load:
        load.phase("undisturbed")
        calm(fleet)
        for number in (1, 2):
            upgrade(fleet, load, other, f"upgrade {number}: {present} → {other}")
            upgrade(fleet, load, present, f"upgrade {number}: {other} → {present}")
        delete_pods(fleet, load)
        evicted = evict_pods(fleet, load)
        scale(fleet, load)
        load.phase("undisturbed at the end")
        calm(fleet)
        summary = load.finish()
    print(summary.as_table(), flush=True)
    summary.check()
    return summary, evicted


def as_json(summary: Summary, evicted: list[Evicted]) -> Object:
    """Returns the figures for other programs."""
    return {"load": json.loads(summary.text), "refused_evictions": {one.pod: one.refusals for one in evicted}}
