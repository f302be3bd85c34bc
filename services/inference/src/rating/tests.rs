//! Predict, recommend and explain over fake graphs. The fake model rates movie `index` of a history
//! at `3 + sum(rating - 3) + index / 10`.

use std::sync::Arc;
use std::time::Duration;

use marquee_domain::{SystemClock, Timestamp, Variant};
use marquee_kit::{Failure, Kind};
use prometheus_client::metrics::gauge::Gauge;

use super::*;
use crate::metrics::{LoadMetrics, RoutingMetrics};
use crate::repository::{Limits, Process, Repository};
use crate::routing::{Parts, RouteMap, Routing, Table};
use crate::tally::Incarnation;
use crate::testing::{FakeFeatures, FakeLoader, Step, SwitchedObjects, entry, key, movie, name, route, user};

/// A rating core whose model has these versions, of which version 1 is routed.
struct Bench {
    rating: Rating,
    context: Context,
    loader: Arc<FakeLoader>,
    repository: Arc<Repository>,
    routing: Arc<Routing>,
}

impl Bench {
    async fn new(features: &FakeFeatures, script: Option<Step>) -> Self {
        let (context, clock) = (Context::default(), Arc::new(SystemClock));
        let loader = FakeLoader::with([1]);
        script.into_iter().for_each(|step| loader.script(1, step));
        let limits = Limits { loads: 1, deadline: Duration::from_secs(60), keep: 1, bytes: 0 };
        let process = Process { tasks: context.tasks.clone(), stop: context.stop.clone(), clock: clock.clone() };
        let repository = Repository::new(loader.clone(), limits, process, LoadMetrics::register(&context.metrics));
        let objects: Arc<SwitchedObjects> = Arc::default();
        let routing = Routing::new(Parts {
            table: Table::new(objects, clock.clone(), RouteMap::new()),
            repository: Arc::clone(&repository),
            mirror: None,
            remembered: RouteMap::new(),
            metrics: RoutingMetrics::register(&context.metrics),
            clock,
        });
        routing.set(route(1, &[]).into()).await.unwrap();
        let capacity = Capacity { entries: 10, bytes: 1 << 20 };
        let histories = Histories::new(features.shared(), capacity);
        let incarnation = Incarnation { instance: "one".to_owned(), started_at: Timestamp::EPOCH };
        let tallies = Arc::new(Tallies::new(incarnation, &context.metrics));
        let counted = Counted { tallies, pressure: Arc::new(Pressure::new(1_000, Gauge::default())) };
        let parts = super::Parts { routing: Arc::clone(&routing), histories, states: capacity, counted };
        let rating = Rating::new(parts, &context);
        Self { rating, context, loader, repository, routing }
    }

    /// Loads version 1 and lets it answer.
    async fn warm(self) -> Self {
        self.repository.load(&key(1)).await.unwrap();
        self.routing.settle();
        self
    }

    /// Returns the requests of version 1 and its errors by kind.
    fn served(&self) -> (u64, [u64; 5]) {
        let served = self.rating.counted.tallies.served(&name(), Version(1)).expect("asked");
        (served.requests, served.errors)
    }

    fn metrics(&self) -> String {
        self.context.metrics.text()
    }
}

fn caller() -> Caller {
    Caller { model: name(), user: user("ann"), after: Vec::new() }
}

fn predict(movies: &[&str]) -> Predict {
    Predict { caller: caller(), movies: movies.iter().map(|id| movie(id)).collect() }
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-6
}

#[tokio::test(start_paused = true)]
async fn known_movies_are_scored_and_unknown_ones_get_the_users_mean() {
    let bench = Bench::new(&FakeFeatures::of(vec![entry("m0", 4.0), entry("elsewhere", 1.0)]), None).await.warm().await;
    let answer = bench.rating.predict(&predict(&["m2", "nowhere", "m1"])).await.unwrap();
    let [second, unknown, first] = &answer.value[..] else { panic!("three predictions") };
    assert!(close(second.rating, 4.2) && close(first.rating, 4.1), "{answer:?}");
    // (4 + 1 + 5 * 3.5) / 7
    assert!(unknown.unknown_movie && close(unknown.rating, 22.5 / 7.0) && close(unknown.spread, 1.0), "{unknown:?}");
    assert_eq!(bench.served(), (1, [0; 5]));
    assert_eq!((answer.provenance.version, answer.provenance.variant), (Version(1), Variant::Stable));
    assert!(!answer.provenance.degraded);
}

