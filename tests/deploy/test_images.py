"""What the images promise without a container: `python3 -m unittest discover tests/deploy`."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "deploy" / "images"
sys.path.insert(0, str(IMAGES))
import build  # noqa: E402
import contents  # noqa: E402
import oci  # noqa: E402
import sbom  # noqa: E402

EPOCH = 1_700_000_000
WHERE = build.Origin("1.2.3", "c0ffee", "https://example.com/marquee", EPOCH)


def dependency(package: str, *kinds: str | None) -> dict[str, Any]:
    """A dependency as `cargo metadata` prints it; the kind of a normal one is None."""
    return {"pkg": package, "dep_kinds": [{"kind": kind, "target": None} for kind in kinds]}


# A program that needs two crates, builds with a third and tests with a fourth.
METADATA = {
    "packages": [
        {"id": "path#marquee", "name": "marquee", "version": "1.2.3", "license": "Apache-2.0"},
        {"id": "a", "name": "a_crate", "version": "1.0.0+native.5", "license": "MIT/Apache-2.0"},
        {"id": "b", "name": "b", "version": "2.0.0", "license": None},
        {"id": "cc", "name": "cc", "version": "1.0.0", "license": "MIT"},
        {"id": "test", "name": "test", "version": "1.0.0", "license": "MIT"},
    ],
    "resolve": {
        "nodes": [
            {"id": "path#marquee", "deps": [dependency("a", None), dependency("test", "dev")]},
            {"id": "a", "deps": [dependency("b", "build", None), dependency("cc", "build")]},
            {"id": "b", "deps": []},
            {"id": "cc", "deps": []},
            {"id": "test", "deps": []},
        ]
    },
    "target_directory": "/nowhere",
}


class Folder(unittest.TestCase):
    """Each test has a folder."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Layers(Folder):
    """Layers depend on what is in them alone."""

    def entries(self) -> list[oci.Entry]:
        """A layer with an entry of each kind."""
        source = self.folder / "source"
        source.write_bytes(b"a program")
        return [
            oci.file("usr/bin/program", source, 0o755),
            oci.file("etc/passwd", b"root"),
            oci.folder("var/lib/data", 0o700, 65532),
            oci.link("lib", "usr/lib"),
        ]

    def test_the_same_entries_give_the_same_bytes_in_any_order(self) -> None:
        one = oci.write_layer(self.entries(), self.folder / "one", EPOCH)
        os.utime(self.folder / "source", (1, 1))
        two = oci.write_layer(self.entries()[::-1], self.folder / "two", EPOCH)
        self.assertEqual(one.place.read_bytes(), two.place.read_bytes())
        self.assertEqual((one.digest, one.diff_id, one.size), (two.digest, two.diff_id, two.size))

    def test_the_digests_are_those_of_the_packed_and_of_the_plain_bytes(self) -> None:
        layer = oci.write_layer(self.entries(), self.folder / "layer", EPOCH)
        packed = layer.place.read_bytes()
        self.assertEqual(layer.digest, f"sha256:{hashlib.sha256(packed).hexdigest()}")
        self.assertEqual(layer.diff_id, f"sha256:{hashlib.sha256(gzip.decompress(packed)).hexdigest()}")
        self.assertEqual(layer.size, len(packed))

    def test_folders_are_there_before_what_is_in_them_and_all_times_are_those_of_the_sources(self) -> None:
        layer = oci.write_layer(self.entries(), self.folder / "layer", EPOCH)
        with tarfile.open(layer.place) as archive:
            members = archive.getmembers()
        names = [member.name for member in members]
        self.assertEqual(names, sorted(names))
        self.assertLess(names.index("usr/bin"), names.index("usr/bin/program"))
        self.assertEqual({member.mtime for member in members}, {EPOCH})
        by_name = {member.name: member for member in members}
        self.assertEqual((by_name["var/lib/data"].uid, by_name["var/lib/data"].mode), (65532, 0o700))
        self.assertEqual((by_name["usr"].uid, by_name["usr"].mode), (0, 0o755))
        self.assertEqual(by_name["lib"].linkname, "usr/lib")

    def test_a_path_that_is_there_twice_is_refused(self) -> None:
        twice = [oci.file("a", b""), oci.folder("a")]
        self.assertRaisesRegex(ValueError, "a is in the layer twice", oci.complete, twice)

    def test_a_folder_gets_the_same_files(self) -> None:
        oci.write_folder(self.entries(), self.folder / "root")
        self.assertEqual((self.folder / "root/usr/bin/program").read_bytes(), b"a program")
        self.assertEqual((self.folder / "root/usr/bin/program").stat().st_mode & 0o7777, 0o755)
        self.assertEqual(os.readlink(self.folder / "root/lib"), "usr/lib")


