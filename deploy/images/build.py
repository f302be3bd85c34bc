#!/usr/bin/env python3
"""Builds the container images, without a daemon, without root and without another image.

    build.py                          marquee and marquee-operator, from programs that cargo builds
    build.py marquee --binary PATH    from a program that is built already
    build.py marquee --root FOLDER    only its files: FOLDER/base and FOLDER/program, as the Dockerfile copies them

Each image is one file in OUT, `NAME.tar`. `ctr images import FILE`, `docker load --input FILE`,
`skopeo copy oci-archive:FILE docker://…` and `buildah pull oci-archive:FILE` read it. `NAME.debug` beside it has the
debug information of the program: the image has the program without it, but with the names of its functions, which
stand in backtraces. `gdb` finds the file if it is in the folder of the program.

An image has no shell and no distribution below it: the program, the libraries that it is linked with, the certificates
of public authorities and, for `marquee`, ONNX Runtime as tests/provision/fetch.py pins it. It runs as user 65532 on a
read-only root file system. It needs a volume at /var/lib/marquee, and one at /tmp for demonstrations only.
/usr/share/marquee/sbom.spdx.json lists all that is in it.

The same program on the same packages gives the same digest. All times are SOURCE_DATE_EPOCH, or else that of the last
commit. Why are layers written here and not by buildah? It compresses with as many threads as there are processors,
and writes its own version into the image, so its digests differ from machine to machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contents
import oci
import sbom
from contents import Failure

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "provision"))
import fetch  # noqa: E402

LIBRARY = "usr/lib/marquee/libonnxruntime.so"
LICENSE = "Apache-2.0"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Program:
    """What an image is for."""

    package: str
    binary: str
    description: str
    # Whether it computes with ONNX Runtime.
    computes: bool = False
    # The arguments when none are given.
    command: tuple[str, ...] = ("--help",)
    ports: tuple[int, ...] = ()


IMAGES = {
    "marquee": Program(
        "marquee",
        "marquee",
        "Marquee, a rating platform for movies: every role, and the command line",
        computes=True,
        ports=(7070, 7080),
    ),
    "marquee-operator": Program(
        "marquee-operator", "marquee-operator", "The Kubernetes operator that carries out rollouts of Marquee's models"
    ),
}


@dataclass(frozen=True)
class Origin:
    """Where the sources are from."""

    version: str
    revision: str
    # The address of the repository, or empty.
    source: str
    # In seconds since 1970.
    epoch: int


def version() -> str:
    """The version of the workspace."""
    table = (ROOT / "Cargo.toml").read_text().partition("[workspace.package]")[2]
    found = re.search(r'^version = "(.+)"$', table, re.MULTILINE)
    if found is None:
        raise Failure("Cargo.toml has no version of the workspace: restore it")
    return found[1]


def git(*arguments: str) -> str:
    """What git says of this checkout, or nothing outside of one."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def address(remote: str) -> str:
    """The address of a repository for a label, without a user and a password. Empty if only this machine has it."""
    found = re.fullmatch(r"(https?://)(?:[^/@]*@)?([^/@]+/.+)", remote)
    return f"{found[1]}{found[2]}" if found else ""


