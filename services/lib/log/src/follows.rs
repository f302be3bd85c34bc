//! Whether the rating log goes on where a store is that was built from it.

use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, RatingLog, Topic};

/// Checks that a batch goes on at the marker of a store. Offsets between the marker and the first
/// record are a gap that no record fills, unless retention has removed records there since the
/// partition was assigned.
///
/// # Errors
/// `Unavailable` if records between the two are missing. The partition must be assigned again,
/// which reads the archive.
pub async fn check_follows(log: &dyn RatingLog, marker: Offset, first: Position) -> Result<(), Error> {
    let Position { partition, offset: first } = first;
    if first == marker {
        return Ok(());
    }
    let begin = rating_bounds(log, partition).await?.begin;
    if first > marker && begin <= marker {
        return Ok(());
    }
    let doing = if first < marker {
        format!("apply partition {partition} from offset {marker}: the log goes on at {first}; it was replaced")
    } else {
        format!("apply partition {partition} from offset {marker}: the log now begins at {begin}")
    };
    Err(Error::bare(ErrorKind::Unavailable, doing))
}

/// Returns the bounds of a partition of the rating topic.
///
/// # Errors
/// `Unavailable` if the topic has no such partition, or if the log does not answer.
pub async fn rating_bounds(log: &dyn RatingLog, partition: Partition) -> Result<Bounds, Error> {
    let all = log.bounds(Topic::RATINGS).await?;
    all.into_iter().find(|bounds| bounds.partition == partition).ok_or_else(|| {
        let doing = format!(
            "read the bounds of partition {partition}, which the rating log did not have at the start: partitions were \
             added; start again, and the error will tell the way out"
        );
        Error::bare(ErrorKind::Unavailable, doing)
    })
}
