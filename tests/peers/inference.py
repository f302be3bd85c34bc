"""Measures inference beside other model servers: what `make bench-inference` runs.

    inference.py --marquee PROGRAM --library FILE --mlserver PYTHON --perf-analyzer FOLDER [--only marquee,triton]
        [--transports grpc,rest] [--in-flight 1,2,8,32,128] [--rows 1,64] [--seconds 3] [--json PATH]

All servers serve the same model, one after another, and h2load sends each the same recorded requests. Before that, an
answer of each is compared with what ONNX Runtime computes. A server that cannot be started, or a load that cannot be
measured, is named with its reason, and the others are measured. Times are printed beside what is to be reached and
decide nothing: the exit code says only whether Marquee was measured and answered every request well.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import inference_model
import inference_servers
import load
from inference_servers import Running, Tools
from load import Result, Target, Unavailable

# What Marquee is to reach at one row a request over gRPC: its rate, as a multiple of Triton's, by requests in flight.
RATES = {2: 2.0, 32: 1.5}
# The most processor time of a request, in microseconds, and at how many in flight.
COST, COST_IN_FLIGHT = 40.0, 32
# Batches of this many rows take at most so many times what ONNX Runtime alone takes.
BATCH, BATCH_FACTOR = 64, 1.3

# REST is measured with one row, and with these requests in flight.
REST_IN_FLIGHT = (2, 32)
# The same of Triton's own load generator.
ANALYZER_IN_FLIGHT = 32


@dataclass(frozen=True)
class Row:
    """A measurement: who sent what to which server, and what was found."""

    server: str
    client: str
    transport: str
    rows: int
    in_flight: int
    result: Result


@dataclass(frozen=True)
class Goal:
    """Something to reach, and what was found; `found` is None where a part was not measured."""

    what: str
    found: float | None
    bound: float
    is_most: bool

    @property
    def is_reached(self) -> bool | None:
        """None where it was not measured."""
        if self.found is None:
            return None
        return self.found <= self.bound if self.is_most else self.found >= self.bound


def grpc_target(running: Running, request: inference_model.Request) -> Target:
    """Asks once over gRPC, compares the answer with the model's own, and returns what h2load sends."""
    import grpc
    import numpy as np

    method = "/inference.GRPCInferenceService/ModelInfer"
    with grpc.insecure_channel(f"127.0.0.1:{running.ports.grpc}") as channel:
        try:
            answer = channel.unary_unary(method)(request.message, timeout=20)
        except grpc.RpcError as error:
            raise Unavailable(f"gRPC answers {error.code().name}: {error.details()}") from error
    if not np.allclose(inference_model.read_answer(answer), request.expected.ravel(), atol=1e-4):
        raise Unavailable("the answer over gRPC is not the model's")
    headers = {"content-type": "application/grpc", "te": "trailers"}
    body = inference_model.frame(request.message)
    url = f"http://127.0.0.1:{running.ports.grpc}{method}"
    return Target(url, body, headers, True, len(inference_model.frame(answer)))


def rest_target(running: Running, request: inference_model.Request) -> Target:
    """The same over REST, with tensors as bytes."""
    import urllib.request

    import numpy as np

    url = f"http://127.0.0.1:{running.ports.http}/v2/models/{inference_model.NAME}/infer"
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(request.head)}
    try:
        asked = urllib.request.Request(url, request.body, headers)
        with urllib.request.urlopen(asked, timeout=20) as response:
            answer, head = response.read(), response.headers.get("inference-header-content-length")
    except OSError as error:
        raise Unavailable(f"REST answers {error}") from error
    if head is None:
        values = np.array(json.loads(answer)["outputs"][0]["data"], dtype=np.float32)
    else:
        values = np.frombuffer(answer[int(head) :], dtype=np.float32)
    if not np.allclose(values.ravel(), request.expected.ravel(), atol=1e-4):
        raise Unavailable("the answer over REST is not the model's")
    return Target(url, request.body, headers, False, len(answer))


TARGETS = {"grpc": grpc_target, "rest": rest_target}


