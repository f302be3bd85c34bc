//! Evaluations over fake graphs. The fake model rates movie `index` of a history at `3 + sum(rating
//! - 3) + index / 10`.

mod graphs;
mod kept;

use std::time::Duration;

use marquee_domain::SystemClock;
use prometheus_client::metrics::gauge::Gauge;
use proptest::prelude::*;

use super::*;
use crate::metrics::{LoadMetrics, RoutingMetrics, StateMetrics};
use crate::repository::{Limits, Process};
use crate::routing::{self, RouteMap, Table};
use crate::testing::{FakeLoader, Step, SwitchedObjects, key, movie, name, route, shadowed};

/// An instance with some versions, of which version 1 is routed.
struct Bench {
    evaluation: Evaluation,
    pressure: Arc<Pressure>,
    routing: Arc<Routing>,
    repository: Arc<Repository>,
    copies: Arc<FakeLoader>,
}

impl Bench {
    /// Starts an instance whose versions are warm, except 9. The copies are loaded as the script
    /// says.
    async fn new(script: &[(u64, Step)]) -> Self {
        Self::with_states(script, 1 << 20).await
    }

    /// The same with this many bytes for user states.
    async fn with_states(script: &[(u64, Step)], bytes: usize) -> Self {
        let (context, clock) = (Context::default(), Arc::new(SystemClock));
        let (loader, copies) = (FakeLoader::with([1, 2, 9]), FakeLoader::with([1, 2]));
        loader.script(9, Step::Hold);
        script.iter().for_each(|&(version, step)| copies.script(version, step));
        let limits = Limits { loads: 3, deadline: Duration::from_secs(60), keep: 3, bytes: 0 };
        let process = Process { tasks: context.tasks.clone(), stop: context.stop.clone(), clock: clock.clone() };
        let repository = Repository::new(loader.clone(), limits, process, LoadMetrics::register(&context.metrics));
        let routing = Routing::new(routing::Parts {
            table: Table::new(Arc::<SwitchedObjects>::default(), clock.clone(), RouteMap::new()),
            repository: Arc::clone(&repository),
            mirror: None,
            remembered: RouteMap::new(),
            metrics: RoutingMetrics::register(&context.metrics),
            clock,
        });
        routing.set(route(1, &[]).into()).await.unwrap();
        for version in [1, 2] {
            repository.load(&key(version)).await.unwrap();
        }
        let pressure = Arc::new(Pressure::new(1, Gauge::default()));
        let parts = Parts {
            routing: Arc::clone(&routing),
            repository: Arc::clone(&repository),
            copies: Copies::new(copies.clone(), Duration::from_secs(60)),
            states: States::new(bytes, StateMetrics::register(&context.metrics)),
            pressure: Arc::clone(&pressure),
            at_once: 1,
        };
        Self { evaluation: Evaluation::new(parts, &context), pressure, routing, repository, copies }
    }

    async fn evaluate(&self, request: Evaluate) -> Vec<VersionResult> {
        let permit = self.evaluation.admit().expect("room");
        self.evaluation.evaluate(&permit, request).await.expect("calm")
    }
}

/// A movie, a rating, and whether it is learned. Movies from 5 on are unknown to the model.
type Rating = (usize, f64, bool);

/// A sequence of a test: its history, its steps and its limit.
type Ratings = (Vec<Rating>, Vec<Rating>, Option<usize>);

fn request(versions: &[u64], sequences: &[Ratings]) -> Evaluate {
    let mut builder = Builder::default();
    for (history, steps, limit) in sequences {
        builder.sequence(*limit);
        let rated = |builder: &mut Builder, &(index, rating, _): &Rating| {
            let id = format!("m{index}");
            let Ok(movie) = builder.number::<std::convert::Infallible>(&id, || Ok(movie(&id)));
            Rated { movie, rating }
        };
        for entry in history {
            let rated = rated(&mut builder, entry);
            builder.entry(rated);
        }
        for step in steps {
            let rated = rated(&mut builder, step);
            builder.step(rated, step.2);
        }
    }
    builder.finish(name(), versions.iter().copied().map(Version).collect())
}

/// Predicts by the formula of the fake model from the history that the steps leave.
fn expected((history, steps, limit): &Ratings) -> Vec<Estimate> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut history: Vec<(usize, f64)> = history.iter().map(|&(movie, rating, _)| (movie, rating)).collect();
    let mut estimates = Vec::new();
    for &(movie, rating, learn) in steps {
        history.drain(..history.len().saturating_sub(limit));
        let known: f64 = history.iter().filter(|(movie, _)| *movie < 5).map(|(_, rating)| rating - 3.0).sum();
        let (raw, spread) = if movie < 5 {
            (3.0 + known + movie as f64 / 10.0, 0.5)
        } else {
            let sum: f64 = history.iter().map(|(_, rating)| rating).sum();
            ((sum + 5.0 * 3.5) / (history.len() as f64 + 5.0), 1.0)
        };
        estimates.push(Estimate { rating: raw.clamp(1.0, 5.0), spread, unknown_movie: movie >= 5 });
        if learn {
            history.retain(|(other, _)| *other != movie);
            history.push((movie, rating));
        }
    }
    estimates
}

fn assert_close(found: &Estimates, expected: &[Estimate]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let found = found.as_ref().expect("an estimate");
        let is_close = (found.rating - expected.rating).abs() < 1e-4 && (found.spread - expected.spread).abs() < 1e-6;
        assert!(is_close && found.unknown_movie == expected.unknown_movie, "{found:?} is not {expected:?}");
    }
}

