//! Compares all values of a file with a scale, before rows are lost.

use std::fmt;

use marquee_domain::{Scale, ScaleViolation};

use crate::cells::Row;
use crate::dialect::Values;
use crate::error::RowError;

/// The fewest ratings from which a file is judged. Of a few rows each can be read in the report.
const FEWEST: u64 = 20;

/// The share of values off the scale from which the file is not on it.
const MOST: f64 = 0.1;

/// Values that are kept to tell the scale of the file.
const KEPT: usize = 10_000;

/// How the ratings of a file lie on a scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The scale that was compared with.
    pub scale: Scale,
    /// Rows with a readable rating.
    pub ratings: u64,
    /// Rows that cannot be read.
    pub unreadable: u64,
    /// Ratings above the maximum.
    pub above: u64,
    /// Ratings below the minimum.
    pub below: u64,
    /// Ratings between two steps.
    pub between: u64,
    /// The values that were found, or `None` without any.
    pub values: Option<Values>,
}

impl Survey {
    /// Compares rows with a scale.
    pub fn of(rows: impl IntoIterator<Item = Result<Row, RowError>>, scale: &Scale) -> Self {
        let mut survey =
            Self { scale: *scale, ratings: 0, unreadable: 0, above: 0, below: 0, between: 0, values: None };
        let (mut kept, mut min, mut max) = (Vec::new(), f64::INFINITY, f64::NEG_INFINITY);
        for row in rows {
            let Ok(row) = row else {
                survey.unreadable += 1;
                continue;
            };
            survey.ratings += 1;
            (min, max) = (min.min(row.rating), max.max(row.rating));
            if kept.len() < KEPT {
                kept.push(row.rating);
            }
            match scale.check(row.rating) {
                Err(ScaleViolation::OffScale { .. }) if row.rating > scale.max() => survey.above += 1,
                Err(ScaleViolation::OffScale { .. }) => survey.below += 1,
                Err(ScaleViolation::OffStep { .. }) => survey.between += 1,
                _ => {}
            }
        }
        survey.values = Values::of(kept.into_iter().chain([min, max]));
        survey
    }

    /// Returns whether so many values are off the scale that the file must have another one.
    pub fn is_of_another_scale(&self) -> bool {
        let off = self.above + self.below + self.between;
        self.ratings >= FEWEST && off as f64 > self.ratings as f64 * MOST
    }

    /// Returns the largest share, with what is wrong.
    fn worst(&self) -> (u64, String) {
        let Self { scale, .. } = self;
        let kinds = [
            (self.above, format!("above the scale's maximum {}", scale.max())),
            (self.below, format!("below the scale's minimum {}", scale.min())),
            (self.between, format!("between the scale's steps of {}", scale.step())),
        ];
        kinds.into_iter().rev().max_by_key(|(count, _)| *count).unwrap_or_default()
    }

    /// Returns the scale that the file looks like, as its lowest and highest value.
    fn likely(&self) -> Option<(f64, f64)> {
        let Values { min, max, .. } = self.values?;
        const USUAL: [(f64, f64); 10] = [
            (1.0, 5.0),
            (0.5, 5.0),
            (0.0, 5.0),
            (1.0, 10.0),
            (0.5, 10.0),
            (0.0, 10.0),
            (0.0, 1.0),
            (-10.0, 10.0),
            (1.0, 100.0),
            (0.0, 100.0),
        ];
        let fits = |(low, high): &&(f64, f64)| min >= *low && max <= *high && max > low + (high - low) * 0.6;
        Some(USUAL.iter().find(fits).copied().unwrap_or((min, max)))
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, what) = self.worst();
        let share = (100.0 * count as f64 / self.ratings.max(1) as f64).round();
        write!(f, "{share} % of the values are {what}")?;
        let Some((low, high)) = self.likely() else { return Ok(()) };
        if self.between == count {
            let step = self.values.map_or(0.0, |values| values.step);
            let setting = format!("scale.min={low}, scale.max={high} and scale.step={step}");
            return write!(
                f,
                ": the file has values like {low} to {high} in steps of {step}; use --map-scale {low}..{high} or set {setting}"
            );
        }
        let setting = if self.above == count { "scale.max" } else { "scale.min" };
        write!(f, ": the file looks like {low}\u{2013}{high}; use --map-scale {low}..{high} or set {setting}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, open_bytes};

    fn of(values: &[f64], scale: (f64, f64, f64)) -> Survey {
        let rows: String = values.iter().cycle().take(100).map(|value| format!("1,2,{value}\n")).collect();
        let dataset = open_bytes("a.csv", format!("user,movie,rating\n{rows}").into(), Options::default());
        let scale = Scale::try_new(scale.0, scale.1, scale.2).expect("a scale");
        dataset.expect("a data set").survey(&scale).expect("readable")
    }

    #[test]
    fn a_file_of_another_scale_is_judged_with_the_way_out() {
        for (values, scale, text) in [
            (
                &[1.0, 6.0, 7.0, 8.0, 9.0, 10.0, 10.0, 10.0][..],
                (0.5, 5.0, 0.5),
                "87 % of the values are above the scale's maximum 5: the file looks like 1–10; use --map-scale 1..10 or set scale.max",
            ),
            (
                &[0.0, 0.0, 4.0],
                (1.0, 5.0, 1.0),
                "67 % of the values are below the scale's minimum 1: the file looks like 0–5; use --map-scale 0..5 or set scale.min",
            ),
            (
                &[0.7, 4.9],
                (0.5, 5.0, 0.5),
                "100 % of the values are between the scale's steps of 0.5: the file has values like 0.5 to 5 in steps of 0.1; use --map-scale 0.5..5 or set scale.min=0.5, scale.max=5 and scale.step=0.1",
            ),
        ] {
            let survey = of(values, scale);
            assert!(survey.is_of_another_scale(), "{survey:?}");
            assert_eq!(survey.to_string(), text);
        }
        let mut good = vec![4.0; 19];
        good.push(9.0);
        assert!(!of(&good, (0.5, 5.0, 0.5)).is_of_another_scale(), "a few bad rows are refused one by one");
    }
}
