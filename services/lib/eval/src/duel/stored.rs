//! The stored form of tallies.
//!
//! A form is a format byte followed by a section: its length (32 bits, little-endian) and as many
//! bytes of postcard. A newer version may append fields to the section, and further sections. They
//! are kept, and written back unchanged. Any other change needs a new format byte, which older
//! versions refuse with [`StoredError::Newer`].
//!
//! **Invariant:** what a newer version added survives a change by this one
//! (`what_a_newer_version_added_is_kept`).

use std::collections::BTreeMap;

use marquee_domain::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{LiveTally, Mergeable, Slice, Tally};

/// The format that is written.
const FORMAT: u8 = 1;

/// A stored form that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoredError {
    /// A newer version wrote it. It is whole, and a newer instance can read it.
    #[error("has format {format}, and this version reads format {FORMAT}; upgrade this instance")]
    Newer {
        /// The format.
        format: u8,
    },
    /// It is damaged.
    #[error("is damaged")]
    Damaged,
}

/// What this version does not know of a stored form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Unknown {
    /// What follows the known fields of the section.
    fields: Vec<u8>,
    /// The sections after it.
    sections: Vec<u8>,
}

impl<T: Mergeable + Serialize + DeserializeOwned> Tally<T> {
    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let slices: Vec<(&str, &T)> = self.slices.iter().map(|(slice, sums)| (slice.as_str(), sums)).collect();
        write(&(self.newest, slices), &self.unknown)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// A newer version wrote it, or it is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredError> {
        let ((newest, slices), unknown) = read::<(Option<Timestamp>, Vec<(String, T)>)>(bytes)?;
        let slices: BTreeMap<Slice, T> = slices.into_iter().map(|(name, sums)| (Slice::named(&name), sums)).collect();
        Ok(Self { slices, newest, unknown })
    }
}

impl LiveTally {
    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        write(&(&self.total, &self.hours), &self.unknown)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// A newer version wrote it, or it is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoredError> {
        let ((total, hours), unknown) = read(bytes)?;
        Ok(Self { total, hours, unknown })
    }
}

fn write<T: Serialize>(known: &T, unknown: &Unknown) -> Vec<u8> {
    let mut section = postcard::to_stdvec(known).expect("plain fields always serialize");
    section.extend_from_slice(&unknown.fields);
    let length = u32::try_from(section.len()).expect("a tally is smaller than 4 GiB");
    let mut bytes = vec![FORMAT];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.append(&mut section);
    bytes.extend_from_slice(&unknown.sections);
    bytes
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, Unknown), StoredError> {
    let (&format, bytes) = bytes.split_first().ok_or(StoredError::Damaged)?;
    if format > FORMAT {
        return Err(StoredError::Newer { format });
    }
    let section = bytes
        .split_first_chunk::<4>()
        .filter(|_| format == FORMAT)
        .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?));
    let (section, sections) = section.ok_or(StoredError::Damaged)?;
    let (known, fields) = postcard::take_from_bytes(section).map_err(|_| StoredError::Damaged)?;
    Ok((known, Unknown { fields: fields.to_vec(), sections: sections.to_vec() }))
}

#[cfg(test)]
mod tests {
    use super::super::{Differences, Errors, Score};
    use super::*;

    fn score(error: f64) -> Score {
        Score { squared: error * error, absolute: error.abs(), log: Some(error) }
    }

    fn tally() -> Tally<Differences> {
        let mut tally = Tally::default();
        tally.add(
            &[Slice::all(), Slice::named("genre:Drama")],
            Timestamp::from_seconds(5),
            (Some(score(0.5)), Some(score(-1.5))),
        );
        tally
    }

    #[test]
    fn a_tally_is_read_back() {
        let tally = tally();
        assert_eq!(Tally::from_bytes(&tally.to_bytes()), Ok(tally));
        let mut live = LiveTally::default();
        live.add(Timestamp::from_seconds(-5), score(2.0));
        assert_eq!(LiveTally::from_bytes(&live.to_bytes()), Ok(live));
    }

    #[test]
    fn what_a_newer_version_added_is_kept() {
        let bytes = tally().to_bytes();
        let length = u32::from_le_bytes(bytes[1..5].try_into().unwrap()) as usize;
        let mut newer = vec![FORMAT];
        newer.extend_from_slice(&(length as u32 + 2).to_le_bytes());
        newer.extend_from_slice(&bytes[5..]);
        newer.extend_from_slice(b"f!a section");
        let mut read = Tally::<Differences>::from_bytes(&newer).unwrap();
        assert_eq!(read.slice(&Slice::all()), tally().slice(&Slice::all()));
        assert_eq!(read.to_bytes(), newer);
        read.add(&[Slice::all()], Timestamp::from_seconds(9), (Some(score(1.0)), None));
        assert!(read.to_bytes().ends_with(b"f!a section"));
    }

    #[test]
    fn a_newer_format_is_named_and_damage_is_an_error() {
        let mut bytes = tally().to_bytes();
        for cut in 0..bytes.len() {
            assert!(Tally::<Differences>::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        bytes[0] = 2;
        assert_eq!(Tally::<Errors>::from_bytes(&bytes), Err(StoredError::Newer { format: 2 }));
        bytes[0] = 0;
        assert_eq!(Tally::<Errors>::from_bytes(&bytes), Err(StoredError::Damaged));
    }
}
