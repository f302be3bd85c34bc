"""What prepare.py promises without a network: `python3 -m unittest discover tests/servers`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import prepare

HARNESS = prepare.HERE.parent / "src" / "servers"
DATABASES = Path(__file__).resolve().parents[2] / "services/lib/collect/tests/databases/servers.rs"

JARS = {"a.jar": b"a library", "b.jar": b"another"}


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Makes a folder with files."""
    folder.mkdir(parents=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)


class Jars(unittest.TestCase):
    """Each test has a cache folder, a committed list of jars, and a Maven that brings what the test says."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.servers = Path(folder.name) / "servers"
        self.libs = Path(folder.name) / "libs.sha256"
        rows = (f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in JARS.items())
        self.libs.write_text("".join(rows))

    @contextlib.contextmanager
    def maven(self, files: dict[str, bytes], **variables: str) -> Iterator[mock.Mock]:
        """Stands in for Java and Maven."""

        def bring(command: list[str], _what: str, folder: Path) -> str:
            self.assertIn("dependency:copy-dependencies", command)
            write(folder / "new", files)
            return ""

        environment = {"UPDATE_EXPECT": "", **variables}
        with (
            mock.patch.object(prepare, "LIBS", self.libs),
            mock.patch.object(prepare, "check_java"),
            mock.patch.object(prepare.shutil, "which", return_value="/usr/bin/it"),
            mock.patch.object(prepare, "run", side_effect=bring) as run,
            mock.patch.dict(os.environ, environment),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            yield run

    def test_what_is_in_place_is_not_fetched_again(self) -> None:
        with self.maven(JARS) as run:
            prepare.provide_kafka(self.servers)
            self.assertIn("in place", prepare.provide_kafka(self.servers))
        self.assertEqual(run.call_count, 1)
        left = {entry.name for entry in self.servers.iterdir()}
        self.assertEqual(left, {".lock", prepare.kafka_folder(self.servers).name})

    def test_a_damaged_a_missing_and_a_foreign_jar_are_noticed(self) -> None:
        place = prepare.kafka_folder(self.servers)
        damages = [
            lambda: (place / "a.jar").write_bytes(b"half"),
            (place / "b.jar").unlink,
            lambda: (place / "c.jar").write_bytes(b"not ours"),
        ]
        with self.maven(JARS) as run:
            prepare.provide_kafka(self.servers)
            for count, damage in enumerate(damages, start=2):
                damage()
                prepare.provide_kafka(self.servers)
                self.assertEqual(run.call_count, count)
                self.assertTrue(prepare.holds_libs(place))

    def test_jars_that_are_not_as_committed_never_reach_their_place(self) -> None:
        for files in ({**JARS, "b.jar": b"altered"}, {"a.jar": JARS["a.jar"]}, {**JARS, "c.jar": b""}):
            with self.subTest(files=files), self.maven(files):
                self.assertRaisesRegex(prepare.Failure, "[bc].jar: not as", prepare.provide_kafka, self.servers)
                self.assertFalse(prepare.kafka_folder(self.servers).exists())

    def test_digests_are_written_anew_on_request_only(self) -> None:
        files = {**JARS, "c.jar": b"new"}
        with self.maven(files, UPDATE_EXPECT="1"):
            prepare.provide_kafka(self.servers)
            self.assertTrue(prepare.holds_libs(prepare.kafka_folder(self.servers)))


class Programs(unittest.TestCase):
    """Links and stamps."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def redis(self, version: str) -> dict[str, str]:
        """Programs that say their version."""
        for name in ("redis-server", "redis-cli"):
            program = self.folder / name
            program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0'\n")
            program.chmod(0o755)
        return {name: str(self.folder / name) for name in ("redis-server", "redis-cli")}

    def test_redis_is_linked_and_an_upgrade_is_noticed(self) -> None:
        place = self.folder / "servers" / "redis-7"
        for version in ("7.0.15", "7.2.4"):
            programs = self.redis(version)
            self.assertFalse(prepare.holds_redis(place))
            with mock.patch.object(prepare.shutil, "which", side_effect=programs.get):
                self.assertIn(version, prepare.provide_redis(self.folder / "servers"))
            self.assertTrue(prepare.holds_redis(place))

    def test_a_browser_is_linked_under_any_of_its_names(self) -> None:
        place = self.folder / "servers" / "chromium"
        program = self.folder / "google-chrome"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        self.assertFalse(prepare.holds_chromium(place))
        with mock.patch.object(prepare.shutil, "which", side_effect={"google-chrome": str(program)}.get):
            self.assertIn("now in", prepare.provide_chromium(self.folder / "servers"))
        self.assertTrue(prepare.holds_chromium(place))
        program.unlink()
        self.assertFalse(prepare.holds_chromium(place))

    def test_an_old_redis_is_refused(self) -> None:
        programs = self.redis("6.2.14")
        with mock.patch.object(prepare.shutil, "which", side_effect=programs.get):
            self.assertRaisesRegex(prepare.Failure, "6.2.14", prepare.provide_redis, self.folder / "servers")

    def test_databases_are_linked_and_an_old_one_is_refused(self) -> None:
        for database, says in (
            (prepare.POSTGRESQL, "postgres (PostgreSQL) {}.4 (Debian 1)"),
            (prepare.MARIADB, "mariadbd  Ver {}.11.6-MariaDB-0 for debian-linux-gnu"),
        ):
            programs = {name: self.folder / name for name in database.programs}
            servers = self.folder / "servers"
            for version in (database.oldest + 2, 9):
                for program in programs.values():
                    program.write_text(f"#!/bin/sh\necho '{says.format(version)}'\n")
                    program.chmod(0o755)
                with (
                    mock.patch.object(prepare, "POSTGRESQL_PROGRAMS", self.folder / "none"),
                    mock.patch.object(prepare, "find_program", side_effect=lambda name: str(programs[name])),  # noqa: B023
                ):
                    self.assertFalse(database.holds(database.place(servers)))
                    if version == 9:
                        self.assertRaisesRegex(prepare.Failure, "version 9", database.provide, servers)
                    else:
                        self.assertIn(f"version {version}.", database.provide(servers))
                        self.assertTrue(database.holds(database.place(servers)))

    def test_who_may_not_install_is_told_the_command(self) -> None:
        with (
            mock.patch.object(prepare.shutil, "which", return_value=None),
            mock.patch.object(prepare.os, "geteuid", return_value=1000),
        ):
            fix = "apt-get install .*redis-server redis-tools"
            self.assertRaisesRegex(prepare.Failure, fix, prepare.provide_redis, self.folder / "servers")

    def test_altered_and_missing_programs_are_noticed(self) -> None:
        place, names = self.folder / "programs-1", ["etcd", "kubectl"]
        write(place, {"etcd": b"a program", "kubectl": b"another"})
        self.assertFalse(prepare.holds_programs(place, names))
        prepare.stamp_programs(place, names)
        self.assertTrue(prepare.holds_programs(place, names))
        (place / "etcd").write_bytes(b"a progra")
        self.assertFalse(prepare.holds_programs(place, names))
        (place / "etcd").unlink()
        self.assertFalse(prepare.holds_programs(place, names))

    @contextlib.contextmanager
    def go(self) -> Iterator[list[list[str]]]:
        """Stands in for Go: writes what it is told to build, and keeps its arguments."""
        calls = []

        def build(command: list[str], _what: str, folder: Path, variables: dict[str, str]) -> str:
            self.assertIn("-mod=readonly", variables["GOFLAGS"])
            self.assertEqual(Path(variables["GOCACHE"]).parent.name, prepare.GO_CACHES)
            if command[1] == "mod":
                return json.dumps({"Dir": str(folder)})
            calls.append(command)
            program = Path(command[command.index("-o") + 1])
            program.parent.mkdir(exist_ok=True)
            program.write_text(command[-1])
            return ""

        with (
            mock.patch.object(prepare.shutil, "which", return_value="/usr/bin/go"),
            mock.patch.object(prepare, "run", side_effect=build),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            yield calls

    def test_kubernetes_is_built_once_and_says_its_version(self) -> None:
        servers = self.folder / "servers"
        with self.go() as calls:
            self.assertIn("now in", prepare.provide_kubernetes(servers))
            self.assertIn("in place", prepare.provide_kubernetes(servers))
            self.assertEqual([call[-1] for call in calls], list(prepare.KUBERNETES_PROGRAMS.values()))
            self.assertTrue(all(f"gitVersion=v{prepare.kubernetes_version()}" in " ".join(call) for call in calls))
            (prepare.kubernetes_folder(servers) / "kubectl").write_text("altered")
            self.assertIn("now in", prepare.provide_kubernetes(servers))

    def test_the_other_programs_of_kubernetes_have_a_folder_of_their_own(self) -> None:
        servers = self.folder / "servers"
        with self.go() as calls:
            self.assertIn("now in", prepare.provide_node(servers))
            self.assertIn("in place", prepare.provide_node(servers))
        self.assertEqual([call[-1] for call in calls], list(prepare.NODE_PROGRAMS.values()))
        self.assertFalse(prepare.kubernetes_folder(servers).exists())

    def test_each_program_of_a_module_is_built_once_and_knows_its_version(self) -> None:
        servers = self.folder / "servers"
        for name, module in prepare.MODULES.items():
            with self.subTest(name), self.go() as calls:
                self.assertIn("now in", prepare.provide_module(module, servers))
                self.assertIn("in place", prepare.provide_module(module, servers))
                self.assertEqual([call[-1] for call in calls], [module.package])
                self.assertTrue((module.folder(servers) / module.program).is_file())
                for stamp in module.stamps:
                    self.assertIn(f"-X {stamp if '=' in stamp else f'{stamp}=v{module.version}'}", " ".join(calls[0]))

    def test_the_caches_of_go_go_at_the_end_unless_another_process_builds(self) -> None:
        servers = self.folder / "servers"
        write(servers / prepare.GO_CACHES / "mod", {"a": b"a module"})
        with prepare.workshop(servers):
            prepare.remove_go_caches(servers)
            self.assertTrue((servers / prepare.GO_CACHES).exists())
        prepare.remove_go_caches(servers)
        self.assertFalse((servers / prepare.GO_CACHES).exists())

    def containerd(self, version: str) -> dict[str, str]:
        """Programs of a node, of which containerd says its version."""
        for name in prepare.CONTAINERD_PROGRAMS:
            program = self.folder / name
            program.write_text(f"#!/bin/sh\necho 'containerd github.com/containerd/containerd {version} 0~ds1-1'\n")
            program.chmod(0o755)
        return {name: str(self.folder / name) for name in prepare.CONTAINERD_PROGRAMS}

    @contextlib.contextmanager
    def installed(self, programs: dict[str, str]) -> Iterator[None]:
        """Stands in for PATH and for the folder of network plugins."""
        with (
            mock.patch.object(prepare, "NETWORK_PLUGINS", self.folder / "cni"),
            mock.patch.object(prepare, "find_program", side_effect=programs.get),
        ):
            yield

    def test_containerd_is_linked_and_an_upgrade_is_noticed(self) -> None:
        write(self.folder / "cni", dict.fromkeys(prepare.PLUGINS, b"a plugin"))
        for name in prepare.PLUGINS:
            (self.folder / "cni" / name).chmod(0o755)
        place = prepare.containerd_folder(self.folder / "servers")
        for version in ("1.6.20~ds1", "1.7.24~ds1"):
            with self.installed(self.containerd(version)):
                self.assertFalse(prepare.holds_containerd(place))
                self.assertIn(version[:6], prepare.provide_containerd(self.folder / "servers"))
                self.assertTrue(prepare.holds_containerd(place))
        with self.installed(self.containerd("1.4.13")):
            self.assertRaisesRegex(prepare.Failure, "1.4.13", prepare.provide_containerd, self.folder / "servers")

    def test_only_packages_of_which_something_is_missing_are_installed(self) -> None:
        programs = self.containerd("1.6.20~ds1")
        del programs["ip"], programs["iptables-save"]
        with self.installed(programs):
            missing = prepare.missing_packages()
            self.assertEqual(missing, ["containernetworking-plugins", "iproute2", "iptables"])
            with mock.patch.object(prepare.os, "geteuid", return_value=1000):
                fix = f"apt-get install .*{' '.join(missing)}"
                self.assertRaisesRegex(prepare.Failure, fix, prepare.provide_containerd, self.folder / "servers")

    def test_a_missing_go_is_told_with_the_version_that_is_needed(self) -> None:
        with mock.patch.object(prepare.shutil, "which", return_value=None):
            words = f"go is missing.*{prepare.oldest_go()} or newer"
            self.assertRaisesRegex(prepare.Failure, words, prepare.provide_kubernetes, self.folder / "servers")


class Words(unittest.TestCase):
    """Each failure is one line that names the fix."""

    def test_failures_of_tools_are_told_apart(self) -> None:
        cases = {
            "verifying m@v1: checksum mismatch\n\nSECURITY ERROR\n": "another mirror",
            "[ERROR] Could not transfer artifact a:b:1 from/to m (https://me:secret@repo.example/x)": "reached",
            'go: m@v1: Get "https://me:secret@proxy.example/m": dial tcp: lookup a: no such host': "network",
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (apt)": "another apt",
            "go: errors parsing go.mod:\ngo.mod:6: invalid go version '1.26.0'": "install 1.26 or newer",
            "go: downloading a v1\ngo: fire at https://me:secret@proxy.example/m\n": "fire at (address)",
            "[ERROR] fault on repo.secret.org\n[ERROR] more": "fault on (address)",
            "": "no message",
        }
        for output, fix in cases.items():
            with self.subTest(output):
                line = prepare.explain(output, "a server")
                self.assertIn(fix, line)
                self.assertNotIn("\n", line)
                self.assertNotIn("secret", line)

    def test_an_old_or_missing_java_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, PATH=folder):
            self.assertRaisesRegex(prepare.Failure, "java is missing.*default-jre-headless", prepare.check_java)
            java = Path(folder) / "java"
            for version in ("1.8.0_292", "11.0.2"):
                java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
                java.chmod(0o755)
                self.assertRaisesRegex(prepare.Failure, "this is Java (8|11)", prepare.check_java)
            java.write_text("#!/bin/sh\necho 'openjdk version \"21\"' >&2\n")
            prepare.check_java()


