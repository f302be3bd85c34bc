//! Sends batches over one stream, keeps those that are not acknowledged, and sends them again over a new stream when the old one breaks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use marquee_kit::{Failure, Kind};
use marquee_proto::ratings::v1::{StreamRatingsRequest, StreamRatingsResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::checkpoint::Checkpoint;
use super::progress::Progress;
use super::reader::Batch;
use super::{Error, Imported, upsert};
use crate::Client;
use crate::error::is_transport;

/// Batches that may wait for their acknowledgement.
const IN_FLIGHT: usize = 16;

/// How long the fleet may be away, without one acknowledgement, before the import gives up.
const AWAY: Duration = Duration::from_secs(60);

/// How long one acknowledgement may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pauses between tries: the first, doubled each time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Where acknowledgements are kept track of.
pub(super) struct Resume<'a> {
    pub(super) checkpoint: Option<&'a mut Checkpoint>,
}

/// One import's stream.
pub(super) struct Sender<'a> {
    client: &'a Client,
    resume: Resume<'a>,
    /// Sent, not acknowledged; oldest first.
    waiting: VecDeque<(u64, Batch)>,
    next_sequence: u64,
    last_answer: Instant,
}

struct Stream {
    requests: mpsc::Sender<StreamRatingsRequest>,
    answers: Streaming<StreamRatingsResponse>,
}

/// Why a stream ended before its time.
enum Broken {
    /// Another stream may do.
    Again(Status),
    /// Another would end alike.
    Fatal(crate::Error),
}

impl<'a> Sender<'a> {
    pub(super) fn new(client: &'a Client, resume: Resume<'a>) -> Self {
        Self { client, resume, waiting: VecDeque::new(), next_sequence: 1, last_answer: Instant::now() }
    }

