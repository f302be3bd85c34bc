//! Archives in memory, and events in them, for unit tests.

use std::sync::Arc;

use marquee_domain::{MovieId, Offset, Partition, Rating, RatingEvent, Timestamp, UserId};
use marquee_kit::Compute;
use marquee_ports::memory::MemoryObjects;

use crate::file::{FileName, day_of};
use crate::index::{FileEntry, Index};
use crate::{Archive, ArchivedEvent};

/// An empty archive in memory.
pub(crate) fn archive() -> Archive {
    Archive::new(Arc::new(MemoryObjects::default()), Compute::default())
}

/// The archived event at an offset.
pub(crate) fn archived(offset: u64) -> ArchivedEvent {
    row(offset, (offset % 3) as u8, 3.5, 1_764_081_000_000_000 + offset as i64)
}

/// Takes over a partition.
pub(crate) async fn take_over(archive: &Archive, partition: Partition) -> Index {
    Index::read(archive, partition).await.expect("reads").take_over(archive).await.expect("takes over")
}

/// Archives events as one file.
pub(crate) async fn write(archive: &Archive, index: &mut Index, rows: Vec<ArchivedEvent>) {
    let (first, last) = (rows[0].clone(), rows[rows.len() - 1].offset);
    let name = FileName { day: day_of(first.arrived_at), partition: index.partition(), first: first.offset, last };
    let count = rows.len() as u64;
    let sha256 = archive.put(&name, rows).await.expect("writes");
    let mut document = index.document.clone();
    document.next_offset = last.next().0;
    document.files.push(FileEntry::new(name, count, sha256));
    index.write(archive, document).await.expect("writes");
}

/// An event of a kind: 0 is a rating, 1 a removed rating, everything else a removed user.
pub(crate) fn row(offset: u64, kind: u8, value: f64, micros: i64) -> ArchivedEvent {
    let user = UserId::try_new("user 7").expect("valid");
    let movie = MovieId::try_new("ëlan").expect("valid");
    let at = Timestamp::from_micros(micros);
    let event = match kind {
        0 => RatingEvent::Rated(Rating { user, movie, value, rated_at: at }),
        1 => RatingEvent::Removed { user, movie, at },
        _ => RatingEvent::UserRemoved { user, at },
    };
    ArchivedEvent { offset: Offset(offset), arrived_at: Timestamp::from_micros(micros + 5), event }
}
