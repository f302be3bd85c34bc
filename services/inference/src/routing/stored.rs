//! The stored form of a route, in the object store and in the mirror on the local disk.
//!
//! Instances of several releases share the table, so this form keeps fields that it does not know
//! and reads what a newer release wrote as far as it can.

use marquee_domain::{BasisPoints, Candidate, ModelName, Route, RouteError, RouteSpec, Salt, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The format that this code writes. Documents without a format are of format 1, which had no
/// `shadow`.
const FORMAT: u32 = 2;

/// A route as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredRoute {
    #[serde(default = "first_format")]
    format: u32,
    model: ModelName,
    stable: Version,
    #[serde(default)]
    candidates: Vec<StoredCandidate>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shadow: Vec<Version>,
    salt: Salt,
    revision: u64,
    /// Fields of newer releases.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredCandidate {
    version: Version,
    weight: BasisPoints,
    /// Fields of newer releases.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

fn first_format() -> u32 {
    1
}

impl StoredRoute {
    /// Returns the stored form of a route.
    pub(crate) fn new(route: &Route) -> Self {
        let candidate = |candidate: &Candidate| StoredCandidate {
            version: candidate.version,
            weight: candidate.weight,
            extra: Map::new(),
        };
        Self {
            format: FORMAT,
            model: route.model().clone(),
            stable: route.stable(),
            candidates: route.candidates().iter().map(candidate).collect(),
            shadow: route.shadow().to_vec(),
            salt: route.salt().clone(),
            revision: route.revision(),
            extra: Map::new(),
        }
    }

    /// Returns the stored form of a route that replaces this one. Fields that this code does not
    /// know stay, for candidates too if they stay.
    pub(crate) fn replaced_by(&self, route: &Route) -> Self {
        let mut stored = Self::new(route);
        stored.format = stored.format.max(self.format);
        stored.extra = self.extra.clone();
        for candidate in &mut stored.candidates {
            if let Some(before) = self.candidates.iter().find(|before| before.version == candidate.version) {
                candidate.extra = before.extra.clone();
            }
        }
        stored
    }

    /// Returns the route.
    ///
    /// # Errors
    /// The parts contradict each other.
    pub(crate) fn route(&self) -> Result<Route, RouteError> {
        let candidate = |stored: &StoredCandidate| Candidate { version: stored.version, weight: stored.weight };
        Route::try_new(RouteSpec {
            model: self.model.clone(),
            stable: self.stable,
            candidates: self.candidates.iter().map(candidate).collect(),
            shadow: self.shadow.clone(),
            salt: self.salt.clone(),
            revision: self.revision,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> StoredRoute {
        serde_json::from_value(value.clone()).expect("a stored route")
    }

    #[test]
    fn a_document_of_the_first_format_is_read() {
        let first = json!({
            "model": "ratings",
            "stable": 1,
            "candidates": [{"version": 2, "weight": 2000}],
            "salt": "ratings",
            "revision": 7,
        });
        let route = read(&first).route().expect("valid");
        assert_eq!((route.stable(), route.revision()), (Version(1), 7));
        assert_eq!((route.weight(Version(2)), route.shadow()), (2_000, &[][..]));
    }

    #[test]
    fn fields_of_a_newer_release_are_read_over_and_kept_through_a_change() {
        let newer = json!({
            "format": 9,
            "model": "ratings",
            "stable": 1,
            "candidates": [{"version": 2, "weight": 2000, "since": "2030-01-01"}, {"version": 4, "weight": 1, "x": 1}],
            "shadow": [3],
            "salt": "ratings",
            "revision": 7,
            "policy": {"kind": "canary"},
        });
        let stored = read(&newer);
        let route = stored.route().expect("valid");
        assert_eq!(route.shadow(), [Version(3)]);

        let spec = RouteSpec {
            model: route.model().clone(),
            stable: Version(1),
            candidates: vec![Candidate { version: Version(2), weight: BasisPoints::try_new(5_000).expect("fits") }],
            shadow: Vec::new(),
            salt: route.salt().clone(),
            revision: 8,
        };
        let changed = stored.replaced_by(&Route::try_new(spec).expect("valid"));
        let expected = json!({
            "format": 9,
            "model": "ratings",
            "stable": 1,
            "candidates": [{"version": 2, "weight": 5000, "since": "2030-01-01"}],
            "salt": "ratings",
            "revision": 8,
            "policy": {"kind": "canary"},
        });
        assert_eq!(serde_json::to_value(&changed).expect("JSON"), expected);
    }

    #[test]
    fn a_route_that_contradicts_itself_is_refused() {
        let twice = json!({"model": "ratings", "stable": 1, "shadow": [1], "salt": "s", "revision": 1});
        assert_eq!(read(&twice).route(), Err(RouteError::Repeated(Version(1))));
    }
}
