#!/usr/bin/env python3
"""Prepares the real servers that tests run Marquee against, in the user's cache folder.

    prepare.py kafka    Kafka, as the jars that Maven resolves from kafka/pom.xml
    prepare.py redis    Redis 7 or newer, as Debian packages it
    prepare.py postgresql    PostgreSQL 13 or newer, as Debian packages it
    prepare.py mariadb  MariaDB 10 or newer, as Debian packages it
    prepare.py s3       versitygw, an S3 server over a folder, built from the Go module that s3/go.mod names
    prepare.py chromium    the browser that looks at pages, as Debian packages it
    prepare.py kubernetes    etcd, kube-apiserver and kubectl, built from the Go modules that kubernetes/go.mod pins
    prepare.py all      all of these
    prepare.py cluster  all of these, and what a node with pods and the tests on it need: the other programs of
                        Kubernetes, containerd as Debian packages it, CoreDNS, Helm, a registry; and OpenTofu,
                        which checks the Terraform modules
    prepare.py --where NAME    where it is; prepares nothing

No containers: each comes from a package registry by that registry's ordinary client, which knows the user's proxies and
mirrors. What is fetched is pinned by digest: Kafka's jars by kafka/libs.sha256 (`UPDATE_EXPECT=1 prepare.py kafka`
writes it again after a change of the pom), etcd and the Kubernetes programs by kubernetes/go.sum. Other programs in Go
are pinned by the go.sum of their folder here, and by the go.sum inside the module that it pins. Redis, the databases
and containerd are whichever of their packages the distribution trusts; the cache folder holds links to them and their versions.

All of it lies in `$XDG_CACHE_HOME/marquee/servers` (or `~/.cache/marquee/servers`), a folder for each server and
version; the harness (tests/src/servers.rs) knows these folders by name. What is in place already is verified and left
alone without touching the network; anything else is built in a temporary folder beside its place and renamed into it.
Maven's own cache lives in that temporary folder too, and Go's in `.go` beside it, so that nothing else of the user's is
touched. All programs of one call share Go's cache, and it is removed at the end. Building takes 1 GB (kubernetes: 4 GB,
and ten minutes on two cores; cluster: 8 GB, and 25 minutes) for as long as it lasts.

This starts no server. Starting, and ending by process id, is the business of each test.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "provision"))
from fetch import Failure, cache_folder, publish, sha256, workshop  # noqa: E402

POM, LIBS = HERE / "kafka" / "pom.xml", HERE / "kafka" / "libs.sha256"
KUBERNETES_MOD, KUBERNETES_SUM = HERE / "kubernetes" / "go.mod", HERE / "kubernetes" / "go.sum"
# The programs of the folder, and the packages that they are built from.
KUBERNETES_PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
# The same of the folder for a node with pods.
NODE_PROGRAMS = {
    name: f"k8s.io/kubernetes/cmd/{name}"
    for name in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
}


@dataclass(frozen=True)
class Module:
    """A program that is built from one Go module, against the go.sum inside it."""

    # The folder here that pins it, and the name of the program.
    pin: str
    program: str
    path: str
    # The package of the program in the module.
    package: str
    # Variables that the linker sets: to the version, or to the value behind an equals sign.
    stamps: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Its version, without the letter at the start."""
        return pinned(HERE / self.pin / "go.mod", rf"^require {re.escape(self.path)} v(.+)$")

    def folder(self, servers: Path) -> Path:
        """Where the program is."""
        return servers / f"{self.program}-{self.version}"


MODULES = {
    "s3": Module("s3", "versitygw", "github.com/versity/versitygw", "./cmd/versitygw", ("main.Version",)),
    "coredns": Module("coredns", "coredns", "github.com/coredns/coredns", "."),
    "helm": Module(
        "helm",
        "helm",
        "helm.sh/helm/v3",
        "./cmd/helm",
        (
            "helm.sh/helm/v3/internal/version.version",
            # The Kubernetes that it takes for granted where it asks no cluster: that of the node.
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1",
            "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34",
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1",
            "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=34",
        ),
    ),
    "registry": Module(
        "registry",
        "registry",
        "github.com/distribution/distribution/v3",
        "./cmd/registry",
        ("github.com/distribution/distribution/v3/version.version",),
    ),
    "tofu": Module(
        "tofu",
        "tofu",
        "github.com/opentofu/opentofu",
        "./cmd/tofu",
        ("github.com/opentofu/opentofu/version.dev=no",),
    ),
}

