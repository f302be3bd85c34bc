//! Signals at any instant: during a start whose back-end does not answer, and twice.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use marquee_e2e::{DEADLINE, Launch, Process};
use marquee_embedded::{EmbeddedLog, LogSettings};
use tokio::net::TcpListener;

use super::PROGRAM;

/// The longest time that a process takes to end: two seconds of work, and as long again because
/// other tests use the machine too. It is a fraction of what any back-end is waited for.
const SOON: Duration = Duration::from_secs(4);

/// A server that accepts connections and never says a word.
struct Silent(TcpListener);

impl Silent {
    async fn start() -> Result<Self> {
        Ok(Self(TcpListener::bind("127.0.0.1:0").await?))
    }

    fn address(&self) -> Result<String> {
        Ok(self.0.local_addr()?.to_string())
    }

    /// Waits for a client, and returns its connection, which must be kept.
    async fn connected(&self) -> Result<tokio::net::TcpStream> {
        Ok(tokio::time::timeout(DEADLINE, self.0.accept()).await.context("nobody connected")??.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_during_a_start_that_waits_for_a_back_end_ends_it_soon() -> Result<()> {
    let silent = Silent::start().await?;
    let address = silent.address()?;
    let cases: [(&str, Vec<String>); 4] = [
        ("-TERM", vec!["backends.log=kafka".to_owned(), format!("kafka.bootstrap={address}")]),
        ("-INT", vec!["backends.store=redis".to_owned(), format!("redis.urls=redis://{address}")]),
        (
            "-HUP",
            vec![
                "backends.objects=s3".to_owned(),
                format!("s3.endpoint=http://{address}"),
                "s3.access_key_id=a".to_owned(),
                "s3.secret_access_key=b".to_owned(),
            ],
        ),
        ("-TERM", vec!["backends.store=redis".to_owned(), format!("redis.urls=redis://{address}")]),
    ];
    for (signal, settings) in cases {
        let folder = tempfile::tempdir()?;
        let launch = Launch::new(PROGRAM, folder.path());
        let mut fleet = settings.iter().fold(launch, |launch, setting| launch.set(setting)).spawned()?;
        let _connection = silent.connected().await?;
        let (code, took) = fleet.ended_by(signal).await?;
        assert_eq!(code, Some(0), "{settings:?}");
        assert!(took < SOON, "{settings:?}: {took:?}");
        assert_eq!(marquee::Addresses::read(folder.path()), None, "{settings:?}");
        // The embedded log, if there is one, is whole and free.
        EmbeddedLog::open(&folder.path().join("log"), &LogSettings::default())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_of_traces_that_does_not_answer_delays_no_end() -> Result<()> {
    let (folder, silent) = (tempfile::tempdir()?, Silent::start().await?);
    let endpoint = format!("telemetry.otlp_endpoint=http://{}", silent.address()?);
    let fleet = Process::start(PROGRAM, folder.path(), &[&endpoint]).await?;
    fleet.http().get("/v1/scale").await?;
    let started = Instant::now();
    assert_eq!(fleet.stop().await?, Some(0));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_process_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut fleet = Launch::new(PROGRAM, folder.path()).set("drain_delay=10m").spawn_only().await?;
    fleet.signal("-TERM").await?;
    // It is not ready any more, and serves on for the time of the drain.
    let http = fleet.http();
    super::until("it drains", || async {
        let answer = http.get("/readyz").await.ok()?;
        (answer.status == 503 && answer.text().contains("shutting down")).then_some(())
    })
    .await?;
    let (code, took) = fleet.ended_by("-INT").await?;
    assert_eq!(code, Some(130), "128 and the number of the signal");
    assert!(took < SOON, "{took:?}");
    Ok(())
}
