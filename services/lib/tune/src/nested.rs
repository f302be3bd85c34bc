//! Nested evaluation: chosen values are judged on data that they were not chosen on (Varma and
//! Simon 2006, "Bias in error estimation when using cross-validation for model selection").
//!
//! The value of the best of many trials is too good: the trial was chosen because its value, noise
//! included, was the best. An outer fold keeps data back for a second judgment.

use crate::value::Values;

/// Data of an outer fold. `train` chooses and fits, `test` judges.
#[derive(Debug, Clone)]
pub struct Split<D> {
    /// What values are chosen on. Inner folds are parts of it.
    pub train: D,
    /// What the chosen values are judged on.
    pub test: D,
}

/// An outer fold after its judgment.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The values that were chosen on the training data.
    pub chosen: Values,
    /// The objective of the chosen values on the inner folds, which they were chosen by.
    pub inner: f64,
    /// The objective of the chosen values on the test data.
    pub outer: f64,
    /// The objective of the default values on the test data.
    pub default: f64,
}

/// The judgment over all outer folds.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// The folds, in their order.
    pub folds: Vec<Judged>,
}

impl Nested {
    /// Returns the mean of a figure over the folds, or `None` without folds.
    pub fn mean(&self, figure: impl Fn(&Judged) -> f64) -> Option<f64> {
        let sum: f64 = self.folds.iter().map(figure).sum();
        (!self.folds.is_empty()).then(|| sum / self.folds.len() as f64)
    }
}

/// Chooses values on the training data of each outer fold, and then judges them, and the default
/// values beside them, on its test data.
///
/// `choose` receives the number of the fold and its training data. It returns the chosen values and
/// their objective on the inner folds. `judge` receives the whole fold and values.
///
/// **Invariant:** test data choose nothing: `choose` never receives them
/// (`test_data_choose_nothing`).
///
/// # Errors
/// The first error of a closure.
pub fn nested<D, E>(
    splits: &[Split<D>],
    default: &Values,
    mut choose: impl FnMut(usize, &D) -> Result<(Values, f64), E>,
    mut judge: impl FnMut(&Split<D>, &Values) -> Result<f64, E>,
) -> Result<Nested, E> {
    let mut folds = Vec::with_capacity(splits.len());
    for (number, split) in splits.iter().enumerate() {
        let (chosen, inner) = choose(number, &split.train)?;
        let outer = judge(split, &chosen)?;
        let default = if chosen == *default { outer } else { judge(split, default)? };
        folds.push(Judged { chosen, inner, outer, default });
    }
    Ok(Nested { folds })
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::value::Value;

    fn values(x: i64) -> Values {
        Values::from([("x".to_owned(), Value::Int(x))])
    }

    #[test]
    fn test_data_choose_nothing() {
        let splits = [Split { train: "train 0", test: "test 0" }, Split { train: "train 1", test: "test 1" }];
        let mut calls = Vec::new();
        let calls_of_both = std::cell::RefCell::new(&mut calls);
        let nested = nested(
            &splits,
            &values(0),
            |fold, train| {
                calls_of_both.borrow_mut().push(format!("choose {fold} on {train}"));
                Ok::<_, ()>((values(fold as i64), 0.5))
            },
            |split, values| {
                calls_of_both.borrow_mut().push(format!("judge {} on {}", values["x"], split.test));
                Ok(1.0)
            },
        );
        assert_eq!(nested.expect("no error").folds.len(), 2);
        // The values of the first fold are the default, which is judged once.
        assert_eq!(
            calls,
            [
                "choose 0 on train 0",
                "judge 0 on test 0",
                "choose 1 on train 1",
                "judge 1 on test 1",
                "judge 0 on test 1"
            ]
        );
    }

    /// All values are equally good, so the best of many noisy trials is better by chance alone.
    #[test]
    fn the_outer_figure_does_not_have_the_bias_of_the_choice() {
        let splits: Vec<Split<u64>> = (0..200).map(|seed| Split { train: seed, test: seed + 1_000 }).collect();
        let noise = |seed: u64, x: i64| {
            let mut random = ChaCha8Rng::seed_from_u64(seed * 1_000 + x as u64);
            random.random::<f64>() - 0.5
        };
        let choose = |_: usize, seed: &u64| {
            let trials = (0..50).map(|x| (noise(*seed, x), x));
            let (inner, x) = trials.min_by(|a, b| a.0.total_cmp(&b.0)).expect("trials");
            Ok::<_, ()>((values(x), inner))
        };
        let judge =
            |split: &Split<u64>, values: &Values| Ok(noise(split.test, values["x"].as_i64().expect("a number")));
        let nested = nested(&splits, &values(0), choose, judge).expect("no error");
        assert!(nested.mean(|fold| fold.inner) < Some(-0.4));
        assert!(nested.mean(|fold| fold.outer).is_some_and(|mean| mean.abs() < 0.1));
        assert_eq!(Nested { folds: Vec::new() }.mean(|fold| fold.inner), None);
    }
}
