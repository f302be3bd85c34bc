//! What the report of a version says about the run that made it.

use marquee_domain::{GateResult, GateSide, TrainingPlan, Version};
use marquee_model::Dataset;

use super::Facts;

/// Returns the rows of the report's table: a name and a value each. `previous` is the version
/// before, as far as it is known.
pub(super) fn rows(
    (version, previous): (Version, Option<Version>),
    facts: &Facts,
    (dataset, train_seconds): (&Dataset, f64),
    gates: &[GateResult],
) -> Vec<(&'static str, String)> {
    let Facts { training, plan, scale, created_at, git_revision, .. } = facts;
    let TrainingPlan { algorithm, parameters, holdout, .. } = plan;
    let previous = match previous {
        Some(previous) => previous.to_string(),
        None if version == Version(1) => "not there: this is the first version".to_owned(),
        None => "not known: another trainer published at the same time".to_owned(),
    };
    let parameters = format!(
        "algorithm {}, factors {}, sweeps {}, burn-in {}, samples {}, seed {}, holdout {holdout}",
        algorithm.name(),
        parameters.factors,
        parameters.sweeps,
        parameters.burn_in,
        parameters.samples,
        parameters.seed,
    );
    let Dataset { digest, ratings, users, movies, first_rated_at, last_rated_at } = dataset;
    let steps = if scale.is_continuous() { String::new() } else { format!(" in steps of {}", scale.step()) };
    let mut rows = vec![
        ("run", training.to_string()),
        ("date", created_at.to_rfc3339()),
        ("previous version", previous),
        ("parameters", parameters),
        ("time of the fit", format!("{train_seconds:.1} s")),
        ("ratings", format!("{ratings} by {users} users of {movies} movies")),
        ("dates of the ratings", format!("{first_rated_at} to {last_rated_at}")),
        ("digest of the ratings", digest.clone()),
        ("scale", format!("{} to {}{steps}", scale.min(), scale.max())),
    ];
    rows.extend(gates.iter().map(|gate| ("gate", shown(gate))));
    rows.extend(git_revision.iter().map(|revision| ("revision of the code", revision.clone())));
    rows
}

/// Describes a gate: what was measured, the bound, and whether it passed.
fn shown(gate: &GateResult) -> String {
    let GateResult { name, value, bound, side } = gate;
    let side = match side {
        GateSide::AtMost => "at most",
        GateSide::AtLeast => "at least",
    };
    let verdict = if gate.passes() { "passed" } else { "failed" };
    format!("{name}: {value:.6}, allowed is {side} {bound:.6}: {verdict}")
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Algorithm, FitParameters, ModelName, RunId, Scale, Timestamp};

    use super::*;

    #[test]
    fn the_page_names_date_parameters_data_gates_and_the_version_before() {
        let facts = Facts {
            training: RunId::numbered(7),
            plan: TrainingPlan {
                model: ModelName::try_new("ratings").expect("valid"),
                algorithm: Algorithm::Bayes,
                parameters: FitParameters::default_of(Algorithm::Bayes),
                holdout: 0.1,
            },
            scale: Scale::try_new(0.5, 5.0, 0.5).expect("a scale"),
            created_at: Timestamp::from_seconds(1_764_081_000),
            git_revision: Some("abc".to_owned()),
            parity: 1e-3,
        };
        let dataset = Dataset {
            digest: "d1".to_owned(),
            ratings: 100,
            users: 20,
            movies: 30,
            first_rated_at: "1997-09-20T03:05:10Z".to_owned(),
            last_rated_at: "1998-04-22T23:10:38Z".to_owned(),
        };
        let gate = GateResult { name: "rmse".to_owned(), value: 0.9, bound: 1.02, side: GateSide::AtMost };
        let text = |version, previous: Option<u64>| {
            let versions = (Version(version), previous.map(Version));
            let rows = rows(versions, &facts, (&dataset, 1.25), std::slice::from_ref(&gate));
            rows.iter().map(|(name, value)| format!("{name} = {value}\n")).collect::<String>()
        };
        let third = text(3, Some(2));
        for row in [
            "run = t0000000000000007\n",
            "date = 2025-11-25T14:30:00Z\n",
            "previous version = 2\n",
            "parameters = algorithm bayes, factors 16, sweeps 240, burn-in 40, samples 48, seed 1, holdout 0.1\n",
            "ratings = 100 by 20 users of 30 movies\n",
            "dates of the ratings = 1997-09-20T03:05:10Z to 1998-04-22T23:10:38Z\n",
            "digest of the ratings = d1\n",
            "gate = rmse: 0.900000, allowed is at most 1.020000: passed\n",
            "revision of the code = abc\n",
        ] {
            assert!(third.contains(row), "{row} is not in {third}");
        }
        assert!(text(1, None).contains("previous version = not there: this is the first version\n"));
    }
}
