//! From a fitted posterior to the files of a package.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use marquee_domain::{ModelName, Movie, Scale, Timestamp, Version};
use marquee_eval::Evaluation;
use marquee_fit::{Algorithm, Parameters, Snapshot};
use marquee_model::profile::{self, Distribution};
use marquee_model::{
    Catalogue, Dataset, Gate, GraphSignature, Manifest, Package, PackageError, Posterior, SCHEMA, SigningKey,
    write_encoder, write_scorer,
};
use marquee_report::{self as report, Heading};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What the manifest says besides what was measured.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) model: ModelName,
    pub(crate) algorithm: Algorithm,
    pub(crate) parameters: Parameters,
    pub(crate) scale: Scale,
    pub(crate) created_at: Timestamp,
    pub(crate) git_revision: Option<String>,
    pub(crate) train_seconds: f64,
}

/// Everything of a package but its number.
#[derive(Debug)]
pub(crate) struct Exported {
    facts: Facts,
    pub(crate) encoder: Bytes,
    pub(crate) scorer: Bytes,
    signatures: (GraphSignature, GraphSignature),
    files: BTreeMap<String, Bytes>,
    dataset: Dataset,
    metrics: BTreeMap<String, f64>,
    /// Name, value and bound of each gate that was passed.
    pub(crate) gates: Vec<(&'static str, f64, f64)>,
    evaluation: Evaluation,
    bias_rmse: f64,
}

/// The name of an algorithm in manifests and tables.
pub(crate) fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Bias => "bias",
        Algorithm::Map => "map",
        Algorithm::Bayes => "bayes",
    }
}

/// Makes the files.
pub(crate) fn files(
    posterior: &Posterior,
    snapshot: &Snapshot,
    movies: Vec<Movie>,
    evaluation: &Evaluation,
    bias: &Evaluation,
    facts: &Facts,
) -> Result<Exported, Failed> {
    let (encoder, scorer) = (write_encoder(posterior)?, write_scorer(posterior)?);
    let (encoder_bytes, scorer_bytes) = (Bytes::from(encoder.bytes), Bytes::from(scorer.bytes));
    let ratings = snapshot.ratings();
    let count = ratings.len().max(1) as f64;
    let mean = ratings.iter().map(|rating| rating.value).sum::<f64>() / count;
    let variance = ratings.iter().map(|rating| (rating.value - mean).powi(2)).sum::<f64>() / count;
    let metrics = BTreeMap::from([
        ("rmse".to_owned(), evaluation.rmse),
        ("mae".to_owned(), evaluation.mae),
        ("frozen_rmse".to_owned(), evaluation.frozen_rmse),
        ("bias_rmse".to_owned(), bias.rmse),
        ("nll".to_owned(), evaluation.nll),
        ("holdout_ratings".to_owned(), evaluation.ratings as f64),
        ("rating_mean".to_owned(), mean),
        ("rating_spread".to_owned(), variance.sqrt()),
    ]);
    let time = |rating: Option<&marquee_domain::Rating>| rating.map_or(Timestamp::EPOCH, |r| r.rated_at).to_string();
    let dataset = Dataset {
        digest: snapshot.digest().to_owned(),
        ratings: ratings.len() as u64,
        users: snapshot.users() as u64,
        movies: snapshot.movies() as u64,
        first_rated_at: time(ratings.first()),
        last_rated_at: time(ratings.last()),
    };
    let files = BTreeMap::from([
        ("encoder.onnx".to_owned(), encoder_bytes.clone()),
        ("scorer.onnx".to_owned(), scorer_bytes.clone()),
        ("movies.parquet".to_owned(), Catalogue::new(movies)?.to_parquet()?.into()),
        ("profile.parquet".to_owned(), profile::to_parquet(&distributions(snapshot, facts.scale))?.into()),
        ("metrics.json".to_owned(), serde_json::to_vec_pretty(evaluation)?.into()),
    ]);
    Ok(Exported {
        facts: facts.clone(),
        encoder: encoder_bytes,
        scorer: scorer_bytes,
        signatures: (encoder.signature, scorer.signature),
        files,
        dataset,
        metrics,
        gates: Vec::new(),
        evaluation: evaluation.clone(),
        bias_rmse: bias.rmse,
    })
}

/// The distributions that drift is measured against.
fn distributions(snapshot: &Snapshot, scale: Scale) -> Vec<Distribution> {
    let levels: Vec<f64> = (0..scale.levels()).map(|level| scale.min() + level as f64 * scale.step()).collect();
    let mut by_user: HashMap<&str, u64> = HashMap::new();
    let mut by_movie: HashMap<&str, u64> = HashMap::new();
    for rating in snapshot.ratings() {
        *by_user.entry(rating.user.as_str()).or_default() += 1;
        *by_movie.entry(rating.movie.as_str()).or_default() += 1;
    }
    let counts = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];
    vec![
        Distribution::of("rating", &levels, snapshot.ratings().iter().map(|rating| rating.value)),
        Distribution::of("ratings_per_user", &counts, by_user.values().map(|&count| count as f64)),
        Distribution::of("ratings_per_movie", &counts, by_movie.values().map(|&count| count as f64)),
    ]
}

impl Exported {
    /// The package under a number, signed when there is a key.
    pub(crate) fn package(&self, version: Version, key: Option<&SigningKey>) -> Result<Package, PackageError> {
        let Facts { model, algorithm, parameters, scale, created_at, git_revision, train_seconds } = self.facts.clone();
        let algorithm = algorithm_name(algorithm);
        let parameters = BTreeMap::from([
            ("factors".to_owned(), parameters.factors as u64),
            ("sweeps".to_owned(), parameters.sweeps as u64),
            ("burn_in".to_owned(), parameters.burn_in as u64),
            ("samples".to_owned(), parameters.samples as u64),
            ("seed".to_owned(), parameters.seed),
        ]);
        let mut files = self.files.clone();
        let title = format!("{model} version {version}");
        let subtitle =
            format!("Algorithm {algorithm}, {} ratings by {} users", self.dataset.ratings, self.dataset.users);
        let heading = Heading { title: &title, subtitle: &subtitle, bias_rmse: self.bias_rmse };
        files.insert("report.html".to_owned(), report::html(&self.evaluation, &heading).into());
        let manifest = Manifest {
            schema: SCHEMA,
            name: model,
            version,
            algorithm: algorithm.to_owned(),
            created_at: created_at.to_string(),
            scale,
            encoder: self.signatures.0.clone(),
            scorer: self.signatures.1.clone(),
            files: BTreeMap::new(),
            dataset: self.dataset.clone(),
            parameters,
            metrics: self.metrics.clone(),
            gates: self
                .gates
                .iter()
                .map(|&(name, value, bound)| Gate { name: name.to_owned(), value, bound })
                .collect(),
            git_revision,
            train_seconds,
            key: None,
        };
        Ok(Package::build(manifest, files, key))
    }
}
