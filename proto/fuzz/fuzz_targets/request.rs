//! Every gRPC request of Marquee, as protobuf and as the JSON of the HTTP API. The first byte
//! chooses the message. `StartRolloutRequest` is left out: its document is a map, so equal messages
//! may be written as different bytes.

#![no_main]

use marquee_proto::{features, monitor, prediction, ratings, rollout, training};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes an input as protobuf and as JSON. A message from protobuf survives being written again;
/// a message from JSON can be written as both.
fn decode<M: Message + Default + DeserializeOwned + Serialize>(data: &[u8]) {
    if let Ok(message) = M::decode(data) {
        let written = message.encode_to_vec();
        let again = M::decode(written.as_slice()).expect("what was written is read");
        assert_eq!(again.encode_to_vec(), written);
        // A time out of range has no JSON; that is an error, not a panic.
        let _ = serde_json::to_vec(&message);
    }
    if let Ok(message) = serde_json::from_slice::<M>(data) {
        let _ = serde_json::to_vec(&message);
        let _ = message.encode_to_vec();
    }
}

const REQUESTS: [fn(&[u8]); 40] = [
    decode::<features::v1::BackfillFeaturesRequest>,
    decode::<features::v1::CheckFeaturesRequest>,
    decode::<features::v1::GetFeaturesRequest>,
    decode::<features::v1::GetMoviesRequest>,
    decode::<features::v1::GetProgressRequest>,
    decode::<features::v1::GetUsersRequest>,
    decode::<features::v1::JoinFeaturesRequest>,
    decode::<features::v1::ListViewsRequest>,
    decode::<monitor::v1::GetDuelRequest>,
    decode::<monitor::v1::GetLiveQualityRequest>,
    decode::<monitor::v1::ListDuelsRequest>,
    decode::<monitor::v1::WatchDuelRequest>,
    decode::<prediction::v1::EvaluateRequest>,
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
    decode::<rollout::v1::ActOnRolloutRequest>,
    decode::<rollout::v1::DeleteRolloutRequest>,
    decode::<rollout::v1::GetRolloutHistoryRequest>,
    decode::<rollout::v1::GetRolloutRequest>,
    decode::<rollout::v1::GetRouteRequest>,
    decode::<rollout::v1::GetStatusRequest>,
    decode::<rollout::v1::ListRolloutsRequest>,
    decode::<rollout::v1::SetRouteRequest>,
    decode::<rollout::v1::WatchRolloutRequest>,
    decode::<rollout::v1::WatchRoutesRequest>,
    decode::<training::v1::CancelTrainingRequest>,
    decode::<training::v1::ListTrainingsRequest>,
    decode::<training::v1::StartTrainingRequest>,
    decode::<training::v1::WatchTrainingRequest>,
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, data)) = data.split_first() else { return };
    REQUESTS[usize::from(*first) % REQUESTS.len()](data);
});
