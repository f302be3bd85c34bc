//! The files of a data set: in a folder, in an archive, or in memory.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::member::Member;
use crate::options::Options;
use crate::partitions::Given;
use crate::unpack::{self, Unpacked};

/// The number of bytes from the start of a file that its format is recognized by. The fingerprint
/// of a file covers as many bytes of both its ends.
pub(crate) const SAMPLE: usize = 64 << 10;

/// The number of bytes below which a packed Parquet file is unpacked into memory.
const IN_MEMORY: u64 = 64 << 20;

/// The largest packed Parquet file after unpacking.
const LARGEST_UNPACKED: u64 = 32 << 30;

/// Stored bytes: a file or an archive.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A file on disk.
    File(PathBuf),
    /// Bytes in memory.
    Memory(Bytes),
}

/// A reader of stored bytes.
pub(crate) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl Place {
    pub(crate) fn open(&self) -> io::Result<Box<dyn ReadSeek>> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }

    /// Returns the nanoseconds from 1970 to the last change, or 0 where they are not known.
    fn modified(&self) -> u128 {
        let Self::File(path) = self else { return 0 };
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_nanos())
    }

    pub(crate) fn size(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }
}

/// A file of a data set.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The name without folders, in lower case, without the extension of its compression.
    pub(crate) name: String,
    /// The folders around the file, from that which was opened on.
    pub(crate) folders: Vec<String>,
    place: Place,
    member: Option<Member>,
    stored_bytes: u64,
}

/// The start of a file, unpacked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) bytes: Vec<u8>,
    /// What the file is packed with, from outside to inside.
    pub(crate) layers: Vec<&'static str>,
}

impl Entry {
    /// A file on disk.
    pub(crate) fn file(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::plain(&name, Place::File(path.to_owned()))
    }

    /// Returns an entry for a whole file, in memory or on disk.
    pub(crate) fn plain(name: &str, place: Place) -> Result<Self, Error> {
        let stored_bytes = place.size().map_err(|source| Error::Read { name: name.to_owned(), source })?;
        Ok(Self { name: unpacked_name(name), folders: Vec::new(), place, member: None, stored_bytes })
    }

    /// Returns an entry for a member of an archive.
    pub(crate) fn member(name: &str, folders: Vec<String>, archive: Place, member: Member) -> Self {
        let (name, stored_bytes) = (unpacked_name(name), member.packed_bytes());
        Self { name, folders, place: archive, member: Some(member), stored_bytes }
    }

    /// Returns the values of its rows that are not in the file.
    pub(crate) fn given(&self, options: &Options) -> Given {
        Given::new(&self.folders, options)
    }

    /// Returns the size as stored, by which progress is measured.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Streams the decompressed contents. `progress` counts the stored bytes that were read.
    pub(crate) fn reader(&self, progress: &Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, Error> {
        Ok(self.unpacked(progress)?.reader)
    }

    fn unpacked(&self, progress: &Arc<AtomicU64>) -> Result<Unpacked, Error> {
        let failed = |source| Error::Read { name: self.name.clone(), source };
        let mut raw = self.place.open().map_err(failed)?;
        let counted: Box<dyn Read + Send> = match &self.member {
            None => Box::new(Counted { reader: raw, progress: Arc::clone(progress) }),
            Some(member) => {
                raw.seek(SeekFrom::Start(member.start())).map_err(failed)?;
                let packed = raw.take(member.packed_bytes());
                member.unpack(Counted { reader: packed, progress: Arc::clone(progress) })
            }
        };
        unpack::unpack(counted).map_err(failed)
    }

    /// Returns the first [`SAMPLE`] bytes after decompression, or fewer if the file ends or is
    /// damaged before that.
    pub(crate) fn sample(&self) -> Result<Sample, Error> {
        let Unpacked { reader, layers } = self.unpacked(&Arc::default())?;
        let mut bytes = Vec::new();
        let read = reader.take(SAMPLE as u64).read_to_end(&mut bytes);
        match read {
            Err(source) if bytes.is_empty() => Err(Error::Read { name: self.name.clone(), source }),
            _ => Ok(Sample { bytes, layers }),
        }
    }

    /// Returns the first bytes as they are stored.
    pub(crate) fn start(&self) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::Read { name: self.name.clone(), source };
        let mut raw = self.place.open().map_err(failed)?;
        raw.seek(SeekFrom::Start(self.member.as_ref().map_or(0, Member::start))).map_err(failed)?;
        let mut start = Vec::new();
        raw.take(512).read_to_end(&mut start).map_err(failed)?;
        Ok(start)
    }

