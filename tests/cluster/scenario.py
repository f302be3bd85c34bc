#!/usr/bin/env python3
"""The fleet on a real node of Kubernetes: installed, upgraded, disturbed, broken and measured. Run it as root.

    scenario.py                          all phases, in this order
    scenario.py install load --json F    some of them; `install` is done first in any case
    scenario.py faults footprint --write-docs    writes the tables of the runbook and of charts/README.md again

    install      the profile `split` by the account of the installer, ratings, two versions, a rollout by kubectl
    access       what the accounts may do
    definitions  the definition of ModelRollout is upgraded, and rollouts stay
    embedded     the profile `embedded`: its pod is replaced without a loss
    footprint    memory and processor time of both profiles, idle and working
    load         upgrades, deleted pods, evictions and scaling under load, without a failed request
    faults       what pods, events and logs say when something is wrong

`make test-cluster` builds what this needs. From Python, each phase is a method of `Stage` on a running node:

    with Node(memory=footprint.OFFERED) as node:
        stage = Stage(node, Built.by_cargo(Path("target")))
        stage.install()
        stage.load()
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import access
import breakage
import definitions
import faults
import footprint
import load_image
import one_pod
import previous
import upgrades
from configuration import NAME
from documents import write_section
from fleet import ROOT, UNITS, Fleet, Object, is_ready, names, restricted
from load import PREDICTIONS, RATINGS, Load
from machine import refusal
from node import Node, prepare
from one_pod import OnePod
from processes import Failure
from rollout import promote

PHASES = ("install", "access", "definitions", "embedded", "footprint", "load", "faults")
RUNBOOK, README = ROOT / "charts" / "RUNBOOK.md", ROOT / "charts" / "README.md"


@dataclass(frozen=True)
class Built:
    """What is tested: the folder of the images, the programs, and the tag of the images to upgrade from."""

    folder: Path
    program: Path
    load: Path
    other: str = previous.TAG
    # Predictions and ratings a second.
    rates: tuple[int, int] = (PREDICTIONS, RATINGS)

    @classmethod
    def by_cargo(cls, target: Path, profile: str = "release") -> Built:
        """What `make test-cluster` builds into the target folder."""
        programs = target / previous.PROFILES[profile]
        return cls(target / "cluster", programs / "marquee", programs / "cluster-load")


class Stage:
    """A node with the fleet on it, and what was found out so far."""

    def __init__(self, node: Node, built: Built, write_docs: bool = False) -> None:
        self.node = node
        self.built = built
        self.write_docs = write_docs
        self.fleet = Fleet(node, built.program)
        self.results: Object = {}
        self.made: OnePod | None = None
        self.is_installed = False

    def load_images(self) -> None:
        """Imports the images of this release, of the previous one and of the load."""
        folders = (self.built.folder / "images", self.built.folder / self.built.other / "images")
        archives = [folder / f"{name}.tar" for folder in folders for name in previous.PROGRAMS]
        for place in (*archives, load_image.build(self.built.load, folders[0])):
            if not place.exists():
                raise Failure(f"{place} does not exist: run `make test-cluster`")
            print(f"   image {self.node.load_image(place)}", flush=True)

    def pull_image(self) -> None:
        """Pushes an image to the registry, and runs a pod that pulls it from there and prints its help."""
        name, pushed = "pulled", self.node.push_image(self.built.folder / "images" / "marquee.tar")
        pod = restricted(name, self.fleet.namespace, pushed, [])
        pod["spec"]["containers"][0]["imagePullPolicy"] = "Always"
        self.node.apply(pod)
        path = f"/api/v1/namespaces/{self.fleet.namespace}/pods/{name}"

        def succeeded() -> bool:
            return self.node.get(path)["status"].get("phase") == "Succeeded"

        self.fleet.wait("an image is pulled from the registry and runs", succeeded, 120)
        self.node.kubectl("delete", "pod", name, "--namespace", self.fleet.namespace, "--wait=false")
        print(f"   pushed and pulled: {pushed}", flush=True)

    def install(self) -> None:
        """Installs `split` with the rights of the documented installer, trains two versions, and promotes the second.

        The pods must be admitted under restricted Pod Security, and `helm test` must pass.
        """
        if self.is_installed:
            return
        self.load_images()
        fleet = self.fleet
        fleet.make_namespace()
        fleet.make_secrets()
        self.pull_image()
        # An administrator applies the definition; the installer may not.
        definitions.upgrade(fleet)
        fleet.flags = access.flags(access.make_installer(fleet))
        fleet.install(fleet.split_values("test"))
        missing = [unit for unit in UNITS if not any(map(is_ready, fleet.pods(unit)))]
        if missing:
            raise Failure(f"{', '.join(missing)}: no pod is ready\n{fleet.explain()}")
        fleet.test()
        print(f"   pods: {', '.join(names(fleet.pods()))}", flush=True)
        imported = fleet.import_ratings()
        fleet.train("bias")
        fleet.wait("version 1 predicts", lambda: fleet.predicted_by() == "1", 60)
        fleet.train("map")
        status = promote(fleet, 2)
        fleet.wait("version 2 predicts", lambda: fleet.predicted_by() == "2", 30)
        self.results["install"] = {"imported": imported, "rollout": status}
        self.is_installed = True

    def access(self) -> None:
        """Checks what each account of the release may do."""
        self.install()
        lines = access.check_accounts(self.fleet)
        print("".join(f"   {line}\n" for line in lines), end="", flush=True)
        self.results["access"] = lines

    def definitions(self) -> None:
        """Upgrades the definition of `ModelRollout` from that of the previous release."""
        self.install()
        definitions.run_all(self.fleet)

    def embedded(self) -> OnePod:
        """Installs the profile `embedded`, and replaces its pod."""
        if self.made is None:
            self.install()
            self.made = one_pod.run(self.node, self.built.program)
        return self.made

    def footprint(self) -> None:
        """Measures both profiles, with one pod of each role and the default requests."""
        small = self.embedded()
        self.fleet.install(self.fleet.split_values("test"))
        measured = [
            footprint.measure("split", self.fleet, Load(self.fleet)),
            footprint.measure("embedded", small.fleet, small.load()),
        ]
        table = footprint.as_table(measured)
        print(table, flush=True)
        self.results["footprint"] = {one.profile: footprint.as_json(one) for one in measured}
        for one in measured:
            footprint.check(one)
        if self.write_docs:
            write_section(README, "sizing", table)

    def load(self) -> None:
        """Disturbs the fleet under load."""
        self.install()
        summary, evicted = upgrades.run(self.fleet, other=self.built.other, rates=self.built.rates)
        self.results["load"] = upgrades.as_json(summary, evicted)

    def faults(self) -> None:
        """Breaks pods, and writes down what is shown."""
        self.install()
        rows = breakage.run_all(self.fleet, self.embedded())
        table = faults.as_table(rows)
        print(table, flush=True)
        self.results["faults"] = [dict(zip(faults.HEADER, row)) for row in rows]
        if self.write_docs:
            write_section(RUNBOOK, "faults", table)

    def run(self, phases: list[str]) -> None:
        """Runs phases in their order, and prints the time of each."""
        for phase in PHASES:
            if phase not in phases:
                continue
            began = time.monotonic()
            print(f"== {phase}", flush=True)
            step: Callable[[], object] = getattr(self, phase)
            step()
            seconds = time.monotonic() - began
            self.results.setdefault("seconds", {})[phase] = round(seconds, 1)
            print(f"   {phase}: done in {seconds:.0f} s", flush=True)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the node on SIGTERM and SIGHUP as on an interrupt at the terminal."""
    raise KeyboardInterrupt


