//! The members of a zip archive, unpacked within the size that they declare.
//!
//! Members are streamed by offset instead of through the `zip` crate's readers, which borrow the
//! archive. So a [`Member`] is a plain value.

use std::io::{self, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// The largest size that a member may declare. MovieLens 32M unpacks to 0.9 GB.
const LARGEST: u64 = 64 << 30;

/// The largest compression ratio of a member. Lists of ratings shrink to about a fifth. Members up
/// to [`EXEMPT`] bytes may have any ratio, because they cannot fill the memory.
const LARGEST_RATIO: u64 = 200;
const EXEMPT: u64 = 1 << 20;

/// The position of a member, and the contents that it declares.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) start: u64,
    pub(crate) packed: u64,
    pub(crate) unpacked: u64,
    pub(crate) crc: u32,
    pub(crate) deflated: bool,
}

impl Member {
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn packed_bytes(&self) -> u64 {
        self.packed
    }

    pub(crate) fn unpacked_bytes(&self) -> u64 {
        self.unpacked
    }

    /// Decompresses `packed`. The result is an error unless it has exactly the size and the
    /// checksum that the archive declares.
    pub(crate) fn unpack(&self, packed: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        let unpacked: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Box::new(Unpacked { reader: unpacked, crc: Crc::new(), left: self.unpacked, member: self.clone() })
    }

    fn check(&self) -> io::Result<()> {
        let bomb = self.unpacked > EXEMPT && self.unpacked / self.packed.max(1) > LARGEST_RATIO;
        if bomb || self.unpacked > LARGEST {
            return Err(invalid("a member of the archive unpacks to far more than a list of ratings would"));
        }
        Ok(())
    }
}

struct Unpacked {
    reader: Box<dyn Read + Send>,
    crc: Crc,
    left: u64,
    member: Member,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.member.check()?;
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.reader.read(buffer)?;
        self.crc.update(buffer.get(..count).unwrap_or_default());
        match self.left.checked_sub(count as u64) {
            None => Err(invalid("a member of the archive is longer than it declares")),
            Some(left) if count == 0 && left > 0 => Err(invalid("a member of the archive is truncated")),
            Some(_) if count == 0 && self.crc.sum() != self.member.crc => {
                Err(invalid("a member of the archive is damaged: its checksum differs"))
            }
            Some(left) => {
                self.left = left;
                Ok(count)
            }
        }
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
