//! The line of appends that wait for room in the queue of librdkafka.
//!
//! **Invariant:** records enter the queue in the order in which their appends began, also when the
//! queue is full. One append at a time waits for room, and those that begin later wait behind it.
//! Otherwise a later append could take the room that an earlier one waits for, and the log would
//! have the ratings of a stream in another order than they were sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout_at};

/// How long an append waits for room before it tries again. librdkafka reports a result before it
/// frees the room of the record.
const RETRY: Duration = Duration::from_millis(20);

/// The error of a queue without room.
const FULL: KafkaError = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);

/// The appends that wait for room, first come, first served.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Held by the append that is at the head of the line. The mutex is fair.
    head: Mutex<()>,
    /// The appends in the line, the one at its head included.
    waiting: AtomicUsize,
    room: Arc<Notify>,
}

/// An append. Its records are sent one by one.
#[derive(Debug)]
pub(crate) struct Append<'a> {
    line: &'a Line,
    deadline: Instant,
    /// `None` while the append is not at the head of the line.
    place: Option<HeadOfLine<'a>>,
}

/// An append at the head of the line. Dropping it leaves the line.
#[derive(Debug)]
struct HeadOfLine<'a> {
    _head: MutexGuard<'a, ()>,
    _counted: Counted<'a>,
}

#[derive(Debug)]
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Line {
    /// Returns what is notified when the queue has room again.
    pub(crate) fn room(&self) -> Arc<Notify> {
        Arc::clone(&self.room)
    }

    /// Begins an append, whose records are sent before a deadline.
    pub(crate) fn begin(&self, deadline: Instant) -> Append<'_> {
        Append { line: self, deadline, place: None }
    }

    /// Waits until all appends that joined the line earlier have left it.
    async fn join(&self) -> HeadOfLine<'_> {
        let counted = Counted::new(&self.waiting);
        // Tokio's budget could end the first poll before it has taken a place in the mutex's queue.
        HeadOfLine { _head: unconstrained(self.head.lock()).await, _counted: counted }
    }
}

impl Append<'_> {
    /// Sends one record as soon as its turn has come and the queue has room. `send` gives a record
    /// back that it does not take.
    ///
    /// # Errors
    /// Those of `send`; `QueueFull` if there was no room before the deadline.
    pub(crate) async fn send<T>(
        &mut self,
        mut record: T,
        send: impl Fn(T) -> Result<(), (KafkaError, T)>,
    ) -> Result<(), KafkaError> {
        if self.place.is_none() && self.line.waiting.load(Ordering::SeqCst) > 0 {
            self.join().await?;
        }
        loop {
            let (error, back) = match send(record) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            if error != FULL || Instant::now() >= self.deadline {
                return Err(error);
            }
            record = back;
            if self.place.is_none() {
                self.join().await?;
            } else {
                // It tries again when there is room, or after the pause.
                let retry = self.deadline.min(Instant::now() + RETRY);
                let _ = timeout_at(retry, self.line.room.notified()).await;
            }
        }
    }

    async fn join(&mut self) -> Result<(), KafkaError> {
        self.place = Some(timeout_at(self.deadline, self.line.join()).await.map_err(|_| FULL)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    /// A queue that takes as many records as it has room for.
    #[derive(Default)]
    struct Queue {
        line: Line,
        room: AtomicUsize,
        taken: std::sync::Mutex<Vec<u32>>,
    }

    impl Queue {
        async fn append(&self, records: &[u32], timeout: Duration) -> Result<(), KafkaError> {
            let mut append = self.line.begin(Instant::now() + timeout);
            for &record in records {
                append.send(record, |record| self.take(record)).await?;
            }
            Ok(())
        }

        fn take(&self, record: u32) -> Result<(), (KafkaError, u32)> {
            if self.room.load(Ordering::SeqCst) == 0 {
                return Err((FULL, record));
            }
            self.room.fetch_sub(1, Ordering::SeqCst);
            self.taken.lock().expect("no panic").push(record);
            Ok(())
        }

        fn free(&self, room: usize) {
            self.room.fetch_add(room, Ordering::SeqCst);
            self.line.room().notify_one();
        }

        fn taken(&self) -> Vec<u32> {
            self.taken.lock().expect("no panic").clone()
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    /// Polls an append once. It has to wait.
    macro_rules! waits {
        ($append:expr) => {
            tokio::select! {
                biased;
                done = &mut $append => panic!("it did not wait: {done:?}"),
                () = std::future::ready(()) => {}
            }
        };
    }

    #[tokio::test]
    async fn an_append_does_not_take_the_room_that_an_earlier_one_waits_for() {
        let queue = Queue::default();
        queue.free(1);
        let mut first = pin!(queue.append(&[1, 2, 3], LONG));
        let mut second = pin!(queue.append(&[4], LONG));
        let mut third = pin!(queue.append(&[5, 6], LONG));
        waits!(first);
        waits!(second);
        queue.free(1);
        // There is room, but it is the first one's.
        waits!(third);
        waits!(second);
        assert_eq!(queue.taken(), [1]);
        queue.free(4);
        let (third, second, first) = tokio::join!(third, second, first);
        assert_eq!((first, second, third), (Ok(()), Ok(()), Ok(())));
        assert_eq!(queue.taken(), [1, 2, 3, 4, 5, 6]);
        // The line is empty, so an append that may not wait succeeds.
        queue.free(1);
        assert_eq!(queue.append(&[7], Duration::ZERO).await, Ok(()));
    }

    #[tokio::test]
    async fn an_append_that_gives_up_leaves_the_line() {
        let queue = Queue::default();
        let mut dropped = Box::pin(queue.append(&[1], LONG));
        let mut late = Box::pin(queue.append(&[2], Duration::from_millis(1)));
        let mut last = Box::pin(queue.append(&[3], LONG));
        waits!(dropped);
        waits!(late);
        waits!(last);
        assert_eq!(late.await, Err(FULL));
        drop(dropped);
        queue.free(1);
        assert_eq!(last.await, Ok(()));
        assert_eq!((queue.taken(), queue.line.waiting.load(Ordering::SeqCst)), (vec![3], 0));
    }

    #[tokio::test]
    async fn other_errors_do_not_wait() {
        let line = Line::default();
        let fatal = KafkaError::MessageProduction(RDKafkaErrorCode::Fatal);
        let refused = line.begin(Instant::now() + LONG).send(1, |record| Err((fatal.clone(), record))).await;
        assert_eq!(refused, Err(fatal));
    }
}
