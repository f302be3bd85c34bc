//! Walks the footer and the page headers of a file before the decoder sees them.
//!
//! The decoder reserves memory for as many children as a schema element claims to have, and it
//! recurses once for each level. So one flipped bit could abort the process, and neither failure
//! can be caught. This module refuses lists that are longer than the bytes after them, structures
//! that are nested too deep, and a schema whose child counts are wrong.
//!
//! The encoding is the Thrift compact protocol:
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

use crate::{Error, limit, varint};

// Field numbers of `FileMetaData` and `SchemaElement` in parquet.thrift.
const SCHEMA: i64 = 2;
const NUM_CHILDREN: i64 = 5;

// Type codes of the compact protocol.
const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

pub(crate) const SHORT: Error = Error::Malformed("a structure ends early");

/// Checks the structure at the start of `bytes`.
pub(crate) fn check_struct(bytes: &[u8]) -> Result<(), Error> {
    Walk { bytes }.skip(STRUCT, 0)
}

/// Checks the footer of a file, and that the child counts of its schema are consistent.
pub(crate) fn check_footer(footer: &[u8]) -> Result<(), Error> {
    check_struct(footer)?;
    let mut walk = Walk { bytes: footer };
    let mut id = 0;
    while let Some(kind) = walk.field(&mut id)? {
        if id != SCHEMA || kind != LIST {
            walk.skip(kind, 1)?;
            continue;
        }
        let (count, element) = walk.list()?;
        if element != STRUCT {
            return Err(Error::Malformed("its schema is not a list of elements"));
        }
        walk.tree(count)?;
    }
    Ok(())
}

struct Walk<'a> {
    bytes: &'a [u8],
}

impl Walk<'_> {
    /// Checks the elements of a schema. They are listed depth first, and each states how many
    /// children follow it.
    fn tree(&mut self, count: usize) -> Result<(), Error> {
        let mut open: Vec<i64> = Vec::new();
        for index in 0..count {
            let children = self.children()?;
            let left = (count - index - 1) as i64;
            if children < 0 || children > left {
                return Err(Error::Malformed("its schema counts children that do not exist"));
            }
            if children > 0 {
                open.push(children);
            } else {
                while let Some(last) = open.last_mut() {
                    *last -= 1;
                    if *last > 0 {
                        break;
                    }
                    open.pop();
                }
            }
            if open.len() > limit::DEPTH {
                return Err(Error::Malformed("its schema nests too deep"));
            }
        }
        Ok(())
    }

    fn children(&mut self) -> Result<i64, Error> {
        let mut children = 0;
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            if id == NUM_CHILDREN && kind == I32 {
                children = self.zigzag()?;
            } else {
                self.skip(kind, 1)?;
            }
        }
        Ok(children)
    }

    /// Returns the type of the next field of a structure, or `None` at its end.
    fn field(&mut self, id: &mut i64) -> Result<Option<u8>, Error> {
        let byte = self.byte()?;
        let kind = byte & 0x0f;
        if kind == STOP {
            return Ok(None);
        }
        let delta = byte >> 4;
        *id = if delta == 0 { self.zigzag()? } else { id.saturating_add(i64::from(delta)) };
        Ok(Some(kind))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), Error> {
        if depth > limit::DEPTH {
            return Err(Error::Malformed("a structure nests too deep"));
        }
        match kind {
            TRUE | FALSE => Ok(()),
            BYTE => self.take(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.take(8),
            UUID => self.take(16),
            BINARY => {
                let length = usize::try_from(self.varint()?).map_err(|_| SHORT)?;
                self.take(length)
            }
            LIST | SET => {
                let (count, element) = self.list()?;
                (0..count).try_for_each(|_| self.skip(element, depth + 1))
            }
            MAP => {
                let count = self.count()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                let (key, value) = (element(kinds >> 4)?, element(kinds & 0x0f)?);
                (0..count).try_for_each(|_| {
                    self.skip(key, depth + 1)?;
                    self.skip(value, depth + 1)
                })
            }
            STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(Error::Malformed("a structure holds an unknown type")),
        }
    }

    fn list(&mut self) -> Result<(usize, u8), Error> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok((0, STRUCT));
        }
        let count = if byte >> 4 == 15 { self.count()? } else { usize::from(byte >> 4) };
        if count > self.bytes.len() {
            return Err(Error::Malformed("a list is longer than the file"));
        }
        Ok((count, if count == 0 { STRUCT } else { element(byte & 0x0f)? }))
    }

    fn count(&mut self) -> Result<usize, Error> {
        let count = usize::try_from(self.varint()?).map_err(|_| SHORT)?;
        if count > self.bytes.len() {
            return Err(Error::Malformed("a list is longer than the file"));
        }
        Ok(count)
    }

    fn zigzag(&mut self) -> Result<i64, Error> {
        varint::signed(&mut self.bytes, SHORT)
    }

    fn varint(&mut self) -> Result<u64, Error> {
        varint::unsigned(&mut self.bytes, SHORT)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.bytes.split_first().ok_or(SHORT)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn take(&mut self, count: usize) -> Result<(), Error> {
        self.bytes = self.bytes.get(count..).ok_or(SHORT)?;
        Ok(())
    }
}

/// Returns the element type of a collection. Booleans are refused: no field of a footer or page
/// header is a list of them, and the decoder would loop as often as the list claims without reading
/// a byte.
fn element(kind: u8) -> Result<u8, Error> {
    if matches!(kind, TRUE | FALSE) { Err(Error::Malformed("a structure holds an unknown type")) } else { Ok(kind) }
}
