//! Reads the ratings that a run learns from, up to the offsets at its start.

use marquee_archive::Archive;
use marquee_domain::{Offset, RatingEvent};
use marquee_fit::{Fold, Snapshot};
use marquee_log::{Decoder, scan};
use marquee_ports::Topic;

use super::PipelineError;
use crate::dependencies::Dependencies;
use crate::queue::Run;

/// Reads the ratings that count: from the archive as far as it reaches, then from the log. Files of
/// the archive that cannot be read are left out with a warning.
///
/// # Errors
/// A back-end does not answer, or the archive belongs to another log.
pub(super) async fn ratings(
    dependencies: &Dependencies,
    archive: &Archive,
    run: &Run,
) -> Result<Snapshot, PipelineError> {
    let (log, scale) = (&*dependencies.log, dependencies.scale);
    let mut fold = Fold::default();
    let mut rejected = 0_u64;
    let mut apply = |offset: Offset, event: Option<RatingEvent>| match event {
        Some(event) => fold.apply(offset, &event),
        None => rejected += 1,
    };
    let all = log.bounds(Topic::RATINGS).await.map_err(PipelineError::Log)?;
    let own: Vec<_> = all.iter().map(|bounds| bounds.partition).collect();
    archive.check_belongs(log, &own).await.map_err(PipelineError::Archive)?;
    let (decoder, partitions) = (Decoder { scale, partitions: all.len() as u32 }, all.len().max(1) as f64);
    for (at, bounds) in all.into_iter().enumerate() {
        let mut events = archive.events(&bounds, Offset(0));
        while let Some(page) = events.next().await.map_err(PipelineError::Archive)? {
            // They are on the scale of their time, which the deployment may have changed since.
            page.into_iter().for_each(|archived| apply(archived.offset, archived.event.on(&scale).ok()));
        }
        let begin = events.log_start(&bounds);
        let length = bounds.end.0.saturating_sub(begin.0).max(1) as f64;
        let mut pages = scan(log, Topic::RATINGS, bounds.partition, begin..bounds.end);
        while let Some(page) = pages.next_page().await.map_err(PipelineError::Log)? {
            for stored in &page {
                apply(stored.position.offset, decoder.decode(stored).ok());
            }
            let share = pages.next_offset().0.saturating_sub(begin.0) as f64 / length;
            run.advance((at as f64 + share) / partitions);
        }
    }
    if rejected > 0 {
        tracing::warn!(rejected, "some records of the rating topic are not in the snapshot");
        let records = marquee_report::counted(rejected, "record");
        run.update(|run| run.warn(format!("{records} of the rating topic could not be read and left out")));
    }
    Ok(fold.finish())
}
