//! JSON APIs over HTTP: pages by number, by offset, by cursor or by the header `Link` (RFC 8288).
//!
//! A round ends at a page without a successor. The next round asks for that page again, with its
//! `ETag` (RFC 9110, section 13.1.2), and leaves out the records that it has. With
//! `since_parameter`, each round instead asks from the first page on for what changed since the
//! newest watermark.

mod call;
mod paging;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::invalid::ConfigError;
use crate::secret::SecretPlace;
use crate::source::{Batch, Record, Source, SourceError, position, stored};
use call::{Answer, Caller};
use paging::{Next, Place};

/// How pages follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Paging {
    /// There is one page.
    #[default]
    None,
    /// Pages have numbers.
    Page,
    /// Pages begin at a record.
    Offset,
    /// Each page has the cursor of the next.
    Cursor,
    /// Each page has the address of the next in its header `Link`.
    Link,
}

/// The settings of an API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The address of the first page.
    pub(crate) url: String,
    /// The path of the list of records in a page. By default it is the page, or its only list.
    #[serde(default)]
    records: Option<String>,
    #[serde(default)]
    paging: Paging,
    /// The parameter with the number, the offset or the cursor.
    #[serde(default)]
    parameter: Option<String>,
    /// The number of the first page.
    #[serde(default = "one")]
    first_page: u64,
    /// The parameter with the size of a page, and the size.
    #[serde(default)]
    size_parameter: Option<String>,
    #[serde(default = "page_size")]
    page_size: u64,
    /// The path of the next cursor in a page.
    #[serde(default)]
    cursor: Option<String>,
    /// The parameter with the newest watermark, and the path of the watermark in a record.
    #[serde(default)]
    since_parameter: Option<String>,
    #[serde(default)]
    watermark: Option<String>,
    /// Headers of each request.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The variable or the file with a token, which is sent as `Authorization: Bearer`.
    #[serde(default)]
    token_env: Option<String>,
    #[serde(default)]
    token_file: Option<PathBuf>,
    /// The longest time of a request.
    #[serde(default = "timeout", with = "humantime_serde")]
    timeout: Duration,
    /// The largest page in bytes.
    #[serde(default = "max_bytes")]
    max_bytes: u64,
    /// A file of certificates (PEM) to trust instead of those of the system.
    #[serde(default)]
    ca_file: Option<PathBuf>,
}

const fn one() -> u64 {
    1
}

const fn page_size() -> u64 {
    100
}

const fn timeout() -> Duration {
    Duration::from_secs(30)
}

const fn max_bytes() -> u64 {
    16 << 20
}

impl Settings {
    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        let wrong = |key: &str, reason: &str| Err(ConfigError::new(key, reason));
        match Url::parse(&self.url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                if !url.username().is_empty() || url.password().is_some() {
                    return wrong("url", "has a user or a password; give a token by token_env or token_file");
                }
            }
            _ => return wrong("url", "is no address of an API; give one like https://shop.example.com/api/ratings"),
        }
        let needs_parameter = matches!(self.paging, Paging::Page | Paging::Offset | Paging::Cursor);
        if needs_parameter && self.parameter.is_none() {
            return wrong("parameter", "is missing; name the parameter with the page, the offset or the cursor");
        }
        if self.paging == Paging::Cursor && self.cursor.is_none() {
            return wrong("cursor", "is missing; give the path of the next cursor in a page, such as meta.next");
        }
        if self.since_parameter.is_some() != self.watermark.is_some() {
            return wrong("watermark", "and since_parameter belong together; give both or neither");
        }
        if self.page_size == 0 {
            return wrong("page_size", "is 0; give at least 1");
        }
        if self.max_bytes == 0 || self.max_bytes > 1 << 30 {
            return wrong("max_bytes", "is not within 1 and 1073741824");
        }
        if self.timeout.is_zero() {
            return wrong("timeout", "is 0; give a time like 30s");
        }
        for (name, value) in &self.headers {
            let is_valid = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok();
            if !is_valid || name.eq_ignore_ascii_case("authorization") {
                let reason = "is no header that can be sent here; give a token by token_env or token_file";
                return wrong(&format!("headers.{name}"), reason);
            }
        }
        self.token()?;
        Ok(self)
    }

    fn token(&self) -> Result<SecretPlace, ConfigError> {
        let place = SecretPlace::of(self.token_env.as_ref(), self.token_file.as_ref(), ("token_env", "token_file"));
        place.map_err(|(key, reason)| ConfigError::new(key, reason))
    }

    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): (&String, &String)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        };
        self.headers.iter().filter_map(pair).collect()
    }

    pub(crate) fn identity(&self) -> String {
        self.url.clone()
    }
}

