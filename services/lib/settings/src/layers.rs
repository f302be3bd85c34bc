//! Settings in layers: defaults < TOML file < `MARQUEE__…` environment < flags.
//!
//! Unknown keys are refused at every level, and every effective value knows the layer that it came
//! from.

use std::path::{Path, PathBuf};

use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{Invalid, Validate};

/// The prefix of environment variables. Levels are separated by two underscores:
/// `MARQUEE__INGEST__MAX_BATCH=500`.
pub const ENV_PREFIX: &str = "MARQUEE__";

/// The layers above the defaults.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// `key=value` pairs from the command line, with dotted keys.
    pub flags: Vec<(String, String)>,
}

/// Settings could not be read.
#[derive(Debug, Error)]
pub enum Error {
    /// The file does not exist.
    #[error("--config: there is no settings file {0}")]
    NoFile(PathBuf),
    /// A key is unknown, or a value does not parse. Each line names the key and its layer.
    #[error("{0}")]
    Unreadable(String),
    /// A value parses and makes no sense.
    #[error("{invalid} (from {origin})")]
    Invalid {
        /// The setting, and what to give instead.
        invalid: Invalid,
        /// The layer that the value came from.
        origin: String,
    },
}

/// The effective settings.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The settings.
    pub settings: T,
    /// Every value with its origin, in key order.
    pub values: Vec<Effective>,
}

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Dotted key.
    pub key: String,
    /// The value as JSON.
    pub value: String,
    /// `default`, `file PATH`, `environment` or `flag`.
    pub origin: String,
}

/// The flags as a layer of their own, so that origins can name them.
struct Flags<'a>(&'a [(String, String)]);

impl Provider for Flags<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named("flag")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut dict = Dict::new();
        for (key, value) in self.0 {
            let value: Value = value.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
            let nested = figment::util::nest(key, value);
            if let Some(nested) = nested.into_dict() {
                merge(&mut dict, nested);
            }
        }
        Ok(Profile::Default.collect(dict))
    }
}

fn merge(into: &mut Dict, from: Dict) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Dict(_, old)), Value::Dict(_, new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Reads settings from their layers and validates them. `T` refuses unknown fields at every level.
///
/// # Errors
/// The file is missing, a key is unknown, or a value does not parse or makes no sense.
pub fn load<T>(layers: &Layers) -> Result<Loaded<T>, Error>
where
    T: Default + Serialize + DeserializeOwned + Validate,
{
    let mut figment = Figment::from(Serialized::defaults(T::default()));
    if let Some(file) = &layers.file {
        if !file.is_file() {
            return Err(Error::NoFile(file.clone()));
        }
        figment = figment.merge(Toml::file_exact(file));
    }
    figment = figment.merge(Env::prefixed(ENV_PREFIX).split("__")).merge(Flags(&layers.flags));
    let settings: T = figment.extract().map_err(|error| Error::Unreadable(explain(error)))?;
    let mut values = Vec::new();
    let effective = serde_json::to_value(&settings).map_err(|error| Error::Unreadable(error.to_string()))?;
    collect(&figment, layers.file.as_deref(), "", &effective, &mut values);
    settings.validate().map_err(|invalid| {
        let inside =
            |value: &&Effective| value.key == invalid.key() || value.key.starts_with(&format!("{}.", invalid.key()));
        let origin = values.iter().find(inside).map_or_else(|| "default".to_owned(), |value| value.origin.clone());
        Error::Invalid { invalid, origin }
    })?;
    Ok(Loaded { settings, values })
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
        lines.push(format!("{at}{problem} (from {origin})"));
    }
    lines.join("\n")
}

fn collect(figment: &Figment, file: Option<&Path>, prefix: &str, value: &serde_json::Value, into: &mut Vec<Effective>) {
    if let serde_json::Value::Object(fields) = value {
        for (name, value) in fields {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            collect(figment, file, &key, value, into);
        }
        return;
    }
    let origin = match figment.find_metadata(prefix) {
        Some(metadata) if metadata.name.contains("environment") => "environment".to_owned(),
        Some(metadata) if metadata.name == "flag" => "flag".to_owned(),
        Some(metadata) if metadata.name.contains("TOML") => {
            file.map_or_else(|| "file".to_owned(), |file| format!("file {}", file.display()))
        }
        _ => "default".to_owned(),
    };
    into.push(Effective { key: prefix.to_owned(), value: value.to_string(), origin });
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        name: String,
        inner: Inner,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        depth: u32,
        width: u32,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self { name: "x".to_owned(), inner: Inner { depth: 1, width: 2 } }
        }
    }

    impl Validate for Sample {
        fn validate(&self) -> Result<(), Invalid> {
            Invalid::unless(self.inner.depth > 0, "depth", "must be at least 1").map_err(|error| error.within("inner"))
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(file.path(), text).expect("write");
        file
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_beats_the_default() {
        let file = file("[inner]\ndepth = 5\nwidth = 6\n");
        let flags = vec![("inner.width".to_owned(), "7".to_owned())];
        let loaded = load::<Sample>(&Layers { file: Some(file.path().to_owned()), flags }).expect("loads");
        assert_eq!(loaded.settings, Sample { name: "x".to_owned(), inner: Inner { depth: 5, width: 7 } });
        let origins: Vec<_> = loaded.values.iter().map(|v| (v.key.as_str(), v.origin.split(' ').next())).collect();
        let expected = [("inner.depth", Some("file")), ("inner.width", Some("flag")), ("name", Some("default"))];
        assert_eq!(origins, expected);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let file = file("[inner]\ndeth = 5\n");
        let error = load::<Sample>(&Layers { file: Some(file.path().to_owned()), flags: vec![] }).expect_err("refused");
        assert!(error.to_string().contains("deth"), "{error}");
        let flags = vec![("nme".to_owned(), "y".to_owned())];
        assert!(load::<Sample>(&Layers { file: None, flags }).expect_err("refused").to_string().contains("nme"));
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused_with_its_dotted_key_and_layer() {
        let flags = vec![("inner.depth".to_owned(), "0".to_owned())];
        let error = load::<Sample>(&Layers { file: None, flags }).expect_err("refused");
        assert_eq!(error.to_string(), "inner.depth: must be at least 1 (from flag)");
    }

    #[test]
    fn a_missing_file_is_named() {
        let file = Some(PathBuf::from("/nowhere/marquee.toml"));
        assert!(matches!(load::<Sample>(&Layers { file, flags: vec![] }), Err(Error::NoFile(_))));
    }
}
