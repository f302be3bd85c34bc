//! Reads the records of the predictions topic.

use marquee_domain::{ModelName, MovieId, UserId, Version};
use marquee_log::content_type;
use marquee_ports::Record;
use marquee_proto::prediction::v1 as pb;
use marquee_proto::{convert, record};

use crate::join::Shown;
use crate::rows::{LiveId, ServedBy};

/// Reads a record: the predictions of an answer. Returns none if it is not one that was shown, and
/// leaves out a movie that cannot be.
pub(crate) fn decode_shown(stored: &Record) -> Vec<Shown> {
    let Ok(served) = record::decode_served(content_type(stored), &stored.value) else { return Vec::new() };
    each_shown(served).unwrap_or_default()
}

fn each_shown(mut served: pb::ServedPrediction) -> Option<Vec<Shown>> {
    let served_by = served_by(served.served_by());
    let predicted_at = convert::from_timestamp("predicted_at", served.predicted_at.as_ref()?).ok()?;
    // The variant is a part of a key.
    let variant = match served.variant.as_str() {
        "candidate" => "candidate",
        _ => "stable",
    };
    let id = LiveId { version: Version(served.version), variant: variant.to_owned(), served_by };
    let (user, model) = (UserId::try_new(&served.user_id).ok()?, ModelName::try_new(&served.model).ok()?);
    let shown = |(_, movie): (u32, pb::ServedMovie)| {
        Some(Shown {
            user: user.clone(),
            movie: MovieId::try_new(&movie.movie_id).ok()?,
            rating: Some(movie.rating).filter(|rating| rating.is_finite())?,
            spread: (!movie.unknown_movie).then_some(movie.spread),
            model: model.clone(),
            id: id.clone(),
            predicted_at,
        })
    };
    Some(record::take_movies(&mut served).filter_map(shown).collect())
}

fn served_by(wire: pb::ServedBy) -> ServedBy {
    match wire {
        pb::ServedBy::Unspecified => ServedBy::Other,
        pb::ServedBy::Predict => ServedBy::Predict,
        pb::ServedBy::Recommend => ServedBy::Recommend,
        pb::ServedBy::Explain => ServedBy::Explain,
    }
}

/// Returns the call for the wire.
pub(super) fn to_wire(served_by: ServedBy) -> pb::ServedBy {
    match served_by {
        ServedBy::Other => pb::ServedBy::Unspecified,
        ServedBy::Predict => pb::ServedBy::Predict,
        ServedBy::Recommend => pb::ServedBy::Recommend,
        ServedBy::Explain => pb::ServedBy::Explain,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use marquee_domain::{Offset, Partition, Position, Timestamp};
    use prost::Message as _;

    use super::*;

    fn stored(served: &pb::ServedPrediction) -> Record {
        Record {
            position: Position { partition: Partition(0), offset: Offset(0) },
            key: None,
            value: served.encode_to_vec().into(),
            headers: vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))],
            timestamp: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_served_prediction_is_read_and_other_records_are_not() {
        let at = Timestamp::from_seconds(1_700_000_000);
        let served = pb::ServedPrediction {
            user_id: "u".to_owned(),
            movie_id: "m".to_owned(),
            rating: 3.5,
            spread: 1.25,
            model: "ratings".to_owned(),
            version: 7,
            variant: "candidate".to_owned(),
            predicted_at: Some(convert::timestamp(at)),
            served_by: pb::ServedBy::Recommend.into(),
            ..pb::ServedPrediction::default()
        };
        let [shown] = &decode_shown(&stored(&served))[..] else { panic!("one prediction") };
        assert_eq!((shown.rating, shown.spread, shown.predicted_at), (3.5, Some(1.25), at));
        let id = LiveId { version: Version(7), variant: "candidate".to_owned(), served_by: ServedBy::Recommend };
        assert_eq!(shown.id, id);
        let unknown = pb::ServedPrediction { unknown_movie: true, ..served.clone() };
        assert_eq!(decode_shown(&stored(&unknown))[0].spread, None);
        let movie = |id: &str, rating| pb::ServedMovie { movie_id: id.to_owned(), rating, ..Default::default() };
        let more = pb::ServedPrediction { more: vec![movie("", 1.0), movie("n", 2.0)], ..served.clone() };
        let shown = decode_shown(&stored(&more));
        let movies: Vec<_> = shown.iter().map(|one| (one.movie.as_str(), one.rating, one.id.version.0)).collect();
        assert_eq!(movies, [("m", 3.5, 7), ("n", 2.0, 7)], "a movie without an id is left out");
        for bad in [
            pb::ServedPrediction { user_id: String::new(), ..served.clone() },
            pb::ServedPrediction { predicted_at: None, ..served.clone() },
            pb::ServedPrediction { rating: f64::NAN, ..served },
        ] {
            assert_eq!(decode_shown(&stored(&bad)), []);
        }
    }
}
