//! [`OnlineStore`] over Redis.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use marquee_domain::{Offset, Partition};
use marquee_ports::{Error, ErrorKind, OnlineStore, Row, RowKey, Write};
use redis::Script;
use thiserror::Error as ThisError;

use crate::Settings;
use crate::link::Link;

/// Longest key in bytes.
const LONGEST: usize = 512;

/// Rows that one script writes, and bytes of values after which it takes no more: the server does nothing else meanwhile.
const ROWS: usize = 512;
const VALUE_BYTES: usize = 4 << 20;

/// Rows that one command reads.
const READ: usize = 512;

/// Digits of an offset where it is kept: as text of one length, offsets compare as they should in any language and locale.
const DIGITS: usize = 20;

/// What the script says when the marker is behind what this process wrote before.
const BEHIND: &str = "BEHIND";

/// Writes rows of one partition, and moves its marker. KEYS: the marker, then the rows. ARGV: where the marker must be at least, where the batch takes
/// it, the trace that the batch's script before left, the trace to leave, then each row's offset and value.
///
/// Between two scripts of a batch the server may be replaced by one that has lost the first, while the marker, which moves at the end, is where it
/// was. So each but the last leaves a trace behind the marker's digits, for which the next one looks. A script that is sent twice finds its own.
const APPLY: &str = r"
local stored = redis.call('GET', KEYS[1]) or ''
if stored == '' then stored = string.rep('0', 20) end
local marker, trace = string.sub(stored, 1, 20), string.sub(stored, 21)
if marker < ARGV[1] then return 'BEHIND' end
local mine = ARGV[4] ~= '' and trace == ARGV[4]
if ARGV[3] ~= '' and trace ~= ARGV[3] and not mine and marker < ARGV[2] then return 'BEHIND' end
local written = 0
for i = 2, #KEYS do
  local applied = ARGV[2 * i + 1]
  if redis.call('GETRANGE', KEYS[i], 0, 19) < applied then
    redis.call('SET', KEYS[i], applied .. ARGV[2 * i + 2])
    written = written + 1
  end
end
if ARGV[4] == '' and marker < ARGV[2] then marker = ARGV[2] end
if stored ~= marker .. ARGV[4] then redis.call('SET', KEYS[1], marker .. ARGV[4]) end
return written
";

