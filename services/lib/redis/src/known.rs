//! Tells rows that the server has lost from rows that were never written.
//!
//! A server may lose single rows while it keeps the rest: it evicts them when its memory is full,
//! or an operator deletes them. Read as absent, such a row would be an empty history, and the next
//! event would be applied to it. So each partition lists the keys of its rows in a hash. A row that
//! is listed and absent is lost. Then the marker is removed: the consumer takes a new lease, which
//! removes what is left of the partition, and builds it again from the first event. Single rows
//! cannot be built again, because a movie's row has only the differences that events made to the
//! rows of users.
//!
//! A partition whose rows were written before there was a list has none, and is not checked until
//! it is built again.

use bytes::Bytes;
use marquee_domain::Partition;
use marquee_ports::{Error, ErrorKind, RowKey};

use crate::client::Client;
use crate::script::FIND_LOST;

/// Rows that one command removes.
const CHUNK: usize = 512;

/// What the errors of the checks say was being done.
const LOOK: &str = "look for lost rows";

/// Fails if one of the rows of a partition, which a read has not found, was written before.
///
/// Most rows that are not found were never written, so the list alone is read first. That costs the
/// server far less than a script.
pub(crate) async fn check_absent(client: &Client, source: Partition, absent: &[&RowKey]) -> Result<(), Error> {
    if is_any_listed(client, source, absent).await? { find_lost(client, source, absent).await } else { Ok(()) }
}

/// Returns whether a partition lists one of these rows. A row that is not listed was not written
/// before the read, or belongs to a partition without a list.
async fn is_any_listed(client: &Client, source: Partition, rows: &[&RowKey]) -> Result<bool, Error> {
    let mut command = redis::cmd("HMGET");
    command.arg(client.layout.known_key(source));
    for row in rows {
        command.arg(&row.key[..]);
    }
    let listed: Option<Vec<Option<Bytes>>> = client.link.query_slot(LOOK, &command).await?;
    // Without an answer, the script decides.
    Ok(listed.is_none_or(|listed| listed.iter().any(Option::is_some)))
}

/// Fails if one of these rows is listed and absent. The row may have been written since the read.
async fn find_lost(client: &Client, source: Partition, absent: &[&RowKey]) -> Result<(), Error> {
    let layout = &client.layout;
    // The text of the script is sent each time. Sending it once to every server of a cluster would
    // wait for a server that does not answer, though these rows are elsewhere.
    let mut command = redis::cmd("EVAL");
    command.arg(FIND_LOST).arg(3 + absent.len());
    command.arg(layout.marker_key(source)).arg(layout.lease_key(source)).arg(layout.known_key(source));
    for key in absent {
        command.arg(layout.row_key(source, &key.key));
    }
    // While a cluster moves the slot, the rows are on two servers. They are checked when they are
    // read again, and whenever they are written.
    match client.link.query_slot::<usize>(LOOK, &command).await? {
        None | Some(0) => Ok(()),
        Some(_) => Err(lost(source, "read rows")),
    }
}

/// Removes all rows of a partition that it lists, and the list.
pub(crate) async fn forget_all(client: &Client, source: Partition) -> Result<(), Error> {
    let (layout, known) = (&client.layout, client.layout.known_key(source));
    loop {
        let mut command = redis::cmd("HRANDFIELD");
        command.arg(&known).arg(CHUNK);
        let listed: Vec<Bytes> = client.link.query("list the rows of a partition", &command).await?;
        if listed.is_empty() {
            return Ok(());
        }
        let mut script = client.scripts.forget.prepare_invoke();
        script.key(&known);
        for key in &listed {
            script.key(layout.row_key(source, key)).arg(&key[..]);
        }
        client.link.run("remove the rows of a partition", &script).await?;
    }
}

/// The error of a caller that met a lost row.
pub(crate) fn lost(source: Partition, doing: &str) -> Error {
    let text = format!(
        "{doing} of partition {source}: Redis has lost rows (evicted or deleted), so the partition is built again; set \
         its maxmemory-policy to noeviction and let only Marquee write its keys"
    );
    tracing::warn!(partition = %source, "Redis has lost rows; the partition is built again");
    Error::bare(ErrorKind::Unavailable, text)
}
