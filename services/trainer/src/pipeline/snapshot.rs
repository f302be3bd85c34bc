//! Reads the ratings that a run learns from, up to the offsets at its start.

use marquee_archive::{Archive, LeftOut};
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
    let (mut rejected, mut left_out) = (0_u64, Vec::new());
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
        left_out.extend_from_slice(events.left_out());
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
    for warning in archive_warnings(&left_out) {
        run.update(|run| run.warn(warning));
    }
    Ok(fold.finish())
}

/// The most files that a warning names.
const MOST_NAMED: usize = 5;

/// Names the files of the archive that could not be read: those whose events are missing from the
/// model, and those whose events came from the log.
fn archive_warnings(left_out: &[LeftOut]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (is_in_log, effect) in [(false, "their events are missing"), (true, "the log had their events")] {
        let files: Vec<&LeftOut> = left_out.iter().filter(|one| one.is_in_log == is_in_log).collect();
        if files.is_empty() {
            continue;
        }
        let count = marquee_report::counted(files.len() as u64, "file");
        let named = files.iter().take(MOST_NAMED).map(|one| format!("{} ({})", one.file, one.reason));
        let more = if files.len() > MOST_NAMED { ", and others that the trainer's log names" } else { "" };
        let named = named.collect::<Vec<_>>().join(", ");
        warnings.push(format!("{count} of the archive could not be read, and {effect}: {named}{more}"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

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
