//! A suite of expectations in the JSON of Great Expectations 1.x.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::check::Check;
use crate::error::Error;

/// A suite that was read and checked.
#[derive(Debug)]
pub struct Suite {
    /// The name.
    pub name: String,
    /// What was read, and what it means.
    pub(crate) expectations: Vec<(Expectation, Check)>,
}

/// What not meeting an expectation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The data must not be used.
    #[default]
    Critical,
    /// The data should be looked at.
    Warning,
    /// For information.
    Info,
}

impl Severity {
    /// Returns the name in a suite.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// An expectation as the suite has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) kwargs: Map<String, Json>,
    #[serde(default)]
    pub(crate) meta: Option<Json>,
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) notes: Option<Json>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) severity: Severity,
    #[serde(default, rename = "rendered_content")]
    _rendered_content: Option<Json>,
    #[serde(default, rename = "success_on_last_run")]
    _success_on_last_run: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    expectations: Vec<Expectation>,
    #[serde(default, rename = "id")]
    _id: Option<String>,
    #[serde(default, rename = "meta")]
    _meta: Option<Json>,
    #[serde(default, rename = "notes")]
    _notes: Option<Json>,
    #[serde(default)]
    suite_parameters: Option<Map<String, Json>>,
}

/// Names a place in a suite. The whole has no name of its own.
fn place(path: &serde_path_to_error::Path) -> String {
    if path.iter().next().is_none() { "the file".to_owned() } else { path.to_string() }
}

impl Suite {
    /// Reads a suite.
    ///
    /// # Errors
    /// The JSON is no suite, or it has an expectation or an argument that is not supported.
    pub fn parse(json: &str) -> Result<Self, Error> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let file: File = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| Error::Suite { path: place(error.path()), reason: error.inner().to_string() })?;
        reader.end().map_err(|error| Error::Suite { path: "end".to_owned(), reason: error.to_string() })?;
        if file.suite_parameters.is_some_and(|parameters| !parameters.is_empty()) {
            let reason = "is not supported; write the values into the expectations".to_owned();
            return Err(Error::Suite { path: "suite_parameters".to_owned(), reason });
        }
        let read = file.expectations.into_iter().enumerate();
        let expectations: Result<Vec<_>, Error> = read
            .map(|(at, expectation)| {
                let check = Check::parse(at, &expectation.kind, &expectation.kwargs)?;
                Ok((expectation, check))
            })
            .collect();
        Ok(Self { name: file.name, expectations: expectations? })
    }

    /// Returns the suite for ratings that comes with the program.
    ///
    /// # Errors
    /// None: a test reads the suite.
    pub fn of_ratings() -> Result<Self, Error> {
        Self::parse(include_str!("suites/ratings.json"))
    }

    /// Returns the suite for movies that comes with the program.
    ///
    /// # Errors
    /// None: a test reads the suite.
    pub fn of_movies() -> Result<Self, Error> {
        Self::parse(include_str!("suites/movies.json"))
    }

    /// Returns the number of expectations.
    pub fn len(&self) -> usize {
        self.expectations.len()
    }

    /// Returns whether there is no expectation.
    pub fn is_empty(&self) -> bool {
        self.expectations.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        Suite::parse(json).expect_err("a suite that is wrong").to_string()
    }

    #[test]
    fn what_is_wrong_with_a_suite_is_named() {
        let suite = r#"{"name": "x", "expectations": []}"#;
        assert!(Suite::parse(&format!("{suite}\n")).is_ok());
        let after = error(&format!("{suite} more"));
        assert!(after.starts_with("suite: end: trailing characters"), "{after}");
        let missing = error(r#"{"expectations": []}"#);
        assert!(missing.starts_with("suite: the file: missing field `name`"), "{missing}");
    }

    #[test]
    fn a_parameter_inside_a_list_is_refused_and_what_says_nothing_is_ignored() {
        let suite = |kwargs: &str| {
            format!(
                r#"{{"name": "x", "expectations": [{{"type": "expect_column_values_to_be_in_set", "kwargs": {kwargs}}}]}}"#
            )
        };
        let found = error(&suite(r#"{"column": "a", "value_set": [1, {"$PARAMETER": "most"}]}"#));
        assert!(found.contains("kwargs.value_set: parameters of suites are not supported"), "{found}");
        let ignored = suite(r#"{"column": "a", "value_set": [1], "catch_exceptions": true, "batch_id": "b"}"#);
        assert!(Suite::parse(&ignored).is_ok());
    }
}
