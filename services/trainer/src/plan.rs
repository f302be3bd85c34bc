//! From what a caller asked for to a plan: checks every field and fills in the defaults.

use marquee_domain::{Algorithm, FitParameters, ModelName, Reason, TrainingPlan, Violation};

/// The share of held-out ratings that a run may ask for.
pub(crate) const LARGEST_HOLDOUT: f64 = 0.5;

/// What a caller asked for. `None` stands for the default.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TrainingRequest {
    pub(crate) model: Option<String>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) factors: Option<usize>,
    pub(crate) sweeps: Option<usize>,
    pub(crate) burn_in: Option<usize>,
    pub(crate) samples: Option<usize>,
    pub(crate) seed: Option<u64>,
    pub(crate) holdout: Option<f64>,
}

/// The defaults of the deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Defaults {
    pub(crate) model: ModelName,
    pub(crate) holdout: f64,
}

/// Returns whether a share of held-out ratings is allowed.
pub(crate) fn is_holdout(share: f64) -> bool {
    share > 0.0 && share <= LARGEST_HOLDOUT
}

impl Defaults {
    /// Returns the plan of a request.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub(crate) fn plan(&self, request: &TrainingRequest) -> Result<TrainingPlan, Vec<Violation>> {
        let mut violations = Vec::new();
        let model = match &request.model {
            None => Some(self.model.clone()),
            Some(text) => ModelName::try_new(text)
                .map_err(|error| violations.push(Violation::new("model", error.reason(), error.to_string())))
                .ok(),
        };
        if request.algorithm.is_none() {
            let fix = "is missing: give ALGORITHM_BIAS, ALGORITHM_MAP or ALGORITHM_BAYES";
            violations.push(Violation::new("algorithm", Reason::Missing, fix));
        }
        let parameters = parameters(request);
        if let Err(error) = parameters.check() {
            let (field, text) = (format!("parameters.{}", error.field), format!("is out of range: {}", error.fix));
            violations.push(Violation::new(field, Reason::OutOfRange, text));
        }
        let holdout = request.holdout.unwrap_or(self.holdout);
        if !is_holdout(holdout) {
            let text = format!("is {holdout}: give a share above 0 and at most {LARGEST_HOLDOUT}");
            violations.push(Violation::new("parameters.holdout", Reason::OutOfRange, text));
        }
        match (model, request.algorithm) {
            (Some(model), Some(algorithm)) if violations.is_empty() => {
                Ok(TrainingPlan { model, algorithm, parameters, holdout })
            }
            _ => Err(violations),
        }
    }
}

/// Fills in the defaults of the algorithm.
fn parameters(request: &TrainingRequest) -> FitParameters {
    let default = FitParameters::default_of(request.algorithm.unwrap_or(Algorithm::Map));
    let default = default.with_sweeps(request.sweeps, request.burn_in, request.samples);
    let factors = request.factors.unwrap_or(default.factors);
    FitParameters { factors, seed: request.seed.unwrap_or(default.seed), ..default }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults { model: ModelName::try_new("ratings").expect("valid"), holdout: 0.1 }
    }

    #[test]
    fn an_algorithm_is_enough() {
        for algorithm in [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes] {
            let request = TrainingRequest { algorithm: Some(algorithm), ..TrainingRequest::default() };
            let plan = defaults().plan(&request).expect("a plan");
            let parameters = FitParameters::default_of(algorithm);
            assert_eq!(plan, TrainingPlan { model: defaults().model, algorithm, parameters, holdout: 0.1 });
        }
    }

    #[test]
    fn few_sweeps_shorten_what_the_caller_left_out() {
        let algorithm = Some(Algorithm::Bayes);
        let request = TrainingRequest { algorithm, sweeps: Some(10), ..TrainingRequest::default() };
        let parameters = defaults().plan(&request).expect("a plan").parameters;
        assert_eq!((parameters.sweeps, parameters.burn_in, parameters.samples), (10, 5, 5));
        let request = TrainingRequest { burn_in: Some(8), ..request };
        assert_eq!(defaults().plan(&request).expect("a plan").parameters.samples, 2);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let request = TrainingRequest {
            model: Some("No".to_owned()),
            factors: Some(500),
            holdout: Some(f64::NAN),
            ..TrainingRequest::default()
        };
        let violations = defaults().plan(&request).expect_err("wrong");
        let named: Vec<_> = violations.iter().map(|wrong| (wrong.field.as_str(), wrong.reason)).collect();
        let expected = [
            ("model", Reason::Malformed),
            ("algorithm", Reason::Missing),
            ("parameters.factors", Reason::OutOfRange),
            ("parameters.holdout", Reason::OutOfRange),
        ];
        assert_eq!(named, expected);
    }
}
