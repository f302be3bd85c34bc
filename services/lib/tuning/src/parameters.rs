//! The parameters of a fit as values of a search space.

use marquee_domain::{Algorithm, FitParameters, ParameterError};
use marquee_tune::{Space, SpaceError, Value, Values};
use thiserror::Error;

/// The names of the parameters that can be tuned.
const NAMES: [&str; 4] = ["factors", "sweeps", "burn_in", "samples"];

const MAP: &str = include_str!("spaces/map.toml");
const BAYES: &str = include_str!("spaces/bayes.toml");
const BIAS: &str = include_str!("spaces/bias.toml");

/// Why values are not the parameters of a fit.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ValueError {
    /// The fit has no parameter of this name.
    #[error("parameters.{0}: is not a parameter of a fit; give factors, sweeps, burn_in or samples")]
    Unknown(String),
    /// The value is not a whole number from 0 on.
    #[error("parameters.{name}: {value} is not a whole number from 0 on; use the type int with low of at least 0")]
    NotANumber {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
    },
    /// A value is out of range, maybe only together with another one.
    #[error("parameters: a combination is not allowed")]
    Range(#[from] ParameterError),
}

/// Returns the usual search space of an algorithm as TOML.
pub fn default_space(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Bias => BIAS,
        Algorithm::Map => MAP,
        Algorithm::Bayes => BAYES,
    }
}

/// Returns the parameters of a fit: the defaults of the algorithm, with these values instead.
///
/// # Errors
/// A value is not a parameter, or out of range.
pub fn fit_parameters(algorithm: Algorithm, values: &Values, seed: u64) -> Result<FitParameters, ValueError> {
    let mut parameters = FitParameters { seed, ..FitParameters::default_of(algorithm) };
    for (name, value) in values {
        let field = match name.as_str() {
            "factors" => &mut parameters.factors,
            "sweeps" => &mut parameters.sweeps,
            "burn_in" => &mut parameters.burn_in,
            "samples" => &mut parameters.samples,
            _ => return Err(ValueError::Unknown(name.clone())),
        };
        let number = value.as_i64().and_then(|number| usize::try_from(number).ok());
        *field = number.ok_or_else(|| ValueError::NotANumber { name: name.clone(), value: value.to_string() })?;
    }
    parameters.check()?;
    Ok(parameters)
}

/// Returns the default values of the parameters in a space.
pub(crate) fn default_values(algorithm: Algorithm, space: &Space) -> Values {
    let FitParameters { factors, sweeps, burn_in, samples, .. } = FitParameters::default_of(algorithm);
    let all = NAMES.into_iter().zip([factors, sweeps, burn_in, samples]);
    let in_space = all.filter(|(name, _)| space.parameter(name).is_some());
    in_space.map(|(name, value)| (name.to_owned(), Value::Int(value as i64))).collect()
}

/// Checks that a space has parameters of a fit only.
pub(crate) fn check_space(space: &Space) -> Result<(), SpaceError> {
    let foreign = space.parameters().iter().find(|parameter| !NAMES.contains(&parameter.name.as_str()));
    match foreign {
        Some(parameter) => Err(SpaceError::Key {
            key: format!("parameters.{}", parameter.name),
            problem: "is not a parameter of a fit: give factors, sweeps, burn_in or samples".to_owned(),
        }),
        None => Ok(()),
    }
}

/// Returns parameters that take about this share of the time, for a first impression.
pub(crate) fn shortened(parameters: &FitParameters, share: f64) -> FitParameters {
    if share >= 1.0 {
        return *parameters;
    }
    let part = |number: usize| (number as f64 * share).ceil() as usize;
    let burn_in = (parameters.burn_in as f64 * share).floor() as usize;
    let sweeps = part(parameters.sweeps).max(burn_in + 1);
    FitParameters { sweeps, burn_in, samples: parameters.samples.min(sweeps - burn_in), ..*parameters }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: [Algorithm; 3] = [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes];

    #[test]
    fn every_value_of_a_usual_space_is_allowed_and_the_default_is_one() {
        for algorithm in ALGORITHMS {
            let space = Space::parse(default_space(algorithm)).expect("a space");
            assert_eq!(check_space(&space), Ok(()));
            let default = default_values(algorithm, &space);
            assert_eq!(space.check(&default), Ok(()), "{algorithm:?}");
            let parameters = fit_parameters(algorithm, &default, 1).expect("allowed");
            assert_eq!(parameters, FitParameters::default_of(algorithm));
            let study = marquee_tune::Study::in_memory(
                space,
                marquee_tune::Settings { sampler: marquee_tune::Sampler::Random, ..Default::default() },
            );
            for _ in 0..300 {
                let trial = study.ask().expect("in memory");
                let parameters = fit_parameters(algorithm, trial.values(), 1).expect("allowed");
                for share in [1.0 / 9.0, 1.0 / 3.0, 1.0] {
                    assert_eq!(shortened(&parameters, share).check(), Ok(()), "{parameters:?}");
                }
                assert_eq!(shortened(&parameters, 1.0), parameters);
            }
        }
    }

    #[test]
    fn wrong_values_are_named() {
        let values = |name: &str, value: Value| Values::from([(name.to_owned(), value)]);
        for (values, words) in [
            (values("rate", Value::Int(1)), "parameters.rate: is not a parameter"),
            (values("factors", Value::Float(1.5)), "parameters.factors: 1.5 is not"),
            (values("factors", Value::Int(-1)), "parameters.factors: -1 is not"),
        ] {
            let error = fit_parameters(Algorithm::Map, &values, 1).expect_err(words).to_string();
            assert!(error.starts_with(words), "{error}");
        }
        let error = fit_parameters(Algorithm::Map, &values("factors", Value::Int(129)), 1).expect_err("too many");
        assert!(matches!(error, ValueError::Range(ParameterError { field: "factors", .. })), "{error:?}");
        let space = Space::parse("[parameters.rate]\ntype='int'\nlow=1\nhigh=2").expect("a space");
        assert!(check_space(&space).is_err_and(|error| error.to_string().contains("factors, sweeps")));
    }
}
