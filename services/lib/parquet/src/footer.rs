//! Reads the footer of a file, and checks it before the decoder sees it.

use bytes::Bytes;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length;

use crate::source::Sized;
use crate::thrift::{self, SHORT};
use crate::{Error, limit};

const MAGIC: &[u8; 4] = b"PAR1";

/// Reads, checks and decodes the footer.
pub(crate) fn metadata(source: &Sized) -> Result<ParquetMetaData, Error> {
    let Some(tail_at) = source.len().checked_sub(8).filter(|at| *at >= 4) else {
        return Err(Error::Malformed("it is shorter than an empty one"));
    };
    let tail = source.range(tail_at, 8).map_err(Error::Io)?;
    let (length, magic) = tail.split_at(4);
    if magic != MAGIC {
        return Err(Error::Malformed("it does not end in `PAR1`"));
    }
    let length = u32::from_le_bytes(length.try_into().map_err(|_| SHORT)?) as usize;
    if length > limit::FOOTER_BYTES {
        return Err(Error::TooLarge { what: "the footer", bytes: length as u64, limit: limit::FOOTER_BYTES as u64 });
    }
    let Some(start) = tail_at.checked_sub(length as u64) else {
        return Err(Error::Malformed("its footer is longer than the file"));
    };
    let footer: Bytes = source.range(start, length).map_err(Error::Io)?;
    thrift::check_footer(&footer)?;
    ParquetMetaDataReader::decode_metadata(&footer).map_err(Error::Decode)
}
