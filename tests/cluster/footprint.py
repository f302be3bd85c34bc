"""Measures what pods and the node itself need, idle and working, and proves that one m5.large carries it.

The working set is what the kubelet reports and what limits count. RSS is that of the processes. Both and the processor
time are of the pods; the programs of the node are measured by /proc.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import configuration
from documents import table
from fleet import COMPONENT, Fleet, Object
from load import Load
from node import Node
from processes import Failure

# An m5.large has 8 GiB and 2 processors. Its kernel sees a little less memory. EKS reserves 255 MiB and 11 MiB for each
# of 29 pods, and the kubelet keeps 100 MiB free; of the processors it reserves 70m.
MACHINE, MACHINE_CORES = 7_700, 2.0
RESERVED, THRESHOLD, RESERVED_CORES = 255 + 11 * 29, 100, 0.07
# What the class Node calls `memory`: it subtracts the threshold by itself.
OFFERED = MACHINE - RESERVED
# How long each state is measured, and the pause between two looks, in seconds.
IDLE, WORKING, LOOK = 30, 60, 2
MIB = 1 << 20

# The programs that run on every node. The rest of the node in these tests runs elsewhere in a managed cluster.
NODE_PROGRAMS = ("kubelet", "containerd", "kube-proxy", "coredns")
SAMPLE = re.compile(r"^(\w+)\{(.*)\} ([0-9.e+-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """Memory in bytes, and processor time in seconds since the start."""

    working_set: float
    rss: float
    seconds: float


@dataclass(frozen=True)
class Need:
    """What a workload needed while it was measured: the most memory in MiB, and processors on average."""

    working_set: float
    rss: float
    cores: float

    def __add__(self, other: Need) -> Need:
        return Need(self.working_set + other.working_set, self.rss + other.rss, self.cores + other.cores)


@dataclass(frozen=True)
class Measured:
    """What a profile needed."""

    profile: str
    # The requests of each workload: memory in MiB and processors.
    requests: dict[str, tuple[float, float]]
    idle: dict[str, Need]
    working: dict[str, Need]
    system: Need


def samples(text: str, namespace: str) -> dict[str, dict[str, float]]:
    """Returns the metrics of each pod of a namespace, from the kubelet's page /metrics/resource.

    Those of the containers of a pod are added.
    """
    found: dict[str, dict[str, float]] = {}
    for name, labels, value in SAMPLE.findall(text):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if name.partition("_")[0] in ("pod", "container") and pairs.get("namespace") == namespace and pairs.get("pod"):
            pod = found.setdefault(pairs["pod"], {})
            pod[name] = pod.get(name, 0) + float(value)
    return found


def known(pod: dict[str, float], what: str) -> float | None:
    """Returns a metric of a pod, or of its containers together."""
    return pod.get(f"pod_{what}", pod.get(f"container_{what}"))


def memory(text: str) -> float:
    """Returns a quantity of memory in MiB."""
    for ending, size in {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024}.items():
        if text.endswith(ending):
            return float(text[: -len(ending)]) * size
    return float(text) / MIB


def cores(text: str) -> float:
    """Returns a quantity of processors."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def rss(processes: Iterable[int]) -> float:
    """Returns the resident memory of processes in bytes. One that has ended counts as 0."""
    total = 0
    for process in processes:
        with contextlib.suppress(OSError):
            found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
            total += int(found[1]) * 1024 if found else 0
    return total


def processor_time(processes: Iterable[int]) -> float:
    """Returns the processor time of processes in seconds."""
    ticks = 0
    for process in processes:
        with contextlib.suppress(OSError):
            # The name in parentheses may have blanks.
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def processes_of(node: Node, uid: str) -> set[int]:
    """Returns the processes of a pod."""
    found: set[int] = set()
    for group in node.machine.groups():
        if uid in str(group):
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (group / "cgroup.procs").read_text().split())
    return found


def processes_of_system(node: Node) -> set[int]:
    """Returns the processes that every node has beside its pods."""
    own = {process.pid for name, process in node.processes.items() if name in NODE_PROGRAMS}
    return {pid for pid in own if pid is not None} | node.machine.inhabitants("containerd-shim")


def use(fleet: Fleet) -> dict[str, Usage]:
    """Returns what each workload of a release uses now; pods of one workload are added."""
    text = fleet.node.get(f"/api/v1/nodes/{configuration.NAME}/proxy/metrics/resource")
    metrics = samples(text, fleet.namespace)
    found: dict[str, Usage] = {}
    for pod in fleet.pods():
        name, unit = pod["metadata"]["name"], pod["metadata"]["labels"][COMPONENT]
        working_set = known(metrics.get(name, {}), "memory_working_set_bytes")
        seconds = known(metrics.get(name, {}), "cpu_usage_seconds_total")
        if working_set is None or seconds is None:
            raise Failure(f"the kubelet has no metrics of {name} yet")
        old = found.get(unit, Usage(0, 0, 0))
        resident = rss(processes_of(fleet.node, pod["metadata"]["uid"]))
        found[unit] = Usage(old.working_set + working_set, old.rss + resident, old.seconds + seconds)
    return found


