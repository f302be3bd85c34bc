//! golden.json: predictions that were recorded at the training. An instance that loads the package
//! computes them again before it answers users. So graphs that run but predict something else, and
//! movies in another order, are found where the package is loaded.
//!
//! The file may be missing: older packages do not have it, and older programs ignore it.

use marquee_domain::MovieId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name of the file.
pub const GOLDEN: &str = "golden.json";

/// The most cases of a file.
const MOST_CASES: usize = 100;

/// The most ratings and the most predictions of a case.
const LONGEST: usize = 1_000;

/// Recorded predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// How much a prediction may differ from the recorded one, in stars. Processors round
    /// differently.
    pub tolerance: f64,
    /// The recorded predictions, by history.
    pub cases: Vec<GoldenCase>,
}

/// What is predicted for one history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldenCase {
    /// Movies and their ratings in stars. It is made up: a package has no history of a user.
    pub history: Vec<(MovieId, f64)>,
    /// Movies, and what is predicted for each.
    pub predictions: Vec<GoldenPrediction>,
}

/// A prediction: a movie, its expected rating in stars before it is clipped to the scale, and the
/// standard deviation of the rating.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldenPrediction {
    /// The movie.
    pub movie: MovieId,
    /// The expected rating.
    pub rating: f64,
    /// The standard deviation.
    pub spread: f64,
}

/// Why golden.json cannot be used.
#[derive(Debug, Error)]
pub enum GoldenError {
    /// The bytes are not JSON, or a field is missing or has the wrong type.
    #[error("it is not a list of recorded predictions")]
    Json(#[source] serde_json::Error),
    /// A number or a length is out of range.
    #[error("{0}")]
    Range(&'static str),
}

/// How a prediction differs from the recorded one.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GoldenMismatch {
    /// The package does not have the movie.
    #[error("golden.json has the movie '{0}', which movies.parquet does not have")]
    UnknownMovie(MovieId),
    /// Another number of predictions was returned.
    #[error("case {case} of golden.json has {expected} predictions, but the graphs return {found}")]
    Count {
        /// Number of the case, from 1.
        case: usize,
        /// The recorded number.
        expected: usize,
        /// The number that the graphs returned.
        found: usize,
    },
    /// A prediction is another one.
    #[error(
        "case {case} of golden.json: movie '{movie}' is predicted {found:?}, but the training recorded {expected:?} \
         (rating and spread, in stars)"
    )]
    Prediction {
        /// Number of the case, from 1.
        case: usize,
        /// The movie.
        movie: MovieId,
        /// The recorded rating and spread.
        expected: (f64, f64),
        /// The rating and spread that the graphs returned.
        found: (f64, f64),
    },
}

impl Golden {
    /// Reads the file.
    ///
    /// # Errors
    /// The bytes are not such a file, or a number or a length is out of range.
    pub fn parse(bytes: &[u8]) -> Result<Self, GoldenError> {
        let golden: Self = serde_json::from_slice(bytes).map_err(GoldenError::Json)?;
        if !golden.tolerance.is_finite() || golden.tolerance <= 0.0 {
            return Err(GoldenError::Range("its tolerance is not a number above 0"));
        }
        if golden.cases.is_empty() || golden.cases.len() > MOST_CASES {
            return Err(GoldenError::Range("it has no cases, or more than 100"));
        }
        let is_usual =
            |case: &GoldenCase| case.history.len() <= LONGEST && (1..=LONGEST).contains(&case.predictions.len());
        if !golden.cases.iter().all(is_usual) {
            return Err(GoldenError::Range("a case has no predictions, or more than 1,000 ratings or predictions"));
        }
        Ok(golden)
    }

    /// Returns the file as JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("there are only strings and numbers")
    }

    /// Compares the predictions of a case, as (rating, spread) in the order of the case. `at` is
    /// the index of the case.
    ///
    /// # Errors
    /// The first prediction that differs by more than the tolerance, or is not a number.
    pub fn check(&self, at: usize, found: &[(f64, f64)]) -> Result<(), GoldenMismatch> {
        let Some(case) = self.cases.get(at) else { return Ok(()) };
        let number = at + 1;
        if found.len() != case.predictions.len() {
            let (expected, found) = (case.predictions.len(), found.len());
            return Err(GoldenMismatch::Count { case: number, expected, found });
        }
        for (expected, found) in case.predictions.iter().zip(found) {
            // False for what is not a number.
            let is_near = |expected: f64, found: f64| (expected - found).abs() <= self.tolerance;
            if !is_near(expected.rating, found.0) || !is_near(expected.spread, found.1) {
                return Err(GoldenMismatch::Prediction {
                    case: number,
                    movie: expected.movie.clone(),
                    expected: (expected.rating, expected.spread),
                    found: *found,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Golden {
        let movie = |id: &str| MovieId::try_new(id).unwrap();
        let predictions = vec![
            GoldenPrediction { movie: movie("a"), rating: 3.5, spread: 0.9 },
            GoldenPrediction { movie: movie("b"), rating: 4.5, spread: 0.8 },
        ];
        Golden { tolerance: 0.01, cases: vec![GoldenCase { history: vec![(movie("b"), 4.0)], predictions }] }
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        assert_eq!(Golden::parse(&golden().to_bytes()).unwrap(), golden());
        let newer = String::from_utf8(golden().to_bytes()).unwrap().replacen('{', "{\"seed\": 1, ", 1);
        assert_eq!(Golden::parse(newer.as_bytes()).unwrap(), golden());
    }

    #[test]
    fn files_that_prove_nothing_are_refused() {
        for wrong in [
            "{}".to_owned(),
            r#"{"tolerance": 0.01, "cases": []}"#.to_owned(),
            r#"{"tolerance": 0, "cases": [{"history": [], "predictions": []}]}"#.to_owned(),
            r#"{"tolerance": 0.01, "cases": [{"history": [], "predictions": []}]}"#.to_owned(),
            r#"{"tolerance": 0.01, "cases": [{"history": [["", 1]], "predictions": []}]}"#.to_owned(),
        ] {
            assert!(Golden::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn predictions_may_differ_by_the_tolerance_only() {
        let golden = golden();
        assert_eq!(golden.check(0, &[(3.505, 0.9), (4.5, 0.795)]), Ok(()));
        let error = golden.check(0, &[(3.5, 0.9), (4.5, 0.7)]).unwrap_err().to_string();
        assert!(error.starts_with("case 1 of golden.json: movie 'b' is predicted (4.5, 0.7), but "), "{error}");
        assert!(golden.check(0, &[(f64::NAN, 0.9), (4.5, 0.8)]).is_err());
        assert!(golden.check(0, &[(3.5, 0.9)]).is_err());
    }
}
