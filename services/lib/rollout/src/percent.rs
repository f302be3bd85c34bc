//! Percentages with at most two decimals, the unit of weights in specifications.

use std::fmt;

use marquee_domain::BasisPoints;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A percentage from 0 to 100 with at most two decimals: 5, 12.5 or 0.01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(BasisPoints);

/// A number is not a percentage with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("is {0}; give a percentage from 0 to 100 with at most two decimals")]
pub struct PercentError(f64);

impl Percent {
    /// All users.
    pub const ALL: Self = Self(BasisPoints::ALL);

    /// Converts a number of percent.
    ///
    /// # Errors
    /// The number is outside of 0 to 100, or has more than two decimals.
    pub fn try_new(percent: f64) -> Result<Self, PercentError> {
        let points = percent * 100.0;
        let rounded = points.round();
        if !(0.0..=10_000.0).contains(&rounded) || (points - rounded).abs() > 1e-6 {
            return Err(PercentError(percent));
        }
        BasisPoints::try_new(rounded as u32).map(Self).map_err(|_| PercentError(percent))
    }

    /// Returns the number of basis points (hundredths of a percent).
    pub fn points(self) -> BasisPoints {
        self.0
    }

    /// Returns the number of percent.
    pub fn value(self) -> f64 {
        f64::from(self.0.get()) / 100.0
    }

    /// Returns the share of 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0.get()) / 10_000.0
    }
}

impl From<BasisPoints> for Percent {
    fn from(points: BasisPoints) -> Self {
        Self(points)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.value())
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let points = self.0.get();
        if points.is_multiple_of(100) {
            serializer.serialize_u32(points / 100)
        } else {
            serializer.serialize_f64(self.value())
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PercentVisitor)
    }
}

struct PercentVisitor;

impl Visitor<'_> for PercentVisitor {
    type Value = Percent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage from 0 to 100 with at most two decimals")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Percent, E> {
        Percent::try_new(value).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Percent, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Percent, E> {
        self.visit_f64(value as f64)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": 100 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_decimals_fit_and_three_do_not() {
        for (percent, points) in [(0.0, 0), (0.01, 1), (0.07, 7), (12.5, 1_250), (99.99, 9_999), (100.0, 10_000)] {
            assert_eq!(Percent::try_new(percent).map(|p| p.points().get()), Ok(points), "{percent}");
        }
        for wrong in [-0.01, 100.01, 0.001, 12.345, f64::NAN, f64::INFINITY] {
            assert!(Percent::try_new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whole_numbers_are_written_without_a_point() {
        let texts = [(5.0, "5"), (12.5, "12.5"), (0.01, "0.01"), (100.0, "100")];
        for (percent, text) in texts {
            let percent = Percent::try_new(percent).expect("valid");
            assert_eq!(serde_json::to_string(&percent).expect("written"), text);
            assert_eq!(serde_json::from_str::<Percent>(text).expect("read"), percent);
        }
    }
}
