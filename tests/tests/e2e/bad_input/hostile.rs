//! Requests that are small to send and large to decode, and compressed ones: what they cost a real
//! process.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use marquee_e2e::wire::{self, frame, gzip};
use marquee_e2e::{Fleet, Process};
use marquee_kit::{Failure, Transport};
use tonic::Code;
use tonic::codegen::http::{HeaderValue, Method, header};
use tonic_reflection::pb::v1alpha::ServerReflectionRequest;
use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse;

use super::messages::send;
use super::{movie, serves_on};

/// The product's own `main`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// The most memory that hostile requests may add, in bytes.
const MOST: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn millions_of_empty_entries_are_refused_by_name_and_take_little_memory() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let process = Process::start(PROGRAM, folder.path(), &[]).await?;
    let clients = process.clients()?;
    clients.add_movies(vec![movie("m")]).await?;
    let before = process.peak_memory().context("the memory of the process")?;

    let json = format!("{{\"ratings\": [{}{{}}]}}", "{},".repeat(4_800_000));
    let http = process.http();
    let post = |body: Bytes| http.send(Method::POST, "/v1/ratings/batch", "application/json", body);
    let json = Bytes::from(json);
    let answers = tokio::join!(post(json.clone()), post(json));
    for answer in [answers.0?, answers.1?] {
        let text = answer.text();
        assert!(answer.status == 400 && text.contains("TOO_MANY") && text.contains("ratings"), "{text}");
    }

    let transport = Transport::connect(&process.addresses().grpc)?;
    let many = [0x0a, 0].repeat(8_000_000);
    let (plain, packed) = (frame(0, &many)?, frame(1, &gzip(&many)?)?);
    for method in ["SubmitRatings", "UpsertMovies"] {
        let method = format!("/marquee.ratings.v1.Ratings/{method}");
        for (encoding, frame) in [("identity", &plain), ("gzip", &packed)] {
            let status = send(&transport, &method, Some(encoding), frame.clone()).await?;
            let failure = Failure::from_status(&status);
            assert_eq!(status.code(), Code::InvalidArgument, "{status}");
            assert_eq!(failure.violations()[0].reason.as_str(), "TOO_MANY", "{failure}");
        }
    }

    let after = process.peak_memory().context("the memory of the process")?;
    assert!(after < before + MOST, "{} MiB became {} MiB", before >> 20, after >> 20);
    serves_on(&clients).await?;
    ensure!(process.stop().await? == Some(0), "the process did not end well");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_messages_are_accepted_and_other_encodings_named() -> Result<()> {
    let fleet = Fleet::start().await?;
    let transport = Transport::connect(&fleet.address())?;
    let list = "/marquee.ratings.v1.Ratings/ListMovies";
    // A page token of 200 blanks.
    let message = [&[0x12, 0xc8, 0x01][..], &[b' '; 200]].concat();
    let status = send(&transport, list, Some("gzip"), frame(1, &gzip(&message)?)?).await?;
    assert_eq!(status.code(), Code::Ok, "{status}");
    let status = send(&transport, list, Some("snappy"), frame(1, &message)?).await?;
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    assert!(status.message().contains("'snappy'") && status.message().contains("gzip"), "{status}");
    let bomb = frame(1, &gzip(&vec![0; (16 << 20) + 1])?)?;
    let status = send(&transport, list, Some("gzip"), bomb).await?;
    assert_eq!(Failure::from_status(&status).violations()[0].reason.as_str(), "TOO_LONG", "{status}");
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_compressed_for_clients_that_accept_it() -> Result<()> {
    let fleet = Fleet::start_with(|settings| settings.server.compress_grpc_from = 16 << 10).await?;
    let movies = (0..1_000)
        .map(|n| marquee_proto::ratings::v1::Movie { title: "A title ".repeat(9), ..movie(&format!("m{n}")) });
    fleet.clients().add_movies(movies.collect()).await?;
    let transport = Transport::connect(&fleet.address())?;
    let list = "/marquee.ratings.v1.Ratings/ListMovies";
    let plain = wire::finish(wire::begin(&transport, list, &[], frame(0, &[])?).await?).await?;
    assert!(plain.frames[0] == 0 && !plain.headers.contains_key("grpc-encoding"));
    let accepts = [("grpc-accept-encoding", "identity,deflate,gzip")];
    let packed = wire::finish(wire::begin(&transport, list, &accepts, frame(0, &[])?).await?).await?;
    assert_eq!((packed.status.code(), packed.frames[0]), (Code::Ok, 1));
    assert_eq!(packed.headers["grpc-encoding"], "gzip");
    assert!(packed.frames.len() < plain.frames.len() / 5);
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.frames[5..]), &mut unpacked)?;
    assert_eq!(unpacked, plain.frames[5..]);

    let http = fleet.http();
    let accepts = [(header::ACCEPT_ENCODING, "gzip")];
    let packed = http.send_with(Method::GET, "/v1/movies", &accepts, Bytes::new()).await?;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked)?;
    assert_eq!(unpacked, http.get("/v1/movies").await?.body);
    let zstd = http.send_with(Method::GET, "/v1/movies", &[(header::ACCEPT_ENCODING, "zstd")], Bytes::new()).await?;
    assert_eq!(
        (&zstd.headers["content-encoding"], &zstd.body[..4]),
        (&HeaderValue::from_static("zstd"), &b"\x28\xb5\x2f\xfd"[..])
    );
    let short = http.send_with(Method::GET, "/v1/scale", &accepts, Bytes::new()).await?;
    assert!(!short.headers.contains_key("content-encoding"));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_reflection_lists_what_a_process_serves_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = marquee_e2e::settings(folder.path());
    let fleet = Box::pin(marquee::Fleet::start(settings, &[marquee::role("ingest").context("a role")?])).await?;
    let question = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(fleet.transport()?);
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await?.into_inner();
    let answer = answers.message().await?.context("an answer")?.message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("not a list of services") };
    let mut names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "marquee.ratings.v1.Ratings",
    ];
    assert_eq!(names, expected);
    let transport = fleet.transport()?;
    let status =
        send(&transport, "/marquee.prediction.v1.Predictions/Predict", Some("identity"), frame(0, &[])?).await?;
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("does not serve /marquee.prediction.v1.Predictions/Predict"), "{status}");
    drop(answers);
    fleet.shutdown().await;
    Ok(())
}
