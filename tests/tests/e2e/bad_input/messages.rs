//! Messages that are none: the caller is told so, and told what to do, by every method.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Buf, BufMut, Bytes};
use marquee_e2e::{DEADLINE, Fleet, wire};
use marquee_kit::{Failure, Transport};
use marquee_proto::ratings::v1::{StreamRatingsRequest, SubmitRatingsRequest};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};

use super::{good, movie, named, serves_on};

/// Bytes as they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Methods that take one message, all but those that start something on an empty one.
const UNARY: [&str; 16] = [
    "/marquee.ratings.v1.Ratings/SubmitRating",
    "/marquee.ratings.v1.Ratings/SubmitRatings",
    "/marquee.ratings.v1.Ratings/RemoveRating",
    "/marquee.ratings.v1.Ratings/RemoveUser",
    "/marquee.ratings.v1.Ratings/UpsertMovies",
    "/marquee.ratings.v1.Ratings/ListMovies",
    "/marquee.features.v1.Features/GetUsers",
    "/marquee.features.v1.Features/GetMovies",
    "/marquee.prediction.v1.Predictions/Predict",
    "/marquee.prediction.v1.Predictions/Recommend",
    "/marquee.prediction.v1.Predictions/Explain",
    "/marquee.prediction.v1.Models/LoadModel",
    "/marquee.rollout.v1.Routing/GetRoute",
    "/marquee.rollout.v1.Routing/SetRoute",
    "/marquee.rollout.v1.Routing/GetStatus",
    "/marquee.training.v1.Trainer/StartTraining",
];

