//! Implements [`ObjectStore`] over S3.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use marquee_domain::Timestamp;
use marquee_ports::{Error, ErrorKind, Object, ObjectEntry, ObjectKey, ObjectStore, Precondition, Tag};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error as S3Error, GetOptions, ObjectStore as _, ObjectStoreExt as _};
use object_store::{PutMode, PutOptions, PutResult, UpdateVersion};

use crate::Settings;
use crate::address::Address;
use crate::connect::connect;
use crate::error::ConnectError;
use crate::failure::{Cause, Message, failed};
use crate::retry::Retry;
use crate::settings::LARGEST_PUT;
use crate::upload::upload;

/// The metadata key of an object that identifies the conditional write that created it.
const WRITE: &str = "marquee-write";

/// Objects in a bucket. Cheap to clone.
///
/// - A tag is S3's `ETag`, including the quotes.
/// - A conditional write is one request of at most 5 GiB within `request_timeout`, because not
///   every server supports conditional uploads in parts. An unconditional write above
///   `multipart_threshold` is sent in parts.
/// - S3 lets a path be both an object and a folder. This store does not check for that: a check
///   would cost a listing for each write, and two concurrent writers could still pass it. A server
///   over a file system refuses such a path with kind `Invalid`.
/// - No answer, a server error and too many requests fail with kind `Unavailable` after `patience`.
///   A refusal, a missing bucket and an invalid request fail with kind `Invalid`, because an
///   operator must act. `Corrupt` does not occur, because S3 checks its stored data.
/// - Objects below the prefix whose paths are not valid keys are not listed.
#[derive(Clone)]
pub struct S3Objects {
    store: AmazonS3,
    address: Address,
    retry: Retry,
    multipart_threshold: u64,
    part_size: u64,
    max_object: u64,
}

/// The derived output would show the id of the access key and many options of the client.
impl fmt::Debug for S3Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Objects").field("address", &self.address).finish_non_exhaustive()
    }
}