/// The position in an API.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// The next page, or the last page of a round.
    place: Place,
    /// The validator of that page, if it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// The number of pages before it, by which records that are read again are known.
    pages: u64,
    /// The number of rounds that ended, where each begins again.
    rounds: u64,
    /// The newest watermark of the rounds that ended, and of this round.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<Value>,
}

/// An API.
#[derive(Debug)]
pub(crate) struct Http {
    settings: Settings,
    caller: Caller,
    position: Position,
    /// Whether the round is over.
    is_over: bool,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Result<Self, ConfigError> {
        let caller = Caller::new(&settings)?;
        Ok(Self { settings, caller, position: Position::default(), is_over: false })
    }

    /// Returns the address of the next page.
    fn address(&self) -> Result<Url, SourceError> {
        let since = self.settings.since_parameter.as_deref().zip(self.position.since.as_ref());
        paging::address(&self.settings, &self.position.place, since)
            .map_err(|error| SourceError::lasting("make the address of the next page", error))
    }
}

#[async_trait]
impl Source for Http {
    async fn begin(&mut self, from: &Value) -> Result<(), SourceError> {
        self.position = position(from)?;
        self.is_over = false;
        Ok(())
    }

    async fn next(&mut self, _: usize) -> Result<Option<Batch>, SourceError> {
        if self.is_over {
            return Ok(None);
        }
        let url = self.address()?;
        let query = format!("GET {url}");
        let answer = self.caller.get(&url, self.position.etag.as_deref()).await?;
        let Answer::Page { body, etag, link } = answer else {
            // The last page of the last round has not changed.
            self.is_over = true;
            return Ok(None);
        };
        // A proxy may have answered in place of the API.
        let wrong = |error: String| SourceError::passing(format!("read the answer of {url}"), error);
        let page: Value = serde_json::from_slice(&body).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
        let raw = paging::records(&body, self.settings.records.as_deref()).map_err(wrong)?;
        let count = raw.len() as u64;
        let records: Vec<Record> = (1..).zip(&raw).map(|(number, raw)| self.record(raw, &query, number)).collect();
        for record in &records {
            self.position.newest = paging::newer(self.position.newest.take(), self.watermark(record));
        }
        let next = paging::next(&self.settings, &self.position.place, &url, (&page, count, link.as_deref()));
        let (pages, rounds) = (self.position.pages, self.position.rounds);
        let is_again = self.settings.since_parameter.is_some();
        match next.map_err(wrong)? {
            Next::Page(place) => {
                self.position.place = place;
                self.position.etag = None;
                self.position.pages += 1;
            }
            Next::End if is_again => {
                // The next round begins again, at what is newer.
                self.position.place = Place::Start;
                self.position.since = self.position.newest.clone();
                self.position.pages = 0;
                self.position.rounds += 1;
                self.is_over = true;
            }
            Next::End => {
                self.position.etag = etag;
                self.is_over = true;
            }
        }
        // A round that begins again may return what the round before it returned.
        let keep_from = if is_again { rounds.saturating_sub(1) } else { pages };
        Ok(Some(Batch {
            records,
            position: stored(&self.position)?,
            query,
            range: (pages.to_string(), count.to_string()),
            is_uniform: true,
            keep_from: Some(keep_from as f64),
            ..Batch::default()
        }))
    }
}

impl Http {
    fn record(&self, raw: &RawValue, query: &str, number: u64) -> Record {
        let Position { pages, rounds, .. } = self.position;
        let order = if self.settings.since_parameter.is_some() { rounds } else { pages };
        Record {
            raw: Bytes::copy_from_slice(raw.get().as_bytes()),
            place: format!("{query}, record {number}"),
            order: Some(order as f64),
            ..Record::default()
        }
    }

    fn watermark(&self, record: &Record) -> Option<Value> {
        let path = self.settings.watermark.as_deref()?;
        let value: Value = serde_json::from_slice(&record.raw).ok()?;
        paging::at(&value, path).filter(|value| !value.is_null()).cloned()
    }
}
