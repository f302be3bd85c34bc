//! What a source of records is: batches of raw records, each with the position after it.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::Timestamp;
use serde_json::Value;

/// A record as the source has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// The bytes of the source.
    pub raw: Bytes,
    /// The record as a JSON object, if `raw` is none. Empty if `raw` could not be read.
    pub json: Option<Bytes>,
    /// The place in the source, for people: a file with a byte, a page, a row.
    pub place: String,
    /// The time that the source itself gives the record, for records without another.
    pub time: Option<Timestamp>,
    /// The place among records that may be read again, such as the watermark in seconds. Records
    /// with it are compared with those that were read before, and left out if they are equal.
    pub order: Option<f64>,
}

impl Record {
    /// Returns the record as JSON.
    pub(crate) fn json(&self) -> &[u8] {
        self.json.as_ref().unwrap_or(&self.raw)
    }
}

/// Some records of a source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// The records, in the order of the source.
    pub records: Vec<Record>,
    /// The position after the last of them.
    pub position: Value,
    /// What was asked, without secrets: a statement, an address, a path.
    pub query: String,
    /// From where to where the records reach, for people and for the lineage.
    pub range: (String, String),
    /// The columns with their types, if the source declares them.
    pub columns: Option<BTreeMap<String, String>>,
    /// Whether all records have the same columns, so that a column that is missing in all of them
    /// is gone.
    pub is_uniform: bool,
    /// Records with a lower order are not read again.
    pub keep_from: Option<f64>,
    /// Lines and other parts that are no records, such as other requests in an access log.
    pub skipped: u64,
    /// What people should know, such as a file that was cut off.
    pub notices: Vec<String>,
}

/// A source of records.
#[async_trait]
pub trait Source: Debug + Send {
    /// Starts at a position, which is `Null` at the very beginning. Also called after an error of
    /// [`Self::next`].
    ///
    /// # Errors
    /// The source does not answer, or the position is not one of this source.
    async fn begin(&mut self, position: &Value) -> Result<(), SourceError>;

    /// Returns the next records, about `most` of them. `None` if there are no more now.
    ///
    /// # Errors
    /// The source does not answer, or answers with something else.
    async fn next(&mut self, most: usize) -> Result<Option<Batch>, SourceError>;
}

/// Why a source returned no records. `Display` says what was being done, and the cause is the
/// source.
#[derive(Debug)]
pub struct SourceError {
    doing: String,
    is_passing: bool,
    wait: Option<Duration>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl SourceError {
    /// Returns a failure that may pass.
    pub fn passing(doing: impl Into<String>, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { doing: doing.into(), is_passing: true, wait: None, cause: Some(cause.into()) }
    }

    /// Returns a failure that stays until something is changed.
    pub fn lasting(doing: impl Into<String>, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { doing: doing.into(), is_passing: false, wait: None, cause: Some(cause.into()) }
    }

    /// Sets the time that the source asks to wait.
    pub fn with_wait(mut self, wait: Option<Duration>) -> Self {
        self.wait = wait;
        self
    }

    /// Returns whether the same call may succeed later.
    pub fn is_passing(&self) -> bool {
        self.is_passing
    }

    /// Returns the time that the source asks to wait, if it does.
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl StdError for SourceError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn StdError + 'static))
    }
}

/// Returns a position, which this program wrote earlier, in the form of a source.
pub(crate) fn position<T: serde::de::DeserializeOwned + Default>(position: &Value) -> Result<T, SourceError> {
    if position.is_null() {
        return Ok(T::default());
    }
    let read = serde_json::from_value(position.clone());
    read.map_err(|error| SourceError::lasting("read the stored position", error))
}

/// Returns a position as it is stored.
pub(crate) fn stored<T: serde::Serialize>(position: &T) -> Result<Value, SourceError> {
    serde_json::to_value(position).map_err(|error| SourceError::lasting("store a position", error))
}