# Below the folder of the servers.
GO_CACHES = ".go"

# Kafka 4 runs on no older Java; the tests use what Redis 7 brought.
OLDEST_JAVA = 17
OLDEST_REDIS = 7
OLDEST_POSTGRESQL = 13
OLDEST_MARIADB = 10
# What the browser is called by Debian, by Ubuntu and by its maker.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# The oldest containerd that the settings of the node are for.
OLDEST_CONTAINERD = (1, 6)

# The programs of a node that distributions package, and the package of each.
CONTAINERD_PROGRAMS = {
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "iptables-restore": "iptables",
    "iptables-save": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "nsenter": "util-linux",
    "mount": "mount",
    "openssl": "openssl",
}
# The plugins that give pods their network have a folder of their own.
NETWORK_PLUGINS, NETWORK_PACKAGE = Path("/usr/lib/cni"), "containernetworking-plugins"
PLUGINS = ("bridge", "host-local", "loopback", "portmap")
# Debian keeps the programs of each version of PostgreSQL in a folder of its own.
POSTGRESQL_PROGRAMS = Path("/usr/lib/postgresql")
# Programs of administrators are not on everybody's PATH.
ADMINISTRATION = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def pinned(file: Path, pattern: str) -> str:
    """The version that a committed file pins."""
    found = re.search(pattern, file.read_text(), re.MULTILINE)
    if found is None:
        raise Failure(f"{file.name} pins no version: restore it")
    return found[1]


def kafka_folder(servers: Path) -> Path:
    """Where Kafka's jars are."""
    return servers / f"kafka-{pinned(POM, '<kafka.version>(.+)</kafka.version>')}"


def redis_folder(servers: Path) -> Path:
    """Where links to Redis's programs are."""
    return servers / f"redis-{OLDEST_REDIS}"


def postgresql_folder(servers: Path) -> Path:
    """Where links to PostgreSQL's programs are."""
    return servers / f"postgresql-{OLDEST_POSTGRESQL}"


def mariadb_folder(servers: Path) -> Path:
    """Where links to MariaDB's programs are."""
    return servers / f"mariadb-{OLDEST_MARIADB}"


def chromium_folder(servers: Path) -> Path:
    """Where a link to the browser is."""
    return servers / "chromium"


def kubernetes_folder(servers: Path) -> Path:
    """Where etcd, kube-apiserver and kubectl are."""
    return servers / f"kubernetes-{kubernetes_version()}"


def node_folder(servers: Path) -> Path:
    """Where the other programs of Kubernetes are, which a node with pods needs."""
    return servers / f"kubernetes-node-{kubernetes_version()}"


def containerd_folder(servers: Path) -> Path:
    """Where links to containerd and to what it needs are."""
    return servers / f"containerd-{'.'.join(map(str, OLDEST_CONTAINERD))}"


def kubernetes_version() -> str:
    """The release of Kubernetes."""
    return pinned(KUBERNETES_MOD, r"^require k8s.io/kubernetes v(\S+)")


def oldest_go() -> str:
    """The oldest Go that all programs are built with."""
    files = (KUBERNETES_MOD, *(HERE / module.pin / "go.mod" for module in MODULES.values()))
    versions = (pinned(file, r"^go (\d+\.\d+)") for file in files)
    return max(versions, key=lambda version: tuple(map(int, version.split("."))))


def run(command: list[str], what: str, folder: Path, variables: dict[str, str] | None = None) -> str:
    """Runs a tool and returns what it printed; its failure becomes one line that says what to do."""
    environment = {**os.environ, **(variables or {})}
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        raise Failure(explain(result.stdout + result.stderr, what))
    return result.stdout