class Archives(Folder):
    """Archives name their image for each program that reads them."""

    def image(self, name: str, tag: str) -> oci.Image:
        """An image with one small layer."""
        layer = oci.write_layer([oci.file("a", b"content")], self.folder / "layer", EPOCH)
        settings = build.settings("marquee", WHERE)
        return oci.write_image(self.folder / name, f"localhost/a:{tag}", settings, "amd64", [layer], EPOCH)

    def test_every_blob_has_its_digest_as_its_name_and_is_referred_to(self) -> None:
        image = self.image("image.tar", "1")
        with tarfile.open(image.place) as archive:
            blobs = {
                member.name.rpartition("/")[2]: archive.extractfile(member).read()
                for member in archive.getmembers()
                if member.isfile() and member.name.startswith("blobs/")
            }
            index = json.load(archive.extractfile("index.json"))
            docker = json.load(archive.extractfile("manifest.json"))
            layout = json.load(archive.extractfile("oci-layout"))
        for digest, content in blobs.items():
            self.assertEqual(hashlib.sha256(content).hexdigest(), digest)
        self.assertEqual(layout, {"imageLayoutVersion": "1.0.0"})
        self.assertEqual(index["manifests"][0]["digest"], image.digest)
        self.assertEqual(index["manifests"][0]["annotations"]["io.containerd.image.name"], "localhost/a:1")
        manifest = json.loads(blobs[image.digest.removeprefix("sha256:")])
        referred = [manifest["config"], *manifest["layers"]]
        self.assertEqual([blob["size"] for blob in referred], [len(blobs[blob["digest"][7:]]) for blob in referred])
        self.assertEqual(docker[0]["RepoTags"], ["localhost/a:1"])
        self.assertEqual(docker[0]["Config"], f"blobs/sha256/{manifest['config']['digest'][7:]}")
        self.assertEqual(set(blobs), {image.digest[7:], *(blob["digest"][7:] for blob in referred)})

    def test_the_digest_does_not_depend_on_the_tag(self) -> None:
        self.assertEqual(self.image("one.tar", "1").digest, self.image("two.tar", "2").digest)


class Settings(unittest.TestCase):
    """How containers are run."""

    def test_a_container_is_run_by_an_ordinary_user_and_ended_by_sigterm(self) -> None:
        for name, program in build.IMAGES.items():
            with self.subTest(name):
                settings = build.settings(name, WHERE)
                self.assertEqual(settings["User"], "65532:65532")
                self.assertEqual(settings["StopSignal"], "SIGTERM")
                self.assertEqual(settings["Entrypoint"], [f"/usr/bin/{program.binary}"])

    def test_labels_say_what_the_image_is_and_where_it_is_from(self) -> None:
        labels = build.settings("marquee", WHERE)["Labels"]
        values = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
        self.assertLessEqual(
            {
                "title": "marquee",
                "version": "1.2.3",
                "revision": "c0ffee",
                "source": "https://example.com/marquee",
                "licenses": "Apache-2.0",
                "created": "2023-11-14T22:13:20Z",
            }.items(),
            values.items(),
        )

    def test_the_address_of_a_repository_is_told_without_its_password(self) -> None:
        cases = {
            "https://me:secret@example.com/team/marquee.git": "https://example.com/team/marquee.git",
            "https://example.com/marquee": "https://example.com/marquee",
            "git@example.com:marquee.git": "",
            "/home/me/marquee": "",
            "": "",
        }
        for remote, address in cases.items():
            self.assertEqual(build.address(remote), address)

    def test_the_dockerfile_makes_the_same_images(self) -> None:
        text = (IMAGES / "Dockerfile").read_text().replace("\\\n", " ")
        version = re.escape(build.version())
        for name in build.IMAGES:
            with self.subTest(name):
                stage = text.partition(f"FROM scratch AS {name}\n")[2].partition("\nFROM ")[0]
                settings = build.settings(name, WHERE)
                program = build.IMAGES[name]
                variables = " ".join(re.search(r"^ENV (.*)$", stage, re.MULTILINE)[1].split())
                self.assertEqual(variables, " ".join(settings["Env"]))
                self.assertIn(f"USER {settings['User']}\n", stage)
                self.assertIn(f"WORKDIR {settings['WorkingDir']}\n", stage)
                self.assertIn(f"STOPSIGNAL {settings['StopSignal']}\n", stage)
                self.assertIn(f"ENTRYPOINT {json.dumps(settings['Entrypoint'])}\n", stage)
                self.assertIn(f"CMD {json.dumps(settings['Cmd'])}", stage)
                ports = [" ".join(str(port) for port in program.ports)] if program.ports else []
                self.assertEqual(re.findall(r"^EXPOSE (.*)$", stage, re.MULTILINE), ports)
                for label in settings["Labels"]:
                    self.assertRegex(stage, rf' {re.escape(label)}="[^"]+"')
                self.assertRegex(stage, rf'image.version="{version}"')
                self.assertIn(f'image.description="{program.description}"', stage)

    def test_the_dockerfile_builds_with_the_pinned_rust(self) -> None:
        channel = re.search(r'^channel = "(.+)"$', (ROOT / "rust-toolchain.toml").read_text(), re.MULTILINE)[1]
        text = (IMAGES / "Dockerfile").read_text()
        self.assertIn(f"RUST_IMAGE=rust:{channel}-slim-", text)
        self.assertIn(f"RUSTUP_TOOLCHAIN={channel}\n", text)


