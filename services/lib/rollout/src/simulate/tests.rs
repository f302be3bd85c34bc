//! Recorded duels through a specification.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::*;

const SPEC: &str = r#"
    model = "ratings"
    version = 1
    alpha = 0.01
    steps = [
        { shadow = {} },
        { analysis = { metrics = ["quality"] } },
        { setWeight = 5 },
        { pause = {} },
        { analysis = { metrics = ["errors"] } },
        { setWeight = 50 },
        { pause = { duration = "1m" } },
    ]
    analysis = { metrics = ["quality"] }
    metrics = [
        { name = "quality", duel = { margin = 0.005 } },
        { name = "errors", errors = { max = 1 } },
    ]
"#;

fn spec() -> Spec {
    Spec::read(toml::Deserializer::parse(SPEC).expect("TOML")).expect("valid")
}

/// Ratings of two versions whose predictions differ by 0.2 stars. The candidate's mean squared
/// error is larger by `worse`.
fn ratings(seed: u64, worse: f64) -> impl Iterator<Item = RecordedRating> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..60_000_i64).map(move |index| {
        let mut normal = || -> f64 { random.sample(rand_distr::StandardNormal) };
        let common = 0.9 * normal();
        let (stable, candidate) = (common + 0.02_f64.sqrt() * normal(), common + (0.02 + worse).sqrt() * normal());
        RecordedRating {
            time: Timestamp::from_seconds(index),
            squared: (stable * stable, candidate * candidate),
            absolute: (stable.abs(), candidate.abs()),
            log_loss: (stable * stable, candidate * candidate),
            slices: Vec::new(),
            failed: false,
        }
    })
}

fn replay() -> Replay {
    Replay { ratings_per_second: Some(100.0), ..Replay::new(Version(1), Version(2)) }
}

#[test]
fn an_equal_version_takes_over_by_all_steps() {
    let trajectory = simulate(&spec(), ratings(1, 0.0), &replay()).expect("valid");
    let status = &trajectory.status;
    assert_eq!((status.phase, status.stable), (Phase::Completed, Some(Version(2))), "{}", status.message);
    let mut weights: Vec<f64> = trajectory.points.iter().map(|point| point.weight.value()).collect();
    weights.dedup();
    assert_eq!(weights, [0.0, 5.0, 50.0, 100.0]);
    assert!(trajectory.points.is_sorted_by_key(|point| point.time) && !trajectory.is_exhausted);
}

#[test]
fn a_version_0_02_stars_worse_is_stopped_without_users() {
    let trajectory = simulate(&spec(), ratings(1, 0.036), &replay()).expect("valid");
    assert_eq!((trajectory.status.phase, trajectory.status.reason), (Phase::Degraded, Reason::AnalysisFailed));
    assert!(trajectory.points.iter().all(|point| point.weight == Percent::default()));
    assert!(trajectory.ratings < 20_000, "{}", trajectory.ratings);
}

#[test]
fn a_version_that_fails_to_predict_is_stopped_without_users() {
    let failing = |every: usize| {
        let ratings = ratings(1, 0.0).enumerate();
        let ratings = ratings.map(|(n, rating)| RecordedRating { failed: n.is_multiple_of(every), ..rating });
        simulate(&spec(), ratings, &replay()).expect("valid")
    };
    let trajectory = failing(2);
    let status = &trajectory.status;
    assert_eq!((status.phase, status.reason), (Phase::Degraded, Reason::AnalysisFailed), "{}", status.message);
    assert!(status.message.contains("failed to predict"), "{}", status.message);
    assert!(trajectory.points.iter().all(|point| point.weight == Percent::default()));
    assert_eq!(failing(5_000).status.phase, Phase::Completed);
}

#[test]
fn equal_versions_are_rarely_stopped_and_worse_ones_nearly_always() {
    let count = 100;
    let end = |seed, worse| simulate(&spec(), ratings(seed, worse), &replay()).expect("valid").status.phase;
    let stopped = (0..count).filter(|&seed| end(seed, 0.0) == Phase::Degraded).count();
    assert!(stopped <= 1, "{stopped} of {count} equal versions were stopped");
    let found = (0..count).filter(|&seed| end(seed, 0.036) == Phase::Degraded).count();
    assert!(found >= 95, "{found} of {count} worse versions were stopped");
}

#[test]
fn a_replay_ends_where_a_person_or_more_ratings_are_needed() {
    let patient = Replay { promotes: false, ..replay() };
    let waiting = simulate(&spec(), ratings(1, 0.0), &patient).expect("valid");
    assert_eq!((waiting.status.phase, waiting.status.reason), (Phase::Paused, Reason::WaitingForPromotion));
    let short = simulate(&spec(), ratings(1, 0.0).take(800), &replay()).expect("valid");
    assert!(short.is_exhausted && short.ratings == 800, "{short:?}");
    let none = simulate(&spec(), [], &replay()).expect("valid");
    assert!(none.is_exhausted && none.ratings == 0);
}

#[test]
fn a_replay_has_one_outcome() {
    let once = simulate(&spec(), ratings(3, 0.01), &replay());
    assert_eq!(once, simulate(&spec(), ratings(3, 0.01), &replay()));
}
