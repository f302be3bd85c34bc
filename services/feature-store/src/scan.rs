//! Decodes the rating topic, for the stream and for everything that reads the log again.

use std::ops::Range;

use marquee_domain::{Offset, Partition, RatingEvent, Scale, Timestamp};
use marquee_ports::{Error, RatingLog, Record, Topic};
use marquee_proto::record::{self, Refusal};

/// Decodes a record of the rating topic into its event. `partitions` is the number of partitions of
/// the topic.
pub(crate) fn event(stored: &Record, scale: &Scale, partitions: u32) -> Result<RatingEvent, Refusal> {
    record::event(stored.header(record::CONTENT_TYPE), &stored.value, scale, |user| {
        stored.belongs_to(user.as_str().as_bytes(), partitions)
    })
}

/// Passes the events of a range to `visit`, in order, each with its offset and the time at which
/// the log took it in. Leaves out records that are no events, as the stream does. Returns how many
/// records it read.
pub(crate) async fn scan(
    log: &dyn RatingLog,
    (scale, partitions): (&Scale, u32),
    partition: Partition,
    range: Range<Offset>,
    mut visit: impl FnMut(Offset, Timestamp, RatingEvent) + Send,
) -> Result<u64, Error> {
    let mut pages = marquee_log::scan(log, Topic::RATINGS, partition, range);
    while let Some(page) = pages.next_page().await? {
        for stored in page {
            if let Ok(event) = event(&stored, scale, partitions) {
                visit(stored.position.offset, stored.timestamp, event);
            }
        }
        // Decoding takes a while: let other tasks run between pages.
        tokio::task::yield_now().await;
    }
    Ok(pages.records())
}
