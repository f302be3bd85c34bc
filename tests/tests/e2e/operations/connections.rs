//! Connections that reach their age while clients use them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use marquee_e2e::{Clients, Process};
use marquee_embedded::{EmbeddedLog, LogSettings};
use marquee_ports::{RatingLog, Topic};
use marquee_proto::ratings::v1::{Rating, StreamRatingsRequest};
use tokio_stream::wrappers::ReceiverStream;

use super::PROGRAM;

/// Rates one after another. Returns the number of ratings that were acknowledged.
async fn call(clients: &Clients, end: Instant) -> Result<u64> {
    let mut acknowledged = 0;
    while Instant::now() < end {
        clients.rate("caller", "movie", 4.0).await?;
        acknowledged += 1;
    }
    Ok(acknowledged)
}

/// Sends ratings over streams: over a new one when the connection of the old one is cut. Returns
/// the number of ratings that were acknowledged, and that of the streams that were cut.
async fn stream(clients: &Clients, end: Instant) -> Result<(u64, u64)> {
    let (mut acknowledged, mut cut) = (0, 0);
    while Instant::now() < end {
        let (requests, receiver) = tokio::sync::mpsc::channel(1);
        let answers = clients.ratings.clone().stream_ratings(ReceiverStream::new(receiver)).await?;
        let mut answers = answers.into_inner();
        while Instant::now() < end {
            let user_id = format!("streamer-{acknowledged}");
            let rating = Rating { user_id, movie_id: "movie".to_owned(), rating: Some(4.0), rated_at: None };
            let request = StreamRatingsRequest { sequence: acknowledged, ratings: vec![rating] };
            let is_sent = requests.send(request).await.is_ok();
            let answer = if is_sent { answers.message().await.ok().flatten() } else { None };
            let Some(answer) = answer else {
                cut += 1;
                break;
            };
            ensure!((answer.sequence, answer.accepted) == (acknowledged, 1), "{answer:?}");
            acknowledged += 1;
        }
    }
    Ok((acknowledged, cut))
}

#[tokio::test(flavor = "multi_thread")]
async fn old_connections_fail_no_call_and_lose_no_acknowledged_rating() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // The grace is longer than any call takes.
    let settings =
        ["ingest.unknown_movies=accept", "server.max_connection_age=200ms", "server.max_connection_age_grace=1s"];
    let fleet = Process::start(PROGRAM, folder.path(), &settings).await?;
    let clients = fleet.clients()?;
    let end = Instant::now() + Duration::from_secs(6);
    let (called, (streamed, cut)) = tokio::try_join!(call(&clients, end), stream(&clients, end))?;
    ensure!(cut >= 3, "{cut} streams were cut");
    assert_eq!(fleet.stop().await?, Some(0));
    let log = EmbeddedLog::open(&folder.path().join("log"), &LogSettings::default())?;
    let written: u64 = log.bounds(Topic::RATINGS).await?.iter().map(|bounds| bounds.end.0 - bounds.begin.0).sum();
    // The last rating of a stream that was cut may be there without an acknowledgement.
    let acknowledged = called + streamed;
    ensure!((acknowledged..=acknowledged + cut).contains(&written), "{written} of {acknowledged} and {cut}");
    Ok(())
}
