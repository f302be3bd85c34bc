//! The fleet is killed at random instants, during imports, ratings and predictions, and every time:
//! nothing that was acknowledged is lost, nothing is counted twice, and it serves again.
//!
//! `MARQUEE_KILLS` sets how often, `MARQUEE_SEED` which instants; both are printed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use marquee_cli::import::{self, Plan, Progress};
use marquee_datasets::{Dataset, Options};
use marquee_e2e::{Clients, DEADLINE, Process, World};
use marquee_proto::Timestamp;
use marquee_proto::features::v1::GetMoviesRequest;
use marquee_proto::ratings::v1::Rating;
use marquee_proto::training::v1::{Algorithm, Parameters};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{oneshot, watch};

const PROGRAM: &str = env!("CARGO_BIN_EXE_marquee-under-test");

/// Movies of the catalogue.
const MOVIES: usize = 40;

/// Users of each writer.
const USERS: usize = 8;

/// Writers and readers at work when the fleet dies.
const WRITERS: usize = 3;
const READERS: usize = 2;

/// Ratings that an import sends in each round.
const IMPORTED: usize = 4_000;

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What one client knows: the last acknowledged rating of each pair, and the batch that was in
/// flight when the fleet died.
struct Writer {
    number: usize,
    rng: ChaCha8Rng,
    clock: i64,
    acknowledged: BTreeMap<(String, String), f64>,
    under_way: Vec<Rating>,
}

impl Writer {
    fn new(number: usize, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed ^ (number as u64 + 1));
        Self { number, rng, clock: 1_600_000_000, acknowledged: BTreeMap::new(), under_way: Vec::new() }
    }

    fn users(&self) -> Vec<String> {
        (0..USERS).map(|user| format!("w{}-{user}", self.number)).collect()
    }

    /// Sends batches until the fleet stops answering.
    async fn work(&mut self, clients: Clients, acks: &watch::Sender<u64>) {
        loop {
            let size = self.rng.random_range(1..40);
            self.under_way = (0..size).map(|_| self.rating()).collect();
            if !self.send(&clients).await {
                return;
            }
            acks.send_modify(|acks| *acks += 1);
        }
    }

    /// A rating of a pair that may have one already; each a second after the one before.
    fn rating(&mut self) -> Rating {
        self.clock += 1;
        Rating {
            user_id: format!("w{}-{}", self.number, self.rng.random_range(0..USERS)),
            movie_id: format!("movie-{}", self.rng.random_range(0..MOVIES)),
            rating: Some(f64::from(self.rng.random_range(1_u8..=5))),
            rated_at: Some(Timestamp { seconds: self.clock, nanos: 0 }),
        }
    }

    async fn send(&mut self, clients: &Clients) -> bool {
        match clients.rate_all(self.under_way.clone()).await {
            Ok(answer) => {
                assert_eq!(answer.accepted as usize, self.under_way.len());
                self.acknowledge();
                true
            }
            Err(_) => false,
        }
    }

    fn acknowledge(&mut self) {
        for rating in self.under_way.drain(..) {
            let value = rating.rating();
            self.acknowledged.insert((rating.user_id, rating.movie_id), value);
        }
    }

    /// Checks that every acknowledged rating is there; each rating of the batch in flight may be
    /// there. Then the batch is sent again, and everything must be exact.
    async fn check(&mut self, clients: &Clients) -> Result<()> {
        let mut allowed: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        for rating in &self.under_way {
            let pair = (rating.user_id.clone(), rating.movie_id.clone());
            allowed.entry(pair).or_default().push(rating.rating());
        }
        let found = self.histories(clients).await?;
        for (pair, value) in &self.acknowledged {
            let got = found.get(pair).with_context(|| format!("the acknowledged rating of {pair:?} is lost"))?;
            let under_way = allowed.get(pair).is_some_and(|values| values.contains(got));
            assert!(got == value || under_way, "{pair:?} is {got}, acknowledged was {value}");
        }
        for (pair, value) in &found {
            let known = self.acknowledged.contains_key(pair) || allowed.get(pair).is_some_and(|v| v.contains(value));
            assert!(known, "{pair:?} was never sent");
        }
        assert!(self.send(clients).await, "sending again fails");
        assert_eq!(self.histories(clients).await?, self.acknowledged, "after sending again");
        Ok(())
    }

    /// Returns what the feature store serves once everything is applied. The count of each user
    /// must equal the length of the history.
    async fn histories(&self, clients: &Clients) -> Result<BTreeMap<(String, String), f64>> {
        let after = applied(clients).await?;
        let mut found = BTreeMap::new();
        for id in self.users() {
            let user = clients.user(&id, &after).await?;
            let count = user.statistics.and_then(|all| all.all_time).map(|all| all.count);
            assert_eq!(count, Some(user.history.len() as u64), "user {id} is counted as often as rated");
            found.extend(user.history.into_iter().map(|entry| ((id.clone(), entry.movie_id), entry.rating)));
        }
        Ok(found)
    }
}

/// The last position of every partition, to wait for.
async fn applied(clients: &Clients) -> Result<Vec<marquee_proto::ratings::v1::Position>> {
    let progress = clients.features.clone().get_progress(marquee_proto::features::v1::GetProgressRequest {}).await?;
    let last = |one: &marquee_proto::features::v1::PartitionProgress| {
        Some(marquee_proto::ratings::v1::Position { partition: one.partition, offset: one.end_offset.checked_sub(1)? })
    };
    Ok(progress.into_inner().partitions.iter().filter_map(last).collect())
}

