//! What the derived schema cannot say: rules in CEL, patterns, and limits that bound their cost.
//!
//! They refuse at admission what the check of a specification (`Spec::validate`) refuses later, as
//! far as a schema can. The operator checks again, because a definition may be older.

use serde_json::{Map, Value, json};

/// Additions to the schema of one field.
pub(super) struct Rule {
    /// The path of the field; `[]` stands for the elements of a list.
    path: &'static str,
    addition: Addition,
}

enum Addition {
    /// A rule in CEL: the expression that must hold, the message, and the field that is to blame.
    Cel(&'static str, &'static str, &'static str),
    /// The text is a duration from one time to another, both in the form of Go.
    Duration(&'static str, &'static str),
    /// The text is a name, which other fields may refer to.
    Name,
    /// The text has at least one character.
    NotEmpty,
    /// The text matches a regular expression.
    Pattern(&'static str),
    /// The number is at most this one.
    Max(f64),
    /// The number is a share in percent, more than none and less than all.
    Share,
    /// The list has at most this many elements.
    MaxItems(u32),
    /// No element of the list is there twice.
    Distinct,
    /// The list is a map by this field of its elements.
    KeyedBy(&'static str),
    /// The object must have this field. The types have a default, so that they can read any object.
    Required(&'static str),
    /// The object is written as a whole, so the API server records one owner for all of it.
    Atomic,
    /// Fields of newer releases are kept.
    KeepsUnknown,
}

use Addition::{
    Atomic, Cel, Distinct, Duration, KeepsUnknown, KeyedBy, Max, MaxItems, Name, NotEmpty, Pattern, Required, Share,
};

const fn rule(path: &'static str, addition: Addition) -> Rule {
    Rule { path, addition }
}

/// One or more numbers with units, as in `1h 30m`.
const DURATION: &str = "^([0-9]+(ns|us|ms|s|sec|m|min|h|d|day|days|w|week|weeks) ?)+$";

/// The durations that CEL can read, except for the spaces.
const GO_DURATION: &str = "^([0-9]+(ns|us|ms|s|m|h) ?)+$";

/// The name of a host, as DNS has it.
const DNS_NAME: &str = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$";

/// The largest count that the operator reads.
const MOST: f64 = u32::MAX as f64;

/// All additions.
pub(super) const RULES: &[Rule] = &[
    rule("spec", Cel("has(self.version) != has(self.follow)", "give exactly one of version and follow", ".version")),
    rule("spec", Cel("self.model == oldSelf.model", "cannot change: create another ModelRollout", ".model")),
    rule(
        "spec",
        Cel(
            "!has(self.metrics) || has(self.monitor) || !self.metrics.exists(m, has(m.duel))",
            "a duel needs the Service of the monitor",
            ".monitor",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.steps) || self.steps.filter(s, has(s.setWeight)).map(s, double(s.setWeight)).isSorted()",
            "weights only grow, so that users keep their side",
            ".steps",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.steps) || self.steps.filter(s, has(s.shadow) || has(s.setWeight))\
             .map(s, has(s.setWeight) ? 1 : 0).isSorted()",
            "put a shadow step before the first setWeight step, so that users keep their side",
            ".steps",
        ),
    ),
    // The first step that is no pause is no analysis. The element at the end is for no such step.
    rule(
        "spec",
        Cel(
            "!has(self.steps) || !(self.steps.filter(s, !has(s.pause)).map(s, has(s.analysis)) + [false])[0]",
            "an analysis has nothing to measure: put a shadow or setWeight step before it",
            ".steps",
        ),
    ),
    // The same of the first step that sets a weight or measures requests.
    rule(
        "spec",
        Cel(
            "!has(self.steps) || !has(self.metrics) || !(self.steps.filter(s, has(s.setWeight) || \
             (has(s.analysis) && self.metrics.exists(m, !has(m.duel) && (!has(s.analysis.metrics) || \
             s.analysis.metrics.size() == 0 || m.name in s.analysis.metrics))))\
             .map(s, has(s.analysis)) + [false])[0]",
            "an analysis of errors or latency has nothing to measure: put a setWeight step before it",
            ".steps",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.steps) || !self.steps.exists(s, has(s.analysis)) || \
             (has(self.metrics) && self.metrics.size() > 0)",
            "an analysis has no metrics: define some in metrics",
            ".steps",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.analysis) || (has(self.metrics) && self.metrics.size() > 0)",
            "there are no metrics: define some in metrics",
            ".analysis.metrics",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.steps) || self.steps.all(s, !has(s.analysis) || !has(s.analysis.metrics) || \
             s.analysis.metrics.all(n, has(self.metrics) && self.metrics.exists(m, m.name == n)))",
            "a step names a metric that metrics does not have",
            ".steps",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.analysis) || !has(self.analysis.metrics) || \
             self.analysis.metrics.all(n, has(self.metrics) && self.metrics.exists(m, m.name == n))",
            "names a metric that metrics does not have",
            ".analysis",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.metrics) || self.metrics.all(m, (has(self.analysis) && (!has(self.analysis.metrics) || \
             m.name in self.analysis.metrics)) || (has(self.steps) && self.steps.exists(s, has(s.analysis) && \
             (!has(s.analysis.metrics) || m.name in s.analysis.metrics))))",
            "a metric is never measured: name it in a step or in analysis",
            ".metrics",
        ),
    ),
    rule(
        "spec",
        Cel(
            "!has(self.analysis) || (has(self.steps) && self.analysis.startingStep < self.steps.size())",
            "must be the index of a step, from 0",
            ".analysis.startingStep",
        ),
    ),
    rule("spec", Required("instances")),
    rule("spec.model", Pattern("^[a-z][a-z0-9-]*$")),
    rule("spec.instances", ONE_SELECTOR),
    rule("spec.instances", NAME_NEEDS_TLS),
    rule("spec.instances.serverName", Pattern(DNS_NAME)),
    rule("spec.monitor", ONE_SELECTOR),
    rule("spec.monitor", NAME_NEEDS_TLS),
    rule("spec.monitor.serverName", Pattern(DNS_NAME)),
    rule("spec.steps", MaxItems(64)),
    rule(
        "spec.steps[]",
        Cel(
            "[has(self.setWeight), has(self.shadow), has(self.pause), has(self.analysis)].filter(x, x).size() == 1",
            "give exactly one of setWeight, shadow, pause and analysis",
            "",
        ),
    ),
    rule("spec.steps[].setWeight", TWO_DECIMALS),
    rule("spec.steps[].setWeight", Cel("self > 0.0", "use a shadow step to load a version without users", "")),
    rule("spec.steps[].pause.duration", Duration("1ms", "8760h")),
    rule("spec.steps[].analysis.metrics", MaxItems(32)),
    rule("spec.steps[].analysis.metrics", Distinct),
    rule("spec.steps[].analysis.metrics[]", Name),
    rule("spec.analysis.metrics", MaxItems(32)),
    rule("spec.analysis.metrics", Distinct),
    rule("spec.analysis.metrics[]", Name),
    rule("spec.metrics", MaxItems(32)),
    rule("spec.metrics", KeyedBy("name")),
    rule("spec.metrics[].name", Name),
    rule(
        "spec.metrics[]",
        Cel(
            "[has(self.duel), has(self.errors), has(self.latency)].filter(x, x).size() == 1",
            "give exactly one of duel, errors and latency",
            "",
        ),
    ),
    rule("spec.metrics[].duel.margin", Max(10.0)),
    rule("spec.metrics[].duel.slice", NotEmpty),
    rule("spec.metrics[].duel.maxFailures", Share),
    rule("spec.metrics[].duel.maxFailures", TWO_DECIMALS),
    rule(
        "spec.metrics[].errors",
        Cel("has(self.max) != has(self.maxIncrease)", "give exactly one of max and maxIncrease", ""),
    ),
    rule("spec.metrics[].errors.max", Share),
    rule("spec.metrics[].errors.max", TWO_DECIMALS),
    rule("spec.metrics[].errors.maxIncrease", Share),
    rule("spec.metrics[].errors.maxIncrease", TWO_DECIMALS),
    rule("spec.metrics[].latency.max", Duration("1us", "1h")),
    rule("spec.metrics[].interval", Duration("10ms", "24h")),
    rule("spec.metrics[].initialDelay", Duration("0s", "720h")),
    rule("spec.metrics[].count", Max(MOST)),
    rule("spec.metrics[].failureLimit", Max(MOST)),
    rule("spec.metrics[].inconclusiveLimit", Max(MOST)),
    rule("spec.metrics[].consecutiveErrorLimit", Max(MOST)),
    rule("spec.progressDeadline", Duration("1s", "8760h")),
    rule("spec.rollbackWindow.age", Duration("1s", "87600h")),
    rule("status", KeepsUnknown),
    rule("status.conditions", KeyedBy("type")),
    rule("status.evidence", Atomic),
    rule("status.evidence", KeepsUnknown),
];

