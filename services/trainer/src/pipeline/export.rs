//! From a fitted model to the files of its package.

mod page;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use marquee_domain::{GateResult, GateSide, ModelName, Movie, Rating, RunId, Scale, Timestamp, TrainingPlan, Version};
use marquee_eval::Evaluation;
use marquee_fit::Snapshot;
use marquee_model::profile::{self, Distribution};
use marquee_model::{
    Catalogue, Dataset, GOLDEN, Gate, GraphSignature, Manifest, Package, PackageError, Prior, RANKER, SCHEMA,
    SigningKey, write_encoder, write_learner, write_ranker, write_scorer,
};
use marquee_report::{Heading, Page, SweepCurve, counted};

use super::current::Judgment;
use super::fitting::Trained;
use super::golden;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The upper ends of the bins in which ratings per user and per movie are counted.
const COUNTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];

/// What the report says about slices by gender and age.
const NO_ATTRIBUTES: &str = "the fleet knows neither gender nor age of users, so no slices are by these; \
                             `marquee evaluate` judges by them where a data set has them";

/// What the manifest says besides what was measured.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) training: RunId,
    pub(super) plan: TrainingPlan,
    pub(super) scale: Scale,
    pub(super) created_at: Timestamp,
    pub(super) git_revision: Option<String>,
    /// How much the graphs may differ from the model, in stars.
    pub(super) parity: f64,
}

/// Inputs and outputs of the graphs.
#[derive(Debug, Clone)]
pub(super) struct Signatures {
    encoder: GraphSignature,
    scorer: GraphSignature,
    pub(super) learner: GraphSignature,
}

/// Everything in a package that does not depend on its version.
#[derive(Debug)]
pub(super) struct Files {
    facts: Facts,
    pub(super) encoder: Bytes,
    pub(super) scorer: Bytes,
    pub(super) learner: Bytes,
    pub(super) ranker: Bytes,
    pub(super) signatures: Signatures,
    files: BTreeMap<String, Bytes>,
    dataset: Dataset,
    metrics: BTreeMap<String, f64>,
    train_seconds: f64,
    evaluation: Evaluation,
    bias_rmse: f64,
    judgment: Judgment,
    sweeps: Vec<SweepCurve>,
}

/// Writes the files.
pub(super) fn write(fitted: &Trained, movies: Vec<Movie>, facts: Facts) -> Result<Files, Failed> {
    let (encoder, scorer) = (write_encoder(&fitted.posterior)?, write_scorer(&fitted.posterior)?);
    let (learner, ranker) = (write_learner(&fitted.posterior)?, write_ranker(&fitted.posterior)?);
    let [encoder_bytes, scorer_bytes, learner_bytes, ranker_bytes] =
        [encoder.bytes, scorer.bytes, learner.bytes, ranker.bytes].map(Bytes::from);
    let profile = profile::to_parquet(&distributions(&fitted.snapshot, facts.scale))?;
    let golden = golden::record(&fitted.posterior, &movies, facts.scale, facts.parity);
    let files = BTreeMap::from([
        (GOLDEN.to_owned(), golden.to_bytes().into()),
        ("encoder.onnx".to_owned(), encoder_bytes.clone()),
        ("scorer.onnx".to_owned(), scorer_bytes.clone()),
        ("learner.onnx".to_owned(), learner_bytes.clone()),
        (RANKER.to_owned(), ranker_bytes.clone()),
        ("movies.parquet".to_owned(), Catalogue::new(movies)?.to_parquet()?.into()),
        ("profile.parquet".to_owned(), profile.into()),
        ("metrics.json".to_owned(), serde_json::to_vec_pretty(&fitted.evaluation)?.into()),
    ]);
    let smallest_spread = marquee_fit::smallest_spread(facts.scale);
    Ok(Files {
        facts,
        encoder: encoder_bytes,
        scorer: scorer_bytes,
        learner: learner_bytes,
        ranker: ranker_bytes,
        signatures: Signatures { encoder: encoder.signature, scorer: scorer.signature, learner: learner.signature },
        files,
        dataset: dataset(&fitted.snapshot),
        metrics: metrics(fitted, smallest_spread),
        train_seconds: fitted.train_seconds,
        evaluation: fitted.evaluation.clone(),
        bias_rmse: fitted.bias.rmse,
        judgment: fitted.judgment.clone(),
        sweeps: fitted.sweeps.clone(),
    })
}

