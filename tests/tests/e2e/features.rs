//! Features agree with a plain recomputation: real ratings go through the stream, mixed with
//! repeats, late ones and removals, and at random instants what is served is compared with what a
//! few lines make of the same events.

#[path = "features/executions.rs"]
mod executions;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use marquee_domain::{Movie, Timestamp};
use marquee_e2e::{Clients, DEADLINE, Fleet, dataset};
use marquee_proto::convert;
use marquee_proto::features::v1::{
    GetMoviesRequest, GetUsersRequest, Moments, MovieFeatures, Statistics, User, UserQuery, UserView,
};
use marquee_proto::ratings::v1::{Position, Rating, RemoveRatingRequest, RemoveUserRequest};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// The ratings that count, by (user, movie): when they were given, and their stars.
type Pairs = BTreeMap<(String, String), (Timestamp, f64)>;

/// The batch side: the ratings that count, by the rules of the contract, without tiles, rows or
/// offsets.
#[derive(Default)]
struct Batch {
    pairs: Pairs,
    /// Order of arrival, for ratings of one instant.
    order: BTreeMap<(String, String), usize>,
    arrived: usize,
}

impl Batch {
    fn rate(&mut self, rating: &Rating, at: Timestamp) {
        self.arrived += 1;
        let pair = (rating.user_id.clone(), rating.movie_id.clone());
        if self.pairs.get(&pair).is_none_or(|(then, _)| *then <= at) {
            self.order.insert(pair.clone(), self.arrived);
            self.pairs.insert(pair, (at, rating.rating()));
        }
    }

    /// Removes a user's rating of a movie, or all of the user's, whatever their times are.
    fn remove(&mut self, user_id: &str, movie_id: Option<&str>) {
        self.pairs.retain(|(user, movie), _| user != user_id || movie_id.is_some_and(|removed| removed != movie));
    }

    fn of<'a>(&'a self, pick: impl Fn(&str, &str) -> bool + 'a) -> Vec<(&'a (String, String), Timestamp, f64)> {
        let picked = self.pairs.iter().filter(|(pair, _)| pick(&pair.0, &pair.1));
        picked.map(|(pair, &(at, value))| (pair, at, value)).collect()
    }
}

/// Moments in plain sums; whole stars keep them exact.
fn moments(values: &[f64]) -> Moments {
    let count = values.len() as f64;
    if values.is_empty() {
        return Moments::default();
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| value * value).sum::<f64>();
    Moments { count: values.len() as u64, mean, spread: (squares / count - mean * mean).max(0.0).sqrt() }
}

fn assert_moments(got: Option<&Moments>, wanted: &Moments, what: &str) {
    let got = got.expect("moments");
    assert_eq!(got.count, wanted.count, "{what}");
    assert!((got.mean - wanted.mean).abs() < 1e-9, "{what}: mean {} is not {}", got.mean, wanted.mean);
    assert!((got.spread - wanted.spread).abs() < 1e-6, "{what}: spread {} is not {}", got.spread, wanted.spread);
}

fn assert_statistics(got: &Statistics, rated: &[(&(String, String), Timestamp, f64)], as_of: Timestamp, what: &str) {
    let all: Vec<f64> = rated.iter().map(|(_, _, value)| *value).collect();
    assert_moments(got.all_time.as_ref(), &moments(&all), what);
    assert_eq!(got.windows.iter().map(|window| window.days).collect::<Vec<_>>(), [7, 30, 90]);
    for window in &got.windows {
        let days = (as_of.day() - i64::from(window.days) + 1)..=as_of.day();
        let inside: Vec<f64> =
            rated.iter().filter(|(_, at, _)| days.contains(&at.day())).map(|(.., value)| *value).collect();
        assert_moments(window.moments.as_ref(), &moments(&inside), &format!("{what}, {} days", window.days));
    }
}

struct Replay {
    clients: Clients,
    batch: Batch,
    genres: BTreeMap<String, Vec<String>>,
    rng: ChaCha8Rng,
    last: BTreeMap<u32, u64>,
}

impl Replay {
    fn reached(&mut self, positions: impl IntoIterator<Item = Position>) {
        self.last.extend(positions.into_iter().map(|position| (position.partition, position.offset)));
    }

