"""What the scenario decides without a node: tables, figures, rights, refused evictions, and its documents."""

from __future__ import annotations

import json
import re
import unittest
from pathlib import Path

import access
import definitions
import documents
import faults
import fleet
import footprint
import load
import upgrades
from processes import Failure


def counts(**values: object) -> dict[str, object]:
    """Returns the counts of one kind of request, as the load prints them."""
    latency = {"p50": 1.5, "p90": 2.0, "p99": 7.25, "max": 9.0}
    return {"sent": 10, "answered": 10, "failed": 0, "retried_attempts": 2, "latency_ms": latency, **values}


def summary(lost: int = 0, double: int = 0, **predictions: object) -> str:
    """Returns the last line of a load."""
    phase = {"name": "upgrade", "seconds": 12.4, "predictions": counts(**predictions), "ratings": counts()}
    checked = {"lost": lost, "double": double, "wrong": 0, "unchecked_users": 0}
    return json.dumps({"ok": True, "ledger": {"sent": 10, **checked}, "phases": [phase]})


class Loads(unittest.TestCase):
    """What a load has counted."""

    def test_a_load_without_a_failure_has_no_complaints(self) -> None:
        found = load.Summary.read(summary())
        found.check()
        self.assertIn("| upgrade | 12 | 10 | 0 | 1.5 | 7.2 | 10 |", found.as_table())

    def test_each_failed_request_and_each_wrong_rating_is_a_complaint(self) -> None:
        for text, complaint in (
            (summary(failed=1, answered=9), "upgrade: 1 of 10 predictions failed"),
            (summary(lost=2), "2 acknowledged ratings are lost"),
            (summary(double=1), "1 ratings count more than once"),
            (summary(answered=0, latency_ms=None), "nothing was answered"),
        ):
            with self.subTest(complaint), self.assertRaisesRegex(Failure, complaint):
                load.Summary.read(text).check()

    def test_a_summary_without_a_check_is_an_error(self) -> None:
        text = json.dumps({"phases": [], "ok": True, "ledger": {"sent": 10}})
        self.assertRaisesRegex(Failure, "has no check", load.Summary.read, text)

    def test_the_summary_is_the_last_line_of_its_form(self) -> None:
        log = f"sent 10\n{summary(lost=1)}\nwaiting\n{summary()}\n"
        found = load.last_summary(log)
        assert found is not None
        self.assertEqual(found.differences, ())
        self.assertIsNone(load.last_summary("sent 10\n"))


class Evictions(unittest.TestCase):
    """The answers of the Eviction API."""

    def test_a_refusal_by_the_budget_is_repeated_until_it_is_allowed(self) -> None:
        answers = iter([(429, "budget"), (429, "budget"), (201, "")])
        self.assertEqual(upgrades.evict("a", lambda: next(answers), pause=0), upgrades.Evicted("a", 2))

    def test_a_pod_that_is_gone_is_evicted(self) -> None:
        self.assertEqual(upgrades.evict("a", lambda: (404, "")).refusals, 0)

    def test_other_answers_and_endless_refusals_are_errors(self) -> None:
        self.assertRaisesRegex(Failure, "answered 403: why", upgrades.evict, "a", lambda: (403, "why"))
        self.assertRaisesRegex(Failure, "budget refuses", upgrades.evict, "a", lambda: (429, "why"), 0, 0)


class Upgrades(unittest.TestCase):
    """What both releases must understand."""

    def test_memory_limits_under_load_lead_to_no_setting_that_the_previous_release_refuses(self) -> None:
        # The chart sets server.answer_budget from a limit of this form.
        helpers = (fleet.CHART / "templates" / "_helpers.tpl").read_text()
        form = re.search(r'else if regexMatch "(\^\[0-9\].+?)" \.', helpers)
        assert form is not None
        roles = upgrades.under_load()["roles"]
        self.assertEqual(set(roles), set(fleet.ROLES))
        for name, values in roles.items():
            self.assertIsNone(re.fullmatch(form[1], values["resources"]["limits"]["memory"]), name)

    def test_the_operator_gets_no_flag_that_the_previous_release_refuses(self) -> None:
        template = (fleet.CHART / "templates" / "operator.yaml").read_text()
        flag = template.index("--log-format")
        self.assertIn("{{- if eq", template[:flag].splitlines()[-2])


