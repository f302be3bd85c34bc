//! The configuration: one TOML table a source.
//!
//! ```toml
//! [sources.shop]
//! kind = "postgres"
//! url = "postgres://reader@db.example.com/shop"
//! password_env = "SHOP_PASSWORD"
//! table = "public.ratings"
//! watermark = "updated_at"
//! key = "id"
//! columns = { rating = "stars" }
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use marquee_datasets::{Field, Options, Range, ScaleMap, TimeFormat};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::invalid::ConfigError;
use crate::{files, http, kafka, mysql, postgres};

/// The records of a batch by default, and the most that one call of ingest takes.
const BATCH: (usize, usize) = (1_000, 10_000);

/// The longest name of a source.
const LONGEST_NAME: usize = 64;

/// Settings that every kind has.
const COMMON: [&str; 8] =
    ["content", "columns", "user", "movie_from", "time_format", "zero_is_none", "map_scale", "batch"];

/// A configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The sources, by name.
    pub sources: Vec<SourceConfig>,
    /// The other tables, which are not of this crate.
    pub rest: Table,
}

/// What the records of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Ratings.
    #[default]
    Ratings,
    /// Movies of the catalog.
    Movies,
}

/// The settings of every kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Common {
    content: Content,
    columns: BTreeMap<String, String>,
    user: Option<String>,
    movie_from: Option<String>,
    time_format: Option<String>,
    zero_is_none: bool,
    map_scale: Option<String>,
    batch: usize,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            content: Content::Ratings,
            columns: BTreeMap::new(),
            user: None,
            movie_from: None,
            time_format: None,
            zero_is_none: false,
            map_scale: None,
            batch: BATCH.0,
        }
    }
}

/// A source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceConfig {
    pub(crate) name: String,
    pub(crate) content: Content,
    pub(crate) map_scale: Option<Range>,
    pub(crate) batch: usize,
    pub(crate) kind: KindConfig,
    columns: Vec<(Field, String)>,
    user: Option<String>,
    movie_from_title: bool,
    time_format: Option<TimeFormat>,
    zero_is_none: bool,
}

/// The settings of a kind of source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum KindConfig {
    Postgres(postgres::Settings),
    Mysql(mysql::Settings),
    Http(Box<http::Settings>),
    Files(files::Settings),
    Kafka(Box<kafka::Settings>),
}

impl KindConfig {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Mysql(_) => "mysql",
            Self::Http(_) => "http",
            Self::Files(_) => "files",
            Self::Kafka(_) => "kafka",
        }
    }
}

impl Config {
    /// Parses a configuration. Paths in it are relative to `folder`.
    ///
    /// # Errors
    /// The key that is wrong, and what to do.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let mut rest: Table = toml::from_str(text)
            .map_err(|error| ConfigError::new("the file", format!("is not TOML: {}", error.message())))?;
        let none = || ConfigError::new("sources", "there is none; describe one in a table like [sources.shop]");
        let sources = rest.remove("sources").ok_or_else(none)?;
        let Value::Table(sources) = sources else { return Err(none()) };
        if sources.is_empty() {
            return Err(none());
        }
        let parse = |(name, value): (String, Value)| {
            let key = format!("sources.{name}");
            SourceConfig::parse(name, value, folder).map_err(|error| error.within(&key))
        };
        Ok(Self { sources: sources.into_iter().map(parse).collect::<Result<_, _>>()?, rest })
    }
}

impl SourceConfig {
    fn parse(name: String, value: Value, folder: &Path) -> Result<Self, ConfigError> {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
            let reason = format!("is no name of a source; use a to z, 0 to 9, - and _, at most {LONGEST_NAME} of them");
            return Err(ConfigError::new("", reason));
        }
        let Value::Table(mut table) = value else {
            return Err(ConfigError::new("", "is no table; describe the source below it"));
        };
        const KINDS: &str = "give one of postgres, mysql, http, files and kafka";
        let kind = match table.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(_) => return Err(ConfigError::new("kind", format!("is no text; {KINDS}"))),
            None => return Err(ConfigError::new("kind", format!("is missing; {KINDS}"))),
        };
        let common: Table = COMMON.iter().filter_map(|key| Some(((*key).to_owned(), table.remove(*key)?))).collect();
        let common: Common = read(common)?;
        let kind = match kind.as_str() {
            "postgres" => KindConfig::Postgres(read::<postgres::Settings>(table)?.checked()?),
            "mysql" | "mariadb" => KindConfig::Mysql(read::<mysql::Settings>(table)?.checked()?),
            "http" => KindConfig::Http(Box::new(read::<http::Settings>(table)?.checked()?)),
            "files" => KindConfig::Files(read::<files::Settings>(table)?.checked(folder)?),
            "kafka" => KindConfig::Kafka(Box::new(read::<kafka::Settings>(table)?.checked()?)),
            other => return Err(ConfigError::new("kind", format!("'{other}' is no kind of source; {KINDS}"))),
        };
        common.source(name, kind)
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the kind.
    pub fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// Returns what its position belongs to.
    pub(crate) fn identity(&self) -> String {
        let asked = match &self.kind {
            KindConfig::Postgres(settings) => settings.identity(),
            KindConfig::Mysql(settings) => settings.identity(),
            KindConfig::Http(settings) => settings.identity(),
            KindConfig::Files(settings) => settings.identity(),
            KindConfig::Kafka(settings) => settings.identity(),
        };
        format!("{} {asked}", self.kind.name())
    }

    /// Returns how its records are read.
    pub(crate) fn options(&self, map: Option<ScaleMap>) -> Options {
        Options {
            columns: self.columns.clone(),
            user: self.user.clone(),
            movie_from_title: self.movie_from_title,
            time_format: self.time_format.clone(),
            zero_is_none: self.zero_is_none,
            map,
            ..Options::default()
        }
    }
}

