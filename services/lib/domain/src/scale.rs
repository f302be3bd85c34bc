//! The rating scale of a deployment: a minimum, a maximum and a step, which a continuous scale does
//! not have.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A rating scale, for example 1 to 5 in steps of 1 (MovieLens 100K) or 0.5 to 5 in steps of 0.5. A
/// step of 0 means that every value between the minimum and the maximum is a rating, as in Jester.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Bounds")]
pub struct Scale {
    min: f64,
    max: f64,
    step: f64,
}

/// A scale in settings, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    min: f64,
    max: f64,
    step: f64,
}

impl TryFrom<Bounds> for Scale {
    type Error = ScaleError;

    fn try_from(Bounds { min, max, step }: Bounds) -> Result<Self, ScaleError> {
        Self::try_new(min, max, step)
    }
}

/// The reason why three numbers are not a scale.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ScaleError {
    /// A number is not finite.
    #[error("min, max and step of a scale are finite numbers")]
    NotFinite,
    /// The maximum is not above the minimum, or the step is below zero.
    #[error("max of a scale is above its min, and step is above 0, or 0 for a scale without steps")]
    Empty,
    /// The steps from the minimum do not end at the maximum, or there are too many.
    #[error("a scale reaches max from min in a whole number of steps, at most 1,000")]
    Uneven,
}

/// The reason why a number is not a rating on a scale.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ScaleViolation {
    /// The value is NaN or infinite.
    #[error("is not a finite number: give one from {min} to {max}{}", steps(*.step))]
    NotANumber {
        /// The smallest rating.
        min: f64,
        /// The largest rating.
        max: f64,
        /// The step.
        step: f64,
    },
    /// The value is below the minimum or above the maximum.
    #[error("is {value}, off the scale: give one from {min} to {max}{}", steps(*.step))]
    OffScale {
        /// The value.
        value: f64,
        /// The smallest rating.
        min: f64,
        /// The largest rating.
        max: f64,
        /// The step.
        step: f64,
    },
    /// The value lies between two steps.
    #[error("is {value}, between two steps: give one from {min} to {max} in steps of {step}")]
    OffStep {
        /// The value.
        value: f64,
        /// The smallest rating.
        min: f64,
        /// The largest rating.
        max: f64,
        /// The step.
        step: f64,
    },
}

/// The parts of a scale without steps, where ratings are counted or drawn by their size.
const PARTS: f64 = 100.0;

/// Describes the steps of a scale, if it has some.
fn steps(step: f64) -> String {
    if step > 0.0 { format!(" in steps of {step}") } else { String::new() }
}

impl Scale {
    /// Checks a scale. A step of 0 makes it continuous.
    ///
    /// # Errors
    /// The numbers are not a scale.
    pub fn try_new(min: f64, max: f64, step: f64) -> Result<Self, ScaleError> {
        if ![min, max, step].iter().all(|x| x.is_finite()) {
            return Err(ScaleError::NotFinite);
        }
        if max <= min || step < 0.0 {
            return Err(ScaleError::Empty);
        }
        if step == 0.0 {
            return Ok(Self { min, max, step: 0.0 });
        }
        let steps = (max - min) / step;
        if (steps - steps.round()).abs() > 1e-6 || steps.round() > 1_000.0 {
            return Err(ScaleError::Uneven);
        }
        Ok(Self { min, max, step })
    }

    /// Returns the smallest rating.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// Returns the largest rating.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// Returns the distance between two neighboring ratings, or 0 for a continuous scale.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// Returns whether every value between the minimum and the maximum is a rating.
    pub fn is_continuous(&self) -> bool {
        self.step == 0.0
    }

    /// Returns the distance between two ratings that are told apart: the step, or a hundredth of a
    /// continuous scale. It is never 0.
    pub fn resolution(&self) -> f64 {
        if self.is_continuous() { (self.max - self.min) / PARTS } else { self.step }
    }

    /// Returns the number of ratings that are told apart: of different ratings, or 101 of a
    /// continuous scale.
    pub fn levels(&self) -> usize {
        ((self.max - self.min) / self.resolution()).round() as usize + 1
    }