class Pods(unittest.TestCase):
    """Values and states."""

    def test_values_are_merged_as_helm_does(self) -> None:
        merged = fleet.merge({"a": {"b": 1, "c": [1, 2]}, "d": 1}, {"a": {"c": [3]}, "e": 2})
        self.assertEqual(merged, {"a": {"b": 1, "c": [3]}, "d": 1, "e": 2})

    def test_a_rollout_is_done_when_every_pod_is_new_and_available(self) -> None:
        status = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
        done = {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}
        self.assertTrue(fleet.is_rolled_out(done))
        changes = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 1}
        for key, value in changes.items():
            self.assertFalse(fleet.is_rolled_out({**done, "status": {**status, key: value}}), key)

    def test_the_state_of_a_pod_names_reasons_and_the_last_end(self) -> None:
        terminated = {"reason": "OOMKilled", "exitCode": 137}
        container = {
            "ready": False,
            "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}},
            "lastState": {"terminated": terminated},
        }
        disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "why"}
        status = {"phase": "Running", "containerStatuses": [container], "conditions": [disrupted]}
        told = fleet.describe({"metadata": {"name": "a", "deletionTimestamp": "now"}, "status": status})
        expected = "Running; is being ended; EvictionByEvictionAPI: why; CrashLoopBackOff; back-off 20s; "
        self.assertEqual(told, expected + "last end: OOMKilled (exit code 137); 3 restarts")
        self.assertFalse(fleet.is_ready({"metadata": {}, "status": status}))


class Faults(unittest.TestCase):
    """What broken pods show."""

    FAULT = faults.Fault("bad", "ingest", "correct it", pod="CrashLoop", event="Back-off", log="max_batch")

    def test_a_row_needs_every_pattern(self) -> None:
        whole = faults.Seen("CrashLoopBackOff", ("Back-off: a", "Pulled: b"), "200", ("starting", "error: max_batch"))
        self.assertEqual(
            self.FAULT.row(whole), ("bad", "CrashLoopBackOff", "Back-off: a", "–", "error: max_batch", "correct it")
        )
        for change in ({"pod": "Running"}, {"events": ("Pulled: b",)}, {"log": ("starting",)}):
            self.assertIsNone(self.FAULT.row(faults.Seen(**{**vars(whole), **change})), change)

    def test_lines_of_json_are_told_with_their_error(self) -> None:
        line = json.dumps({"level": "WARN", "message": "no table", "error": "clock", "target": "a"})
        self.assertEqual(faults.log_line(line), "WARN no table error=clock")
        for text in ("error: plain", "17", '{"no": 1}'):
            self.assertEqual(faults.log_line(text), text)

    def test_every_fault_says_what_to_do_and_asks_for_something(self) -> None:
        known = [value for value in vars(faults).values() if isinstance(value, faults.Fault)]
        known += [*faults.BY_VALUES, faults.OUT_OF_MEMORY]
        for fault in known:
            self.assertTrue(fault.action and fault.pod, fault.name)
        self.assertGreaterEqual(len({fault.name for fault in known}), 10)


class Documents(unittest.TestCase):
    """Tables and their places."""

    def test_a_cell_is_one_line_without_an_end_of_a_cell(self) -> None:
        self.assertEqual(documents.table(["a"], [["x |\n y"]]), "| a |\n| --- |\n| x \\| y |\n")
        self.assertRaises(ValueError, documents.table, ["a"], [["b", "c"]])
        self.assertEqual(len(documents.cell("x" * 1000)), documents.CELL)

    def test_content_replaces_what_was_between_the_marks(self) -> None:
        text = "a\n<!-- t -->\nold\n<!-- /t -->\nb\n"
        once = documents.with_section(text, "t", "new \\1")
        self.assertEqual(once, "a\n<!-- t -->\n\nnew \\1\n\n<!-- /t -->\nb\n")
        self.assertEqual(documents.with_section(once, "t", "new \\1"), once)
        self.assertRaisesRegex(Failure, "restore", documents.with_section, "no marks", "t", "new")

    def test_what_differs_from_run_to_run_is_left_out(self) -> None:
        told = "pod marquee-feature-store-6c9f7d4b8-abcde_marquee(01234567-89ab-cdef-0123-456789abcdef) at "
        found = documents.without_chance(f"{told}2026-11-27T16:00:00.1Z")
        self.assertEqual(found, "pod marquee-feature-store-… at …")

    def test_the_documents_have_the_places_and_the_rights(self) -> None:
        for place, name in ((access.README, "sizing"), (access.README.with_name("RUNBOOK.md"), "faults")):
            documents.with_section(place.read_text(), name, "")
        rules = documents.section(access.README.read_text(), "installer")
        self.assertEqual(len(re.findall(rf"^metadata: {{name: {access.INSTALLER}", rules, re.MULTILINE)), 3)
        self.assertNotIn("*", rules)
        self.assertNotRegex(rules, r"verbs: .*(escalate|bind|impersonate)")

    def test_the_documents_name_the_command_that_upgrades_the_definition(self) -> None:
        words = definitions.documented(access.README.read_text())
        self.assertEqual(words[0], "apply")
        self.assertTrue(Path(words[-1]).is_dir())
        self.assertRaises(Failure, definitions.documented, "nothing")


