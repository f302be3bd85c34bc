//! Signals at any instant: during a start whose back-end does not answer, and twice.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use marquee_e2e::{DEADLINE, Launch, Process};
use marquee_embedded::{EmbeddedLog, LogSettings};
use marquee_kit::signals::ignores_hangups;
use tokio::net::TcpListener;

use super::PROGRAM;

/// The longest time that a process takes to end: two seconds of work, and one more because other
/// tests use the machine too. It is a fraction of what any back-end is waited for.
const SOON: Duration = Duration::from_secs(3);

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
    // Processes that are started under `nohup` ignore SIGHUP.
    let hangup = if ignores_hangups() { "-TERM" } else { "-HUP" };
    // SERVER stands for the address of the server.
    let cases: [(&str, &[&str]); 4] = [
        ("-TERM", &["backends.log=kafka", "kafka.bootstrap=SERVER"]),
        ("-INT", &["backends.store=redis", "redis.urls=redis://SERVER"]),
        (hangup, &["backends.objects=s3", "s3.endpoint=http://SERVER", "s3.access_key_id=a", "s3.secret_access_key=b"]),
        ("-TERM", &["backends.store=redis", "redis.urls=redis://SERVER"]),
    ];
    for (signal, settings) in cases {
        // A server for each: a second connection of the process before would be taken for that of
        // this one, which may not watch for signals yet.
        let (folder, silent) = (tempfile::tempdir()?, Silent::start().await?);
        let address = silent.address()?;
        let launch = Launch::new(PROGRAM, folder.path());
        let set = |launch: Launch, setting: &&str| launch.set(setting.replace("SERVER", &address));
        let mut fleet = settings.iter().fold(launch, set).spawned()?;
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
