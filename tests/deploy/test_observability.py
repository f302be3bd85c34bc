"""Dashboards, alerts and the runbook follow the metrics of the code: `python3 -m unittest discover tests/deploy`.

The metrics are read from the Rust sources, with their labels and types. Each expression of PromQL is parsed, and the
labels that its result can have are computed, so that a wrong name or a label that a metric lacks is found here.
"""

from __future__ import annotations

import json
import re
import unittest
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
SERVICES = ROOT / "services"

# The labels that the chart's monitors add to every series.
TARGET = {"container", "endpoint", "instance", "job", "namespace", "pod"}
# What Prometheus itself records.
OF_PROMETHEUS = {"up": TARGET, "ALERTS": TARGET | {"alertname", "alertstate", "severity"}}
SUFFIXES = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_count", "_sum"), "Info": ("_info",)}


# The metrics of the code.


@dataclass
class Metric:
    """A metric of the code: its type, and the labels of all its registrations."""

    kind: str
    labels: set[str] = field(default_factory=set)


def without_tests(source: str) -> str:
    """The source without its unit tests and comments."""
    source = source.split("#[cfg(test)]\nmod tests {")[0]
    return re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE)


def rust_files() -> dict[Path, str]:
    files = (path for path in SERVICES.rglob("*.rs") if "tests" not in path.parts and "target" not in path.parts)
    return {path: without_tests(path.read_text()) for path in sorted(files)}


REGISTRATION = re.compile(r'(?:(\w+)\s*[:=]\s*)?(?:\w+(?:\.\w+)*\.register|\bcounter)\(\s*"(\w+)"\s*,')
FORWARDED = re.compile(r'\bobserver\(metrics, "(\w+)"')
LABELS = re.compile(r"EncodeLabelSet\)\]\s*(?:pub(?:\([^)]*\))? )?struct (\w+) \{(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?(\w+): ([\w<>, :()]+(?:-> \w+>)?),$", re.MULTILINE)
EXPLICIT = re.compile(r"\s*(Info|\w+)::(?:default\(\)|new\(\[\(\"(\w+)\")")


def argument_behind(source: str, start: int) -> str:
    """The argument behind the one that starts here: the metric behind the help."""
    depth, text = 0, False
    for at in range(start, len(source)):
        char = source[at]
        if char == '"' and source[at - 1] != "\\":
            text = not text
        elif text:
            continue
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            if depth == 0:
                return ""
            depth -= 1
        elif char == "," and depth == 0:
            return source[at + 1 :]
    return ""


def shape(written: str, aliases: dict[str, str], structs: dict[str, set[str]]) -> tuple[str, set[str]]:
    """The type and the labels of a field, from its type as it is written."""
    labels: set[str] = set()
    family = re.match(r"Family<(\w+), (.+)>$", written)
    if family:
        labels, written = structs[family[1]], family[2]
    head = re.match(r"\w+", written)
    kind = aliases.get(head[0], head[0]) if head else ""
    if kind not in SUFFIXES:
        raise AssertionError(f"'{written}' is no type of a metric")
    return kind, labels


def read_metrics(files: dict[Path, str]) -> dict[str, Metric]:
    """Every metric by its name in Prometheus, without the suffix of its type."""
    found: dict[str, Metric] = {}

    def add(name: str, kind: str, labels: set[str]) -> None:
        metric = found.setdefault(name, Metric(kind))
        if metric.kind != kind:
            raise AssertionError(f"{name} is a {metric.kind} and a {kind}")
        metric.labels |= labels

    for path, source in files.items():
        if "prometheus_client" not in source:
            continue
        if path.name == "process.rs":
            for name in re.findall(r'"(process_\w+)"', source):
                add(name, "Counter" if name == "process_cpu_seconds" else "Gauge", set())
            continue
        structs = {name: set(re.findall(r"(\w+): ", body)) for name, body in LABELS.findall(source)}
        aliases = dict(re.findall(r"type (\w+) = (\w+)", source))
        fields = dict(FIELD.findall(source))
        for match in REGISTRATION.finditer(source):
            bound, name = match[1], match[2]
            explicit = EXPLICIT.match(argument_behind(source, match.end()))
            if "counter(" in match[0]:
                kind, labels = "Counter", set()
            elif explicit and explicit[1] != "Family":
                kind, labels = shape(explicit[1], aliases, structs)
                labels = {explicit[2]} if explicit[2] else labels
            elif bound and bound in fields:
                kind, labels = shape(fields[bound], aliases, structs)
            else:
                raise AssertionError(f"{path}: the type of the metric '{name}' is not found")
            add(f"marquee_{name}", kind, labels)
        for name in FORWARDED.findall(source):
            kind, labels = shape(fields["durations"], aliases, structs)
            add(f"marquee_{name}", kind, labels)
    return found


