//! The bytes of a file. Every range is checked before memory is allocated for it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::{Error, limit, thrift};

/// A Parquet file on disk or in memory.
#[derive(Debug)]
pub enum Source {
    /// A file on disk, read in pieces.
    File(File),
    /// Bytes in memory.
    Memory(Bytes),
}

impl From<File> for Source {
    fn from(file: File) -> Self {
        Self::File(file)
    }
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

/// A source and its length. The page reader reads page headers and bodies from it.
#[derive(Debug)]
pub(crate) struct Sized {
    source: Source,
    bytes: u64,
}

impl Sized {
    pub(crate) fn new(source: Source) -> std::result::Result<Self, Error> {
        let bytes = match &source {
            Source::File(file) => file.metadata().map_err(Error::Io)?.len(),
            Source::Memory(bytes) => bytes.len() as u64,
        };
        Ok(Self { source, bytes })
    }

    /// Returns exactly `length` bytes from `start` on.
    pub(crate) fn range(&self, start: u64, length: usize) -> std::io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.bytes);
        if end.is_none() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match &self.source {
            Source::Memory(bytes) => {
                let start = usize::try_from(start).map_err(|_| std::io::ErrorKind::UnexpectedEof)?;
                Ok(bytes.slice(start..start + length))
            }
            Source::File(file) => {
                let mut file = file;
                file.seek(SeekFrom::Start(start))?;
                let mut buffer = vec![0; length];
                file.read_exact(&mut buffer)?;
                Ok(buffer.into())
            }
        }
    }
}

impl Length for Sized {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Sized {
    type T = Reader<Bytes>;

    /// Returns the header of a page. The page reader calls this once for each page and reads only
    /// the header from it. The decoder trusts the sizes in a header, so the header is checked here
    /// first.
    fn get_read(&self, start: u64) -> Result<Reader<Bytes>> {
        let left = usize::try_from(self.bytes.saturating_sub(start)).unwrap_or(usize::MAX);
        let header = self.range(start, left.min(limit::PAGE_HEADER_BYTES))?;
        thrift::check_struct(&header).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(header.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        Ok(self.range(start, length)?)
    }
}