# In the words of Maven, Go and apt.
NO_NETWORK = re.compile(
    "Could not transfer|Unknown host|UnknownHost|Connection refused|Connection reset|Network is unreachable|PKIX"
    "|no such host|connection refused|connection reset|i/o timeout|TLS handshake|unexpected EOF|proxyconnect"
    "|Could not resolve|Temporary failure resolving|Failed to fetch|Could not connect|[Tt]imed out|timeout"
    "|No plugin found for prefix|Plugin .* could not be resolved"
)
ALTERED = re.compile("SECURITY ERROR|checksum mismatch|Hash Sum mismatch|Checksum validation failed")
COMPLAINT = re.compile(r"^(\[ERROR\]|E:|go: |verifying |\S*error)", re.IGNORECASE)
ADDRESS = re.compile(r"\w+://\S+|\b(?:[\w-]+\.)+(?:com|dev|internal|io|local|net|org)\b(?![/\w])(?::\d+)?")


def explain(output: str, what: str) -> str:
    """One line for what a tool printed in many."""
    if ALTERED.search(output):
        reason = "the download is not what is pinned, so something on its way here alters files"
        return f"{what}: {reason}: try another mirror"
    if NO_NETWORK.search(output):
        fix = "connect to the network, or set up the proxy or mirror that it requires"
        return f"{what}: the registry cannot be reached: {fix}"
    if re.search("requires go >=|invalid go version", output):
        return f"{what}: this Go is too old: install {oldest_go()} or newer, and put it first on PATH"
    if re.search("could not get lock|unable to acquire", output, re.IGNORECASE):
        return f"{what}: another apt is at work: try again when it has ended"
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no message"]
    complaints = [line for line in lines if COMPLAINT.match(line) and not line.startswith("go: downloading")]
    # A mirror's address may carry a password, and logs are kept.
    return f"{what}: {ADDRESS.sub('(address)', (complaints or lines[-1:])[0])}"


def put(place: Path, holds: Callable[[Path], bool], make: Callable[[Path], None]) -> None:
    """Makes the folder of a server in a temporary one, and renames it into its place."""
    with workshop(place.parent) as folder:
        # Another process may have held the lock for this very thing.
        if not holds(place):
            make(folder)
            publish(folder / "new", place, folder / "old")


def read_digests(file: Path) -> dict[str, str]:
    """Digests by file name, as `sha256sum` prints them."""
    rows = (line.split() for line in file.read_text().splitlines() if line.strip())
    return {name: digest for digest, name in rows}


def digests(folder: Path) -> dict[str, str]:
    """Digest of every file in a folder, in the order of names."""
    return {file.name: sha256(file) for file in sorted(folder.iterdir())}


def holds_libs(place: Path) -> bool:
    """Whether a folder has exactly the files that libs.sha256 names."""
    wanted = read_digests(LIBS)
    if not place.is_dir() or {file.name for file in place.iterdir()} != set(wanted):
        return False
    return digests(place) == wanted


def holds_kafka(place: Path) -> bool:
    """Whether Kafka's jars are there, and are not to be pinned anew."""
    return not os.environ.get("UPDATE_EXPECT") and holds_libs(place)


def check_libs(folder: Path) -> None:
    """Compares what Maven brought with what is committed, or commits it anew where UPDATE_EXPECT says so."""
    found = digests(folder)
    if os.environ.get("UPDATE_EXPECT"):
        LIBS.write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()))
        return
    wanted = read_digests(LIBS)
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        names = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        fix = "try another mirror, or, if the pom was changed, write it anew with UPDATE_EXPECT=1"
        raise Failure(f"{names}: not as {LIBS.name} has it: {fix}")


def check_java() -> None:
    """Whether Kafka can run here."""
    fix = "install it (Debian, Ubuntu: `apt install default-jre-headless`) and put it first on PATH"
    if shutil.which("java") is None:
        raise Failure(f"java is missing, and Kafka needs {OLDEST_JAVA} or newer: {fix}")
    result = subprocess.run(["java", "-version"], capture_output=True, text=True, errors="replace", check=False)
    version = re.search(r'version "(?:1\.)?(\d+)', result.stderr + result.stdout)
    if result.returncode != 0 or version is None or int(version[1]) < OLDEST_JAVA:
        this = f"Java {version[1]}" if version else "a java that does not run"
        raise Failure(f"Kafka needs Java {OLDEST_JAVA} or newer, and this is {this}: {fix}")


