//! Lists the members of zip archives.
//!
//! The names of members are only compared with the names of known files. They never become paths.

use std::io::BufReader;

use zip::{CompressionMethod, ZipArchive};

use crate::Error;
use crate::member::Member;
use crate::source::{Entry, Place};

/// The most members that an archive may have.
const MOST: usize = 10_000;

/// Returns all files of an archive, those of outer folders first.
pub(crate) fn entries(name: &str, place: &Place) -> Result<Vec<Entry>, Error> {
    let failed = |source| Error::Archive { name: name.to_owned(), source };
    let raw = place.open().map_err(|source| Error::Read { name: name.to_owned(), source })?;
    let mut archive = ZipArchive::new(BufReader::new(raw)).map_err(failed)?;
    if archive.len() > MOST {
        return Err(Error::Member { name: name.to_owned(), reason: "more than 10,000 files; unpack it first" });
    }
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(failed)?;
        let path = String::from_utf8_lossy(file.name_raw()).into_owned();
        if file.is_dir() || path.starts_with("__MACOSX") {
            continue;
        }
        let (folders, base) = path.rsplit_once(['/', '\\']).unwrap_or(("", &path));
        let folders: Vec<String> =
            folders.split(['/', '\\']).filter(|folder| !folder.is_empty()).map(str::to_owned).collect();
        let depth = folders.len();
        let Some(start) = file.data_start() else {
            continue;
        };
        let deflated = match file.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            _ => continue,
        };
        if file.encrypted() {
            continue;
        }
        let (packed, unpacked, crc) = (file.compressed_size(), file.size(), file.crc32());
        entries.push((
            depth,
            Entry::member(base, folders, place.clone(), Member { start, packed, unpacked, crc, deflated }),
        ));
    }
    entries.sort_by_key(|(depth, _)| *depth);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}
