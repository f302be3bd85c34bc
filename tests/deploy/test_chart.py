"""What the chart promises without a cluster: `python3 -m unittest discover tests/deploy`."""

from __future__ import annotations

import json
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "marquee"


def top_level(text: str) -> set[str]:
    """The keys of the outermost mapping of a YAML file, as this chart writes them."""
    return set(re.findall(r"^([A-Za-z]\w*):", text, re.MULTILINE))


class Chart(unittest.TestCase):
    """The chart follows the program and the operator."""

    def test_the_chart_has_the_definition_that_the_operator_prints(self) -> None:
        committed = (ROOT / "deploy" / "operator" / "crd.yaml").read_bytes()
        self.assertEqual((CHART / "crds" / "modelrollout.yaml").read_bytes(), committed)

    def test_the_tag_of_the_images_is_the_version_of_the_workspace(self) -> None:
        package = (ROOT / "Cargo.toml").read_text().partition("[workspace.package]")[2]
        version = re.findall(r'^version = "(.+)"$', package, re.MULTILINE)[:1]
        chart = (CHART / "Chart.yaml").read_text()
        self.assertEqual(re.findall(r'^appVersion: "?([^"\s]+)"?$', chart, re.MULTILINE), version)

    def test_the_schema_knows_every_value_and_refuses_others(self) -> None:
        schema = json.loads((CHART / "values.schema.json").read_text())
        self.assertIs(schema["additionalProperties"], False)
        # Helm passes `global` from a chart that this one is a part of.
        self.assertEqual(top_level((CHART / "values.yaml").read_text()), set(schema["properties"]) - {"global"})

    def test_the_embedded_profile_sets_only_values_that_exist(self) -> None:
        known = top_level((CHART / "values.yaml").read_text())
        self.assertLessEqual(top_level((CHART / "values-embedded.yaml").read_text()), known)

    def test_the_rights_of_the_operator_are_those_of_the_plain_manifest(self) -> None:
        def rights(text: str) -> set[str]:
            return {line.strip().lstrip("- ") for line in text.splitlines() if "resources:" in line or "verbs:" in line}

        plain = rights((ROOT / "deploy" / "operator" / "rbac.yaml").read_text())
        chart = rights((CHART / "templates" / "operator-rbac.yaml").read_text())
        self.assertEqual(chart, plain)

    def test_no_secret_is_a_value(self) -> None:
        # A mapping that names a Secret is none.
        names = "password|secret_?access_?key|token|signing_?key"
        secret = re.compile(rf"^\s*({names})\s*:[ \t]*[^\s{{#]", re.MULTILINE | re.IGNORECASE)
        for file in sorted(CHART.glob("values*.yaml")):
            with self.subTest(file=file.name):
                self.assertEqual(secret.findall(file.read_text()), [])


if __name__ == "__main__":
    unittest.main()
