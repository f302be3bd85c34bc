//! The predictions that a package records are those of its graphs.

mod world;

use marquee_model::{Catalogue, GOLDEN, Golden, GoldenCase, tensors};
use marquee_onnx::{Element, Graph, Tensor, Threads};
use marquee_proto::training::v1::{Algorithm, Parameters, State};

use world::World;

fn tensor<T: Element>(name: &str, values: Vec<T>) -> (String, Tensor) {
    (name.to_owned(), Tensor::from_vec(vec![1, values.len()], values).expect("fits"))
}

/// Returns the inputs of the encoder. An empty history is one entry of weight 0.
fn history(case: &GoldenCase, catalog: &Catalogue) -> Vec<(String, Tensor)> {
    let index = |movie| catalog.index_of(movie).expect("the package has the movie") as i64;
    let mut entries: Vec<(i64, f32, f32)> =
        case.history.iter().map(|(movie, rating)| (index(movie), *rating as f32, 1.0)).collect();
    if entries.is_empty() {
        entries.push((0, 0.0, 0.0));
    }
    vec![
        tensor(tensors::MOVIE, entries.iter().map(|entry| entry.0).collect()),
        tensor(tensors::RATING, entries.iter().map(|entry| entry.1).collect()),
        tensor(tensors::WEIGHT, entries.iter().map(|entry| entry.2).collect()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graphs_of_a_package_predict_what_the_training_recorded() {
    let Some(world) = World::new().await else { return };
    let trainer = world.trainer_with("one", |settings| settings.gates.rmse_over_bias = 10.0).await;
    let short = Parameters { factors: 2, sweeps: 6, burn_in: 2, samples: 2, seed: 3, holdout: 0.2 };
    let run = trainer.until(&trainer.start((Algorithm::Bayes, short)).await, State::Succeeded).await;
    let golden = Golden::parse(&world.file(run.version, GOLDEN).await).expect("a list of predictions");
    let catalog = Catalogue::from_parquet(world.file(run.version, "movies.parquet").await).expect("movies");
    let runtime = marquee_onnx::testing::runtime().expect("the world has it");
    let [encoder, scorer] =
        [world.file(run.version, "encoder.onnx").await, world.file(run.version, "scorer.onnx").await]
            .map(|bytes| Graph::load(&runtime, &bytes, Threads::default()).expect("loads"));
    assert!(golden.cases.len() > 1 && golden.cases.iter().any(|case| !case.history.is_empty()));
    for (at, case) in golden.cases.iter().enumerate() {
        let mut inputs = encoder.run(history(case, &catalog)).await.expect("encodes");
        let movies = case.predictions.iter().map(|one| catalog.index_of(&one.movie).expect("known") as i64);
        inputs.push(tensor(tensors::MOVIE, movies.collect()));
        let outputs = scorer.run(inputs).await.expect("scores");
        let output = |name: &str| {
            let found = outputs.iter().find(|(output, _)| output == name);
            found.and_then(|(_, tensor)| tensor.as_f32()).expect("single precision").iter().copied().map(f64::from)
        };
        let found: Vec<(f64, f64)> = output(tensors::RATING).zip(output(tensors::SPREAD)).collect();
        golden.check(at, &found).expect("the same predictions");
    }
    trainer.stop().await;
}
