//! Reads the records of the predictions topic.

use marquee_domain::{ModelName, MovieId, UserId, Version};
use marquee_log::content_type;
use marquee_ports::Record;
use marquee_proto::prediction::v1 as pb;
use marquee_proto::{convert, record};

use crate::join::Shown;
use crate::rows::{LiveId, ServedBy};

/// Reads a record. Returns `None` if it is not a prediction that was shown.
pub(crate) fn decode_shown(stored: &Record) -> Option<Shown> {
    let served = record::decode_served(content_type(stored), &stored.value).ok()?;
    let served_by = served_by(served.served_by());
    let predicted_at = convert::from_timestamp("predicted_at", served.predicted_at.as_ref()?).ok()?;
    // The variant is a part of a key.
    let variant = match served.variant.as_str() {
        "candidate" => "candidate",
        _ => "stable",
    };
    Some(Shown {
        user: UserId::try_new(&served.user_id).ok()?,
        movie: MovieId::try_new(&served.movie_id).ok()?,
        rating: Some(served.rating).filter(|rating| rating.is_finite())?,
        spread: (!served.unknown_movie).then_some(served.spread),
        model: ModelName::try_new(&served.model).ok()?,
        id: LiveId { version: Version(served.version), variant: variant.to_owned(), served_by },
        predicted_at,
    })
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
        let shown = decode_shown(&stored(&served)).expect("a prediction");
        assert_eq!((shown.rating, shown.spread, shown.predicted_at), (3.5, Some(1.25), at));
        let id = LiveId { version: Version(7), variant: "candidate".to_owned(), served_by: ServedBy::Recommend };
        assert_eq!(shown.id, id);
        let unknown = pb::ServedPrediction { unknown_movie: true, ..served.clone() };
        assert_eq!(decode_shown(&stored(&unknown)).expect("a prediction").spread, None);
        for bad in [
            pb::ServedPrediction { user_id: String::new(), ..served.clone() },
            pb::ServedPrediction { predicted_at: None, ..served.clone() },
            pb::ServedPrediction { rating: f64::NAN, ..served },
        ] {
            assert_eq!(decode_shown(&stored(&bad)), None);
        }
    }
}
