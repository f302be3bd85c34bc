//! Uploads large contents in parts.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error as S3Error, MultipartUpload, ObjectStore as _, PutMultipartOptions, PutResult};
use tracing::warn;

/// The largest number of parts of one object that S3 accepts.
const MOST_PARTS: u64 = 10_000;

/// Number of parts that are sent at the same time.
const AT_ONCE: usize = 4;

/// Writes an object in parts. Readers see the object when the last part is complete. A failed
/// upload is aborted, so that its parts do not stay and cost storage. If the process dies, the
/// parts stay. Only a rule of the bucket removes them (`AbortIncompleteMultipartUpload`).
pub(crate) async fn upload(store: &AmazonS3, path: &Path, bytes: &Bytes, part: u64) -> Result<PutResult, S3Error> {
    let mut upload = store.put_multipart_opts(path, PutMultipartOptions::default()).await?;
    let written = write(&mut *upload, bytes, part).await;
    if written.is_err()
        && let Err(error) = upload.abort().await
    {
        warn!(%path, %error, "parts of a failed upload left behind");
    }
    written
}

async fn write(upload: &mut dyn MultipartUpload, bytes: &Bytes, part: u64) -> Result<PutResult, S3Error> {
    let parts: Vec<_> = parts(bytes, part).into_iter().map(|part| upload.put_part(part.into())).collect();
    stream::iter(parts).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    upload.complete().await
}

/// Splits the content into parts of equal size; the last part may be shorter. The parts are larger
/// than `part` if there would otherwise be too many.
fn parts(bytes: &Bytes, part: u64) -> Vec<Bytes> {
    let part = size(bytes.len() as u64, part);
    let mut parts = Vec::new();
    let mut rest = bytes.clone();
    while rest.len() as u64 > part {
        // The cast is exact: the part is shorter than a slice in memory.
        parts.push(rest.split_to(part as usize));
    }
    parts.push(rest);
    parts
}

fn size(whole: u64, part: u64) -> u64 {
    part.max(whole.div_ceil(MOST_PARTS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_make_up_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..200), part in 1u64..50) {
            let whole = Bytes::from(bytes);
            let parts = parts(&whole, part);
            let (last, full) = parts.split_last().expect("at least one");
            prop_assert!(full.iter().all(|one| one.len() as u64 == part));
            prop_assert!(last.len() as u64 <= part && (!last.is_empty() || whole.is_empty()));
            prop_assert_eq!(parts.concat(), whole);
        }

        #[test]
        fn there_are_never_too_many_parts(whole in 0u64..=5 << 40, part in (5u64 << 20)..=(5 << 30)) {
            let size = size(whole, part);
            prop_assert!(size >= part && whole.div_ceil(size) <= MOST_PARTS);
        }
    }
}