impl S3Objects {
    /// Makes a client and checks that the server answers, that the bucket exists, that the keys may
    /// list it, and that conditional writes work.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let address = Address::try_new(settings).map_err(ConnectError::Settings)?;
        let store = connect(settings, &address).await?;
        Ok(Self {
            store,
            address,
            retry: Retry(settings.patience),
            multipart_threshold: settings.multipart_threshold,
            part_size: settings.part_size,
            max_object: settings.max_object,
        })
    }

    async fn put_always(&self, key: &ObjectKey, bytes: &Bytes) -> Result<Tag, Error> {
        let path = self.address.path(key);
        let put = if bytes.len() as u64 > self.multipart_threshold {
            upload(&self.store, &path, bytes, self.part_size).await
        } else {
            self.store.put_opts(&path, bytes.clone().into(), PutOptions::default()).await
        };
        tag(key, put.map_err(|error| failed(format!("write {key}"), &error))?)
    }

    /// Writes under a condition. `write` identifies this write and is the same for all its
    /// attempts.
    async fn put_if(&self, key: &ObjectKey, bytes: &Bytes, mode: &PutMode, write: &str) -> Result<Tag, Error> {
        let path = self.address.path(key);
        let attributes = Attributes::from_iter([(Attribute::Metadata(WRITE.into()), write.to_owned())]);
        let options = PutOptions { mode: mode.clone(), attributes, ..PutOptions::default() };
        let error = match self.store.put_opts(&path, bytes.clone().into(), options).await {
            Ok(put) => return tag(key, put),
            Err(error) => error,
        };
        if Cause::of(&error) != Cause::Condition {
            return Err(failed(format!("write {key}"), &error));
        }
        // An earlier attempt may have succeeded although its answer was lost. This includes the
        // attempts that the client makes by itself. Then the stored object is from this write.
        match self.written_by(key, write).await? {
            Some(tag) => Ok(tag),
            None => {
                let doing = format!("write {key}: another writer wrote it first");
                Err(Error::new(ErrorKind::Conflict, doing, Message::of(&error)))
            }
        }
    }

    /// Returns the tag of an object if the given write created it.
    async fn written_by(&self, key: &ObjectKey, write: &str) -> Result<Option<Tag>, Error> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get_opts(&self.address.path(key), options).await {
            Ok(found) => {
                let of = found.attributes.get(&Attribute::Metadata(WRITE.into()));
                Ok(found.meta.e_tag.filter(|_| of.is_some_and(|of| &**of == write)).map(Tag))
            }
            Err(error) => match failed(format!("read {key} after a conflict"), &error) {
                error if error.is_retryable() => Err(error),
                // The object is gone, or the keys may not read it. So the write stays a conflict.
                _ => Ok(None),
            },
        }
    }

    async fn get_once(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        let doing = || format!("read {key}");
        let found = match self.store.get_opts(&self.address.path(key), GetOptions::default()).await {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(failed(doing(), &error)),
        };
        let tag = found.meta.e_tag.clone().ok_or_else(|| untagged(key))?;
        if found.meta.size > self.max_object {
            let (size, limit) = (found.meta.size, self.max_object);
            let doing = format!("read {key}: it has {size} bytes, more than s3.max_object allows ({limit})");
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let bytes = found.bytes().await.map_err(|error| failed(doing(), &error))?;
        Ok(Some(Object { bytes, tag: Tag(tag) }))
    }

    async fn list_once(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        let prefix: Option<Path> = self.address.folder(folder);
        let mut entries = Vec::new();
        let mut listing = self.store.list(prefix.as_ref());
        while let Some(meta) = listing.try_next().await.map_err(|error| failed("list objects", &error))? {
            if let Some(key) = self.address.key(&meta.location) {
                let modified = Timestamp::from(SystemTime::from(meta.last_modified));
                entries.push(ObjectEntry { key, size: meta.size, modified });
            }
        }
        // Most servers list in this order, but some kinds of bucket do not.
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    async fn delete_once(&self, key: &ObjectKey) -> Result<(), Error> {
        match self.store.delete(&self.address.path(key)).await {
            Err(error) if !is_absent(&error) => Err(failed(format!("delete {key}"), &error)),
            _ => Ok(()),
        }
    }
}

/// Returns whether there is no object at the path. A path below an object and a path of a folder
/// count as absent.
fn is_absent(error: &S3Error) -> bool {
    matches!(Cause::of(error), Cause::NoObject | Cause::Both)
}

fn tag(key: &ObjectKey, put: PutResult) -> Result<Tag, Error> {
    put.e_tag.map(Tag).ok_or_else(|| untagged(key))
}

fn untagged(key: &ObjectKey) -> Error {
    Error::bare(ErrorKind::Invalid, format!("use {key}: the server returned no ETag"))
}

#[async_trait]
impl ObjectStore for S3Objects {
    async fn put(&self, key: &ObjectKey, bytes: Bytes, precondition: Precondition) -> Result<Tag, Error> {
        let mode = match precondition {
            Precondition::None => return self.retry.call(|| self.put_always(key, &bytes)).await,
            Precondition::Absent => PutMode::Create,
            Precondition::Matches(Tag(tag)) => PutMode::Update(UpdateVersion { e_tag: Some(tag), version: None }),
        };
        if bytes.len() as u64 > LARGEST_PUT {
            let doing = format!("write {key} under a condition: it has more than 5 GiB");
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let write = write_id()?;
        self.retry.call(|| self.put_if(key, &bytes, &mode, &write)).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        self.retry.call(|| self.get_once(key)).await
    }

    async fn list(&self, folder: Option<&ObjectKey>) -> Result<Vec<ObjectEntry>, Error> {
        self.retry.call(|| self.list_once(folder)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        self.retry.call(|| self.delete_once(key)).await
    }
}

/// Returns 128 random bits in hex, so that no two writes have the same identity.
fn write_id() -> Result<String, Error> {
    let mut random = [0; 16];
    let failed =
        |error: getrandom::Error| Error::bare(ErrorKind::Unavailable, format!("generate the id of a write ({error})"));
    getrandom::fill(&mut random).map_err(failed)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
