//! Texts that are stored by their lengths, with or without what each shares with the one before.
//!
//! The decoders of the `parquet` crate reserve memory for as many lengths as a page claims, and a
//! page of a few bytes can repeat a long text as often as it likes. So this module writes the texts
//! out within a limit, in the plain encoding. Source: the section on delta encodings in the
//! specification of Parquet's encodings.

use crate::{Error, limit, varint};

const SHORT: Error = Error::Malformed("a page is shorter than its lengths say");

/// Returns one of the packed integers of `width` bits.
fn unpacked(packed: &[u8], width: u32, at: usize) -> u64 {
    let (mut value, start) = (0, at * width as usize);
    for bit in 0..width as usize {
        let place = start + bit;
        let set = packed.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1);
        value |= u64::from(set) << bit;
    }
    value
}

/// Reads at most `most` lengths (`DELTA_BINARY_PACKED`) and moves behind them. The first value is
/// given. The others come in blocks of mini blocks: each value is that before plus the least
/// difference of the block plus a number of the mini block's width.
fn lengths(bytes: &mut &[u8], most: usize) -> Result<Vec<usize>, Error> {
    let mut header = || varint::unsigned(bytes, SHORT);
    let (block, minis, total) = (header()?, header()?, header()?);
    let mut last = varint::signed(bytes, SHORT)?;
    let total = usize::try_from(total).ok().filter(|total| *total <= most);
    let total = total.ok_or(Error::Malformed("a page has more lengths than values"))?;
    let in_mini = block.checked_div(minis).filter(|size| *size > 0 && size.is_multiple_of(8) && *size <= 1 << 20);
    let in_mini = in_mini.ok_or(Error::Malformed("a page has blocks of an impossible size"))? as usize;
    let mut found = Vec::new();
    let push = |found: &mut Vec<usize>, value: i64| {
        let length = usize::try_from(value).map_err(|_| Error::Malformed("a page has a negative length"))?;
        found.push(length);
        Ok(())
    };
    if total > 0 {
        push(&mut found, last)?;
    }
    while found.len() < total {
        let least = varint::signed(bytes, SHORT)?;
        let (widths, rest) =
            usize::try_from(minis).ok().and_then(|minis| bytes.split_at_checked(minis)).ok_or(SHORT)?;
        *bytes = rest;
        for width in widths {
            if found.len() == total {
                break;
            }
            let width = u32::from(*width);
            if width > 64 {
                return Err(Error::Malformed("a page has numbers of more than 64 bits"));
            }
            // A mini block is whole, even where fewer values are left.
            let (packed, rest) = bytes.split_at_checked(in_mini / 8 * width as usize).ok_or(SHORT)?;
            *bytes = rest;
            for at in 0..in_mini.min(total - found.len()) {
                last = last.wrapping_add(least).wrapping_add(unpacked(packed, width, at) as i64);
                push(&mut found, last)?;
            }
        }
    }
    Ok(found)
}

/// What a page of texts is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Whether each text says how much of the one before it begins with.
    pub(crate) has_prefixes: bool,
    /// Whether every text has the same length, so that the plain encoding has no lengths.
    pub(crate) is_fixed: bool,
    /// The number of values of the page, nulls included.
    pub(crate) values: u32,
}

/// Returns the texts of a page in the plain encoding: each behind its length in four bytes.
pub(crate) fn plain(values: &[u8], form: Form) -> Result<Vec<u8>, Error> {
    plain_within(values, form, limit::PAGE_BYTES)
}

