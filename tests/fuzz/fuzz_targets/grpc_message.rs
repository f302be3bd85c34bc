//! The bodies of gRPC calls: their frames, and the scan that estimates their memory. The first two
//! bytes choose the message and the size of the pieces in which it arrives.

#![no_main]

use std::sync::LazyLock;

use marquee_kit::fuzzing::Messages;
use marquee_proto::{DESCRIPTORS, features, prediction, ratings, rollout, training};
use prost::Message;

static MESSAGES: LazyLock<Messages> = LazyLock::new(|| Messages::new(DESCRIPTORS));

/// A request: the name of its message, its path, and whether the decoder accepts some bytes.
type Request = (&'static str, &'static str, fn(&[u8]) -> bool);

fn decodes<M: Message + Default>(bytes: &[u8]) -> bool {
    M::decode(bytes).is_ok()
}

const REQUESTS: [Request; 9] = [
    (
        "marquee.ratings.v1.SubmitRatingsRequest",
        "/marquee.ratings.v1.Ratings/SubmitRatings",
        decodes::<ratings::v1::SubmitRatingsRequest>,
    ),
    (
        "marquee.ratings.v1.StreamRatingsRequest",
        "/marquee.ratings.v1.Ratings/StreamRatings",
        decodes::<ratings::v1::StreamRatingsRequest>,
    ),
    (
        "marquee.ratings.v1.UpsertMoviesRequest",
        "/marquee.ratings.v1.Ratings/UpsertMovies",
        decodes::<ratings::v1::UpsertMoviesRequest>,
    ),
    (
        "marquee.features.v1.GetUsersRequest",
        "/marquee.features.v1.Features/GetUsers",
        decodes::<features::v1::GetUsersRequest>,
    ),
    (
        "marquee.features.v1.JoinFeaturesRequest",
        "/marquee.features.v1.FeatureHistory/JoinFeatures",
        decodes::<features::v1::JoinFeaturesRequest>,
    ),
    (
        "marquee.prediction.v1.PredictRequest",
        "/marquee.prediction.v1.Predictions/Predict",
        decodes::<prediction::v1::PredictRequest>,
    ),
    (
        "marquee.prediction.v1.RecommendRequest",
        "/marquee.prediction.v1.Predictions/Recommend",
        decodes::<prediction::v1::RecommendRequest>,
    ),
    (
        "marquee.rollout.v1.SetRouteRequest",
        "/marquee.rollout.v1.Routing/SetRoute",
        decodes::<rollout::v1::SetRouteRequest>,
    ),
    (
        "marquee.training.v1.StartTrainingRequest",
        "/marquee.training.v1.Trainer/StartTraining",
        decodes::<training::v1::StartTrainingRequest>,
    ),
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [which, step, message @ ..] = data else { return };
    let (name, path, decodes) = REQUESTS[usize::from(*which) % REQUESTS.len()];
    let step = usize::from(*step) + 1;
    // What the decoder accepts must not be refused as malformed.
    assert!(!(decodes(message) && MESSAGES.is_malformed(name, message, step)), "refused by the scan");

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    let framed = [&[0][..], &length, message].concat();
    let received = runtime.block_on(MESSAGES.receive(path, &framed, step));
    assert!(received.is_none_or(|received| received == framed), "changed on the way");
    // The same bytes as frames, compressed ones among them.
    runtime.block_on(MESSAGES.receive(path, message, step));
});