async fn call(transport: &Transport, method: &'static str, message: Bytes) -> Result<Bytes, Status> {
    let mut client = Grpc::new(transport.clone());
    client.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    Ok(client.unary(request, PathAndQuery::from_static(method), Raw).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_protobuf_is_the_callers_mistake_and_harms_nothing() -> Result<()> {
    let fleet = Fleet::start().await?;
    let clients = fleet.clients();
    clients.add_movies(vec![movie("m")]).await?;
    let transport = Transport::connect(&fleet.address())?;

    // A tag that is none, a length beyond the end, a varint without end.
    let corrupt: [&[u8]; 4] = [&[0xff; 12], &[0x0a, 0x7f, 0x01], &[0x0a], &[0x07]];
    for method in UNARY {
        for bytes in corrupt {
            let status = call(&transport, method, Bytes::from_static(bytes)).await.expect_err("corrupt");
            assert_eq!(named(&status), [("body".to_owned(), "MALFORMED".to_owned())], "{method}");
            assert!(status.message().contains("check how it was encoded"), "{status}");
        }
    }
    let latin1 = Bytes::from_static(&[0x0a, 0x04, b'G', 0xfc, b'n', b't']);
    let status = call(&transport, "/marquee.ratings.v1.Ratings/RemoveUser", latin1).await.expect_err("not UTF-8");
    assert!(status.code() == Code::InvalidArgument && status.message().contains("UTF-8"), "{status}");

    // Arbitrary bytes may happen to be a message; they are never our own fault.
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for round in 0..300 {
        let bytes: Vec<u8> = (0..rng.random_range(0..40)).map(|_| rng.random()).collect();
        let method = UNARY[round % (UNARY.len() - 1)];
        if let Err(status) = call(&transport, method, bytes.clone().into()).await {
            let expected = [Code::InvalidArgument, Code::NotFound, Code::FailedPrecondition];
            assert!(expected.contains(&status.code()), "{method} {bytes:?}: {status}");
        }
    }
    serves_on(clients).await?;
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_a_message_that_is_no_protobuf_and_what_came_before_counts() -> Result<()> {
    use prost::Message as _;
    let fleet = Fleet::start().await?;
    fleet.clients().add_movies(vec![movie("m")]).await?;
    let batch = StreamRatingsRequest { sequence: 7, ratings: vec![good()] };
    let messages = [batch.encode_to_vec().into(), Bytes::from_static(&[0xff; 5]), batch.encode_to_vec().into()];
    let mut client = Grpc::new(Transport::connect(&fleet.address())?);
    client.ready().await.map_err(anyhow::Error::from_boxed)?;
    let path = PathAndQuery::from_static("/marquee.ratings.v1.Ratings/StreamRatings");
    let request = Request::new(tokio_stream::iter(messages));
    let mut answers = client.streaming(request, path, Raw).await?.into_inner();
    let first = answers.message().await?.context("the first batch is answered")?;
    assert_eq!(marquee_proto::ratings::v1::StreamRatingsResponse::decode(first)?.accepted, 1);
    let status = answers.message().await.expect_err("the second is not");
    assert_eq!(named(&status), [("body".to_owned(), "MALFORMED".to_owned())]);
    serves_on(fleet.clients()).await?;
    fleet.stop().await;
    Ok(())
}

/// Sends one frame of a call as it is, and returns the status, wherever in the answer it is.
pub(super) async fn send(
    transport: &Transport,
    method: &str,
    encoding: Option<&'static str>,
    frame: Bytes,
) -> Result<Status> {
    let encoding = encoding.map(|encoding| ("grpc-encoding", encoding));
    Ok(wire::finish(wire::begin(transport, method, encoding.as_slice(), frame).await?).await?.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_none_or_too_large_is_the_callers_mistake() -> Result<()> {
    let fleet = Fleet::start().await?;
    let clients = fleet.clients();
    clients.add_movies(vec![movie("m")]).await?;
    let transport = Transport::connect(&fleet.address())?;
    let frames: [(&[u8], &str); 5] = [
        (&[], "Missing request message"),
        (&[0, 0], "Unexpected EOF"),
        (&[0, 0, 0, 0, 9, 0x0a], "Unexpected EOF"),
        (&[7, 0, 0, 0, 0], "compression flag"),
        (&[1, 0, 0, 0, 0], "compressed-flag"),
    ];
    for (frame, part) in frames {
        let method = "/marquee.ratings.v1.Ratings/SubmitRating";
        let status = send(&transport, method, None, Bytes::copy_from_slice(frame)).await?;
        assert_eq!(named(&status), [("body".to_owned(), "MALFORMED".to_owned())], "{frame:?}");
        assert!(status.message().contains(part), "{status}");
    }

    let mut many = SubmitRatingsRequest { ratings: vec![good(); 10] };
    many.ratings[0].user_id = "u".repeat(17 << 20);
    let mut ratings = clients.ratings.clone().max_encoding_message_size(64 << 20);
    let status = ratings.submit_ratings(many).await.expect_err("too large");
    assert_eq!(named(&status), [("body".to_owned(), "TOO_LONG".to_owned())]);
    assert!(status.message().contains("the limit is: 16777216 bytes: send less at once"), "{status}");

    // A method that there is not is said to be none.
    let status = call(&transport, "/marquee.ratings.v1.Ratings/Nothing", Bytes::new()).await.expect_err("none");
    assert_eq!(status.code(), Code::Unimplemented);
    // A caller without patience is told that it was too slow, not that we broke.
    let mut hurried = Request::new(marquee_proto::features::v1::GetUsersRequest {
        users: vec![marquee_proto::features::v1::UserQuery { user_id: "u".to_owned(), known_version: 0 }],
        after: vec![marquee_proto::ratings::v1::Position { partition: 0, offset: 1_000_000 }],
        ..Default::default()
    });
    hurried.set_timeout(Duration::from_millis(50));
    let status = clients.features.clone().get_users(hurried).await.expect_err("nothing that far");
    assert_ne!(Failure::from_status(&status).kind(), marquee_kit::Kind::Internal, "{status}");
    serves_on(clients).await?;
    fleet.stop().await;
    Ok(())
}
