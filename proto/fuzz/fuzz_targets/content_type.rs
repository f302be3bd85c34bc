//! The first byte of an input chooses the content-type header, the rest is the value.

/// Every header that is told apart, and none.
const HEADERS: [Option<&[u8]>; 8] = [
    None,
    Some(b"application/x-protobuf"),
    Some(b"application/json"),
    Some(b"Application/JSON; charset=utf-8"),
    Some(b"\"application/json\""),
    Some(b"text/plain"),
    Some(b"text/csv"),
    Some(b"\xff\xfe;"),
];

/// A header and a value.
pub fn split(data: &[u8]) -> Option<(Option<&'static [u8]>, &[u8])> {
    let (first, value) = data.split_first()?;
    Some((HEADERS[usize::from(*first) % HEADERS.len()], value))
}
