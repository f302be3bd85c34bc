//! Layers merged over defaults, from which settings are read as a whole or section by section.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Dict;
use serde::de::DeserializeOwned;

use crate::layers::Flags;
use crate::redact::{redact, redact_json};
use crate::{ENV_PREFIX, Effective, Error, Layers, Validate};

/// Layers merged over defaults.
#[derive(Debug)]
pub struct Source {
    figment: Figment,
    file: Option<PathBuf>,
}

impl Source {
    /// Merges layers over the defaults of every setting.
    ///
    /// # Errors
    /// The file is missing or is not TOML, or a top-level key has no default and so is unknown.
    pub fn read(layers: &Layers, defaults: &serde_json::Value) -> Result<Self, Error> {
        let mut figment = Figment::from(Serialized::defaults(defaults));
        if let Some(file) = &layers.file {
            if !file.is_file() {
                return Err(Error::NoFile(file.clone()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(Env::prefixed(ENV_PREFIX).split("__")).merge(Flags(&layers.flags));
        let source = Self { figment, file: layers.file.clone() };
        source.refuse_unknown_keys(defaults)?;
        Ok(source)
    }

    /// Reads all settings. Top-level keys that `T` lacks are ignored: other sections may be read
    /// with [`Self::section`].
    ///
    /// # Errors
    /// A key below the top level is unknown, or a value does not parse.
    pub fn root<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.figment.extract().map_err(|error| Error::Unreadable(explain(error)))
    }

    /// Reads one section.
    ///
    /// # Errors
    /// A key is unknown, or a value does not parse.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.figment.extract_inner(name).map_err(|mut error| {
            // The name of the section comes last in the path of the error.
            if !error.path.is_empty() {
                error.path.rotate_right(1);
            }
            Error::Unreadable(explain(error))
        })
    }

    /// Returns every effective value with its origin, in key order. `settings` are the settings as
    /// JSON. Secrets in addresses are hidden.
    pub fn effective(&self, settings: &serde_json::Value) -> Vec<Effective> {
        let mut values = Vec::new();
        self.collect("", settings, &mut values);
        values
    }

    /// Validates settings, and names the layer of a value that makes no sense.
    ///
    /// # Errors
    /// A value makes no sense.
    pub fn validate<T: Validate>(&self, settings: &T, values: &[Effective]) -> Result<(), Error> {
        settings.validate().map_err(|invalid| {
            let group = format!("{}.", invalid.key());
            let inside = |value: &&Effective| value.key == invalid.key() || value.key.starts_with(&group);
            let origin = values.iter().find(inside).map_or_else(|| "default".to_owned(), |value| value.origin.clone());
            Error::Invalid { invalid, origin }
        })
    }

    fn refuse_unknown_keys(&self, defaults: &serde_json::Value) -> Result<(), Error> {
        let known: Vec<&str> = defaults.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let merged: Dict = self.root()?;
        let mut lines = Vec::new();
        for key in merged.keys().filter(|key| !known.contains(&key.as_str())) {
            let origin = self.figment.find_metadata(key).map_or("default", |metadata| &*metadata.name);
            lines.push(unknown(key, &known, origin));
        }
        if lines.is_empty() { Ok(()) } else { Err(Error::Unreadable(lines.join("\n"))) }
    }

    fn collect(&self, prefix: &str, value: &serde_json::Value, into: &mut Vec<Effective>) {
        if let serde_json::Value::Object(fields) = value {
            for (name, value) in fields {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                self.collect(&key, value, into);
            }
            return;
        }
        let origin = origin(&self.figment, self.file.as_deref(), prefix);
        into.push(Effective { key: prefix.to_owned(), value: redact_json(value).to_string(), origin });
    }
}

fn origin(figment: &Figment, file: Option<&Path>, key: &str) -> String {
    match figment.find_metadata(key) {
        Some(metadata) if metadata.name.contains("environment") => "environment".to_owned(),
        Some(metadata) if metadata.name == "flag" => "flag".to_owned(),
        Some(metadata) if metadata.name.contains("TOML") => {
            file.map_or_else(|| "file".to_owned(), |file| format!("file {}", file.display()))
        }
        _ => "default".to_owned(),
    }
}

fn unknown(key: &str, known: &[&str], origin: &str) -> String {
    format!("unknown setting '{key}'; the settings here are {} (from {origin})", known.join(", "))
}

/// Lists everything that is wrong, one line each: the key, the problem, and the layer.
fn explain(errors: figment::Error) -> String {
    let mut lines = Vec::new();
    for error in errors {
        let key = error.path.join(".");
        let origin = error.metadata.as_ref().map_or_else(|| "default".to_owned(), |metadata| metadata.name.to_string());
        let at = if key.is_empty() { String::new() } else { format!("{key}: ") };
        let problem = match &error.kind {
            figment::error::Kind::UnknownField(found, known) => {
                format!("unknown setting '{found}'; the settings here are {}", known.join(", "))
            }
            figment::error::Kind::UnknownVariant(found, known) => {
                format!("unknown value '{found}'; give one of {}", known.join(", "))
            }
            kind => kind.to_string(),
        };
        lines.push(redact(&format!("{at}{problem} (from {origin})")));
    }
    lines.join("\n")
}
