//! Compares a graph with its signature in the manifest: the same tensors, by name, type and
//! dimensions, in the same order.
//!
//! Without this check a graph with an output of another name would load, run and answer nothing.

use std::fmt::Write as _;

use marquee_model::{BATCH, Dim, Dtype, GraphSignature, TensorSpec, tensors};
use marquee_onnx::{Axis, Graph, Kind, Port};

/// Checks a graph.
///
/// # Errors
/// The first tensor that differs, for people.
pub(super) fn check(graph: &Graph, signature: &GraphSignature) -> Result<(), String> {
    let sides = [("input", graph.inputs(), &signature.inputs), ("output", graph.outputs(), &signature.outputs)];
    for (side, found, expected) in sides {
        let expected: Vec<Port> = expected.iter().map(port).collect();
        for at in 0..found.len().max(expected.len()) {
            let (found, expected) = (found.get(at), expected.get(at));
            if found != expected {
                return Err(format!("{side} {} is {}, not {}", at + 1, shown(found), shown(expected)));
            }
        }
    }
    Ok(())
}

/// Checks a ranker: it reads tensors that the encoder returns, and returns one rating for each
/// movie.
///
/// # Errors
/// The first tensor that differs, for people.
pub(super) fn check_ranker(graph: &Graph, encoder: &GraphSignature, movies: usize) -> Result<(), String> {
    let state: Vec<Port> = encoder.outputs.iter().map(port).collect();
    if let Some(other) = graph.inputs().iter().find(|input| !state.contains(input)) {
        return Err(format!("input {} is not an output of the encoder", shown(Some(other))));
    }
    let dims = vec![Dim::named(BATCH), Dim::Fixed(movies as u64)];
    let expected = port(&TensorSpec::new(tensors::RATING, Dtype::Float32, dims));
    match graph.outputs() {
        [output] if *output == expected => Ok(()),
        outputs => Err(format!("output 1 is {}, not {}", shown(outputs.first()), shown(Some(&expected)))),
    }
}

/// Returns an input or output of a manifest as a graph has it.
pub(crate) fn port(spec: &TensorSpec) -> Port {
    let kind = match spec.dtype {
        Dtype::Float32 => Kind::F32,
        Dtype::Int64 => Kind::I64,
    };
    let axis = |dim: &Dim| match dim {
        // A length that this machine cannot address fits no tensor.
        Dim::Fixed(length) => Axis::Fixed(usize::try_from(*length).unwrap_or(usize::MAX)),
        Dim::Named(name) => Axis::Dynamic(name.clone()),
    };
    Port { name: spec.name.clone(), kind, axes: spec.dims.iter().map(axis).collect() }
}