class Contents(unittest.TestCase):
    """What is around a program."""

    def test_the_loader_and_each_library_are_found_in_what_ldd_prints(self) -> None:
        output = (
            "\tlinux-vdso.so.1 (0x00007f2e10d4e000)\n"
            "\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f2e10d1e000)\n"
            "\t/lib64/ld-linux-x86-64.so.2 (0x00007f2e10d50000)\n"
        )
        found = contents.parse_libraries(output)
        self.assertEqual(found, ["/lib/x86_64-linux-gnu/libz.so.1", "/lib64/ld-linux-x86-64.so.2"])
        self.assertEqual(contents.place_of(found[0]), "usr/lib/x86_64-linux-gnu/libz.so.1")
        self.assertEqual(contents.place_of(found[1]), "usr/lib64/ld-linux-x86-64.so.2")
        self.assertEqual(contents.place_of("/usr/lib/libssl.so.3"), "usr/lib/libssl.so.3")

    def test_a_missing_library_is_named(self) -> None:
        line = "\tlibssl.so.3 => not found\n"
        self.assertRaisesRegex(contents.Failure, "libssl.so.3 is not installed", contents.parse_libraries, line)

    def test_what_is_no_program_is_refused(self) -> None:
        self.assertRaisesRegex(contents.Failure, "no program for Linux", contents.architecture, Path(__file__))

    def test_the_user_of_the_image_has_no_shell(self) -> None:
        self.assertTrue(all(line.endswith(":/sbin/nologin") for line in contents.PASSWD.splitlines()))
        self.assertIn(":65532:65532:", contents.PASSWD)


class Lists(unittest.TestCase):
    """The list of what an image is made of."""

    def test_the_list_has_what_is_compiled_into_the_program_and_nothing_else(self) -> None:
        built = sbom.crates(METADATA, "marquee", {("a_crate", "1.0.0+native.5"): "aa"})
        self.assertEqual([crate.name for crate in built.all], ["a_crate", "b", "marquee"])
        edges = [(one.name, other.name) for one, other in built.edges]
        self.assertEqual(edges, [("a_crate", "b"), ("marquee", "a_crate")])
        crate = built.all[0]
        self.assertEqual((crate.sha256, crate.license), ("aa", "MIT OR Apache-2.0"))
        self.assertEqual(crate.url, "pkg:cargo/a_crate@1.0.0%2Bnative.5")

    def test_a_package_that_is_not_there_is_named(self) -> None:
        self.assertRaisesRegex(ValueError, "no package other", sbom.crates, METADATA, "other", {})

    def test_the_lock_file_has_a_digest_of_every_crate_from_outside(self) -> None:
        text = (ROOT / "Cargo.lock").read_text()
        digests = sbom.lock_digests(text)
        self.assertEqual(len(digests), len(re.findall("^source = ", text, re.MULTILINE)))
        self.assertNotIn("marquee", {name for name, _ in digests})

    def test_the_document_has_what_the_specification_requires(self) -> None:
        built = sbom.crates(METADATA, "marquee", {})
        debian = sbom.Component("deb", "zlib1g", "1:1.2.13", namespace="debian", qualifiers="arch=amd64")
        text = sbom.document("marquee", "1.2.3", "2023-11-14T22:13:20Z", "ab" * 32, built, [debian])
        document = json.loads(text)
        self.assertEqual(document["spdxVersion"], "SPDX-2.3")
        self.assertEqual(document["dataLicense"], "CC0-1.0")
        for key in ("SPDXID", "name", "documentNamespace", "creationInfo"):
            self.assertIn(key, document)
        names = {package["SPDXID"] for package in document["packages"]} | {"SPDXRef-DOCUMENT"}
        self.assertEqual(len(names), len(document["packages"]) + 1)
        for package in document["packages"]:
            self.assertRegex(package["SPDXID"], r"^SPDXRef-[A-Za-z0-9.-]+$")
            self.assertLessEqual({"name", "versionInfo", "downloadLocation"}, package.keys())
        for relation in document["relationships"]:
            self.assertLessEqual({relation["spdxElementId"], relation["relatedSpdxElement"]}, names)
        locators = [
            reference["referenceLocator"]
            for package in document["packages"]
            for reference in package.get("externalRefs", [])
        ]
        self.assertIn("pkg:deb/debian/zlib1g@1%3A1.2.13?arch=amd64", locators)
        self.assertEqual(text, sbom.document("marquee", "1.2.3", "2023-11-14T22:13:20Z", "ab" * 32, built, [debian]))


