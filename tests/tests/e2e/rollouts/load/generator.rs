//! An open-loop load: requests are sent at a rate, whether earlier ones were answered or not.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use marquee_domain::Variant;
use marquee_e2e::Clients;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tonic::Code;

use super::{Swap, USERS};
use crate::live;

/// Requests a second.
const RATE: f64 = 1_000.0;

/// The largest number of requests that are not answered yet. While there are so many, requests are
/// left out: what a loaded machine cannot answer must not pile up.
const MOST: usize = 128;

/// Connections to each instance.
const CONNECTIONS: usize = 4;

/// How often a request is sent until it is given up, to the instances in turn.
const ATTEMPTS: usize = 4;

/// An answered request.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) instance: usize,
    pub(super) user: String,
    pub(super) version: u64,
    pub(super) variant: Variant,
    /// When the attempt that was answered began.
    pub(super) sent: Instant,
    pub(super) received: Instant,
    /// When the first attempt began.
    asked: Instant,
    retries: usize,
}

/// What became of all requests.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) answers: Vec<Answer>,
    pub(super) failures: Vec<String>,
    left_out: usize,
    seconds: f64,
}

impl Load {
    /// Returns the rate, the retries, and the latencies during changes and between them.
    pub(super) fn describe(&self, swaps: &[Swap]) -> String {
        let is_swap =
            |answer: &&Answer| swaps.iter().any(|(start, end)| answer.asked <= *end && answer.received >= *start);
        let (during, between): (Vec<&Answer>, Vec<&Answer>) = self.answers.iter().partition(is_swap);
        let retried = self.answers.iter().filter(|answer| answer.retries > 0).count();
        let most = self.answers.iter().map(|answer| answer.retries).max().unwrap_or(0);
        let reached = self.answers.len() as f64 / self.seconds;
        let note = if reached < 0.9 * RATE { ", less than wanted on this machine" } else { "" };
        format!(
            "{} answers in {:.1} s, {reached:.0}/s of {RATE:.0}/s{note}; {} left out; {retried} after another try \
             (at most {most}); {} failed; between changes {}; during changes {}",
            self.answers.len(),
            self.seconds,
            self.left_out,
            self.failures.len(),
            latencies(&between),
            latencies(&during),
        )
    }
}

fn latencies(answers: &[&Answer]) -> String {
    live::latencies(answers.iter().map(|answer| (answer.received - answer.asked).as_secs_f64() * 1e3).collect())
}

/// Sends requests to two instances until it is over. Tells of the first failure.
pub(super) async fn generate(
    addresses: [String; 2],
    failed: watch::Sender<bool>,
    over: watch::Receiver<bool>,
) -> Result<Load> {
    let pool: Vec<Arc<[Clients; 2]>> = (0..CONNECTIONS)
        .map(|_| Ok(Arc::new([Clients::connect(&addresses[0])?, Clients::connect(&addresses[1])?])))
        .collect::<Result<_>>()?;
    let (permits, mut running) = (Arc::new(Semaphore::new(MOST)), JoinSet::new());
    let (started, mut load, mut count) = (Instant::now(), Load::default(), 0_usize);
    let mut pace = tokio::time::interval(Duration::from_millis(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !*over.borrow() {
        pace.tick().await;
        let due = (started.elapsed().as_secs_f64() * RATE) as usize;
        for number in count..due {
            match Arc::clone(&permits).try_acquire_owned() {
                Ok(permit) => {
                    let asked = ask(Arc::clone(&pool[number / 2 % CONNECTIONS]), number);
                    running.spawn(async move { (asked.await, permit).0 });
                }
                Err(_) => load.left_out += 1,
            }
        }
        count = due;
        while let Some(done) = running.try_join_next() {
            load.add(done?, &failed);
        }
    }
    load.seconds = started.elapsed().as_secs_f64();
    while let Some(done) = running.join_next().await {
        load.add(done?, &failed);
    }
    Ok(load)
}

impl Load {
    fn add(&mut self, done: Result<Answer, String>, failed: &watch::Sender<bool>) {
        match done {
            Ok(answer) => self.answers.push(answer),
            Err(failure) => {
                failed.send_replace(true);
                self.failures.push(failure);
            }
        }
    }
}

/// Asks one instance, and after UNAVAILABLE the other one.
async fn ask(clients: Arc<[Clients; 2]>, number: usize) -> Result<Answer, String> {
    let (asked, user) = (Instant::now(), format!("user-{}", number % USERS));
    let mut refusals = Vec::new();
    for retries in 0..ATTEMPTS {
        let (instance, sent) = ((number + retries) % 2, Instant::now());
        match clients[instance].predict(&user, &["movie-1", "movie-2"], &[]).await {
            Ok(answer) => {
                let provenance = answer.provenance.ok_or("an answer without provenance")?;
                let is_candidate = provenance.variant == Variant::Candidate.as_str();
                let variant = if is_candidate { Variant::Candidate } else { Variant::Stable };
                let (version, received) = (provenance.version, Instant::now());
                return Ok(Answer { instance, user, version, variant, sent, received, asked, retries });
            }
            Err(status) if status.code() == Code::Unavailable => refusals.push(status.message().to_owned()),
            Err(status) => return Err(format!("instance {instance} after {refusals:?}: {status:?}")),
        }
    }
    Err(format!("no instance answered: {refusals:?}"))
}