def read_series(metrics: dict[str, Metric]) -> dict[str, set[str]]:
    """The labels of each series by its name, as Prometheus stores it."""
    series = dict(OF_PROMETHEUS)
    for name, metric in metrics.items():
        # Prometheus renames a label of the program that it sets itself.
        labels = TARGET | metric.labels | {f"exported_{label}" for label in metric.labels & TARGET}
        for suffix in SUFFIXES[metric.kind]:
            series[name + suffix] = labels | {"le"} if suffix == "_bucket" else labels
    return series


# PromQL.

AGGREGATIONS = {"avg", "count", "max", "min", "sum", "topk", "bottomk"}
FUNCTIONS = {
    *("absent", "changes", "clamp_max", "clamp_min", "delta", "deriv", "histogram_quantile", "increase", "irate"),
    *("label_replace", "last_over_time", "max_over_time", "min_over_time", "rate", "resets", "round", "time", "vector"),
}
LEVELS = [{"or"}, {"and", "unless"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/", "%"}]
TOKEN = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[0-9]+(?:ms|[smhdwy])|[0-9.]+|[A-Za-z_:][\w:]*'
    r"|=~|!~|==|!=|<=|>=|[-+*/%<>=(){},])"
)


class WrongQuery(ValueError):
    """A query with a name, a label or a form that is not known."""


class Query:
    """Parses a query. `labels` are those that its result may have, or None for a number."""

    def __init__(self, text: str, series: dict[str, set[str]]) -> None:
        self.text, self.series, self.at = text, series, 0
        self.tokens: list[str] = []
        self.matchers: list[tuple[str, str]] = []
        end, stripped = 0, text.rstrip()
        while end < len(stripped):
            match = TOKEN.match(stripped, end)
            if not match:
                raise WrongQuery(f"{stripped[end:]!r} is not understood")
            self.tokens.append(match[1])
            end = match.end()
        self.labels = self.binary(0)
        if self.at < len(self.tokens):
            raise WrongQuery(f"{self.tokens[self.at]!r} is left in {text!r}")

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or expected not in (None, token):
            raise WrongQuery(f"expected {expected!r} before {token!r} in {self.text!r}")
        self.at += 1
        return token

    def names(self) -> set[str]:
        self.take("(")
        names = set()
        while self.peek() != ")":
            names.add(self.take())
            if self.peek() == ",":
                self.take()
        self.take(")")
        return names

    def known(self, names: set[str], labels: set[str] | None) -> set[str]:
        missing = names - (labels or set())
        if missing:
            raise WrongQuery(f"no label {sorted(missing)} in {self.text!r}, only {sorted(labels or set())}")
        return names

    def binary(self, level: int) -> set[str] | None:
        if level == len(LEVELS):
            return self.operand()
        left = self.binary(level + 1)
        while self.peek() in LEVELS[level]:
            operator = self.take()
            on, grouped = None, ""
            if self.peek() == "on":
                self.take()
                on = self.names()
            if self.peek() in ("group_left", "group_right"):
                grouped = self.take()
                extra = self.names()
            right = self.binary(level + 1)
            if on is not None:
                self.known(on, left)
                self.known(on, right)
            if grouped:
                many, one = (left, right) if grouped == "group_left" else (right, left)
                left = (many or set()) | self.known(extra, one)
            elif operator == "or":
                left = (left or set()) | (right or set())
            elif operator in ("and", "unless"):
                pass
            elif left is None:
                left = right
            elif on is not None:
                left = on
        return left

    def operand(self) -> set[str] | None:
        token = self.take()
        if token == "-":
            return self.operand()
        if token == "(":
            labels = self.binary(0)
            self.take(")")
        elif token[0].isdigit() or token[0] == '"':
            return None
        elif token in AGGREGATIONS:
            labels = self.aggregation()
        elif self.peek() == "(":
            labels = self.call(token)
        else:
            labels = self.selector(token)
        if self.peek().startswith("["):
            self.take()
        if self.peek() == "offset":
            self.take()
            self.take()
        return labels

    def aggregation(self) -> set[str]:
        by = None
        if self.peek() in ("by", "without"):
            kind, by = self.take(), self.names()
        labels = self.arguments()[-1]
        if by is None and self.peek() in ("by", "without"):
            kind, by = self.take(), self.names()
        if by is None:
            return set()
        self.known(by, labels)
        return by if kind == "by" else (labels or set()) - by

    def arguments(self) -> list[set[str] | None]:
        self.take("(")
        found = []
        while self.peek() != ")":
            found.append(self.binary(0))
            if self.peek() == ",":
                self.take()
        self.take(")")
        return found

    def call(self, name: str) -> set[str] | None:
        if name not in FUNCTIONS:
            raise WrongQuery(f"the function {name!r} is not known")
        start = self.at
        arguments = self.arguments()
        if name == "time":
            return None
        if name in ("absent", "vector"):
            return set()
        if name == "histogram_quantile":
            self.known({"le"}, arguments[1])
            return (arguments[1] or set()) - {"le"}
        if name == "label_replace":
            texts = [token.strip('"') for token in self.tokens[start : self.at] if token.startswith('"')][-4:]
            self.known({texts[2]}, arguments[0])
            return (arguments[0] or set()) | {texts[0]}
        return arguments[-1]

    def selector(self, name: str) -> set[str]:
        if name not in self.series:
            raise WrongQuery(f"no metric {name!r}")
        labels = self.series[name]
        if self.peek() == "{":
            self.take()
            while self.peek() != "}":
                label = self.take()
                self.known({label}, labels)
                if self.take() not in ("=", "!=", "=~", "!~"):
                    raise WrongQuery(f"no matcher for {label!r} in {self.text!r}")
                self.matchers.append((label, self.take()[1:-1]))
                if self.peek() == ",":
                    self.take()
            self.take("}")
        return labels


# The files.


def read_yaml(text: str) -> object:
    """The part of YAML in which alerts.yaml is written: mappings, lists, texts, and blocks with `|` or `>-`."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    def indent(line: str) -> int:
        return len(line) - len(line.lstrip())

    def block(at: int, style: str, outer: int) -> tuple[str, int]:
        end = at
        while end < len(lines) and indent(lines[end]) > outer:
            end += 1
        inner = [line[indent(lines[at]) :] for line in lines[at:end]]
        return ("\n" if style == "|" else " ").join(inner), end

    def value(at: int, depth: int) -> tuple[object, int]:
        if lines[at].lstrip().startswith("- "):
            found: list[object] = []
            while at < len(lines) and indent(lines[at]) == depth and lines[at].lstrip().startswith("- "):
                lines[at] = lines[at].replace("- ", "  ", 1)
                entry, at = value(at, indent(lines[at]))
                found.append(entry)
            return found, at
        mapping: dict[str, object] = {}
        while at < len(lines) and indent(lines[at]) == depth:
            key, colon, rest = lines[at].strip().partition(":")
            rest, at = rest.strip(), at + 1
            if not colon or key in mapping:
                raise ValueError(f"{key!r} is no key, or is there twice")
            if rest in ("|", ">-"):
                mapping[key], at = block(at, rest, depth)
            elif rest:
                if rest[0] != '"' and (rest[0] in "{[&*!%@`'#" or ": " in rest or " #" in rest):
                    raise ValueError(f"{rest!r} needs quotes")
                mapping[key] = json.loads(rest) if rest[0] == '"' else rest
            else:
                mapping[key], at = value(at, indent(lines[at]))
        return mapping, at

    document, end = value(0, 0)
    if end != len(lines):
        raise ValueError(f"not understood: {lines[end]!r}")
    return document


def strings(document: object) -> list[str]:
    """Every string in a JSON document."""
    if isinstance(document, dict):
        return [text for entry in document.values() for text in strings(entry)]
    if isinstance(document, list):
        return [text for entry in document for text in strings(entry)]
    return [document] if isinstance(document, str) else []


def alternatives(matcher: str) -> list[str]:
    """The plain words of a matcher, such as `a|b`."""
    return [word for word in matcher.split("|") if re.fullmatch(r"\w[\w-]*", word)]


class Observability(unittest.TestCase):
    """The three files of the chart, and the runbook, agree with the code and with each other."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.files = rust_files()
        cls.metrics = read_metrics(cls.files)
        cls.series = read_series(cls.metrics)
        document = read_yaml((CHARTS / "marquee" / "alerts.yaml").read_text())
        cls.groups = document["groups"]
        cls.document = document
        cls.rules = [rule for group in cls.groups for rule in group["rules"]]
        cls.alerts = {rule["alert"]: rule for rule in cls.rules if "alert" in rule}
        cls.queries: list[tuple[str, Query]] = []
        for rule in cls.rules:
            query = Query(rule["expr"], cls.series)
            cls.queries.append((rule.get("alert") or rule["record"], query))
            if "record" in rule:
                labels = (query.labels or set()) | set(rule.get("labels", {}))
                cls.series[rule["record"]] = cls.series.get(rule["record"], set()) | labels
        boards = sorted((CHARTS / "marquee" / "dashboards").glob("*.json"))
        cls.dashboards = {path.name: json.loads(path.read_text()) for path in boards}
        cls.runbook = (CHARTS / "RUNBOOK.md").read_text()

    def panels(self) -> list[tuple[str, dict]]:
        return [
            (f"{name}: {panel['title']}", panel)
            for name, dashboard in self.dashboards.items()
            for panel in dashboard["panels"]
            if panel["type"] != "row"
        ]

    def query(self, expression: str) -> Query:
        # A window that Grafana chooses is one like any other.
        query = Query(expression.replace("$__rate_interval", "5m"), self.series)
        self.queries.append((expression, query))
        return query

    def test_every_registration_in_the_code_is_read(self) -> None:
        registered = re.compile(r'(?:\bregister|\bcounter|\bobserver)\((?:metrics, )?\s*"(\w+)"')
        sources = [source for source in self.files.values() if "prometheus_client" in source]
        names = {f"marquee_{name}" for source in sources for name in registered.findall(source)}
        self.assertEqual({name for name in self.metrics if name.startswith("marquee_")}, names)
        for name, kind, labels in [
            ("marquee_build", "Info", {"version"}),
            ("marquee_inference_predict_seconds", "Histogram", {"model", "version"}),
            ("marquee_rollout_phase", "Gauge", {"model", "name", "namespace", "phase"}),
            ("marquee_http_request_seconds", "Histogram", {"protocol", "route", "status"}),
            ("marquee_monitor_ratings_unpredicted", "Counter", {"reason"}),
            ("marquee_archive_files", "Counter", set()),
            ("marquee_trainer_runs", "Counter", {"outcome"}),
            ("process_cpu_seconds", "Counter", set()),
            ("process_max_fds", "Gauge", set()),
        ]:
            with self.subTest(name=name):
                self.assertEqual((self.metrics[name].kind, self.metrics[name].labels), (kind, labels))

    def test_a_wrong_name_label_or_form_is_found(self) -> None:
        series = {"a_total": {"x", "job"}, "b_bucket": {"x", "le"}}
        for query, labels in [
            ("sum by (x) (rate(a_total[5m])) > 1", {"x"}),
            ("histogram_quantile(0.9, sum by (le) (b_bucket))", set()),
            ('label_replace(a_total, "y", "$1", "x", "(.+)") and on (x) b_bucket offset 1h', {"x", "job", "y"}),
            ("sum(b_bucket) - on () group_right () a_total", {"x", "job"}),
        ]:
            with self.subTest(query=query):
                self.assertEqual(Query(query, series).labels, labels)
        for wrong in [
            *("a", "rates(a_total)", "sum by (y) (a_total)", 'a_total{y="1"}', "sum(a_total", "a_total b_bucket"),
            *("histogram_quantile(0.9, a_total)", "a_total and on (le) b_bucket"),
            'label_replace(a_total, "n", "", "z", "")',
        ]:
            with self.subTest(wrong=wrong), self.assertRaises(WrongQuery):
                Query(wrong, series)

    def test_the_rules_are_complete(self) -> None:
        self.assertEqual(list(self.document), ["groups"])
        self.assertEqual(len({group["name"] for group in self.groups}), len(self.groups))
        alerts = [rule for rule in self.rules if "alert" in rule]
        self.assertEqual(len(self.alerts), len(alerts), "an alert is there twice")
        for rule in alerts:
            with self.subTest(alert=rule["alert"]):
                self.assertEqual(set(rule), {"alert", "expr", "for", "labels", "annotations"})
                self.assertRegex(rule["for"], r"^[1-9][0-9]*[mh]$")
                self.assertIn(rule["labels"]["severity"], ("warning", "critical"))
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"})
                url = rule["annotations"]["runbook_url"]
                self.assertTrue(url.endswith(f"RUNBOOK.md#{rule['alert'].lower()}"), url)
                if not rule["expr"].startswith("absent("):
                    self.assertIn("{{ $", rule["annotations"]["description"])

    def test_texts_of_alerts_use_labels_that_the_alert_has(self) -> None:
        for rule in self.alerts.values():
            with self.subTest(alert=rule["alert"]):
                used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
                self.assertLessEqual(used, Query(rule["expr"], self.series).labels or set())

    def test_every_alert_has_its_section_in_the_runbook_and_the_reverse(self) -> None:
        self.assertEqual(re.findall(r"^### (Marquee\w+)$", self.runbook, re.MULTILINE), list(self.alerts))
        sections = re.split(r"^#{2,3} ", self.runbook, flags=re.MULTILINE)
        for section in (part for part in sections if part.startswith("Marquee")):
            with self.subTest(section=section.split("\n")[0]):
                for part in ("**Users.**", "**Look.**", "**Do.**"):
                    self.assertIn(part, section)
        self.assertIn("<!-- faults -->", self.runbook)

    def test_queries_of_dashboards_use_metrics_and_labels_that_exist(self) -> None:
        self.assertEqual(set(self.dashboards), {"fleet.json", "serving.json", "learning.json"})
        for name, panel in self.panels():
            for target in panel["targets"]:
                with self.subTest(panel=name, expression=target["expr"]):
                    labels = self.query(target["expr"]).labels or set()
                    self.assertLessEqual(set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])), labels)
        for name, dashboard in self.dashboards.items():
            for variable in dashboard["templating"]["list"]:
                if variable["type"] == "query":
                    with self.subTest(dashboard=name, variable=variable["name"]):
                        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
                        self.assertIn(asked[2], self.query(asked[1]).labels)
                        self.assertEqual(variable["query"]["query"], variable["definition"])

    def test_panels_are_complete_and_their_ids_unique(self) -> None:
        uids = [dashboard["uid"] for dashboard in self.dashboards.values()]
        self.assertEqual(len(set(uids)), len(uids))
        for name, dashboard in self.dashboards.items():
            with self.subTest(dashboard=name):
                self.assertGreaterEqual(dashboard["schemaVersion"], 39)
                ids = [panel["id"] for panel in dashboard["panels"]]
                self.assertEqual(len(set(ids)), len(ids))
                titles = [panel["title"] for panel in dashboard["panels"]]
                self.assertEqual(len(set(titles)), len(titles))
                variables = {variable["name"] for variable in dashboard["templating"]["list"]}
                self.assertLessEqual({"datasource", "namespace", "pod"}, variables)
                used = {word for text in strings(dashboard) for word in re.findall(r"\$\{?(\w+)", text)}
                self.assertLessEqual(used, variables | {"__rate_interval", "__all"})
        for name, panel in self.panels():
            with self.subTest(panel=name):
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                sources = {one["datasource"]["uid"] for one in [panel, *panel["targets"]]}
                self.assertEqual(sources, {"${datasource}"})

    def test_panels_do_not_overlap(self) -> None:
        for name, dashboard in self.dashboards.items():
            taken: set[tuple[int, int]] = set()
            for panel in dashboard["panels"]:
                grid = panel["gridPos"]
                cells = {
                    (x, y)
                    for x in range(grid["x"], grid["x"] + grid["w"])
                    for y in range(grid["y"], grid["y"] + grid["h"])
                }
                with self.subTest(dashboard=name, panel=panel["title"]):
                    self.assertLessEqual(grid["x"] + grid["w"], 24)
                    self.assertFalse(cells & taken)
                taken |= cells

    def test_limits_in_panels_are_those_of_their_alerts(self) -> None:
        for name, panel in self.panels():
            named = re.findall(r"\bMarquee[A-Z]\w+", panel["description"])
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            limits = [step["value"] for step in steps if step["value"] is not None]
            with self.subTest(panel=name):
                self.assertLessEqual(set(named), set(self.alerts))
                numbers = {float(number) for alert in named for number in re.findall(
                    r"[<>]=? ([0-9.]+)", self.alerts[alert]["expr"])}
                self.assertLessEqual(set(limits), numbers)

    def test_values_of_labels_are_in_the_code(self) -> None:
        for name, panel in self.panels():
            for target in panel["targets"]:
                self.query(target["expr"])
        code = "\n".join(self.files.values())
        chart = (CHARTS / "marquee" / "templates" / "_helpers.tpl").read_text()
        proto = "\n".join(path.read_text() for path in sorted((ROOT / "proto").rglob("*.proto")))
        for origin, query in self.queries:
            for label, value in query.matchers:
                for word in alternatives(value) if label not in ("alertstate", "status") else []:
                    where = chart + '"operator"' if label == "job" else proto if label == "api" else code
                    with self.subTest(query=origin, label=label):
                        self.assertRegex(where, rf"(?<![\w-]){re.escape(word)}(?![\w-])")
                if label == "status":
                    for word in alternatives(value):
                        self.assertTrue(word.isdigit() or f'"{word}"' in code, word)

    def test_commands_of_the_runbook_exist(self) -> None:
        def variants(path: str, name: str) -> set[str]:
            body = re.search(rf"enum {name} \{{\n(.*?)\n\}}", (SERVICES / path).read_text(), re.DOTALL)[1]
            found = re.findall(r"^    ([A-Z]\w+)", body, re.MULTILINE)
            return {re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower() for name in found}

        own = variants("cli/src/lib.rs", "Command") | variants("marquee/src/cli.rs", "Command") - {"client", "role"}
        inner = {
            "features": variants("cli/src/features.rs", "FeaturesCommand"),
            "models": variants("cli/src/models.rs", "ModelsCommand"),
            "rollout": variants("cli/src/rollout.rs", "RolloutCommand"),
            "route": variants("cli/src/route.rs", "RouteCommand"),
            "train": variants("cli/src/train.rs", "TrainCommand"),
        }
        plugin = variants("operator/src/plugin.rs", "Command")
        prose, *blocks = re.split(r"^```console\n", self.runbook, flags=re.MULTILINE)
        typed = re.findall(r"`([^`]+)`", prose)
        for block in blocks:
            inside, _, behind = block.partition("```\n")
            typed += re.findall(r"^\$ (.+)$", inside, re.MULTILINE) + re.findall(r"`([^`]+)`", behind)
        lines = " ; ".join(" ".join(text.split()) for text in typed)
        calls = re.findall(r"(kubectl )?(?<![\w/.-])marquee ([a-z][a-z-]*)(?=\s|$)(?: ([a-z][a-z-]*)(?=\s|$))?", lines)
        self.assertGreater(len(calls), 10)
        for kubectl, command, word in calls:
            with self.subTest(command=f"{kubectl}marquee {command} {word}"):
                self.assertIn(command, plugin if kubectl else own)
                if not kubectl and word and command in inner:
                    self.assertIn(word, inner[command])


if __name__ == "__main__":
    unittest.main()
