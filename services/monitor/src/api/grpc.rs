//! Serves `marquee.monitor.v1.Monitor`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use marquee_domain::{Clock, ModelName, Version};
use marquee_eval::duel::{HOURS_KEPT, Slice};
use marquee_kit::{Failure, Reason, Stop};
use marquee_log::Progress;
use marquee_ports::{RatingLog, Topic};
use marquee_proto::monitor::v1 as pb;
use marquee_proto::monitor::v1::monitor_server::{Monitor, MonitorServer};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{served, wire};
use crate::reader::{Reader, Window};

/// Largest request in bytes.
const MAX_REQUEST: usize = 1 << 20;

/// How often a duel that is watched is read.
const WATCH_EVERY: Duration = Duration::from_secs(1);

const DOING: &str = "read the monitor's store";

/// Answers reads of the tallies.
#[derive(Debug, Clone)]
pub(crate) struct MonitorHandler {
    pub(crate) reader: Reader,
    pub(crate) log: Arc<dyn RatingLog>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: Stop,
}

/// The duel that a caller asks for.
#[derive(Debug, Clone)]
pub(super) struct DuelQuery {
    pub(super) model: ModelName,
    pub(super) pair: (Version, Version),
    /// Empty for every slice.
    pub(super) slices: Vec<String>,
    /// A period before now. `None` for all ratings.
    pub(super) window: Option<Duration>,
}

impl MonitorHandler {
    /// Returns the gRPC service.
    pub(crate) fn into_server(self) -> MonitorServer<Self> {
        MonitorServer::new(self).max_decoding_message_size(MAX_REQUEST)
    }

    pub(super) async fn duel(&self, query: &DuelQuery) -> Result<pb::Duel, Failure> {
        let (stable, other) = query.pair;
        let ordered = (stable.min(other), stable.max(other));
        let window = query.window.map(|length| self.before_now(length));
        let tally = self.reader.pair(&query.model, ordered, window).await;
        let tally = tally.map_err(|error| wire::failure(DOING, &error))?;
        Ok(wire::duel(&query.model, query.pair, &tally, (&query.slices, query.window)))
    }

    pub(crate) async fn duels(&self, model: &str, window: Option<Duration>) -> Result<pb::ListDuelsResponse, Failure> {
        let (model, asked) = (wire::model(model)?, bounded(window)?);
        let window = asked.map(|length| self.before_now(length));
        let failed = |error| wire::failure(DOING, &error);
        let mut answer = pb::ListDuelsResponse::default();
        let Some(index) = self.reader.index().await.map_err(failed)?.models.remove(&model) else {
            return Ok(answer);
        };
        for &version in &index.versions {
            let tally = self.reader.version(&model, version, window).await.map_err(failed)?;
            answer.versions.push(pb::VersionErrors {
                version: version.0,
                errors: Some(wire::errors(&tally.slice(&Slice::all()))),
                current: index.current.contains(&version),
                newest_rating_at: wire::timestamp(tally.newest()),
            });
        }
        let all = [Slice::all().as_str().to_owned()];
        for &pair in &index.pairs {
            let tally = self.reader.pair(&model, pair, window).await.map_err(failed)?;
            answer.duels.push(wire::duel(&model, pair, &tally, (&all, asked)));
        }
        Ok(answer)
    }

    fn before_now(&self, length: Duration) -> Window {
        Window { length, now: self.clock.now() }
    }

    pub(crate) async fn live(
        &self,
        model: &str,
        window: Option<Duration>,
    ) -> Result<pb::GetLiveQualityResponse, Failure> {
        let model = wire::model(model)?;
        let failed = |error| wire::failure(DOING, &error);
        let index = self.reader.index().await.map_err(failed)?.models.remove(&model).unwrap_or_default();
        let mut versions = Vec::with_capacity(index.live.len());
        for id in index.live {
            let tally = self.reader.live(&model, &id).await.map_err(failed)?;
            let errors = window.map_or(tally.total(), |window| tally.within(window, self.clock.now()));
            versions.push(pb::LiveQuality {
                version: id.version.0,
                served_by: served::to_wire(id.served_by).into(),
                variant: id.variant,
                errors: Some(wire::errors(&errors)),
            });
        }
        let stats = self.reader.stats().await.map_err(failed)?;
        Ok(pb::GetLiveQualityResponse { versions, join: Some(wire::join(&stats)) })
    }

    pub(crate) async fn status(&self) -> Result<pb::GetStatusResponse, Failure> {
        let failed = |error| wire::failure(DOING, &error);
        let starts = self.reader.starts().await.map_err(failed)?;
        let ends = self.log.ends(Topic::RATINGS).await;
        let ends = ends.map_err(|error| wire::failure("read the bounds of the rating log", &error))?;
        let own = self.progress.borrow().partitions();
        let mut partitions = Vec::with_capacity(ends.len());
        for ((partition, end), start) in ends.into_iter().zip(starts) {
            let next = match own.get(&partition) {
                Some(progress) => progress.next,
                None => self.reader.store.marker(partition).await.map_err(failed)?,
            };
            partitions.push(pb::PartitionStatus {
                partition: partition.0,
                next_offset: next.0,
                // What was written and learned since the end was read is within the log too.
                end_offset: end.max(next).0,
                duel_from: start.map(|start| start.0),
            });
        }
        let models = self.reader.index().await.map_err(failed)?.models.into_iter();
        let models = models.map(|(model, index)| pb::ModelStatus {
            model: model.as_str().to_owned(),
            versions: index.current.iter().map(|version| version.0).collect(),
        });
        let counts = wire::counts(self.reader.stats().await.map_err(failed)?);
        Ok(pb::GetStatusResponse { partitions, models: models.collect(), counts: Some(counts) })
    }
}

