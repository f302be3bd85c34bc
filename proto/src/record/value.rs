//! The bytes of a record as a message: which encoding they have, and what producers of other
//! languages do to JSON.
//!
//! JSON may begin with a byte order mark and blanks. A time may be a number of seconds,
//! milliseconds, microseconds or nanoseconds since 1970, which are told apart by their size.
//! Encodings that are not read are told by name.

use marquee_domain::Timestamp;
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Error, JSON, PROTOBUF};
use crate::convert;

/// The largest value of a record in bytes, as logs accept it.
const LARGEST: usize = 1 << 20;

/// The length of the prefix of the Confluent wire format: a zero byte and the id of a schema.
const CONFLUENT_PREFIX: usize = 5;

/// What a content type says about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
    /// The value itself must tell.
    Unknown,
}

fn encoding(content_type: Option<&[u8]>) -> Result<Encoding, Error> {
    let Some(text) = content_type else { return Ok(Encoding::Unknown) };
    let text = String::from_utf8_lossy(text);
    // Some frameworks write the header itself as JSON, with quotes.
    let essence = text.split(';').next().unwrap_or_default().trim().trim_matches('"').to_ascii_lowercase();
    match essence.as_str() {
        JSON | "text/json" => Ok(Encoding::Json),
        PROTOBUF | "application/protobuf" | "application/vnd.google.protobuf" => Ok(Encoding::Protobuf),
        // What frameworks write if nobody told them.
        "" | "application/octet-stream" | "text/plain" => Ok(Encoding::Unknown),
        other => Err(Error::ContentType(other.chars().take(80).collect())),
    }
}

/// A decoded message.
pub(super) struct Decoded<M> {
    pub(super) message: M,
    /// Whether the value was JSON. Otherwise it was protobuf.
    pub(super) is_json: bool,
}

/// Decodes a message. `times` are the paths of its times in JSON.
pub(super) fn decode<M>(content_type: Option<&[u8]>, value: &[u8], times: &[[&str; 2]]) -> Result<Decoded<M>, Error>
where
    M: Message + Default + DeserializeOwned,
{
    let encoding = encoding(content_type)?;
    refuse_known(value)?;
    let protobuf = || M::decode(value).map(|message| Decoded { message, is_json: false }).map_err(Error::Protobuf);
    let json = || json(value, times).map(|message| Decoded { message, is_json: true });
    match encoding {
        Encoding::Json => json(),
        Encoding::Protobuf => protobuf(),
        // A line break is also the first byte of a protobuf message.
        Encoding::Unknown if text(value).first() == Some(&b'{') => match protobuf() {
            Ok(decoded) if value.first() == Some(&b'\n') => Ok(decoded),
            _ => json(),
        },
        Encoding::Unknown => protobuf(),
    }
}

/// Refuses what is known to be neither protobuf nor JSON, whatever the content type says.
fn refuse_known(value: &[u8]) -> Result<(), Error> {
    match value {
        [] => Err(Error::Empty),
        _ if value.len() > LARGEST => Err(Error::TooLarge),
        // No protobuf message begins with a zero byte, and no JSON.
        [0, a, b, c, d, ..] if value.len() > CONFLUENT_PREFIX => {
            Err(Error::Confluent { schema: u32::from_be_bytes([*a, *b, *c, *d]) })
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(Error::Utf16),
        _ => Ok(()),
    }
}

/// Returns JSON without a byte order mark and without the blanks around it.
fn text(value: &[u8]) -> &[u8] {
    value.trim_ascii().strip_prefix(b"\xef\xbb\xbf").unwrap_or(value).trim_ascii()
}

fn json<M: DeserializeOwned>(value: &[u8], times: &[[&str; 2]]) -> Result<M, Error> {
    let text = text(value);
    let refused = match serde_json::from_slice(text) {
        Ok(message) => return Ok(message),
        Err(refused) => refused,
    };
    // Only what is refused is read again, because numbers for times are rare.
    let Ok(mut tree) = serde_json::from_slice::<Value>(text) else { return Err(Error::Json(refused)) };
    match replace_times(&mut tree, times)? {
        true => serde_json::from_value(tree).map_err(Error::Json),
        false => Err(Error::Json(refused)),
    }
}

/// Replaces times that are numbers by text. Returns whether there are any.
fn replace_times(tree: &mut Value, times: &[[&str; 2]]) -> Result<bool, Error> {
    let mut is_replaced = false;
    for [event, field] in times {
        let Some(time) = tree.get_mut(event).and_then(|event| event.get_mut(field)) else { continue };
        let number = match &*time {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else { continue };
        let Some(parsed) = time_of(number) else {
            return Err(Error::Time { field: format!("{event}.{field}"), number: time.to_string() });
        };
        *time = serde_json::to_value(convert::timestamp(parsed)).map_err(Error::Json)?;
        is_replaced = true;
    }
    Ok(is_replaced)
}

/// Returns the time of a number since 1970: in seconds up to the end of the year 2199, otherwise in
/// the first finer unit in which it lies from March 1973 to the end of the year 2199.
fn time_of(number: f64) -> Option<Timestamp> {
    const FIRST: f64 = 1e8;
    const END: f64 = 7_258_118_400.0;
    if number > 0.0 && number < END {
        return Some(Timestamp::from_micros((number * 1e6).round() as i64));
    }
    let micros = [1e3, 1e6, 1e9].into_iter().find(|unit| (FIRST..END).contains(&(number / unit)));
    micros.map(|unit| Timestamp::from_micros((number / (unit / 1e6)).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_number_is_told_by_its_size() {
        let micros = 1_769_890_500_123_456_i64;
        let known = [
            (1_769_890_500.0, 1_769_890_500_000_000),
            (1_769_890_500.5, 1_769_890_500_500_000),
            (1_769_890_500_123.0, 1_769_890_500_123_000),
            (1_769_890_500_123.5, 1_769_890_500_123_500),
            (micros as f64, micros),
            (881_250_949.0, 881_250_949_000_000),
            (1_000.0, 1_000_000_000),
        ];
        for (number, expected) in known {
            assert_eq!(time_of(number), Some(Timestamp::from_micros(expected)), "{number}");
        }
        let nanos = time_of(1.769_890_500_123_456e18).expect("nanoseconds").micros();
        assert!((nanos - micros).abs() < 2, "{nanos}");
        for number in [0.0, -1.0, 5e10, 5e13, 1e22, -1.7e12, f64::NAN, f64::INFINITY] {
            assert_eq!(time_of(number), None, "{number}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_blanks_are_no_part_of_json() {
        for around in ["\u{feff}{}", " \r\n\t{}\n", "\u{feff}\n {} ", "\n\u{feff}{}", "{}"] {
            assert_eq!(text(around.as_bytes()), b"{}", "{around:?}");
        }
        assert_eq!(text(b"  "), b"");
    }

    #[test]
    fn a_content_type_is_read_however_frameworks_write_it() {
        let json: [&[u8]; 4] =
            [b"application/json", b"Application/JSON; charset=utf-8", b"\"application/json\"", b" text/json "];
        for header in json {
            assert_eq!(encoding(Some(header)).expect("known"), Encoding::Json);
        }
        for header in [None, Some(&b""[..]), Some(b"application/octet-stream"), Some(b"text/plain;charset=UTF-8")] {
            assert_eq!(encoding(header).expect("known"), Encoding::Unknown);
        }
        assert!(encoding(Some(b"avro/binary")).is_err());
    }
}