def needs(first: dict[str, Usage], looks: list[dict[str, Usage]], seconds: float) -> dict[str, Need]:
    """Returns the most memory of all looks, and the processors between the first and the last one."""
    found = {}
    for unit, last in looks[-1].items():
        found[unit] = Need(
            max(look[unit].working_set for look in looks) / MIB,
            max(look[unit].rss for look in looks) / MIB,
            (last.seconds - first[unit].seconds) / seconds,
        )
    return found


def observe(fleet: Fleet, seconds: float) -> tuple[dict[str, Need], Need]:
    """Looks at a release for some time. Returns what its workloads and the programs of the node needed."""
    node = fleet.node
    first = fleet.wait("the kubelet has metrics of all pods", lambda: use(fleet), 90)
    began, before = time.monotonic(), processor_time(processes_of_system(node))
    looks: list[dict[str, Usage]] = []
    most = 0.0
    while time.monotonic() < began + seconds:
        looks.append(fleet.wait("the kubelet has metrics of all pods", lambda: use(fleet), 30))
        most = max(most, rss(processes_of_system(node)))
        after = time.monotonic() + LOOK
        node.wait_for("the time passes", lambda: time.monotonic() >= after, LOOK + 30)
    elapsed = time.monotonic() - began
    spent = processor_time(processes_of_system(node)) - before
    return needs(first, looks, elapsed), Need(most / MIB, most / MIB, spent / elapsed)


def requests(fleet: Fleet) -> dict[str, tuple[float, float]]:
    """Returns what the pods of each workload ask the scheduler for."""
    found: dict[str, tuple[float, float]] = {}
    for pod in fleet.pods():
        unit = pod["metadata"]["labels"][COMPONENT]
        mebibytes, share = found.get(unit, (0.0, 0.0))
        for container in pod["spec"]["containers"]:
            asked = container.get("resources", {}).get("requests", {})
            mebibytes += memory(asked.get("memory", "0"))
            share += cores(asked.get("cpu", "0"))
        found[unit] = (mebibytes, share)
    return found


def measure(profile: str, fleet: Fleet, load: Load) -> Measured:
    """Measures a trained release: without requests, and under a load."""
    idle, _ = observe(fleet, IDLE)
    with load:
        load.phase(profile)
        working, system = observe(fleet, WORKING)
        load.finish().check()
    return Measured(profile, requests(fleet), idle, working, system)


def total(found: dict[str, Need]) -> Need:
    """Returns the sum of all workloads."""
    return sum(found.values(), Need(0, 0, 0))


def check(measured: Measured) -> None:
    """Fails unless one m5.large admits the pods with room for an update, and carries what they used."""
    mebibytes = sum(one[0] for one in measured.requests.values()) + max(one[0] for one in measured.requests.values())
    share = sum(one[1] for one in measured.requests.values()) + max(one[1] for one in measured.requests.values())
    room, room_cores = OFFERED - THRESHOLD, MACHINE_CORES - RESERVED_CORES
    used = total(measured.working) + measured.system
    for what, found, limit in (
        ("memory requests with one more pod, MiB", mebibytes, room),
        ("processor requests with one more pod", share, room_cores),
        ("memory in use with that of the node's programs, MiB", used.working_set, MACHINE),
        ("processors in use", used.cores, MACHINE_CORES),
    ):
        if found > limit:
            raise Failure(f"{measured.profile}: {what}: {found:,.2f}, and an m5.large has {limit:,.2f}")


def as_table(all_measured: list[Measured]) -> str:
    """Returns the sizing table."""
    header = ["profile", "workload", "requested", "idle: working set", "RSS", "processors"]
    header += ["working: working set", "RSS", "processors"]
    rows: list[tuple[str, ...]] = []
    for one in all_measured:
        for unit, need in one.working.items():
            asked = "{:,.0f} MiB, {:g}".format(*one.requests[unit])
            rows.append((one.profile, unit, asked, *cells(one.idle[unit]), *cells(need)))
        mebibytes, share = (sum(asked[place] for asked in one.requests.values()) for place in (0, 1))
        asked = f"{mebibytes:,.0f} MiB, {share:g}"
        rows.append((one.profile, "**all pods**", asked, *cells(total(one.idle)), *cells(total(one.working))))
        # The kubelet does not report the working set of these.
        rows.append((one.profile, "programs of the node", "–", "–", "–", "–", "–", *cells(one.system)[1:]))
    return table(header, rows)


def cells(need: Need) -> tuple[str, str, str]:
    """Returns the cells of one need."""
    return f"{need.working_set:,.0f} MiB", f"{need.rss:,.0f} MiB", f"{need.cores:.2f}"


def as_json(one: Measured) -> Object:
    """Returns the figures for other programs."""
    groups = {"idle": one.idle, "working": one.working, "system": {"programs": one.system}}
    return {name: {unit: vars(need) for unit, need in group.items()} for name, group in groups.items()}
