//! Decompresses the pages of one column chunk within a limit.
//!
//! The `parquet` crate decompresses gzip and brotli pages without a limit, whatever their header
//! says. So a page of a few kilobytes could fill the memory. The crate is therefore told that
//! chunks are uncompressed, and this module decompresses the pages that it returns.

use std::io::Read;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

use crate::{Error, limit};

/// Decompresses and checks the pages of another reader.
pub(crate) struct Unpacked<R> {
    pages: R,
    compression: Compression,
    physical: Type,
}

impl<R: PageReader> Unpacked<R> {
    /// Checks that the codec is supported.
    pub(crate) fn try_new(pages: R, compression: Compression, physical: Type) -> std::result::Result<Self, Error> {
        match compression {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::BROTLI(_) => {
                Ok(Self { pages, compression, physical })
            }
            other => Err(Error::Packing(format!("{other}"))),
        }
    }

    fn check(&self, page: Page) -> std::result::Result<Page, Error> {
        match page {
            Page::DictionaryPage { buf, num_values, encoding, is_sorted } => {
                let buf = unpack(self.compression, &buf)?;
                check_dictionary(self.physical, num_values, buf.len())?;
                Ok(Page::DictionaryPage { buf, num_values, encoding, is_sorted })
            }
            Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics } => {
                check_encoding(encoding)?;
                let buf = unpack(self.compression, &buf)?;
                Ok(Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                statistics,
            } => {
                check_encoding(encoding)?;
                // In a version 2 page the levels are never compressed.
                let levels = u64::from(def_levels_byte_len) + u64::from(rep_levels_byte_len);
                let levels = usize::try_from(levels).ok().filter(|levels| *levels <= buf.len());
                let levels = levels.ok_or(Error::Malformed("a page is shorter than its levels"))?;
                let buf = if is_compressed && levels < buf.len() {
                    let values = unpack(self.compression, &buf.slice(levels..))?;
                    [&buf[..levels], &values].concat().into()
                } else {
                    buf
                };
                Ok(Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed,
                    statistics,
                })
            }
        }
    }
}

impl<R: PageReader> Iterator for Unpacked<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl<R: PageReader> PageReader for Unpacked<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(page) = self.pages.get_next_page()? else {
            return Ok(None);
        };
        self.check(page).map(Some).map_err(|error| ParquetError::External(Box::new(error)))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

/// Checks the value count of a dictionary, because the decoder reserves memory for that many
/// values. Each value takes at least one bit.
fn check_dictionary(physical: Type, values: u32, bytes: usize) -> std::result::Result<(), Error> {
    let values = u64::from(values);
    let bits = match physical {
        Type::BOOLEAN => values,
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => values * 32,
        _ => values * 64,
    };
    if bits > bytes as u64 * 8 {
        return Err(Error::Malformed("a dictionary is shorter than its count"));
    }
    Ok(())
}

/// Checks the encoding of a page. Delta-encoded text is refused, because its decoder reserves
/// memory for as many lengths as the page claims.
fn check_encoding(encoding: Encoding) -> std::result::Result<(), Error> {
    match encoding {
        Encoding::PLAIN
        | Encoding::RLE
        | Encoding::PLAIN_DICTIONARY
        | Encoding::RLE_DICTIONARY
        | Encoding::DELTA_BINARY_PACKED
        | Encoding::BYTE_STREAM_SPLIT => Ok(()),
        other => Err(Error::Packing(format!("{other}"))),
    }
}

fn unpack(compression: Compression, packed: &Bytes) -> std::result::Result<Bytes, Error> {
    unpack_within(compression, packed, limit::PAGE_BYTES)
}

fn unpack_within(compression: Compression, packed: &Bytes, limit: usize) -> std::result::Result<Bytes, Error> {
    let too_large = |bytes: usize| Error::TooLarge { what: "a page", bytes: bytes as u64, limit: limit as u64 };
    let page = match compression {
        Compression::SNAPPY => {
            let corrupt = |error: snap::Error| Error::Io(error.into());
            let length = snap::raw::decompress_len(packed).map_err(corrupt)?;
            // Snappy encodes a copy of 64 bytes in three bytes, so its ratio is at most about 22 to
            // 1.
            if length > limit || length > packed.len().saturating_mul(32) {
                return Err(too_large(length));
            }
            snap::raw::Decoder::new().decompress_vec(packed).map_err(corrupt)?
        }
        Compression::GZIP(_) => read_within(flate2::read::MultiGzDecoder::new(&packed[..]), limit)?,
        Compression::BROTLI(_) => read_within(brotli_decompressor::Decompressor::new(&packed[..], 64 << 10), limit)?,
        _ => return Ok(packed.clone()),
    };
    if page.len() > limit {
        return Err(too_large(page.len()));
    }
    Ok(page.into())
}

fn read_within(packed: impl Read, limit: usize) -> std::result::Result<Vec<u8>, Error> {
    let mut page = Vec::new();
    packed.take(limit as u64 + 1).read_to_end(&mut page).map_err(Error::Io)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parquet::basic::GzipLevel;

    use super::*;

    #[test]
    fn a_page_that_unpacks_beyond_the_limit_is_refused() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 1 << 20]).unwrap();
        let packed = Bytes::from(packer.finish().unwrap());
        let codec = Compression::GZIP(GzipLevel::default());
        assert_eq!(unpack_within(codec, &packed, 1 << 20).unwrap().len(), 1 << 20);
        assert!(matches!(unpack_within(codec, &packed, (1 << 20) - 1), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn a_snappy_page_that_claims_more_than_it_can_hold_is_refused_before_it_is_allocated() {
        let claims = Bytes::from_static(&[0xff, 0xff, 0xff, 0x7f, 0x00]);
        assert!(matches!(unpack(Compression::SNAPPY, &claims), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn a_dictionary_that_claims_more_values_than_bytes_is_refused() {
        assert!(check_dictionary(Type::BYTE_ARRAY, u32::MAX, 1_000).is_err());
        assert!(check_dictionary(Type::INT64, 125, 1_000).is_ok());
    }
}
