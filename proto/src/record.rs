//! The values of records: protobuf or JSON, as the header `content-type` says.
//!
//! Marquee writes protobuf. A value without the header is JSON if it starts with `{`, because
//! producers in other languages often send no headers. A decoded value is well formed; whether it
//! fits the scale and the catalog of a deployment is checked elsewhere.

use bytes::Bytes;
use marquee_domain::{Movie, Rating, RatingEvent, Reason, Scale, UserId, Violation};
use prost::Message;
use thiserror::Error;

use crate::convert;
use crate::ratings::v1::{self as pb, rating_event::Event};

/// The name of the header with the encoding.
pub const CONTENT_TYPE: &str = "content-type";

/// The value of the header for protobuf.
pub const PROTOBUF: &str = "application/x-protobuf";

/// The value of the header for JSON.
pub const JSON: &str = "application/json";

/// Why the value of a record does not decode.
#[derive(Debug, Error)]
pub enum Error {
    /// The value is not the protobuf message of its topic.
    #[error("the value does not decode as the protobuf message of its topic")]
    Protobuf(#[source] prost::DecodeError),
    /// The value is not JSON, or JSON of another shape.
    #[error("the value does not parse as the JSON of its topic")]
    Json(#[source] serde_json::Error),
    /// The content type is not supported.
    #[error("content-type '{0}' is not supported: use application/x-protobuf or application/json")]
    ContentType(String),
    /// A field is wrong.
    #[error("{} {}", .0.field, .0.description)]
    Field(Violation),
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Field(violation)
    }
}

fn decode<M>(content_type: Option<&[u8]>, value: &[u8]) -> Result<M, Error>
where
    M: Message + Default + serde::de::DeserializeOwned,
{
    let essence = content_type.map(|text| {
        let text = String::from_utf8_lossy(text);
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    });
    match essence.as_deref() {
        Some(JSON) => serde_json::from_slice(value).map_err(Error::Json),
        Some(PROTOBUF | "application/protobuf" | "application/vnd.google.protobuf") => {
            M::decode(value).map_err(Error::Protobuf)
        }
        Some(other) => Err(Error::ContentType(other.chars().take(80).collect())),
        None if value.first() == Some(&b'{') => serde_json::from_slice(value).map_err(Error::Json),
        None => M::decode(value).map_err(Error::Protobuf),
    }
}

/// Encodes a rating event as protobuf.
pub fn encode_event(event: &RatingEvent) -> Bytes {
    let at = Some(convert::timestamp(event.at()));
    let user_id = event.user().as_str().to_owned();
    let event = match event {
        RatingEvent::Rated(rating) => Event::Rated(pb::Rating {
            user_id,
            movie_id: rating.movie.as_str().to_owned(),
            rating: rating.value,
            rated_at: at,
        }),
        RatingEvent::Removed { movie, .. } => {
            Event::Removed(pb::RatingRemoved { user_id, movie_id: movie.as_str().to_owned(), removed_at: at })
        }
        RatingEvent::UserRemoved { .. } => Event::UserRemoved(pb::UserRemoved { user_id, removed_at: at }),
    };
    pb::RatingEvent { event: Some(event) }.encode_to_vec().into()
}

/// Why a record of the rating topic is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for machines.
    pub reason: Reason,
    /// What is wrong, for people.
    pub message: String,
}

/// Decodes the record of a rating event and checks that it is on the scale and in the partition of
/// its user. Every consumer of the topic calls this, so that all of them accept the same events.
/// `is_home` returns whether the record is in the partition of the user; events of one user in
/// several partitions would have no order.
pub fn event(
    content_type: Option<&[u8]>,
    value: &[u8],
    scale: &Scale,
    is_home: impl FnOnce(&UserId) -> bool,
) -> Result<RatingEvent, Refusal> {
    let event = decode_event(content_type, value)
        .map_err(|error| Refusal { reason: Reason::Malformed, message: error.to_string() })?;
    if !is_home(event.user()) {
        let message = format!(
            "the events of user '{}' belong to another partition: give the record the user's id as its key, and partition by murmur2",
            event.user()
        );
        return Err(Refusal { reason: Reason::WrongPartition, message });
    }
    event
        .on(scale)
        .map_err(|error| Refusal { reason: convert::scale_reason(error), message: format!("rated.rating {error}") })
}

