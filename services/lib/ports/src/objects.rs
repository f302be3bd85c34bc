//! The object store: immutable bytes by path, with conditional writes.

use std::fmt::{self, Debug};

use async_trait::async_trait;
use bytes::Bytes;
use marquee_domain::Timestamp;
use thiserror::Error as ThisError;

use crate::Error;

/// A path of an object: segments of letters, digits, `.`, `_`, `-`, `=` and `@` between slashes; no segment is `.` or `..` or
/// longer than 255 bytes; at most 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// A text is no path of an object.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error(
    "'{0}' is no object path: give segments of letters, digits and . _ - = @ between slashes, each at most 255 bytes, all at most 512"
)]
pub struct KeyError(String);

impl ObjectKey {
    /// Checks a path.
    pub fn try_new(text: &str) -> Result<Self, KeyError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-=@".contains(&b);
        let segment = |s: &str| matches!(s.len(), 1..=255) && s != "." && s != ".." && s.bytes().all(allowed);
        if text.len() <= 512 && text.split('/').all(segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyError(text.chars().take(80).collect()))
        }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one content of an object; another content has another tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(pub String);

/// What must hold for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// There is no such object.
    Absent,
    /// The object has this tag.
    Matches(Tag),
}

/// An object's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// All of it.
    pub bytes: Bytes,
    /// Names this content.
    pub tag: Tag,
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Its path.
    pub key: ObjectKey,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
}

/// Bytes by path. A path names an object or a folder of objects, not both. A write is atomic and durable: a reader sees all of one content or all of another.
#[async_trait]
pub trait ObjectStore: Debug + Send + Sync {
    /// Writes an object. Fails with kind `Conflict` if the precondition does not hold.
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error>;

    /// Reads an object.
    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error>;

    /// Lists the objects below a folder (`None`: all), in path order.
    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error>;

    /// Removes an object; removing what is not there succeeds.
    async fn delete(&self, key: &ObjectKey) -> Result<(), Error>;
}