    /// Sends every batch; ends when all are acknowledged.
    pub(super) async fn send(
        &mut self,
        mut batches: mpsc::Receiver<Batch>,
        imported: &mut Imported,
        progress: &mut dyn Progress,
    ) -> Result<(), crate::Error> {
        let mut pause = PAUSES.0;
        self.last_answer = Instant::now();
        loop {
            let before = self.last_answer;
            let status = match self.stream(&mut batches, imported, progress).await {
                Ok(()) => return Ok(()),
                Err(Broken::Fatal(error)) => return Err(error),
                Err(Broken::Again(status)) => status,
            };
            imported.reconnects += 1;
            if self.last_answer > before {
                pause = PAUSES.0;
            }
            if self.last_answer.elapsed() > AWAY {
                let acknowledged = imported.resumed_at + imported.accepted + imported.rejected;
                let source = Box::new(status);
                return Err(Error::Away { seconds: AWAY.as_secs(), acknowledged, source }.into());
            }
            progress.away(status.message());
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// One stream, until all is acknowledged or it breaks.
    async fn stream(
        &mut self,
        batches: &mut mpsc::Receiver<Batch>,
        imported: &mut Imported,
        progress: &mut dyn Progress,
    ) -> Result<(), Broken> {
        let mut stream = self.open().await?;
        for (sequence, batch) in &self.waiting {
            deliver(&stream, *sequence, batch)?;
        }
        let mut ended = false;
        while !(ended && self.waiting.is_empty()) {
            tokio::select! {
                biased;
                answer = tokio::time::timeout(PATIENCE, stream.answers.message()), if !self.waiting.is_empty() => {
                    let answer = answer.map_err(|_| Status::unavailable("no acknowledgement in time")).map_err(again)?;
                    let answer = answer.map_err(again)?.ok_or_else(|| again(Status::unavailable("the stream was closed")))?;
                    self.acknowledge(answer, imported, progress).map_err(Broken::Fatal)?;
                }
                batch = batches.recv(), if !ended && self.waiting.len() < IN_FLIGHT => match batch {
                    None => ended = true,
                    Some(batch) => {
                        // Kept first: should anything below break the stream, the batch goes out with the next one.
                        let sequence = self.next_sequence;
                        self.next_sequence += 1;
                        self.waiting.push_back((sequence, batch));
                        let Some((_, batch)) = self.waiting.back() else { continue };
                        if !batch.movies.is_empty() {
                            let movies = upsert(self.client, batch.movies.clone(), progress).await;
                            imported.movies += movies.map_err(retried)?;
                        }
                        deliver(&stream, sequence, batch)?;
                    }
                },
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<Stream, Broken> {
        // Every batch that may be in flight fits, so sending never waits.
        let (requests, receiver) = mpsc::channel(IN_FLIGHT);
        let call =
            self.client.call(async { self.client.ratings().stream_ratings(ReceiverStream::new(receiver)).await });
        let answers = call.await.map_err(retried)?;
        // Movies of batches that wait were added before those were sent, but perhaps to no avail.
        for (_, batch) in self.waiting.iter().filter(|(_, batch)| !batch.movies.is_empty()) {
            let request = marquee_proto::ratings::v1::UpsertMoviesRequest { movies: batch.movies.clone() };
            self.client.call(self.client.ratings().upsert_movies(request)).await.map_err(retried)?;
        }
        Ok(Stream { requests, answers })
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
        self.last_answer = Instant::now();
        imported.accepted += answer.accepted;
        for rejected in answer.rejected {
            let line = batch.lines.get(rejected.index as usize).copied().unwrap_or_default();
            let reason = rejected
                .violations
                .first()
                .map_or(marquee_domain::Reason::Malformed.as_str(), |violation| violation.reason.as_str());
            let text: Vec<String> =
                rejected.violations.iter().map(|v| format!("{} {}", field(&v.field), v.description)).collect();
            imported.reject(line, reason, text.join("; "));
        }
        for position in answer.positions {
            let last = imported.positions.entry(position.partition).or_default();
            *last = position.offset.max(*last);
        }
        let mut fatal = None;
        for error in batch.errors {
            if error.fatal {
                fatal = Some(error);
                continue;
            }
            imported.reject(error.line, "UNREADABLE", format!("{} {}", error.field, error.reason));
        }
        if let Some(checkpoint) = &mut self.resume.checkpoint {
            checkpoint.reached(batch.rows, &imported.positions, fatal.is_some());
        }
        progress.acknowledged(imported, batch.rows, batch.bytes);
        fatal.map_or(Ok(()), |error| Err(Error::File(error).into()))
    }
}

/// `ratings[3].movie_id` is `movie_id` of the line that is named anyway.
fn field(path: &str) -> &str {
    path.split_once("].").map_or(path, |(_, field)| field)
}

fn deliver(stream: &Stream, sequence: u64, batch: &Batch) -> Result<(), Broken> {
    let request = StreamRatingsRequest { sequence, ratings: batch.ratings.clone() };
    let gone = |_| Broken::Again(Status::unavailable("the stream was closed"));
    stream.requests.try_send(request).map_err(gone)
}

/// Whether another stream may do.
fn again(status: Status) -> Broken {
    let failure = Failure::from_status(&status);
    let passing = matches!(failure.kind(), Kind::Unavailable | Kind::ResourceExhausted);
    // A connection that breaks in the middle of a stream is no answer of the server.
    if passing
        || is_transport(&status)
        || status.code() == tonic::Code::Unknown
        || status.code() == tonic::Code::Cancelled
    {
        return Broken::Again(status);
    }
    Broken::Fatal(crate::Error::Refused(failure))
}

/// The same for a call that is no stream.
fn retried(error: crate::Error) -> Broken {
    match error {
        crate::Error::Unreachable { source, .. } => Broken::Again(*source),
        crate::Error::Refused(failure) if failure.kind() == Kind::Unavailable => {
            Broken::Again(Status::unavailable(failure.message()))
        }
        other => Broken::Fatal(other),
    }
}
