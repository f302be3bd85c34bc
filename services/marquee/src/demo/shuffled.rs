//! Trains a bad version: in a fleet of its own, on the imported ratings with their values shuffled.
//!
//! The mistake is a real one: an export that joins values to the wrong rows. The trainer sees
//! nothing of it, because the ratings that it holds out are shuffled too.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use marquee_cli::train::Training;
use marquee_cli::{Client, Format, Output};
use marquee_domain::{ModelName, Version};
use marquee_kit::settings::{Layers, is_set};
use marquee_proto::training::v1::Algorithm;
use marquee_trainer::Trainer;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

use super::fleet::Process;
use super::importing::{add_movies, import_rows};
use super::{Demo, models, package};
use crate::keys;

impl Demo {
    /// Trains a version on shuffled ratings and publishes its package in the demonstration's fleet.
    pub(super) async fn publish_shuffled(&mut self, version: u64) -> Result<Training> {
        let folder = tempfile::Builder::new().prefix("marquee-shuffled-").tempdir().context("create a data folder")?;
        let (model, version) = (ModelName::try_new(models::MODEL)?, Version(version));
        package::reserve_up_to(folder.path(), &model, version).await?;
        // Both fleets sign with one key, so this one accepts the package.
        let key = self.signing_key()?;
        let mut flags = vec![("trainer.signing_key".to_owned(), serde_json::Value::from(key).to_string())];
        // It uses nothing of the demonstration's fleet, whatever the environment says.
        flags.extend(["log", "store", "objects"].map(|one| (format!("backends.{one}"), "embedded".to_owned())));
        let mut made = Process::start(folder.path(), Layers { file: None, flags }).await?;
        let trained = self.train_shuffled(&Client::connect(&made.addresses().grpc)?).await;
        // The fleet must not outlive this step, nor write into a folder that is being removed.
        made.kill().await?;
        let trained = trained?;
        let published = trained.version.unwrap_or_default();
        ensure!(published == version.0, "the version was published as {published}, not as {version}");
        let files = package::read(folder.path(), &model, version).await?;
        package::publish(&self.settings, self.fleet.folder(), (&model, version), files).await?;
        Ok(trained)
    }

    async fn train_shuffled(&self, client: &Client) -> Result<Training> {
        add_movies(client, &self.movies).await?;
        let mut rows = self.arrivals.first(self.ratings.len()).to_vec();
        let mut values: Vec<f64> = rows.iter().map(|row| row.rating).collect();
        values.shuffle(&mut ChaCha8Rng::seed_from_u64(self.seed ^ 8));
        rows.iter_mut().zip(values).for_each(|(row, value)| row.rating = value);
        import_rows(&rows, client, Output::detect(Format::Json)).await?;
        models::fit(client, Algorithm::Map, self.seed, self.output).await
    }

    /// Returns the path of the key that the fleet signs packages with.
    fn signing_key(&self) -> Result<String> {
        let set = self.settings.roles.get::<Trainer>().map(|trainer| trainer.signing_key.clone());
        let set = set.filter(|path| is_set(path));
        let path: PathBuf = set.unwrap_or_else(|| keys::folder(self.fleet.folder()).join(keys::PRIVATE));
        let path = std::path::absolute(path)?;
        Ok(path.to_str().context("the path of the signing key is not UTF-8")?.to_owned())
    }
}
