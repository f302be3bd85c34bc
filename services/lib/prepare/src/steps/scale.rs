//! Maps ratings to another scale, and drops ratings that are not on a scale.

use marquee_datasets::{Range, ScaleMap};
use marquee_domain::Scale;
use serde::{Deserialize, Serialize};

use super::{Apply, Effect, Kind};
use crate::fields::Wrong;
use crate::set::Set;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MapScale {
    from: Bounds,
    to: Scale,
}

/// The lowest and the highest value, written as `0..10`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Bounds {
    text: String,
    range: Range,
}

impl TryFrom<String> for Bounds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(Self { range: text.parse()?, text })
    }
}

impl From<Bounds> for String {
    fn from(bounds: Bounds) -> Self {
        bounds.text
    }
}

impl Kind for MapScale {
    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }
}

impl Apply for MapScale {
    fn apply(&self, set: &mut Set) -> Effect {
        let map = ScaleMap { from: self.from.range, to: self.to };
        // What is outside of the range is mapped to a value outside of the scale.
        let marks = set.ratings.iter_mut().map(|rating| match self.to.check(map.map(rating.value)) {
            Ok(value) => {
                rating.value = value;
                0
            }
            Err(_) => 1,
        });
        let marks = marks.collect();
        let reasons = vec![format!("the rating is outside of {}", self.from.text)];
        Effect { marks, reasons, ..Effect::default() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropOffScale {
    scale: Scale,
}

impl Kind for DropOffScale {
    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }
}

impl Apply for DropOffScale {
    fn apply(&self, set: &mut Set) -> Effect {
        let scale = &self.scale;
        let marks = set.ratings.iter_mut().map(|rating| match scale.check(rating.value) {
            // A value of single precision becomes the one that the scale has.
            Ok(value) => {
                rating.value = value;
                0
            }
            Err(marquee_domain::ScaleViolation::OffStep { .. }) => 2,
            Err(_) => 1,
        });
        let marks = marks.collect();
        let (min, max, step) = (scale.min(), scale.max(), scale.step());
        let reasons = vec![
            format!("the rating is not from {min} to {max}"),
            format!("the rating is between the steps of {step} from {min}"),
        ];
        Effect { marks, reasons, ..Effect::default() }
    }
}
