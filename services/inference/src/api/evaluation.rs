//! Evaluations on the wire.

use std::time::Duration;

use marquee_domain::{ModelName, Reason, Version, Violation};
use marquee_kit::{Failure, Kind};
use marquee_proto::convert;
use marquee_proto::prediction::v1 as pb;

use super::Service;
use super::wire::Checks;
use crate::evaluation::{Builder, Error, Estimate, Evaluate, Rated, VersionResult};

/// The largest request, and the largest answer, in bytes.
pub(super) const LARGEST: usize = 8 << 20;

const MOST_VERSIONS: usize = 16;
const MOST_STEPS: usize = 1_000;
const MOST_ENTRIES: usize = 100_000;

/// Violations that are named. A request that is wrong everywhere is told the first ones.
const MOST_VIOLATIONS: usize = 20;

impl Service {
    pub(super) async fn call_evaluate(&self, request: pb::EvaluateRequest) -> Result<pb::EvaluateResponse, Failure> {
        let permit = self.0.evaluation.admit()?;
        let default = self.0.default_model.clone();
        // A large request has 100,000 ids to check.
        let request = self.0.compute.run(move || evaluate(&request, &default)).await?;
        let results = self.0.evaluation.evaluate(&permit, request).await?;
        Ok(pb::EvaluateResponse { versions: results.into_iter().map(version).collect() })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::NoRoute(_) => Self::new(Kind::NotFound, error.to_string()),
            Error::Busy | Error::TooMany => {
                Self::new(Kind::ResourceExhausted, error.to_string()).retry_after(Duration::from_millis(200))
            }
        }
    }
}

/// Checks a request.
fn evaluate(request: &pb::EvaluateRequest, default: &ModelName) -> Result<Evaluate, Failure> {
    check_sizes(request)?;
    let mut checks = Checks::default();
    let model = checks.model(&request.model, default);
    let mut builder = Builder::default();
    let mut wrong = 0;
    for (at, sequence) in request.sequences.iter().enumerate() {
        builder.sequence((sequence.limit > 0).then_some(sequence.limit as usize));
        // A request has up to 100,000 entries, so the names of fields are made where one is wrong.
        let mut rated = |builder: &mut Builder, (list, index): (&str, usize), (id, rating): (&str, f64)| {
            let field = || format!("sequences[{at}].{list}[{index}]");
            let checked = (wrong < MOST_VIOLATIONS).then(|| checks.take(check(builder, field, (id, rating)))).flatten();
            wrong += usize::from(checked.is_none());
            checked
        };
        for (index, entry) in sequence.history.iter().enumerate() {
            let rated = rated(&mut builder, ("history", index), (&entry.movie_id, entry.rating));
            rated.into_iter().for_each(|rated| builder.entry(rated));
        }
        for (index, step) in sequence.steps.iter().enumerate() {
            let rated = rated(&mut builder, ("steps", index), (&step.movie_id, step.rating));
            rated.into_iter().for_each(|rated| builder.step(rated, step.learn));
        }
    }
    let versions = request.versions.iter().copied().map(Version).collect();
    checks.finish(model.map(|model| builder.finish(model, versions)))
}

/// Checks the numbers of things, before anything is looked at in detail.
fn check_sizes(request: &pb::EvaluateRequest) -> Result<(), Failure> {
    let steps: usize = request.sequences.iter().map(|sequence| sequence.steps.len()).sum();
    let entries: usize = request.sequences.iter().map(|sequence| sequence.history.len()).sum();
    let mut versions = request.versions.clone();
    versions.sort_unstable();
    versions.dedup();
    let refused = |field: &str, reason, fix: String| Err(Failure::invalid(vec![Violation::new(field, reason, fix)]));
    if request.versions.len() > MOST_VERSIONS {
        let fix = format!("has {} entries: give at most {MOST_VERSIONS}", request.versions.len());
        return refused("versions", Reason::TooMany, fix);
    }
    if versions.len() < request.versions.len() {
        return refused("versions", Reason::Malformed, "has a version twice: name each once".to_owned());
    }
    if steps == 0 {
        return refused("sequences", Reason::Empty, format!("have no steps: give 1 to {MOST_STEPS}"));
    }
    if steps > MOST_STEPS {
        return refused("sequences", Reason::TooMany, format!("have {steps} steps: give 1 to {MOST_STEPS}"));
    }
    if entries > MOST_ENTRIES {
        let fix = format!("have {entries} entries of histories: give at most {MOST_ENTRIES}");
        return refused("sequences", Reason::TooMany, fix);
    }
    // Each one costs a state, whatever it holds.
    if request.sequences.len() > MOST_STEPS {
        return refused(
            "sequences",
            Reason::TooMany,
            format!("are more than {MOST_STEPS}: leave out those without steps"),
        );
    }
    Ok(())
}

