//! The gates: what a model must reach to be published.
//!
//! **Invariant:** a model that was judged on too few ratings, or whose evaluation has a value that
//! is not a number, passes no gate (`a_model_that_was_not_judged_is_not_published`).

use marquee_domain::{GateResult, GateSide, ModelName, Scale, Version};
use marquee_eval::Evaluation;
use marquee_fit::Snapshot;
use marquee_model::{Package, PackageError, SigningKey};

use super::PipelineError;
use super::current::NON_INFERIORITY;
use super::export::Files;
use super::fitting::Trained;
use crate::queue::Run;
use crate::settings::Gates;

/// The name of the gate on the number of held-out ratings.
const HOLDOUT: &str = "holdout_ratings";

/// The name of the gate on the error.
pub(super) const RMSE: &str = "rmse";

/// An error of up to this share of the scale's range passes. Where the ratings hardly differ, the
/// error of the bias-only model is about 0, and a multiple of it would refuse every other model.
const SMALLEST_ERROR: f64 = 0.02;

/// What the gates look at.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// The largest difference between the graphs and the trainer's own prediction, in stars.
    pub(super) parity: f64,
    /// The number of ratings that were predicted.
    pub(super) ratings: u64,
    /// The error. NaN where the evaluation is not usable.
    pub(super) rmse: f64,
    pub(super) bias_rmse: f64,
    /// An error that always passes, in stars.
    pub(super) smallest_error: f64,
    /// The gate of the comparison with the current version, if there was one.
    pub(super) non_inferiority: Option<GateResult>,
    /// Why that gate refuses the model, if it does.
    pub(super) refusal: Option<String>,
}

/// The files of a model that passed every gate. Only [`check`] makes one.
#[derive(Debug)]
pub(crate) struct Approved {
    files: Files,
    gates: Vec<GateResult>,
}

impl Measured {
    pub(super) fn new(parity: f64, fitted: &Trained, scale: Scale) -> Self {
        let Trained { evaluation, bias, .. } = fitted;
        Self {
            parity,
            ratings: if evaluation.users > 0 { evaluation.ratings } else { 0 },
            rmse: if is_usable(evaluation) { evaluation.rmse } else { f64::NAN },
            bias_rmse: if is_usable(bias) { bias.rmse } else { f64::NAN },
            smallest_error: (scale.max() - scale.min()) * SMALLEST_ERROR,
            non_inferiority: fitted.judgment.gate().cloned(),
            refusal: fitted.judgment.refusal(),
        }
    }

    /// Returns every gate with its value and bound.
    fn results(&self, gates: &Gates) -> Vec<GateResult> {
        let at_most =
            |name: &str, value, bound| GateResult { name: name.to_owned(), value, bound, side: GateSide::AtMost };
        // `f64::max` would ignore a value that is not a number.
        let largest = match self.bias_rmse.is_finite() {
            true => (self.bias_rmse * gates.rmse_over_bias).max(self.smallest_error),
            false => f64::NAN,
        };
        let mut results = vec![
            holdout(self.ratings, gates),
            at_most("parity", self.parity, gates.parity),
            at_most(RMSE, self.rmse, largest),
        ];
        results.extend(self.non_inferiority.clone());
        results
    }
}

/// Returns whether an evaluation measured something. A mean over no ratings is 0, which would look
/// like a perfect model.
fn is_usable(evaluation: &Evaluation) -> bool {
    let Evaluation { ratings, users, rmse, mae, frozen_rmse, nll, .. } = evaluation;
    *ratings > 0 && *users > 0 && [rmse, mae, frozen_rmse, nll].into_iter().all(|value| value.is_finite())
}

fn holdout(ratings: u64, gates: &Gates) -> GateResult {
    let (value, bound) = (ratings as f64, gates.min_holdout as f64);
    GateResult { name: HOLDOUT.to_owned(), value, bound, side: GateSide::AtLeast }
}

/// Checks before the fit whether enough ratings are held out to judge a model.
pub(super) fn check_holdout(snapshot: &Snapshot, gates: &Gates, run: &Run) -> Result<(), PipelineError> {
    let share = run.now().plan.holdout;
    let held_out = snapshot.split(share).1.len();
    let gate = holdout(held_out as u64, gates);
    if gate.passes() {
        return Ok(());
    }
    run.update(|run| run.gates.push(gate));
    // Ratings of one instant stay together, so equal times leave fewer than the share.
    let wanted = (snapshot.ratings().len() as f64 * share).round() as usize;
    let fix = if wanted as u64 >= gates.min_holdout {
        "the newest ratings have one time, and only ratings after a time can be held out: import them with their times"
    } else {
        "import more ratings, or give a larger share with parameters.holdout"
    };
    Err(PipelineError::Holdout { ratings: held_out, least: gates.min_holdout, fix })
}

