//! What must be true afterwards, from the log itself: every acknowledged rating is there, none more
//! often than it was sent, and what is served is what the log says. The rules are written down once
//! more here, without an order of application: that is what the feature store must equal.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::SystemTime;

use anyhow::Result;
use marquee_domain::{Offset, Partition, Position, RatingEvent, Scale, Timestamp};
use marquee_e2e::servers::Stack;
use marquee_e2e::{Clients, World, read_topic, until};
use marquee_kafka::KafkaLog;
use marquee_log::Decoder;
use marquee_ports::{RatingLog, Record, Topic};
use marquee_proto::convert;
use marquee_proto::features::v1::{
    GetMoviesRequest, GetProgressRequest, GetUsersRequest, Moments, MovieFeatures, User, UserQuery, UserView,
};

use super::load::{Identity, Written};

/// Windows that the feature store serves, in days.
const WINDOWS: [u32; 3] = [7, 30, 90];

/// Partitions of the rating topic.
const PARTITIONS: u32 = 8;

/// Longest history that it serves.
const HISTORY: usize = 500;

/// What was found.
pub(super) struct Judged {
    records: usize,
    twice: usize,
    users: usize,
    movies: usize,
}

impl fmt::Display for Judged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, twice, users, movies } = self;
        write!(formatter, "{records} events in the log, {twice} of them sent again by clients; ")?;
        write!(formatter, "none lost; {users} users and {movies} movies served as the log says, by both instances")
    }
}

/// A rating that counts.
pub(super) struct Counted<'a> {
    movie: &'a str,
    value: f64,
    at: Timestamp,
    offset: u64,
}

/// The rating of each pair that counts.
#[derive(Default)]
pub(super) struct Truth {
    pairs: HashMap<(String, String), (Timestamp, Position, f64)>,
}

impl Truth {
    /// Of a pair's ratings after its last removal in the log, the latest counts. At equal times,
    /// the later one in the log counts.
    fn of(events: &[(Position, RatingEvent)]) -> Self {
        let mut removals: HashMap<(&str, Option<&str>), Position> = HashMap::new();
        for (position, event) in events {
            let removed = match event {
                RatingEvent::Rated(_) => continue,
                RatingEvent::Removed { user, movie, .. } => (user.as_str(), Some(movie.as_str())),
                RatingEvent::UserRemoved { user, .. } => (user.as_str(), None),
            };
            let last = removals.entry(removed).or_insert(*position);
            *last = (*last).max(*position);
        }
        let mut truth = Self::default();
        for (position, event) in events {
            let RatingEvent::Rated(rating) = event else { continue };
            let (user, movie) = (rating.user.as_str(), rating.movie.as_str());
            let covers = |what| removals.get(&(user, what)).is_some_and(|removal| removal > position);
            if covers(Some(movie)) || covers(None) {
                continue;
            }
            let counted = (rating.rated_at, *position, rating.value);
            let kept = truth.pairs.entry((user.to_owned(), movie.to_owned())).or_insert(counted);
            if (counted.0, counted.1) > (kept.0, kept.1) {
                *kept = counted;
            }
        }
        truth
    }

    /// The users and movies of the ratings that count.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.keys().map(|(user, movie)| (user.as_str(), movie.as_str()))
    }

    pub(super) fn counted(&self, which: impl Fn(&str, &str) -> bool) -> Vec<Counted<'_>> {
        let pairs = self.pairs.iter().filter(|((user, movie), _)| which(user, movie));
        let mut counted: Vec<Counted<'_>> = pairs
            .map(|((_, movie), &(at, position, value))| Counted { movie, value, at, offset: position.offset.0 })
            .collect();
        counted.sort_by(|a, b| (a.at, a.offset, a.movie).cmp(&(b.at, b.offset, b.movie)));
        counted
    }
}

/// The log as it was when all of it was applied.
pub(super) struct Evidence {
    pub(super) log: KafkaLog,
    /// The records of the rating topic.
    pub(super) records: Vec<Record>,
    pub(super) truth: Truth,
}