    fn after(&self) -> Vec<Position> {
        self.last.iter().map(|(&partition, &offset)| Position { partition, offset }).collect()
    }

    async fn send(&mut self, ratings: &[Rating]) -> Result<()> {
        let answer = self.clients.rate_all(ratings.to_vec()).await?;
        assert_eq!(answer.accepted, ratings.len() as u64);
        self.reached(answer.positions);
        for rating in ratings {
            let at = convert::from_timestamp("rated_at", rating.rated_at.as_ref().expect("a time")).expect("a time");
            self.batch.rate(rating, at);
        }
        Ok(())
    }

    /// Removes a rating, or all ratings of its user.
    async fn remove(&mut self, rating: &Rating, all: bool) -> Result<()> {
        let user_id = rating.user_id.clone();
        let position = if all {
            let request = RemoveUserRequest { user_id: user_id.clone() };
            self.clients.ratings.clone().remove_user(request).await?.into_inner().position
        } else {
            let request = RemoveRatingRequest { user_id: user_id.clone(), movie_id: rating.movie_id.clone() };
            self.clients.ratings.clone().remove_rating(request).await?.into_inner().position
        };
        self.reached(position);
        self.batch.remove(&user_id, (!all).then_some(rating.movie_id.as_str()));
        Ok(())
    }

    /// Compares some users and movies, as of a random instant.
    async fn compare(&mut self, seen: &[Rating]) -> Result<()> {
        let some: Vec<Rating> = (0..25).filter_map(|_| seen.choose(&mut self.rng).cloned()).collect();
        let instant = some.first().and_then(|rating| rating.rated_at.as_ref()).expect("a time");
        let as_of = convert::from_timestamp("as_of", instant).expect("a time");
        let users: BTreeSet<String> = some.iter().map(|rating| rating.user_id.clone()).collect();
        let movies: BTreeSet<String> = some.iter().map(|rating| rating.movie_id.clone()).collect();
        let request = GetUsersRequest {
            users: users.iter().map(|user| UserQuery { user_id: user.clone(), known_version: 0 }).collect(),
            views: vec![UserView::History as i32, UserView::Statistics as i32],
            as_of: Some(*instant),
            after: self.after(),
        };
        let mut request = tonic::Request::new(request);
        request.set_timeout(DEADLINE);
        let answer = self.clients.features.clone().get_users(request).await?.into_inner();
        assert_eq!(answer.users.len(), users.len());
        answer.users.iter().for_each(|user| self.compare_user(user, as_of));
        let request = GetMoviesRequest { movie_ids: movies.iter().cloned().collect(), as_of: Some(*instant) };
        let answer = self.clients.features.clone().get_movies(request).await?.into_inner();
        assert_eq!(answer.movies.len(), movies.len());
        answer.movies.iter().for_each(|movie| self.compare_movie(movie, as_of));
        Ok(())
    }

    fn compare_user(&self, user: &User, as_of: Timestamp) {
        let mut rated = self.batch.of(|who, _| who == user.user_id);
        let what = format!("user {}", user.user_id);
        let statistics = user.statistics.as_ref().expect("statistics");
        assert_statistics(statistics, &rated, as_of, &what);
        let mut by_genre: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for ((_, movie), _, value) in &rated {
            for genre in &self.genres[movie] {
                by_genre.entry(genre).or_default().push(*value);
            }
        }
        assert_eq!(statistics.genres.len(), by_genre.len(), "{what}");
        for (got, (genre, values)) in statistics.genres.iter().zip(by_genre) {
            assert_eq!(got.genre, genre);
            assert_moments(got.moments.as_ref(), &moments(&values), &format!("{what}, {genre}"));
        }
        rated.sort_by_key(|(pair, at, _)| (*at, self.batch.order[*pair]));
        let newest = &rated[rated.len().saturating_sub(500)..];
        let got: Vec<(&str, f64)> = user.history.iter().map(|entry| (entry.movie_id.as_str(), entry.rating)).collect();
        let wanted: Vec<(&str, f64)> = newest.iter().map(|(pair, _, value)| (pair.1.as_str(), *value)).collect();
        assert_eq!(got, wanted, "{what}: the newest ratings, oldest first");
    }

