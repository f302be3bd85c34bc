//! What a round of a collector did.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::schema::Drift;

/// The rejections that a report has in full.
const SHOWN: usize = 5;

/// A record that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The place of the record in its source.
    pub place: String,
    /// The stable upper-case reason.
    pub reason: String,
    /// What is wrong and how to fix it.
    pub message: String,
}

/// What a round did.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Collected {
    /// The name of the source.
    pub source: String,
    /// Records that were new.
    pub records: u64,
    /// Records that were read again and left out.
    pub repeated: u64,
    /// Lines that are no records, such as other requests in an access log.
    pub skipped: u64,
    /// Batches that were stored.
    pub batches: u64,
    /// Ratings that are in the log now.
    pub accepted: u64,
    /// Records that could not be read, or that ingest refused.
    pub rejected: u64,
    /// The number of rejected records for each reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first records that were rejected.
    pub rejections: Vec<Rejection>,
    /// Records that say that there is no rating.
    pub unrated: u64,
    /// Movies that were added to the catalog.
    pub movies: u64,
    /// How the columns of the source changed.
    pub drift: Vec<Drift>,
    /// What people should know.
    pub notices: Vec<String>,
    /// Calls to the source that failed and were repeated.
    pub retries: u64,
}

impl Collected {
    /// Counts records that were rejected without more words.
    pub(crate) fn leave_out(&mut self, count: u64) {
        if count > 0 {
            self.rejected += count;
            *self.reasons.entry("MALFORMED".to_owned()).or_default() += count;
        }
    }

    pub(crate) fn reject(&mut self, place: &str, reason: &str, message: String) {
        self.rejected += 1;
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        if self.rejections.len() < SHOWN {
            self.rejections.push(Rejection { place: place.to_owned(), reason: reason.to_owned(), message });
        }
    }
}
