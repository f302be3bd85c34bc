//! Latency of predictions while ratings arrive, with the duel and without it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use marquee_e2e::{Clients, quantile};
use marquee_proto::ratings::v1::Rating;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::data::Data;
use crate::host::{EVERY_ROLE, Host, Used};

/// Predictions a second.
pub(crate) const PREDICTIONS: u64 = 1_000;

/// Ratings a second.
pub(crate) const RATINGS: u64 = 200;

/// How long a fleet works before it is measured.
const WARM_UP: Duration = Duration::from_secs(3);

#[derive(Debug, Serialize)]
pub(crate) struct Serving {
    with_duel: Vec<Round>,
    without: Vec<Round>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Round {
    p50_ms: f64,
    p99_ms: f64,
    failed: usize,
    /// Processor seconds a second.
    cores: f64,
}

impl Serving {
    pub(crate) fn print(&self) {
        let sides = [("with the duel", &self.with_duel), ("without the duel", &self.without)];
        for (name, rounds) in sides {
            let each: Vec<String> =
                rounds.iter().map(|round| format!("{:.2}/{:.2}", round.p50_ms, round.p99_ms)).collect();
            let failed: usize = rounds.iter().map(|round| round.failed).sum();
            println!(
                "{name:<26} median {:.2} ms, p99 {:.2} ms, {:.2} cores, {failed} failed (rounds: {})",
                median(rounds, |round| round.p50_ms),
                median(rounds, |round| round.p99_ms),
                median(rounds, |round| round.cores),
                each.join(", "),
            );
        }
        let p99 = |rounds: &[Round]| median(rounds, |round| round.p99_ms);
        let change = 100.0 * (p99(&self.with_duel) / p99(&self.without) - 1.0);
        println!("{:<26} {change:+.1} % of p99, between the medians of the rounds", "the duel costs");
    }
}

/// Returns the median of a figure over the rounds.
fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// Measures by turns with the duel and without it.
pub(crate) async fn measure(folder: &Path, data: &Data, (rounds, seconds): (usize, u64)) -> Result<Serving> {
    let mut serving = Serving { with_duel: Vec::new(), without: Vec::new() };
    let (mut ratings, measured) = (data.newer.iter().cloned(), Duration::from_secs(seconds));
    for round in 0..rounds {
        // Which one is first changes, in case the machine becomes slower or the log longer.
        for has_duel in [round % 2 == 0, round % 2 == 1] {
            let roles: Vec<&str> = EVERY_ROLE.iter().copied().filter(|role| has_duel || *role != "monitor").collect();
            let host = Host::start(folder, &roles).await?;
            host.both_warm().await?;
            if has_duel {
                host.learned().await?;
            }
            run(&host.clients, (data, &mut ratings), WARM_UP).await?;
            let measured = run(&host.clients, (data, &mut ratings), measured).await?;
            let side = if has_duel { &mut serving.with_duel } else { &mut serving.without };
            side.push(measured);
            host.stop().await;
        }
    }
    Ok(serving)
}

/// Predicts and rates for a time. Each request begins on time, whether those before it have ended
/// or not.
async fn run(
    clients: &Clients,
    (data, ratings): (&Data, &mut impl Iterator<Item = Rating>),
    time: Duration,
) -> Result<Round> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / PREDICTIONS));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut predictions, mut given) = (JoinSet::new(), JoinSet::new());
    let (started, before) = (Instant::now(), Used::now()?);
    let count = PREDICTIONS * time.as_secs();
    for number in 0..count {
        pace.tick().await;
        let user = data.older.choose(&mut rng).context("no ratings")?.user_id.clone();
        let movie = data.movies[rng.random_range(0..data.movies.len())].movie_id.clone();
        let asked = clients.clone();
        predictions.spawn(async move {
            let started = Instant::now();
            asked.predict(&user, &[&movie], &[]).await.map(|_| started.elapsed())
        });
        if number.is_multiple_of(PREDICTIONS / RATINGS) {
            let (rated, rating) = (clients.clone(), ratings.next().context("the ratings ended: measure less")?);
            given.spawn(async move { rated.rate_all(vec![rating]).await.map(drop) });
        }
    }
    let answers = predictions.join_all().await;
    let used = Used::now()?.since(before).all;
    for acknowledged in given.join_all().await {
        acknowledged?;
    }
    let mut millis: Vec<f64> = answers.iter().flatten().map(|latency: &Duration| 1e3 * latency.as_secs_f64()).collect();
    ensure!(!millis.is_empty(), "no prediction was answered");
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| quantile(&millis, share).unwrap_or(f64::NAN);
    let cores = used.as_secs_f64() / started.elapsed().as_secs_f64();
    Ok(Round { p50_ms: at(0.5), p99_ms: at(0.99), failed: answers.len() - millis.len(), cores })
}