def fetch_kafka(folder: Path) -> None:
    """Fetches the jars that the pom names, and checks them."""
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'new'}"]
    options = ["--quiet", "--batch-mode", "-Dstyle.color=never", f"-Dmaven.repo.local={folder / 'maven'}"]
    run(["mvn", *options, f"--file={POM}", *goal], kafka_folder(folder).name, folder)
    check_libs(folder / "new")


def provide_kafka(servers: Path) -> str:
    """Sees to it that Kafka's jars are in the cache."""
    place = kafka_folder(servers)
    if shutil.which("java") is not None and holds_kafka(place):
        return f"in place: {place}"
    check_java()
    if shutil.which("mvn") is None:
        raise Failure("mvn is missing: install it (Debian, Ubuntu: `apt install maven`)")
    print(f"fetching {place.name}", flush=True)
    put(place, holds_kafka, fetch_kafka)
    return f"now in {place}"


def redis_version(program: Path) -> str:
    """Version of a redis-server; empty if it does not run."""
    try:
        result = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", check=False)
    except OSError:
        return ""
    version = re.search(r"\bv=(\d+\.\d+\.\d+)", result.stdout)
    return version[1] if version else ""


def holds_redis(place: Path) -> bool:
    """Whether the links lead to programs, and to the version that was recorded."""
    version = place / "version"
    if not version.is_file() or not os.access(place / "redis-cli", os.X_OK):
        return False
    return version.read_text().strip() == redis_version(place / "redis-server")


def install(packages: list[str], service: str, missing: str, folder: Path) -> None:
    """Installs packages, and stops the service that installing them may have started."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    by_hand = f"`sudo apt-get update && sudo {' '.join(command)}`"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Failure(f"{missing} missing: install them (Debian, Ubuntu: {by_hand})")
    print(f"installing {' '.join(packages)}", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    run(["apt-get", "update"], "apt-get update", folder, quiet)
    run([*command, "-o", "DPkg::Lock::Timeout=300"], packages[0], folder, quiet)
    if Path("/run/systemd/system").is_dir():
        run(["systemctl", "disable", "--now", service], service, folder)
    elif os.access(f"/etc/init.d/{service}", os.X_OK):
        run([f"/etc/init.d/{service}", "stop"], service, folder)


def make_redis(folder: Path) -> None:
    """Installs Redis if it is missing, and makes a folder of links to it."""
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        install(["redis-server", "redis-tools"], "redis-server", "redis-server and redis-cli are", folder)
    link_redis(folder / "new")


def provide_redis(servers: Path) -> str:
    """Sees to it that Redis is installed, and the cache has links to it."""
    place = redis_folder(servers)
    if holds_redis(place):
        return f"in place: {place}, version {redis_version(place / 'redis-server')}"
    put(place, holds_redis, make_redis)
    return f"now in {place}, version {redis_version(place / 'redis-server')}"


def link_redis(place: Path) -> None:
    """Makes a folder with links to Redis's programs and their version."""
    place.mkdir()
    for name in ("redis-server", "redis-cli"):
        program = shutil.which(name)
        if program is None:
            raise Failure(f"{name} is not on PATH after its package was installed: put its folder there")
        (place / name).symlink_to(program)
    version = redis_version(place / "redis-server")
    if not version or int(version.split(".")[0]) < OLDEST_REDIS:
        this = f"version {version}" if version else "one that does not run"
        fix = "put a newer one first on PATH"
        raise Failure(f"tests need Redis {OLDEST_REDIS} or newer, and redis-server is {this}: {fix}")
    (place / "version").write_text(f"{version}\n")


def find_chromium() -> str | None:
    """The path of a browser that is installed and runs. Ubuntu's package is a script that only says how to get one."""
    for program in filter(None, map(shutil.which, CHROMIUM)):
        with contextlib.suppress(OSError):
            if subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0:
                return program
    return None


def holds_chromium(place: Path) -> bool:
    """Whether the link leads to a program."""
    return os.access(place / "chromium", os.X_OK)


def make_chromium(folder: Path) -> None:
    """Installs the browser if it is missing, and makes a folder with a link to it."""
    if find_chromium() is None:
        install(["chromium", "fonts-liberation"], "chromium", "chromium is", folder)
    program = find_chromium()
    if program is None:
        raise Failure("chromium is not on PATH after its package was installed: put its folder there")
    (folder / "new").mkdir()
    (folder / "new" / "chromium").symlink_to(program)


