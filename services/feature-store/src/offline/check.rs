//! The skew check: compares served rows with rows computed from the log, up to the last event in
//! each served row.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use marquee_domain::{MovieId, Offset, Partition, RatingEvent, Timestamp, UserId};
use marquee_features::{Unpack, View};
use marquee_kit::Failure;
use marquee_log::Movies;
use marquee_ports::{Bounds, Error, RowKey};

use super::compare::{CheckReport, Comparison, Served};
use super::replay::LogEvent;
use super::{Offline, PAGE};
use crate::rows::{failure, unpack_row};

/// Samples ids by keeping those with the smallest hash.
#[derive(Debug, Clone, Copy)]
struct Sample {
    seed: u64,
    /// The most ids of each view and partition. `None`: all.
    limit: Option<usize>,
}

impl Sample {
    fn smallest_hashes<K: Hash + Ord>(self, ids: HashMap<K, Offset>) -> HashMap<K, Offset> {
        let Some(limit) = self.limit else { return ids };
        let hash = |id: &K| {
            let mut hasher = DefaultHasher::new();
            (self.seed, id).hash(&mut hasher);
            hasher.finish()
        };
        let mut hashed: Vec<(u64, K, Offset)> = ids.into_iter().map(|(id, first)| (hash(&id), id, first)).collect();
        hashed.sort_unstable();
        hashed.into_iter().take(limit).map(|(_, id, first)| (id, first)).collect()
    }
}

/// The rated users and movies of a partition, with the offset of the first rating.
type RatedIds = (HashMap<UserId, Offset>, HashMap<MovieId, Offset>);

impl Offline {
    /// Checks about `sample` users and `sample` movies, or all for 0. Windows end at `as_of`.
    pub(crate) async fn check(&self, sample: u32, seed: u64, as_of: Timestamp) -> Result<CheckReport, Failure> {
        let _permit = self.permit()?;
        let (bounds, movies) = self.events.open().await?;
        let limit = (sample > 0).then(|| (sample as usize).div_ceil(bounds.len().max(1)));
        let (mut report, mut checked) = (CheckReport::default(), HashSet::new());
        for bounds in bounds {
            let mut comparison = self.prepare(&bounds, Sample { seed, limit }, as_of).await?;
            comparison.movies = movies.clone();
            checked.extend(comparison.served_movies.keys().cloned());
            report = self.compare(&bounds, comparison, report).await?;
        }
        report.movies = checked.len() as u64;
        Ok(report)
    }

    /// Samples the ids of a partition and reads their rows.
    async fn prepare(&self, bounds: &Bounds, sample: Sample, as_of: Timestamp) -> Result<Comparison, Failure> {
        let partition = bounds.partition;
        let (users, movies) = self.rated_ids(bounds, sample).await?;
        // An id whose first event the stream has not applied yet needs no row.
        let applied_to = self.rows.marker(partition).await?;
        let served_users = self.served(partition, users.keys(), marquee_features::user_key).await?;
        let served_movies = self.served(partition, movies.keys(), marquee_features::movie_key).await?;
        let mut report = CheckReport { users: served_users.len() as u64, ..CheckReport::default() };
        let users = users.into_iter().filter(|(id, first)| *first < applied_to && !served_users.contains_key(id));
        report.missing(View::User, partition, users);
        let movies = movies.into_iter().filter(|(id, first)| *first < applied_to && !served_movies.contains_key(id));
        report.missing(View::Movie, partition, movies);
        Ok(Comparison {
            definition: Arc::clone(&self.definition),
            movies: Movies::default(),
            partition,
            as_of,
            served_users,
            served_movies,
            user_rows: HashMap::new(),
            movie_rows: HashMap::new(),
            report,
        })
    }

    /// Replays a partition up to the newest event in a served row. Returns the report so far.
    async fn compare(
        &self,
        bounds: &Bounds,
        comparison: Comparison,
        report: CheckReport,
    ) -> Result<CheckReport, Failure> {
        let users = comparison.served_users.values().map(|(_, applied)| *applied);
        let newest = users.chain(comparison.served_movies.values().map(|(_, applied)| *applied)).max();
        let bounds = Bounds { end: newest.map_or(Offset(0), Offset::next), ..*bounds };
        let visit = |comparison: &mut Comparison, event: LogEvent| comparison.apply(event.offset, &event.event);
        let compared = self.events.fold(&bounds, comparison, visit).await?;
        Ok(report.merged(self.compute.run(move || compared.finish()).await))
    }

    async fn rated_ids(&self, bounds: &Bounds, sample: Sample) -> Result<RatedIds, Failure> {
        let visit = |(users, movies): &mut RatedIds, event: LogEvent| {
            // A removal without a rating makes no row.
            let RatingEvent::Rated(rating) = event.event else { return };
            movies.entry(rating.movie).or_insert(event.offset);
            users.entry(rating.user).or_insert(event.offset);
        };
        let (users, movies) = self.events.fold(bounds, RatedIds::default(), visit).await?;
        let sampled = move || (sample.smallest_hashes(users), sample.smallest_hashes(movies));
        Ok(self.compute.run(sampled).await)
    }

    /// Reads the rows that are served of some ids.
    async fn served<'a, K, T>(
        &self,
        source: Partition,
        ids: impl Iterator<Item = &'a K>,
        key: fn(&K) -> bytes::Bytes,
    ) -> Result<Served<K, T>, Failure>
    where
        K: Hash + Eq + Clone + Send + 'static,
        T: Unpack + Send + 'static,
    {
        let ids: Vec<K> = ids.cloned().collect();
        let mut served = Served::with_capacity(ids.len());
        for ids in ids.chunks(PAGE) {
            let keys: Vec<RowKey> = ids.iter().map(|id| RowKey { source, key: key(id) }).collect();
            let rows = self.rows.get(&keys).await?;
            let ids = ids.to_vec();
            let unpack = move || {
                let stored = ids.into_iter().zip(rows).filter_map(|(id, row)| Some((id, row?)));
                stored.map(|(id, row)| Ok((id, (unpack_row(&row)?, row.applied)))).collect::<Result<Vec<_>, Error>>()
            };
            let page = self.compute.run(unpack).await;
            served.extend(page.map_err(|error| failure("read a row of the online store", &error))?);
        }
        Ok(served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_depends_on_its_seed_and_is_as_large_as_its_limit() {
        let ids: HashMap<u32, Offset> = (0..100).map(|id| (id, Offset(id.into()))).collect();
        let sample = |seed, limit| Sample { seed, limit }.smallest_hashes(ids.clone());
        assert_eq!(sample(1, None), ids);
        assert_eq!(sample(1, Some(10)).len(), 10);
        assert_eq!(sample(1, Some(10)), sample(1, Some(10)));
        assert_ne!(sample(1, Some(10)), sample(2, Some(10)));
    }
}