/// Formats a tensor, for example `rating float32 [batch, movies]`.
fn shown(port: Option<&Port>) -> String {
    let Some(port) = port else { return "missing".to_owned() };
    let mut text = format!("{} {} [", port.name, port.kind);
    for (at, axis) in port.axes.iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = match axis {
            Axis::Fixed(length) => write!(text, "{separator}{length}"),
            Axis::Dynamic(name) => write!(text, "{separator}{name}"),
        };
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use marquee_domain::{ModelName, Movie, MovieId, Scale, Version};
    use marquee_model::{
        Catalogue, Dataset, GOLDEN, Golden, GoldenCase, GoldenPrediction, Manifest, OnnxGraph, Package, RANKER, SCHEMA,
        write_encoder, write_ranker, write_scorer,
    };
    use marquee_onnx::Runtime;
    use marquee_onnx::testing::runtime;
    use marquee_posterior::{Estimate, Posterior, Sample};

    use marquee_kit::chain;

    use super::super::{LoadError, Opener};
    use crate::model::Model;
    use crate::settings::Settings;

    fn posterior(movies: usize, factors: usize, offset: f64) -> Posterior {
        let sample = Sample {
            offset,
            noise_precision: 1.0,
            prior_mean: vec![0.1; factors + 1],
            prior_precision: vec![5.0; factors + 1],
            movie_bias: vec![0.1; movies],
            factors: vec![0.2; movies * factors],
            ..Sample::default()
        };
        Posterior { movies, factors, samples: vec![sample], ..Posterior::default() }
    }

    /// Writes the graphs of a small model.
    fn graphs(movies: usize, factors: usize) -> (OnnxGraph, OnnxGraph) {
        let posterior = posterior(movies, factors, 3.5);
        (write_encoder(&posterior).unwrap(), write_scorer(&posterior).unwrap())
    }

    /// Loads a package of these graphs and a catalog of `movies` movies. Returns the reason if it
    /// is refused.
    async fn load(runtime: &Runtime, encoder: OnnxGraph, scorer: OnnxGraph, movies: usize) -> Result<Model, String> {
        load_with(runtime, encoder, scorer, movies, BTreeMap::new()).await
    }

    /// Does the same with further files.
    async fn load_with(
        runtime: &Runtime,
        encoder: OnnxGraph,
        scorer: OnnxGraph,
        movies: usize,
        more: BTreeMap<String, Bytes>,
    ) -> Result<Model, String> {
        let (name, version) = (ModelName::try_new("ratings").unwrap(), Version(1));
        let movie = |number| Movie::try_new(MovieId::try_new(&format!("m{number}")).unwrap(), "A", None, vec![]);
        let catalogue = Catalogue::new((0..movies).map(|number| movie(number).unwrap()).collect()).unwrap();
        let manifest = Manifest {
            schema: SCHEMA,
            name: name.clone(),
            version,
            algorithm: "map".to_owned(),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            scale: Scale::try_new(1.0, 5.0, 1.0).unwrap(),
            encoder: encoder.signature,
            scorer: scorer.signature,
            learner: None,
            files: BTreeMap::new(),
            dataset: Dataset {
                digest: "00".to_owned(),
                ratings: 1,
                users: 1,
                movies: 1,
                first_rated_at: "1997-01-01T00:00:00Z".to_owned(),
                last_rated_at: "1998-01-01T00:00:00Z".to_owned(),
            },
            parameters: BTreeMap::new(),
            metrics: BTreeMap::new(),
            gates: Vec::new(),
            comparison: None,
            training: None,
            git_revision: None,
            train_seconds: 0.1,
            key: None,
            extra: Default::default(),
        };
        let mut files = BTreeMap::from([
            ("encoder.onnx".to_owned(), Bytes::from(encoder.bytes)),
            ("scorer.onnx".to_owned(), Bytes::from(scorer.bytes)),
            ("movies.parquet".to_owned(), catalogue.to_parquet().unwrap().into()),
        ]);
        files.extend(more);
        let files = Package::build(manifest, files, None).into_files();
        let opener = Opener::new(runtime.clone(), None, &Settings::default());
        let model = opener.open(&(name, version), files).map_err(|error| chain(&error))?;
        model.check_golden().await.map_err(|error| chain(&LoadError::Warm(error)))?;
        model.warm().await.map_err(|error| chain(&LoadError::Warm(error)))?;
        Ok(model)
    }

    #[tokio::test]
    async fn graphs_that_match_the_manifest_load() {
        let Some(runtime) = runtime() else { return };
        for movies in [1, 5, 150] {
            let (encoder, scorer) = graphs(movies, 2);
            assert_eq!(load(&runtime, encoder, scorer, movies).await.unwrap().catalog().len(), movies);
        }
    }

    #[tokio::test]
    async fn a_valid_graph_with_other_tensors_than_the_manifest_says_is_refused() {
        let Some(runtime) = runtime() else { return };
        let (encoder, scorer) = graphs(5, 2);
        let swapped = load(&runtime, scorer.clone(), encoder.clone(), 5).await.unwrap_err();
        assert!(swapped.starts_with("warm the graphs"), "{swapped}");

        let lying = OnnxGraph { bytes: scorer.bytes.clone(), signature: encoder.signature.clone() };
        let reason = load(&runtime, encoder.clone(), lying, 5).await.unwrap_err();
        let expected = "scorer.onnx is not the graph that the manifest describes: input 1 is mean float32 [batch, 1, 3], not movie int64 [batch, history]";
        assert_eq!(reason, expected);

        let mut renamed = scorer.clone();
        renamed.signature.outputs.pop();
        let reason = load(&runtime, encoder, renamed, 5).await.unwrap_err();
        assert!(reason.ends_with("output 2 is spread float32 [batch, movies], not missing"), "{reason}");
    }

    #[tokio::test]
    async fn a_truncated_graph_with_a_right_digest_is_refused_by_name() {
        let Some(runtime) = runtime() else { return };
        let (encoder, mut scorer) = graphs(5, 2);
        scorer.bytes.truncate(scorer.bytes.len() / 2);
        let reason = load(&runtime, encoder, scorer, 5).await.unwrap_err();
        assert_eq!(reason, "load scorer.onnx: the file is not an ONNX model, or it was cut off");
    }

    #[tokio::test]
    async fn graphs_that_do_not_fit_each_other_or_the_catalog_are_refused() {
        let Some(runtime) = runtime() else { return };
        let (encoder, scorer) = (graphs(5, 2).0, graphs(5, 3).1);
        let reason = load(&runtime, encoder, scorer, 5).await.unwrap_err();
        assert!(reason.starts_with("warm the graphs: input 'mean' has shape [1, 1, 3]"), "{reason}");

        let (encoder, scorer) = graphs(5, 2);
        let reason = load(&runtime, encoder, scorer, 6).await.unwrap_err();
        assert!(reason.starts_with("warm the graphs: the graph did not run"), "{reason}");
    }

    #[tokio::test]
    async fn a_scorer_whose_ratings_have_another_name_is_refused() {
        let Some(runtime) = runtime() else { return };
        let (encoder, mut scorer) = graphs(5, 2);
        // Of the same length, so that the file stays well formed.
        while let Some(at) = scorer.bytes.windows(6).position(|window| window == b"rating") {
            scorer.bytes[at..at + 6].copy_from_slice(b"ranted");
        }
        scorer.signature.outputs[0].name = "ranted".to_owned();
        let reason = load(&runtime, encoder, scorer, 5).await.unwrap_err();
        assert_eq!(reason, "scorer.onnx does not give a finite rating and spread for each movie");
    }
    /// Returns golden.json of the small model for a history of one rating.
    fn golden(change: f64) -> BTreeMap<String, Bytes> {
        let posterior = posterior(5, 2, 3.5);
        let state = posterior.state(&[(1, 4.0)]);
        let movie = |at: usize| MovieId::try_new(&format!("m{at}")).unwrap();
        let prediction = |at| {
            let Estimate { rating, spread } = posterior.estimate(&state, at);
            GoldenPrediction { movie: movie(at), rating: rating + change, spread }
        };
        let case = GoldenCase { history: vec![(movie(1), 4.0)], predictions: vec![prediction(0), prediction(4)] };
        let golden = Golden { tolerance: 1e-3, cases: vec![case] };
        BTreeMap::from([(GOLDEN.to_owned(), golden.to_bytes().into())])
    }

    #[tokio::test]
    async fn a_version_that_does_not_predict_what_its_training_recorded_is_refused() {
        let Some(runtime) = runtime() else { return };
        let (encoder, scorer) = graphs(5, 2);
        let load = |golden| load_with(&runtime, encoder.clone(), scorer.clone(), 5, golden);
        assert!(load(golden(0.0)).await.is_ok());
        let reason = load(golden(0.01)).await.unwrap_err();
        let expected = "the version does not predict what its training recorded: case 1 of golden.json: movie 'm0' is ";
        assert!(reason.starts_with(expected), "{reason}");

        let damaged = BTreeMap::from([(GOLDEN.to_owned(), Bytes::from_static(b"{}"))]);
        let reason = load(damaged).await.unwrap_err();
        assert!(reason.starts_with("the package has no usable golden.json: it is not a list of recorded "), "{reason}");
    }

    #[tokio::test]
    async fn a_ranker_ranks_the_catalog_and_one_of_another_model_is_refused() {
        let Some(runtime) = runtime() else { return };
        let ranker = |movies, factors| {
            let graph = write_ranker(&posterior(movies, factors, 3.5)).unwrap();
            BTreeMap::from([(RANKER.to_owned(), Bytes::from(graph.bytes))])
        };
        let (encoder, scorer) = graphs(5, 2);
        let load = |more| load_with(&runtime, encoder.clone(), scorer.clone(), 5, more);
        let model = load(ranker(5, 2)).await.unwrap();
        let state = model.encode(&[(1, 4.0)]).await.unwrap();
        let (ranked, scores) =
            (model.rank(&state).await.unwrap().unwrap(), model.score(&state, &[0, 1, 2, 3, 4]).await);
        let scores: Vec<f64> = scores.unwrap().iter().map(|score| score.rating).collect();
        let differs = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() > 1e-5;
        assert!(!ranked.as_f32().unwrap().iter().zip(&scores).any(differs), "{ranked:?} and {scores:?}");

        let reason = load(ranker(5, 3)).await.unwrap_err();
        let expected = "ranker.onnx does not fit the encoder and the catalog: input mean float32 [batch, 1, 4] is not an output of the encoder";
        assert_eq!(reason, expected);
        let reason = load(ranker(6, 2)).await.unwrap_err();
        assert!(reason.ends_with("output 1 is rating float32 [batch, 6], not rating float32 [batch, 5]"), "{reason}");
    }
}
