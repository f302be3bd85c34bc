"""What the measurement of model servers promises, without a server: `python -m unittest discover tests/peers`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import inference
import inference_model
import inference_servers
import load
from inference_servers import Ports, Running, Tools

PORTS = Ports(1, 2, 3)
OUTPUT = """
finished in 2.00s, 50.00 req/s, 5.00KB/s
requests: 100 total, 100 started, 100 done, {good} succeeded, {bad} failed, {bad} errored, 0 timeout
status codes: {good} 2xx, 0 3xx, 0 4xx, {bad} 5xx
traffic: 9.77KB (10000) total, 4.00KB (4096) headers (space savings 9.00%), 3.81KB ({data}) data
"""
LOG = "".join(f"{1_700_000_000_000_000 + at}\t200\t{1_000 * (100 - at)}\n" for at in range(100))


def found(rate: float, cost: float = 0.0) -> load.Result:
    """A result with a rate."""
    return load.Result(1_000, 0, rate, 1.0, 2.0, cost)


def row(server: str, rows: int, in_flight: int, result: load.Result, **more: str) -> inference.Row:
    """A row of h2load over gRPC, unless it says otherwise."""
    given = {"client": "h2load", "transport": "grpc", **more}
    return inference.Row(server, given["client"], given["transport"], rows, in_flight, result)


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that has ended may wait for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Load(unittest.TestCase):
    """h2load's command line and results."""

    def test_requests_in_flight_are_shared_by_few_connections(self) -> None:
        cases = {1: (1, 1), 2: (2, 1), 8: (4, 2), 32: (4, 8), 128: (4, 32)}
        for in_flight, expected in cases.items():
            self.assertEqual(load.connections(in_flight, True), expected)
            self.assertEqual(load.connections(in_flight, False), (in_flight, 1))

    def test_a_command_says_what_is_sent(self) -> None:
        target = load.Target("http://127.0.0.1:1/m", b"", {"te": "trailers"})
        words = load.command(target, 32, 0.5, Path("body"), Path("log"))
        for word in ("--clients=4", "--max-concurrent-streams=8", "--duration=500ms", "--data=body", "te: trailers"):
            self.assertIn(word, words)
        self.assertNotIn("--h1", words)
        rest = load.Target("http://127.0.0.1:1/m", b"", is_grpc=False)
        self.assertIn("--h1", load.command(rest, 32, 0.5, Path("body"), Path("log")))

    def test_a_result_is_read(self) -> None:
        result = load.read_result(OUTPUT.format(good=100, bad=0, data=3900), LOG, 39, 8)
        self.assertEqual((result.requests, result.failed, result.rate), (100, 0, 50.0))
        self.assertEqual((result.p50, result.p99), (50.0, 99.0))

    def test_what_failed_is_counted(self) -> None:
        self.assertEqual(load.read_result(OUTPUT.format(good=97, bad=3, data=3783), LOG, 39, 8).failed, 3)

    def test_answers_of_another_length_have_failed(self) -> None:
        # Ten of the hundred answers have no body, as failed gRPC calls have; two may be in progress.
        self.assertEqual(load.read_result(OUTPUT.format(good=100, bad=0, data=3510), LOG, 39, 2).failed, 8)
        self.assertEqual(load.read_result(OUTPUT.format(good=100, bad=0, data=3510), LOG, 0, 2).failed, 0)

    def test_output_without_a_result_is_refused(self) -> None:
        for output, log in (("", LOG), (OUTPUT.format(good=100, bad=0, data=1), "1\t503\t5\n")):
            self.assertRaises(load.Unavailable, load.read_result, output, log, 39, 8)

    def test_a_percentile_is_a_value(self) -> None:
        values = [float(value) for value in range(1, 101)]
        self.assertEqual([load.percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)], [1.0, 50.0, 99.0, 100.0])
        self.assertEqual(load.percentile([7.0], 0.5), 7.0)


class Processes(unittest.TestCase):
    """Processor time of a family of processes."""

    def test_a_name_may_hold_anything(self) -> None:
        fields = "S 7 1 1 0 -1 0 0 0 0 0 30 12 0 0 20 0 1 0 5"
        self.assertEqual(load.read_stat(f"9 (a) S (b)) {fields}"), load.Process(7, 42))

    def test_a_family_has_all_descendants(self) -> None:
        parents = {1: 0, 2: 1, 3: 2, 4: 1, 5: 9}
        processes = {pid: load.Process(parent, 0) for pid, parent in parents.items()}
        self.assertEqual(load.family(processes, 2), {2, 3})
        self.assertEqual(load.family(processes, 1), {1, 2, 3, 4})

    def test_this_process_takes_time(self) -> None:
        before = load.processor_time(os.getpid())
        while load.processor_time(os.getpid()) <= before:
            sum(range(100_000))


class Requests(unittest.TestCase):
    """What is sent."""

    def test_a_message_has_its_length_before_it(self) -> None:
        self.assertEqual(inference_model.frame(b"abc"), b"\0\0\0\0\x03abc")

    def test_the_json_of_a_body_names_the_bytes_behind_it(self) -> None:
        head = inference_model.json_head(2, {"user": 512})
        self.assertIn(b'"shape":[2,64],"datatype":"FP32","parameters":{"binary_data_size":512}', head)