/// Checks every gate and records the results in the run.
pub(super) fn check(files: Files, bounds: &Gates, measured: &Measured, run: &Run) -> Result<Approved, PipelineError> {
    let gates = measured.results(bounds);
    for gate in &gates {
        run.update(|run| run.gates.push(gate.clone()));
        if !gate.passes() {
            let of_comparison = measured.refusal.clone().filter(|_| gate.name == NON_INFERIORITY);
            return Err(of_comparison.map_or_else(|| PipelineError::Gate(gate.clone()), PipelineError::Compared));
        }
    }
    Ok(Approved { files, gates })
}

impl Approved {
    pub(super) fn model(&self) -> &ModelName {
        self.files.model()
    }

    /// Builds the package of a version, signed if there is a key. `previous` is the version before,
    /// for the report. Hashes every file.
    pub(super) fn package(
        &self,
        (version, previous): (Version, Option<Version>),
        key: Option<&SigningKey>,
    ) -> Result<Package, PackageError> {
        self.files.package((version, previous), &self.gates, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Measured = Measured {
        parity: 0.0,
        ratings: 100,
        rmse: 0.9,
        bias_rmse: 1.0,
        smallest_error: 0.04,
        non_inferiority: None,
        refusal: None,
    };

    fn passes(measured: &Measured) -> bool {
        measured.results(&Gates::default()).iter().all(GateResult::passes)
    }

    #[test]
    fn a_value_above_its_bound_stops_the_run() {
        assert!(passes(&GOOD) && passes(&Measured { parity: 1e-4, rmse: 1.02, ..GOOD }));
        assert!(!passes(&Measured { parity: 1e-2, ..GOOD }), "the graphs predict something else");
        assert!(!passes(&Measured { rmse: 1.03, ..GOOD }), "the model is worse than the biases");
        assert!(!passes(&Measured { parity: f64::INFINITY, ..GOOD }));
    }

    #[test]
    fn a_model_that_was_not_judged_is_not_published() {
        for ratings in [0, 1, 9] {
            assert!(!passes(&Measured { ratings, ..GOOD }), "{ratings} held-out ratings");
        }
        assert!(passes(&Measured { ratings: 10, ..GOOD }));
        assert!(!passes(&Measured { rmse: f64::NAN, ..GOOD }) && !passes(&Measured { bias_rmse: f64::NAN, ..GOOD }));
        assert!(!passes(&Measured { rmse: 0.0, bias_rmse: f64::INFINITY, ..GOOD }));
    }

    #[test]
    fn an_error_that_nobody_sees_passes_where_the_biases_have_none() {
        assert!(passes(&Measured { rmse: 0.03, bias_rmse: 0.0, ..GOOD }));
        assert!(!passes(&Measured { rmse: 0.05, bias_rmse: 0.0, ..GOOD }));
    }

    #[test]
    fn a_model_that_may_be_worse_than_the_current_version_is_not_published() {
        let against = |value: f64| {
            let name = NON_INFERIORITY.to_owned();
            let gate = GateResult { name, value, bound: 0.01, side: GateSide::AtMost };
            Measured { non_inferiority: Some(gate), ..GOOD }
        };
        assert!(passes(&against(-0.02)) && passes(&against(0.01)));
        assert!(!passes(&against(0.011)) && !passes(&against(f64::NAN)));
    }

    #[test]
    fn an_evaluation_of_nothing_is_not_usable() {
        let nothing = Evaluation { ratings: 0, users: 0, ..evaluation() };
        assert!(is_usable(&evaluation()) && !is_usable(&nothing));
        assert!(!is_usable(&Evaluation { users: 0, ..evaluation() }));
        for wrong in [f64::NAN, f64::INFINITY] {
            assert!(!is_usable(&Evaluation { nll: wrong, ..evaluation() }));
            assert!(!is_usable(&Evaluation { frozen_rmse: wrong, ..evaluation() }));
        }
    }

    fn evaluation() -> Evaluation {
        Evaluation {
            ratings: 20,
            rmse: 0.9,
            mae: 0.7,
            frozen_rmse: 1.0,
            nll: 1.2,
            users: 4,
            new_users: 0,
            unseen_movies: marquee_eval::Slice { name: String::new(), ratings: 0, rmse: 0.0, frozen_rmse: 0.0 },
            by_history: Vec::new(),
            coverage: Vec::new(),
            histogram: Vec::new(),
            calibration: Vec::new(),
            residuals: Vec::new(),
            ..Evaluation::default()
        }
    }
}
