"""Starts model servers on one model: Marquee, Triton, MLServer and KServe's Python server.

Each serves the same file with ONNX Runtime on one thread. Marquee and Triton batch the requests that wait. Triton's
wheel has no back-end for ONNX Runtime, so its Python back-end calls it, which costs a hop to another process. All
listen on loopback, except KServe's server, which has no setting for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import inference_model
from load import Unavailable

HERE = Path(__file__).resolve().parent

# The longest time until a server is ready.
START = 60.0

# As Triton's own guide says to begin: batches of what waits, without a delay.
TRITON_CONFIG = """\
backend: "{backend}"
max_batch_size: {most}
input [
  {{ name: "user" data_type: TYPE_FP32 dims: [ {width} ] }},
  {{ name: "item" data_type: TYPE_FP32 dims: [ {width} ] }}
]
output [ {{ name: "rating" data_type: TYPE_FP32 dims: [ 1 ] }} ]
dynamic_batching {{ }}
instance_group [ {{ kind: KIND_CPU count: 1 }} ]
"""


@dataclass(frozen=True)
class Tools:
    """What the servers are started from."""

    model: Path
    # The program of Marquee, and ONNX Runtime's library.
    marquee: Path
    library: str
    # The Python that has MLServer; the one that runs this has the others.
    mlserver: str


@dataclass(frozen=True)
class Ports:
    """Where a server listens."""

    grpc: int
    http: int
    metrics: int


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    ports: Ports
    pid: int


@dataclass(frozen=True)
class Launch:
    """How a server is started."""

    words: list[str]
    variables: dict[str, str]


def config(backend: str) -> str:
    """Returns the configuration of the model, which Marquee reads as Triton does."""
    return TRITON_CONFIG.format(backend=backend, most=inference_model.MOST_ROWS, width=inference_model.WIDTH)


def marquee(tools: Tools, folder: Path, ports: Ports) -> Launch:
    """Marquee, the whole fleet in one process, with a folder of models."""
    if not tools.marquee.is_file():
        raise Unavailable(f"{tools.marquee} is missing: run `cargo build --release -p marquee`")
    version = folder / "models" / inference_model.NAME / "1"
    version.mkdir(parents=True)
    shutil.copyfile(tools.model, version / "model.onnx")
    (version.parent / "config.pbtxt").write_text(config("onnxruntime"))
    words = [str(tools.marquee), "up", "--data-dir", str(folder / "data"), "--set"]
    words += [f"inference.repository.folder={folder / 'models'}"]
    words += ["--grpc-listen", f"127.0.0.1:{ports.grpc}", "--http-listen", f"127.0.0.1:{ports.http}"]
    return Launch(words, {"MARQUEE__ONNXRUNTIME": tools.library} if tools.library else {})


def triton(tools: Tools, folder: Path, ports: Ports) -> Launch:
    """Triton's server out of PyTriton's wheel, without PyTriton's own layer, which costs another hop."""
    site = next((Path(path) for path in sys.path if (Path(path) / "pytriton" / "tritonserver").is_dir()), None)
    if site is None:
        raise Unavailable("this Python has no nvidia-pytriton: run `make model-servers`")
    bundle = site / "pytriton" / "tritonserver"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    stub = bundle / "python_backend_stubs" / version / "triton_python_backend_stub"
    check_stub(stub)
    backend = folder / "backends" / "python"
    shutil.copytree(bundle / "backends" / "python", backend)
    shutil.copy(stub, backend)
    for program in (backend / stub.name, bundle / "bin" / "tritonserver"):
        program.chmod(0o755)
    version = folder / "models" / inference_model.NAME / "1"
    version.mkdir(parents=True)
    # The back-end starts its Python without PYTHONPATH.
    script = f"import sys\n\nsys.path.insert(0, {str(site)!r})\n" + (HERE / "served_by_triton.py").read_text()
    (version / "model.py").write_text(script)
    shutil.copyfile(tools.model, version / "model.onnx")
    (version.parent / "config.pbtxt").write_text(config("python"))
    words = [str(bundle / "bin" / "tritonserver"), f"--model-repository={folder / 'models'}"]
    words += [f"--backend-directory={folder / 'backends'}", "--http-address=127.0.0.1", "--grpc-address=127.0.0.1"]
    words += [f"--grpc-port={ports.grpc}", f"--http-port={ports.http}", "--allow-metrics=false"]
    return Launch(words, {"LD_LIBRARY_PATH": str(site / "nvidia_pytriton.libs")})