/// Waits until the whole log is applied, reads it, and compares.
pub(super) async fn judge(
    stack: &Stack,
    world: &World,
    written: &Written,
    features: &[Clients; 2],
) -> Result<(Judged, Evidence)> {
    let log = stack.kafka.log().await?;
    let records = settled(&log, features).await?;
    let all = records.iter().filter_map(|record| Some((record.position, event(record)?)));
    let events: Vec<(Position, RatingEvent)> = all.collect();
    let twice = is_complete(&events, world, written);
    let truth = Truth::of(&events);
    for clients in features {
        serves(clients, world, &truth).await?;
    }
    let judged = Judged { records: events.len(), twice, users: world.users, movies: world.movies };
    Ok((judged, Evidence { log, records, truth }))
}

/// Reads the rating topic when it is applied. Applying records in wrong partitions appends others.
async fn settled(log: &KafkaLog, features: &[Clients; 2]) -> Result<Vec<Record>> {
    loop {
        let bounds = log.bounds(Topic::RATINGS).await?;
        let records = read_topic(log, Topic::RATINGS).await?;
        let ends = ends(&records);
        until("the log is applied", async || {
            let mut next = BTreeMap::new();
            for clients in features {
                let progress = clients.features.clone().get_progress(GetProgressRequest {}).await.ok()?.into_inner();
                next.extend(progress.partitions.iter().map(|partition| (partition.partition, partition.next_offset)));
            }
            ends.iter().all(|(partition, end)| next.get(&partition.0) >= Some(&end.0)).then_some(())
        })
        .await?;
        if log.bounds(Topic::RATINGS).await? == bounds {
            return Ok(records);
        }
    }
}

/// Returns the offset after the last record of each partition. Offsets that follow have no record,
/// for example because they are markers of transactions.
pub(super) fn ends(records: &[Record]) -> BTreeMap<Partition, Offset> {
    records.iter().map(|record| (record.position.partition, record.position.offset.next())).collect()
}

/// Checks that a feature store serves what the log said.
pub(super) async fn serves(clients: &Clients, world: &World, truth: &Truth) -> Result<()> {
    let now = Timestamp::from(SystemTime::now());
    users_are_right(clients, world, truth, now).await?;
    movies_are_right(clients, world, truth, now).await
}

/// Returns how the rating topic is decoded, with the scale of the processes under test.
pub(super) fn decoder() -> Decoder {
    Decoder { scale: Scale::try_new(1.0, 5.0, 1.0).expect("whole stars are a scale"), partitions: PARTITIONS }
}

/// Returns the event of a record of the rating topic, or `None` if it is no event or belongs to
/// another partition.
pub(super) fn event(stored: &Record) -> Option<RatingEvent> {
    decoder().decode(stored).ok()
}

/// Checks that every acknowledged rating is there, and none more often than it was sent. Returns
/// how many came twice.
fn is_complete(events: &[(Position, RatingEvent)], world: &World, written: &Written) -> usize {
    let users: HashMap<String, u32> = (0..world.users).map(|user| (world.user(user), user as u32)).collect();
    let movies: HashMap<String, u32> = (0..world.movies).map(|movie| (world.movie(movie), movie as u32)).collect();
    let mut copies: HashMap<Identity, u32> = HashMap::new();
    for (_, event) in events {
        // Other producers have users of their own.
        if let RatingEvent::Rated(rating) = event
            && let (Some(user), Some(movie)) = (users.get(rating.user.as_str()), movies.get(rating.movie.as_str()))
        {
            let identity = (*user, *movie, rating.rated_at.micros());
            *copies.entry(identity).or_default() += 1;
        }
    }
    let mut twice = 0;
    for (identity, sent) in &written.sent {
        let copies = copies.get(identity).copied().unwrap_or_default();
        assert!(copies >= 1, "a rating that was acknowledged is lost: {identity:?}");
        assert!(copies <= *sent, "a rating that was sent {sent} times is there {copies} times: {identity:?}");
        twice += copies as usize - 1;
    }
    twice
}

