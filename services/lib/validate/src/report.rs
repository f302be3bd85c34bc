//! The result of a validation, in the JSON of Great Expectations.

use marquee_domain::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::outcome::Outcome;
use crate::suite::{Expectation, Severity};
use crate::value::iso;

/// The version whose results these are.
const VERSION: &str = "1.24.1";

/// How much a result says about an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResultFormat {
    /// Whether it is met.
    BooleanOnly,
    /// Also counts and the first unexpected values.
    Basic,
    /// Also how often they occur, and in which rows.
    #[default]
    Summary,
    /// Also all rows with unexpected values.
    Complete,
}

impl ResultFormat {
    /// Every format, with the name that Great Expectations has for it.
    pub const ALL: [(&'static str, Self); 4] = [
        ("BOOLEAN_ONLY", Self::BooleanOnly),
        ("BASIC", Self::Basic),
        ("SUMMARY", Self::Summary),
        ("COMPLETE", Self::Complete),
    ];

    /// Finds a format by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, format)| format)
    }
}

/// The verdicts on a set.
#[derive(Debug, Clone)]
pub struct Report {
    /// The name of the suite.
    pub suite: String,
    /// The name of the set.
    pub set: String,
    /// The rows of the set.
    pub rows: u64,
    /// The verdicts, in the order of the suite.
    pub verdicts: Vec<Verdict>,
}

/// The verdict on an expectation.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub(crate) expectation: Expectation,
    pub(crate) outcome: Outcome,
}

impl Verdict {
    /// Returns whether the expectation is met.
    pub const fn is_met(&self) -> bool {
        self.outcome.success
    }

    /// Returns the type of the expectation.
    pub fn kind(&self) -> &str {
        &self.expectation.kind
    }

    /// Returns what it means if the expectation is not met.
    pub const fn severity(&self) -> Severity {
        self.expectation.severity
    }

    /// Returns the arguments of the expectation.
    pub const fn arguments(&self) -> &Map<String, Json> {
        &self.expectation.kwargs
    }

    /// Returns what was found.
    pub const fn result(&self) -> &Map<String, Json> {
        &self.outcome.result
    }

    /// Returns why the expectation could not be judged, if it could not.
    pub fn exception(&self) -> Option<&str> {
        self.outcome.exception.as_deref()
    }

    /// Returns the column or the columns that the expectation is about, or an empty text.
    pub fn column(&self) -> String {
        let text = |name: &str| self.expectation.kwargs.get(name).and_then(Json::as_str);
        let list = self.expectation.kwargs.get("column_list").or(self.expectation.kwargs.get("column_set"));
        let listed = list.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let named = ["column", "column_A", "column_B"].into_iter().filter_map(text);
        named.chain(listed).collect::<Vec<_>>().join(", ")
    }

    /// Returns what was found, in a few words.
    pub fn found(&self) -> String {
        if let Some(exception) = self.exception() {
            return exception.to_owned();
        }
        let result = self.result();
        let unexpected = result.get("unexpected_count").and_then(Json::as_u64);
        match (unexpected, result.get("element_count").and_then(Json::as_u64), result.get("observed_value")) {
            (Some(unexpected), Some(elements), _) => {
                let percent = result.get("unexpected_percent").and_then(Json::as_f64).unwrap_or_default();
                let first: Vec<String> = result
                    .get("partial_unexpected_list")
                    .and_then(Json::as_array)
                    .into_iter()
                    .flatten()
                    .take(3)
                    .map(Json::to_string)
                    .collect();
                let shown = if first.is_empty() { String::new() } else { format!(": {}", first.join(", ")) };
                format!("{unexpected} of {elements} rows are unexpected ({percent:.2} %){shown}")
            }
            (Some(unexpected), None, _) => format!("{unexpected} values are unexpected"),
            (None, _, Some(Json::Object(observed))) => observed.get("values").map(Json::to_string).unwrap_or_default(),
            (None, _, Some(observed)) => observed.to_string(),
            _ => String::new(),
        }
    }

    /// Returns the verdict in the JSON of Great Expectations.
    pub fn json(&self) -> Json {
        let Self { expectation, outcome } = self;
        let mut config = Map::new();
        config.insert("type".to_owned(), json!(expectation.kind));
        config.insert("kwargs".to_owned(), Json::Object(expectation.kwargs.clone()));
        config.insert("meta".to_owned(), expectation.meta.clone().unwrap_or_else(|| json!({})));
        config.insert("severity".to_owned(), json!(expectation.severity.name()));
        let optional = [
            ("id", expectation.id.as_ref().map(|id| json!(id))),
            ("notes", expectation.notes.clone()),
            ("description", expectation.description.as_ref().map(|text| json!(text))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                config.insert(name.to_owned(), value);
            }
        }
        json!({
            "success": outcome.success,
            "expectation_config": config,
            "result": outcome.result,
            "meta": {},
            "exception_info": {
                "raised_exception": outcome.exception.is_some(),
                "exception_traceback": null,
                "exception_message": outcome.exception,
            },
        })
    }
}

impl Report {
    /// Returns whether every expectation is met.
    pub fn is_met(&self) -> bool {
        self.verdicts.iter().all(Verdict::is_met)
    }

    /// Returns the number of expectations that are met.
    pub fn met(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.is_met()).count()
    }

    /// Returns the report in the JSON of Great Expectations, with the time of the validation.
    pub fn json(&self, at: Timestamp) -> Json {
        let (evaluated, met) = (self.verdicts.len(), self.met());
        let percent = if evaluated == 0 { Json::Null } else { json!(met as f64 / evaluated as f64 * 100.0) };
        let time = format!("{}+00:00", iso(at.micros()));
        json!({
            "success": self.is_met(),
            "suite_name": self.suite,
            "suite_parameters": {},
            "id": null,
            "statistics": {
                "evaluated_expectations": evaluated,
                "successful_expectations": met,
                "unsuccessful_expectations": evaluated - met,
                "success_percent": percent,
            },
            "meta": {
                "great_expectations_version": VERSION,
                "batch_spec": {},
                "batch_markers": {},
                "active_batch_definition": {
                    "datasource_name": "marquee",
                    "data_connector_name": "fluent",
                    "data_asset_name": self.set,
                    "batch_identifiers": {},
                },
                "run_id": {"run_name": null, "run_time": time},
                "validation_time": time,
            },
            "results": self.verdicts.iter().map(Verdict::json).collect::<Vec<_>>(),
        })
    }
}
