#!/usr/bin/env python3
"""Prepares the real servers that tests run Marquee against, in the user's cache folder.

    prepare.py kafka    Kafka, as the jars that Maven resolves from kafka/pom.xml
    prepare.py redis    Redis 7 or newer, as Debian packages it
    prepare.py s3       versitygw, an S3 server over a folder, built from the Go module that s3/go.mod names
    prepare.py kubernetes    etcd, kube-apiserver and kubectl, built from the Go modules that kubernetes/go.mod pins
    prepare.py all      all of these
    prepare.py --where NAME    where it is; prepares nothing

No containers: each comes from a package registry by that registry's ordinary client, which knows the user's proxies and
mirrors. What is fetched is pinned by digest: Kafka's jars by kafka/libs.sha256 (`UPDATE_EXPECT=1 prepare.py kafka`
writes it anew after a change of the pom), versitygw by s3/go.sum and the go.sum inside the module that it pins, etcd
and the Kubernetes programs by kubernetes/go.sum. Redis is whichever of its packages the distribution trusts; the cache
folder holds links to it and its version.

All of it lies in `$XDG_CACHE_HOME/marquee/servers` (or `~/.cache/marquee/servers`), a folder for each server and
version; the harness (tests/src/servers.rs) knows these folders by name. What is in place already is verified and left
alone without touching the network; anything else is built in a temporary folder beside its place and renamed into it.
Maven's and Go's own caches live in that temporary folder too, so that nothing else of the user's is touched; building
takes 1 GB (kubernetes: 4 GB, and ten minutes on two cores) for as long as it lasts.

This starts no server. Starting, and ending by process id, is the business of each test.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "provision"))
from fetch import Failure, cache_folder, publish, sha256, workshop  # noqa: E402

POM, LIBS = HERE / "kafka" / "pom.xml", HERE / "kafka" / "libs.sha256"
GO_MOD, GO_SUM = HERE / "s3" / "go.mod", HERE / "s3" / "go.sum"
VERSITYGW = "github.com/versity/versitygw"
KUBERNETES_MOD, KUBERNETES_SUM = HERE / "kubernetes" / "go.mod", HERE / "kubernetes" / "go.sum"
# The programs of the folder, and the packages that they are built from.
KUBERNETES_PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}

# Kafka 4 runs on no older Java; the tests use what Redis 7 brought.
OLDEST_JAVA = 17
OLDEST_REDIS = 7


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


def s3_folder(servers: Path) -> Path:
    """Where versitygw is."""
    return servers / f"versitygw-{pinned(GO_MOD, rf'^require {VERSITYGW} v(.+)$')}"


def kubernetes_folder(servers: Path) -> Path:
    """Where etcd, kube-apiserver and kubectl are."""
    return servers / f"kubernetes-{kubernetes_version()}"


def kubernetes_version() -> str:
    """The release of Kubernetes."""
    return pinned(KUBERNETES_MOD, r"^require k8s.io/kubernetes v(\S+)")


def oldest_go() -> str:
    """The oldest Go that all programs are built with."""
    versions = (pinned(file, r"^go (\d+\.\d+)") for file in (GO_MOD, KUBERNETES_MOD))
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


INSTALL_REDIS = ["apt-get", "install", "-y", "--no-install-recommends", "redis-server", "redis-tools"]


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


def install_redis(folder: Path) -> None:
    """Installs Redis's packages, and stops the service that installing them may have started."""
    by_hand = f"`sudo apt-get update && sudo {' '.join(INSTALL_REDIS)}`"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Failure(f"redis-server and redis-cli are missing: install them (Debian, Ubuntu: {by_hand})")
    print("installing redis-server and redis-tools", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    run(["apt-get", "update"], "apt-get update", folder, quiet)
    run([*INSTALL_REDIS, "-o", "DPkg::Lock::Timeout=300"], "redis-server", folder, quiet)
    if Path("/run/systemd/system").is_dir():
        run(["systemctl", "disable", "--now", "redis-server"], "redis-server", folder)
    elif os.access("/etc/init.d/redis-server", os.X_OK):
        run(["/etc/init.d/redis-server", "stop"], "redis-server", folder)


def make_redis(folder: Path) -> None:
    """Installs Redis if it is missing, and makes a folder of links to it."""
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        install_redis(folder)
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
    """Makes a module of committed files, and the environment of a Go whose caches lie in the folder too."""
    module, modules = folder / "module", folder / "go" / "pkg" / "mod"
    module.mkdir()
    for file in files:
        shutil.copy(file, module)
    # Files of the module cache are read-only by default, and the temporary folder could not be removed.
    flags = f"{os.environ.get('GOFLAGS', '')} -mod=readonly -modcacherw -buildvcs=false".strip()
    variables = {"GOFLAGS": flags, "GOWORK": "off", "CGO_ENABLED": "0"}
    variables |= {"GOPATH": str(folder / "go"), "GOMODCACHE": str(modules), "GOCACHE": str(folder / "go" / "build")}
    return module, variables


def build_s3(folder: Path) -> None:
    """Fetches the module against the committed go.sum, and builds it against its own."""
    new = folder / "new"
    module, variables = go_module(folder, (GO_MOD, GO_SUM))
    version = f"v{pinned(GO_MOD, rf'^require {VERSITYGW} v(.+)$')}"
    answer = run(["go", "mod", "download", "-json", f"{VERSITYGW}@{version}"], VERSITYGW, module, variables)
    flags = ["-trimpath", "-ldflags", f"-s -w -X main.Version={version}"]
    source, program = Path(json.loads(answer)["Dir"]), new / "versitygw"
    run(["go", "build", *flags, "-o", str(program), "./cmd/versitygw"], VERSITYGW, source, variables)
    stamp_programs(new, ["versitygw"])


def build_kubernetes(folder: Path) -> None:
    """Builds etcd and the Kubernetes programs against the committed go.sum."""
    module, variables = go_module(folder, (KUBERNETES_MOD, KUBERNETES_SUM))
    version = kubernetes_version()
    major, minor, _ = version.split(".")
    told = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamped = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in told.items())
    for name, package in KUBERNETES_PROGRAMS.items():
        print(f"building {name}", flush=True)
        output = ["-o", str(folder / "new" / name)]
        run(["go", "build", "-trimpath", "-ldflags", f"-s -w {stamped}", *output, package], name, module, variables)
    stamp_programs(folder / "new", KUBERNETES_PROGRAMS)


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


def provide_s3(servers: Path) -> str:
    """Sees to it that versitygw is in the cache."""
    return provide_built(s3_folder(servers), ["versitygw"], build_s3)


def provide_kubernetes(servers: Path) -> str:
    """Sees to it that etcd, kube-apiserver and kubectl are in the cache."""
    return provide_built(kubernetes_folder(servers), KUBERNETES_PROGRAMS, build_kubernetes)


SERVERS = {
    "kafka": (kafka_folder, provide_kafka),
    "redis": (redis_folder, provide_redis),
    "s3": (s3_folder, provide_s3),
    "kubernetes": (kubernetes_folder, provide_kubernetes),
}


def main() -> int:
    """Command line: the servers to prepare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", action="store_true", help="print the folder of each, and prepare nothing")
    names = (*SERVERS, "all")
    parser.add_argument("servers", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    arguments = parser.parse_args()
    asked = [name for name in SERVERS if name in arguments.servers or "all" in arguments.servers]
    for name in asked:
        folder, provide = SERVERS[name]
        try:
            servers = cache_folder() / "servers"
            print(folder(servers) if arguments.where else f"{name}: {provide(servers)}", flush=True)
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
