//! Tables of databases: pages in the order of a watermark column and a key.
//!
//! A round begins before the newest watermark by an overlap, because a transaction that began
//! earlier may end later. What it reads again is left out where it has not changed. Rows that are
//! deleted are not noticed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::invalid::ConfigError;
use crate::secret::SecretPlace;
use crate::source::{Batch, Record, Source, SourceError, position, stored};

/// The overlap of times, and that of numbers.
const OVERLAP: (Duration, f64) = (Duration::from_secs(300), 1_000.0);

/// How far a round goes back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Overlap {
    Number(f64),
    Time(String),
}

/// The settings of a database.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) url: String,
    #[serde(default)]
    password_env: Option<String>,
    #[serde(default)]
    password_file: Option<PathBuf>,
    /// The table, or a statement whose rows are read.
    #[serde(default)]
    table: Option<String>,
    #[serde(default)]
    query: Option<String>,
    /// The column that rises with each change: a time or a number.
    pub(crate) watermark: String,
    /// The column that tells rows with the same watermark apart.
    pub(crate) key: String,
    #[serde(default)]
    overlap: Option<Overlap>,
    /// The longest time of a statement.
    #[serde(default = "statement_timeout", with = "humantime_serde")]
    pub(crate) statement_timeout: Duration,
    /// A file of certificates (PEM) to trust instead of those of the system.
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether a server on another machine may be used unencrypted.
    #[serde(default)]
    pub(crate) allow_plain: bool,
}

const fn statement_timeout() -> Duration {
    Duration::from_secs(60)
}

