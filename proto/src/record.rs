//! The values of records: protobuf or JSON, as the header `content-type` says.
//!
//! Marquee writes protobuf. A value without the header is JSON if it starts with `{`, because
//! producers in other languages often send no headers; a byte order mark and blanks may precede it.
//! A decoded value is well formed; whether it fits the scale and the catalog of a deployment is
//! checked elsewhere.

mod value;

use bytes::Bytes;
use marquee_domain::{Movie, Rating, RatingEvent, Reason, Scale, UserId, Violation};
use prost::Message;
use thiserror::Error;

use crate::convert;
use crate::prediction::v1::{ServedMovie, ServedPrediction};
use crate::ratings::v1::{self as pb, rating_event::Event};
use value::{Decoded, decode};

/// The name of the header with the encoding.
pub const CONTENT_TYPE: &str = "content-type";

/// The value of the header for protobuf.
pub const PROTOBUF: &str = "application/x-protobuf";

/// The value of the header for JSON.
pub const JSON: &str = "application/json";

/// Where the JSON of an event has times. The names of proto3 and those of its JSON are both read.
const TIMES: [[&str; 2]; 8] = [
    ["rated", "ratedAt"],
    ["rated", "rated_at"],
    ["removed", "removedAt"],
    ["removed", "removed_at"],
    ["userRemoved", "removedAt"],
    ["userRemoved", "removed_at"],
    ["user_removed", "removedAt"],
    ["user_removed", "removed_at"],
];

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
    /// There are no bytes, as in a tombstone.
    #[error(
        "event is missing: the value is empty, and the rating topic has no tombstones; to remove a rating, write an \
         event `removed`"
    )]
    Empty,
    /// The value is larger than a log accepts it.
    #[error("the value is larger than 1,048,576 bytes: write one event a record")]
    TooLarge,
    /// The value has the prefix that serializers with a schema registry write.
    #[error(
        "the value has the Confluent wire format, with schema id {schema}: write the JSON or protobuf of the event \
         without the prefix, by a serializer without a schema registry"
    )]
    Confluent {
        /// The id of the schema.
        schema: u32,
    },
    /// The value is text in another encoding.
    #[error("the value is UTF-16: write JSON as UTF-8")]
    Utf16,
    /// A time is a number of no known unit.
    #[error(
        "{field} is {number}, which is no time: give RFC 3339, or seconds, milliseconds or microseconds since 1970"
    )]
    Time {
        /// The path of the field.
        field: String,
        /// What the record has.
        number: String,
    },
    /// A field is wrong.
    #[error("{} {}", .0.field, .0.description)]
    Field(Violation),
}

