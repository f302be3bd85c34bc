//! The raw bytes of a batch as Parquet in `raw/<source>/<day>/<number>.parquet`, and its lineage in
//! a JSON file beside it. Both are written before anything of the batch is sent.
//!
//! **Invariant:** a batch whose position was not stored is collected again under the same number,
//! so each number has one file (`a_collector_that_stops_at_any_call_loses_and_doubles_nothing`).

use bytes::Bytes;
use marquee_domain::Timestamp;
use marquee_parquet::{Column, Table};
use marquee_ports::{Error as PortError, ErrorKind, ObjectKey, ObjectStore, Precondition};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::source::{Batch, Record};

/// Where a batch comes from.
#[derive(Debug, Serialize)]
struct Lineage<'a> {
    format: u32,
    source: &'a str,
    kind: &'a str,
    query: &'a str,
    from: &'a str,
    to: &'a str,
    first_record: u64,
    records: usize,
    bytes: usize,
    sha256: String,
    collected_at: String,
}

/// A batch as it is stored.
#[derive(Debug)]
pub(crate) struct RawFile {
    pub(crate) path: String,
    parquet: Bytes,
    lineage: Bytes,
}

/// The source and the place of a batch in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    /// The number of the batch, from 1.
    pub(crate) number: u64,
    /// The number of its first record, from 1.
    pub(crate) first: u64,
}

impl RawFile {
    /// Encodes a batch.
    ///
    /// # Errors
    /// The table is not valid, which it always is.
    pub(crate) fn new(origin: Origin<'_>, batch: &Batch, now: Timestamp) -> Result<Self, marquee_parquet::Error> {
        let parquet = Bytes::from(marquee_parquet::write(&table(origin.first, &batch.records))?);
        let Origin { name, kind, number, first } = origin;
        let collected_at = now.to_rfc3339();
        let day = collected_at.get(..10).unwrap_or("1970-01-01");
        let path = format!("raw/{name}/{day}/{number:08}");
        let lineage = Lineage {
            format: 1,
            source: name,
            kind,
            query: &batch.query,
            from: &batch.range.0,
            to: &batch.range.1,
            first_record: first,
            records: batch.records.len(),
            bytes: batch.records.iter().map(|record| record.raw.len()).sum(),
            sha256: hex::encode(Sha256::digest(&parquet)),
            collected_at: collected_at.clone(),
        };
        let lineage = serde_json::to_vec_pretty(&lineage).unwrap_or_default().into();
        Ok(Self { path, parquet, lineage })
    }

    /// Writes the files over those of an earlier attempt.
    pub(crate) async fn write(&self, objects: &dyn ObjectStore) -> Result<(), PortError> {
        let put = async |extension: &str, bytes: &Bytes| {
            let key = key(&format!("{}.{extension}", self.path))?;
            objects.put(&key, bytes.clone(), Precondition::None).await.map(drop)
        };
        put("parquet", &self.parquet).await?;
        put("json", &self.lineage).await
    }
}

/// Removes the files of batches after `last`, whose positions were not stored.
pub(crate) async fn remove_after(objects: &dyn ObjectStore, name: &str, last: u64) -> Result<(), PortError> {
    for entry in objects.list(Some(&key(&format!("raw/{name}"))?)).await? {
        let file = entry.key.as_str().rsplit('/').next().unwrap_or_default();
        let number = file.split_once('.').and_then(|(number, _)| number.parse::<u64>().ok());
        if number.is_some_and(|number| number > last) {
            objects.delete(&entry.key).await?;
        }
    }
    Ok(())
}

fn key(path: &str) -> Result<ObjectKey, PortError> {
    ObjectKey::try_new(path).map_err(|error| PortError::new(ErrorKind::Invalid, format!("use the path {path}"), error))
}

/// The records as a table. Bytes that are not UTF-8 are written as hexadecimal digits.
fn table(first: u64, records: &[Record]) -> Table {
    let text = |record: &Record| std::str::from_utf8(&record.raw).ok().map(str::to_owned);
    let digits = |record: &Record| std::str::from_utf8(&record.raw).is_err().then(|| hex::encode(&record.raw));
    let numbers = (first..).zip(records).map(|(number, _)| i64::try_from(number).ok());
    Table {
        columns: vec![
            ("record".to_owned(), Column::Int64(numbers.collect())),
            ("place".to_owned(), Column::Utf8(records.iter().map(|record| Some(record.place.clone())).collect())),
            ("raw".to_owned(), Column::Utf8(records.iter().map(text).collect())),
            ("raw_hex".to_owned(), Column::Utf8(records.iter().map(digits).collect())),
        ],
    }
}

#[cfg(test)]
mod tests {
    use marquee_ports::memory::MemoryObjects;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn a_batch_is_stored_with_its_lineage() {
        let objects = MemoryObjects::default();
        let record = |raw: &'static [u8]| Record { raw: raw.into(), place: "line 1".to_owned(), ..Record::default() };
        let batch = Batch {
            records: vec![record(b"a"), record(b"\xff\x00")],
            query: "GET /".to_owned(),
            range: ("1".to_owned(), "2".to_owned()),
            ..Batch::default()
        };
        let origin = Origin { name: "shop", kind: "http", number: 7, first: 41 };
        let file = RawFile::new(origin, &batch, Timestamp::from_seconds(86_400)).expect("encoded");
        file.write(&objects).await.expect("written");
        let get = async |path: &str| objects.get(&key(path).expect("a key")).await.expect("read").expect("there").bytes;
        let parquet = get("raw/shop/1970-01-02/00000007.parquet").await;
        let lineage: Value = serde_json::from_slice(&get("raw/shop/1970-01-02/00000007.json").await).expect("JSON");
        assert_eq!(lineage["sha256"], hex::encode(Sha256::digest(&parquet)));
        assert_eq!(
            (&lineage["query"], &lineage["first_record"], &lineage["bytes"]),
            (&"GET /".into(), &41.into(), &3.into())
        );
        let table = marquee_parquet::read(parquet).expect("a file");
        assert_eq!(table.column("raw"), Some(&Column::Utf8(vec![Some("a".to_owned()), None])));
        assert_eq!(table.column("raw_hex"), Some(&Column::Utf8(vec![None, Some("ff00".to_owned())])));
        remove_after(&objects, "shop", 7).await.expect("nothing to remove");
        assert_eq!(objects.list(None).await.expect("listed").len(), 2);
        remove_after(&objects, "shop", 6).await.expect("removed");
        assert!(objects.list(None).await.expect("listed").is_empty());
    }
}
