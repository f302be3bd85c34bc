//! Copies a whole log into another one, with each event in the partition of its user.
//!
//! It is the way out after partitions were added to topics that have records, and the way to any
//! other number of partitions. Events that only the archive has are copied too. Events of one
//! partition keep their order. Those of different partitions are copied in the order of their
//! arrival, because the events of one user may be in several partitions.

use std::collections::VecDeque;

use marquee_domain::{Offset, Scale};
use marquee_log::{Scan, arrival, event_anywhere, keyed, scan};
use marquee_ports::{Bounds, Error, ErrorKind, NewRecord, RatingLog, Record, Topic};

use crate::{Archive, ArchivedEvent, Events};

/// The number of records that are appended at once.
const BATCH: usize = 1_000;

/// A log to copy.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// The log.
    pub log: &'a dyn RatingLog,
    /// The events that the log may no longer have. `None`: only the log is copied.
    pub archive: Option<&'a Archive>,
    /// Ratings off this scale are not copied.
    pub scale: Scale,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The events of the rating topic.
    pub events: u64,
    /// The records of the rating topic that are not events. They are in the rejected topic.
    pub left_out: u64,
    /// The records of the movies topic.
    pub movies: u64,
    /// The records of the rejected topic.
    pub rejected: u64,
}

/// Copies a log into an empty one: movies, ratings and rejected records. Served predictions are not
/// copied. Nothing may be appended to the original meanwhile.
///
/// # Errors
/// A back-end does not answer, the copy has records already, or the original grew meanwhile.
pub async fn rekey(from: Original<'_>, to: &dyn RatingLog) -> Result<Copied, Error> {
    for &topic in Topic::ALL {
        if to.bounds(topic).await?.iter().any(|bounds| bounds.end > Offset(0)) {
            let doing = format!("copy to topic {topic}, which has records already; give names of new topics");
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
    }
    // Movies first, so that a rating never precedes its movie.
    let movies = copy(from, to, Topic::MOVIES).await?.copied;
    let Counts { copied: events, left_out } = copy(from, to, Topic::RATINGS).await?;
    let rejected = copy(from, to, Topic::REJECTED).await?.copied;
    Ok(Copied { events, left_out, movies, rejected })
}

#[derive(Debug, Default)]
struct Counts {
    copied: u64,
    left_out: u64,
}

async fn copy(from: Original<'_>, to: &dyn RatingLog, topic: Topic) -> Result<Counts, Error> {
    let bounds = from.log.bounds(topic).await?;
    let mut counts = Counts::default();
    let mut sources: Vec<Source<'_>> = bounds.iter().map(|bounds| Source::new(from, topic, *bounds)).collect();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        for source in &mut sources {
            counts.left_out += source.fill().await?;
        }
        let heads = sources.iter_mut().filter(|source| !source.waiting.is_empty());
        let earliest = heads.min_by_key(|source| source.waiting.front().map(|record| record.timestamp));
        let next = earliest.and_then(|source| source.waiting.pop_front());
        let is_complete = next.is_none();
        batch.extend(next);
        if batch.len() >= BATCH || is_complete && !batch.is_empty() {
            counts.copied += batch.len() as u64;
            to.append(topic, std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).await?;
        }
        if is_complete {
            break;
        }
    }
    let grew =
        |after: &Bounds| bounds.iter().any(|before| before.partition == after.partition && before.end < after.end);
    if from.log.bounds(topic).await?.iter().any(grew) {
        let doing =
            format!("copy topic {topic}, which grew meanwhile; stop everything that writes to it and copy it again");
        return Err(Error::bare(ErrorKind::Conflict, doing));
    }
    Ok(counts)
}

/// One partition of the original.
struct Source<'a> {
    from: Original<'a>,
    topic: Topic,
    bounds: Bounds,
    archived: Option<Events>,
    pages: Option<Scan<'a>>,
    /// Records that were read and not yet copied.
    waiting: VecDeque<NewRecord>,
}

impl<'a> Source<'a> {
    fn new(from: Original<'a>, topic: Topic, bounds: Bounds) -> Self {
        let archived = from.archive.filter(|_| topic == Topic::RATINGS && bounds.begin > Offset(0));
        let archived = archived.map(|archive| archive.events(&bounds, Offset(0)));
        Self { from, topic, bounds, archived, pages: None, waiting: VecDeque::new() }
    }

    /// Reads until a record waits, or until the partition ends. Returns the number of records that
    /// were left out.
    async fn fill(&mut self) -> Result<u64, Error> {
        let mut left_out = 0;
        while self.waiting.is_empty() {
            if let Some(events) = &mut self.archived
                && let Some(page) = events.next().await?
            {
                let event = |ArchivedEvent { arrived_at, event, .. }| keyed(&event, arrived_at);
                self.waiting.extend(page.into_iter().map(event));
                continue;
            }
            let start = self.archived.take().map_or(self.bounds.begin, |events| events.log_start(&self.bounds));
            let range = start..self.bounds.end;
            let open = || scan(self.from.log, self.topic, self.bounds.partition, range);
            let Some(page) = self.pages.get_or_insert_with(open).next_page().await? else { break };
            let read = page.len();
            self.waiting.extend(page.into_iter().filter_map(|stored| copy_of(self.topic, &self.from.scale, stored)));
            left_out += (read - self.waiting.len()) as u64;
        }
        Ok(left_out)
    }
}

