//! Going down in order: out of rotation, no new requests, those in flight to their end, and all of
//! it within a deadline.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use marquee_e2e::{DEADLINE, Fleet, Process, World};
use marquee_embedded::{EmbeddedLog, LogSettings};
use marquee_kit::Transport;
use marquee_ports::{RatingLog, Topic};
use marquee_proto::ratings::v1::{Movie, Rating, StreamRatingsRequest};
use marquee_proto::training::v1::Algorithm;
use tokio::net::TcpStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{PROGRAM, until};

fn batch(sequence: u64, movie: &str) -> StreamRatingsRequest {
    let rating = Rating { user_id: "ann".to_owned(), movie_id: movie.to_owned(), rating: Some(4.0), rated_at: None };
    StreamRatingsRequest { sequence, ratings: vec![rating] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_told_to_stop_ends_what_is_in_flight_and_lets_go_of_its_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let fleet = Process::start(PROGRAM, folder.path(), &["shutdown=60s"]).await?;
    let clients = fleet.clients()?;
    let movie = |id: &str| Movie { movie_id: id.to_owned(), ..Movie::default() };
    clients.add_movies(vec![movie("m1"), movie("m2")]).await?;

    let (requests, receiver) = tokio::sync::mpsc::channel(4);
    requests.send(batch(1, "m1")).await?;
    let answers = clients.ratings.clone().stream_ratings(ReceiverStream::new(receiver)).await?;
    let mut answers = answers.into_inner();
    assert_eq!(answers.message().await?.context("an acknowledgement")?.accepted, 1);
    let mut health = HealthClient::new(Transport::connect(&fleet.addresses().grpc)?);
    let request = HealthCheckRequest { service: "marquee.ratings.v1.Ratings".to_owned() };
    let mut states = health.watch(request).await?.into_inner();
    assert_eq!(states.message().await?.context("a state")?.status(), ServingStatus::Serving);

    let address = fleet.addresses().grpc.trim_start_matches("http://").to_owned();
    let stopping = tokio::spawn(fleet.stop());
    // Balancers see it and no new call is accepted, but calls in flight go on.
    let told = tokio::time::timeout(DEADLINE, states.message()).await??;
    assert_eq!(told.context("a state")?.status(), ServingStatus::NotServing);
    until("nobody new is let in", || async { TcpStream::connect(&address).await.is_err().then_some(()) }).await?;
    requests.send(batch(2, "m2")).await?;
    assert_eq!(answers.message().await?.context("an acknowledgement")?.accepted, 1);
    drop((requests, states));
    assert_eq!(answers.message().await?, None);
    assert_eq!(stopping.await??, Some(0));

    // All is there, and the folder is free at once.
    let log = EmbeddedLog::open(&folder.path().join("log"), &LogSettings::default())?;
    let written: u64 = log.bounds(Topic::RATINGS).await?.iter().map(|bounds| bounds.end.0 - bounds.begin.0).sum();
    assert_eq!(written, 2);
    drop(log);
    let again = Process::start(PROGRAM, folder.path(), &[]).await?;
    assert_eq!(again.clients()?.user("ann", &[]).await?.history.len(), 2);
    assert_eq!(again.stop().await?, Some(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_leaves_does_not_keep_a_fleet_up() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let fleet = Process::start(PROGRAM, folder.path(), &["shutdown=1s"]).await?;
    let clients = fleet.clients()?;
    let (requests, receiver) = tokio::sync::mpsc::channel::<StreamRatingsRequest>(1);
    let mut answers = clients.ratings.clone().stream_ratings(ReceiverStream::new(receiver)).await?.into_inner();
    let started = Instant::now();
    assert_eq!(fleet.stop().await?, Some(0));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(answers.message().await.is_err(), "the stream was cut, not ended");
    drop(requests);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_in_this_process_goes_down_and_comes_up_with_the_same_answers() -> Result<()> {
    let world = World::new(20, 12, 53);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let before = fleet.clients().predict(&world.user(1), &["movie-1", "movie-2"], &[]).await?;
    let fleet: Fleet = fleet.restart().await?;
    let after = fleet.clients().predict(&world.user(1), &["movie-1", "movie-2"], &[]).await?;
    assert_eq!(after, before, "to the bit, provenance included");
    fleet.stop().await;
    Ok(())
}
