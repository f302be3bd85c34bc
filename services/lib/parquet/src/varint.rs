//! Whole numbers of any length, as Thrift and the encodings of Parquet write them.

use crate::Error;

/// Returns the number at the start and moves behind it: seven bits a byte, the lowest first. The
/// highest bit says whether another byte follows. `short` is the error if the bytes end before.
pub(crate) fn unsigned(bytes: &mut &[u8], short: Error) -> Result<u64, Error> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = bytes.split_first() else { return Err(short) };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Error::Malformed("a number is too long"))
}

/// Returns a number whose sign is its lowest bit.
pub(crate) fn signed(bytes: &mut &[u8], short: Error) -> Result<i64, Error> {
    let number = unsigned(bytes, short)?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}
