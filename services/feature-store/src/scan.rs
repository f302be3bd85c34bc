//! Going through a partition of the log from its beginning, for features that are computed anew.

use std::ops::Range;

use marquee_domain::{Offset, Partition, Position, RatingEvent, Scale, Timestamp};
use marquee_ports::{Error, RatingLog, Record, Topic};
use marquee_proto::{convert, record};

/// Records read at once.
const PAGE: usize = 4_096;

/// Why a record is no event of this deployment.
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// The event of a record, as every execution understands it.
pub(crate) fn event(stored: &Record, scale: &Scale) -> Result<RatingEvent, Refusal> {
    let header = stored.headers.iter().find(|(name, _)| name == record::CONTENT_TYPE);
    let event = record::decode_event(header.map(|(_, value)| &value[..]), &stored.value)
        .map_err(|error| Refusal { reason: "MALFORMED", message: error.to_string() })?;
    event
        .on(scale)
        .map_err(|error| Refusal { reason: convert::scale_reason(error), message: format!("rated.rating {error}") })
}

/// Gives the events of a partition, in order, with the time at which each was taken in; what is no event is left out, as the stream leaves it out.
/// Returns how many records it went through.
pub(crate) async fn scan(
    log: &dyn RatingLog,
    scale: &Scale,
    partition: Partition,
    range: Range<Offset>,
    mut take: impl FnMut(Offset, Timestamp, RatingEvent) + Send,
) -> Result<u64, Error> {
    let (mut next, mut count) = (range.start, 0);
    while next < range.end {
        let records = log.read(Topic::Ratings, Position { partition, offset: next }, PAGE).await?;
        let Some(last) = records.last() else { break };
        next = last.position.offset.next();
        for stored in records {
            let offset = stored.position.offset;
            if offset >= range.end {
                break;
            }
            count += 1;
            if let Ok(event) = event(&stored, scale) {
                take(offset, stored.timestamp, event);
            }
        }
        // Decoding is work: others have a turn between pages.
        tokio::task::yield_now().await;
    }
    Ok(count)
}