    fn compare_movie(&self, movie: &MovieFeatures, as_of: Timestamp) {
        let rated = self.batch.of(|_, what| what == movie.movie_id);
        let statistics = movie.statistics.as_ref().expect("statistics");
        assert_statistics(statistics, &rated, as_of, &format!("movie {}", movie.movie_id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_equals_a_batch_recomputation_at_random_instants() -> Result<()> {
    let Some(data) = dataset("ml-100k") else { return Ok(()) };
    let fleet = Fleet::start().await?;
    let catalogue: Vec<Movie> = data.movies()?;
    let genres = catalogue.iter().map(|movie| (movie.id.as_str().to_owned(), movie.genres.clone())).collect();
    fleet.clients().add_movies(catalogue.iter().map(convert::movie).collect()).await?;
    // The file is in no order of time: late ratings come by themselves. A few users, so that each
    // has something to be wrong about.
    let ratings: Vec<Rating> = data
        .ratings()?
        .filter_map(Result::ok)
        .filter(|row| row.user.parse::<u32>().is_ok_and(|user| user % 8 == 1))
        .map(|row| Rating {
            user_id: row.user,
            movie_id: row.movie,
            rating: Some(row.rating),
            rated_at: row.rated_at.map(convert::timestamp),
        })
        .collect();
    assert!(ratings.len() > 10_000);
    let rng = ChaCha8Rng::seed_from_u64(31);
    let mut replay =
        Replay { clients: fleet.clients().clone(), batch: Batch::default(), genres, rng, last: BTreeMap::new() };
    let history = executions::history(&fleet)?;
    let mut sent = 0;
    while sent < ratings.len() {
        let next = (sent + replay.rng.random_range(1..800)).min(ratings.len());
        replay.send(&ratings[sent..next]).await?;
        sent = next;
        let seen = &ratings[..sent];
        // Some of what was sent comes again: once as it was, once with another value at another
        // time.
        let again: Vec<Rating> = (0..20).filter_map(|_| seen.choose(&mut replay.rng).cloned()).collect();
        replay.send(&again).await?;
        let changed: Vec<Rating> = again
            .into_iter()
            .map(|rating| {
                let mut time = rating.rated_at.expect("a time");
                time.seconds += replay.rng.random_range(-86_400..86_400);
                Rating { rating: Some(6.0 - rating.rating()), rated_at: Some(time), ..rating }
            })
            .collect();
        replay.send(&changed).await?;
        if let Some(rating) = seen.choose(&mut replay.rng).cloned() {
            let all = replay.rng.random_bool(0.2);
            replay.remove(&rating, all).await?;
        }
        replay.compare(&ratings[..sent]).await?;
        // The other executions of the definition say the same, of everybody.
        let checked = executions::check(&history, 0).await?;
        assert_eq!(checked.different, 0, "{:?}", checked.skews.first());
        let as_of = Timestamp::from(std::time::SystemTime::now());
        let compared = executions::backfill_equals_what_is_served(&replay.clients, &history, as_of).await?;
        assert!(compared > 0);
    }

    // A new process over the same folder serves the same.
    let fleet = fleet.restart().await?;
    replay.clients = fleet.clients().clone();
    for _ in 0..5 {
        replay.compare(&ratings).await?;
    }
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replaying_everything_changes_nothing() -> Result<()> {
    let fleet = Fleet::start().await?;
    let world = marquee_e2e::World::new(20, 15, 32);
    fleet.clients().add_movies(world.catalogue()).await?;
    let mut positions = Vec::new();
    for _ in 0..3 {
        positions = fleet.clients().rate_all(world.ratings()).await?.positions;
    }
    let mut pairs = 0;
    for number in 0..world.users {
        let user = fleet.clients().user(&world.user(number), &positions).await?;
        assert_eq!(user.statistics.and_then(|all| all.all_time).map(|all| all.count), Some(user.history.len() as u64));
        pairs += user.history.len();
    }
    assert_eq!(pairs, world.ratings().len());
    fleet.stop().await;
    Ok(())
}
