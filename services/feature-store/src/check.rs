//! The skew check: what is served, beside what the log says up to the very events that it rests on.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use marquee_domain::{MovieId, Offset, Partition, Position, RatingEvent, Timestamp, UserId};
use marquee_features::{MovieRow, Unpack, UserRow, Value, View, movie_key, unpack, user_key};
use marquee_kit::Failure;
use marquee_log::Movies;
use marquee_ports::{Bounds, Row, RowKey};
use marquee_proto::convert;
use marquee_proto::features::v1 as pb;

use crate::apply::corrupt;
use crate::join::{open, unreadable};
use crate::named::wire;
use crate::scan::scan;
use crate::service::Service;

/// Differences that are told one by one.
const MOST_SKEWS: usize = 1_000;

/// Ids whose rows are read at once.
const PAGE: usize = 500;

/// Draws ids: those whose hash is least.
struct Draw {
    seed: u64,
    /// How many; none: all.
    most: Option<usize>,
}

impl Draw {
    fn from<K: Hash + Ord + Clone>(&self, ids: HashMap<K, Offset>) -> HashMap<K, Offset> {
        let Some(most) = self.most else { return ids };
        let hash = |id: &K| {
            let mut hasher = DefaultHasher::new();
            (self.seed, id).hash(&mut hasher);
            hasher.finish()
        };
        let mut drawn: Vec<(u64, K, Offset)> = ids.into_iter().map(|(id, first)| (hash(&id), id, first)).collect();
        drawn.sort_unstable();
        drawn.into_iter().take(most).map(|(_, id, first)| (id, first)).collect()
    }
}

/// Rows of one view that are served of a partition.
type Served<K, T> = HashMap<K, (T, Offset)>;

/// Goes through every partition and compares.
pub(crate) async fn check(service: &Service, sample: u32, seed: u64) -> Result<pb::CheckFeaturesResponse, Failure> {
    let (all, catalog) = open(service).await?;
    let most = (sample > 0).then(|| (sample as usize).div_ceil(all.len().max(1)));
    let mut report = Report::new(service);
    let mut movies = HashSet::new();
    for Bounds { partition, begin, end } in all {
        let draw = Draw { seed, most };
        let (users, drawn) = ids(service, partition, begin..end, &draw).await?;
        let applied_to = service.marker(partition).await?;
        let served_users: Served<UserId, UserRow> = read(service, partition, &users, user_key).await?;
        let served_movies: Served<MovieId, MovieRow> = read(service, partition, &drawn, movie_key).await?;
        // What the stream has not come to yet is no skew.
        report.missing(partition, View::User, &users, applied_to, |id| served_users.contains_key(id));
        report.missing(partition, View::Movie, &drawn, applied_to, |id| served_movies.contains_key(id));
        let newest = served_users.values().map(|(_, at)| *at).chain(served_movies.values().map(|(_, at)| *at)).max();
        report.users += served_users.len() as u64;
        movies.extend(served_movies.keys().cloned());
        let Some(newest) = newest else { continue };
        let mut replay = Replay {
            users: HashMap::new(),
            movies: HashMap::new(),
            partition,
            served_users,
            served_movies,
            report: &mut report,
        };
        let dependencies = service.dependencies();
        let take = |offset: Offset, _: Timestamp, event: RatingEvent| replay.follow(offset, &event, &catalog);
        let scanned = scan(
            &*dependencies.log,
            (&dependencies.scale, service.partitions()),
            partition,
            begin..newest.next(),
            take,
        )
        .await;
        let events = scanned.map_err(|error| unreadable(&error))?;
        replay.end();
        report.events += events;
    }
    report.movies = movies.len() as u64;
    Ok(report.into_wire())
}

/// Samples the users and movies that a partition has ratings of, with the offset of the first rating.
async fn ids(
    service: &Service,
    partition: Partition,
    range: std::ops::Range<Offset>,
    draw: &Draw,
) -> Result<(HashMap<UserId, Offset>, HashMap<MovieId, Offset>), Failure> {
    let (mut users, mut movies) = (HashMap::new(), HashMap::new());
    let take = |offset: Offset, _: Timestamp, event: RatingEvent| {
        // A removal without a rating makes no row.
        let RatingEvent::Rated(rating) = event else { return };
        movies.entry(rating.movie).or_insert(offset);
        users.entry(rating.user).or_insert(offset);
    };
    let dependencies = service.dependencies();
    let scanned = scan(&*dependencies.log, (&dependencies.scale, service.partitions()), partition, range, take).await;
    scanned.map_err(|error| unreadable(&error))?;
    Ok((draw.from(users), draw.from(movies)))
}

/// Reads what is served of some ids.
async fn read<K: Hash + Eq + Clone, T: Unpack>(
    service: &Service,
    source: Partition,
    ids: &HashMap<K, Offset>,
    key: impl Fn(&K) -> bytes::Bytes,
) -> Result<Served<K, T>, Failure> {
    let ids: Vec<&K> = ids.keys().collect();
    let mut served = Served::with_capacity(ids.len());
    for ids in ids.chunks(PAGE) {
        let keys: Vec<RowKey> = ids.iter().map(|id| RowKey { source, key: key(id) }).collect();
        for (id, row) in ids.iter().zip(service.rows(&keys).await?) {
            let Some(Row { value, applied, .. }) = row else { continue };
            let row = unpack(&value).map_err(|error| Failure::internal("read a row", &corrupt(error)))?;
            served.insert((*id).clone(), (row, applied));
        }
    }
    Ok(served)
}