def provide_chromium(servers: Path) -> str:
    """Sees to it that a browser is installed, and the cache has a link to it."""
    place = chromium_folder(servers)
    if holds_chromium(place):
        return f"in place: {place}"
    put(place, holds_chromium, make_chromium)
    return f"now in {place}"


def find_program(name: str) -> str | None:
    """The path of a program, also of one for administrators."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *ADMINISTRATION)))


@dataclass(frozen=True)
class Database:
    """A database as the distribution packages it."""

    name: str
    # Its programs. The first is the server, and says its version.
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    oldest: int
    place: Callable[[Path], Path]
    # The service that installing it may start.
    service: str

    def version(self, program: Path) -> str:
        """Version of a server; empty if it does not run."""
        try:
            command = [program, "--version"]
            result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except OSError:
            return ""
        version = re.search(r"(?:PostgreSQL\) |Ver )(\d+\.\d+(?:\.\d+)?)", result.stdout)
        return version[1] if version else ""

    def find(self, name: str) -> str | None:
        """The path of a program: of the newest version in Debian's folders, or on PATH."""
        if self.name == "postgresql":
            folders = sorted(POSTGRESQL_PROGRAMS.glob("*/bin"), key=lambda folder: folder.parent.name.zfill(4))
            for folder in reversed(folders):
                if os.access(folder / name, os.X_OK):
                    return str(folder / name)
        return find_program(name)

    def holds(self, place: Path) -> bool:
        """Whether the links lead to programs, and to the version that was recorded."""
        version = place / "version"
        if not version.is_file() or not all(os.access(place / name, os.X_OK) for name in self.programs):
            return False
        return version.read_text().strip() == self.version(place / self.programs[0])

    def make(self, folder: Path) -> None:
        """Installs what is missing, and makes a folder of links."""
        if any(self.find(name) is None for name in self.programs):
            missing = f"{' and '.join(self.programs)} are"
            install(list(self.packages), self.service, missing, folder)
        place = folder / "new"
        place.mkdir()
        for name in self.programs:
            program = self.find(name)
            if program is None:
                raise Failure(f"{name} is not on PATH after its package was installed: put its folder there")
            (place / name).symlink_to(program)
        version = self.version(place / self.programs[0])
        if not version or int(version.split(".")[0]) < self.oldest:
            this = f"version {version}" if version else "one that does not run"
            fix = "put a newer one first on PATH"
            raise Failure(f"tests need {self.name} {self.oldest} or newer, and {self.programs[0]} is {this}: {fix}")
        (place / "version").write_text(f"{version}\n")

    def provide(self, servers: Path) -> str:
        """Sees to it that it is installed, and the cache has links to it."""
        place = self.place(servers)
        if not self.holds(place):
            put(place, self.holds, self.make)
            return f"now in {place}, version {self.version(place / self.programs[0])}"
        return f"in place: {place}, version {self.version(place / self.programs[0])}"


POSTGRESQL = Database(
    "postgresql",
    ("postgres", "initdb", "psql"),
    ("postgresql", "postgresql-client"),
    OLDEST_POSTGRESQL,
    postgresql_folder,
    "postgresql",
)
MARIADB = Database(
    "mariadb",
    ("mariadbd", "mariadb", "mariadb-install-db"),
    ("mariadb-server-core", "mariadb-client-core"),
    OLDEST_MARIADB,
    mariadb_folder,
    "mariadb",
)


def containerd_version(program: Path) -> str:
    """Version of a containerd; empty if it does not run."""
    try:
        result = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", check=False)
    except OSError:
        return ""
    version = re.search(r"\sv?(\d+\.\d+\.\d+)", result.stdout)
    return version[1] if version else ""


def missing_packages() -> list[str]:
    """The packages of those programs and plugins that are not here."""
    missing = {package for name, package in CONTAINERD_PROGRAMS.items() if find_program(name) is None}
    if not all(os.access(NETWORK_PLUGINS / name, os.X_OK) for name in PLUGINS):
        missing.add(NETWORK_PACKAGE)
    return sorted(missing)


