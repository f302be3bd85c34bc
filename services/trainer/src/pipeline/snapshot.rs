//! Reads the ratings that a run learns from, up to the offsets at its start.

use std::ops::Range;

use marquee_archive::{Archive, ArchivedEvent, LeftOut};
use marquee_domain::{Offset, Partition, Position, Reason, Scale};
use marquee_fit::{Fold, Snapshot};
use marquee_kit::Compute;
use marquee_log::{Decoder, scan};
use marquee_ports::{RatingLog, Record, Topic};
use marquee_report::counted;

use super::PipelineError;
use crate::dependencies::Dependencies;
use crate::queue::Run;

/// The most records, files or partitions that a warning names.
const MOST_NAMED: usize = 5;

/// The most characters of the reason why a record was left out.
const LONGEST_REASON: usize = 200;

/// Reads the ratings that count: from the archive as far as it reaches, then from the log. What
/// cannot be read is left out, and named in the warnings of the run.
///
/// # Errors
/// A back-end does not answer, or the archive belongs to another log.
pub(super) async fn ratings(
    dependencies: &Dependencies,
    archive: &Archive,
    compute: &Compute,
    run: &Run,
) -> Result<Snapshot, PipelineError> {
    let source = Source { log: &*dependencies.log, archive, compute, scale: dependencies.scale };
    let (snapshot, warnings) = source.read(|progress| run.advance(progress)).await?;
    for warning in warnings {
        run.update(|run| run.warn(warning));
    }
    Ok(snapshot)
}

/// Where ratings are read.
#[derive(Debug, Clone, Copy)]
struct Source<'a> {
    log: &'a dyn RatingLog,
    archive: &'a Archive,
    /// Decodes pages off the async threads.
    compute: &'a Compute,
    scale: Scale,
}

impl Source<'_> {
    /// Reads every rating that counts. Returns it with the warnings about what was left out.
    async fn read(self, advance: impl Fn(f64)) -> Result<(Snapshot, Vec<String>), PipelineError> {
        let Self { log, archive, compute, scale } = self;
        let all = log.bounds(Topic::RATINGS).await.map_err(PipelineError::Log)?;
        let own: Vec<_> = all.iter().map(|bounds| bounds.partition).collect();
        archive.check_belongs(log, &own).await.map_err(PipelineError::Archive)?;
        let (decoder, partitions) = (Decoder { scale, partitions: all.len() as u32 }, all.len().max(1) as f64);
        let (mut reading, mut left_out, mut gaps) = (Reading::default(), Vec::new(), Vec::new());
        for (at, bounds) in all.into_iter().enumerate() {
            let partition = bounds.partition;
            let mut events = archive.events(&bounds, Offset(0));
            while let Some(page) = events.next().await.map_err(PipelineError::Archive)? {
                let job = move || reading.with_archived(partition, scale, page);
                reading = compute.run(job).await;
            }
            left_out.extend_from_slice(events.left_out());
            gaps.extend(events.gap(&bounds).map(|missing| (partition, missing)));
            let begin = events.log_start(&bounds);
            let length = bounds.end.0.saturating_sub(begin.0).max(1) as f64;
            let mut pages = scan(log, Topic::RATINGS, partition, begin..bounds.end);
            while let Some(page) = pages.next_page().await.map_err(PipelineError::Log)? {
                let job = move || reading.with_records(decoder, page);
                reading = compute.run(job).await;
                let share = pages.next_offset().0.saturating_sub(begin.0) as f64 / length;
                advance((at as f64 + share) / partitions);
            }
        }
        let mut warnings: Vec<String> = reading.warning().into_iter().collect();
        for warning in &warnings {
            tracing::warn!(warning, "some records of the rating topic are not in the snapshot");
        }
        warnings.extend(archive_warnings(&left_out));
        warnings.extend(gap_warning(&gaps));
        // All ratings are sorted and hashed, which takes seconds.
        let snapshot = compute.run(move || reading.fold.finish()).await;
        Ok((snapshot, warnings))
    }
}

