//! Load on a fleet: with a number of requests in flight, or at a rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use marquee_e2e::quantile;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::calls::{Connection, Requests};
use crate::host::Host;

/// How long the fleet works before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// Requests in flight on one connection.
const SHARED: usize = 8;

/// What was measured under one load.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Measured {
    pub(crate) requests: usize,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of the fleet for a request. In an open load it has that of the ratings.
    pub(crate) server_micros: f64,
    pub(crate) failed: usize,
}

/// Answers to a part of the load.
#[derive(Debug, Default)]
struct Answers {
    latencies: Vec<Duration>,
    failed: usize,
    error: Option<anyhow::Error>,
}

impl Answers {
    fn note(&mut self, latency: Duration, answer: Result<bytes::Bytes>) {
        match answer {
            Ok(_) => self.latencies.push(latency),
            Err(error) => {
                self.failed += 1;
                self.error.get_or_insert(error);
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.failed += other.failed;
        self.error = self.error.take().or(other.error);
    }

    fn measured(mut self, time: Duration, cpu: Duration) -> Result<Measured> {
        if let Some(error) = &self.error {
            println!("    {} requests failed, the first with: {error:#}", self.failed);
        }
        ensure!(!self.latencies.is_empty(), "no request was answered");
        self.latencies.sort_unstable();
        let at = |share: f64| 1e3 * quantile(&self.latencies, share).unwrap_or_default().as_secs_f64();
        let requests = self.latencies.len();
        Ok(Measured {
            requests,
            requests_per_second: requests as f64 / time.as_secs_f64(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            server_micros: 1e6 * cpu.as_secs_f64() / requests as f64,
            failed: self.failed,
        })
    }
}

/// Keeps a number of requests in flight.
pub(crate) async fn closed(
    host: &Host,
    requests: &Arc<Requests>,
    in_flight: usize,
    time: Duration,
) -> Result<Measured> {
    let mut connections = Vec::new();
    for _ in 0..in_flight.div_ceil(SHARED) {
        connections.push(Connection::open(host.address()).await?);
    }
    ask(&connections, requests, in_flight, WARM_UP).await?;
    let (before, started) = (host.cpu_time()?, Instant::now());
    let answers = ask(&connections, requests, in_flight, time).await?;
    let time = started.elapsed();
    answers.measured(time, host.cpu_time()?.saturating_sub(before))
}

async fn ask(
    connections: &[Connection],
    requests: &Arc<Requests>,
    in_flight: usize,
    time: Duration,
) -> Result<Answers> {
    let until = Instant::now() + time;
    let mut askers = JoinSet::new();
    for connection in connections.iter().cycle().take(in_flight) {
        let (mut connection, requests) = (connection.clone(), Arc::clone(requests));
        askers.spawn(async move {
            let mut answers = Answers::default();
            while Instant::now() < until {
                let started = Instant::now();
                let answer = connection.call(&requests).await;
                answers.note(started.elapsed(), answer);
            }
            answers
        });
    }
    let mut all = Answers::default();
    while let Some(asked) = askers.join_next().await {
        all.add(asked?);
    }
    Ok(all)
}

/// Sends requests at a rate, and others beside them at another rate. The latency of a request
/// counts from the time when it is due, so a late client makes it longer and not shorter.
pub(crate) async fn open(
    host: &Host,
    (requests, rate): (&Arc<Requests>, u32),
    (beside, beside_rate): (&Arc<Requests>, u32),
    time: Duration,
) -> Result<Measured> {
    let (mut connection, mut other) =
        (Connection::open(host.address()).await?, Connection::open(host.address()).await?);
    // Connects and warms the other method too.
    connection.call(requests).await?;
    other.call(beside).await?;
    let (due, mut ticks) = mpsc::unbounded_channel();
    let count = rate * u32::try_from((WARM_UP + time).as_secs())?;
    // The timers of the runtime are exact to a millisecond only.
    std::thread::spawn(move || {
        let (begin, step) = (Instant::now(), Duration::from_secs(1) / rate);
        for number in 0..count {
            let at = begin + step * number;
            while let Some(left) = at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                std::thread::park_timeout(left);
            }
            if due.send((number, at)).is_err() {
                return;
            }
        }
    });
    let (mut asked, mut given) = (JoinSet::new(), JoinSet::new());
    let warm = rate * u32::try_from(WARM_UP.as_secs())?;
    let mut measuring = None;
    while let Some((number, at)) = ticks.recv().await {
        if number == warm {
            measuring = Some((host.cpu_time()?, Instant::now()));
        }
        let (mut connection, requests) = (connection.clone(), Arc::clone(requests));
        asked.spawn(async move {
            let answer = connection.call(&requests).await;
            (number, at.elapsed(), answer)
        });
        if number.is_multiple_of(rate / beside_rate) {
            let (mut other, beside) = (other.clone(), Arc::clone(beside));
            given.spawn(async move { other.call(&beside).await });
        }
    }
    let mut answers = Answers::default();
    while let Some(done) = asked.join_next().await {
        let (number, latency, answer) = done?;
        if number >= warm {
            answers.note(latency, answer);
        }
    }
    let (before, started) = measuring.context("nothing was measured")?;
    let (time, cpu) = (started.elapsed(), host.cpu_time()?.saturating_sub(before));
    while let Some(done) = given.join_next().await {
        done??;
    }
    answers.measured(time, cpu)
}