/// A partition's rows as the log makes them, and what is served until it is compared.
struct Replay<'a, 'r> {
    users: HashMap<UserId, UserRow>,
    movies: HashMap<MovieId, MovieRow>,
    partition: Partition,
    served_users: Served<UserId, UserRow>,
    served_movies: Served<MovieId, MovieRow>,
    report: &'r mut Report<'a>,
}

impl Replay<'_, '_> {
    /// Applies an event, and compares whatever rests on events up to it.
    fn follow(&mut self, offset: Offset, event: &RatingEvent, catalog: &Movies) {
        let row = self.users.entry(event.user().clone()).or_default();
        let changes = row.apply(event, offset, |movie| catalog.genres(movie));
        let at = Position { partition: self.partition, offset };
        if let Some(served) = due(&mut self.served_users, event.user(), offset) {
            self.report.users_row(event.user(), &served, Some(row), at);
        }
        for change in changes {
            let row = self.movies.entry(change.movie.clone()).or_default();
            row.apply(&change);
            if let Some(served) = due(&mut self.served_movies, &change.movie, offset) {
                self.report.movies_row(&change.movie, &served, Some(row), at);
            }
        }
    }

    /// What is left rests on events that the log does not have.
    fn end(&mut self) {
        for (id, (served, offset)) in std::mem::take(&mut self.served_users) {
            self.report.users_row(&id, &served, None, Position { partition: self.partition, offset });
        }
        for (id, (served, offset)) in std::mem::take(&mut self.served_movies) {
            self.report.movies_row(&id, &served, None, Position { partition: self.partition, offset });
        }
    }
}

/// A row that rests on events up to this very one, to be compared now.
fn due<K: Hash + Eq, T>(served: &mut Served<K, T>, id: &K, offset: Offset) -> Option<T> {
    served.get(id).filter(|(_, applied)| *applied == offset)?;
    served.remove(id).map(|(row, _)| row)
}

/// What was found.
struct Report<'a> {
    service: &'a Service,
    as_of: Timestamp,
    users: u64,
    movies: u64,
    values: u64,
    events: u64,
    different: u64,
    skews: Vec<pb::Skew>,
}

impl<'a> Report<'a> {
    fn new(service: &'a Service) -> Self {
        Self {
            service,
            as_of: service.dependencies().clock.now(),
            users: 0,
            movies: 0,
            values: 0,
            events: 0,
            different: 0,
            skews: Vec::new(),
        }
    }

    fn users_row(&mut self, id: &UserId, served: &UserRow, replayed: Option<&UserRow>, at: Position) {
        let definition = self.service.definition();
        let columns = definition.all(View::User);
        let served = definition.of_user(&columns, served, self.as_of);
        let replayed = replayed.map(|row| definition.of_user(&columns, row, self.as_of));
        self.compare(View::User, id.as_str(), served, replayed, at);
    }

    fn movies_row(&mut self, id: &MovieId, served: &MovieRow, replayed: Option<&MovieRow>, at: Position) {
        let definition = self.service.definition();
        let columns = definition.all(View::Movie);
        let served = definition.of_movie(&columns, served, self.as_of);
        let replayed = replayed.map(|row| definition.of_movie(&columns, row, self.as_of));
        self.compare(View::Movie, id.as_str(), served, replayed, at);
    }

    fn compare(
        &mut self,
        view: View,
        id: &str,
        served: Vec<Option<Value>>,
        replayed: Option<Vec<Option<Value>>>,
        at: Position,
    ) {
        let definition = self.service.definition();
        let replayed = replayed.unwrap_or_else(|| vec![None; served.len()]);
        for ((column, served), replayed) in definition.all(view).into_iter().zip(served).zip(replayed) {
            self.values += 1;
            if served != replayed {
                self.skew(id, definition.name(column), served, replayed, at);
            }
        }
    }

    fn skew(&mut self, id: &str, feature: String, served: Option<Value>, replayed: Option<Value>, at: Position) {
        self.different += 1;
        if self.skews.len() < MOST_SKEWS {
            self.skews.push(pb::Skew {
                id: id.to_owned(),
                feature,
                served: Some(wire(served)),
                replayed: Some(wire(replayed)),
                applied: Some(convert::position(at)),
            });
        }
    }

    /// Ids that the stream has come to but nothing is served of.
    fn missing<K: Hash + Eq + fmt::Display>(
        &mut self,
        partition: Partition,
        view: View,
        ids: &HashMap<K, Offset>,
        applied_to: Offset,
        is_served: impl Fn(&K) -> bool,
    ) {
        for (id, &offset) in ids.iter().filter(|(id, first)| **first < applied_to && !is_served(id)) {
            let (name, at) = (format!("{}:*", view.name()), Position { partition, offset });
            self.skew(&id.to_string(), name, None, None, at);
        }
    }

    fn into_wire(self) -> pb::CheckFeaturesResponse {
        let Self { users, movies, values, events, different, skews, .. } = self;
        pb::CheckFeaturesResponse { users, movies, values, events, skews, different }
    }
}
