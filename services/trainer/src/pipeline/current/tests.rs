//! Tests of the comparison with the current version.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{MovieId, Rating, Scale, Timestamp, UserId};
use marquee_fit::{FitError, MovieIndex, fit};
use marquee_ports::Precondition;
use marquee_ports::memory::MemoryObjects;

use super::*;

/// The ratings of 80 users: 40 movies in the past, and 5 in the future. Users and movies have
/// biases.
fn ratings() -> (Vec<Rating>, Vec<Rating>) {
    let noise = |a: u64, b: u64| ((a * 2_654_435_761 + b * 40_503 + 17) % 1_009) as f64 / 1_009.0 - 0.5;
    let rating = |user: u64, movie: u64, at: i64| Rating {
        user: UserId::try_new(&format!("u{user}")).expect("valid"),
        movie: MovieId::try_new(&format!("m{movie}")).expect("valid"),
        value: (3.0 + 2.0 * noise(user, 1) + 2.0 * noise(movie, 2) + noise(user, movie + 3)).round().clamp(1.0, 5.0),
        rated_at: Timestamp::from_seconds(at),
    };
    let part = |from: u64, to: u64| -> Vec<Rating> {
        (0..80)
            .flat_map(|user| (from..to).map(move |movie| (user, movie)))
            .map(|(user, movie)| rating(user, movie, movie as i64))
            .collect()
    };
    (part(0, 40), part(40, 45))
}

struct Bench {
    index: MovieIndex,
    past: Vec<Rating>,
    future: Vec<Rating>,
    plan: TrainingPlan,
}

fn plan(algorithm: Algorithm, seed: u64) -> TrainingPlan {
    let parameters = FitParameters { factors: 2, sweeps: 10, burn_in: 4, samples: 4, seed };
    let model = ModelName::try_new("ratings").expect("valid");
    TrainingPlan { model, algorithm, parameters, holdout: 0.1 }
}

impl Bench {
    fn new(plan: TrainingPlan) -> Self {
        let (past, future) = ratings();
        let index = MovieIndex::new(past.iter().chain(&future).map(|rating| &rating.movie));
        Self { index, past, future, plan }
    }

    fn outcomes(&self, algorithm: Algorithm, parameters: &FitParameters) -> Result<Outcomes, FitError> {
        let dense = self.index.dense(&self.past).expect("a pair comes once");
        let posterior = fit(&dense, algorithm, parameters, &mut ())?;
        Ok(marquee_eval::prequential(&posterior, &self.index, &self.past, &self.future, &options()))
    }

    /// Judges against a version, and returns how often that was fitted again.
    fn judge(&self, current: Option<Current>, gates: &Gates) -> (Judgment, usize) {
        let options = options();
        let outcomes = self.outcomes(self.plan.algorithm, &self.plan.parameters).expect("fits");
        let evaluation = outcomes.evaluation(&options);
        let candidate = Candidate {
            plan: &self.plan,
            digest: "d1",
            outcomes: &outcomes,
            evaluation: &evaluation,
            options: &options,
        };
        let refits = Cell::new(0);
        let refit = |algorithm: Algorithm, parameters: &FitParameters| {
            refits.set(refits.get() + 1);
            self.outcomes(algorithm, parameters)
        };
        let judgment = Contest::new(current, gates).judge(&candidate, refit).expect("fits");
        (judgment, refits.get())
    }
}

fn options() -> Options<'static> {
    Options::new(Scale::try_new(1.0, 5.0, 1.0).expect("a scale"))
}

/// Returns a version as its manifest describes it.
fn current(plan: &TrainingPlan, data: Option<(&str, u64)>, rmse: f64) -> Current {
    Current {
        version: Version(3),
        method: Some((plan.algorithm, plan.parameters)),
        data: data.map(|(digest, ratings)| (digest.to_owned(), ratings)),
        rmse: Some(rmse),
    }
}

#[test]
fn without_a_current_version_a_model_passes_and_says_so() {
    let (judgment, refits) = Bench::new(plan(Algorithm::Map, 1)).judge(None, &Gates::default());
    assert_eq!((judgment.verdict, refits), (Verdict::NoCurrentVersion, 0));
    assert!(judgment.gate().is_none() && judgment.sentence().contains("no current version"));
    let stored = judgment.for_manifest();
    assert_eq!((stored.verdict.as_str(), stored.version), ("no_current_version", None));
}