/// Returns the copy of a record, or `None` for a record of the rating topic that is not an event.
fn copy_of(topic: Topic, scale: &Scale, stored: Record) -> Option<NewRecord> {
    if topic == Topic::RATINGS {
        let event = event_anywhere(&stored, scale).ok()?;
        return Some(keyed(&event, arrival(stored.timestamp, &event)));
    }
    let Record { key, value, headers, timestamp, .. } = stored;
    Some(NewRecord { key, value, headers, timestamp })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use marquee_domain::{MovieId, Partition, Rating, RatingEvent, Timestamp, UserId};
    use marquee_log::Decoder;
    use marquee_ports::memory::MemoryLog;
    use marquee_ports::partition_for;

    use super::*;
    use crate::testing::{archive, take_over, write};

    fn scale() -> Scale {
        Scale::try_new(1.0, 5.0, 1.0).expect("a scale")
    }

    fn rated(n: u64) -> RatingEvent {
        let user = UserId::try_new(&format!("user-{}", n % 9)).expect("valid");
        let movie = MovieId::try_new(&format!("movie-{n}")).expect("valid");
        RatingEvent::Rated(Rating { user, movie, value: 4.0, rated_at: Timestamp::from_seconds(1_000 + n as i64) })
    }

    /// A record that a log with 12 partitions has where one with 8 partitions would put it.
    fn misplaced(event: &RatingEvent, arrived_at: Timestamp) -> NewRecord {
        let before = partition_for(event.user().as_str().as_bytes(), 8);
        let key = (0..).map(|n| format!("key-{n}")).find(|key| partition_for(key.as_bytes(), 12) == before);
        NewRecord { key: key.map(Bytes::from), ..keyed(event, arrived_at) }
    }

    async fn all(log: &MemoryLog, topic: Topic) -> Vec<Record> {
        let mut all = Vec::new();
        for bounds in log.bounds(topic).await.expect("bounds") {
            let mut pages = scan(log, topic, bounds.partition, bounds.begin..bounds.end);
            while let Some(page) = pages.next_page().await.expect("reads") {
                all.extend(page);
            }
        }
        all
    }

    #[tokio::test]
    async fn every_event_is_in_the_partition_of_its_user_and_in_order_after_a_copy() {
        let (old, new) = (MemoryLog::new(12), MemoryLog::new(12));
        // Partitions were added after the first half.
        for n in 0..100 {
            let (event, at) = (rated(n), Timestamp::from_seconds(5_000 + n as i64));
            let record = if n < 50 { misplaced(&event, at) } else { keyed(&event, at) };
            old.append(Topic::RATINGS, vec![record]).await.expect("appends");
        }
        let junk = NewRecord { value: "junk".into(), ..keyed(&rated(1), Timestamp::EPOCH) };
        old.append(Topic::RATINGS, vec![junk.clone()]).await.expect("appends");
        let movies = [("m", "a"), ("m", ""), ("n", "b")];
        for (key, value) in movies {
            let movie = NewRecord { key: Some(key.into()), value: value.into(), ..junk.clone() };
            old.append(Topic::MOVIES, vec![movie]).await.expect("appends");
        }
        old.append(Topic::REJECTED, vec![junk]).await.expect("appends");

        let from = Original { log: &old, archive: None, scale: scale() };
        let copied = rekey(from, &new).await.expect("copies");
        assert_eq!(copied, Copied { events: 100, left_out: 1, movies: 3, rejected: 1 });
        let decoder = Decoder { scale: scale(), partitions: 12 };
        let events: Vec<_> = all(&new, Topic::RATINGS).await.iter().map(|stored| decoder.decode(stored)).collect();
        assert_eq!(events.iter().filter(|event| event.is_ok()).count(), 100, "each is in its partition");
        for user in 0..9 {
            let user = format!("user-{user}");
            let own = events.iter().flatten().filter(|event| event.user().as_str() == user);
            assert!(own.map(RatingEvent::at).is_sorted(), "{user} is in order");
        }
        let movies: Vec<_> = all(&new, Topic::MOVIES).await.into_iter().map(|movie| movie.value).collect();
        assert_eq!(movies.len(), 3);

        let refused = rekey(from, &new).await.expect_err("it has records");
        assert!(refused.to_string().contains("has records already"), "{refused}");
    }

    #[tokio::test]
    async fn events_that_only_the_archive_has_are_copied() {
        let (old, new, archive) = (MemoryLog::new(1), MemoryLog::new(3), archive());
        for n in 0..20 {
            old.append(Topic::RATINGS, vec![keyed(&rated(n), Timestamp::from_seconds(n as i64 + 1))])
                .await
                .expect("appends");
        }
        let mut index = take_over(&archive, Partition(0)).await;
        let archived =
            |n| ArchivedEvent { offset: Offset(n), arrived_at: Timestamp::from_seconds(n as i64 + 1), event: rated(n) };
        write(&archive, &mut index, (0..12).map(archived).collect()).await;
        old.forget(Topic::RATINGS, Partition(0), Offset(10));
        let copied =
            rekey(Original { log: &old, archive: Some(&archive), scale: scale() }, &new).await.expect("copies");
        assert_eq!((copied.events, all(&new, Topic::RATINGS).await.len()), (20, 20));
    }
}