def analyze(running: Running, transport: str, folder: Path, scratch: Path) -> Result:
    """Lets perf_analyzer measure a server, which it asks for the model's configuration."""
    report = scratch / f"{running.pid}-{transport}.csv"
    port = running.ports.grpc if transport == "grpc" else running.ports.http
    protocol = "grpc" if transport == "grpc" else "http"
    words = [str(folder / "perf_analyzer"), "-m", inference_model.NAME, "-u", f"127.0.0.1:{port}", "-i", protocol]
    words += ["--concurrency-range", str(ANALYZER_IN_FLIGHT), "-b", "1", "-p", "1000", "-s", "100", "-f", str(report)]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, env=environment, check=False)
    if result.returncode != 0 or not report.is_file():
        said = " ".join((result.stderr + result.stdout).split())
        raise Unavailable(f"perf_analyzer ended with {result.returncode}: {said[-200:]}")
    return read_analysis(report.read_text(), result.stdout)


def read_analysis(report: str, output: str) -> Result:
    """Reads the report of perf_analyzer: a line of names and one of numbers, times in microseconds.

    It has no cost of a request: the report is of some windows of a run, and the processor time is of all.
    """
    (row,) = csv.DictReader(report.splitlines())
    count = next((line for line in output.splitlines() if "Request count:" in line), "Request count: 0")
    times = [float(row[name]) / 1e3 for name in ("p50 latency", "p99 latency")]
    return Result(int(count.split(":")[1]), 0, float(row["Inferences/Second"]), *times)


def measure(name: str, running: Running, requests: list[inference_model.Request], options: Options) -> Iterable[Row]:
    """Measures a server that is ready."""
    for transport in options.transports:
        for request in requests:
            if transport == "rest" and request.rows != 1:
                continue
            try:
                target = TARGETS[transport](running, request)
                for in_flight in options.in_flight:
                    if transport == "rest" and in_flight not in REST_IN_FLIGHT:
                        continue
                    result = load.measure(target, in_flight, options.seconds, running.pid)
                    yield Row(name, "h2load", transport, request.rows, in_flight, result)
            except (Unavailable, subprocess.TimeoutExpired) as error:
                print(f"skipped: {name} over {transport}, {request.rows} rows: {error}", flush=True)
        if options.analyzer is None:
            continue
        try:
            result = analyze(running, transport, options.analyzer, options.scratch)
            yield Row(name, "perf_analyzer", transport, 1, ANALYZER_IN_FLIGHT, result)
        except (Unavailable, subprocess.TimeoutExpired) as error:
            print(f"skipped: {name} over {transport} by perf_analyzer: {error}", flush=True)


@dataclass(frozen=True)
class Options:
    """What is measured."""

    servers: list[str]
    transports: list[str]
    in_flight: list[int]
    rows: list[int]
    seconds: float
    analyzer: Path | None
    scratch: Path


def goals(rows: list[Row], alone: inference_model.Alone | None) -> list[Goal]:
    """Compares what was found with what is to be reached."""
    over_grpc = [row for row in rows if row.transport == "grpc" and row.client == "h2load"]
    found = {(row.server, row.rows, row.in_flight): row.result for row in over_grpc}
    reached = []
    for in_flight, factor in sorted(RATES.items()):
        ours, theirs = (found.get((name, 1, in_flight)) for name in ("marquee", "triton"))
        ratio = ours.rate / theirs.rate if ours and theirs else None
        reached.append(Goal(f"requests/s at {in_flight} in flight, as a multiple of Triton's", ratio, factor, False))
    ours = found.get(("marquee", 1, COST_IN_FLIGHT))
    what = f"processor time of a request at {COST_IN_FLIGHT} in flight, µs"
    reached.append(Goal(what, ours.cost if ours else None, COST, True))
    batches = [result for (name, rows, _), result in found.items() if (name, rows) == ("marquee", BATCH)]
    rate = max((result.rate for result in batches), default=None)
    ratio = alone.runs_a_second / rate if alone and rate else None
    what = f"time of a request of {BATCH} rows at the best rate, as a multiple of ONNX Runtime alone"
    reached.append(Goal(what, ratio, BATCH_FACTOR, True))
    return reached


HEAD = f"{'server':9} {'client':13} {'over':4} {'rows':>4} {'in flight':>9} {'requests/s':>11}"
HEAD += f" {'p50 ms':>8} {'p99 ms':>8} {'µs CPU':>7} {'failed':>6}"