#[test]
fn the_same_method_is_not_fitted_again() {
    let bench = Bench::new(plan(Algorithm::Map, 1));
    let (judgment, refits) = bench.judge(Some(current(&plan(Algorithm::Map, 9), None, 0.8)), &Gates::default());
    assert_eq!((judgment.verdict, refits), (Verdict::SameMethod, 0));
    assert!(judgment.gate().is_none(), "another seed and other ratings say nothing");
    assert!(judgment.sentence().contains("same method") && judgment.sentence().contains("0.8000"));
    // The same fit of the same ratings: only the code can make a difference.
    let ratings = bench.future.len() as u64;
    let same = |rmse| bench.judge(Some(current(&bench.plan, Some(("d1", ratings)), rmse)), &Gates::default()).0;
    let rmse = same(0.0).drift.expect("the same ratings");
    assert!(same(0.0).gate().is_some_and(|gate| !gate.passes()));
    assert!(same(rmse).gate().is_some_and(GateResult::passes));
    assert_eq!(same(rmse).for_manifest().difference, Some(0.0));
    // The words are about the program, because method and ratings are the same.
    let refusal = same(0.0).refusal().expect("refused");
    assert!(refusal.starts_with("the method is that of version 3") && refusal.contains("program that trains"));
    assert!(!refusal.contains("train with the parameters"), "{refusal}");
    assert!(same(0.0).sentence().contains("failed. The program") && same(rmse).sentence().ends_with(": passed."));
    assert_eq!(same(rmse).refusal(), None);
}

#[test]
fn another_method_is_fitted_again_and_compared_in_pairs() {
    let bench = Bench::new(plan(Algorithm::Map, 1));
    let bias = current(&plan(Algorithm::Bias, 1), None, 0.8);
    let wide = Gates { margin: 1.0, ..Gates::default() };
    let (judgment, refits) = bench.judge(Some(bias), &wide);
    assert_eq!((judgment.verdict, refits), (Verdict::NotWorse, 1));
    let stored = judgment.for_manifest();
    assert_eq!((stored.verdict.as_str(), stored.version, stored.users), ("not_worse", Some(Version(3)), 80));
    assert!(stored.upper >= stored.difference && stored.rmse.is_some_and(|rmse| rmse > 0.0));
    assert_eq!(stored.margin, 1.0);
    assert!(judgment.gate().is_some_and(|gate| gate.passes() && Some(gate.value) == stored.upper));
    let report = judgment.for_report();
    assert!(report.name.starts_with("version 3") && !report.windows.is_empty());
    // Nothing is within a margin that is smaller than the noise.
    let narrow = Gates { margin: 1e-9, confidence: 0.9999, ..Gates::default() };
    let worse = Bench::new(TrainingPlan {
        parameters: FitParameters { sweeps: 1, burn_in: 0, samples: 1, ..plan(Algorithm::Bias, 1).parameters },
        ..plan(Algorithm::Bias, 1)
    });
    let good = FitParameters { sweeps: 40, ..plan(Algorithm::Bias, 1).parameters };
    let better = current(&TrainingPlan { parameters: good, ..plan(Algorithm::Bias, 1) }, None, 0.8);
    let (judgment, refits) = worse.judge(Some(better), &narrow);
    assert_eq!((judgment.verdict, refits), (Verdict::MayBeWorse, 1), "{:?}", judgment.for_manifest());
    assert!(judgment.gate().is_some_and(|gate| !gate.passes()));
    // The verdict says what 80 users can tell.
    for words in [judgment.refusal().expect("refused"), judgment.sentence()] {
        assert!(words.contains("with the 80 users") && words.contains("% of all cases"), "{words}");
    }
    let refusal = judgment.refusal().expect("refused");
    assert!(refusal.contains("method of version 3") && refusal.contains("trainer.gates.margin"), "{refusal}");
}