#[tokio::test(start_paused = true)]
async fn a_state_is_encoded_once_for_a_version_of_a_history() {
    let bench = Bench::new(&FakeFeatures::of(vec![entry("m0", 4.0)]), None).await.warm().await;
    for _ in 0..3 {
        bench.rating.predict(&predict(&["m2"])).await.unwrap();
    }
    let metrics = bench.metrics();
    assert!(metrics.contains("inference_states_missed_total 1\n"), "{metrics}");
    assert!(metrics.contains("inference_states_hit_total 2\n"), "{metrics}");
    let labels = "{model=\"ratings\",version=\"1\"}";
    assert!(metrics.contains(&format!("inference_predict_seconds_count{labels} 3\n")), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn recommendations_are_the_best_movies_that_the_user_has_not_rated() {
    // A package has a ranker, or all movies are scored.
    for step in [None, Some(Step::WithRanker)] {
        let bench = Bench::new(&FakeFeatures::of(vec![entry("m4", 5.0)]), step).await.warm().await;
        check_recommendations(&bench).await;
    }
}

async fn check_recommendations(bench: &Bench) {
    let request = |limit, genres: &[&str]| Recommend {
        caller: caller(),
        limit,
        genres: genres.iter().map(|&genre| genre.to_owned()).collect(),
    };
    let ids = |answer: Answer<Vec<Recommendation>>| -> Vec<String> {
        answer.value.iter().map(|one| one.movie.id.as_str().to_owned()).collect()
    };
    let all = bench.rating.recommend(&request(10, &[])).await.unwrap();
    assert!(all.value.iter().all(|one| close(one.rating, 5.0)), "clipped to the scale: {all:?}");
    assert_eq!(ids(all), ["m3", "m2", "m1", "m0"], "ordered by the rating before it was clipped");
    assert_eq!(ids(bench.rating.recommend(&request(2, &[])).await.unwrap()), ["m3", "m2"]);
    assert_eq!(ids(bench.rating.recommend(&request(10, &["Drama"])).await.unwrap()), ["m3", "m1"]);
}

#[tokio::test(start_paused = true)]
async fn an_explanation_says_what_each_rating_contributes() {
    let history = vec![entry("m0", 3.5), entry("elsewhere", 1.0), entry("m1", 2.0)];
    let bench = Bench::new(&FakeFeatures::of(history), None).await.warm().await;
    let request = |id: &str| Explain { caller: caller(), movie: movie(id), limit: 5 };
    let explanation = bench.rating.explain(&request("m2")).await.unwrap().value;
    assert!(close(explanation.prediction.rating, 2.7) && close(explanation.baseline, 3.2), "{explanation:?}");
    let effects: Vec<(&str, f64)> =
        explanation.contributions.iter().map(|one| (one.movie.id.as_str(), one.effect)).collect();
    assert!(matches!(effects[..], [("m1", first), ("m0", second)] if close(first, -1.0) && close(second, 0.5)));

    let unknown = bench.rating.explain(&request("nowhere")).await.unwrap_err();
    assert!(matches!(unknown, Error::UnknownMovie { .. }), "{unknown:?}");
    let metrics = bench.metrics();
    assert!(metrics.contains("outcome=\"unknown_movie\"} 1\n"), "{metrics}");
    assert!(metrics.contains("outcome=\"ok\"} 1\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_encoder_is_counted_for_its_version() {
    let bench = Bench::new(&FakeFeatures::of(vec![]), Some(Step::BrokenEncoder)).await.warm().await;
    let error = bench.rating.predict(&predict(&["m0"])).await.unwrap_err();
    assert!(matches!(error, Error::Encoder(_)), "{error:?}");
    let labels = "{model=\"ratings\",version=\"1\",variant=\"stable\",outcome=\"error\"}";
    let metrics = bench.metrics();
    assert!(metrics.contains(&format!("inference_answers_total{labels} 1\n")), "{metrics}");
    assert_eq!(bench.repository.warm(&key(1)).unwrap().failed.load(Ordering::Relaxed), 1);
    assert_eq!(bench.served(), (1, [1, 0, 0, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_warm_is_counted_and_named() {
    let bench = Bench::new(&FakeFeatures::of(vec![]), Some(Step::Hold)).await;
    let error = bench.rating.predict(&predict(&["m0"])).await.unwrap_err();
    assert_eq!(error.to_string(), "version 1 of model 'ratings' is not loaded yet: try again");
    let labels = "{model=\"ratings\",version=\"1\",variant=\"stable\",outcome=\"not_warm\"}";
    let metrics = bench.metrics();
    assert!(metrics.contains(&format!("inference_answers_total{labels} 1\n")), "{metrics}");
    assert!(metrics.contains("inference_wanted_revision{model=\"ratings\"} 1\n"), "{metrics}");
    assert!(metrics.contains("inference_effective_revision{model=\"ratings\"} 0\n"), "{metrics}");
    assert_eq!(bench.served(), (1, [0, 0, 1, 0, 0]));
    bench.loader.release(1);
    let bench = bench.warm().await;
    bench.rating.predict(&predict(&["m0"])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_feature_store_is_not_a_failure_of_the_version() {
    let features = FakeFeatures::default();
    features.answer(Err(FeaturesError::Refused(Failure::new(Kind::Internal, "broken"))));
    let bench = Bench::new(&features, None).await.warm().await;
    assert!(matches!(bench.rating.predict(&predict(&["m0"])).await, Err(Error::Features(_))));
    assert!(bench.metrics().contains("outcome=\"no_features\"} 1\n"));
    assert_eq!(bench.repository.warm(&key(1)).unwrap().failed.load(Ordering::Relaxed), 0);
    assert_eq!(bench.served(), (1, [0, 0, 0, 1, 0]));
}
