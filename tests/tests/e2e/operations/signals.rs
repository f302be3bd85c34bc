//! Signals at any instant: during a start whose back-end does not answer, and twice.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use marquee_e2e::{DEADLINE, Process};
use marquee_embedded::{EmbeddedLog, LogSettings};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::PROGRAM;

/// The longest time that a process takes to end. It is a few times what it needs on an idle
/// machine, and a fraction of what any back-end is waited for.
const SOON: Duration = Duration::from_secs(6);

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

fn start(folder: &Path, settings: &[String]) -> Result<Child> {
    let mut command = Command::new(PROGRAM);
    command.arg("up").arg("--data-dir").arg(folder).args(["--grpc-listen", "127.0.0.1:0"]);
    command.args(["--http-listen", "127.0.0.1:0", "--set", "telemetry.log=warn"]);
    for setting in settings {
        command.arg("--set").arg(setting);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().context("start the fleet")
}

async fn send(child: &Child, signal: &str) -> Result<()> {
    let pid = child.id().context("the fleet has ended")?;
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().await.context("run kill")?;
    ensure!(sent.success(), "{signal} was not sent");
    Ok(())
}

/// Sends a signal, and returns the exit code and the time that the end took.
async fn ended_by(child: &mut Child, signal: &str) -> Result<(Option<i32>, Duration)> {
    let sent = Instant::now();
    send(child, signal).await?;
    let status = tokio::time::timeout(DEADLINE, child.wait()).await.context("it did not end")??;
    Ok((status.code(), sent.elapsed()))
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
        let mut fleet = start(folder.path(), &settings)?;
        let _connection = silent.connected().await?;
        let (code, took) = ended_by(&mut fleet, signal).await?;
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
    let mut fleet = start(folder.path(), &["drain_delay=10m".to_owned()])?;
    let addresses = super::until("it listens", || async { marquee::Addresses::read(folder.path()) }).await?;
    send(&fleet, "-TERM").await?;
    // It is not ready any more, and serves on for the time of the drain.
    let http = marquee_e2e::Http::new(&addresses.http);
    super::until("it drains", || async {
        let answer = http.get("/readyz").await.ok()?;
        (answer.status == 503 && answer.text().contains("shutting down")).then_some(())
    })
    .await?;
    let (code, took) = ended_by(&mut fleet, "-INT").await?;
    assert_eq!(code, Some(130), "128 and the number of the signal");
    assert!(took < SOON, "{took:?}");
    Ok(())
}