def origin(revision: str | None, source: str | None) -> Origin:
    """What the environment and git say of the sources."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    if not epoch.isdigit():
        raise Failure("the time of the sources is unknown: set SOURCE_DATE_EPOCH to seconds since 1970")
    if revision is None:
        revision = git("rev-parse", "HEAD") or "unknown"
        if git("status", "--porcelain", "--untracked-files=no"):
            revision += "-changed"
    if source is None:
        source = address(git("config", "--get", "remote.origin.url"))
    return Origin(version(), revision, source, int(epoch))


def labels(name: str, program: Program, where: Origin) -> dict[str, str]:
    """The labels of an image, by the keys that OCI defines."""
    values = {
        "title": name,
        "description": program.description,
        "version": where.version,
        "revision": where.revision,
        "source": where.source,
        "licenses": LICENSE,
        "created": oci.timestamp(where.epoch),
    }
    return {f"org.opencontainers.image.{key}": value for key, value in values.items() if value}


def settings(name: str, where: Origin) -> dict[str, Any]:
    """How a container of the image is run."""
    program = IMAGES[name]
    variables = ["PATH=/usr/bin", f"SSL_CERT_FILE={contents.AUTHORITIES}"]
    if program.computes:
        variables.append(f"MARQUEE__ONNXRUNTIME=/{LIBRARY}")
    configuration = {
        "User": f"{contents.USER}:{contents.USER}",
        "Env": variables,
        "Entrypoint": [f"/usr/bin/{program.binary}"],
        "Cmd": list(program.command),
        "WorkingDir": contents.HOME,
        "StopSignal": "SIGTERM",
        "Labels": labels(name, program, where),
    }
    if program.ports:
        configuration["ExposedPorts"] = {f"{port}/tcp": {} for port in program.ports}
    return configuration


def cargo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs cargo on the workspace. What it says of its progress is shown."""
    try:
        return subprocess.run(["cargo", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError:
        raise Failure("cargo is missing: install Rust by rustup") from None
    except subprocess.CalledProcessError:
        raise Failure(f"cargo {arguments[0]} failed, and its messages are above") from None


def metadata() -> dict[str, Any]:
    """The workspace and its dependencies on this machine, as cargo knows them."""
    rustc = subprocess.run(["rustc", "-vV"], cwd=ROOT, capture_output=True, text=True, check=False)
    host = re.search(r"^host: (\S+)$", rustc.stdout, re.MULTILINE)
    platforms = ["--filter-platform", host[1]] if host else []
    return json.loads(cargo("metadata", "--locked", "--format-version=1", *platforms).stdout)


def compile_program(program: Program, target: Path) -> Path:
    """Builds the release binary."""
    cargo("build", "--release", "--locked", "--package", program.package, "--bin", program.binary)
    return target / "release" / program.binary


def split(binary: Path, folder: Path, debug: Path) -> Path:
    """Writes the debug information of a program to `debug`, and the program without it into a folder."""
    stripped = folder / binary.name
    contents.run(["objcopy", "--only-keep-debug", str(binary), str(debug)])
    contents.run(["objcopy", "--strip-debug", f"--add-gnu-debuglink={debug}", str(binary), str(stripped)])
    return stripped


def runtime() -> tuple[Path, sbom.Component]:
    """ONNX Runtime's library from the cache folder, where it is put if it is missing."""
    print(f"onnxruntime: {fetch.provide('onnxruntime', fetch.cache_folder())}", flush=True)
    wheel, place = fetch.onnxruntime(), fetch.where("onnxruntime", fetch.cache_folder())
    return place, sbom.Component("pypi", "onnxruntime", wheel.version, "MIT", wheel.sha256)


@dataclass(frozen=True)
class Files:
    """The files of an image, in the order of its layers: what changes rarely comes first."""

    architecture: str
    base: list[oci.Entry]
    program: list[oci.Entry]


def collect(name: str, binary: Path, known: dict[str, Any], where: Origin) -> Files:
    """Collects the files of an image."""
    program = IMAGES[name]
    machine = contents.architecture(binary)
    this = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
    if machine != this:
        raise Failure(f"{binary} is for {machine}, and its libraries would be those of this machine, {this}")
    programs, around, others = [binary], [], []
    if program.computes:
        library, component = runtime()
        programs.append(library)
        around.append(oci.file(LIBRARY, library, 0o755))
        notices = (library.with_name(notice.name) for notice in fetch.ONNXRUNTIME_NOTICES)
        around += [oci.file(f"usr/share/doc/onnxruntime/{notice.name}", notice) for notice in notices]
        others.append(component)
    base, packages = contents.base(programs)
    digests = sbom.lock_digests((ROOT / "Cargo.lock").read_text())
    built = sbom.crates(known, program.package, digests)
    created = oci.timestamp(where.epoch)
    listed = sbom.document(name, where.version, created, fetch.sha256(binary), built, [*others, *packages])
    own = [
        oci.file(f"usr/bin/{program.binary}", binary, 0o755),
        oci.file("usr/share/marquee/sbom.spdx.json", listed),
        oci.file("usr/share/doc/marquee/LICENSE", ROOT / "LICENSE"),
    ]
    return Files(machine, [*base, *around], own)


@contextmanager
def prepared(name: str, given: Path | None, known: dict[str, Any], out: Path) -> Iterator[tuple[Path, Path]]:
    """The program of an image without debug information, and a temporary folder, which goes afterwards."""
    program = IMAGES[name]
    binary = given or compile_program(program, Path(known["target_directory"]))
    if not binary.is_file():
        raise Failure(f"{binary} does not exist: build it, or leave --binary out")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".image-", dir=out) as folder:
        yield split(binary, Path(folder), out / f"{name}.debug"), Path(folder)


def build(name: str, given: Path | None, known: dict[str, Any], where: Origin, out: Path, reference: str) -> oci.Image:
    """Writes the archive of an image, and the debug information of its program beside it."""
    with prepared(name, given, known, out) as (binary, folder):
        files = collect(name, binary, known, where)
        layers = [
            oci.write_layer(entries, folder / f"layer-{number}", where.epoch)
            for number, entries in enumerate((files.base, files.program))
        ]
        place = folder / "image.tar"
        image = oci.write_image(place, reference, settings(name, where), files.architecture, layers, where.epoch)
        place.replace(out / f"{name}.tar")
    return oci.Image(out / f"{name}.tar", image.digest, image.size)


def write_files(name: str, given: Path | None, known: dict[str, Any], where: Origin, root: Path) -> None:
    """Writes the files of an image into folders, one for each layer."""
    with prepared(name, given, known, root) as (binary, _):
        files = collect(name, binary, known, where)
        oci.write_folder(files.base, root / "base")
        oci.write_folder(files.program, root / "program")


def binaries(given: list[str], names: list[str]) -> dict[str, Path]:
    """The programs that are given, by image. `PATH` alone is enough for one image."""
    found = {}
    for text in given:
        name, separator, path = text.partition("=")
        if not separator and len(names) == 1:
            name, path = names[0], text
        if name not in names or not path:
            raise Failure(f"--binary {text}: give IMAGE=PATH, with one of {', '.join(names)}")
        # objcopy runs in this folder too.
        found[name] = Path(path).resolve()
    return found


def main() -> int:
    """Command line: the images to build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known_images = f"{', '.join(IMAGES)}; default: all"
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=known_images)
    parser.add_argument("--binary", action="append", default=[], metavar="[IMAGE=]PATH", help="a program that is built")
    parser.add_argument("--out", type=Path, metavar="OUT", help="default: images in the target folder of cargo")
    parser.add_argument("--repository", default="localhost", help="precedes the names of images; default: localhost")
    parser.add_argument("--tag", help="default: the version of the workspace")
    parser.add_argument("--revision", help="the commit; default: the one that is checked out")
    parser.add_argument("--source", help="the address of the repository; default: that of the remote `origin`")
    parser.add_argument("--root", type=Path, metavar="FOLDER", help="write the files of one image, and no archive")
    arguments = parser.parse_args()
    names = arguments.images or list(IMAGES)
    try:
        unknown = [name for name in names if name not in IMAGES]
        if unknown or (arguments.root and len(names) != 1):
            raise Failure(f"name images of {', '.join(IMAGES)}, and one of them with --root")
        given = binaries(arguments.binary, names)
        where, known = origin(arguments.revision, arguments.source), metadata()
        out = arguments.out or Path(known["target_directory"], "images")
        for name in names:
            if arguments.root:
                write_files(name, given.get(name), known, where, arguments.root.resolve())
                continue
            reference = f"{arguments.repository}/{name}:{arguments.tag or where.version}"
            image = build(name, given.get(name), known, where, out.resolve(), reference)
            print(f"{reference}: {image.digest}, {image.size / MEGABYTE:.1f} MB compressed, {image.place}", flush=True)
    except (Failure, fetch.Failure, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