def check_stub(stub: Path) -> None:
    """Fails if Triton's program for this version of Python is missing or is not linked here."""
    this = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    if not stub.is_file():
        raise Unavailable(f"Triton's Python back-end has no program for {this}")
    linked = subprocess.run(["ldd", str(stub)], capture_output=True, text=True, check=False).stdout
    missing = missing_libraries(linked)
    if missing:
        fix = f"install it (Debian, Ubuntu: `apt install libpython{this.split()[1]}`)"
        raise Unavailable(f"Triton's Python back-end needs {', '.join(missing)}: {fix}")


def missing_libraries(linked: str) -> list[str]:
    """Returns the libraries that `ldd` did not find."""
    return [line.split()[0] for line in linked.splitlines() if line.rstrip().endswith("not found")]


def mlserver(tools: Tools, folder: Path, ports: Ports) -> Launch:
    """MLServer in one process, with a model class that calls ONNX Runtime: its wheels have none for it."""
    if not tools.mlserver or not Path(tools.mlserver).exists():
        raise Unavailable("no Python has MLServer: run `make mlserver`")
    folder.mkdir(parents=True)
    shutil.copyfile(HERE / "served_by_mlserver.py", folder / "served_by_mlserver.py")
    settings = {
        "host": "127.0.0.1",
        "http_port": ports.http,
        "grpc_port": ports.grpc,
        "metrics_port": ports.metrics,
        "parallel_workers": 0,
        "debug": False,
    }
    model = {
        "name": inference_model.NAME,
        "implementation": "served_by_mlserver.OnnxModel",
        "parameters": {"uri": str(tools.model), "version": "1"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    start = "from mlserver.cli import main; main()"
    return Launch([tools.mlserver, "-c", start, "start", str(folder)], {"PYTHONPATH": str(folder)})


def kserve(tools: Tools, folder: Path, ports: Ports) -> Launch:
    """KServe's Python server, with a model class that calls ONNX Runtime."""
    folder.mkdir(parents=True)
    words = [sys.executable, str(HERE / "served_by_kserve.py"), str(tools.model), inference_model.NAME]
    return Launch([*words, f"--http_port={ports.http}", f"--grpc_port={ports.grpc}"], {})


SERVERS: dict[str, Callable[[Tools, Path, Ports], Launch]] = {
    "marquee": marquee,
    "triton": triton,
    "mlserver": mlserver,
    "kserve": kserve,
}


def free_ports() -> Ports:
    """Picks ports that nothing listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return Ports(*(one.getsockname()[1] for one in sockets))


@contextlib.contextmanager
def started(name: str, tools: Tools, folder: Path) -> Iterator[Running]:
    """Starts a server in a folder of its own, waits until its model is ready, and stops it at the end."""
    ports = free_ports()
    launch = SERVERS[name](tools, folder / name, ports)
    log = folder / f"{name}.log"
    environment = {**os.environ, **launch.variables}
    with log.open("w") as output:
        process = subprocess.Popen(
            launch.words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            # Its children are stopped with it.
            start_new_session=True,
        )
    try:
        wait_until_ready(process, ports.grpc, log)
        yield Running(ports, process.pid)
    finally:
        stop(process)


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Asks for the model until it is ready."""
    import grpc
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    end = time.monotonic() + START
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        question = service_pb2.ModelReadyRequest(name=inference_model.NAME)
        while time.monotonic() < end:
            if process.poll() is not None:
                raise Unavailable(f"it ended with {process.returncode}: {last_words(log.read_text(errors='replace'))}")
            with contextlib.suppress(grpc.RpcError):
                if stub.ModelReady(question, timeout=1).ready:
                    return
            time.sleep(0.05)
    raise Unavailable(f"it was not ready after {START:.0f} s: {last_words(log.read_text(errors='replace'))}")


def last_words(log: str) -> str:
    """Returns the line of a log that says best why a server ended, in at most 200 characters."""
    lines = [line.strip() for line in log.splitlines() if line.strip()] or ["it printed nothing"]
    reasons = [line for line in lines if re.search("UNAVAILABLE|[Ee]rror", line)]
    return (reasons[0] if reasons else lines[-1])[:200]


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a server and its children: by request, and after a while by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
