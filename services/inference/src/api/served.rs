//! Served predictions as records of the topic, and the ids of requests.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderMap;
use bytes::Bytes;
use marquee_ports::NewRecord;
use marquee_proto::convert;
use marquee_proto::prediction::v1 as pb;
use marquee_proto::record::{CONTENT_TYPE, PROTOBUF, encode_served};
use tokio::time::Instant;

use super::{Service, wire};
use crate::rating::{Answer, Caller, Explanation, Prediction, Recommendation};
use crate::served::{Encoded, ServedBy, Shown};

/// The header and the metadata that name a request.
const HEADER: &str = "x-request-id";

/// The longest id of a caller that is taken over, in bytes.
const LONGEST: usize = 128;

/// The id that the caller gave a request, if it is 1 to 128 visible characters of ASCII.
#[derive(Debug, Clone)]
pub(super) struct RequestId(Option<String>);

impl RequestId {
    pub(super) fn of<T>(request: &tonic::Request<T>) -> Self {
        Self::from_text(request.metadata().get(HEADER).and_then(|value| value.to_str().ok()))
    }

    pub(super) fn in_headers(headers: &HeaderMap) -> Self {
        Self::from_text(headers.get(HEADER).and_then(|value| value.to_str().ok()))
    }

    pub(super) fn from_text(text: Option<&str>) -> Self {
        let is_id =
            |text: &&str| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        Self(text.filter(is_id).map(str::to_owned))
    }
}

/// Makes ids for requests whose callers gave none.
#[derive(Debug)]
pub(crate) struct RequestIds {
    /// Tells this process from others.
    prefix: u64,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The keys of the hasher are random.
        Self { prefix: RandomState::new().hash_one(HEADER), next: AtomicU64::new(0) }
    }
}

impl RequestIds {
    fn make(&self) -> String {
        format!("{:016x}-{}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// A request that is being answered.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    id: RequestId,
    at: Instant,
}

/// An answer with predictions.
pub(super) trait Shows {
    const SERVED_BY: ServedBy;

    /// Returns how many predictions the answer has.
    fn count(&self) -> usize;

    fn shown(&self) -> Vec<Prediction>;
}

impl Shows for Vec<Prediction> {
    const SERVED_BY: ServedBy = ServedBy::Predict;

    fn count(&self) -> usize {
        self.len()
    }

    fn shown(&self) -> Vec<Prediction> {
        self.clone()
    }
}

impl Shows for Vec<Recommendation> {
    const SERVED_BY: ServedBy = ServedBy::Recommend;

    fn count(&self) -> usize {
        self.len()
    }

    fn shown(&self) -> Vec<Prediction> {
        let shown = |one: &Recommendation| Prediction {
            movie: one.movie.id.clone(),
            rating: one.rating,
            spread: one.spread,
            unknown_movie: false,
        };
        self.iter().map(shown).collect()
    }
}

impl Shows for Explanation {
    const SERVED_BY: ServedBy = ServedBy::Explain;

    fn count(&self) -> usize {
        1
    }

    fn shown(&self) -> Vec<Prediction> {
        vec![self.prediction.clone()]
    }
}

impl Service {
    pub(super) fn begin(&self, id: RequestId) -> Begun {
        Begun { id, at: Instant::now() }
    }

    /// Logs what a user is shown, if the user is in the sample.
    pub(super) fn record<T: Shows>(&self, begun: Begun, caller: &Caller, answer: &Answer<T>) {
        // Under load most answers have no room, and cost nothing then.
        let Some(places) = self.0.served.room(&caller.user, answer.value.count()) else { return };
        places.put(Shown {
            request_id: begun.id.0.unwrap_or_else(|| self.0.request_ids.make()),
            user: caller.user.clone(),
            served_by: T::SERVED_BY,
            provenance: answer.provenance.clone(),
            latency: begun.at.elapsed(),
            predicted_at: self.0.clock.now(),
            predictions: answer.value.shown(),
        });
    }
}

/// The most movies of a record.
const MOST_MOVIES: usize = 200;

/// Makes the records of an answer.
pub(crate) fn encode(shown: &Shown) -> Vec<Encoded> {
    let key = Bytes::copy_from_slice(shown.user.as_str().as_bytes());
    let headers = vec![(CONTENT_TYPE.to_owned(), Bytes::from_static(PROTOBUF.as_bytes()))];
    let common = common(shown);
    let record = |(chunk, movies): (usize, &[Prediction])| {
        let (first, more) = movies.split_first()?;
        let movie = |one: &Prediction| pb::ServedMovie {
            movie_id: one.movie.as_str().to_owned(),
            rating: one.rating,
            spread: one.spread,
            unknown_movie: one.unknown_movie,
        };
        let message = pb::ServedPrediction {
            movie_id: first.movie.as_str().to_owned(),
            rating: first.rating,
            spread: first.spread,
            unknown_movie: first.unknown_movie,
            index: u32::try_from(chunk * MOST_MOVIES).unwrap_or(u32::MAX),
            more: more.iter().map(movie).collect(),
            ..common.clone()
        };
        let (key, value) = (Some(key.clone()), encode_served(&message));
        let record = NewRecord { key, value, headers: headers.clone(), timestamp: shown.predicted_at };
        Some(Encoded { record, predictions: movies.len() })
    };
    shown.predictions.chunks(MOST_MOVIES).enumerate().filter_map(record).collect()
}

/// Returns what all predictions of an answer have in common.
fn common(shown: &Shown) -> pb::ServedPrediction {
    let provenance = &shown.provenance;
    let served_by = match shown.served_by {
        ServedBy::Predict => pb::ServedBy::Predict,
        ServedBy::Recommend => pb::ServedBy::Recommend,
        ServedBy::Explain => pb::ServedBy::Explain,
    };
    pb::ServedPrediction {
        request_id: shown.request_id.clone(),
        user_id: shown.user.as_str().to_owned(),
        model: provenance.model.as_str().to_owned(),
        version: provenance.version.0,
        variant: provenance.variant.as_str().to_owned(),
        features: provenance.freshness.map(wire::freshness),
        history_version: provenance.history_version,
        degraded: provenance.degraded,
        latency: Some(shown.latency.into()),
        predicted_at: Some(convert::timestamp(shown.predicted_at)),
        served_by: served_by as i32,
        ..pb::ServedPrediction::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_the_caller_is_taken_over_if_it_is_one() {
        let given = |text: &str| RequestId::from_text(Some(text)).0;
        assert_eq!(given("a-1"), Some("a-1".to_owned()));
        assert_eq!((given(""), given("a b"), given(&"x".repeat(129))), (None, None, None));
        let ids = RequestIds::default();
        let (first, second) = (ids.make(), ids.make());
        assert!(first.ends_with("-0") && second.ends_with("-1") && first[..16] == second[..16], "{first} {second}");
    }
}
