//! Going through a partition of the log from its beginning, for features that are computed anew.

use std::ops::Range;

use marquee_domain::{Offset, Partition, Position, RatingEvent, Scale, Timestamp};
use marquee_ports::{Error, RatingLog, Record, Topic};
use marquee_proto::record::{self, Refusal};

/// Records read at once.
const PAGE: usize = 4_096;

/// The event of a record of a topic with so many partitions, as every execution understands it.
pub(crate) fn event(stored: &Record, scale: &Scale, partitions: u32) -> Result<RatingEvent, Refusal> {
    record::event(stored.header(record::CONTENT_TYPE), &stored.value, scale, |user| {
        stored.belongs_to(user.as_str().as_bytes(), partitions)
    })
}

/// Gives the events of a partition, in order, with the time at which each was taken in; what is no event is left out, as the stream leaves it out.
/// Returns how many records it went through.
pub(crate) async fn scan(
    log: &dyn RatingLog,
    (scale, partitions): (&Scale, u32),
    partition: Partition,
    range: Range<Offset>,
    mut take: impl FnMut(Offset, Timestamp, RatingEvent) + Send,
) -> Result<u64, Error> {
    let (mut next, mut count) = (range.start, 0);
    while next < range.end {
        let records = log.read(Topic::RATINGS, Position { partition, offset: next }, PAGE).await?;
        let Some(last) = records.last() else { break };
        next = last.position.offset.next();
        for stored in records {
            let offset = stored.position.offset;
            if offset >= range.end {
                break;
            }
            count += 1;
            if let Ok(event) = event(&stored, scale, partitions) {
                take(offset, stored.timestamp, event);
            }
        }
        // Decoding is work: others have a turn between pages.
        tokio::task::yield_now().await;
    }
    Ok(count)
}