fn plain_within(values: &[u8], form: Form, limit: usize) -> Result<Vec<u8>, Error> {
    let (mut rest, most) = (values, form.values as usize);
    let prefixes = if form.has_prefixes { lengths(&mut rest, most)? } else { Vec::new() };
    let suffixes = lengths(&mut rest, most)?;
    if form.has_prefixes && prefixes.len() != suffixes.len() {
        return Err(Error::Malformed("a page has more prefixes than texts"));
    }
    let mut page = Vec::new();
    let mut before = 0..0;
    for (at, &suffix) in suffixes.iter().enumerate() {
        let prefix = prefixes.get(at).copied().unwrap_or(0);
        let (text, behind) = rest.split_at_checked(suffix).ok_or(SHORT)?;
        rest = behind;
        if prefix > before.len() {
            return Err(Error::Malformed("a text begins with more than the text before it"));
        }
        let length = prefix.saturating_add(suffix);
        let bytes = page.len().saturating_add(length).saturating_add(4);
        if bytes > limit {
            return Err(Error::TooLarge { what: "a page", bytes: bytes as u64, limit: limit as u64 });
        }
        if !form.is_fixed {
            page.extend_from_slice(&(length as u32).to_le_bytes());
        }
        let start = page.len();
        page.extend_from_within(before.start..before.start + prefix);
        page.extend_from_slice(text);
        before = start..page.len();
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of 128 in four mini blocks, two texts of 5 and 3 bytes: the first length, the least
    /// difference −2, and mini blocks of width 0.
    const LENGTHS: [u8; 9] = [0x80, 0x01, 0x04, 0x02, 0x0a, 0x03, 0, 0, 0];

    fn with(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    const TEXTS: Form = Form { has_prefixes: false, is_fixed: false, values: 2 };

    #[test]
    fn texts_are_written_out_behind_their_lengths() {
        let page = with(&[&LENGTHS, &[0], b"alphabet"]);
        assert_eq!(plain(&page, TEXTS).unwrap(), with(&[&[5, 0, 0, 0], b"alpha", &[3, 0, 0, 0], b"bet"]));
    }

    #[test]
    fn a_text_begins_with_a_part_of_the_one_before() {
        // Prefixes 0 and 2: the least difference is 2. Suffixes 5 and 3.
        let prefixes = [0x80, 0x01, 0x04, 0x02, 0x00, 0x04, 0, 0, 0, 0];
        let page = with(&[&prefixes, &LENGTHS, &[0], b"alphabet"]);
        let form = Form { has_prefixes: true, ..TEXTS };
        assert_eq!(plain(&page, form).unwrap(), with(&[&[5, 0, 0, 0], b"alpha", &[5, 0, 0, 0], b"albet"]));
        let fixed = plain(&page, Form { is_fixed: true, ..form }).unwrap();
        assert_eq!(fixed, b"alphaalbet");
        assert!(matches!(plain_within(&page, form, 17), Err(Error::TooLarge { .. })));
        assert!(plain_within(&page, form, 18).is_ok());
    }

    #[test]
    fn numbers_of_any_width_are_unpacked_from_their_lowest_bit_on() {
        assert_eq!([0, 1, 2].map(|at| unpacked(&[0b1101_0001, 0b0000_0001], 3, at)), [1, 2, 7]);
        assert_eq!(unpacked(&[0xff; 8], 64, 0), u64::MAX);
        assert_eq!(unpacked(&[1], 0, 100), 0);
    }

    #[test]
    fn what_a_page_claims_falsely_is_refused() {
        let page = with(&[&LENGTHS, &[0], b"alphabet"]);
        for cut in 0..page.len() {
            assert!(plain(&page[..cut], TEXTS).is_err(), "{cut} bytes");
        }
        let refused = |bytes: &[u8]| plain(bytes, TEXTS).unwrap_err().to_string();
        assert!(refused(&[0x80, 0x01, 0x04, 0x03, 0x0a]).contains("more lengths than values"));
        assert!(refused(&[0x80, 0x01, 0x00, 0x02, 0x0a]).contains("impossible size"));
        assert!(refused(&[0x80, 0x01, 0x04, 0x01, 0x0b]).contains("negative length"));
        assert!(refused(&[0xff; 20]).contains("too long"));
        let wide = [0x80, 0x01, 0x04, 0x02, 0x0a, 0x03, 65, 0, 0, 0];
        assert!(refused(&wide).contains("more than 64 bits"));
        // The second text begins with more than the first has.
        let prefixes = [0x80, 0x01, 0x04, 0x02, 0x00, 0x0c, 0, 0, 0, 0];
        let page = with(&[&prefixes, &LENGTHS, &[0], b"alphabet"]);
        let refused = plain(&page, Form { has_prefixes: true, ..TEXTS }).unwrap_err();
        assert!(refused.to_string().contains("begins with more"), "{refused}");
    }
}
