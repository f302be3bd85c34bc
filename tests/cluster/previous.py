#!/usr/bin/env python3
"""Builds the images of the previous release, which upgrades in the tests come from and return to.

    previous.py [--target FOLDER]    writes FOLDER/cluster/previous/images/*.tar

The programs are built from the commit before the chart existed, in a checkout of their own. They are kept, and built
again only for another commit. deploy/images/build.py of this checkout makes the images.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import Failure, run

ROOT = Path(__file__).resolve().parents[2]
# The last commit without a chart. It is older than all settings of the chart that it does not know.
REVISION = "27970a376e29e950bda948bf3cb89270da2ad732"
PROGRAMS = ("marquee", "marquee-operator")
TAG = "previous"
# The profiles of cargo, and the folder of each in the target folder.
PROFILES = {"release": "release", "dev": "debug"}


def folder(target: Path) -> Path:
    """Returns where the previous release is."""
    return target / "cluster" / TAG


def archives(target: Path) -> list[Path]:
    """Returns the images."""
    return [folder(target) / "images" / f"{name}.tar" for name in PROGRAMS]


def is_built(target: Path, profile: str) -> bool:
    """Returns whether the images are of the right commit and profile."""
    stamp = folder(target) / "revision"
    is_right = stamp.exists() and stamp.read_text() == f"{REVISION} {profile}"
    return is_right and all(place.exists() for place in archives(target))


def check_out(place: Path) -> None:
    """Writes the sources of the commit into an empty folder."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    archive = place.with_name("sources.tar")
    try:
        run(["git", "-C", str(ROOT), "archive", f"--output={archive}", REVISION])
    except Failure as error:
        raise Failure(f"fetch the whole history (`git fetch --unshallow`): {error}") from None
    run(["tar", "--extract", f"--file={archive}", f"--directory={place}"])
    archive.unlink()


def share(target: Path, build: Path, folder: str) -> None:
    """Fills the folder of a build with what this release has compiled of other people's crates.

    Most of a build are these, and both releases use the same. Files are shared by hard links: cargo writes no file
    again that it finds up to date, and replaces others. Our own crates are left out, because cargo would take those of
    one release for those of the other: it compares times, and places within the workspace.
    """
    if not (target / folder).is_dir():
        return
    build.mkdir(parents=True)
    run(["cp", "--archive", "--link", str(target / folder), str(build)])
    for pattern in ("marquee*", "*/marquee*", "*/libmarquee*", "incremental"):
        for place in (build / folder).glob(pattern):
            shutil.rmtree(place) if place.is_dir() else place.unlink()


def build(target: Path, profile: str) -> None:
    """Builds the programs and their images."""
    place, programs = folder(target), PROFILES[profile]
    (place / "revision").unlink(missing_ok=True)
    check_out(place / "sources")
    shutil.rmtree(place / "build", ignore_errors=True)
    share(target, place / "build", programs)
    environment = {**os.environ, "CARGO_TARGET_DIR": str(place / "build")}
    for name in PROGRAMS:
        command = ["cargo", "build", "--profile", profile, "--locked", "--package", name, "--bin", name]
        if subprocess.run(command, cwd=place / "sources", env=environment, check=False).returncode != 0:
            raise Failure(f"{name} of the previous release was not built, and the messages of cargo are above")
    images = [sys.executable, str(ROOT / "deploy" / "images" / "build.py"), "--tag", TAG, "--revision", REVISION]
    images += [word for name in PROGRAMS for word in ("--binary", f"{name}={place / 'build' / programs / name}")]
    if subprocess.run([*images, "--out", str(place / "images")], check=False).returncode != 0:
        raise Failure("the images of the previous release were not built, and the messages are above")
    # The folders take some gigabytes, and only the images are used.
    shutil.rmtree(place / "sources")
    shutil.rmtree(place / "build")
    (place / "revision").write_text(f"{REVISION} {profile}")


def main() -> int:
    """Command line: builds the images if they are not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--target", type=Path, default=default, help="default: the target folder of cargo")
    parser.add_argument("--profile", choices=PROFILES, default="release", help="of cargo; default: release")
    arguments = parser.parse_args()
    target = arguments.target.resolve()
    try:
        if not is_built(target, arguments.profile):
            build(target, arguments.profile)
        for place in archives(target):
            print(f"previous release: {place}")
    except (Failure, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
