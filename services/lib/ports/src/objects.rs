//! The object store: bytes by path, with conditional writes.

use std::fmt::{self, Debug};

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::Timestamp;
use thiserror::Error as ThisError;

use crate::Error;

/// The path of an object, at most 512 bytes. Its segments are separated by slashes and consist of
/// letters, digits, `.`, `_`, `-`, `=` and `@`. A segment has 1 to 255 bytes and is not `.` or
/// `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// A text is not a path of an object.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error(
    "object path '{0}': not valid; expected segments of letters, digits and . _ - = @ between slashes, at most 255 bytes each and 512 bytes in all"
)]
pub struct KeyError(String);

impl ObjectKey {
    /// Parses a path.
    pub fn try_new(text: &str) -> Result<Self, KeyError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-=@".contains(&b);
        let segment = |s: &str| matches!(s.len(), 1..=255) && s != "." && s != ".." && s.bytes().all(allowed);
        if text.len() <= 512 && text.split('/').all(segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyError(text.chars().take(80).collect()))
        }
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identifies one content of an object. Another content has another tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(pub String);

/// The condition of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The write is not conditional.
    None,
    /// The object does not exist.
    Absent,
    /// The object has this tag.
    Matches(Tag),
}

/// The content of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// All bytes.
    pub bytes: Bytes,
    /// The tag of this content.
    pub tag: Tag,
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// The path of the object.
    pub key: ObjectKey,
    /// The length in bytes.
    pub size: u64,
    /// When the object was written.
    pub modified: Timestamp,
}

/// Bytes by path. A path names an object or a folder of objects, not both.
///
/// **Invariant:** a write is atomic and durable. A reader sees all of one content or all of
/// another.
#[async_trait]
pub trait ObjectStore: Debug + Send + Sync {
    /// Writes an object and returns its new tag.
    ///
    /// # Errors
    /// `Conflict` if the precondition does not hold.
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error>;

    /// Reads an object. Returns `None` if it does not exist.
    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error>;

    /// Lists the objects below a folder, or all objects for `None`, in path order.
    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error>;

    /// Removes an object. Succeeds if the object does not exist.
    async fn delete(&self, key: &ObjectKey) -> Result<(), Error>;
}