impl Common {
    fn source(self, name: String, kind: KindConfig) -> Result<SourceConfig, ConfigError> {
        let wrong = |key: &str| {
            let key = key.to_owned();
            move |reason: String| ConfigError::new(key, reason)
        };
        let mut columns = Vec::new();
        for (field, column) in self.columns {
            let parsed: Field = field.parse().map_err(wrong(&format!("columns.{field}")))?;
            columns.push((parsed, column));
        }
        let movie_from_title = match self.movie_from.as_deref() {
            None => false,
            Some("title+year" | "title") => true,
            Some(other) => {
                let reason = format!("'{other}' is not known; leave it out, or give \"title+year\"");
                return Err(ConfigError::new("movie_from", reason));
            }
        };
        if !(1..=BATCH.1).contains(&self.batch) {
            return Err(ConfigError::new("batch", format!("is {}; give 1 to {}", self.batch, BATCH.1)));
        }
        let time_format =
            self.time_format.map(|text| text.parse::<TimeFormat>()).transpose().map_err(wrong("time_format"))?;
        let map_scale = self.map_scale.map(|text| text.parse::<Range>()).transpose().map_err(wrong("map_scale"))?;
        Ok(SourceConfig {
            name,
            content: self.content,
            map_scale,
            batch: self.batch,
            kind,
            columns,
            user: self.user,
            movie_from_title,
            time_format,
            zero_is_none: self.zero_is_none,
        })
    }
}

/// Reads a table. An error names the key.
fn read<T: DeserializeOwned>(table: Table) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        let reason = reason.lines().next().unwrap_or_default().to_owned();
        ConfigError::new(if path == "." { String::new() } else { path }, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/marquee"))
    }

    #[test]
    fn a_mistake_is_named_by_its_key_with_what_to_do() {
        let source = |text: &str| format!("[sources.shop]\n{text}");
        for (text, key, told) in [
            ("".to_owned(), "sources", "[sources.shop]"),
            ("[sources]".to_owned(), "sources", "[sources.shop]"),
            ("x".to_owned(), "the file", "TOML"),
            ("[sources.Shop]\nkind = \"http\"".to_owned(), "sources.Shop", "a to z"),
            (source("url = 1"), "sources.shop.kind", "postgres"),
            (source("kind = \"ftp\""), "sources.shop.kind", "'ftp'"),
            (source("kind = \"http\"\nurl = 1"), "sources.shop.url", "string"),
            (source("kind = \"http\""), "sources.shop", "missing field `url`"),
            (source("kind = \"http\"\nurl = \"ftp://a\""), "sources.shop.url", "http"),
            (source("kind = \"http\"\nurl = \"http://a\"\npasing = \"page\""), "sources.shop.pasing", "unknown field"),
            (source("kind = \"http\"\nurl = \"http://a\"\nbatch = 0"), "sources.shop.batch", "1 to 10000"),
            (
                source("kind = \"http\"\nurl = \"http://a\"\ncolumns = { plot = \"x\" }"),
                "sources.shop.columns.plot",
                "user",
            ),
            (source("kind = \"http\"\nurl = \"http://a\"\ntime_format = \"x\""), "sources.shop.time_format", "iso"),
            (source("kind = \"http\"\nurl = \"http://a\"\nmap_scale = \"9\""), "sources.shop.map_scale", "0..10"),
            (
                source("kind = \"http\"\nurl = \"http://a\"\nmovie_from = \"id\""),
                "sources.shop.movie_from",
                "title+year",
            ),
        ] {
            let error = parse(&text).expect_err(&text);
            assert!(error.key == key && error.reason.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_source_has_the_settings_of_all_kinds_and_those_of_its_own() {
        let config = parse(
            "objects = 1\n[sources.shop]\nkind = \"http\"\nurl = \"http://a/r\"\nuser = \"me\"\nzero_is_none = true\n\
             columns = { rating = \"stars\" }\nmap_scale = \"0..10\"\n[sources.b]\nkind = \"files\"\npaths = [\"x.csv\"]",
        )
        .expect("valid");
        assert!(config.rest.contains_key("objects"));
        let shop = config.sources.iter().find(|source| source.name() == "shop").expect("there");
        assert_eq!((shop.kind(), shop.batch), ("http", 1_000));
        let options = shop.options(None);
        assert_eq!(options.columns, [(Field::Rating, "stars".to_owned())]);
        assert!(options.zero_is_none && options.user.as_deref() == Some("me") && shop.map_scale.is_some());
    }
}
