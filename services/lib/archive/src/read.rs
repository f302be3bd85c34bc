//! Reads a partition's events for a snapshot: from the archive as far as it reaches, then from the log.

use std::sync::Arc;

use marquee_domain::{Offset, RatingEvent};
use marquee_ports::{Bounds, Error, ErrorKind, ObjectStore};

use super::file::{Row, decode};
use super::index::Held;

/// Times that the index is read anew because its files were merged meanwhile.
const TRIES: u32 = 5;

/// Hands a partition's archived events and their offsets to `take`, in order, up to `bounds.end`; returns the offset from which the log must be read on.
///
/// # Errors
/// A file that counts is missing or cannot be read.
pub async fn events(
    objects: &Arc<dyn ObjectStore>,
    bounds: Bounds,
    mut take: impl FnMut(Offset, RatingEvent),
) -> Result<Offset, Error> {
    let mut next = Offset(0);
    for tries in 1.. {
        match from(objects, bounds, &mut next, &mut take).await {
            Ok(()) => break,
            Err(error) if tries == TRIES || error.kind() != ErrorKind::Unavailable => return Err(error),
            Err(_) => {}
        }
    }
    if next < bounds.begin && next > Offset(0) {
        let (partition, begin) = (bounds.partition, bounds.begin);
        tracing::warn!(%partition, archived = %next, %begin, "the log no longer has what the archive lacks: the snapshot goes without");
    }
    Ok(next.max(bounds.begin))
}

/// Goes on from `next`, which moves with every file.
async fn from(
    objects: &Arc<dyn ObjectStore>,
    bounds: Bounds,
    next: &mut Offset,
    take: &mut impl FnMut(Offset, RatingEvent),
) -> Result<(), Error> {
    let held = Held::read(objects, bounds.partition).await?;
    for entry in &held.index.files {
        let unreadable = || Error::bare(ErrorKind::Corrupt, format!("read the archive: '{}' is no day", entry.day));
        let file = entry.name(bounds.partition).ok_or_else(unreadable)?;
        if file.last < *next || file.first >= bounds.end {
            continue;
        }
        let object = objects.get(&file.parquet()?).await?;
        let merged = || Error::bare(ErrorKind::Unavailable, "read the archive: a file that counts is missing");
        let parquet = object.ok_or_else(merged)?.bytes;
        let rows = tokio::task::spawn_blocking(move || decode(&file, parquet)).await;
        let rows = rows.map_err(|error| Error::new(ErrorKind::Unavailable, "read the archive", error))??;
        let wanted = |row: &Row| row.offset >= *next && row.offset < bounds.end;
        rows.into_iter().filter(wanted).for_each(|row| take(row.offset, row.event));
        *next = file.last.next().min(bounds.end);
    }
    Ok(())
}
