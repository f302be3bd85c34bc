"""Collects what a dynamic program needs around it: libraries, certificates, and the files that name its user.

Images have no distribution below them. The libraries are those of the Debian packages on the machine that builds, so an
image is kept patched by building it again after `apt-get upgrade`. A scanner recognizes them by `/etc/os-release` and
the folder `/var/lib/dpkg/status.d`, which has the entry of each package.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oci import Entry, file, folder, link
from sbom import Component

# The user of every image; `nonroot` in the images of others has the same number.
USER = 65532
HOME = "/var/lib/marquee"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"

ROOT = "root:x:0:0:root:/root:/sbin/nologin\n"
PASSWD = f"{ROOT}marquee:x:{USER}:{USER}:Marquee:{HOME}:/sbin/nologin\n"
GROUP = f"root:x:0:\nmarquee:x:{USER}:\n"
# Names in /etc/hosts come first, as on Debian.
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"

# By the number of the machine in an ELF header.
ARCHITECTURES = {62: "amd64", 183: "arm64"}


class Failure(Exception):
    """What went wrong, and what to do about it."""


def run(command: list[str]) -> str:
    """Runs a tool and returns what it printed."""
    # Libraries that a variable names are not those of the system, and words in other languages are not understood.
    hidden = ("LD_LIBRARY_PATH", "LD_PRELOAD")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"LC_ALL": "C"}
    streams = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
    try:
        result = subprocess.run(command, **streams, env=environment, check=False)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is missing: images are built on Debian, or by deploy/images/Dockerfile") from None
    if result.returncode != 0:
        lines = (result.stderr + result.stdout).strip().splitlines() or ["no message"]
        raise Failure(f"{' '.join(command[:2])}: {lines[0]}")
    return result.stdout


def architecture(program: Path) -> str:
    """The architecture that a program is for, as OCI calls it."""
    with program.open("rb") as source:
        head = source.read(20)
    if head[:4] != b"\x7fELF":
        raise Failure(f"{program} is no program for Linux")
    machine = int.from_bytes(head[18:20], "little")
    if machine not in ARCHITECTURES:
        raise Failure(f"{program} is for another machine than {' or '.join(ARCHITECTURES.values())}")
    return ARCHITECTURES[machine]


def parse_libraries(output: str) -> list[str]:
    """The paths in what `ldd` prints, the loader included."""
    found = []
    for line in output.splitlines():
        if "not found" in line:
            raise Failure(f"{line.split()[0]} is not installed, and the program needs it")
        path = re.search(r"(?:=> |^\s*)(/\S+) \(0x", line)
        if path:
            found.append(path[1])
    return found


def libraries(programs: Iterable[Path]) -> list[str]:
    """The shared libraries that programs and libraries are linked with, by the paths at which the loader looks."""
    return sorted({path for program in programs for path in parse_libraries(run(["ldd", str(program)]))})


def place_of(library: str) -> str:
    """The path of a library in the image, where /lib and /lib64 are links into /usr."""
    path = library.removeprefix("/usr").removeprefix("/")
    return f"usr/{path}"


@dataclass(frozen=True)
class Package:
    """A Debian package that is installed here."""

    name: str
    version: str
    architecture: str
    # Its entry in the list of installed packages.
    status: str
    copyright: Path

    def component(self, release: str) -> Component:
        """The package in the list of what the image is made of."""
        qualifiers = f"arch={self.architecture}&distro={release}"
        return Component("deb", self.name, self.version, namespace="debian", qualifiers=qualifiers)


def package(name: str) -> Package:
    """An installed package by its name."""
    form = "${Package}\t${Version}\t${Architecture}"
    found = run(["dpkg-query", "--show", f"--showformat={form}", name]).split("\t")
    status = run(["dpkg-query", "--status", name])
    return Package(found[0], found[1], found[2], status, Path("/usr/share/doc", found[0], "copyright"))


def owner(library: str) -> str:
    """The name of the package that a file is from."""
    real = str(Path(library).resolve())
    # The list of files may be older than the move of /lib into /usr.
    for path in (real, real.removeprefix("/usr")):
        try:
            found = run(["dpkg-query", "--search", path])
        except Failure:
            continue
        return found.splitlines()[0].rpartition(": ")[0]
    fix = "build in deploy/images/Dockerfile, where all libraries are Debian's"
    raise Failure(f"{library} is from no Debian package, so its version is unknown: {fix}")


def release() -> tuple[str, str]:
    """What /etc/os-release says, and the distribution with its version."""
    text = Path("/etc/os-release").read_text()
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    return text, f"{values.get('ID', 'debian')}-{values.get('VERSION_ID', '0')}"


def authorities() -> bytes:
    """The certificates of public authorities, without those that were added to this machine."""
    files = sorted(Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    if not files:
        raise Failure("the certificates of public authorities are missing: install ca-certificates")
    return b"".join(certificate.read_bytes().strip() + b"\n" for certificate in files)


def base(programs: Iterable[Path]) -> tuple[list[Entry], list[Component]]:
    """Everything around programs: the entries of a layer, and the Debian packages that they are from."""
    needed = {place_of(library): library for library in libraries(programs)}
    names = sorted({*(owner(library) for library in needed.values()), "ca-certificates"})
    packages = [package(name) for name in names]
    text, distribution = release()
    entries = [
        *(folder(path) for path in ("dev", "proc", "run", "sys", "usr/bin", "usr/lib64")),
        folder("tmp", 0o1777),
        folder(HOME.removeprefix("/"), 0o700, USER),
        link("bin", "usr/bin"),
        link("lib", "usr/lib"),
        link("lib64", "usr/lib64"),
        file("etc/passwd", PASSWD.encode()),
        file("etc/group", GROUP.encode()),
        file("etc/nsswitch.conf", NSSWITCH.encode()),
        file("etc/os-release", text.encode()),
        file(AUTHORITIES.removeprefix("/"), authorities()),
    ]
    entries += [file(place, Path(library).resolve(), 0o755) for place, library in needed.items()]
    for found in packages:
        entries.append(file(f"var/lib/dpkg/status.d/{found.name}", found.status.encode()))
        if found.copyright.is_file():
            entries.append(file(f"usr/share/doc/{found.name}/copyright", found.copyright.resolve()))
    return entries, [found.component(distribution) for found in packages]
