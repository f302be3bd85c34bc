//! Trains version 1 with alternating least squares and version 2 with Gibbs sampling, and loads
//! both.

use std::time::Duration;

use anyhow::{Context, Result};
use marquee_proto::prediction::v1::LoadModelRequest;
use marquee_proto::training::v1 as pb;

use super::Demo;
use super::summary::Model;
use marquee_cli::train::{self, Training};
use marquee_cli::{Client, Output};

/// The model that everything here is about.
pub(super) const MODEL: &str = "ratings";

/// The longest time for loading, which verifies and warms a version.
const LOADING: Duration = Duration::from_secs(60);

impl Demo {
    pub(super) async fn train(&mut self) -> Result<()> {
        self.screen.heading(3, "train two models: version 1 in seconds, version 2 Bayesian");
        for algorithm in [pb::Algorithm::Map, pb::Algorithm::Bayes] {
            let model = self.version(algorithm).await?;
            let name = format!("version {} ({})", model.version, model.algorithm);
            self.screen
                .check(&format!("{name} is validated, packaged, signed, verified, loaded and warm"), model.verified);
            self.screen.line(&format!(
                "RMSE {:.4}, MAE {:.4}: predict, then learn, each of the newest tenth; without learning {:.4}, biases only {:.4}",
                model.rmse, model.mae, model.frozen_rmse, model.bias_rmse
            ));
            self.screen.line(&format!(
                "fitting took {:.2} s, digest {}…",
                model.train_seconds,
                model.digest.get(..16).unwrap_or_default()
            ));
            self.summary.models.push(model);
        }
        let better = self.summary.models.iter().all(|model| model.rmse < model.bias_rmse);
        self.screen.check("both are better than biases only, on ratings that they were not trained on", better);
        Ok(())
    }

    async fn version(&self, algorithm: pb::Algorithm) -> Result<Model> {
        let run = fit(&self.client, algorithm, self.seed, self.output).await?;
        self.load(run).await
    }

    /// Loads the version that a training run published.
    pub(super) async fn load(&self, run: Training) -> Result<Model> {
        let version = run.version.context("a training run succeeded without a version")?;
        let load = LoadModelRequest { model: run.model.clone(), version };
        let loaded = self.client.call_within(LOADING, self.client.models().load_model(load)).await?;
        let loaded = loaded.version.unwrap_or_default();
        let metrics = run.metrics.context("a training run succeeded without metrics")?;
        Ok(Model {
            version,
            algorithm: run.algorithm.to_owned(),
            rmse: metrics.rmse,
            mae: metrics.mae,
            frozen_rmse: metrics.frozen_rmse,
            bias_rmse: metrics.bias_rmse,
            train_seconds: run.train_seconds,
            digest: loaded.digest,
            verified: loaded.verified,
        })
    }
}

/// Trains a version in a fleet, and waits until it is published.
pub(super) async fn fit(client: &Client, algorithm: pb::Algorithm, seed: u64, output: Output) -> Result<Training> {
    let parameters = pb::Parameters { seed, ..pb::Parameters::default() };
    let request =
        pb::StartTrainingRequest { model: String::new(), algorithm: algorithm.into(), parameters: Some(parameters) };
    let run = client.call(client.trainer().start_training(request)).await?.training.unwrap_or_default();
    let (run, ended) = train::follow(run.training_id, client, output).await?;
    ended?;
    Ok(run)
}