impl DuelQuery {
    /// Checks a question.
    pub(super) fn try_new(
        model: &str,
        (stable, other): (u64, u64),
        slices: Vec<String>,
        window: Option<Duration>,
    ) -> Result<Self, Failure> {
        Ok(Self { model: wire::model(model)?, pair: wire::pair(stable, other)?, slices, window: bounded(window)? })
    }
}

/// Checks the window of a duel: of older hours there is nothing but the sums of all ratings.
fn bounded(window: Option<Duration>) -> Result<Option<Duration>, Failure> {
    let longest = Duration::from_hours(HOURS_KEPT);
    let is_refused = window.is_some_and(|window| window > longest);
    let fix = format!("is too long: give at most {HOURS_KEPT}h, or leave it out for all ratings");
    if is_refused { Err(Failure::field("window", Reason::OutOfRange, fix)) } else { Ok(window) }
}

/// Reads a window, which is `None` for all ratings.
fn window(wire: Option<marquee_proto::Duration>) -> Result<Option<Duration>, Failure> {
    let Some(marquee_proto::Duration { seconds, nanos }) = wire else { return Ok(None) };
    let refused = || Failure::field("window", Reason::OutOfRange, "is no period: give one before now");
    let seconds = u64::try_from(seconds).map_err(|_| refused())?;
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or_else(refused)?;
    Ok(Some(Duration::new(seconds, nanos)))
}

#[tonic::async_trait]
impl Monitor for MonitorHandler {
    async fn get_duel(&self, request: Request<pb::GetDuelRequest>) -> Result<Response<pb::GetDuelResponse>, Status> {
        let pb::GetDuelRequest { model, stable, other, slices, window: wire } = request.into_inner();
        let window = window(wire)?;
        let query = DuelQuery::try_new(&model, (stable, other), slices, window)?;
        Ok(Response::new(pb::GetDuelResponse { duel: Some(self.duel(&query).await?) }))
    }

    async fn list_duels(
        &self,
        request: Request<pb::ListDuelsRequest>,
    ) -> Result<Response<pb::ListDuelsResponse>, Status> {
        let pb::ListDuelsRequest { model, window: wire } = request.into_inner();
        let window = window(wire)?;
        Ok(Response::new(self.duels(&model, window).await?))
    }

    type WatchDuelStream = Pin<Box<dyn Stream<Item = Result<pb::WatchDuelResponse, Status>> + Send>>;

    async fn watch_duel(
        &self,
        request: Request<pb::WatchDuelRequest>,
    ) -> Result<Response<Self::WatchDuelStream>, Status> {
        let pb::WatchDuelRequest { model, stable, other, slices, window: wire } = request.into_inner();
        let window = window(wire)?;
        let query = DuelQuery::try_new(&model, (stable, other), slices, window)?;
        let watch = Watch { handler: self.clone(), query, sent: None, is_over: false };
        let duels = futures_util::stream::unfold(watch, |mut watch| async move { Some((watch.next().await?, watch)) });
        Ok(Response::new(Box::pin(duels)))
    }

    async fn get_live_quality(
        &self,
        request: Request<pb::GetLiveQualityRequest>,
    ) -> Result<Response<pb::GetLiveQualityResponse>, Status> {
        let pb::GetLiveQualityRequest { model, window: wire } = request.into_inner();
        let window = window(wire)?;
        Ok(Response::new(self.live(&model, window).await?))
    }

    async fn get_status(&self, _: Request<pb::GetStatusRequest>) -> Result<Response<pb::GetStatusResponse>, Status> {
        Ok(Response::new(self.status().await?))
    }
}

/// A duel that is watched.
struct Watch {
    handler: MonitorHandler,
    query: DuelQuery,
    sent: Option<pb::Duel>,
    is_over: bool,
}

impl Watch {
    /// Waits until the duel differs from the one that was sent. Returns `None` when the role stops,
    /// and after a failure.
    async fn next(&mut self) -> Option<Result<pb::WatchDuelResponse, Status>> {
        if self.is_over {
            return None;
        }
        loop {
            if self.sent.is_some() {
                tokio::select! {
                    () = tokio::time::sleep(WATCH_EVERY) => {}
                    () = self.handler.stop.cancelled() => return None,
                }
            }
            match self.handler.duel(&self.query).await {
                Ok(duel) if self.sent.as_ref() == Some(&duel) => {}
                Ok(duel) => {
                    self.sent = Some(duel.clone());
                    return Some(Ok(pb::WatchDuelResponse { duel: Some(duel) }));
                }
                Err(failure) => {
                    self.is_over = true;
                    return Some(Err(failure.into()));
                }
            }
        }
    }
}
