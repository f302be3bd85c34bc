"""What the chart promises without a cluster: `python3 -m unittest discover tests/deploy`."""

from __future__ import annotations

import json
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "marquee"
OPERATOR = ROOT / "services" / "operator" / "src"


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

    def test_the_chart_gives_the_operator_only_arguments_that_it_has(self) -> None:
        fields = re.findall(r"^    (?:pub\(crate\) )?(\w+): ", (OPERATOR / "settings.rs").read_text(), re.MULTILINE)
        given = re.findall(r"^ +- --([a-z-]+)", (CHART / "templates" / "operator.yaml").read_text(), re.MULTILINE)
        self.assertIn("otlp-endpoint", given)
        self.assertLessEqual({name.replace("-", "_") for name in given}, set(fields))

    def test_the_example_of_a_rollout_names_services_of_the_chart(self) -> None:
        example = (ROOT / "deploy" / "operator" / "example.yaml").read_text()
        named = re.findall(r"^    service: (.+)$", example, re.MULTILINE)
        self.assertEqual(named, ["marquee-inference-admin", "marquee-monitor"])
        self.assertIn("\n    port: admin\n", example)
        services = (CHART / "templates" / "services.yaml").read_text()
        self.assertIn('$kinds := list "" "admin"', services)
        self.assertIn("- {name: admin, port: 7090", services)

    def test_addresses_of_roles_name_roles_that_the_command_line_knows(self) -> None:
        source = (ROOT / "services" / "cli" / "src" / "addresses.rs").read_text()
        known = set(re.findall(r'^pub\(crate\) const [A-Z_]+: &str = "([a-z-]+)";$', source, re.MULTILINE))
        text = (ROOT / "charts" / "README.md").read_text()
        lines = "\n".join(line for line in text.splitlines() if "MARQUEE_ADDRESSES=" in line)
        named = set(re.findall(r"([a-z-]+)=marquee-", lines))
        # The operator is no role, and takes the place of `rollouts`.
        self.assertEqual(named, known - {"rollouts"})
        notes = (CHART / "templates" / "NOTES.txt").read_text()
        listeners = notes.partition("$listeners := dict")[2].partition("}}")[0]
        self.assertEqual(set(re.findall(r'"([a-z-]+)" "', listeners)), named)

    def test_the_chart_completes_the_address_of_every_section_of_the_runbook(self) -> None:
        replaced = "runbook_url: charts/RUNBOOK.md#"
        lines = [line for line in (CHART / "alerts.yaml").read_text().splitlines() if "runbook_url" in line]
        self.assertTrue(lines)
        for line in lines:
            self.assertTrue(line.strip().startswith(replaced), line)
        template = (CHART / "templates" / "monitoring.yaml").read_text()
        self.assertIn(f'replace "{replaced}"', template)
        # Without an address to put before it, the line is left out, and nothing else.
        pattern = re.findall(r'regexReplaceAll "(.+?)" \$alerts ""', template)[0].replace("\\n", "\n")
        left = re.sub(pattern, "", (CHART / "alerts.yaml").read_text())
        expected = [line for line in (CHART / "alerts.yaml").read_text().splitlines() if "runbook_url" not in line]
        self.assertEqual(left.splitlines(), expected)

    def test_no_secret_is_a_value(self) -> None:
        # A mapping that names a Secret is none.
        names = "password|secret_?access_?key|token|signing_?key"
        secret = re.compile(rf"^\s*({names})\s*:[ \t]*[^\s{{#]", re.MULTILINE | re.IGNORECASE)
        for file in sorted(CHART.glob("values*.yaml")):
            with self.subTest(file=file.name):
                self.assertEqual(secret.findall(file.read_text()), [])


if __name__ == "__main__":
    unittest.main()
