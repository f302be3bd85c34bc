//! What clients do meanwhile: give ratings until each is acknowledged, and ask for predictions.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use marquee_e2e::{Clients, DEADLINE, World};
use marquee_proto::Timestamp;
use marquee_proto::prediction::v1::PredictRequest;
use marquee_proto::ratings::v1::{Rating, RemoveRatingRequest, SubmitRatingsRequest};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Request;

use crate::live::{latencies, paced};

/// Writers, each with users of its own; ratings in one of their requests; requests a second of
/// each: 2,000 ratings/s in all.
const WRITERS: usize = 4;
const BATCH: usize = 25;
const PACE: Duration = Duration::from_millis(50);

/// A client takes no longer for an attempt.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Every so many requests one rating is taken back.
const REMOVAL: usize = 40;

/// How far back a late rating may be dated: 20 days.
const LATE: i64 = 20 * 86_400 * 1_000_000;

/// A rating's identity: user, movie, and time in microseconds.
pub(super) type Identity = (u32, u32, i64);

/// What became of ratings.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// How often each was sent until it was acknowledged.
    pub(super) sent: HashMap<Identity, u32>,
    resent: u64,
    removed: u64,
    seconds: f64,
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ratings, seconds) = (self.sent.len(), self.seconds);
        let pace = ratings as f64 / seconds;
        write!(formatter, "{ratings} ratings acknowledged in {seconds:.1} s, {pace:.0}/s")?;
        write!(formatter, "; {} sent again; {} removals acknowledged", self.resent, self.removed)
    }
}

/// Gives ratings until it is over, and every one of them until it is acknowledged.
pub(super) async fn write(
    world: Arc<World>,
    ingest: [Clients; 2],
    seed: u64,
    over: watch::Receiver<bool>,
) -> Result<Written> {
    let started = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..WRITERS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(10 + number as u64);
        writers.spawn(writer(number, Arc::clone(&world), ingest.clone(), rng, over.clone()));
    }
    let mut all = Written::default();
    while let Some(written) = writers.join_next().await {
        let written = written??;
        all.sent.extend(written.sent);
        all.resent += written.resent;
        all.removed += written.removed;
    }
    all.seconds = started.elapsed().as_secs_f64();
    Ok(all)
}

async fn writer(
    number: usize,
    world: Arc<World>,
    ingest: [Clients; 2],
    mut rng: impl Rng,
    over: watch::Receiver<bool>,
) -> Result<Written> {
    let mut written = Written::default();
    // People go on rating while nobody takes it: what was missed follows.
    let mut pace = tokio::time::interval(PACE);
    let mut at = number % ingest.len();
    let mut newest = 0;
    for request in 0.. {
        pace.tick().await;
        if *over.borrow() {
            break;
        }
        let mut identities = Vec::with_capacity(BATCH);
        let mut ratings = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            let user = rng.random_range(0..world.users / WRITERS) * WRITERS + number;
            let movie = rng.random_range(0..world.movies);
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros() as i64;
            newest = now.max(newest + 1);
            let time = if rng.random_bool(0.1) { newest - rng.random_range(0..LATE) } else { newest };
            identities.push((user as u32, movie as u32, time));
            ratings.push(Rating {
                user_id: world.user(user),
                movie_id: world.movie(movie),
                rating: Some(f64::from(rng.random_range(1..=5))),
                rated_at: Some(Timestamp {
                    seconds: time.div_euclid(1_000_000),
                    nanos: time.rem_euclid(1_000_000) as i32 * 1_000,
                }),
            });
        }
        let started = Instant::now();
        let mut again = tokio::time::interval(PACE);
        loop {
            for identity in &identities {
                *written.sent.entry(*identity).or_default() += 1;
            }
            let mut submit = Request::new(SubmitRatingsRequest { ratings: ratings.clone() });
            submit.set_timeout(ATTEMPT);
            let sent = tokio::time::timeout(ATTEMPT, ingest[at].ratings.clone().submit_ratings(submit)).await;
            match sent {
                Ok(Ok(answer)) => {
                    let answer = answer.into_inner();
                    ensure!(answer.accepted == BATCH as u64, "a good rating was refused: {:?}", answer.rejected);
                    break;
                }
                failed => {
                    ensure!(started.elapsed() < DEADLINE, "no ingest takes ratings any more: {failed:?}");
                    at = (at + 1) % ingest.len();
                    written.resent += BATCH as u64;
                    again.tick().await;
                }
            }
        }
        if request % REMOVAL == REMOVAL - 1 {
            let (user, movie, _) = identities[0];
            let (user_id, movie_id) = (world.user(user as usize), world.movie(movie as usize));
            let mut remove = Request::new(RemoveRatingRequest { user_id, movie_id });
            remove.set_timeout(ATTEMPT);
            // Whether it was done or not, the log says.
            let removed = tokio::time::timeout(ATTEMPT, ingest[at].ratings.clone().remove_rating(remove)).await;
            written.removed += u64::from(matches!(removed, Ok(Ok(_))));
        }
    }
    Ok(written)
}

/// How predictions were answered.
#[derive(Debug, Default)]
pub(super) struct Probed {
    millis: Vec<f64>,
    degraded: usize,
    second: usize,
    unanswered: Vec<String>,
}

impl Probed {
    /// Every one was answered.
    pub(super) fn check(&self) {
        let (unanswered, asked) = (self.unanswered.len(), self.millis.len() + self.unanswered.len());
        assert!(!self.millis.is_empty(), "nothing was asked");
        assert_eq!(unanswered, 0, "of {asked} predictions: {:?}", self.unanswered.iter().take(5).collect::<Vec<_>>());
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} answered, {} by the second instance asked", self.millis.len(), self.second)?;
        write!(formatter, ", {} marked as degraded, {} unanswered", self.degraded, self.unanswered.len())?;
        write!(formatter, "; {}", latencies(self.millis.clone()))
    }
}

/// Asks for predictions until the end: one instance while it answers, and otherwise the other one.
pub(super) async fn probe(
    world: Arc<World>,
    inference: [Clients; 2],
    seed: u64,
    over: watch::Receiver<bool>,
) -> Result<Probed> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(20);
    let mut pace = paced(Duration::from_millis(20));
    let mut probed = Probed::default();
    let mut first = 0;
    while !*over.borrow() {
        pace.tick().await;
        let user_id = world.user(rng.random_range(0..world.users));
        let movie_ids = (0..5).map(|_| world.movie(rng.random_range(0..world.movies))).collect();
        let request = PredictRequest { user_id, movie_ids, ..PredictRequest::default() };
        let started = Instant::now();
        let mut failures = Vec::new();
        for instance in [first, 1 - first] {
            let mut asked = Request::new(request.clone());
            asked.set_timeout(ATTEMPT);
            match tokio::time::timeout(ATTEMPT, inference[instance].predictions.clone().predict(asked)).await {
                Ok(Ok(answer)) => {
                    let answer = answer.into_inner();
                    ensure!(answer.predictions.len() == 5, "an answer with too few predictions");
                    probed.millis.push(started.elapsed().as_secs_f64() * 1_000.0);
                    probed.degraded += usize::from(answer.provenance.is_some_and(|provenance| provenance.degraded));
                    probed.second += usize::from(instance != first);
                    first = instance;
                    failures.clear();
                    break;
                }
                failed => failures.push(format!("{failed:?}")),
            }
        }
        if !failures.is_empty() {
            probed.unanswered.push(failures.join("; "));
        }
    }
    Ok(probed)
}
