//! The verdict on an expectation.

use serde_json::{Map, Value as Json};

/// Whether an expectation is met, and what was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    pub(crate) result: Map<String, Json>,
    /// Why the expectation could not be judged. It is not met then.
    pub(crate) exception: Option<String>,
}

impl Outcome {
    pub(crate) const fn new(success: bool, result: Map<String, Json>) -> Self {
        Self { success, result, exception: None }
    }

    /// Returns the verdict on an expectation that a table cannot be judged by.
    pub(crate) fn raised(reason: impl Into<String>) -> Self {
        Self { success: false, result: Map::new(), exception: Some(reason.into()) }
    }

    /// Returns a verdict with one observed value.
    pub(crate) fn observed(success: bool, value: Json) -> Self {
        Self::new(success, Map::from_iter([("observed_value".to_owned(), value)]))
    }
}