/// Asks for predictions until the fleet stops answering; how many it got.
async fn read(number: usize, clients: Clients) -> u64 {
    let mut answered = 0;
    loop {
        let user = format!("w{}-{}", number % WRITERS, answered as usize % USERS);
        match clients.predict(&user, &["movie-1", "movie-2"], &[]).await {
            Ok(answer) => {
                assert!(answer.predictions.iter().all(|one| (1.0..=5.0).contains(&one.rating)));
                answered += 1;
            }
            Err(_) => return answered,
        }
    }
}

/// A file of ratings for one round, of users whom nobody else rates as.
fn file(folder: &Path, round: u64) -> Result<std::path::PathBuf> {
    let path = folder.join(format!("round-{round}.csv"));
    let mut text = String::from("userId,movieId,rating,timestamp\n");
    for row in 0..IMPORTED {
        text.push_str(&format!(
            "i{round}-{},movie-{},{},{}\n",
            row / MOVIES,
            row % MOVIES,
            1 + row % 5,
            1_500_000_000 + row
        ));
    }
    std::fs::write(&path, text)?;
    Ok(path)
}

/// Says when an import sends its first ratings. Before that it has not reached the fleet, and would
/// not wait for one that is away.
struct Begun(Option<oneshot::Sender<()>>);

impl Progress for Begun {
    fn movies(&mut self, _done: u64, _total: u64) {}
    fn ratings(&mut self, _resumed_at: u64) {
        self.0.take().map(|begun| begun.send(()));
    }
    fn acknowledged(&mut self, _imported: &import::Imported, _rows: u64, _bytes: u64) {}
    fn waiting(&mut self, _why: &str, _left: Duration) {}
}

async fn import(dataset: Dataset, address: String, begun: oneshot::Sender<()>) -> Result<import::Imported> {
    let client = marquee_cli::Client::connect(&address)?;
    let plan = Plan { batch: 20, ..Plan::default() };
    Ok(import::import(dataset, &client, plan, &mut Begun(Some(begun))).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_instant_it_dies_nothing_acknowledged_is_lost_or_counted_twice() -> Result<()> {
    let (kills, seed) = (variable("MARQUEE_KILLS", 8), variable("MARQUEE_SEED", 20_261_125));
    println!("{kills} kills, seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (data, files) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut fleet = Process::start(PROGRAM, data.path(), &[]).await?;
    let world = World::new(30, MOVIES, seed);
    let clients = fleet.clients()?;
    clients.add_movies(world.catalogue()).await?;
    clients.rate_all(world.ratings()).await?;
    clients.train(Algorithm::Map, Parameters::default()).await?;
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(number, seed)).collect();
    let (mut answers, mut interrupted, mut slowest) = (0, 0, Duration::ZERO);
    for round in 0..kills {
        let clients = fleet.clients()?;
        let (acks, mut seen) = watch::channel(0_u64);
        let dataset = marquee_datasets::open(&file(files.path(), round)?, Options::default())?;
        let (begun, begins) = oneshot::channel();
        let importing = tokio::spawn(import(dataset, fleet.addresses().grpc.clone(), begun));
        let until = rng.random_range(1..60);
        let spin = rng.random_range(0..200_000_u32);
        let killing = async {
            tokio::time::timeout(DEADLINE, begins).await.context("the import does not begin")??;
            let until = *seen.borrow_and_update() + until;
            tokio::time::timeout(DEADLINE, seen.wait_for(|acks| *acks >= until))
                .await
                .context("no acknowledgements")??;
            // Somewhere between two acknowledgements, not right behind one.
            (0..spin).for_each(|turn| _ = std::hint::black_box(turn));
            fleet.kill().await
        };
        let working = writers.iter_mut().map(|writer| writer.work(clients.clone(), &acks));
        let working = futures_util::future::join_all(working);
        let reading = futures_util::future::join_all((0..READERS).map(|number| read(number, clients.clone())));
        let (killed, _, read) = tokio::join!(killing, working, reading);
        killed?;
        answers += read.iter().sum::<u64>();

        let started = Instant::now();
        fleet.restart().await?;
        slowest = slowest.max(started.elapsed());
        let imported = importing.await??;
        assert_eq!((imported.accepted, imported.rejected), (IMPORTED as u64, 0), "an import goes on by itself");
        interrupted += u64::from(imported.reconnects > 0);
        let clients = fleet.clients()?;
        for writer in &mut writers {
            writer.check(&clients).await?;
        }
        let answer = clients.predict("w0-0", &["movie-1"], &[]).await?;
        assert_eq!(answer.provenance.expect("provenance").version, 1, "it serves what it served");
        let pairs = writers.iter().map(|writer| writer.acknowledged.len()).sum::<usize>();
        let expected = world.ratings().len() + pairs + IMPORTED * (round as usize + 1);
        assert_eq!(counted(&clients).await?, expected as u64, "movies count each rating once");
    }
    let seconds = slowest.as_secs_f64();
    println!("{answers} predictions and {interrupted} imports under way when it died, slowest restart {seconds:.2} s");
    assert!(answers > 0 && interrupted > 0, "predictions and imports were under way");
    assert_eq!(fleet.stop().await?, Some(0), "SIGTERM ends it in order");
    Ok(())
}

/// Ratings of all movies together.
async fn counted(clients: &Clients) -> Result<u64> {
    let movie_ids = (0..MOVIES).map(|movie| format!("movie-{movie}")).collect();
    let request = GetMoviesRequest { movie_ids, as_of: None };
    let movies = clients.features.clone().get_movies(request).await?.into_inner().movies;
    let count =
        |movie: &marquee_proto::features::v1::MovieFeatures| movie.statistics.as_ref()?.all_time.map(|all| all.count);
    Ok(movies.iter().filter_map(count).sum())
}