async fn users_are_right(clients: &Clients, world: &World, truth: &Truth, now: Timestamp) -> Result<()> {
    let ids: Vec<String> = (0..world.users).map(|user| world.user(user)).collect();
    for ids in ids.chunks(50) {
        let request = GetUsersRequest {
            users: ids.iter().map(|id| UserQuery { user_id: id.clone(), known_version: 0 }).collect(),
            views: vec![UserView::History as i32, UserView::Statistics as i32],
            as_of: Some(convert::timestamp(now)),
            ..GetUsersRequest::default()
        };
        for user in clients.features.clone().get_users(request).await?.into_inner().users {
            user_is_right(&user, &truth.counted(|who, _| who == user.user_id), now);
        }
    }
    Ok(())
}

/// Checks that the served history of a user is that of the log.
pub(super) fn history_is_right(user: &User, counted: &[Counted<'_>]) {
    let newest = &counted[counted.len().saturating_sub(HISTORY)..];
    let expected: Vec<_> = newest.iter().map(|c| (c.movie, c.value, Some(convert::timestamp(c.at)))).collect();
    let served: Vec<_> =
        user.history.iter().map(|entry| (entry.movie_id.as_str(), entry.rating, entry.rated_at)).collect();
    assert_eq!(served, expected, "history of {}", user.user_id);
}

fn user_is_right(user: &User, counted: &[Counted<'_>], now: Timestamp) {
    history_is_right(user, counted);
    let statistics = user.statistics.clone().unwrap_or_default();
    are_right(&user.user_id, statistics.all_time, counted.iter());
    windows_are_right(&user.user_id, &statistics.windows, counted, now);
    let genres: BTreeMap<&str, Moments> =
        statistics.genres.iter().map(|genre| (genre.genre.as_str(), genre.moments.unwrap_or_default())).collect();
    // As the world's catalogue has it.
    let genre = |movie: &str| {
        let number: usize = movie.trim_start_matches("movie-").parse().unwrap_or_default();
        if number.is_multiple_of(2) { "Comedy" } else { "Drama" }
    };
    for name in ["Comedy", "Drama"] {
        let of = counted.iter().filter(|c| genre(c.movie) == name);
        are_right(&format!("{name} of {}", user.user_id), genres.get(name).copied(), of);
    }
}

async fn movies_are_right(clients: &Clients, world: &World, truth: &Truth, now: Timestamp) -> Result<()> {
    let movie_ids: Vec<String> = (0..world.movies).map(|movie| world.movie(movie)).collect();
    let request = GetMoviesRequest { movie_ids, as_of: Some(convert::timestamp(now)) };
    for movie in clients.features.clone().get_movies(request).await?.into_inner().movies {
        let MovieFeatures { movie_id, statistics, .. } = movie;
        let (statistics, counted) = (statistics.unwrap_or_default(), truth.counted(|_, which| which == movie_id));
        are_right(&movie_id, statistics.all_time, counted.iter());
        windows_are_right(&movie_id, &statistics.windows, &counted, now);
    }
    Ok(())
}

fn windows_are_right(
    of: &str,
    served: &[marquee_proto::features::v1::WindowMoments],
    counted: &[Counted<'_>],
    now: Timestamp,
) {
    assert_eq!(served.iter().map(|window| window.days).collect::<Vec<_>>(), WINDOWS);
    for window in served {
        let days = now.day() - i64::from(window.days) + 1..=now.day();
        let inside = counted.iter().filter(|c| days.contains(&c.at.day()));
        are_right(&format!("{} days of {of}", window.days), window.moments, inside);
    }
}

fn are_right<'a>(of: &str, served: Option<Moments>, counted: impl Iterator<Item = &'a Counted<'a>>) {
    let values: Vec<f64> = counted.map(|c| c.value).collect();
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let served = served.unwrap_or_default();
    assert_eq!(served.count, values.len() as u64, "count: {of}");
    assert!(
        (served.mean - mean).abs() < 1e-9 && (served.spread - spread).abs() < 1e-6,
        "{served:?}, not {mean} ± {spread}: {of}"
    );
}