fn check(builder: &mut Builder, field: impl Fn() -> String, (id, rating): (&str, f64)) -> Result<Rated, Violation> {
    let movie = builder.number(id, || convert::movie_id(&format!("{}.movie_id", field()), id))?;
    if !(rating as f32).is_finite() {
        return Err(Violation::new(
            format!("{}.rating", field()),
            Reason::NotANumber,
            "is no number: give a rating in stars",
        ));
    }
    Ok(Rated { movie, rating })
}

fn version(result: VersionResult) -> pb::VersionEvaluation {
    let version = result.version.0;
    match result.estimates {
        Ok(estimates) => {
            let estimates = estimates.into_iter().map(|one| one.map_or_else(|failure| failed(&failure), estimate));
            pb::VersionEvaluation { version, failure: String::new(), estimates: estimates.collect() }
        }
        Err(failure) => pb::VersionEvaluation { version, failure, estimates: Vec::new() },
    }
}

fn estimate(estimate: Estimate) -> pb::Estimate {
    let Estimate { rating, spread, unknown_movie } = estimate;
    pb::Estimate { rating, spread, unknown_movie, failure: String::new() }
}

fn failed(failure: &str) -> pb::Estimate {
    pb::Estimate { failure: failure.to_owned(), ..pb::Estimate::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    fn step(movie: &str, rating: f64) -> pb::Step {
        pb::Step { movie_id: movie.to_owned(), rating, learn: true }
    }

    fn request(steps: Vec<pb::Step>) -> pb::EvaluateRequest {
        let sequences = vec![pb::Sequence { history: Vec::new(), steps, limit: 0 }];
        pb::EvaluateRequest { sequences, ..pb::EvaluateRequest::default() }
    }

    fn refused(request: &pb::EvaluateRequest) -> Vec<(String, Reason)> {
        let refused = evaluate(request, &name()).unwrap_err();
        refused.violations().iter().map(|violation| (violation.field.clone(), violation.reason)).collect()
    }

    #[test]
    fn a_request_is_refused_by_field() {
        let one = |field: &str, reason| vec![(field.to_owned(), reason)];
        assert_eq!(refused(&request(Vec::new())), one("sequences", Reason::Empty));
        assert_eq!(refused(&request(vec![step("m", 3.0); 1_001])), one("sequences", Reason::TooMany));
        assert_eq!(
            refused(&request(vec![step("m", f64::NAN)])),
            one("sequences[0].steps[0].rating", Reason::NotANumber)
        );
        let twice = pb::EvaluateRequest { versions: vec![1, 2, 1], ..request(vec![step("m", 3.0)]) };
        assert_eq!(refused(&twice), one("versions", Reason::Malformed));
        let many = pb::EvaluateRequest { versions: (1..18).collect(), ..request(vec![step("m", 3.0)]) };
        assert_eq!(refused(&many), one("versions", Reason::TooMany));
        let mut long = request(vec![step("m", 3.0)]);
        long.sequences[0].history = vec![pb::Entry { movie_id: "m".to_owned(), rating: 1.0 }; 100_001];
        assert_eq!(refused(&long), one("sequences", Reason::TooMany));
        assert_eq!(refused(&request(vec![step("", 3.0); 900])).len(), MOST_VIOLATIONS);
        assert_eq!(evaluate(&request(vec![step("m", 3.0)]), &name()).unwrap().steps, 1);
    }
}