def main() -> int:
    """Command line: the phases to run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=f"{', '.join(PHASES)}; default: all")
    parser.add_argument("--target", type=Path, default=Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")))
    parser.add_argument("--profile", choices=previous.PROFILES, default="release", help="of cargo; default: release")
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="images/ and TAG/images; default: by the target")
    parser.add_argument("--program", type=Path, metavar="PATH", help="marquee; default: that of the profile")
    parser.add_argument("--load", type=Path, metavar="PATH", help="cluster-load; default: that of the profile")
    parser.add_argument("--other", default=previous.TAG, metavar="TAG", help="of the images to upgrade from")
    rates = f"predictions and ratings a second; default: {PREDICTIONS} {RATINGS}"
    parser.add_argument("--rates", type=int, nargs=2, default=(PREDICTIONS, RATINGS), metavar="N", help=rates)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there, also after a failure")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the logs of all programs and pods there")
    parser.add_argument("--write-docs", action="store_true", help="write the measured tables into the documents")
    arguments = parser.parse_args()
    unknown = [phase for phase in arguments.phases if phase not in PHASES]
    if unknown:
        parser.error(f"unknown phases: {', '.join(unknown)}; there are {', '.join(PHASES)}")
    default = Built.by_cargo(arguments.target, arguments.profile)
    given = (arguments.folder, arguments.program, arguments.load)
    places = [(one or other).resolve() for one, other in zip(given, (default.folder, default.program, default.load))]
    built = Built(*places, arguments.other, tuple(arguments.rates))
    reason = refusal(Path("/run", f"{NAME}-probe"))
    if reason:
        # Nobody can provide it with a program, so this is no failure where others are.
        print(f"skipped: a node of Kubernetes cannot run on this machine: {reason}")
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    results: Object = {}
    try:
        print("== node", flush=True)
        with Node(logs=arguments.logs, memory=footprint.OFFERED) as node:
            stage = Stage(node, built, arguments.write_docs)
            results = stage.results
            stage.run(arguments.phases or list(PHASES))
    except (Failure, prepare.Failure, OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=1, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