/// Redis cannot be used.
#[derive(Debug, ThisError)]
pub enum ConnectError {
    /// A setting makes no sense.
    #[error("redis.{0}")]
    Setting(&'static str),
    /// An address is none.
    #[error("redis.urls holds no usable address: give redis://HOST:PORT")]
    Address(#[source] redis::RedisError),
    /// Rows would vanish while their marker stays.
    #[error("Redis drops any key when its memory is full: set its maxmemory-policy to noeviction")]
    Evicts,
    /// Nobody answers, or not to us.
    #[error("Redis at {urls} cannot be used: check that it runs, and redis.urls, redis.cluster and redis.password")]
    Server {
        /// Where it should be.
        urls: String,
        /// What it, or the way to it, says.
        #[source]
        source: Error,
    },
}

/// Rows in Redis. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RedisStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Link,
    cluster: bool,
    prefix: String,
    /// [`APPLY`].
    apply: Script,
    /// Where this process left each partition's marker, or read it.
    markers: Mutex<HashMap<Partition, Offset>>,
}

impl RedisStore {
    /// Connects, and looks whether the servers are what the settings say.
    ///
    /// # Errors
    /// A setting is wrong, or Redis cannot be used.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        if settings.urls.is_empty() {
            return Err(ConnectError::Setting("urls is empty: give at least one redis://HOST:PORT"));
        }
        if settings.prefix.contains(['{', '}']) || settings.prefix.len() > 128 {
            return Err(ConnectError::Setting(
                "prefix must have at most 128 bytes and no braces: they choose the slot",
            ));
        }
        // Addresses are shown where something fails.
        if settings.urls.iter().any(|url| url.contains('@')) {
            return Err(ConnectError::Setting(
                "urls must hold no user and no password: they are settings of their own",
            ));
        }
        let link = Link::new(settings).map_err(ConnectError::Address)?;
        let store = Self(Arc::new(Inner {
            link,
            cluster: settings.cluster,
            prefix: settings.prefix.clone(),
            apply: Script::new(APPLY),
            markers: Mutex::default(),
        }));
        let failed = |source| ConnectError::Server { urls: settings.urls.join(", "), source };
        let memory: redis::Value =
            store.0.link.query("look at Redis", redis::cmd("INFO").arg("memory")).await.map_err(failed)?;
        if mentions(&memory, "maxmemory_policy:allkeys") {
            return Err(ConnectError::Evicts);
        }
        // A server of a cluster answers MOVED to a client that does not follow, and one alone knows no slots: either shows here.
        store.marker(Partition(0)).await.map_err(failed)?;
        Ok(store)
    }

    /// Key of a row, in the slot of its partition.
    fn row(&self, source: Partition, key: &[u8]) -> Vec<u8> {
        let mut name = Vec::new();
        self.name(source, key, &mut name);
        name
    }

    /// Writes the key of a row behind what is there.
    fn name(&self, source: Partition, key: &[u8], name: &mut Vec<u8>) {
        name.extend_from_slice(self.0.prefix.as_bytes());
        // Writing to memory cannot fail.
        let _ = write!(name, "{{p{source}}}:");
        name.extend_from_slice(key);
    }

    fn marker_key(&self, source: Partition) -> String {
        format!("{}{{p{source}}}@", self.0.prefix)
    }

    fn left_at(&self, source: Partition) -> Offset {
        self.0.markers.lock().unwrap_or_else(PoisonError::into_inner).get(&source).copied().unwrap_or_default()
    }

    fn leave_at(&self, source: Partition, marker: Offset) {
        self.0.markers.lock().unwrap_or_else(PoisonError::into_inner).insert(source, marker);
    }

    /// One script of a batch that takes the marker to `next`.
    async fn write(&self, source: Partition, part: &Part<'_>, next: Offset) -> Result<usize, Error> {
        let left_at = self.left_at(source);
        let mut script = self.0.apply.prepare_invoke();
        script.key(self.marker_key(source));
        script.arg(digits(left_at)).arg(digits(next)).arg(&part.after).arg(&part.leaves);
        for write in part.writes {
            script.key(self.row(source, &write.key)).arg(digits(write.applied)).arg(&write.value[..]);
        }
        match self.0.link.run("write rows", &script).await? {
            redis::Value::Int(written) => {
                if part.leaves.is_empty() {
                    self.leave_at(source, left_at.max(next));
                }
                Ok(usize::try_from(written).unwrap_or(0))
            }
            answer if says(&answer, BEHIND) => {
                let doing = format!(
                    "write rows of partition {source}: Redis lost its newest writes, and the marker is behind {left_at}"
                );
                Err(Error::bare(ErrorKind::Unavailable, doing))
            }
            answer => {
                Err(Error::bare(ErrorKind::Corrupt, format!("write rows: an answer of another kind, {answer:?}")))
            }
        }
    }

    async fn read(&self, keys: &[&RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let mut command = redis::cmd("MGET");
        let mut name = Vec::new();
        for key in keys {
            name.clear();
            self.name(key.source, &key.key, &mut name);
            command.arg(&name[..]);
        }
        let stored: Vec<Option<Bytes>> = match self.0.link.read("read rows", &command).await? {
            Some(stored) => stored,
            None => self.read_apart(keys).await?,
        };
        if stored.len() != keys.len() {
            return Err(Error::bare(ErrorKind::Corrupt, "read rows: as many answers as keys are due"));
        }
        stored.into_iter().map(|stored| stored.map(unpack).transpose()).collect()
    }

    /// One command a row: while a cluster moves a slot, each is asked for where it is.
    async fn read_apart(&self, keys: &[&RowKey]) -> Result<Vec<Option<Bytes>>, Error> {
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let mut command = redis::cmd("GET");
            command.arg(self.row(key.source, &key.key));
            rows.push(self.0.link.query("read rows", &command).await?);
        }
        Ok(rows)
    }
}

fn digits(offset: Offset) -> String {
    format!("{:0DIGITS$}", offset.0)
}

fn says(answer: &redis::Value, text: &str) -> bool {
    match answer {
        redis::Value::BulkString(bytes) => bytes[..] == *text.as_bytes(),
        redis::Value::SimpleString(answer) => answer == text,
        _ => false,
    }
}

fn unpack(mut stored: Bytes) -> Result<Row, Error> {
    let applied = leading(&stored).ok_or_else(|| Error::bare(ErrorKind::Corrupt, "read a row that has no offset"))?;
    // Not a slice, which would share the value and allocate for that.
    stored.advance(DIGITS);
    Ok(Row { value: stored, applied })
}