class Access(unittest.TestCase):
    """Rights of accounts."""

    LIST = """\
Resources                                       Non-Resource URLs   Resource Names       Verbs
leases.coordination.k8s.io                      []                  []                   [create]
selfsubjectreviews.authentication.k8s.io        []                  []                   [create]
leases.coordination.k8s.io                      []                  [marquee-operator]   [get update]
modelrollouts.rollouts.marquee.dev/status       []                  []                   [patch]
                                                [/healthz]          []                   [get]
"""

    def test_rights_are_read_without_those_of_everyone(self) -> None:
        expected = {
            ("leases.coordination.k8s.io", "", "create"),
            ("leases.coordination.k8s.io", "marquee-operator", "update get"),
            ("modelrollouts.rollouts.marquee.dev/status", "", "patch"),
        }
        self.assertEqual(access.rights(self.LIST), access.wanted(expected))
        self.assertLessEqual(access.wanted(expected), access.wanted(access.OPERATOR))

    def test_rights_too_many_and_too_few_are_named(self) -> None:
        found, expected = access.wanted({("pods", "", "get")}), access.wanted({("leases", "a", "get update")})
        told = access.difference("it", found, expected)
        self.assertEqual(told, ["it may also get pods", "it may not get update leases a"])

    def test_the_rights_of_the_operator_are_those_of_the_manifest(self) -> None:
        text = (fleet.ROOT / "deploy" / "operator" / "rbac.yaml").read_text().partition("kind: Role\n")[2]
        verbs = sorted(re.findall(r"verbs: \[(.*?)\]", text)[: len(access.OPERATOR)])
        self.assertEqual(verbs, sorted(right[2].replace(" ", ", ") for right in access.OPERATOR))


class Footprint(unittest.TestCase):
    """Figures of pods."""

    def test_metrics_of_pods_are_read_by_namespace(self) -> None:
        page = (
            '# HELP pod_cpu_usage_seconds_total of it\n'
            'pod_cpu_usage_seconds_total{namespace="a",pod="x"} 1.5 1700000000000\n'
            'pod_memory_working_set_bytes{namespace="a",pod="x"} 2.097152e+06 1700000000000\n'
            'pod_memory_working_set_bytes{namespace="b",pod="y"} 1\n'
            'container_memory_working_set_bytes{container="c",namespace="a",pod="x"} 1\n'
            'container_memory_working_set_bytes{container="d",namespace="a",pod="x"} 2\n'
        )
        found = footprint.samples(page, "a")["x"]
        self.assertEqual(footprint.known(found, "memory_working_set_bytes"), 2097152)
        self.assertEqual(footprint.known(found, "cpu_usage_seconds_total"), 1.5)
        del found["pod_memory_working_set_bytes"]
        self.assertEqual(footprint.known(found, "memory_working_set_bytes"), 3)
        self.assertIsNone(footprint.known({}, "memory_working_set_bytes"))

    def test_quantities_are_read(self) -> None:
        self.assertEqual([footprint.memory(text) for text in ("512Mi", "2Gi", "1024Ki", "1048576")], [512, 2048, 1, 1])
        self.assertEqual([footprint.cores(text) for text in ("250m", "2")], [0.25, 2])

    def test_a_need_has_the_most_memory_and_the_mean_of_the_processors(self) -> None:
        def use(mebibytes: float, seconds: float) -> dict[str, footprint.Usage]:
            return {"a": footprint.Usage(mebibytes * footprint.MIB, mebibytes * footprint.MIB, seconds)}

        found = footprint.needs(use(1, 10), [use(5, 11), use(3, 15)], 10)
        self.assertEqual(found, {"a": footprint.Need(5, 5, 0.5)})

    def test_a_profile_that_an_m5_large_cannot_admit_or_carry_is_refused(self) -> None:
        small = {"a": footprint.Need(100, 90, 0.5)}

        def measured(mebibytes: float, working: dict[str, footprint.Need]) -> footprint.Measured:
            return footprint.Measured("split", {"a": (mebibytes, 0.5)}, small, working, footprint.Need(300, 300, 0.1))

        footprint.check(measured(512, small))
        self.assertIn("| split | a | 512 MiB, 0.5 | 100 MiB |", footprint.as_table([measured(512, small)]))
        self.assertRaisesRegex(Failure, "memory requests", footprint.check, measured(4000, small))
        full, busy = {"a": footprint.Need(9e3, 1, 1)}, {"a": footprint.Need(1, 1, 2)}
        self.assertRaisesRegex(Failure, "memory in use", footprint.check, measured(1, full))
        self.assertRaisesRegex(Failure, "processors in use", footprint.check, measured(1, busy))


if __name__ == "__main__":
    unittest.main()
