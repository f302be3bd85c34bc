//! Small packages that are published as the trainer does it, and what their models predict.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{Algorithm, FitParameters, ModelName, Movie, MovieId, Rating, Timestamp, UserId, Version};
use marquee_fit::{MovieIndex, fit};
use marquee_model::{Catalogue, Manifest, ModelStore, Package, write_encoder, write_scorer};
use marquee_ports::memory::MemoryObjects;
use serde_json::{Value, json};

const MOVIES: usize = 12;

/// The mean and the spread of the training ratings, as the manifest has them.
const PRIOR: (f64, f64) = (3.25, 1.5);

/// A row for the model, and what it must answer.
pub(crate) struct Case {
    pub(crate) row: Value,
    pub(crate) rating: f64,
    pub(crate) spread: f64,
}

/// A fitted model.
pub(crate) struct Trained {
    files: BTreeMap<String, Bytes>,
    manifest: Manifest,
    cases: Vec<Case>,
}

fn movie(number: usize) -> MovieId {
    MovieId::try_new(&format!("m{number}")).expect("valid")
}

/// Returns ratings around a mean.
fn ratings(mean: f64) -> Vec<Rating> {
    let rating = |(user, number): (usize, usize)| Rating {
        user: UserId::try_new(&format!("u{user}")).expect("valid"),
        movie: movie(number),
        value: (mean + ((user * 7 + number * 3) % 5) as f64 - 2.0).clamp(1.0, 5.0),
        rated_at: Timestamp::from_seconds((user * MOVIES + number) as i64),
    };
    (0..30).flat_map(|user| (0..MOVIES).map(move |number| (user, number))).map(rating).collect()
}

impl Trained {
    pub(crate) fn new(mean: f64) -> Self {
        let movies: Vec<MovieId> = (0..MOVIES).map(movie).collect();
        let index = MovieIndex::new(movies.iter());
        let dense = index.dense(&ratings(mean)).expect("ratings");
        let parameters = FitParameters { factors: 3, sweeps: 12, ..FitParameters::default_of(Algorithm::Map) };
        let posterior = fit(&dense, Algorithm::Map, &parameters, &mut ()).expect("fits");
        let (encoder, scorer) = (write_encoder(&posterior).expect("writes"), write_scorer(&posterior).expect("writes"));

        let bare = |id: &MovieId| Movie { id: id.clone(), title: String::new(), year: None, genres: Vec::new() };
        let catalog = Catalogue::new(index.movies().map(bare).collect()).expect("movies").to_parquet().expect("writes");
        let files = [
            ("encoder.onnx", Bytes::from(encoder.bytes)),
            ("scorer.onnx", Bytes::from(scorer.bytes)),
            ("movies.parquet", Bytes::from(catalog)),
            ("metrics.json", Bytes::from_static(b"{}")),
            ("report.html", Bytes::from_static(b"<!doctype html>")),
        ];
        let mut manifest = Manifest::parse(manifest(mean).to_string().as_bytes()).expect("a manifest");
        (manifest.encoder, manifest.scorer) = (encoder.signature, scorer.signature);

        let at = |id: &MovieId| index.get(id).expect("a movie of the index") as usize;
        let case = |history: &[(usize, f64)], scored: usize| {
            let known: Vec<(usize, f64)> = history.iter().filter(|one| one.0 < MOVIES).copied().collect();
            let known: Vec<(usize, f64)> = known.iter().map(|(number, stars)| (at(&movie(*number)), *stars)).collect();
            let (rating, spread) = match scored < MOVIES {
                true => {
                    let estimate = posterior.estimate(&posterior.state(&known), at(&movie(scored)));
                    (estimate.rating.clamp(1.0, 5.0), estimate.spread)
                }
                false => PRIOR,
            };
            let row = json!({
                "history_movies": history.iter().map(|one| movie(one.0).to_string()).collect::<Vec<_>>(),
                "history_ratings": history.iter().map(|one| one.1).collect::<Vec<_>>(),
                "movie": movie(scored).to_string(),
            });
            Case { row, rating, spread }
        };
        // The movies from 12 on are unknown to the model.
        let cases = vec![
            case(&[(0, 5.0), (3, 1.0), (7, 4.0)], 2),
            case(&[], 4),
            case(&[(1, 5.0), (40, 1.0)], 5),
            case(&[(1, 5.0)], 99),
            case(&[(0, 5.0), (1, 5.0), (2, 5.0), (3, 5.0), (4, 5.0), (5, 5.0)], 11),
        ];
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        Self { files, manifest, cases }
    }

    pub(crate) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Publishes the package. Returns its version and its digest.
    pub(crate) async fn publish(&self, objects: &MemoryObjects) -> (Version, String) {
        let (name, mut digest) = (ModelName::try_new("ratings").expect("valid"), String::new());
        let build = |version: Version| {
            let manifest = Manifest { version, ..self.manifest.clone() };
            let package = Package::build(manifest, self.files.clone(), None);
            digest = package.digest();
            Ok::<_, std::convert::Infallible>(package.into_files())
        };
        let published = ModelStore::new(Arc::new(objects.clone())).publish(&name, build).await.expect("publishes");
        let Ok(version) = published;
        (version, digest)
    }
}

/// Returns the manifest without its files.
fn manifest(mean: f64) -> Value {
    json!({
        "schema": 1, "name": "ratings", "version": 1, "algorithm": "map",
        "created_at": "2026-01-01T00:00:00Z", "scale": {"min": 1.0, "max": 5.0, "step": 1.0},
        "encoder": {"inputs": [], "outputs": []}, "scorer": {"inputs": [], "outputs": []}, "files": {},
        "dataset": {
            "digest": "00", "ratings": 360, "users": 30, "movies": MOVIES,
            "first_rated_at": "1997-01-01T00:00:00Z", "last_rated_at": "1998-01-01T00:00:00Z",
        },
        "parameters": {"factors": 3}, "gates": [], "git_revision": null, "train_seconds": 0.1, "key": null,
        "metrics": {"rating_mean": PRIOR.0, "rating_spread": PRIOR.1, "mean": mean},
    })
}