/// The ratings so far, and the records that were left out. It moves to the compute pool with each
/// page, so every job there is short.
#[derive(Debug, Default)]
struct Reading {
    fold: Fold,
    refused: u64,
    /// The first refused records: the position and the reason of each.
    named: Vec<String>,
}

impl Reading {
    /// Applies a page of the archive.
    fn with_archived(mut self, partition: Partition, scale: Scale, page: Vec<ArchivedEvent>) -> Self {
        for ArchivedEvent { offset, event, .. } in page {
            // They are on the scale of their time, which the deployment may have changed since.
            match event.on(&scale) {
                Ok(event) => self.fold.apply(offset, &event),
                Err(error) => self.refuse(Position { partition, offset }, &format!("rated.rating {error}")),
            }
        }
        self
    }

    /// Applies a page of the log.
    fn with_records(mut self, decoder: Decoder, page: Vec<Record>) -> Self {
        for stored in page {
            match decoder.decode(&stored) {
                Ok(event) => self.fold.apply(stored.position.offset, &event),
                // Nothing is missing: the feature store appends the event to its own partition,
                // where it counts.
                Err(refusal) if refusal.reason == Reason::WrongPartition => {}
                Err(refusal) => self.refuse(stored.position, &refusal.message),
            }
        }
        self
    }

    fn refuse(&mut self, at: Position, reason: &str) {
        self.refused += 1;
        if self.named.len() < MOST_NAMED {
            let reason: String = reason.chars().take(LONGEST_REASON).collect();
            self.named.push(format!("{at} ({reason})"));
        }
    }

    /// Names the first records that were left out, with their reasons.
    fn warning(&self) -> Option<String> {
        let more = self.refused.checked_sub(self.named.len() as u64).filter(|more| *more > 0);
        let more = more.map(|more| format!(", and {more} more")).unwrap_or_default();
        let (records, named) = (counted(self.refused, "record"), self.named.join(", "));
        let warning = || format!("{records} of the rating topic could not be used: {named}{more}");
        (self.refused > 0).then(warning)
    }
}

