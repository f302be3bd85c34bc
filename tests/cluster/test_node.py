"""What the node promises without being up: `python3 -m unittest discover tests/cluster`."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import struct
import sys
import tarfile
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import backends
import configuration
import images
import keys
import machine
import node
import processes
import registry
from processes import Failure

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy" / "images"))
import oci  # noqa: E402

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
31 22 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
40 22 7:0 / /var/lib/marquee-node/disk rw shared:1 - ext4 /dev/loop0 rw
41 40 0:50 / /var/lib/marquee-node/disk/a\\040b rw - tmpfs tmpfs rw
42 22 7:1 / /var/lib/marquee-nodes rw - ext4 /dev/loop1 rw
"""


def reach(host: str, port: int) -> socket.socket:
    """Opens a connection on this machine."""
    return socket.create_connection((host, port), 5)


class Folder(unittest.TestCase):
    """Each test has a folder."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Processes(Folder):
    """Processes and waits."""

    def process(self, *command: str) -> processes.Process:
        """A process that is ended with the test."""
        process = processes.Process("it", list(command), self.folder / "log", dict(os.environ))
        process.start()
        self.addCleanup(process.kill)
        return process

    def test_a_process_that_ends_by_itself_is_told_with_its_last_lines(self) -> None:
        process = self.process("sh", "-c", "echo no room >&2; exit 3")
        assert process.child is not None
        process.child.wait()
        self.assertRaisesRegex(Failure, "it ended with exit code 3:\nno room", process.check)

    def test_a_process_is_ended_also_if_it_is_paused_or_refuses(self) -> None:
        paused = self.process("sleep", "100")
        paused.signal(processes.signal.SIGSTOP)
        paused.stop()
        refusing = self.process("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
        processes.wait_for("it is ready", lambda: "ready" in processes.last_lines(self.folder / "log"), 10)
        refusing.stop(0.1)
        self.assertIsNone(paused.pid)
        self.assertIsNone(refusing.pid)
        refusing.check()

    def test_a_wait_returns_what_was_found_and_says_why_it_gave_up(self) -> None:
        answers = iter([OSError("away"), None, "here"])

        def look() -> str | None:
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return answer

        def fail() -> bool:
            raise Failure("away")

        with mock.patch.object(processes, "LOOK", 0):
            self.assertEqual(processes.wait_for("it is here", look, 5), "here")
            with self.assertRaisesRegex(Failure, "it is here: not within 0 s: away"):
                processes.wait_for("it is here", fail, 0)
            with self.assertRaisesRegex(Failure, "away"):
                processes.wait_for("it is here", lambda: False, 100, fail)

    def test_a_command_that_fails_is_told_with_its_complaint(self) -> None:
        self.assertEqual(processes.run(["cat"], input="text"), "text")
        self.assertRaisesRegex(Failure, "no such thing", processes.run, ["sh", "-c", "echo no such thing >&2; exit 1"])
        self.assertRaisesRegex(Failure, "prepare.py cluster", processes.run, ["a-program-that-nobody-has"])


class Machines(Folder):
    """What a node takes from the machine."""

    def test_mounts_of_the_node_are_unmounted_from_the_inside_to_the_outside(self) -> None:
        below = machine.mounts_below(Path("/var/lib/marquee-node"), MOUNTS)
        self.assertEqual(below, ["/var/lib/marquee-node/disk/a b", "/var/lib/marquee-node/disk"])

    def test_control_groups_of_both_versions_are_found(self) -> None:
        found = machine.hierarchies(MOUNTS)
        self.assertEqual(found, [Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/unified")])

    def test_only_links_into_the_folder_of_the_node_are_removed(self) -> None:
        for name, target in {"ours": "/var/lib/marquee-node/a", "other": "/var/lib/marquee-nodes/a"}.items():
            (self.folder / name).symlink_to(target)
        (self.folder / "file").touch()
        found = machine.links_into(Path("/var/lib/marquee-node"), self.folder)
        self.assertEqual([link.name for link in found], ["ours"])

    def test_a_user_without_rights_is_told_so(self) -> None:
        nobody = machine.Machine("marquee-test", self.folder, "192.0.2.2", "192.0.2.1")
        with mock.patch.object(machine.os, "geteuid", return_value=1000):
            self.assertRaisesRegex(Failure, "root", nobody.acquire)

    def test_a_machine_that_cannot_run_a_node_says_why(self) -> None:
        with mock.patch.object(machine.os, "geteuid", return_value=1000):
            self.assertEqual(machine.refusal(self.folder), "it needs the rights of root")
        with mock.patch.object(machine.os, "geteuid", return_value=0), mock.patch.object(
            machine, "mount_table", return_value=""
        ), mock.patch.object(machine.Path, "exists", return_value=True):
            self.assertEqual(machine.refusal(self.folder), "control groups cannot be made")


class Settings(Folder):
    """Settings of programs."""

    def setUp(self) -> None:
        super().setUp()
        self.places = configuration.Places(Path("/node"), Path("/node/disk"), self.folder)

    def test_every_user_has_a_token_and_only_the_administrator_may_do_everything(self) -> None:
        lines = configuration.tokens({user: f"secret-of-{user}" for user in configuration.USERS}).splitlines()
        self.assertEqual(len(lines), len(configuration.USERS))
        self.assertEqual([line.split(",")[1] for line in lines if "system:masters" in line], ["admin"])
        self.assertIn('secret-of-kubelet,system:node:marquee-node,system:node:marquee-node,"system:nodes"', lines)

    def test_pods_are_below_the_control_group_of_the_node_and_the_kubelet_never_removes_images(self) -> None:
        settings = configuration.kubelet_settings(self.places, 512)
        self.assertEqual(settings["cgroupRoot"], "/marquee-node")
        self.assertEqual(settings["imageGCHighThresholdPercent"], 100)
        self.assertEqual(settings["systemReserved"], {"memory": "512Mi"})
        self.assertEqual(settings["containerRuntimeEndpoint"], "unix:///node/containerd.sock")

    def test_all_that_programs_write_is_in_the_folder_of_the_node(self) -> None:
        text = configuration.containerd_settings(self.places, Path("/usr/lib/cni"))
        text += json.dumps(configuration.pod_network(self.places)) + configuration.dns_settings(self.places)
        text += json.dumps(configuration.kubelet_settings(self.places, 0))
        commands = (
            configuration.etcd,
            configuration.api_server,
            configuration.controller_manager,
            configuration.scheduler,
            configuration.proxy,
            configuration.kubelet,
        )
        text += " ".join(argument for command in commands for argument in command(self.places))
        paths = set(re.findall(r"(?<![\w./:])/[\w./-]+", text))
        outside = {path for path in paths if not path.startswith("/node/")}
        self.assertEqual(outside, {"/usr/lib/cni", "/marquee-node"})

    def test_the_broker_replicates_nothing_and_makes_no_topics_by_itself(self) -> None:
        text = backends.kafka_settings("192.0.2.2", Path("/node/kafka"))
        values = dict(line.split("=", 1) for line in text.splitlines())
        self.assertEqual({value for key, value in values.items() if key.endswith("replication.factor")}, {"1"})
        self.assertEqual(values["auto.create.topics.enable"], "false")
        self.assertIn("PLAINTEXT://192.0.2.2:9092", values["advertised.listeners"])

    def test_lines_of_a_container_are_joined_as_it_wrote_them(self) -> None:
        lines = ["2026-01-01T00:00:00Z stderr P a long \n", "2026-01-01T00:00:00Z stderr F line\n", "torn"]
        self.assertEqual("".join(map(node.message, lines)), "a long line\ntorn")

    def test_every_program_that_is_started_is_ended_in_its_turn(self) -> None:
        started = re.findall(r'self\.start\("([a-z-]+)"', Path(node.__file__).read_text())
        self.assertEqual(set(started), {*node.BEFORE_PODS, *node.AFTER_PODS})


class Keys(Folder):
    """Certificates."""

    @unittest.skipUnless(shutil.which("openssl"), "openssl makes the keys")
    def test_strict_clients_accept_the_certificate_of_the_server(self) -> None:
        keys.write_keys(self.folder, ["IP:127.0.0.1", "DNS:localhost"])
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        asking = ssl.create_default_context(cafile=str(self.folder / "authority.pem"))
        asking.verify_flags |= ssl.VERIFY_X509_STRICT
        one, other = socket.socketpair()

        def serve() -> None:
            with serving.wrap_socket(one, server_side=True) as connection:
                connection.sendall(b"hello")

        thread = threading.Thread(target=serve)
        thread.start()
        with asking.wrap_socket(other, server_hostname="127.0.0.1") as connection:
            self.assertEqual(connection.recv(5), b"hello")
        thread.join()

    def test_the_certificate_has_the_addresses_by_which_pods_and_programs_call(self) -> None:
        names = configuration.server_names()
        self.assertLessEqual({"IP:192.0.2.2", "IP:10.96.0.1", "DNS:kubernetes.default.svc"}, set(names))


class Answers(unittest.TestCase):
    """When servers count as started."""

    def serve(self, answer: bytes) -> int:
        """Answers one connection, and returns the port."""
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            with listener, listener.accept()[0] as connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        return listener.getsockname()[1]

    def test_a_broker_counts_when_it_lists_one(self) -> None:
        for brokers in (0, 1):
            body = struct.pack(">iii", 1, 0, brokers) + b"rest"
            port = self.serve(struct.pack(">i", len(body)) + body)
            self.assertEqual(backends.kafka_lists_a_broker("127.0.0.1", port, reach), brokers == 1)

    def test_a_broker_that_hangs_up_does_not_count(self) -> None:
        port = self.serve(b"")
        self.assertRaises((Failure, OSError), backends.kafka_lists_a_broker, "127.0.0.1", port, reach)

    def test_redis_counts_when_it_has_loaded_its_data(self) -> None:
        for answer, serves in ((b"+PONG\r\n", True), (b"-LOADING Redis is loading\r\n", False)):
            self.assertIs(backends.redis_answers("127.0.0.1", self.serve(answer), reach), serves)


class Shelf(http.server.BaseHTTPRequestHandler):
    """A registry in memory, as far as pushing needs it."""

    blobs: dict[str, bytes]
    manifests: dict[str, bytes]
    uploads: int

    def answer(self, status: int, **headers: str) -> None:
        """Answers without a body."""
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_HEAD(self) -> None:
        """Whether a blob is there."""
        self.answer(200 if self.path.rpartition("/")[2] in self.blobs else 404)

    def do_POST(self) -> None:
        """Begins an upload."""
        type(self).uploads += 1
        self.answer(202, Location=f"http://{self.headers['Host']}/v2/upload/1?state=a")

    def do_PUT(self) -> None:
        """Ends an upload, or stores a manifest."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        where = urlsplit(self.path)
        if "/manifests/" in where.path:
            self.manifests[where.path] = content
        else:
            query = parse_qs(where.query)
            assert query == {"state": ["a"], "digest": [digest]}, query
            self.blobs[digest] = content
        self.answer(201, Docker_Content_Digest=digest)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Images(Folder):
    """Images on the node."""

    def archive(self) -> oci.Image:
        """An image with one layer."""
        layer = oci.write_layer([oci.file("a", b"content")], self.folder / "layer", 0)
        return oci.write_image(self.folder / "a.tar", "localhost/team/a:1", {"Cmd": ["/a"]}, "amd64", [layer], 0)

    def test_an_image_is_pushed_with_its_digest_and_once(self) -> None:
        shelf = type("Fresh", (Shelf,), {"blobs": {}, "manifests": {}, "uploads": 0})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), shelf)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        address = f"127.0.0.1:{server.server_address[1]}"
        image = self.archive()
        for _ in range(2):
            pushed = registry.Registry(address, reach).push(image.place)
            self.assertEqual(pushed, f"{address}/team/a@{image.digest}")
        self.assertEqual(list(shelf.manifests), ["/v2/team/a/manifests/1"])
        self.assertEqual((len(shelf.blobs), shelf.uploads), (2, 2))

    @unittest.skipUnless(shutil.which("gcc"), "gcc compiles the program")
    def test_the_program_of_a_pod_needs_no_library_and_ends_at_once(self) -> None:
        place = images.write_pause(self.folder, configuration.PAUSE)
        with tarfile.open(place) as tar:
            self.assertEqual(registry.Archive(tar).reference, configuration.PAUSE)
        process = processes.Process("pause", [str(self.folder / "pause")], self.folder / "log", {})
        process.start()
        self.addCleanup(process.kill)
        child = process.child
        process.stop(10)
        assert child is not None
        self.assertIn(child.returncode, (0, -15))


if __name__ == "__main__":
    unittest.main()