impl Error {
    /// Returns the message with its causes, for people who see neither the record nor a log.
    fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        text
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Field(violation)
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
            rating: Some(rating.value),
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
/// several partitions would have no order. The partition is checked last: a record that is refused
/// with [`Reason::WrongPartition`] is right in all else.
pub fn event(
    content_type: Option<&[u8]>,
    value: &[u8],
    scale: &Scale,
    is_home: impl FnOnce(&UserId) -> bool,
) -> Result<RatingEvent, Refusal> {
    let event = decode_on(Some(scale), content_type, value)
        .map_err(|error| Refusal { reason: Reason::Malformed, message: error.chain() })?;
    let event = event
        .on(scale)
        .map_err(|error| Refusal { reason: convert::scale_reason(error), message: format!("rated.rating {error}") })?;
    if is_home(event.user()) {
        return Ok(event);
    }
    let message = format!(
        "the events of user '{}' belong to another partition: give the record the user's id as its key, and partition by murmur2",
        event.user()
    );
    Err(Refusal { reason: Reason::WrongPartition, message })
}

/// Decodes a rating event of any scale. Times must be present, because only ingest may fill in the
/// time of receipt. Protobuf without a rating is the rating 0; JSON without one is refused.
pub fn decode_event(content_type: Option<&[u8]>, value: &[u8]) -> Result<RatingEvent, Error> {
    decode_on(None, content_type, value)
}

/// Decodes a rating event. The scale is used for absent ratings only; other values may be off it.
///
/// Encoders that do not know that `rating` is optional leave out 0. Earlier releases of ingest were
/// such encoders, so a stored record without a rating may be an acknowledged rating of 0. It stays
/// one where the scale has 0.
fn decode_on(scale: Option<&Scale>, content_type: Option<&[u8]>, value: &[u8]) -> Result<RatingEvent, Error> {
    let Decoded { message: wire, is_json } = decode::<pb::RatingEvent>(content_type, value, &TIMES)?;
    let missing = |field: &str| Violation::new(field, Reason::Missing, "is missing: give it");
    let time = |field: &str, time: Option<crate::Timestamp>| {
        convert::from_timestamp(field, &time.ok_or_else(|| missing(field))?)
    };
    Ok(match wire.event.ok_or_else(|| missing("event"))? {
        Event::Rated(rated) => RatingEvent::Rated(Rating {
            user: convert::user_id("rated.user_id", &rated.user_id)?,
            movie: convert::movie_id("rated.movie_id", &rated.movie_id)?,
            value: match (rated.rating, scale) {
                (Some(value), _) => value,
                (None, Some(scale)) if is_json || scale.check(0.0).is_err() => {
                    return Err(convert::missing_rating("rated.rating", scale).into());
                }
                (None, None) if is_json => return Err(missing("rated.rating").into()),
                (None, _) => 0.0,
            },
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

/// Encodes the predictions of an answer as protobuf.
pub fn encode_served(served: &ServedPrediction) -> Bytes {
    served.encode_to_vec().into()
}

/// Decodes the value of a record of the predictions topic.
pub fn decode_served(content_type: Option<&[u8]>, value: &[u8]) -> Result<ServedPrediction, Error> {
    decode(content_type, value, &[]).map(|decoded| decoded.message)
}

/// Takes the movies of an answer out of a record of the predictions topic, each with its index.
pub fn take_movies(served: &mut ServedPrediction) -> impl Iterator<Item = (u32, ServedMovie)> + use<> {
    let first = ServedMovie {
        movie_id: std::mem::take(&mut served.movie_id),
        rating: served.rating,
        spread: served.spread,
        unknown_movie: served.unknown_movie,
    };
    (served.index..).zip(std::iter::once(first).chain(std::mem::take(&mut served.more)))
}

/// Encodes a movie as protobuf.
pub fn encode_movie(movie: &Movie) -> Bytes {
    convert::movie(movie).encode_to_vec().into()
}

/// Decodes a movie.
pub fn decode_movie(content_type: Option<&[u8]>, value: &[u8]) -> Result<Movie, Error> {
    let decoded = decode::<pb::Movie>(content_type, value, &[])?;
    Ok(convert::from_movie(decoded.message)?)
}

#[cfg(test)]
mod tests {
    use marquee_domain::{MovieId, Timestamp, UserId};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_movie_of_an_answer_has_its_index() {
        let movie = |id: &str| ServedMovie { movie_id: id.to_owned(), rating: 2.0, ..ServedMovie::default() };
        let mut served = ServedPrediction {
            user_id: "u".to_owned(),
            movie_id: "a".to_owned(),
            rating: 2.0,
            index: 200,
            more: vec![movie("b"), movie("c")],
            ..ServedPrediction::default()
        };
        let all: Vec<_> = take_movies(&mut served).collect();
        assert_eq!(all, [(200, movie("a")), (201, movie("b")), (202, movie("c"))]);
        assert!(served.more.is_empty() && served.user_id == "u");
    }

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
    fn what_was_stored_under_an_id_that_is_refused_today_is_still_read() {
        for id in ["..", "a\u{202e}b"] {
            let movie = pb::Movie { movie_id: id.to_owned(), ..pb::Movie::default() };
            let movie = decode_movie(Some(PROTOBUF.as_bytes()), &movie.encode_to_vec()).expect("decodes");
            assert_eq!(movie.id.as_str(), id);
        }
    }

    #[test]
    fn json_without_a_header_is_accepted() {
        let json = br#"{"rated":{"userId":"196","movieId":"242","rating":3,"ratedAt":"1997-12-04T15:55:49.000001Z"}}"#;
        assert_eq!(decode_event(None, json).expect("decodes"), rated());
        assert_eq!(decode_event(Some(b"application/json; charset=utf-8"), json).expect("decodes"), rated());
    }

    #[test]
    fn json_of_other_producers_is_read() {
        let at = |time: &str| format!(r#"{{"rated":{{"userId":"196","movieId":"242","rating":3,"ratedAt":{time}}}}}"#);
        let micros = "881250949000001";
        let quoted = format!("\"{micros}\"");
        for (time, header) in [(micros, None), (micros, Some(JSON)), (&quoted[..], Some("\"text/json\""))] {
            let read = decode_event(header.map(str::as_bytes), at(time).as_bytes());
            assert_eq!(read.expect("decodes"), rated(), "{time}");
        }
        for before in ["\u{feff}", " \r\n", "\u{feff}\n\t", "\n"] {
            let value = format!("{before}{}", at("\"1997-12-04T15:55:49.000001Z\""));
            assert_eq!(decode_event(None, value.as_bytes()).expect("decodes"), rated(), "{before:?}");
        }
        let removed = br#"{"userRemoved":{"userId":"u","removedAt":1769890500}}"#;
        let expected = Timestamp::from_seconds(1_769_890_500);
        assert_eq!(decode_event(None, removed).expect("decodes").at(), expected);
    }

    #[test]
    fn a_protobuf_event_whose_bytes_look_like_blanks_and_a_brace_is_protobuf() {
        // The length of the event is a blank, and the length of the id a line break.
        let (user_id, movie_id) = ("{234567890".to_owned(), "123456789".to_owned());
        let rated = pb::Rating { user_id, movie_id, rating: Some(1.0), rated_at: None };
        let value = pb::RatingEvent { event: Some(Event::Rated(rated)) }.encode_to_vec();
        assert!(value.starts_with(b"\n \n\n{"), "{value:?}");
        let refused = decode_event(None, &value).expect_err("no time").to_string();
        assert!(refused.contains("rated.rated_at is missing"), "{refused}");
    }

    #[test]
    fn what_other_producers_write_and_is_not_read_is_told_by_name() {
        let scale = Scale::try_new(1.0, 5.0, 1.0).expect("valid");
        let json = br#"{"rated":{"userId":"u","movieId":"m","rating":3,"ratedAt":50000000000}}"#;
        let confluent = [&[0, 0, 0, 1, 7][..], json].concat();
        let large = vec![b' '; (1 << 20) + 1];
        let known: [(&[u8], &str); 7] = [
            (&confluent, "Confluent wire format, with schema id 263"),
            (&[], "event is missing: the value is empty"),
            (&large, "larger than 1,048,576 bytes"),
            (b"\xff\xfe{\0", "UTF-16"),
            (json, "rated.ratedAt is 50000000000, which is no time"),
            (br#"{"rated":{"userId":7}}"#, "invalid type: integer"),
            (br#"{"stars":5}"#, "unknown field `stars`"),
        ];
        for (value, part) in known {
            for header in [None, Some(JSON.as_bytes())] {
                let refused = event(header, value, &scale, |_| true).expect_err(part);
                assert_eq!(refused.reason, Reason::Malformed, "{part}");
                assert!(refused.message.contains(part), "{}", refused.message);
            }
        }
    }

    /// A rating event as encoders write it that do not know that `rating` is optional: without 0.
    fn without_a_rating() -> Vec<u8> {
        let rated_at = Some(convert::timestamp(Timestamp::from_seconds(5)));
        let rated = pb::Rating { user_id: "u".to_owned(), movie_id: "m".to_owned(), rating: None, rated_at };
        pb::RatingEvent { event: Some(Event::Rated(rated)) }.encode_to_vec()
    }

    #[test]
    fn a_stored_rating_of_zero_from_an_older_encoder_still_counts() {
        let scale = Scale::try_new(0.0, 10.0, 1.0).expect("valid");
        for header in [None, Some(PROTOBUF.as_bytes())] {
            let read = event(header, &without_a_rating(), &scale, |_| true).expect("a rating of 0");
            let RatingEvent::Rated(rating) = read else { panic!("a rating") };
            assert!(rating.value.abs() < f64::EPSILON, "{}", rating.value);
            // Marquee itself writes the value, 0 included.
            assert!(encode_event(&RatingEvent::Rated(rating)).len() > without_a_rating().len());
        }
    }

    #[test]
    fn an_absent_rating_is_missing_in_json_and_where_the_scale_has_no_zero() {
        let json: &[u8] = br#"{"rated":{"userId":"u","movieId":"m","ratedAt":"1997-12-04T15:55:49Z"}}"#;
        let from_half = Scale::try_new(0.5, 5.0, 0.5).expect("valid");
        let from_zero = Scale::try_new(0.0, 10.0, 1.0).expect("valid");
        let expected = "rated.rating is missing: give one from 0.5 to 5 in steps of 0.5";
        for value in [json, &without_a_rating()] {
            let refused = event(None, value, &from_half, |_| true).expect_err("absent");
            assert_eq!((refused.reason, refused.message.as_str()), (Reason::Malformed, expected));
        }
        let refused = event(None, json, &from_zero, |_| true).expect_err("absent");
        assert!(refused.message.starts_with("rated.rating is missing: give one from 0 to 10"), "{}", refused.message);
        assert!(decode_event(None, json).is_err());
    }

    #[test]
    fn a_32_bit_float_of_a_step_is_on_the_step() {
        let scale = Scale::try_new(0.0, 5.0, 0.1).expect("valid");
        let value = format!(
            r#"{{"rated":{{"userId":"u","movieId":"m","rating":{},"ratedAt":1769890500}}}}"#,
            f64::from(3.3_f32)
        );
        let RatingEvent::Rated(rating) = event(None, value.as_bytes(), &scale, |_| true).expect("on the scale") else {
            panic!("a rating")
        };
        assert!((rating.value - 3.3).abs() < 1e-12, "{}", rating.value);
    }

    #[test]
    fn a_record_in_another_partition_is_right_in_all_else() {
        let scale = Scale::try_new(1.0, 5.0, 1.0).expect("valid");
        let rated = |rating: f64| {
            format!(r#"{{"rated":{{"userId":"u","movieId":"m","rating":{rating},"ratedAt":1769890500}}}}"#)
        };
        let reason = |rating| event(None, rated(rating).as_bytes(), &scale, |_| false).expect_err("refused").reason;
        assert_eq!((reason(3.0), reason(9.0)), (Reason::WrongPartition, Reason::OffScale));
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
