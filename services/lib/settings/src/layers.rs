//! Settings in layers: defaults < TOML file < `MARQUEE__…` environment < flags.
//!
//! Unknown keys are refused at every level, and every effective value knows the layer that it came
//! from.

use std::path::PathBuf;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{Invalid, Source, Validate};

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
pub(crate) struct Flags<'a>(pub(crate) &'a [(String, String)]);

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
    let json = |settings: &T| serde_json::to_value(settings).map_err(|error| Error::Unreadable(error.to_string()));
    let source = Source::read(layers, &json(&T::default())?)?;
    let settings: T = source.root()?;
    let values = source.effective(&json(&settings)?);
    source.validate(&settings, &values)?;
    Ok(Loaded { settings, values })
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
    fn a_section_is_read_alone_and_its_errors_have_dotted_keys() {
        let source = |flags: &[(&str, &str)]| {
            let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            Source::read(&Layers { file: None, flags }, &serde_json::json!({"inner": {"depth": 1, "width": 2}}))
        };
        let inner = source(&[("inner.depth", "5")]).expect("reads").section::<Inner>("inner").expect("parses");
        assert_eq!(inner, Inner { depth: 5, width: 2 });
        for (key, value, parts) in [
            ("inner.deth", "5", ["inner.deth", "unknown setting 'deth'", "flag"]),
            ("inner.depth", "deep", ["inner.depth", "\"deep\"", "flag"]),
            ("inner", "5", ["inner", "5", "flag"]),
        ] {
            let error = source(&[(key, value)]).expect("reads").section::<Inner>("inner").expect_err("refused");
            assert!(parts.iter().all(|part| error.to_string().contains(part)), "{key}: {error}");
        }
        let error = source(&[("outer.depth", "5")]).expect_err("refused").to_string();
        assert_eq!(error, "unknown setting 'outer'; the settings here are inner (from flag)");
    }

    #[test]
    fn errors_and_values_show_no_password() {
        let address = "redis://me:hunter2@host".to_owned();
        let flags = vec![("name".to_owned(), address.clone())];
        let loaded = load::<Sample>(&Layers { file: None, flags }).expect("loads");
        assert_eq!(loaded.settings.name, address);
        assert_eq!(loaded.values.last().map(|value| value.value.as_str()), Some("\"redis://me:***@host\""));
        let flags = vec![("inner.depth".to_owned(), address)];
        let error = load::<Sample>(&Layers { file: None, flags }).expect_err("refused").to_string();
        assert!(error.contains("***") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let file = Some(PathBuf::from("/nowhere/marquee.toml"));
        assert!(matches!(load::<Sample>(&Layers { file, flags: vec![] }), Err(Error::NoFile(_))));
    }
}
