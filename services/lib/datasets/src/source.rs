//! The files of a data set: in a folder, in an archive, or in memory.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::member::Member;

/// The number of bytes from the start of a file that its format is recognized by. The fingerprint
/// of a file covers as many bytes of both its ends.
pub(crate) const SAMPLE: usize = 64 << 10;

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
    /// The name without folders, in lower case, without `.gz`.
    pub(crate) name: String,
    place: Place,
    member: Option<Member>,
    gzip: bool,
    stored_bytes: u64,
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
        let (name, gzip) = ungzipped(name);
        Ok(Self { name, place, member: None, gzip, stored_bytes })
    }

    /// Returns an entry for a member of an archive.
    pub(crate) fn member(name: &str, archive: Place, member: Member) -> Self {
        let (name, gzip) = ungzipped(name);
        Self { name, place: archive, stored_bytes: member.packed_bytes(), member: Some(member), gzip }
    }

    /// Returns the size as stored, by which progress is measured.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Streams the decompressed contents. `progress` counts the stored bytes that were read.
    pub(crate) fn reader(&self, progress: &Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, Error> {
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
        Ok(if self.gzip { Box::new(MultiGzDecoder::new(counted)) } else { counted })
    }

    /// Returns the first [`SAMPLE`] bytes after decompression, or fewer if the file ends or is
    /// damaged before that.
    pub(crate) fn sample(&self) -> Result<Vec<u8>, Error> {
        let mut sample = Vec::new();
        let read = self.reader(&Arc::default())?.take(SAMPLE as u64).read_to_end(&mut sample);
        match read {
            Err(source) if sample.is_empty() => Err(Error::Read { name: self.name.clone(), source }),
            _ => Ok(sample),
        }
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
    pub(crate) fn unpacked_bytes(&self) -> Option<u64> {
        match (&self.member, self.gzip) {
            (None, false) => Some(self.stored_bytes),
            (Some(member), false) => Some(member.unpacked_bytes()),
            (None, true) => self.gzip_trailer().ok(),
            (Some(_), true) => None,
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

    /// Returns a source for formats that are read from their end.
    pub(crate) fn random_access(&self) -> Result<marquee_parquet::Source, Error> {
        if self.member.is_some() || self.gzip {
            let reason = "Parquet files inside archives are not supported; unpack it first";
            return Err(Error::Member { name: self.name.clone(), reason });
        }
        match &self.place {
            Place::Memory(bytes) => Ok(bytes.clone().into()),
            Place::File(path) => {
                let file = File::open(path).map_err(|source| Error::Read { name: self.name.clone(), source })?;
                Ok(file.into())
            }
        }
    }

    /// Returns the SHA-256 in hexadecimal of the name, and of the size, the time of the last change
    /// and the first and last [`SAMPLE`] bytes of the file, or of the archive that contains it.
    pub(crate) fn fingerprint(&self) -> io::Result<String> {
        let size = self.place.size()?;
        let mut raw = self.place.open()?;
        let mut hash = Sha256::new();
        hash.update((self.name.len() as u64).to_le_bytes());
        hash.update(self.name.as_bytes());
        hash.update(size.to_le_bytes());
        hash.update(self.place.modified().to_le_bytes());
        let mut ends = Vec::new();
        (&mut raw).take(SAMPLE as u64).read_to_end(&mut ends)?;
        raw.seek(SeekFrom::Start(size.saturating_sub(SAMPLE as u64)))?;
        raw.take(SAMPLE as u64).read_to_end(&mut ends)?;
        hash.update(&ends);
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn ungzipped(name: &str) -> (String, bool) {
    let name = name.to_lowercase();
    match name.strip_suffix(".gz") {
        Some(inner) => (inner.to_owned(), true),
        None => (name, false),
    }
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
