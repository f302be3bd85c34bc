//! Damaged and arbitrary requests, as protobuf and as JSON: errors, never a panic.

use marquee_proto::{Timestamp, features, prediction, ratings, rollout, training};
use proptest::prelude::*;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes an input as protobuf and as JSON. A message from protobuf survives being written again;
/// a message from JSON can be written as both.
fn decode<M: Message + Default + DeserializeOwned + Serialize>(data: &[u8]) {
    if let Ok(message) = M::decode(data) {
        let written = message.encode_to_vec();
        assert_eq!(M::decode(written.as_slice()).expect("what was written is read").encode_to_vec(), written);
        // A time out of range has no JSON; that is an error, not a panic.
        let _ = serde_json::to_vec(&message);
    }
    if let Ok(message) = serde_json::from_slice::<M>(data) {
        let _ = serde_json::to_vec(&message);
        let _ = message.encode_to_vec();
    }
}

const REQUESTS: [fn(&[u8]); 23] = [
    decode::<features::v1::GetMoviesRequest>,
    decode::<features::v1::GetProgressRequest>,
    decode::<features::v1::GetUsersRequest>,
    decode::<prediction::v1::ExplainRequest>,
    decode::<prediction::v1::ListModelsRequest>,
    decode::<prediction::v1::LoadModelRequest>,
    decode::<prediction::v1::PredictRequest>,
    decode::<prediction::v1::RecommendRequest>,
    decode::<ratings::v1::GetScaleRequest>,
    decode::<ratings::v1::ListMoviesRequest>,
    decode::<ratings::v1::RemoveRatingRequest>,
    decode::<ratings::v1::RemoveUserRequest>,
    decode::<ratings::v1::StreamRatingsRequest>,
    decode::<ratings::v1::SubmitRatingRequest>,
    decode::<ratings::v1::SubmitRatingsRequest>,
    decode::<ratings::v1::UpsertMoviesRequest>,
    decode::<rollout::v1::GetRouteRequest>,
    decode::<rollout::v1::SetRouteRequest>,
    decode::<rollout::v1::WatchRoutesRequest>,
    decode::<training::v1::CancelTrainingRequest>,
    decode::<training::v1::ListTrainingsRequest>,
    decode::<training::v1::StartTrainingRequest>,
    decode::<training::v1::WatchTrainingRequest>,
];

/// Requests with most kinds of field: nested, repeated, a number, a time.
fn sound() -> Vec<Vec<u8>> {
    let rating = ratings::v1::Rating {
        user_id: "196".to_owned(),
        movie_id: "242".to_owned(),
        rating: Some(3.0),
        rated_at: Some(Timestamp { seconds: 881_250_949, nanos: 1_000 }),
    };
    let batch = ratings::v1::SubmitRatingsRequest { ratings: vec![rating; 2] };
    let predict = prediction::v1::PredictRequest {
        model: "ratings".to_owned(),
        user_id: "196".to_owned(),
        movie_ids: vec!["242".to_owned(), "302".to_owned()],
        after: vec![ratings::v1::Position { partition: 3, offset: 70_000 }],
    };
    let json = |message: Result<Vec<u8>, serde_json::Error>| message.expect("a sound message has JSON");
    vec![
        batch.encode_to_vec(),
        predict.encode_to_vec(),
        json(serde_json::to_vec(&batch)),
        json(serde_json::to_vec(&predict)),
    ]
}

#[test]
fn every_truncation_of_a_request_is_read_or_refused() {
    for whole in sound() {
        for length in 0..=whole.len() {
            REQUESTS.iter().for_each(|decode| decode(&whole[..length]));
        }
    }
}

#[test]
fn endless_nesting_is_refused() {
    let nested = "[".repeat(100_000);
    REQUESTS.iter().for_each(|decode| decode(nested.as_bytes()));
    // Groups within groups, which only old protobuf has.
    REQUESTS.iter().for_each(|decode| decode(&[0x0b; 100_000]));
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        REQUESTS.iter().for_each(|decode| decode(&bytes));
    }

    #[test]
    fn damaged_requests_do_not_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = which.get(&sound()).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        REQUESTS.iter().for_each(|decode| decode(&bytes));
    }
}