class Names(unittest.TestCase):
    """What is pinned, and where the harness looks for it."""

    def test_the_harness_knows_every_folder(self) -> None:
        folders = {name: folder(Path("servers")).name for name, (folder, _) in prepare.SERVERS.items()}
        self.assertEqual(
            set(folders), {"kafka", "redis", "postgresql", "mariadb", "s3", "chromium", "kubernetes"}
        )
        for name, folder in folders.items():
            harness = DATABASES if name in {"postgresql", "mariadb"} else HARNESS / f"{name}.rs"
            self.assertIn(f'"{folder}"', harness.read_text())

    def test_a_node_adds_to_all_servers_and_takes_none_of_their_folders(self) -> None:
        servers = Path("servers")
        folders = [folder(servers).name for folder, _ in [*prepare.SERVERS.values(), *prepare.CLUSTER.values()]]
        self.assertEqual(len(set(folders)), len(folders))
        self.assertFalse(prepare.SERVERS.keys() & prepare.CLUSTER.keys())

    def test_every_module_is_pinned_by_its_digest(self) -> None:
        for name, module in prepare.MODULES.items():
            with self.subTest(name):
                lines = (prepare.HERE / module.pin / "go.sum").read_text().splitlines()
                for suffix in ("", "/go.mod"):
                    start = f"{module.path} v{module.version}{suffix} h1:"
                    self.assertTrue(any(line.startswith(start) for line in lines))

    def test_the_pinned_modules_have_every_program_of_kubernetes(self) -> None:
        tools = prepare.KUBERNETES_MOD.read_text().partition("tool (")[2].split()
        packages = [*prepare.KUBERNETES_PROGRAMS.values(), *prepare.NODE_PROGRAMS.values()]
        self.assertLessEqual(set(packages), set(tools))

    def test_helm_takes_the_kubernetes_of_the_node_for_granted(self) -> None:
        major, minor, _ = prepare.kubernetes_version().split(".")
        stamps = [stamp for stamp in prepare.MODULES["helm"].stamps if "k8sVersion" in stamp]
        self.assertEqual({stamp.rpartition("Version")[2] for stamp in stamps}, {f"Major={major}", f"Minor={minor}"})

    def test_every_staging_module_is_of_the_pinned_kubernetes(self) -> None:
        staging = prepare.kubernetes_version().removeprefix("1.")
        text = prepare.KUBERNETES_MOD.read_text()
        replaced = re.findall(r"^\t(k8s.io/\S+) => (\S+) v(\S+)$", text, re.MULTILINE)
        self.assertGreater(len(replaced), 25)
        for module, source, version in replaced:
            self.assertEqual((source, version), (module, f"0.{staging}"))

    def test_the_committed_digests_are_of_the_pinned_kafka(self) -> None:
        version = prepare.kafka_folder(Path()).name.removeprefix("kafka-")
        self.assertIn(f"kafka_2.13-{version}.jar", prepare.read_digests(prepare.LIBS))


if __name__ == "__main__":
    unittest.main()
