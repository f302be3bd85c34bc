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

use crate::{Error, delta, limit};

/// Decompresses and checks the pages of another reader.
pub(crate) struct Unpacked<R> {
    pages: R,
    compression: Compression,
    physical: Type,
    /// The highest repetition and definition level.
    levels: (i16, i16),
}

impl<R: PageReader> Unpacked<R> {
    /// Checks that the codec is supported.
    pub(crate) fn try_new(
        pages: R,
        compression: Compression,
        physical: Type,
        levels: (i16, i16),
    ) -> std::result::Result<Self, Error> {
        match compression {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::BROTLI(_)
            | Compression::ZSTD(_)
            | Compression::LZ4
            | Compression::LZ4_RAW => Ok(Self { pages, compression, physical, levels }),
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
                let levels = if is_delta(encoding) { levels_before(&buf, self.levels)? } else { 0 };
                let (buf, encoding) = self.plain(buf, (levels, num_values), encoding)?;
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
                let (buf, encoding) = self.plain(buf, (levels, num_values), encoding)?;
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

impl<R> Unpacked<R> {
    /// Writes out texts that are stored by their lengths. Other pages stay as they are. `levels` is
    /// the number of bytes before the values.
    fn plain(
        &self,
        page: Bytes,
        (levels, values): (usize, u32),
        encoding: Encoding,
    ) -> std::result::Result<(Bytes, Encoding), Error> {
        if !is_delta(encoding) {
            return Ok((page, encoding));
        }
        let has_prefixes = encoding == Encoding::DELTA_BYTE_ARRAY;
        let is_fixed = match self.physical {
            Type::BYTE_ARRAY => false,
            Type::FIXED_LEN_BYTE_ARRAY => true,
            _ => return Err(Error::Malformed("numbers are stored as texts are")),
        };
        let (before, behind) =
            page.split_at_checked(levels).ok_or(Error::Malformed("a page is shorter than its levels"))?;
        let texts = delta::plain(behind, delta::Form { has_prefixes, is_fixed, values })?;
        Ok(([before, &texts].concat().into(), Encoding::PLAIN))
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
/// values. Each value takes at least one bit, and one of a fixed length at least one byte.
fn check_dictionary(physical: Type, values: u32, bytes: usize) -> std::result::Result<(), Error> {
    let values = u64::from(values);
    let bits = match physical {
        Type::BOOLEAN => values,
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => values * 32,
        Type::FIXED_LEN_BYTE_ARRAY => values * 8,
        _ => values * 64,
    };
    if bits > bytes as u64 * 8 {
        return Err(Error::Malformed("a dictionary is shorter than its count"));
    }
    Ok(())
}

/// Returns whether texts are stored by their lengths.
fn is_delta(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY)
}

/// Returns the number of bytes of the levels and their lengths at the start of a version 1 page.
fn levels_before(page: &[u8], (repetition, definition): (i16, i16)) -> std::result::Result<usize, Error> {
    let mut rest = page;
    for _ in [repetition, definition].into_iter().filter(|level| *level > 0) {
        let short = || Error::Malformed("a page is shorter than its levels");
        let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        rest = behind.get(u32::from_le_bytes(*length) as usize..).ok_or_else(short)?;
    }
    Ok(page.len() - rest.len())
}

/// Checks the encoding of a page.
fn check_encoding(encoding: Encoding) -> std::result::Result<(), Error> {
    match encoding {
        Encoding::PLAIN
        | Encoding::RLE
        | Encoding::PLAIN_DICTIONARY
        | Encoding::RLE_DICTIONARY
        | Encoding::DELTA_BINARY_PACKED
        | Encoding::DELTA_LENGTH_BYTE_ARRAY
        | Encoding::DELTA_BYTE_ARRAY
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
        Compression::ZSTD(_) => read_within(zstd::Decoder::with_buffer(&packed[..]).map_err(Error::Io)?, limit)?,
        Compression::LZ4_RAW => lz4_block(packed, limit)?,
        Compression::LZ4 => lz4(packed, limit)?,
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

/// Unpacks a block of LZ4. It does not say how long it is, so the room grows until it fits. The
/// ratio of LZ4 is at most 255 to 1.
fn lz4_block(packed: &[u8], limit: usize) -> std::result::Result<Vec<u8>, Error> {
    let most = limit.min(packed.len().saturating_mul(256).saturating_add(64));
    let mut room = most.min(packed.len().saturating_mul(4).saturating_add(64));
    loop {
        let mut page = vec![0; room];
        match lz4_flex::block::decompress_into(packed, &mut page) {
            Ok(length) => {
                page.truncate(length);
                return Ok(page);
            }
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if room < most => room = most.min(room * 4),
            Err(error) => return Err(Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidData, error))),
        }
    }
}

/// Unpacks what older writers call LZ4: blocks of Hadoop with their lengths, the frame format, or a
/// block as it is.
fn lz4(packed: &[u8], limit: usize) -> std::result::Result<Vec<u8>, Error> {
    if let Some(page) = lz4_hadoop(packed, limit) {
        return Ok(page);
    }
    if packed.starts_with(&[0x04, 0x22, 0x4d, 0x18]) {
        return read_within(lz4_flex::frame::FrameDecoder::new(packed), limit);
    }
    lz4_block(packed, limit)
}

/// Unpacks blocks that each have their unpacked and packed length before them, the highest byte
/// first. Returns `None` for another form.
fn lz4_hadoop(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (mut rest, mut page) = (packed, Vec::new());
    while !rest.is_empty() {
        let (unpacked, behind) = rest.split_first_chunk::<4>()?;
        let (length, behind) = behind.split_first_chunk::<4>()?;
        let unpacked = u32::from_be_bytes(*unpacked) as usize;
        let block = behind.get(..u32::from_be_bytes(*length) as usize)?;
        if unpacked > block.len().saturating_mul(256) || page.len().saturating_add(unpacked) > limit {
            return None;
        }
        let start = page.len();
        page.resize(start + unpacked, 0);
        let written = lz4_flex::block::decompress_into(block, page.get_mut(start..)?).ok()?;
        if written != unpacked {
            return None;
        }
        rest = behind.get(block.len()..)?;
    }
    Some(page)
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
    fn pages_of_zstd_and_of_every_kind_of_lz4_are_unpacked_within_the_limit() {
        let page: Vec<u8> = (0..50_000_u32).flat_map(|number| (number / 100).to_le_bytes()).collect();
        let block = lz4_flex::block::compress(&page);
        let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
        frame.write_all(&page).unwrap();
        let hadoop = |part: &[u8]| {
            let packed = lz4_flex::block::compress(part);
            let lengths = [part.len(), packed.len()].map(|length| (length as u32).to_be_bytes()).concat();
            [lengths, packed].concat()
        };
        let halves = [hadoop(&page[..100_000]), hadoop(&page[100_000..])].concat();
        for (codec, packed) in [
            (Compression::ZSTD(Default::default()), zstd::encode_all(&page[..], 3).unwrap()),
            (Compression::LZ4_RAW, block.clone()),
            (Compression::LZ4, block),
            (Compression::LZ4, frame.finish().unwrap()),
            (Compression::LZ4, halves),
        ] {
            let packed = Bytes::from(packed);
            assert_eq!(unpack_within(codec, &packed, page.len()).unwrap(), page, "{codec}");
            assert!(unpack_within(codec, &packed, page.len() - 1).is_err(), "{codec}");
            for cut in [0, 1, 7, packed.len() / 2] {
                assert!(
                    unpack_within(codec, &packed.slice(..cut), page.len()).map_or(true, |part| part != page),
                    "{codec}"
                );
            }
        }
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