/// Returns the metrics of the manifest. Ratings that hardly differ still leave `smallest_spread`.
fn metrics(fitted: &Trained, smallest_spread: f64) -> BTreeMap<String, f64> {
    let ratings = fitted.snapshot.ratings();
    let count = ratings.len().max(1) as f64;
    let mean = ratings.iter().map(|rating| rating.value).sum::<f64>() / count;
    let variance = ratings.iter().map(|rating| (rating.value - mean).powi(2)).sum::<f64>() / count;
    let evaluation = &fitted.evaluation;
    let metrics = [
        ("rmse", evaluation.rmse),
        ("mae", evaluation.mae),
        ("frozen_rmse", evaluation.frozen_rmse),
        ("bias_rmse", fitted.bias.rmse),
        ("nll", evaluation.nll),
        ("holdout_ratings", evaluation.ratings as f64),
        (Prior::MEAN, mean),
        (Prior::SPREAD, variance.sqrt().max(smallest_spread)),
    ];
    metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn dataset(snapshot: &Snapshot) -> Dataset {
    let ratings = snapshot.ratings();
    let time = |rating: Option<&Rating>| rating.map_or(Timestamp::EPOCH, |rating| rating.rated_at).to_string();
    Dataset {
        digest: snapshot.digest().to_owned(),
        ratings: ratings.len() as u64,
        users: snapshot.users() as u64,
        movies: snapshot.movies() as u64,
        first_rated_at: time(ratings.first()),
        last_rated_at: time(ratings.last()),
    }
}

/// Returns the distributions that drift is measured against.
fn distributions(snapshot: &Snapshot, scale: Scale) -> Vec<Distribution> {
    let levels: Vec<f64> = (0..scale.levels()).map(|level| scale.min() + level as f64 * scale.resolution()).collect();
    let mut by_user: HashMap<&str, u64> = HashMap::new();
    let mut by_movie: HashMap<&str, u64> = HashMap::new();
    for rating in snapshot.ratings() {
        *by_user.entry(rating.user.as_str()).or_default() += 1;
        *by_movie.entry(rating.movie.as_str()).or_default() += 1;
    }
    vec![
        Distribution::of("rating", &levels, snapshot.ratings().iter().map(|rating| rating.value)),
        Distribution::of("ratings_per_user", &COUNTS, by_user.values().map(|&count| count as f64)),
        Distribution::of("ratings_per_movie", &COUNTS, by_movie.values().map(|&count| count as f64)),
    ]
}

impl Files {
    pub(super) fn model(&self) -> &ModelName {
        &self.facts.plan.model
    }

    /// Builds the package of a version, signed if there is a key. `previous` is the version before,
    /// for the report.
    pub(super) fn package(
        &self,
        (version, previous): (Version, Option<Version>),
        gates: &[GateResult],
        key: Option<&SigningKey>,
    ) -> Result<Package, PackageError> {
        let mut files = self.files.clone();
        for (name, text) in self.report((version, previous), gates) {
            files.insert(name.to_owned(), text.into());
        }
        Ok(Package::build(self.manifest(version, gates), files, key))
    }

    /// Returns the page and its short form, by file name.
    fn report(
        &self,
        (version, previous): (Version, Option<Version>),
        gates: &[GateResult],
    ) -> [(&'static str, String); 2] {
        let TrainingPlan { model, algorithm, .. } = &self.facts.plan;
        let Dataset { ratings, users, .. } = &self.dataset;
        let title = format!("{model} version {version}");
        let (ratings, users) = (counted(*ratings, "rating"), counted(*users, "user"));
        let subtitle = format!("Algorithm {}, {ratings} by {users}", algorithm.name());
        let mut facts = page::rows((version, previous), &self.facts, (&self.dataset, self.train_seconds), gates);
        if self.judgment.gate().is_none() {
            facts.push(("gate", format!("{}: {}", super::current::NON_INFERIORITY, self.judgment.sentence())));
        }
        let versus = self.judgment.for_report();
        let heading = Heading { title: &title, subtitle: &subtitle, bias_rmse: self.bias_rmse, facts: &facts };
        let notes = [NO_ATTRIBUTES.to_owned()];
        let page =
            Page { versus: Some(&versus), notes: &notes, sweeps: &self.sweeps, ..Page::new(&self.evaluation, heading) };
        [("report.html", marquee_report::html(&page)), ("report.md", marquee_report::markdown(&page))]
    }

    fn manifest(&self, version: Version, gates: &[GateResult]) -> Manifest {
        let Facts { training, plan, scale, created_at, git_revision, .. } = self.facts.clone();
        let parameters = [
            ("factors", plan.parameters.factors as u64),
            ("sweeps", plan.parameters.sweeps as u64),
            ("burn_in", plan.parameters.burn_in as u64),
            ("samples", plan.parameters.samples as u64),
            ("seed", plan.parameters.seed),
        ];
        let gate = |gate: &GateResult| Gate {
            name: gate.name.clone(),
            value: gate.value,
            bound: gate.bound,
            at_least: gate.side == GateSide::AtLeast,
        };
        Manifest {
            schema: SCHEMA,
            name: plan.model,
            version,
            algorithm: plan.algorithm.name().to_owned(),
            created_at: created_at.to_rfc3339(),
            scale,
            encoder: self.signatures.encoder.clone(),
            scorer: self.signatures.scorer.clone(),
            learner: Some(self.signatures.learner.clone()),
            files: BTreeMap::new(),
            dataset: self.dataset.clone(),
            parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            metrics: self.metrics.clone(),
            gates: gates.iter().map(gate).collect(),
            comparison: Some(self.judgment.for_manifest()),
            training: Some(training.to_string()),
            git_revision,
            train_seconds: self.train_seconds,
            key: None,
            extra: Default::default(),
        }
    }
}