class Commands(Folder):
    """The command."""

    def test_a_path_alone_is_enough_for_one_image(self) -> None:
        self.assertEqual(build.binaries(["/a"], ["marquee"]), {"marquee": Path("/a")})
        both = ["marquee", "marquee-operator"]
        self.assertEqual(build.binaries(["marquee=/a"], both), {"marquee": Path("/a")})
        for wrong in ("/a", "marquee=", "other=/a"):
            self.assertRaisesRegex(contents.Failure, "IMAGE=PATH", build.binaries, [wrong], both)

    def test_the_time_of_the_sources_may_be_given(self) -> None:
        with mock.patch.dict(os.environ, SOURCE_DATE_EPOCH=str(EPOCH)):
            self.assertEqual(build.origin("a", "").epoch, EPOCH)
        with mock.patch.dict(os.environ, SOURCE_DATE_EPOCH=""), mock.patch.object(build, "git", return_value=""):
            self.assertRaisesRegex(contents.Failure, "SOURCE_DATE_EPOCH", build.origin, "a", "")

    @unittest.skipUnless(shutil.which("dpkg-query") and shutil.which("objcopy"), "images are built on Debian")
    def test_two_builds_of_a_program_give_the_same_image(self) -> None:
        program = Path(shutil.which("true")).resolve()
        images = []
        for name in ("one", "two"):
            out = self.folder / name
            with redirect_stdout(io.StringIO()):
                images.append(build.build("marquee-operator", program, OPERATOR, WHERE, out, "localhost/operator:1"))
            self.assertEqual({file.name for file in out.iterdir()}, {"marquee-operator.tar", "marquee-operator.debug"})
        self.assertEqual(images[0].digest, images[1].digest)
        self.assertEqual(images[0].place.read_bytes(), images[1].place.read_bytes())
        self.check_program(images[0].place)

    def check_program(self, place: Path) -> None:
        """Unpacks an image, and runs its program on its own libraries by its own loader."""
        root = self.folder / "root"
        with tarfile.open(place) as archive:
            for layer in json.load(archive.extractfile("manifest.json"))[0]["Layers"]:
                with tarfile.open(fileobj=archive.extractfile(layer)) as layers:
                    layers.extraction_filter = getattr(tarfile, "data_filter", None)
                    layers.extractall(root)
        listed = json.loads((root / "usr/share/marquee/sbom.spdx.json").read_text())
        self.assertIn("libc6", {package["name"] for package in listed["packages"]})
        self.assertIn("Package: libc6", (root / "var/lib/dpkg/status.d/libc6").read_text())
        self.assertIn(b"BEGIN CERTIFICATE", (root / "etc/ssl/certs/ca-certificates.crt").read_bytes())
        self.assertFalse(any((root / "usr/bin" / shell).exists() for shell in ("sh", "bash", "dash")))
        loader = next(root.glob("usr/lib*/ld-linux*"))
        libraries = ":".join(str(folder) for folder in sorted({file.parent for file in root.glob("usr/lib/**/*.so*")}))
        command = [str(loader), "--library-path", libraries, str(root / "usr/bin/marquee-operator")]
        subprocess.run(command, check=True)


PACKAGE = {"id": "operator", "name": "marquee-operator", "version": "1.2.3"}
OPERATOR = {**METADATA, "packages": [*METADATA["packages"], PACKAGE]}
OPERATOR["resolve"] = {"nodes": [*METADATA["resolve"]["nodes"], {"id": "operator", "deps": []}]}


if __name__ == "__main__":
    unittest.main()
