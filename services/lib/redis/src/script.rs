//! The scripts that run on the server: taking a lease, writing one chunk of a batch, and looking
//! for lost rows.
//!
//! A large batch is written by several scripts, since the server does nothing else while one runs.
//! The marker moves in the last one, so between two of them the server may be replaced by one that
//! has lost the first, and the marker does not show it. Therefore each script but the last leaves a
//! trace behind the digits of the marker, and the next one looks for it. A script that is sent
//! twice finds its own trace.

use std::hash::{BuildHasher, Hasher, RandomState};

use marquee_ports::Write;
use redis::{Script, Value};

/// Rows that one script writes.
const CHUNK_ROWS: usize = 512;

/// Bytes of values after which a script takes no further row.
const CHUNK_BYTES: usize = 4 << 20;

/// Takes the lease of a partition. Returns the marker and whether the partition lists its rows.
/// KEYS: the marker, the lease, the list of rows. ARGV: the id of the new lease.
const LEASE: &str = r"
redis.call('SET', KEYS[2], ARGV[1])
return {redis.call('GET', KEYS[1]), redis.call('EXISTS', KEYS[3])}
";

/// Writes rows of one partition and moves its marker. KEYS: the marker, the lease, the list of
/// rows, the rows. ARGV: the id of the lease, the lowest marker that the lease accepts, the marker
/// after the batch, the trace of the chunk before, the trace to leave, then the offset and the
/// value of each row.
///
/// The first write of a partition begins its list of rows, with the empty key. A partition whose
/// rows were written without a list stays without one.
const APPLY: &str = r"
local stored = redis.call('GET', KEYS[1]) or ''
local is_first = stored == ''
if is_first then stored = string.rep('0', 20) end
local marker, trace = string.sub(stored, 1, 20), string.sub(stored, 21)
if marker < ARGV[2] then return 'BEHIND' end
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'FENCED' end
local mine = ARGV[5] ~= '' and trace == ARGV[5]
if ARGV[4] ~= '' and trace ~= ARGV[4] and not mine and marker < ARGV[3] then return 'BEHIND' end
if is_first then redis.call('HSET', KEYS[3], '', '') end
local is_listed = nil
local written = 0
for i = 4, #KEYS do
  local applied = ARGV[2 * i - 2]
  local old = redis.call('GETRANGE', KEYS[i], 0, 19)
  if old == '' then
    if is_listed == nil then is_listed = redis.call('EXISTS', KEYS[3]) end
    if is_listed == 1 and redis.call('HSETNX', KEYS[3], string.sub(KEYS[i], #KEYS[1] + 1), '') == 0 then
      redis.call('DEL', KEYS[1], KEYS[2])
      return 'LOST'
    end
  end
  if old < applied then
    redis.call('SET', KEYS[i], applied .. ARGV[2 * i - 1])
    written = written + 1
  end
end
if ARGV[5] == '' and marker < ARGV[3] then marker = ARGV[3] end
if is_first or stored ~= marker .. ARGV[5] then redis.call('SET', KEYS[1], marker .. ARGV[5]) end
return written
";

/// Looks for rows that are listed and absent, among rows that a read did not find. If there is one,
/// removes the marker and the lease, and returns its place, from 1. KEYS: the marker, the lease,
/// the list of rows, the rows.
pub(crate) const FIND_LOST: &str = r"
if redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
for i = 4, #KEYS do
  if redis.call('HEXISTS', KEYS[3], string.sub(KEYS[i], #KEYS[1] + 1)) == 1
      and redis.call('EXISTS', KEYS[i]) == 0 then
    redis.call('DEL', KEYS[1], KEYS[2])
    return i - 3
  end
end
return 0
";

/// Checks that what a lease wrote is still stored. KEYS: the marker, the lease, the list of rows.
/// ARGV: the id of the lease, the marker of the lease, whether the partition lists its rows.
const VERIFY: &str = r"
local stored = redis.call('GET', KEYS[1]) or ''
if stored == '' and ARGV[2] ~= string.rep('0', 20) or stored ~= '' and string.sub(stored, 1, 20) < ARGV[2] then
  return 'BEHIND'
end
if stored ~= '' and ARGV[3] == '1' and redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[1], KEYS[2])
  return 'LOST'
end
local id = redis.call('GET', KEYS[2])
if not id then return 'BEHIND' end
if id ~= ARGV[1] then return 'FENCED' end
return 0
";

/// Removes rows and their entries in the list. KEYS: the list of rows, the rows. ARGV: the entries.
const FORGET: &str = r"
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
return redis.call('HDEL', KEYS[1], unpack(ARGV))
";

/// The scripts, with their digests.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) lease: Script,
    pub(crate) apply: Script,
    pub(crate) verify: Script,
    pub(crate) forget: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            lease: Script::new(LEASE),
            apply: Script::new(APPLY),
            verify: Script::new(VERIFY),
            forget: Script::new(FORGET),
        }
    }
}

