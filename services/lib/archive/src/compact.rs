//! Makes one file of a day's many small ones, and removes files that do not count.
//!
//! The merged file is written, then the index names it instead of its parts, then those are removed. Who lists the folder in between sees events twice; who must not
//! reads the index.

use std::sync::Arc;

use marquee_domain::Partition;
use marquee_ports::{Error, ErrorKind, ObjectStore};

use super::file::{FileName, decode, put};
use super::index::{Entry, Held};
use super::{FOLDER, Settings, key};

/// Compacts a day of a partition, if it has come to enough files.
pub(super) async fn compact(
    objects: &Arc<dyn ObjectStore>,
    settings: &Settings,
    held: &mut Held,
    day: i64,
) -> Result<(), Error> {
    let partition = Partition(held.index.partition());
    let names: Vec<FileName> = held.index.files.iter().filter_map(|entry| entry.name(partition)).collect();
    if names.iter().filter(|name| name.day == day).count() < settings.compact {
        return Ok(());
    }
    let mut index = held.index.clone();
    let mut parts = Vec::new();
    for run in runs(&names, day, settings.rows as u64) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let merged = FileName { first: first.first, last: last.last, ..*first };
        let mut rows = Vec::new();
        for file in run {
            let object = objects.get(&file.parquet()?).await?;
            let missing = || Error::bare(ErrorKind::Corrupt, "compact the archive: a file that counts is missing");
            rows.extend(decode(file, object.ok_or_else(missing)?.bytes)?);
        }
        let sha256 = put(objects, &merged, &rows).await?;
        let at = index.files.iter().position(|entry| entry.first_offset == merged.first.0).unwrap_or(index.files.len());
        index.files.retain(|entry| entry.first_offset < merged.first.0 || entry.last_offset > merged.last.0);
        index.files.insert(at, Entry::new(&merged, rows.len() as u64, sha256));
        parts.extend_from_slice(run);
    }
    if parts.is_empty() {
        return Ok(());
    }
    held.write(objects, index).await?;
    for part in parts {
        objects.delete(&part.parquet()?).await?;
    }
    Ok(())
}

/// Removes a partition's files that the index does not name: what a writer left that was stopped between two steps.
pub(super) async fn sweep(objects: &Arc<dyn ObjectStore>, held: &Held) -> Result<(), Error> {
    let partition = Partition(held.index.partition());
    for entry in objects.list(Some(&key(FOLDER)?)).await? {
        let Some(file) = FileName::parse(entry.key.as_str()).filter(|file| file.partition == partition) else {
            continue;
        };
        if !held.index.files.iter().any(|entry| entry.name(partition) == Some(file)) {
            objects.delete(&entry.key).await?;
        }
    }
    Ok(())
}

/// Neighbours of one day that fit one file together, at least two each. The run of offsets bounds the rows.
fn runs(files: &[FileName], day: i64, most: u64) -> Vec<&[FileName]> {
    let (mut runs, mut start) = (Vec::new(), 0);
    for at in 1..=files.len() {
        let fits = files.get(at).is_some_and(|file| {
            file.day == day && files[start].day == day && file.last.0 - files[start].first.0 < most
        });
        if !fits {
            if at - start > 1 {
                runs.push(&files[start..at]);
            }
            start = at;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use marquee_domain::Offset;

    use super::*;

    fn file(day: i64, first: u64, last: u64) -> FileName {
        FileName { day, partition: Partition(0), first: Offset(first), last: Offset(last) }
    }

    #[test]
    fn neighbours_of_a_day_are_merged_up_to_the_size_of_a_file() {
        let files =
            [file(1, 0, 9), file(1, 10, 19), file(1, 20, 29), file(2, 30, 39), file(1, 40, 49), file(1, 50, 149)];
        let lengths = |day, most| runs(&files, day, most).iter().map(|run| run.len()).collect::<Vec<_>>();
        assert_eq!(lengths(1, 25), [2], "0 to 19; 20 to 29 would make it too large, and 50 to 149 is");
        assert_eq!(lengths(1, 1_000), [3, 2], "another day lies between");
        assert!(lengths(1, 5).is_empty() && lengths(2, 1_000).is_empty() && runs(&[], 1, 5).is_empty());
    }
}