#[test]
fn few_users_and_foreign_versions_are_not_compared() {
    let bench = Bench::new(plan(Algorithm::Map, 1));
    let bias = current(&plan(Algorithm::Bias, 1), None, 0.8);
    let many = Gates { fewest_users: 81, ..Gates::default() };
    let (judgment, refits) = bench.judge(Some(bias.clone()), &many);
    assert_eq!((judgment.verdict, refits), (Verdict::TooFewUsers, 0));
    assert!(judgment.gate().is_none() && judgment.sentence().contains("fewer than 81 users"));
    let foreign = Current { method: None, ..bias };
    let (judgment, refits) = bench.judge(Some(foreign), &Gates::default());
    assert_eq!((judgment.verdict, refits), (Verdict::NotComparable, 0));
}

#[tokio::test]
async fn the_current_version_is_the_stable_one_of_the_route() {
    let objects: Arc<dyn ObjectStore> = Arc::new(MemoryObjects::default());
    let store = ModelStore::new(Arc::clone(&objects));
    let model = ModelName::try_new("ratings").expect("valid");
    let found = || async { find(&*objects, &store, &model).await.expect("reads") };
    let put = |key: &'static str, text: String| {
        let objects = Arc::clone(&objects);
        async move {
            let key = ObjectKey::try_new(key).expect("a path");
            objects.put(&key, Bytes::from(text), Precondition::None).await.expect("written");
        }
    };
    assert_eq!(found().await, None, "there is no route");
    // As inference stores it, see `routing/stored.rs` there.
    put("routing/ratings.json", r#"{"format":2,"model":"ratings","stable":2,"salt":"s","revision":7}"#.to_owned())
        .await;
    assert_eq!(found().await, None, "the version is gone");
    put("models/ratings/2/manifest.json", "no manifest".to_owned()).await;
    let damaged = found().await.expect("a version");
    assert_eq!((damaged.version, damaged.method), (Version(2), None));
    let graph = serde_json::json!({"inputs": [], "outputs": []});
    let mut manifest = serde_json::json!({
        "schema": 1, "name": "ratings", "version": 2, "algorithm": "map",
        "created_at": "2026-01-01T00:00:00Z", "scale": {"min": 1.0, "max": 5.0, "step": 1.0},
        "encoder": graph, "scorer": graph, "files": {},
        "dataset": {"digest": "d1", "ratings": 9, "users": 1, "movies": 1, "first_rated_at": "", "last_rated_at": ""},
        "parameters": {"factors": 8, "sweeps": 40, "burn_in": 0, "samples": 1, "seed": 5},
        "metrics": {"rmse": 0.9, "holdout_ratings": 4.0}, "gates": [],
        "git_revision": null, "train_seconds": 0.1, "key": null
    });
    put("models/ratings/2/manifest.json", manifest.to_string()).await;
    let current = found().await.expect("a version");
    let parameters = FitParameters { factors: 8, sweeps: 40, burn_in: 0, samples: 1, seed: 5 };
    assert_eq!(current.method, Some((Algorithm::Map, parameters)));
    assert_eq!((current.data, current.rmse), (Some(("d1".to_owned(), 4)), Some(0.9)));
    manifest["algorithm"] = "word2vec".into();
    put("models/ratings/2/manifest.json", manifest.to_string()).await;
    assert_eq!(found().await.expect("a version").method, None);
    put("routing/ratings.json", "{".to_owned()).await;
    assert_eq!(found().await, None, "a damaged route keeps nobody from training");
}

#[test]
fn a_manifest_without_a_parameter_cannot_be_fitted_again() {
    let parameters = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 2)).collect::<BTreeMap<_, u64>>();
    let text = r#"{"schema": 1, "name": "ratings", "version": 1, "algorithm": "bias", "created_at": "",
        "scale": {"min": 1.0, "max": 5.0, "step": 1.0}, "encoder": {"inputs": [], "outputs": []},
        "scorer": {"inputs": [], "outputs": []}, "files": {}, "dataset": {"digest": "", "ratings": 1, "users": 1,
        "movies": 1, "first_rated_at": "", "last_rated_at": ""}, "parameters": {}, "metrics": {}, "gates": [],
        "git_revision": null, "train_seconds": 0.1, "key": null}"#;
    let manifest = Manifest::parse(text.as_bytes()).expect("a manifest");
    assert_eq!(method(&manifest), None);
    let all = ["factors", "sweeps", "samples", "seed", "burn_in"];
    let of = |names: &[&str]| method(&Manifest { parameters: parameters(names), ..manifest.clone() });
    assert_eq!(of(&all[..4]), None);
    assert_eq!(of(&all), None, "no sweeps are left after the burn-in");
}
