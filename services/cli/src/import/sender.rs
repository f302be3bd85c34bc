//! Sends batches over one stream. Keeps those that are not acknowledged yet and sends them again
//! over a new stream when the old one breaks.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use marquee_proto::ratings::v1::{StreamRatingsRequest, StreamRatingsResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::attempt::{Broken, broken, closed, retried};
use super::checkpoint::{Answered, Checkpoint};
use super::progress::Progress;
use super::reader::Batch;
use super::retry::Retry;
use super::{Error, Imported, upsert};
use crate::Client;

/// Batches that may wait for their acknowledgement.
const IN_FLIGHT: usize = 16;

/// The longest time for one acknowledgement before the stream counts as broken.
const ANSWER: Duration = Duration::from_secs(60);

/// The sending side of one import.
pub(super) struct Sender<'a> {
    client: &'a Client,
    /// Where the progress is kept on disk, if it is kept.
    checkpoint: Option<&'a mut Checkpoint>,
    retry: Retry,
    /// Batches that were sent and not acknowledged, oldest first.
    waiting: VecDeque<(u64, Batch)>,
    next_sequence: u64,
}

struct Stream {
    requests: mpsc::Sender<StreamRatingsRequest>,
    answers: Streaming<StreamRatingsResponse>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(client: &'a Client, checkpoint: Option<&'a mut Checkpoint>, retry: Retry) -> Self {
        Self { client, checkpoint, retry, waiting: VecDeque::new(), next_sequence: 1 }
    }

    /// Sends every batch. Returns when all are acknowledged.
    pub(super) async fn send(
        &mut self,
        mut batches: mpsc::Receiver<Batch>,
        imported: &mut Imported,
        progress: &mut dyn Progress,
    ) -> Result<(), crate::Error> {
        self.retry.resumed();
        loop {
            let (status, delay) = match self.stream(&mut batches, imported, progress).await {
                Ok(()) => return Ok(()),
                Err(Broken::Fatal(error)) => return Err(*error),
                Err(Broken::Retry(status, delay)) => (status, delay),
            };
            imported.reconnects += 1;
            self.retry.wait(status, delay, progress).await?;
        }
    }

    /// Uses one stream until every batch is acknowledged or the stream breaks.
    async fn stream(
        &mut self,
        batches: &mut mpsc::Receiver<Batch>,
        imported: &mut Imported,
        progress: &mut dyn Progress,
    ) -> Result<(), Broken> {
        let mut stream = self.open().await?;
        for (sequence, batch) in &mut self.waiting {
            // An earlier stream may have broken before the movies of its batches were added.
            imported.movies += add_movies(self.client, batch, &mut self.retry, progress).await?;
            deliver(&stream, *sequence, batch)?;
        }
        let mut ended = false;
        while !(ended && self.waiting.is_empty()) {
            tokio::select! {
                biased;
                answer = tokio::time::timeout(ANSWER.min(self.retry.left()), stream.answers.message()), if !self.waiting.is_empty() => {
                    let answer = answer.map_err(|_| broken(Status::unavailable("no acknowledgement in time")))?;
                    let answer = answer.map_err(broken)?.ok_or_else(closed)?;
                    self.acknowledge(answer, imported, progress).map_err(|error| Broken::Fatal(Box::new(error)))?;
                }
                batch = batches.recv(), if !ended && self.waiting.len() < IN_FLIGHT => match batch {
                    None => ended = true,
                    Some(batch) => {
                        // The batch is kept first, so that the next stream sends it if this one
                        // breaks below.
                        let sequence = self.next_sequence;
                        self.next_sequence += 1;
                        if self.waiting.is_empty() {
                            // The fleet owed no answer while the file was read.
                            self.retry.resumed();
                        }
                        self.waiting.push_back((sequence, batch));
                        let Some((_, batch)) = self.waiting.back_mut() else { continue };
                        imported.movies += add_movies(self.client, batch, &mut self.retry, progress).await?;
                        deliver(&stream, sequence, batch)?;
                    }
                },
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<Stream, Broken> {
        // The channel has room for every batch in flight, so sending never waits.
        let (requests, receiver) = mpsc::channel(IN_FLIGHT);
        let call =
            self.client.call(async { self.client.ratings().stream_ratings(ReceiverStream::new(receiver)).await });
        Ok(Stream { requests, answers: call.await.map_err(retried)? })
    }

    fn acknowledge(
        &mut self,
        answer: StreamRatingsResponse,
        imported: &mut Imported,
        progress: &mut dyn Progress,
    ) -> Result<(), crate::Error> {
        let Some((sequence, batch)) = self.waiting.pop_front() else { return Ok(()) };
        if sequence != answer.sequence {
            return Err(Error::OutOfOrder { got: answer.sequence, expected: sequence }.into());
        }
        self.retry.progressed();
        imported.accepted += answer.accepted;
        imported.without_time += batch.without_time;
        let refused = !answer.rejected.is_empty() || batch.fatal.is_some();
        let refused_ones: HashSet<usize> = answer.rejected.iter().map(|one| one.index as usize).collect();
        let accepted = (0..batch.ratings.len()).rev().find(|index| !refused_ones.contains(index));
        for rejected in answer.rejected {
            let index = rejected.index as usize;
            let place = batch.places.locate(batch.lines.get(index).copied().unwrap_or_default());
            if let Some(error) = batch.unreadable.get(&index) {
                imported.reject(place, "UNREADABLE", format!("{} {}", error.field, error.reason));
                continue;
            }
            let reason = rejected
                .violations
                .first()
                .map_or(marquee_domain::Reason::Malformed.as_str(), |violation| violation.reason.as_str());
            let text: Vec<String> =
                rejected.violations.iter().map(|v| format!("{} {}", field(&v.field), v.description)).collect();
            imported.reject(place, reason, text.join("; "));
        }
        for position in answer.positions {
            let last = imported.positions.entry(position.partition).or_default();
            *last = position.offset.max(*last);
        }
        let fatal = batch.fatal;
        if let Some(checkpoint) = &mut self.checkpoint {
            let accepted = accepted.and_then(|index| batch.ratings.get(index));
            let rows = batch.rows.clone();
            let answered = Answered { rows, refused, accepted, positions: &imported.positions };
            checkpoint.reached(&answered, fatal.is_some());
        }
        progress.acknowledged(imported, batch.rows.end, batch.bytes);
        fatal.map_or(Ok(()), |error| Err(Error::File(error).into()))
    }
}

/// Returns the field without its place in the message: the report names the line instead.
fn field(path: &str) -> &str {
    path.split_once("].").map_or(path, |(_, field)| field)
}

/// Adds the movies that a batch needs, once.
async fn add_movies(
    client: &Client,
    batch: &mut Batch,
    retry: &mut Retry,
    progress: &mut dyn Progress,
) -> Result<u64, Broken> {
    let added = upsert(client, &batch.movies, retry, progress).await.map_err(retried)?;
    batch.movies.clear();
    Ok(added)
}

fn deliver(stream: &Stream, sequence: u64, batch: &Batch) -> Result<(), Broken> {
    let request = StreamRatingsRequest { sequence, ratings: batch.ratings.clone() };
    stream.requests.try_send(request).map_err(|_| closed())
}