/// Decodes a rating event. Times must be present, because only ingest may fill in the time of
/// receipt.
pub fn decode_event(content_type: Option<&[u8]>, value: &[u8]) -> Result<RatingEvent, Error> {
    let wire: pb::RatingEvent = decode(content_type, value)?;
    let missing = |field: &str| Violation::new(field, Reason::Missing, "is missing: give it");
    let time = |field: &str, time: Option<crate::Timestamp>| {
        convert::from_timestamp(field, &time.ok_or_else(|| missing(field))?)
    };
    Ok(match wire.event.ok_or_else(|| missing("event"))? {
        Event::Rated(rated) => RatingEvent::Rated(Rating {
            user: convert::user_id("rated.user_id", &rated.user_id)?,
            movie: convert::movie_id("rated.movie_id", &rated.movie_id)?,
            value: rated.rating,
            rated_at: time("rated.rated_at", rated.rated_at)?,
        }),
        Event::Removed(removed) => RatingEvent::Removed {
            user: convert::user_id("removed.user_id", &removed.user_id)?,
            movie: convert::movie_id("removed.movie_id", &removed.movie_id)?,
            at: time("removed.removed_at", removed.removed_at)?,
        },
        Event::UserRemoved(removed) => RatingEvent::UserRemoved {
            user: convert::user_id("user_removed.user_id", &removed.user_id)?,
            at: time("user_removed.removed_at", removed.removed_at)?,
        },
    })
}

/// Encodes a movie as protobuf.
pub fn encode_movie(movie: &Movie) -> Bytes {
    convert::movie(movie).encode_to_vec().into()
}

/// Decodes a movie.
pub fn decode_movie(content_type: Option<&[u8]>, value: &[u8]) -> Result<Movie, Error> {
    let wire: pb::Movie = decode(content_type, value)?;
    Ok(convert::from_movie(wire)?)
}

#[cfg(test)]
mod tests {
    use marquee_domain::{MovieId, Timestamp, UserId};
    use proptest::prelude::*;

    use super::*;

    fn rated() -> RatingEvent {
        RatingEvent::Rated(Rating {
            user: UserId::try_new("196").expect("valid"),
            movie: MovieId::try_new("242").expect("valid"),
            value: 3.0,
            rated_at: Timestamp::from_micros(881_250_949_000_001),
        })
    }

    #[test]
    fn an_event_survives_the_log() {
        let at = Timestamp::from_seconds(5);
        let user = UserId::try_new("u").expect("valid");
        let movie = MovieId::try_new("m").expect("valid");
        let removed = RatingEvent::Removed { user: user.clone(), movie, at };
        for event in [rated(), removed, RatingEvent::UserRemoved { user, at }] {
            let value = encode_event(&event);
            assert_eq!(decode_event(Some(PROTOBUF.as_bytes()), &value).expect("decodes"), event);
        }
    }

    #[test]
    fn json_without_a_header_is_accepted() {
        let json = br#"{"rated":{"userId":"196","movieId":"242","rating":3,"ratedAt":"1997-12-04T15:55:49.000001Z"}}"#;
        assert_eq!(decode_event(None, json).expect("decodes"), rated());
        assert_eq!(decode_event(Some(b"application/json; charset=utf-8"), json).expect("decodes"), rated());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let json = br#"{"rated":{"userId":"","movieId":"242","rating":3,"ratedAt":"1997-12-04T15:55:49Z"}}"#;
        let error = decode_event(None, json).expect_err("empty id");
        assert_eq!(error.to_string(), "rated.user_id is empty: give 1 to 128 bytes");
        assert!(matches!(decode_event(Some(b"text/csv"), b"1,2,3"), Err(Error::ContentType(_))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json in any::<bool>()) {
            let header: Option<&[u8]> = json.then_some(b"application/json");
            let _ = decode_event(header, &bytes);
            let _ = decode_movie(header, &bytes);
        }
    }
}