/// What the scripts [`APPLY`] and [`VERIFY`] have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has written this many rows.
    Written(usize),
    /// Nothing: the server has lost writes of this lease.
    Behind,
    /// Nothing: a newer lease was taken, or the server has lost this one.
    Fenced,
    /// A row, or the list of rows, is gone. The marker is removed, so that the partition is built
    /// again.
    Lost,
}

impl Outcome {
    /// Reads the reply of the script. Returns `None` for a reply that it does not make.
    pub(crate) fn from_reply(reply: &Value) -> Option<Self> {
        let text = match reply {
            Value::Int(written) => return usize::try_from(*written).ok().map(Self::Written),
            Value::BulkString(bytes) => &bytes[..],
            Value::SimpleString(text) => text.as_bytes(),
            _ => return None,
        };
        match text {
            b"BEHIND" => Some(Self::Behind),
            b"FENCED" => Some(Self::Fenced),
            b"LOST" => Some(Self::Lost),
            _ => None,
        }
    }
}

/// The part of a batch that one script writes.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) writes: &'a [Write],
    /// The trace that the chunk before left. Empty for the first chunk.
    pub(crate) expects: String,
    /// The trace to leave. Empty for the last chunk.
    pub(crate) leaves: String,
}

/// Cuts a batch into chunks. A batch without rows has one chunk, which moves the marker.
pub(crate) fn chunks(writes: &[Write]) -> Vec<Chunk<'_>> {
    let parts = split(writes);
    let batch = unique_id();
    let trace = |at: usize| format!("{batch}.{at}");
    let last = parts.len() - 1;
    let chunk = |(at, writes)| Chunk {
        writes,
        expects: if at == 0 { String::new() } else { trace(at - 1) },
        leaves: if at == last { String::new() } else { trace(at) },
    };
    parts.into_iter().enumerate().map(chunk).collect()
}

/// Returns an id that no other batch or lease has, of this process or another.
pub(crate) fn unique_id() -> String {
    // The hasher of the standard library starts from random keys, other ones each time.
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

fn split(writes: &[Write]) -> Vec<&[Write]> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, write) in writes.iter().enumerate() {
        if at > start && (at - start >= CHUNK_ROWS || bytes + write.value.len() > CHUNK_BYTES) {
            parts.push(&writes[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += write.value.len();
    }
    parts.push(&writes[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use marquee_domain::Offset;

    use super::*;

    fn write(bytes: usize) -> Write {
        Write { key: Bytes::from_static(b"k"), value: Bytes::from(vec![0; bytes]), applied: Offset(1) }
    }

    #[test]
    fn a_batch_is_cut_by_rows_and_by_bytes_and_keeps_its_order() {
        let lengths = |writes: &[Write]| split(writes).iter().map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0], "the marker alone");
        assert_eq!(lengths(&vec![write(1); 1_100]), [512, 512, 76]);
        assert_eq!(lengths(&[write(3 << 20), write(2 << 20), write(9 << 20), write(1)]), [1, 1, 1, 1]);
    }

    #[test]
    fn each_chunk_expects_the_trace_of_the_one_before() {
        let writes = vec![write(1); 1_100];
        let three = chunks(&writes);
        assert!(three[0].expects.is_empty() && three[2].leaves.is_empty());
        assert!(
            three[..2].iter().zip(&three[1..]).all(|(one, next)| one.leaves == next.expects && !one.leaves.is_empty())
        );
        assert_ne!(three[0].leaves, chunks(&writes)[0].leaves, "another batch");
    }

    #[test]
    fn a_reply_tells_what_the_script_has_done() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        assert_eq!(Outcome::from_reply(&Value::Int(3)), Some(Outcome::Written(3)));
        assert_eq!(Outcome::from_reply(&bulk("BEHIND")), Some(Outcome::Behind));
        assert_eq!(Outcome::from_reply(&bulk("FENCED")), Some(Outcome::Fenced));
        assert_eq!(Outcome::from_reply(&bulk("LOST")), Some(Outcome::Lost));
        assert_eq!(Outcome::from_reply(&Value::SimpleString("BEHIND".to_owned())), Some(Outcome::Behind));
        for other in [Value::Int(-1), Value::Nil, Value::Okay, bulk("behind")] {
            assert_eq!(Outcome::from_reply(&other), None, "{other:?}");
        }
    }
}
