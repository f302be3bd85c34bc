"""Load on a server by h2load, and the processor time of the server's processes.

h2load sends one recorded body again and again. It counts what HTTP answers with 200, which a failed gRPC call does too,
so the bytes of the answers are compared with what a good answer has.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

# How many connections share the requests in flight. More are used only if there are fewer streams than this.
MOST_CONNECTIONS = 4


class Unavailable(Exception):
    """Why something cannot run or cannot be measured here."""


@dataclass(frozen=True)
class Result:
    """What one load found. Times in milliseconds, processor time of the server in microseconds a request."""

    requests: int
    failed: int
    rate: float
    p50: float
    p99: float
    cost: float = 0.0


@dataclass(frozen=True)
class Target:
    """What is sent where."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    is_grpc: bool = True
    # The bytes of a good answer's body.
    answer: int = 0


def connections(in_flight: int, is_grpc: bool) -> tuple[int, int]:
    """Returns the number of connections and of streams on each. A connection of HTTP/1.1 has one request at a time."""
    clients = min(in_flight, MOST_CONNECTIONS) if is_grpc else in_flight
    return clients, in_flight // clients


def command(target: Target, in_flight: int, seconds: float, body: Path, log: Path) -> list[str]:
    """Returns the command line of h2load."""
    clients, streams = connections(in_flight, target.is_grpc)
    words = ["h2load", f"--clients={clients}", f"--max-concurrent-streams={streams}"]
    words += [f"--duration={round(seconds * 1e3)}ms", f"--data={body}", f"--log-file={log}"]
    words += [] if target.is_grpc else ["--h1"]
    for name, value in target.headers.items():
        words += ["--header", f"{name}: {value}"]
    return [*words, target.url]


def percentile(values: list[float], share: float) -> float:
    """Returns the smallest value that at least this share of the sorted values does not exceed."""
    rank = -(-share * len(values) // 1)
    return values[min(len(values), max(1, int(rank))) - 1]


def read_result(output: str, log: str, answer: int, in_flight: int) -> Result:
    """Reads what h2load printed, and its log: begin, status and microseconds of each request.

    Answers of another length than a good one count as failed. The requests in flight at the end may have sent a part.
    """
    finished = re.search(r"finished in ([0-9.]+)(us|ms|s)\b", output)
    done = re.search(r"(\d+) done, (\d+) succeeded", output)
    data = re.search(r"\((\d+)\) data", output)
    if finished is None or done is None or data is None:
        raise Unavailable(f"h2load printed no result: {output.strip()[-200:]}")
    elapsed = float(finished[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[finished[2]]
    rows = [line.split("\t") for line in log.splitlines()]
    times = sorted(int(row[2]) / 1e3 for row in rows if row[1] == "200")
    requests = int(done[1])
    if not times or elapsed <= 0:
        raise Unavailable(f"no request was answered with 200: {output.strip()[-200:]}")
    failed = requests - int(done[2])
    if answer:
        missing = abs(requests * answer - int(data[1])) - in_flight * answer
        failed += max(0, -(-missing // answer))
    return Result(requests, failed, requests / elapsed, percentile(times, 0.5), percentile(times, 0.99))


def measure(target: Target, in_flight: int, seconds: float, process: int) -> Result:
    """Sends requests for so long, and returns what they took. `process` is the server's."""
    if shutil.which("h2load") is None:
        raise Unavailable("h2load is missing: install it (Debian, Ubuntu: `apt install nghttp2-client`)")
    with tempfile.TemporaryDirectory() as name:
        body, log = Path(name) / "body", Path(name) / "log"
        body.write_bytes(target.body)
        # Connections, caches and pools of the server are made before what is measured.
        run(command(target, in_flight, 0.5, body, log))
        log.unlink(missing_ok=True)
        before = processor_time(process)
        output = run(command(target, in_flight, seconds, body, log))
        cost = processor_time(process) - before
        found = read_result(output, log.read_text(), target.answer, in_flight)
    return Result(found.requests, found.failed, found.rate, found.p50, found.p99, 1e6 * cost / found.requests)


def run(words: list[str]) -> str:
    """Runs h2load and returns what it printed."""
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if result.returncode != 0:
        raise Unavailable(f"h2load failed: {(result.stderr or result.stdout).strip()[-200:]}")
    return result.stdout


@dataclass(frozen=True)
class Process:
    """A process of `/proc`."""

    parent: int
    ticks: int


def read_stat(stat: str) -> Process:
    """Reads `/proc/PID/stat`. The name in parentheses may hold anything, so what counts follows the last one."""
    fields = stat.rpartition(")")[2].split()
    return Process(int(fields[1]), int(fields[11]) + int(fields[12]))


def family(processes: dict[int, Process], root: int) -> set[int]:
    """Returns a process and all that descend from it."""
    members, new = {root}, True
    while new:
        new = {pid for pid, process in processes.items() if process.parent in members} - members
        members |= new
    return members


def processor_time(root: int) -> float:
    """Returns the processor time of a process and of all that descend from it, in seconds."""
    processes = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                processes[int(folder.name)] = read_stat((folder / "stat").read_text())
            except (OSError, IndexError):
                # It has ended meanwhile.
                continue
    found = family(processes, root) & processes.keys()
    return sum(processes[pid].ticks for pid in found) / os.sysconf("SC_CLK_TCK")
