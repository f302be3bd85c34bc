//! Requests that are small to send and large to decode, and compressed ones: what they cost a real
//! process.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use marquee_e2e::{Fleet, Process};
use marquee_kit::{Failure, Transport};
use tonic::Code;
use tonic::codegen::http::Method;
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

fn frame(flag: u8, message: &[u8]) -> Result<Bytes> {
    let length = u32::try_from(message.len())?.to_be_bytes();
    Ok([&[flag][..], &length, message].concat().into())
}

fn gzip(text: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut writer, text)?;
    Ok(writer.finish()?)
}

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