/// Names the events that are in neither the archive nor the log.
fn gap_warning(gaps: &[(Partition, Range<Offset>)]) -> Option<String> {
    let named = gaps.iter().take(MOST_NAMED).map(|(partition, missing)| {
        let last = missing.end.0.saturating_sub(1);
        format!("offsets {} to {last} of partition {partition}", missing.start)
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = if gaps.len() > MOST_NAMED { ", and others that the trainer's log names" } else { "" };
    let warning = || format!("some events are in neither the archive nor the log: {named}{more}");
    (!gaps.is_empty()).then(warning)
}

/// Names the files of the archive that could not be read: those whose events are missing from the
/// model, and those whose events came from the log.
fn archive_warnings(left_out: &[LeftOut]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (is_in_log, effect) in [(false, "their events are missing"), (true, "the log had their events")] {
        let files: Vec<&LeftOut> = left_out.iter().filter(|one| one.is_in_log == is_in_log).collect();
        if files.is_empty() {
            continue;
        }
        let count = counted(files.len() as u64, "file");
        let named = files.iter().take(MOST_NAMED).map(|one| format!("{} ({})", one.file, one.reason));
        let more = if files.len() > MOST_NAMED { ", and others that the trainer's log names" } else { "" };
        let named = named.collect::<Vec<_>>().join(", ");
        warnings.push(format!("{count} of the archive could not be read, and {effect}: {named}{more}"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;
    use std::time::Duration;

    use marquee_domain::{MovieId, Rating, RatingEvent, Timestamp, UserId};
    use marquee_log::keyed;
    use marquee_ports::memory::{MemoryLog, MemoryObjects};
    use marquee_ports::{NewRecord, partition_for};

    use super::*;

    fn rated(movie: &str, value: f64) -> NewRecord {
        let rating = Rating {
            user: UserId::try_new("ann").expect("valid"),
            movie: MovieId::try_new(movie).expect("valid"),
            value,
            rated_at: Timestamp::from_seconds(1_000),
        };
        keyed(&RatingEvent::Rated(rating), Timestamp::from_seconds(2_000))
    }

    /// Reads a log, without an archive.
    async fn read(log: &MemoryLog, compute: &Compute) -> (Snapshot, Vec<String>) {
        let archive = Archive::new(Arc::new(MemoryObjects::default()), Compute::default());
        let scale = Scale::try_new(1.0, 5.0, 1.0).expect("a scale");
        let source = Source { log, archive: &archive, compute, scale };
        source.read(|_| {}).await.expect("reads")
    }

    #[tokio::test]
    async fn records_that_are_left_out_are_named_and_those_of_another_partition_are_not_counted() {
        let log = MemoryLog::new(2);
        let home = partition_for(b"ann", 2);
        let other = ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().find(|key| {
            // A key whose records are in another partition than those of the user.
            partition_for(key.as_bytes(), 2) != home
        });
        let misplaced = NewRecord { key: Some(other.expect("such a key").into()), ..rated("elsewhere", 3.0) };
        let not_an_event = NewRecord { value: "{}".into(), headers: Vec::new(), ..rated("x", 3.0) };
        let mut records = vec![rated("first", 3.0), misplaced, not_an_event];
        records.extend((0..6).map(|n| rated(&format!("off {n}"), 9.0)));
        log.append(Topic::RATINGS, records).await.expect("appends");

        let (snapshot, warnings) = read(&log, &Compute::default()).await;
        assert_eq!(snapshot.ratings().len(), 1);
        let [warning] = &warnings[..] else { panic!("one warning: {warnings:?}") };
        assert!(warning.starts_with("7 records of the rating topic could not be used"), "{warning}");
        assert!(warning.contains(&format!("{home}@1 (")) && warning.contains("rated.rating is 9"), "{warning}");
        assert_eq!(warning.matches(&format!("{home}@")).count(), MOST_NAMED, "{warning}");
        assert!(warning.ends_with(", and 2 more"), "{warning}");
    }

    #[tokio::test]
    async fn events_that_neither_the_archive_nor_the_log_has_are_a_warning() {
        let log = MemoryLog::new(1);
        log.append(Topic::RATINGS, (0..9).map(|n| rated(&format!("m{n}"), 3.0)).collect()).await.expect("appends");
        assert_eq!(read(&log, &Compute::default()).await.1, [""; 0]);
        log.forget(Topic::RATINGS, Partition(0), Offset(4));
        let (snapshot, warnings) = read(&log, &Compute::default()).await;
        let missing = "some events are in neither the archive nor the log: offsets 0 to 3 of partition 0";
        assert_eq!((snapshot.ratings().len(), &warnings[..]), (5, &[missing.to_owned()][..]));
    }

    #[tokio::test]
    async fn pages_are_decoded_in_the_compute_pool() {
        let log = MemoryLog::new(1);
        log.append(Topic::RATINGS, vec![rated("m", 3.0)]).await.expect("appends");
        let compute = Compute::new(NonZeroUsize::MIN);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let pool = compute.clone();
        let job = move || {
            let _ = begun.send(());
            let _ = held.recv();
        };
        let busy = tokio::spawn(async move { pool.run(job).await });
        begins.await.expect("the job begins");
        let reading = read(&log, &compute);
        tokio::pin!(reading);
        let early = tokio::time::timeout(Duration::from_millis(50), &mut reading).await;
        assert!(early.is_err(), "a page was decoded while the pool was busy");
        drop(release);
        assert_eq!(reading.await.0.ratings().len(), 1);
        busy.await.expect("no panic");
    }

    #[test]
    fn files_that_were_left_out_are_named_with_their_reasons() {
        let one =
            |file: &str, is_in_log| LeftOut { file: file.to_owned(), reason: "it is absent".to_owned(), is_in_log };
        assert!(archive_warnings(&[]).is_empty());
        assert_eq!(
            archive_warnings(&[one("a", true), one("b", false)]),
            [
                "1 file of the archive could not be read, and their events are missing: b (it is absent)",
                "1 file of the archive could not be read, and the log had their events: a (it is absent)"
            ]
        );
        let many: Vec<_> = (0..9).map(|n| one(&n.to_string(), false)).collect();
        let text = archive_warnings(&many).remove(0);
        assert!(text.starts_with("9 files") && text.contains("4 (it is absent), and others") && !text.contains("5 ("));
    }
}
