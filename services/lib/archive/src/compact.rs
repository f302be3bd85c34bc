//! Merges a day's many small files into one, and deletes files that do not count.
//!
//! The merged file is written first, then the index names it instead of its parts, then the parts
//! are deleted. In between, both the old and the new files exist, so a reader that lists the folder
//! sees events twice. Readers that need each event once follow the index.

use marquee_kit::chain;
use marquee_ports::{Error, ErrorKind};

use crate::file::FileName;
use crate::index::{FileEntry, Index};
use crate::{Archive, ArchivedEvent, FOLDER, Settings, key};

/// Merges the files of a day of a partition once there are enough of them.
pub(crate) async fn compact(archive: &Archive, settings: &Settings, index: &mut Index, day: &str) -> Result<(), Error> {
    let names: Vec<FileName> = index.names().collect();
    if names.iter().filter(|name| name.day == day).count() < settings.compact {
        return Ok(());
    }
    let mut document = index.document.clone();
    let mut parts = Vec::new();
    for range in runs(&names, day, settings.rows as u64) {
        let (Some(first), Some(last)) = (names.get(range.start), names.get(range.end - 1)) else { continue };
        let merged = FileName { last: last.last, ..first.clone() };
        let Some(rows) = parts_of(archive, index, range.clone()).await? else { continue };
        let count = rows.len() as u64;
        let sha256 = archive.put(&merged, rows).await?;
        let (from, to) = (merged.first.0, merged.last.0);
        let at = document.files.iter().position(|entry| entry.first_offset == from).unwrap_or(document.files.len());
        document.files.retain(|entry| entry.first_offset < from || entry.last_offset > to);
        document.files.insert(at, FileEntry::new(merged, count, sha256));
        parts.extend_from_slice(&names[range]);
    }
    if parts.is_empty() {
        return Ok(());
    }
    index.write(archive, document).await?;
    for part in parts {
        archive.objects.delete(&part.key()?).await?;
    }
    Ok(())
}

/// Reads files to merge. Returns `None`, with a warning, if one of them cannot be read: the others
/// stay as they are. Only this writer deletes files, so none may be missing.
async fn parts_of(
    archive: &Archive,
    index: &Index,
    range: std::ops::Range<usize>,
) -> Result<Option<Vec<ArchivedEvent>>, Error> {
    let mut rows = Vec::new();
    for entry in index.document.files.get(range).unwrap_or_default() {
        let file = entry.name(index.partition());
        let reason = match archive.get(&file, &entry.sha256).await {
            Ok(Some(part)) => {
                rows.extend(part);
                continue;
            }
            Ok(None) => "it is absent".to_owned(),
            Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
            Err(error) => chain(&error),
        };
        tracing::warn!(%file, reason, "a file of the archive cannot be read; the files around it were not merged");
        return Ok(None);
    }
    Ok(Some(rows))
}

/// Deletes the files of a partition that its index does not name. A writer that was stopped between
/// two steps leaves such files.
pub(crate) async fn sweep(archive: &Archive, index: &Index) -> Result<(), Error> {
    for entry in archive.objects.list(Some(&key(FOLDER)?)).await? {
        let Some(file) = FileName::parse(entry.key.as_str()) else { continue };
        if file.partition == index.partition() && !index.names().any(|name| name == file) {
            archive.objects.delete(&entry.key).await?;
        }
    }
    Ok(())
}

/// Returns the ranges of neighbors of one day that fit into one file together, at least two files
/// each. The range of offsets bounds the number of rows.
fn runs(files: &[FileName], day: &str, most: u64) -> Vec<std::ops::Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), 0);
    for at in 1..=files.len() {
        let fits = files.get(at).is_some_and(|file| {
            file.day == day && files[start].day == day && file.last.0 - files[start].first.0 < most
        });
        if !fits {
            if at - start > 1 {
                runs.push(start..at);
            }
            start = at;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use marquee_domain::{Offset, Partition};

    use super::*;
    use crate::testing::{archive, archived, take_over, write};

    fn file(day: &str, first: u64, last: u64) -> FileName {
        FileName { day: day.to_owned(), partition: Partition(0), first: Offset(first), last: Offset(last) }
    }

    #[test]
    fn neighbors_of_a_day_are_merged_up_to_the_size_of_a_file() {
        let files = [
            file("1", 0, 9),
            file("1", 10, 19),
            file("1", 20, 29),
            file("2", 30, 39),
            file("1", 40, 49),
            file("1", 50, 149),
        ];
        let lengths = |day, most| runs(&files, day, most).iter().map(|run| run.len()).collect::<Vec<_>>();
        assert_eq!(lengths("1", 25), [2], "0 to 19; 20 to 29 would make it too large, and 50 to 149 is");
        assert_eq!(lengths("1", 1_000), [3, 2], "another day lies between");
        assert!(lengths("1", 5).is_empty() && lengths("2", 1_000).is_empty() && runs(&[], "1", 5).is_empty());
    }

    #[tokio::test]
    async fn a_sweep_deletes_the_files_that_the_index_does_not_name() {
        let archive = archive();
        let mut index = take_over(&archive, Partition(0)).await;
        write(&archive, &mut index, (0..10).map(archived).collect()).await;
        let counts: Vec<FileName> = index.names().collect();
        let left = FileName { first: Offset(10), last: Offset(12), ..counts[0].clone() };
        archive.put(&left, vec![archived(11)]).await.expect("writes");
        let other = FileName { partition: Partition(1), ..left.clone() };
        archive.put(&other, vec![archived(11)]).await.expect("writes");
        sweep(&archive, &index).await.expect("sweeps");
        let listed = archive.objects.list(Some(&key(FOLDER).expect("valid"))).await.expect("lists");
        let files: Vec<FileName> = listed.iter().filter_map(|entry| FileName::parse(entry.key.as_str())).collect();
        assert_eq!(files, [counts[0].clone(), other]);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_does_not_stop_the_writer() {
        let archive = archive();
        let mut index = take_over(&archive, Partition(0)).await;
        for first in [0, 10] {
            write(&archive, &mut index, (first..first + 10).map(archived).collect()).await;
        }
        let names: Vec<FileName> = index.names().collect();
        archive.objects.delete(&names[0].key().expect("valid")).await.expect("deletes");
        let settings = Settings { compact: 2, ..Settings::default() };
        compact(&archive, &settings, &mut index, &names[0].day).await.expect("goes on");
        assert_eq!(index.names().collect::<Vec<_>>(), names);
    }
}
