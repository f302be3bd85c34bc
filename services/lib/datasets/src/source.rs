//! Files of a data set, wherever they lie: in a folder, in an archive, or in memory.

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

/// How much of the start of a file is looked at to tell what it is, and how much of both ends goes into its fingerprint.
pub(crate) const SAMPLE: usize = 64 << 10;

/// Raw bytes: what a zip archive, too, is made of.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A file on disk.
    File(PathBuf),
    /// In memory.
    Memory(Bytes),
}

/// What both places can be read as.
pub(crate) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl Place {
    pub(crate) fn open(&self) -> io::Result<Box<dyn ReadSeek>> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }

    pub(crate) fn size(&self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }
}

/// One file of a data set.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its name without folders, in lower case, without `.gz`.
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

    /// A file of this name in memory or on disk.
    pub(crate) fn plain(name: &str, place: Place) -> Result<Self, Error> {
        let stored_bytes = place.size().map_err(|source| Error::Read { name: name.to_owned(), source })?;
        let (name, gzip) = ungzipped(name);
        Ok(Self { name, place, member: None, gzip, stored_bytes })
    }

    /// A member of an archive.
    pub(crate) fn member(name: &str, archive: Place, member: Member) -> Self {
        let (name, gzip) = ungzipped(name);
        Self { name, place: archive, stored_bytes: member.packed_bytes(), member: Some(member), gzip }
    }

    /// Bytes as they lie on disk: what progress is measured against.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Streams the contents, unpacked. `progress` counts stored bytes as they are consumed.
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

    /// The first [`SAMPLE`] bytes, unpacked; fewer where the file ends or is damaged.
    pub(crate) fn sample(&self) -> Result<Vec<u8>, Error> {
        let mut sample = Vec::new();
        let read = self.reader(&Arc::default())?.take(SAMPLE as u64).read_to_end(&mut sample);
        match read {
            Err(source) if sample.is_empty() => Err(Error::Read { name: self.name.clone(), source }),
            _ => Ok(sample),
        }
    }

    /// The whole file, unpacked, if it has at most `limit` bytes.
    pub(crate) fn read_all(&self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut reader = self.reader(&Arc::default())?.take(limit + 1);
        reader.read_to_end(&mut bytes).map_err(|source| Error::Read { name: self.name.clone(), source })?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { name: self.name.clone(), limit });
        }
        Ok(bytes)
    }

    /// Unpacked size, where it is known without unpacking. Nothing is allocated by it.
    pub(crate) fn unpacked_bytes(&self) -> Option<u64> {
        match (&self.member, self.gzip) {
            (None, false) => Some(self.stored_bytes),
            (Some(member), false) => Some(member.unpacked_bytes()),
            (None, true) => self.gzip_trailer().ok(),
            (Some(_), true) => None,
        }
    }

    /// The last four bytes of a gzip file are its unpacked size, modulo 4 GiB (RFC 1952).
    fn gzip_trailer(&self) -> io::Result<u64> {
        let mut raw = self.place.open()?;
        let mut trailer = [0; 4];
        raw.seek(SeekFrom::End(-4))?;
        raw.read_exact(&mut trailer)?;
        Ok(u64::from(u32::from_le_bytes(trailer)))
    }

    /// For formats that are read from their end.
    pub(crate) fn random_access(&self) -> Result<marquee_parquet::Source, Error> {
        if self.member.is_some() || self.gzip {
            let reason = "is a Parquet file inside an archive: unpack it first";
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

    /// SHA-256 over name, size, and the first and last [`SAMPLE`] bytes of the file or of the archive that holds it, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> io::Result<String> {
        let size = self.place.size()?;
        let mut raw = self.place.open()?;
        let mut hash = Sha256::new();
        hash.update((self.name.len() as u64).to_le_bytes());
        hash.update(self.name.as_bytes());
        hash.update(size.to_le_bytes());
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
