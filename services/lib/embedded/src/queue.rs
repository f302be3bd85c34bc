//! The appends that wait for the writer. Their number and their bytes are bounded.
//!
//! **Invariant:** appends enter the queue in the order in which they began, also when it is full
//! (`tests::an_append_does_not_take_the_room_that_an_earlier_one_waits_for`). Room alone does not
//! ensure that: if more of it becomes free than the append that waits longest was given, a later
//! append could take the rest and enter before that one runs again.

use std::fmt;
use std::sync::Arc;

use marquee_domain::Position;
use marquee_ports::{Error, NewRecord, Topic};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::coop::unconstrained;

use crate::writer::Append;

/// Bytes of the appends that wait for the writer or are written, in units of a permit. Further
/// appends wait in their callers.
const PERMITS: u32 = 64 << 10;

/// The bytes of a permit.
const PERMIT: usize = 1 << 10;

/// The most bytes of all appends in the queue.
pub(crate) const MOST_BYTES: u64 = PERMITS as u64 * PERMIT as u64;

/// The writer has ended.
#[derive(Debug)]
pub(crate) struct Closed;

/// Where appends enter.
pub(crate) struct Queue {
    /// Held by the append that enters. The mutex is fair.
    turn: Mutex<()>,
    /// Bounds the bytes of the appends that wait.
    room: Arc<Semaphore>,
    sender: mpsc::Sender<Append>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("room", &self.room.available_permits()).finish_non_exhaustive()
    }
}

impl Queue {
    /// Creates a queue of at most this many appends, and returns the writer's end of it.
    pub(crate) fn new(appends: usize) -> (Self, mpsc::Receiver<Append>) {
        let (sender, receiver) = mpsc::channel(appends);
        (Self { turn: Mutex::default(), room: Arc::new(Semaphore::new(PERMITS as usize)), sender }, receiver)
    }

    /// Adds an append once there is room. Returns the receiver of its answer.
    pub(crate) async fn push(
        &self,
        topic: Topic,
        records: Vec<NewRecord>,
    ) -> Result<oneshot::Receiver<Result<Vec<Position>, Error>>, Closed> {
        let bytes: usize = records.iter().map(NewRecord::size).sum();
        // An append that is larger than all permits waits until nothing else does.
        let permits = u32::try_from(bytes / PERMIT + 1).unwrap_or(PERMITS).min(PERMITS);
        // Tokio's budget could end the first poll before it has taken a place in the mutex's queue.
        let turn = unconstrained(self.turn.lock()).await;
        let room = Arc::clone(&self.room).acquire_many_owned(permits).await.map_err(|_| Closed)?;
        let (answer, answered) = oneshot::channel();
        self.sender.send(Append { topic, records, answer, _room: room }).await.map_err(|_| Closed)?;
        drop(turn);
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use bytes::Bytes;
    use marquee_domain::Timestamp;

    use super::*;

    fn records(name: &'static str, bytes: usize) -> Vec<NewRecord> {
        let (key, value) = (Some(Bytes::from_static(name.as_bytes())), vec![0; bytes].into());
        vec![NewRecord { key, value, headers: Vec::new(), timestamp: Timestamp::EPOCH }]
    }

    /// Polls an append once. It has to wait.
    macro_rules! waits {
        ($push:expr) => {
            tokio::select! {
                biased;
                _ = &mut $push => panic!("it did not wait"),
                () = std::future::ready(()) => {}
            }
        };
    }

    /// Takes an append as the writer does.
    fn take(receiver: &mut mpsc::Receiver<Append>) -> Bytes {
        let append = receiver.try_recv().expect("an append");
        append.records[0].key.clone().expect("a key")
    }

    #[tokio::test]
    async fn an_append_does_not_take_the_room_that_an_earlier_one_waits_for() {
        // The queue is full by its number of appends, or by their bytes.
        for bytes in [1, PERMIT * (PERMITS as usize / 2 - 1)] {
            let (queue, mut receiver) = Queue::new(2);
            for name in ["one", "two"] {
                queue.push(Topic::RATINGS, records(name, bytes)).await.expect("open");
            }
            let mut third = pin!(queue.push(Topic::RATINGS, records("three", bytes)));
            let mut fourth = pin!(queue.push(Topic::RATINGS, records("four", 1)));
            waits!(third);
            assert_eq!([take(&mut receiver), take(&mut receiver)], ["one", "two"]);
            // There is room for both, and the fourth runs before the third.
            waits!(fourth);
            third.await.expect("open");
            fourth.await.expect("open");
            assert_eq!([take(&mut receiver), take(&mut receiver)], ["three", "four"]);
        }
    }

    #[tokio::test]
    async fn a_queue_without_a_writer_is_closed() {
        let (queue, receiver) = Queue::new(1);
        drop(receiver);
        assert!(queue.push(Topic::RATINGS, records("one", 1)).await.is_err());
    }
}
