//! Unpacks compressed bytes. The first bytes tell the compression, never the name of the file.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::GzDecoder;

/// The most layers of compression around a file. A file that was packed twice by mistake has two.
const LAYERS: usize = 4;

const BUFFER: usize = 64 << 10;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The start of a zip archive, with or without members.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Packings that are named in an error because they are not read.
const FOREIGN: [(&[u8], usize, &str); 6] = [
    (b"BZh", 0, "is packed with bzip2; unpack it first, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\x00", 0, "is packed with xz; unpack it first, or pack it with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", 0, "is a 7-Zip archive; unpack it first, or pack it as zip"),
    (b"Rar!", 0, "is a RAR archive; unpack it first, or pack it as zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "is a workbook of an old Excel; save it as CSV"),
    (b"ustar", 257, "is a tar archive; unpack it and give the folder"),
];

/// Returns whether bytes are the start of a zip archive.
pub(crate) fn is_zip(start: &[u8]) -> bool {
    ZIP.iter().any(|magic| start.starts_with(magic))
}

/// Returns whether bytes are the start of a Parquet file.
pub(crate) fn is_parquet(start: &[u8]) -> bool {
    start.starts_with(b"PAR1")
}

/// Returns why a file with this start is not read, if it is packed in a way that is not supported.
pub(crate) fn foreign(start: &[u8]) -> Option<&'static str> {
    let found = FOREIGN.iter().find(|(magic, at, _)| start.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    found.map(|(_, _, reason)| *reason)
}

/// Unpacked bytes, and what they were packed with from outside to inside.
pub(crate) struct Unpacked {
    pub(crate) reader: Box<dyn Read + Send>,
    pub(crate) layers: Vec<&'static str>,
}

/// Unpacks a stream.
pub(crate) fn unpack(packed: Box<dyn Read + Send>) -> io::Result<Unpacked> {
    let (mut reader, mut layers) = (packed, Vec::new());
    for _ in 0..LAYERS {
        let mut start = [0; 4];
        let length = read_up_to(&mut reader, &mut start)?;
        let start = start.get(..length).unwrap_or_default();
        let whole = Cursor::new(start.to_vec()).chain(reader);
        if start.starts_with(GZIP) {
            layers.push("gzip");
            reader = Box::new(Members::new(BufReader::with_capacity(BUFFER, whole)));
        } else if start.starts_with(ZSTD) {
            layers.push("zstd");
            reader = Box::new(zstd::Decoder::new(whole)?);
        } else {
            return Ok(Unpacked { reader: Box::new(whole), layers });
        }
    }
    Ok(Unpacked { reader, layers })
}

/// Reads until the buffer is full or the stream ends.
pub(crate) fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// The members of a gzip file, one after another. Zeros behind the last member are padding, as
/// tapes and block devices leave it.
struct Members<R> {
    /// `None` only while the decoder moves to the next member.
    member: Option<GzDecoder<R>>,
    ended: bool,
}

impl<R: BufRead> Members<R> {
    fn new(reader: R) -> Self {
        Self { member: Some(GzDecoder::new(reader)), ended: false }
    }

    /// Moves to the next member. Returns `false` at the end of the file.
    fn advance(&mut self) -> io::Result<bool> {
        let Some(member) = self.member.take() else { return Ok(false) };
        let mut reader = member.into_inner();
        loop {
            let rest = reader.fill_buf()?;
            if rest.is_empty() {
                return Ok(false);
            }
            match rest.iter().position(|byte| *byte != 0) {
                Some(0) => break,
                Some(zeros) => reader.consume(zeros),
                None => {
                    let zeros = rest.len();
                    reader.consume(zeros);
                }
            }
        }
        if reader.fill_buf()?.first() != GZIP.first() {
            let reason = "other bytes follow the last gzip member";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        self.member = Some(GzDecoder::new(reader));
        Ok(true)
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let Some(member) = &mut self.member else { break };
            match member.read(buffer)? {
                0 => self.ended = !self.advance()?,
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).expect("written to memory");
        packer.finish().expect("written to memory")
    }

    fn unpacked(bytes: Vec<u8>) -> io::Result<(Vec<u8>, Vec<&'static str>)> {
        let mut unpacked = unpack(Box::new(Cursor::new(bytes)))?;
        let mut text = Vec::new();
        unpacked.reader.read_to_end(&mut text)?;
        Ok((text, unpacked.layers))
    }

    #[test]
    fn layers_and_members_are_told_by_content_and_zeros_behind_are_padding() {
        let once = gzipped(b"abc");
        let padded = [once.clone(), vec![0; 100_000]].concat();
        let members = [once.clone(), vec![0; 3], gzipped(b"def")].concat();
        let zst = zstd::encode_all(&b"abc"[..], 1).expect("written to memory");
        for (bytes, text, layers) in [
            (b"abc".to_vec(), "abc", vec![]),
            (b"".to_vec(), "", vec![]),
            (once.clone(), "abc", vec!["gzip"]),
            (gzipped(&once), "abc", vec!["gzip", "gzip"]),
            (padded, "abc", vec!["gzip"]),
            (members, "abcdef", vec!["gzip"]),
            (zst.clone(), "abc", vec!["zstd"]),
            (gzipped(&zst), "abc", vec!["gzip", "zstd"]),
        ] {
            let (found, told) = unpacked(bytes).expect("readable");
            assert_eq!((String::from_utf8_lossy(&found).as_ref(), told), (text, layers));
        }
        assert!(unpacked([once.clone(), b"text".to_vec()].concat()).is_err(), "text behind the last member");
        assert!(unpacked(once[..once.len() - 4].to_vec()).is_err(), "a cut file");
    }

    #[test]
    fn packings_that_are_not_read_are_named() {
        assert!(foreign(b"BZh91AY").is_some_and(|reason| reason.contains("bzip2")));
        assert!(foreign(&[vec![b'a'; 257], b"ustar".to_vec()].concat()).is_some_and(|reason| reason.contains("tar")));
        assert_eq!(foreign(b"user,movie,rating"), None);
    }
}
