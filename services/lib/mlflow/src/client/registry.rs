//! Registered models: versions and aliases.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::runs::pairs;
use super::{Client, Pair};
use crate::Error;
use crate::names;
use crate::transport::Repeat;

/// A registered model as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisteredModel {
    /// The number of the version of each alias.
    pub aliases: BTreeMap<String, String>,
    /// Notes by name.
    pub tags: BTreeMap<String, String>,
}

/// A version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ModelVersion {
    /// The number, which the server chose.
    pub version: String,
    /// Where its files are.
    #[serde(default)]
    pub source: String,
}

#[derive(Deserialize)]
struct Alias {
    alias: String,
    version: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    aliases: Vec<Alias>,
    #[serde(default)]
    tags: Vec<Pair>,
}

#[derive(Deserialize)]
struct FoundModel {
    registered_model: Model,
}

#[derive(Deserialize)]
struct CreatedVersion {
    model_version: ModelVersion,
}

#[derive(Deserialize)]
struct FoundVersions {
    #[serde(default)]
    model_versions: Vec<ModelVersion>,
}

impl Client {
    /// Makes a registered model if it is missing.
    ///
    /// # Errors
    /// The call failed.
    pub async fn register(&self, name: &str) -> Result<(), Error> {
        let doing = format!("register model '{name}'");
        match self.change(doing, "registered-models/create", &json!({"name": name})).await {
            Err(error) if error.is_existing() => Ok(()),
            registered => registered,
        }
    }

    /// Returns a registered model, or `None` if there is no model of that name.
    ///
    /// # Errors
    /// The call failed.
    pub async fn registered(&self, name: &str) -> Result<Option<RegisteredModel>, Error> {
        let doing = format!("read registered model '{name}'");
        let model = match self.get::<FoundModel>(doing, "registered-models/get", &[("name", name)]).await {
            Ok(found) => found.registered_model,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(RegisteredModel {
            aliases: model.aliases.into_iter().map(|one| (one.alias, one.version)).collect(),
            tags: model.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        }))
    }

    /// Notes something at a registered model.
    ///
    /// # Errors
    /// The call failed.
    pub async fn tag_registered(&self, name: &str, key: &str, value: &str) -> Result<(), Error> {
        let body = json!({"name": name, "key": names::key(key), "value": names::tag(value)});
        self.change(format!("tag registered model '{name}'"), "registered-models/set-tag", &body).await
    }

    /// Returns the version of a registered model with a tag, or `None` if there is none. Of several
    /// the one with the highest number is returned.
    ///
    /// # Errors
    /// The call failed.
    pub async fn find_version(&self, name: &str, (key, value): (&str, &str)) -> Result<Option<ModelVersion>, Error> {
        let filter = format!("name = {} and tags.`{key}` = {}", names::literal(name), names::literal(value));
        let doing = format!("find version {value} of registered model '{name}'");
        let found: FoundVersions = self.get(doing, "model-versions/search", &[("filter", &filter)]).await?;
        Ok(found.model_versions.into_iter().max_by_key(|one| one.version.parse::<u64>().unwrap_or(0)))
    }

    /// Makes a version of a registered model from a logged model.
    ///
    /// # Errors
    /// The call failed. The version may have been made.
    pub async fn create_version(
        &self,
        name: &str,
        (run, model): (&str, &str),
        tags: &BTreeMap<String, String>,
    ) -> Result<ModelVersion, Error> {
        let body = json!({
            "name": name,
            "source": format!("models:/{model}"),
            "run_id": run,
            "model_id": model,
            "tags": pairs(tags, names::tag),
        });
        let call = (Method::POST, "model-versions/create");
        let doing = format!("register a version of model '{name}'");
        let made: CreatedVersion = self.send(doing, call, &body, Repeat::IfRefused).await?;
        Ok(made.model_version)
    }

    /// Sets an alias, or moves it from another version.
    ///
    /// # Errors
    /// The call failed.
    pub async fn set_alias(&self, name: &str, alias: &str, version: &str) -> Result<(), Error> {
        let body = json!({"name": name, "alias": alias, "version": version});
        self.change(format!("set alias '{alias}' of model '{name}'"), "registered-models/alias", &body).await
    }

    /// Removes an alias. An alias that is missing is no error.
    ///
    /// # Errors
    /// The call failed.
    pub async fn delete_alias(&self, name: &str, alias: &str) -> Result<(), Error> {
        let body = json!({"name": name, "alias": alias});
        let call = (Method::DELETE, "registered-models/alias");
        let doing = format!("remove alias '{alias}' of model '{name}'");
        match self.send::<Value>(doing, call, &body, Repeat::Always).await {
            Err(error) if error.is_not_found() => Ok(()),
            deleted => deleted.map(drop),
        }
    }
}