fn sequence() -> impl Strategy<Value = Ratings> {
    let rating = || (0..7_usize, (2..11_u8).prop_map(|half| f64::from(half) / 2.0), any::<bool>());
    let history = prop::collection::vec(rating(), 0..7).prop_map(|mut ratings| {
        ratings.sort_by_key(|rating| rating.0);
        ratings.dedup_by_key(|rating| rating.0);
        ratings
    });
    (history, prop::collection::vec(rating(), 0..100), prop::option::of(1..6_usize))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn each_step_is_predicted_from_the_history_before_it(
        sequences in prop::collection::vec(sequence(), 1..40),
        carries_sums in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let learner = carries_sums.then_some((1, Step::CarriesSums));
            let script: Vec<_> = [(2, Step::WithoutLearner)].into_iter().chain(learner).collect();
            let bench = Bench::new(&script).await;
            let expected: Vec<Estimate> = sequences.iter().flat_map(expected).collect();
            let results = bench.evaluate(request(&[2, 1], &sequences)).await;
            assert_eq!(results.iter().map(|result| result.version.0).collect::<Vec<_>>(), [2, 1]);
            for result in results {
                assert_close(&result.estimates.expect("warm"), &expected);
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_version_and_one_that_is_not_warm_fail_alone() {
    let bench = Bench::new(&[(2, Step::BrokenEncoder)]).await;
    let sequence = (vec![(0, 4.0, false)], vec![(1, 3.0, true), (2, 3.0, true)], None);
    let results = bench.evaluate(request(&[1, 2, 9], std::slice::from_ref(&sequence))).await;
    let [good, failing, cold] = &results[..] else { panic!("three versions: {results:?}") };
    assert_close(good.estimates.as_ref().expect("warm"), &expected(&sequence));
    let reason = failing.estimates.as_ref().expect_err("its encoder fails");
    assert!(reason.starts_with("run the encoder of the model: "), "{reason}");
    let reason = cold.estimates.as_ref().expect_err("it is loading");
    assert_eq!(reason, "version 9 of model 'ratings' is not loaded yet");
}

#[tokio::test(start_paused = true)]
async fn one_bad_sequence_fails_alone() {
    let bench = Bench::new(&[]).await;
    let good = (vec![(0, 4.0, false)], vec![(1, 3.0, true), (2, 3.0, true)], None);
    let bad = (vec![(0, 999.0, false)], vec![(1, 3.0, false)], None);
    let results = bench.evaluate(request(&[1], &[good.clone(), bad, good.clone()])).await;
    let estimates = results[0].estimates.as_ref().expect("most are good");
    let reasons: Vec<bool> = estimates.iter().map(Result::is_err).collect();
    assert_eq!(reasons, [false, false, true, false, false]);
    assert_close(&estimates[..2].to_vec(), &expected(&good));
    assert_close(&estimates[3..].to_vec(), &expected(&good));
}

#[tokio::test(start_paused = true)]
async fn without_versions_those_of_the_wanted_route_are_evaluated() {
    let bench = Bench::new(&[]).await;
    bench.routing.set(shadowed(2, &[(1, 100)], &[9]).into()).await.unwrap();
    let results = bench.evaluate(request(&[], &[(Vec::new(), vec![(1, 3.0, true)], None)])).await;
    let outcomes: Vec<_> = results.iter().map(|result| (result.version.0, result.estimates.is_ok())).collect();
    assert_eq!(outcomes, [(1, true), (2, true), (9, false)]);
    let unknown = Evaluate { model: ModelName::try_new("other").unwrap(), ..request(&[], &[]) };
    let permit = bench.evaluation.admit().unwrap();
    assert!(matches!(bench.evaluation.evaluate(&permit, unknown).await, Err(Error::NoRoute(_))));
}

#[tokio::test(start_paused = true)]
async fn evaluations_are_shed_before_predictions() {
    let bench = Bench::new(&[]).await;
    let one = || request(&[1], &[(Vec::new(), vec![(1, 3.0, true)], None)]);
    let permit = bench.evaluation.admit().unwrap();
    assert_eq!(bench.evaluation.admit().err(), Some(Error::TooMany));
    let running = bench.pressure.enter();
    assert_eq!(bench.evaluation.evaluate(&permit, one()).await, Err(Error::Busy), "serving became busy, and stays so");
    drop(permit);
    assert_eq!(bench.evaluation.admit().err(), Some(Error::Busy));
    drop(running);
    let permit = bench.evaluation.admit().unwrap();
    assert_eq!(bench.evaluation.evaluate(&permit, one()).await.map(|results| results.len()), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_has_the_files_of_the_version_that_serves() {
    let bench = Bench::new(&[(1, Step::Changed)]).await;
    let one = || request(&[1], &[(Vec::new(), vec![(1, 3.0, true)], None)]);
    let changed = bench.evaluate(one()).await;
    let reason = changed[0].estimates.as_ref().expect_err("other files");
    assert!(reason.contains("have changed since it was loaded to serve"), "{reason}");
    for _ in 0..2 {
        assert!(bench.evaluate(one()).await[0].estimates.is_ok());
    }
    assert_eq!(bench.copies.loads(), [1, 1], "it was loaded once more, and then kept");
    assert!(bench.repository.warm(&key(1)).is_some());
}