    /// Returns the whole decompressed file if it has at most `limit` bytes.
    pub(crate) fn read_all(&self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut reader = self.reader(&Arc::default())?.take(limit + 1);
        reader.read_to_end(&mut bytes).map_err(|source| Error::Read { name: self.name.clone(), source })?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { name: self.name.clone(), limit });
        }
        Ok(bytes)
    }

    /// Returns the decompressed size, if it is known without decompressing. It comes from the file
    /// and may be wrong, so nothing is allocated by it.
    pub(crate) fn unpacked_bytes(&self, sample: &Sample) -> Option<u64> {
        match (&self.member, &sample.layers[..]) {
            (None, []) => Some(self.stored_bytes),
            (Some(member), []) => Some(member.unpacked_bytes()),
            // Other members or padding may stand before the trailer, so that it tells too little.
            (None, ["gzip"]) => self.gzip_trailer().ok().filter(|bytes| *bytes >= self.stored_bytes),
            _ => None,
        }
    }

    /// Returns the decompressed size modulo 4 GiB, which is the last four bytes of a gzip file (RFC
    /// 1952).
    fn gzip_trailer(&self) -> io::Result<u64> {
        let mut raw = self.place.open()?;
        let mut trailer = [0; 4];
        raw.seek(SeekFrom::End(-4))?;
        raw.read_exact(&mut trailer)?;
        Ok(u64::from(u32::from_le_bytes(trailer)))
    }

    /// Returns a source for formats that are read from their end. What is packed is unpacked into
    /// memory if it is small, or else into a temporary file without a name.
    pub(crate) fn random_access(&self) -> Result<marquee_parquet::Source, Error> {
        let failed = |source| Error::Read { name: self.name.clone(), source };
        if self.member.is_none() && unpack::is_parquet(&self.start()?) {
            return match &self.place {
                Place::Memory(bytes) => Ok(bytes.clone().into()),
                Place::File(path) => Ok(File::open(path).map_err(failed)?.into()),
            };
        }
        let unpacked = seekable(self.reader(&Arc::default())?, (IN_MEMORY, LARGEST_UNPACKED)).map_err(failed)?;
        unpacked.ok_or_else(|| Error::TooLarge { name: self.name.clone(), limit: LARGEST_UNPACKED })
    }

    /// Hashes the name, and the size, the time of the last change and the first and last [`SAMPLE`]
    /// bytes of the file, or of the archive that contains it.
    pub(crate) fn fingerprint(&self, hash: &mut Sha256) -> io::Result<()> {
        let size = self.place.size()?;
        let mut raw = self.place.open()?;
        hash.update((self.name.len() as u64).to_le_bytes());
        hash.update(self.name.as_bytes());
        hash.update(size.to_le_bytes());
        hash.update(self.place.modified().to_le_bytes());
        let mut ends = Vec::new();
        (&mut raw).take(SAMPLE as u64).read_to_end(&mut ends)?;
        raw.seek(SeekFrom::Start(size.saturating_sub(SAMPLE as u64)))?;
        raw.take(SAMPLE as u64).read_to_end(&mut ends)?;
        hash.update(&ends);
        Ok(())
    }
}

/// Reads everything into memory if it has less than `small` bytes, or else into a temporary file.
/// Returns `None` if it has more than `most`.
fn seekable(mut reader: impl Read, (small, most): (u64, u64)) -> io::Result<Option<marquee_parquet::Source>> {
    let mut start = Vec::new();
    (&mut reader).take(small).read_to_end(&mut start)?;
    if (start.len() as u64) < small {
        return Ok(Some(Bytes::from(start).into()));
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(&start)?;
    let left = most.saturating_sub(small);
    let copied = io::copy(&mut reader.take(left.saturating_add(1)), &mut file)?;
    Ok((copied <= left).then(|| file.into()))
}

/// Returns a name in lower case without the extension of its compression.
fn unpacked_name(name: &str) -> String {
    let name = name.to_lowercase();
    let inner = [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|extension| name.strip_suffix(extension));
    inner.filter(|inner| !inner.is_empty()).map(str::to_owned).unwrap_or(name)
}

struct Counted<R> {
    reader: R,
    progress: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.progress.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use marquee_parquet::Source;

    use super::*;

    #[test]
    fn small_files_are_unpacked_into_memory_large_ones_into_a_file_and_no_more_than_the_limit() {
        let bytes = [7_u8; 100];
        let unpack = |small, most| seekable(&bytes[..], (small, most)).expect("readable");
        assert!(matches!(unpack(101, 200), Some(Source::Memory(all)) if all[..] == bytes));
        let Some(Source::File(file)) = unpack(40, 100) else { panic!("not a file") };
        assert_eq!(file.metadata().expect("a file").len(), 100);
        assert!(unpack(40, 99).is_none());
    }
}