impl Settings {
    /// Checks all but the address. `schemes` are those of the address.
    pub(crate) fn checked(self, schemes: &[&str]) -> Result<Self, ConfigError> {
        let wrong = |key: &str, reason: String| Err(ConfigError::new(key, reason));
        let scheme = self.url.split_once("://").map_or("", |(scheme, _)| scheme);
        if !schemes.contains(&scheme) {
            let scheme = schemes.first().copied().unwrap_or_default();
            return wrong("url", format!("is no address of such a database; give {scheme}://USER@HOST:PORT/DATABASE"));
        }
        let user = self.url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()?.rsplit_once('@'));
        if user.is_some_and(|(user, _)| user.contains(':')) {
            return wrong("url", "has a password; give it by password_env or password_file".to_owned());
        }
        match (&self.table, &self.query) {
            (None, None) => return wrong("table", "is missing; give a table, or a statement in `query`".to_owned()),
            (Some(_), Some(_)) => return wrong("query", "is set beside table; give one of them".to_owned()),
            (None, Some(query)) if query.contains(';') => {
                return wrong("query", "has a `;`; give one SELECT without it".to_owned());
            }
            _ => {}
        }
        for (key, column) in [("watermark", &self.watermark), ("key", &self.key)] {
            if column.is_empty() || column.contains('\0') {
                return wrong(key, "is no name of a column".to_owned());
            }
        }
        if self.statement_timeout < Duration::from_millis(1) {
            return wrong("statement_timeout", "is 0; give a time like 60s".to_owned());
        }
        self.time_overlap()?;
        self.number_overlap()?;
        self.password()?;
        Ok(self)
    }

    pub(crate) fn password(&self) -> Result<SecretPlace, ConfigError> {
        let names = ("password_env", "password_file");
        let place = SecretPlace::of(self.password_env.as_ref(), self.password_file.as_ref(), names);
        place.map_err(|(key, reason)| ConfigError::new(key, reason))
    }

    /// Returns the overlap of times.
    pub(crate) fn time_overlap(&self) -> Result<Duration, ConfigError> {
        let wrong = || ConfigError::new("overlap", "is no time and no number; give one like \"5m\" or 1000");
        match &self.overlap {
            None => Ok(OVERLAP.0),
            Some(Overlap::Number(number)) => Duration::try_from_secs_f64(*number).map_err(|_| wrong()),
            Some(Overlap::Time(text)) => {
                #[derive(Deserialize)]
                struct Time(#[serde(with = "humantime_serde")] Duration);
                let time: Result<Time, _> = serde_json::from_value(Value::String(text.clone()));
                time.map(|time| time.0).map_err(|_| wrong())
            }
        }
    }

    /// Returns the overlap of numbers.
    pub(crate) fn number_overlap(&self) -> Result<f64, ConfigError> {
        match &self.overlap {
            Some(Overlap::Number(number)) if number.is_finite() && *number >= 0.0 => Ok(*number),
            Some(Overlap::Number(number)) => Err(ConfigError::new("overlap", format!("is {number}; give at least 0"))),
            Some(Overlap::Time(_)) | None => Ok(OVERLAP.1),
        }
    }

    /// Returns the statement whose rows are read.
    pub(crate) fn statement(&self, quote: impl Fn(&str) -> String) -> String {
        match (&self.table, &self.query) {
            (Some(table), _) => {
                format!("SELECT * FROM {}", table.split('.').map(quote).collect::<Vec<_>>().join("."))
            }
            (None, query) => query.clone().unwrap_or_default(),
        }
    }

    pub(crate) fn identity(&self) -> String {
        let of = self.statement(str::to_owned);
        format!("{of} by {}, {}", self.watermark, self.key)
    }

    /// Returns whether the server is on this machine.
    pub(crate) fn is_loopback(&self, host: &str) -> bool {
        matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]") || host.starts_with('/')
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The row as JSON.
    pub(crate) json: String,
    pub(crate) watermark: String,
    pub(crate) key: String,
    /// The watermark as a number: seconds of a time.
    pub(crate) order: f64,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Begin {
    /// At the first row.
    Start,
    /// At a watermark less the overlap.
    Overlap(String),
    /// After a row, by its watermark and key.
    After(String, String),
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Page {
    pub(crate) columns: BTreeMap<String, String>,
    pub(crate) rows: Vec<Row>,
    /// The overlap in the unit of [`Row::order`].
    pub(crate) overlap: f64,
    /// Whether some rows have no watermark or no key, and are never read. `None`: it was not looked
    /// for.
    pub(crate) has_nulls: Option<bool>,
}

/// A database.
#[async_trait]
pub(crate) trait Database: Debug + Send {
    /// Drops the connection.
    fn close(&mut self);

    /// Returns a page of at most `most` rows. Connects if there is no connection.
    async fn page(&mut self, from: &Begin, most: usize) -> Result<Page, SourceError>;
}

/// The position in a table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// The newest watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<String>,
    /// The same as a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<f64>,
}

/// A table of a database.
#[derive(Debug)]
pub(crate) struct Tables<D> {
    database: D,
    /// What was asked, for people.
    query: String,
    position: Position,
    /// The last row of this round, by its watermark and key.
    cursor: Option<(String, String)>,
    is_over: bool,
}

impl<D: Database> Tables<D> {
    pub(crate) fn new(database: D, query: String) -> Self {
        Self { database, query, position: Position::default(), cursor: None, is_over: false }
    }
}

#[async_trait]
impl<D: Database> Source for Tables<D> {
    async fn begin(&mut self, from: &Value) -> Result<(), SourceError> {
        self.position = position(from)?;
        self.cursor = None;
        self.is_over = false;
        Ok(())
    }

    async fn next(&mut self, most: usize) -> Result<Option<Batch>, SourceError> {
        if self.is_over {
            return Ok(None);
        }
        let from = match (&self.cursor, &self.position.watermark) {
            (Some((watermark, key)), _) => Begin::After(watermark.clone(), key.clone()),
            (None, Some(watermark)) => Begin::Overlap(watermark.clone()),
            (None, None) => Begin::Start,
        };
        let page = self.database.page(&from, most).await;
        // After a failure the state of the connection is unknown.
        let Page { columns, rows, overlap, has_nulls } = page.inspect_err(|_| self.database.close())?;
        self.is_over = rows.len() < most;
        let mut notices = Vec::new();
        if has_nulls == Some(true) {
            notices.push("some rows have no watermark or no key: they are never read".to_owned());
        }
        let place = |row: &Row| format!("{}, {}", row.watermark, row.key);
        let range = (rows.first().map(place).unwrap_or_default(), rows.last().map(place).unwrap_or_default());
        if let Some(last) = rows.last() {
            self.cursor = Some((last.watermark.clone(), last.key.clone()));
            // A round begins behind what is known.
            if self.position.order.is_none_or(|order| last.order >= order) {
                self.position = Position { watermark: Some(last.watermark.clone()), order: Some(last.order) };
            }
        }
        let keep_from = Some(self.position.order.unwrap_or_default() - overlap);
        let records = rows.into_iter().map(|row| Record {
            place: format!("row {} of {}", row.key, row.watermark),
            raw: Bytes::from(row.json),
            order: Some(row.order),
            ..Record::default()
        });
        Ok(Some(Batch {
            records: records.collect(),
            position: stored(&self.position)?,
            query: self.query.clone(),
            range,
            columns: Some(columns),
            is_uniform: true,
            keep_from,
            notices,
            ..Batch::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Settings, ConfigError> {
        let settings: Settings = toml::from_str(text).map_err(|error| ConfigError::new("", error.to_string()))?;
        settings.checked(&["postgres"])
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let base = "url = \"postgres://u@h/d\"\nwatermark = \"w\"\nkey = \"k\"\n";
        for (text, key) in [
            (format!("{base}table = \"t\"\nquery = \"q\""), "query"),
            (base.to_owned(), "table"),
            (format!("{base}query = \"SELECT 1; DROP TABLE t\""), "query"),
            (format!("{base}table = \"t\"\noverlap = \"soon\""), "overlap"),
            (format!("{base}table = \"t\"\noverlap = -1"), "overlap"),
            (format!("{base}table = \"t\"\nstatement_timeout = \"0s\""), "statement_timeout"),
            (format!("{base}table = \"t\"\npassword_env = \"A\"\npassword_file = \"b\""), "password_file"),
            (base.replace("postgres", "http"), "url"),
            (base.replace("u@", "u:secret@"), "url"),
        ] {
            let error = settings(&text).expect_err(&text);
            assert!(error.key == key && !error.to_string().contains("secret"), "{text}: {error}");
        }
        let valid = settings(&format!("{base}table = \"public.t\"\noverlap = \"10m\"")).expect("valid");
        assert_eq!(valid.time_overlap(), Ok(Duration::from_secs(600)));
        assert_eq!(valid.statement(|name| format!("\"{name}\"")), "SELECT * FROM \"public\".\"t\"");
    }
}
