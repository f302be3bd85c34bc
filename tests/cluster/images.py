"""The image that holds the namespaces of a pod: one static program."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from processes import Failure, run

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy" / "images"))
import oci  # noqa: E402

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_pause(folder: Path, reference: str) -> Path:
    """Compiles the program, and writes an archive with the image. Returns where it is."""
    program = folder / "pause"
    try:
        run(["gcc", "-static", "-Os", "-s", "-Wall", "-Werror", "-o", str(program), str(HERE / "pause.c")])
    except Failure as error:
        raise Failure(f"install a C compiler and the static C library (Debian: gcc, libc6-dev): {error}") from None
    layer = oci.write_layer([oci.file("pause", program, 0o755)], folder / "pause.layer", 0)
    settings = {"User": "65535:65535", "Entrypoint": ["/pause"]}
    place = folder / "pause.tar"
    oci.write_image(place, reference, settings, ARCHITECTURES[platform.machine()], [layer], 0)
    return place
