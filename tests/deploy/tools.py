#!/usr/bin/env python3
"""Checks the chart with Helm and the Terraform modules with OpenTofu, as their users call them.

    prepare.py cluster && tools.py

The tests beside this one read the same files with nothing but Python. What is checked here and not there: that Helm
accepts the chart, and that OpenTofu agrees with the formatting, accepts the modules that need no provider and passes
their tests. The other modules need the providers of AWS, Helm and Kubernetes, which nobody wants to build for a check.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART, TERRAFORM = ROOT / "charts" / "marquee", ROOT / "terraform"
sys.path.insert(0, str(ROOT / "tests" / "servers"))
import prepare  # noqa: E402

# What values.yaml requires.
REQUIRED = (
    "settings.kafka.bootstrap=kafka:9092",
    "settings.redis.urls={redis://redis:6379}",
    "settings.s3.url=s3://marquee",
    "secrets.token.existingSecret=marquee",
    "secrets.signingKey.existingSecret=marquee-signing",
    "secrets.verifyingKey.existingSecret=marquee-verifying",
)
PROFILES = {
    "split": [argument for value in REQUIRED for argument in ("--set", value)],
    "embedded": [f"--values={CHART / 'values-embedded.yaml'}", "--set=secrets.token.existingSecret=marquee"],
}
# Switches that the defaults leave off.
SWITCHES = (
    "secrets.serverTls.existingSecret=marquee-tls",
    "secrets.kafka.existingSecret=marquee-kafka",
    "settings.kafka.security=sasl_tls",
    "settings.telemetry.otlp_endpoint=http://collector:4317",
    "roles.inference.autoscaling.enabled=true",
    "roles.inference.replicas=2",
    "operator.allNamespaces=true",
    "networkPolicy.egress.enabled=true",
    "monitoring.podMonitor.enabled=true",
)
RENDERED = {
    **PROFILES,
    "switches": [*PROFILES["split"], *(argument for value in SWITCHES for argument in ("--set", value))],
}
SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"


def program(name: str) -> Path:
    """A program that prepare.py builds."""
    module = prepare.MODULES[name]
    place = module.folder(prepare.cache_folder() / "servers") / module.program
    if not place.is_file():
        fix = f"{name} is missing: run `tests/servers/prepare.py {name}`"
        raise AssertionError(fix) if os.environ.get("CI") == "true" else unittest.SkipTest(fix)
    return place


def providerless() -> list[Path]:
    """The modules that need no provider."""
    files = sorted(TERRAFORM.rglob("versions.tf"))
    return [file.parent for file in files if "required_providers" not in file.read_text(encoding="utf-8")]


class Tools(unittest.TestCase):
    """What runs a tool."""

    def run_tool(self, name: str, *arguments: str, folder: Path = ROOT, **variables: str) -> str:
        """Runs a tool, which must end well, and returns what it printed."""
        command = [str(program(name)), *arguments]
        environment = {**os.environ, **variables}
        result = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        self.assertEqual(result.returncode, 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}")
        return result.stdout


class Helm(Tools):
    """The chart."""

    def test_lint_finds_nothing(self) -> None:
        for profile, arguments in PROFILES.items():
            with self.subTest(profile):
                printed = self.run_tool("helm", "lint", "--strict", str(CHART), *arguments)
                self.assertNotIn("[WARNING]", printed)

    def test_what_is_rendered_is_as_committed(self) -> None:
        """UPDATE_EXPECT=1 writes the snapshots again."""
        for name, arguments in RENDERED.items():
            with self.subTest(name):
                kind = "StatefulSet" if name == "embedded" else "Deployment"
                words = ("template", "fleet", str(CHART), "--namespace", "movies", *arguments)
                printed = self.run_tool("helm", *words)
                self.assertIn(f"kind: {kind}\n", printed)
                place = SNAPSHOTS / f"{name}.yaml"
                if os.environ.get("UPDATE_EXPECT"):
                    place.write_text(printed, encoding="utf-8")
                self.assertMultiLineEqual(printed, place.read_text(encoding="utf-8"))


class Tofu(Tools):
    """The Terraform modules."""

    def tofu(self, *arguments: str, folder: Path) -> None:
        """Runs OpenTofu without the settings of its user."""
        with tempfile.TemporaryDirectory() as data:
            settings = Path(data, "settings.tfrc")
            settings.touch()
            variables = {"TF_CLI_CONFIG_FILE": str(settings), "TF_DATA_DIR": data, "CHECKPOINT_DISABLE": "1"}
            for words in arguments:
                self.run_tool("tofu", *words.split(), folder=folder, **variables)

    def test_lines_are_formatted(self) -> None:
        self.tofu("fmt -check -recursive -diff", folder=TERRAFORM)

    def test_modules_without_providers_pass_their_tests(self) -> None:
        modules = providerless()
        self.assertEqual([module.name for module in modules], ["access", "values"])
        for module in modules:
            with self.subTest(module.name):
                self.tofu("init -backend=false", "validate", "test", folder=module)


if __name__ == "__main__":
    unittest.main()