def holds_containerd(place: Path) -> bool:
    """Whether the links lead to programs, and to the version that was recorded."""
    version = place / "version"
    if not version.is_file() or not all(os.access(place / name, os.X_OK) for name in CONTAINERD_PROGRAMS):
        return False
    plugins = all(os.access(NETWORK_PLUGINS / name, os.X_OK) for name in PLUGINS)
    return plugins and version.read_text().strip() == containerd_version(place / "containerd")


def make_containerd(folder: Path) -> None:
    """Installs the packages of which something is missing, and makes a folder of links."""
    packages = missing_packages()
    if packages:
        install(packages, "containerd", "programs of a node are", folder)
    place = folder / "new"
    place.mkdir()
    for name in CONTAINERD_PROGRAMS:
        program = find_program(name)
        if program is None:
            raise Failure(f"{name} is not on PATH after its package was installed: put its folder there")
        (place / name).symlink_to(program)
    version = containerd_version(place / "containerd")
    if not version or tuple(map(int, version.split(".")))[:2] < OLDEST_CONTAINERD:
        this = f"version {version}" if version else "one that does not run"
        oldest = ".".join(map(str, OLDEST_CONTAINERD))
        raise Failure(f"a node needs containerd {oldest} or newer, and this is {this}: put a newer one first on PATH")
    (place / "version").write_text(f"{version}\n")


def provide_containerd(servers: Path) -> str:
    """Sees to it that containerd is installed with what it needs, and the cache has links to it."""
    place = containerd_folder(servers)
    if holds_containerd(place):
        return f"in place: {place}, version {containerd_version(place / 'containerd')}"
    put(place, holds_containerd, make_containerd)
    return f"now in {place}, version {containerd_version(place / 'containerd')}"


def holds_programs(place: Path, names: Iterable[str]) -> bool:
    """Whether a folder has the programs that were built into it."""
    stamps = place / "programs.sha256"
    if not stamps.is_file() or not all((place / name).is_file() for name in names):
        return False
    return read_digests(stamps) == {name: sha256(place / name) for name in sorted(names)}


def stamp_programs(place: Path, names: Iterable[str]) -> None:
    """Writes the digests of programs beside them."""
    lines = (f"{sha256(place / name)}  {name}\n" for name in sorted(names))
    (place / "programs.sha256").write_text("".join(lines))


def go_module(folder: Path, files: tuple[Path, ...]) -> tuple[Path, dict[str, str]]:
    """Makes a module of committed files, and the environment of a Go whose caches lie beside the folder."""
    module, caches = folder / "module", folder.parent / GO_CACHES
    module.mkdir()
    for file in files:
        shutil.copy(file, module)
    # Files of the module cache are read-only by default, and the temporary folder could not be removed.
    flags = f"{os.environ.get('GOFLAGS', '')} -mod=readonly -modcacherw -buildvcs=false".strip()
    variables = {"GOFLAGS": flags, "GOWORK": "off", "CGO_ENABLED": "0"}
    variables |= {"GOPATH": str(caches), "GOMODCACHE": str(caches / "mod"), "GOCACHE": str(caches / "build")}
    return module, variables


def remove_go_caches(servers: Path) -> None:
    """Removes Go's caches, unless another process is building with them: it removes them at its end."""
    if not (servers / GO_CACHES).exists():
        return
    with (servers / ".lock").open("w") as lock, contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(servers / GO_CACHES, ignore_errors=True)


def build_module(wanted: Module, folder: Path) -> None:
    """Fetches a module against the committed go.sum, and builds its program against the module's own."""
    new, version = folder / "new", f"v{wanted.version}"
    module, variables = go_module(folder, (HERE / wanted.pin / "go.mod", HERE / wanted.pin / "go.sum"))
    answer = run(["go", "mod", "download", "-json", f"{wanted.path}@{version}"], wanted.path, module, variables)
    stamped = "".join(f" -X {stamp if '=' in stamp else f'{stamp}={version}'}" for stamp in wanted.stamps)
    source, program = Path(json.loads(answer)["Dir"]), new / wanted.program
    flags = ["-trimpath", "-ldflags", f"-s -w{stamped}"]
    run(["go", "build", *flags, "-o", str(program), wanted.package], wanted.path, source, variables)
    stamp_programs(new, [wanted.program])