def line(row: Row) -> str:
    """Returns a line of the table."""
    found = row.result
    cost = f"{found.cost:7.1f}" if found.cost else f"{'–':>7}"
    start = f"{row.server:9} {row.client:13} {row.transport:4} {row.rows:4} {row.in_flight:9}"
    return f"{start} {found.rate:11,.0f} {found.p50:8.3f} {found.p99:8.3f} {cost} {found.failed:6}"


def goal_line(goal: Goal) -> str:
    """Returns the line of something to reach."""
    relation = "at most" if goal.is_most else "at least"
    found = "not measured" if goal.found is None else f"{goal.found:.2f}"
    verdict = {None: "", True: ": reached", False: ": not reached"}[goal.is_reached]
    return f"{goal.what}: {found}, to reach {relation} {goal.bound:g}{verdict}"


def numbers(text: str) -> list[int]:
    """Reads numbers with commas between them."""
    found = [int(part) for part in text.split(",")]
    if min(found) < 1:
        raise argparse.ArgumentTypeError(f"{text}: give numbers of at least 1")
    return found


def names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Returns what reads names with commas between them."""

    def read(text: str) -> list[str]:
        unknown = set(text.split(",")) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: give some of {', '.join(known)}")
        return text.split(",")

    return read


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    servers, transports = list(inference_servers.SERVERS), list(TARGETS)
    parser.add_argument("--marquee", type=Path, required=True, help="the program of Marquee")
    parser.add_argument("--library", default="", help="ONNX Runtime's library, for Marquee")
    parser.add_argument("--mlserver", default="", help="a Python that has MLServer")
    parser.add_argument("--perf-analyzer", type=Path, help="the folder of perf_analyzer and its libraries")
    parser.add_argument("--only", type=names(servers), default=servers, help="the servers, with commas")
    parser.add_argument("--transports", type=names(transports), default=transports, help="grpc, rest or both")
    parser.add_argument("--in-flight", type=numbers, default=[1, 2, 8, 32, 128], help="requests in flight")
    parser.add_argument("--rows", type=numbers, default=[1, BATCH], help="rows of a request")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each load lasts")
    parser.add_argument("--json", type=Path, help="a file for the results")
    return parser.parse_args(arguments)


def main() -> int:
    """Command line: measures, prints and writes."""
    arguments = parse(sys.argv[1:])
    analyzer = arguments.perf_analyzer
    if analyzer is not None and not (analyzer / "perf_analyzer").is_file():
        print(f"skipped: perf_analyzer: {analyzer} has none: run `make perf-analyzer`")
        analyzer = None
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="inference-") as name:
        folder = Path(name)
        options = Options(
            arguments.only,
            arguments.transports,
            arguments.in_flight,
            arguments.rows,
            arguments.seconds,
            analyzer,
            folder,
        )
        model = folder / "model.onnx"
        inference_model.write_model(model)
        requests = [inference_model.make_request(model, count) for count in options.rows]
        tools = Tools(model, arguments.marquee, arguments.library, arguments.mlserver)
        alone = inference_model.measure_alone(model, BATCH, options.seconds)
        print(f"ONNX Runtime alone, {BATCH} rows: {alone.runs_a_second:,.0f} runs/s, {alone.cost:.1f} µs CPU a run")
        print(HEAD, flush=True)
        for server in options.servers:
            try:
                with inference_servers.started(server, tools, folder) as running:
                    for row in measure(server, running, requests, options):
                        rows.append(row)
                        print(line(row), flush=True)
            except (Unavailable, OSError) as error:
                print(f"skipped: {server}: {error}", flush=True)
    found = goals(rows, alone)
    print("\n".join(map(goal_line, found)))
    if arguments.json is not None:
        report = {"alone": asdict(alone), "rows": list(map(asdict, rows)), "goals": list(map(asdict, found))}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    ours = [row for row in rows if row.server == "marquee"]
    failed = sum(row.result.failed for row in ours)
    if "marquee" in options.servers and (not ours or failed):
        what = f"{failed} requests to Marquee failed" if ours else "Marquee was not measured"
        print(f"error: {what}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
