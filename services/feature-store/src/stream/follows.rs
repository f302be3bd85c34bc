//! Whether the log goes on where the online store is.

use marquee_domain::{Offset, Partition, Position};
use marquee_ports::{Bounds, Error, ErrorKind, RatingLog, Topic};

/// Fails unless a batch goes on where the lease is. Then the partition is assigned again, which
/// reads the archive.
///
/// Offsets between the marker and the first record are a gap that no record fills, unless
/// retention has removed records there since the partition was assigned.
pub(super) async fn check_follows(log: &dyn RatingLog, marker: Offset, first: Position) -> Result<(), Error> {
    let Position { partition, offset: first } = first;
    if first == marker {
        return Ok(());
    }
    let begin = bounds(log, partition).await?.begin;
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
pub(super) async fn bounds(log: &dyn RatingLog, partition: Partition) -> Result<Bounds, Error> {
    let all = log.bounds(Topic::RATINGS).await?;
    all.into_iter().find(|bounds| bounds.partition == partition).ok_or_else(|| {
        let doing = format!(
            "read the bounds of partition {partition}, which the rating log did not have at the start: partitions were \
             added; start again, and the error will tell the way out"
        );
        Error::bare(ErrorKind::Unavailable, doing)
    })
}