def build_kubernetes(programs: dict[str, str], folder: Path) -> None:
    """Builds programs of Kubernetes, and etcd, against the committed go.sum."""
    module, variables = go_module(folder, (KUBERNETES_MOD, KUBERNETES_SUM))
    version = kubernetes_version()
    major, minor, _ = version.split(".")
    told = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamped = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in told.items())
    for name, package in programs.items():
        print(f"building {name}", flush=True)
        output = ["-o", str(folder / "new" / name)]
        run(["go", "build", "-trimpath", "-ldflags", f"-s -w {stamped}", *output, package], name, module, variables)
    stamp_programs(folder / "new", programs)


def provide_built(place: Path, names: Iterable[str], build: Callable[[Path], None]) -> str:
    """Sees to it that programs that Go builds are in the cache."""
    if holds_programs(place, names):
        return f"in place: {place}"
    if shutil.which("go") is None:
        fix = "install it (Debian, Ubuntu: `apt install golang-go`, if that is new enough)"
        raise Failure(f"go is missing, and {place.name} needs {oldest_go()} or newer: {fix}")
    print(f"building {place.name}, which takes minutes", flush=True)
    put(place, lambda place: holds_programs(place, names), build)
    return f"now in {place}"


def provide_module(module: Module, servers: Path) -> str:
    """Sees to it that the program of a module is in the cache."""
    return provide_built(module.folder(servers), [module.program], partial(build_module, module))


def provide_kubernetes(servers: Path) -> str:
    """Sees to it that etcd, kube-apiserver and kubectl are in the cache."""
    build = partial(build_kubernetes, KUBERNETES_PROGRAMS)
    return provide_built(kubernetes_folder(servers), KUBERNETES_PROGRAMS, build)


def provide_node(servers: Path) -> str:
    """Sees to it that the other programs of Kubernetes are in the cache."""
    return provide_built(node_folder(servers), NODE_PROGRAMS, partial(build_kubernetes, NODE_PROGRAMS))


# Where each is, and what prepares it.
SERVERS = {
    "kafka": (kafka_folder, provide_kafka),
    "redis": (redis_folder, provide_redis),
    "postgresql": (postgresql_folder, POSTGRESQL.provide),
    "mariadb": (mariadb_folder, MARIADB.provide),
    "s3": (MODULES["s3"].folder, partial(provide_module, MODULES["s3"])),
    "chromium": (chromium_folder, provide_chromium),
    "kubernetes": (kubernetes_folder, provide_kubernetes),
}
# What only tests on a node with pods need. Kubernetes comes first, next to what shares most packages with it.
CLUSTER = {
    "kubernetes-node": (node_folder, provide_node),
    "containerd": (containerd_folder, provide_containerd),
    **{name: (MODULES[name].folder, partial(provide_module, MODULES[name])) for name in ("coredns", "helm", "registry")},
}
# What checks files, and runs on no node.
TOOLS = {"tofu": (MODULES["tofu"].folder, partial(provide_module, MODULES["tofu"]))}


def main() -> int:
    """Command line: the servers to prepare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", action="store_true", help="print the folder of each, and prepare nothing")
    known = {**SERVERS, **CLUSTER, **TOOLS}
    names = (*known, "all", "cluster")
    parser.add_argument("servers", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    arguments = parser.parse_args()
    wanted = set(arguments.servers)
    if wanted & {"all", "cluster"}:
        wanted |= set(SERVERS)
    if "cluster" in wanted:
        wanted |= set(CLUSTER) | set(TOOLS)
    try:
        return prepare([name for name in known if name in wanted], known, arguments.where)
    finally:
        if not arguments.where:
            with contextlib.suppress(Failure, OSError):
                remove_go_caches(cache_folder() / "servers")


def prepare(names: list[str], known: dict[str, Any], where: bool) -> int:
    """Prepares servers, or prints where they are. Returns the exit code."""
    for name in names:
        folder, provide = known[name]
        try:
            servers = cache_folder() / "servers"
            print(folder(servers) if where else f"{name}: {provide(servers)}", flush=True)
        except Failure as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            fix = "make room, or choose another cache folder with XDG_CACHE_HOME"
            print(f"error: {name}: {error}: {fix}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
