"""The image of the load: `cluster-load` of tests/src with the libraries that it is linked with."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy" / "images"))
import contents  # noqa: E402
import oci  # noqa: E402

REFERENCE = "localhost/marquee-cluster-load:test"
PROGRAM = "usr/bin/cluster-load"
# Where it listens unless it is told otherwise.
PORT = 7070

# The node sorts nothing by time, and the same program gives the same digest.
EPOCH = 0


def build(program: Path, folder: Path) -> Path:
    """Writes an archive with the image into a folder. Returns where it is. Its arguments are those of the program."""
    machine = contents.architecture(program)
    settings = {
        "User": f"{contents.USER}:{contents.USER}",
        "Env": ["PATH=/usr/bin", f"SSL_CERT_FILE={contents.AUTHORITIES}"],
        "Entrypoint": [f"/{PROGRAM}"],
        "Cmd": ["--help"],
        "StopSignal": "SIGTERM",
        "ExposedPorts": {f"{PORT}/tcp": {}},
    }
    place = folder / "cluster-load.tar"
    with tempfile.TemporaryDirectory(dir=folder) as name:
        parts = Path(name)
        # Its debug information is larger than the program.
        contents.run(["objcopy", "--strip-debug", str(program), str(parts / "program")])
        around, _ = contents.base([program])
        entries = (around, [oci.file(PROGRAM, parts / "program", 0o755)])
        layers = [oci.write_layer(some, parts / f"layer-{number}", EPOCH) for number, some in enumerate(entries)]
        oci.write_image(place, REFERENCE, settings, machine, layers, EPOCH)
    return place