/// The offset that stands first.
fn leading(stored: &Bytes) -> Option<Offset> {
    let digits = stored.get(..DIGITS).filter(|head| head.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(Offset)
}

/// Batches that one script each may write.
fn scripts(writes: &[Write]) -> Vec<&[Write]> {
    let (mut scripts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, write) in writes.iter().enumerate() {
        if at > start && (at - start >= ROWS || bytes + write.value.len() > VALUE_BYTES) {
            scripts.push(&writes[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += write.value.len();
    }
    scripts.push(&writes[start..]);
    scripts
}

/// What one script writes of a batch.
struct Part<'a> {
    writes: &'a [Write],
    /// Trace of the part before; empty for the first.
    after: String,
    /// Trace to leave; empty for the last.
    leaves: String,
}

fn parts(writes: &[Write]) -> Vec<Part<'_>> {
    let scripts = scripts(writes);
    // Nobody else's: the standard library's hasher starts from random keys.
    let batch = RandomState::new().build_hasher().finish();
    let trace = |at: usize| format!("{batch:016x}.{at}");
    let last = scripts.len() - 1;
    let part = |(at, writes)| Part {
        writes,
        after: if at == 0 { String::new() } else { trace(at - 1) },
        leaves: if at == last { String::new() } else { trace(at) },
    };
    scripts.into_iter().enumerate().map(part).collect()
}

/// Whether a text stands anywhere in an answer, of one server or of each.
fn mentions(answer: &redis::Value, text: &str) -> bool {
    use redis::Value;
    match answer {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).contains(text),
        Value::SimpleString(said) | Value::VerbatimString { text: said, .. } => said.contains(text),
        Value::Array(all) => all.iter().any(|one| mentions(one, text)),
        Value::Map(all) => all.iter().any(|(_, one)| mentions(one, text)),
        _ => false,
    }
}

#[async_trait]
impl OnlineStore for RedisStore {
    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Error> {
        let mut rows = vec![None; keys.len()];
        let mut by_slot: BTreeMap<Partition, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate().filter(|(_, key)| matches!(key.key.len(), 1..=LONGEST)) {
            // A server alone minds no slots: one command reads from all of them.
            let slot = if self.0.cluster { key.source } else { Partition(0) };
            by_slot.entry(slot).or_default().push(at);
        }
        // One command a slot, all of them under way at once over one connection.
        let reads = by_slot.values().flat_map(|places| {
            places.chunks(READ).map(move |places| async move {
                let wanted: Vec<&RowKey> = places.iter().map(|&at| &keys[at]).collect();
                Ok::<_, Error>((places, self.read(&wanted).await?))
            })
        });
        for (places, found) in futures_util::future::try_join_all(reads).await? {
            for (&at, row) in places.iter().zip(found) {
                rows[at] = row;
            }
        }
        Ok(rows)
    }

    async fn apply(&self, source: Partition, writes: Vec<Write>, next: Offset) -> Result<usize, Error> {
        if let Some(bad) = writes.iter().find(|write| !matches!(write.key.len(), 1..=LONGEST)) {
            let doing = format!("write a row with a key of {} bytes: give 1 to {LONGEST}", bad.key.len());
            return Err(Error::bare(ErrorKind::Invalid, doing));
        }
        let mut written = 0;
        for part in parts(&writes) {
            written += self.write(source, &part, next).await?;
        }
        Ok(written)
    }

    async fn marker(&self, source: Partition) -> Result<Offset, Error> {
        let mut command = redis::cmd("GET");
        command.arg(self.marker_key(source));
        let stored: Option<Bytes> = self.0.link.query("read a marker", &command).await?;
        let marker = stored.as_ref().map_or(Some(Offset(0)), leading);
        let marker = marker.ok_or_else(|| Error::bare(ErrorKind::Corrupt, "read a marker that is none"))?;
        self.leave_at(source, marker);
        Ok(marker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(bytes: usize) -> Write {
        Write { key: Bytes::from_static(b"k"), value: Bytes::from(vec![0; bytes]), applied: Offset(1) }
    }

    #[test]
    fn a_batch_is_cut_by_rows_and_by_bytes_and_keeps_its_order() {
        let lengths = |writes: &[Write]| scripts(writes).iter().map(|script| script.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0], "the marker alone");
        assert_eq!(lengths(&vec![write(1); 1_100]), [512, 512, 76]);
        assert_eq!(lengths(&[write(3 << 20), write(2 << 20), write(9 << 20), write(1)]), [1, 1, 1, 1]);
    }

    #[test]
    fn each_part_of_a_batch_looks_for_the_trace_of_the_one_before() {
        let writes = vec![write(1); 1_100];
        let three = parts(&writes);
        assert!(three[0].after.is_empty() && three[2].leaves.is_empty());
        assert!(
            three[..2].iter().zip(&three[1..]).all(|(one, next)| one.leaves == next.after && !one.leaves.is_empty())
        );
        assert_ne!(three[0].leaves, parts(&writes)[0].leaves, "another batch");
    }

    #[test]
    fn offsets_compare_as_text() {
        let all = [0, 9, 10, 99, 1 << 53, (1 << 53) + 1, u64::MAX / 2, u64::MAX].map(|offset| digits(Offset(offset)));
        assert!(all.is_sorted() && all.iter().all(|text| text.len() == DIGITS));
    }

    #[test]
    fn a_row_without_an_offset_is_corrupt() {
        assert!(unpack(Bytes::from_static(b"short")).is_err());
        assert!(unpack(Bytes::from_static(b"0000000000000000000xvalue")).is_err());
        let row = unpack(Bytes::from_static(b"00000000000000000007value")).expect("a row");
        assert_eq!((row.applied, &row.value[..]), (Offset(7), &b"value"[..]));
    }

    #[tokio::test]
    async fn settings_that_make_no_sense_are_named() {
        let wrong = [
            (Settings { urls: Vec::new(), ..Settings::default() }, "redis.urls"),
            (Settings { urls: vec!["nonsense".to_owned()], ..Settings::default() }, "redis.urls"),
            (Settings { urls: vec!["redis://u:pw@h:1".to_owned()], ..Settings::default() }, "redis.urls"),
            (Settings { prefix: "{a}".to_owned(), ..Settings::default() }, "redis.prefix"),
        ];
        for (settings, part) in wrong {
            let error = RedisStore::connect(&settings).await.expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