class Servers(unittest.TestCase):
    """How servers are started."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.model = self.folder / "model.onnx"
        self.model.write_bytes(b"a model")

    def tools(self, mlserver: str = "") -> Tools:
        """Tools with this file as the program."""
        return Tools(self.model, Path(__file__), "/lib/onnx.so", mlserver)

    def test_marquee_and_triton_get_the_same_configuration(self) -> None:
        ours, theirs = inference_servers.config("onnxruntime"), inference_servers.config("python")
        self.assertEqual(ours.replace("onnxruntime", "python"), theirs)
        self.assertIn("max_batch_size: 64\n", ours)

    def test_marquee_serves_a_folder(self) -> None:
        launch = inference_servers.marquee(self.tools(), self.folder / "marquee", PORTS)
        self.assertEqual((self.folder / "marquee/models/mlp/1/model.onnx").read_bytes(), b"a model")
        self.assertIn(f"inference.repository.folder={self.folder / 'marquee/models'}", launch.words)
        self.assertEqual(launch.variables, {"MARQUEE__ONNXRUNTIME": "/lib/onnx.so"})

    def test_what_is_missing_is_named_with_the_fix(self) -> None:
        absent = Tools(self.model, self.folder / "absent", "", "")
        fixes = {"marquee": "cargo build", "mlserver": "make mlserver", "triton": "make model-servers"}
        for server, fix in fixes.items():
            with mock.patch("sys.path", []), self.assertRaisesRegex(load.Unavailable, fix):
                inference_servers.SERVERS[server](absent, self.folder / server, PORTS)

    def test_a_library_that_is_not_found_is_named(self) -> None:
        linked = "\tlibc.so.6 => /lib/libc.so.6 (0x1)\n\tlibpython3.11.so.1.0 => not found\n"
        self.assertEqual(inference_servers.missing_libraries(linked), ["libpython3.11.so.1.0"])

    def test_the_reason_of_an_end_is_found_in_a_log(self) -> None:
        log = "starting\nE1 failed: ModuleNotFoundError: numpy\nbye\n\n"
        self.assertEqual(inference_servers.last_words(log), "E1 failed: ModuleNotFoundError: numpy")
        self.assertEqual(inference_servers.last_words("starting\nbye\n\n"), "bye")
        self.assertEqual(inference_servers.last_words(""), "it printed nothing")

    def test_a_server_and_its_children_end(self) -> None:
        script = "sleep 60 & echo $!; wait"
        process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout is not None
        child = int(process.stdout.readline())
        inference_servers.stop(process)
        process.stdout.close()
        self.assertIsNotNone(process.returncode)
        end = time.monotonic() + 10
        while is_alive(child):
            self.assertLess(time.monotonic(), end, "the child goes on")


class Goals(unittest.TestCase):
    """What was found beside what is to be reached."""

    def test_what_was_found_is_compared(self) -> None:
        rows = [
            row("marquee", 1, 2, found(9_000)),
            row("triton", 1, 2, found(4_000)),
            row("marquee", 1, 32, found(30_000, 41.0)),
            row("triton", 1, 32, found(20_000, 66.0)),
            row("marquee", 64, 8, found(10_000)),
            row("marquee", 64, 32, found(20_000)),
            row("marquee", 1, 2, found(1), client="perf_analyzer"),
            row("marquee", 1, 2, found(1), transport="rest"),
        ]
        goals = inference.goals(rows, inference_model.Alone(24_000, 40.0))
        self.assertEqual([goal.found for goal in goals], [2.25, 1.5, 41.0, 1.2])
        self.assertEqual([goal.is_reached for goal in goals], [True, True, False, True])

    def test_what_was_not_measured_is_neither_reached_nor_missed(self) -> None:
        goals = inference.goals([row("marquee", 1, 2, found(9_000))], None)
        self.assertEqual({goal.is_reached for goal in goals}, {None})
        self.assertIn("not measured, to reach at least 2", inference.goal_line(goals[0]))

    def test_the_report_of_perf_analyzer_is_read(self) -> None:
        report = "Concurrency,Inferences/Second,p50 latency,p99 latency\n32,9000.5,3100,14800\n"
        result = inference.read_analysis(report, "  Client: \n    Request count: 9009\n")
        self.assertEqual(result, load.Result(9_009, 0, 9_000.5, 3.1, 14.8))

    def test_lines_have_the_columns_of_the_head(self) -> None:
        for one in (row("marquee", 1, 32, found(30_000, 41.0)), row("triton", 64, 2, found(1))):
            self.assertEqual(len(inference.line(one)), len(inference.HEAD))


class CommandLine(unittest.TestCase):
    """Arguments."""

    def test_lists_are_read_and_unknown_names_are_refused(self) -> None:
        options = inference.parse(["--marquee", "m", "--only", "marquee,triton", "--in-flight", "2,32"])
        self.assertEqual((options.only, options.in_flight), (["marquee", "triton"], [2, 32]))
        self.assertEqual(options.rows, [1, 64])
        for words in (["--only", "seldon"], ["--in-flight", "0"], ["--transports", "grpc,soap"]):
            with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(SystemExit):
                inference.parse(["--marquee", "m", *words])
            self.assertIn("give", said.getvalue())
        self.assertRaises(argparse.ArgumentTypeError, inference.numbers, "0")

    def test_a_load_that_cannot_be_measured_is_named_and_the_others_go_on(self) -> None:
        options = inference.Options(["triton"], ["grpc", "rest"], [2], [1], 1.0, None, Path())
        targets = {"grpc": mock.Mock(side_effect=load.Unavailable("no")), "rest": mock.Mock()}
        request = inference_model.Request(1, b"", b"", 0, None)
        measured = mock.patch.object(load, "measure", return_value=found(5))
        said = contextlib.redirect_stdout(io.StringIO())
        with mock.patch.object(inference, "TARGETS", targets), measured, said as output:
            rows = list(inference.measure("triton", Running(PORTS, 1), [request], options))
        self.assertEqual([one.transport for one in rows], ["rest"])
        self.assertEqual(output.getvalue(), "skipped: triton over grpc, 1 rows: no\n")


if __name__ == "__main__":
    unittest.main()