const ONE_SELECTOR: Addition =
    Cel("has(self.service) != has(self.matchLabels)", "give exactly one of service and matchLabels", "");

const NAME_NEEDS_TLS: Addition = Cel(
    "!has(self.serverName) || (has(self.scheme) && self.scheme == 'https')",
    "is for certificates: set the scheme to https",
    ".serverName",
);

const TWO_DECIMALS: Addition = Cel(
    "self * 100.0 - double(int(self * 100.0 + 0.5)) < 0.000001 && \
     double(int(self * 100.0 + 0.5)) - self * 100.0 < 0.000001",
    "give a percentage with at most two decimals",
    "",
);

impl Rule {
    /// Returns the path of the field.
    #[cfg(test)]
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// Adds the rule to the schema of the whole object. Returns false if there is no such field.
    pub(super) fn add_to(&self, schema: &mut Value) -> bool {
        let pointer: String = self
            .path
            .split('.')
            .map(|name| match name.strip_suffix("[]") {
                Some(list) => format!("/properties/{list}/items"),
                None => format!("/properties/{name}"),
            })
            .collect();
        let Some(Value::Object(field)) = schema.pointer_mut(&pointer) else { return false };
        self.addition.add_to(field);
        true
    }
}

impl Addition {
    fn add_to(&self, field: &mut Map<String, Value>) {
        match self {
            Cel(expression, message, at) => add_cel(field, expression, message, at),
            Duration(least, most) => {
                field.insert("pattern".to_owned(), json!(DURATION));
                field.insert("maxLength".to_owned(), json!(64));
                let (expression, message) = within(least, most);
                add_cel(field, &expression, &message, "");
            }
            Name => {
                field.insert("pattern".to_owned(), json!("^[A-Za-z0-9._-]+$"));
                field.insert("maxLength".to_owned(), json!(63));
            }
            NotEmpty => {
                field.insert("minLength".to_owned(), json!(1));
            }
            Pattern(pattern) => {
                field.insert("pattern".to_owned(), json!(pattern));
            }
            Max(most) => {
                field.insert("maximum".to_owned(), json!(most));
            }
            Share => {
                field.insert("exclusiveMinimum".to_owned(), json!(true));
                field.insert("exclusiveMaximum".to_owned(), json!(true));
            }
            MaxItems(count) => {
                field.insert("maxItems".to_owned(), json!(count));
            }
            Distinct => {
                field.insert("x-kubernetes-list-type".to_owned(), json!("set"));
            }
            Required(name) => {
                if let Value::Array(required) = field.entry("required").or_insert_with(|| json!([])) {
                    required.push(json!(name));
                }
                if let Some(Value::Object(child)) = field.get_mut("properties").and_then(|fields| fields.get_mut(*name))
                {
                    child.remove("default");
                }
            }
            Atomic => {
                field.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
            }
            KeepsUnknown => {
                field.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
            }
            KeyedBy(key) => {
                field.insert("x-kubernetes-list-type".to_owned(), json!("map"));
                field.insert("x-kubernetes-list-map-keys".to_owned(), json!([key]));
            }
        }
    }
}

/// Adds a rule in CEL to a field, beside those that it has.
fn add_cel(field: &mut Map<String, Value>, expression: &str, message: &str, at: &str) {
    let mut rule = json!({"rule": expression, "message": message});
    if !at.is_empty() {
        rule["fieldPath"] = json!(at);
    }
    if let Value::Array(rules) = field.entry("x-kubernetes-validations").or_insert_with(|| json!([])) {
        rules.push(rule);
    }
}

/// Returns the rule in CEL that a duration is within two times, and its message. CEL cannot read
/// days and weeks; of these only the zero is refused.
fn within(least: &str, most: &str) -> (String, String) {
    let is_long_enough = if least == "0s" { "" } else { "self.matches('[1-9]') && " };
    let time = "duration(self.replace(' ', ''))";
    let expression = format!(
        "{is_long_enough}(!self.matches('{GO_DURATION}') || \
         ({time} >= duration('{least}') && {time} <= duration('{most}')))"
    );
    (expression, format!("give a time from {least} to {most}"))
}