    /// Returns the exact level of a value. On a continuous scale that is the value itself. The
    /// value may be off by a millionth of a step, or by the rounding of a 32-bit float, so that
    /// ratings of such columns are on their steps.
    ///
    /// # Errors
    /// The value is not on the scale.
    pub fn check(&self, value: f64) -> Result<f64, ScaleViolation> {
        let Self { min, max, step } = *self;
        if !value.is_finite() {
            return Err(ScaleViolation::NotANumber { min, max, step });
        }
        let rounding = value.abs().max(min.abs()) * f64::from(f32::EPSILON);
        // A scale far from zero has steps that 32-bit floats can't tell apart.
        let slack = rounding.clamp(self.resolution() * 1e-6, self.resolution() * 0.01);
        if value < min - slack || value > max + slack {
            return Err(ScaleViolation::OffScale { value, min, max, step });
        }
        if self.is_continuous() {
            return Ok(self.clip(value));
        }
        let level = ((value - min) / step).round();
        let exact = min + level * step;
        if (value - exact).abs() > slack {
            return Err(ScaleViolation::OffStep { value, min, max, step });
        }
        Ok(exact)
    }

    /// Returns the nearest value between the minimum and the maximum.
    pub fn clip(&self, value: f64) -> f64 {
        value.clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_levels_and_names_what_is_wrong_with_others() {
        let scale = Scale::try_new(0.5, 5.0, 0.5).expect("valid");
        assert_eq!(scale.levels(), 10);
        assert_eq!(scale.check(3.5), Ok(3.5));
        assert!(matches!(scale.check(f64::NAN), Err(ScaleViolation::NotANumber { .. })));
        assert!(matches!(scale.check(9.0), Err(ScaleViolation::OffScale { .. })));
        assert!(matches!(scale.check(3.3), Err(ScaleViolation::OffStep { .. })));
    }

    #[test]
    fn every_level_as_a_32_bit_float_is_on_its_step() {
        for (min, max, step) in
            [(0.0, 5.0, 0.1), (0.5, 5.0, 0.5), (-1.0, 1.0, 0.05), (0.0, 100.0, 0.1), (1.0, 10.0, 0.3)]
        {
            let scale = Scale::try_new(min, max, step).expect("valid");
            for level in 0..scale.levels() {
                let exact = min + level as f64 * step;
                assert_eq!(scale.check(f64::from(exact as f32)), Ok(exact), "{min} to {max} in steps of {step}");
                assert_eq!(scale.check(exact), Ok(exact));
            }
            for beside in [min + step * 0.4, min + step * 0.02, max - step * 0.02] {
                assert!(matches!(scale.check(beside), Err(ScaleViolation::OffStep { .. })), "{beside}");
            }
            assert!(matches!(scale.check(max + step * 0.02), Err(ScaleViolation::OffScale { .. })));
        }
        let far = Scale::try_new(1e9, 1e9 + 1.0, 0.1).expect("valid");
        assert!(far.check(1e9 + 0.15).is_err(), "a step stays a step where 32-bit floats can't tell");
    }

    #[test]
    fn a_scale_without_steps_takes_every_value_between_its_ends() {
        let scale = Scale::try_new(-10.0, 10.0, 0.0).expect("valid");
        assert_eq!([scale.check(-7.82), scale.check(10.0), scale.check(0.0)], [Ok(-7.82), Ok(10.0), Ok(0.0)]);
        assert_eq!(scale.check(f64::from(10.000_001_f32)), Ok(10.0), "a rounded end is the end");
        let off = scale.check(10.5).expect_err("off the scale");
        assert_eq!(off.to_string(), "is 10.5, off the scale: give one from -10 to 10");
        assert_eq!((scale.levels(), scale.resolution(), scale.step()), (101, 0.2, 0.0));
    }

    #[test]
    fn a_scale_that_cannot_be_reached_in_steps_is_refused() {
        assert_eq!(Scale::try_new(1.0, 5.0, 0.3), Err(ScaleError::Uneven));
        assert_eq!(Scale::try_new(5.0, 1.0, 1.0), Err(ScaleError::Empty));
        assert_eq!(Scale::try_new(1.0, 5.0, -1.0), Err(ScaleError::Empty));
        assert_eq!(Scale::try_new(f64::NAN, 5.0, 1.0), Err(ScaleError::NotFinite));
    }
}
