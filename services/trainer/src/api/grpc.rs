//! The gRPC service `marquee.training.v1.Trainer`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use marquee_domain::RunId;
use marquee_kit::{Failure, Kind};
use marquee_proto::page::Page;
use marquee_proto::training::v1::{self as pb, trainer_server};
use tonic::{Request, Response, Status};

use super::wire;
use crate::plan::Defaults;
use crate::queue::{Queue, Run};

/// The shortest time between two updates of a watched run. People can't read faster, and an update
/// carries all that changed since the last one.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// The number of runs that a listing returns without a page size, and the most that it returns.
const PAGE_SIZE: (u32, u32) = (100, 1_000);

/// The gRPC server of the trainer.
pub type Server = trainer_server::TrainerServer<Handler>;

/// Answers calls from the queue of training runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handler {
    queue: Arc<Queue>,
    defaults: Defaults,
    /// The number of runs that may wait.
    limit: usize,
}

impl Handler {
    pub(crate) fn new(queue: Arc<Queue>, defaults: Defaults, limit: usize) -> Self {
        Self { queue, defaults, limit }
    }

    pub(crate) fn server(&self) -> Server {
        trainer_server::TrainerServer::new(self.clone())
    }

    fn find(&self, id: &str) -> Result<Run, Failure> {
        let found = RunId::try_new(id).ok().and_then(|id| self.queue.get(&id));
        found.ok_or_else(|| {
            let id: String = id.chars().take(80).collect();
            let message = format!("there is no training run '{id}'; list the training runs to see their ids");
            Failure::new(Kind::NotFound, message)
        })
    }
}

#[tonic::async_trait]
impl trainer_server::Trainer for Handler {
    async fn start_training(
        &self,
        request: Request<pb::StartTrainingRequest>,
    ) -> Result<Response<pb::StartTrainingResponse>, Status> {
        let plan = self.defaults.plan(&wire::request(request.get_ref())).map_err(Failure::invalid)?;
        if self.queue.waiting() >= self.limit {
            let message = format!("{} training runs wait already: start this one later", self.limit);
            return Err(Failure::new(Kind::ResourceExhausted, message).retry_after(Duration::from_secs(30)).into());
        }
        let created = self.queue.create(plan).await;
        let run = created.map_err(|error| Failure::unavailable("store the training run", &error))?;
        Ok(Response::new(pb::StartTrainingResponse { training: Some(wire::training(&run.now())) }))
    }

    type WatchTrainingStream = Pin<Box<dyn Stream<Item = Result<pb::WatchTrainingResponse, Status>> + Send>>;

    async fn watch_training(
        &self,
        request: Request<pb::WatchTrainingRequest>,
    ) -> Result<Response<Self::WatchTrainingStream>, Status> {
        let run = self.find(&request.get_ref().training_id)?;
        let updates = stream::unfold((run.watch(), false), |(mut state, has_ended)| async move {
            if has_ended {
                return None;
            }
            state.changed().await.ok()?;
            let run = state.borrow_and_update().clone();
            if !run.has_ended() {
                tokio::time::sleep(WATCH_INTERVAL).await;
            }
            let update = pb::WatchTrainingResponse { training: Some(wire::training(&run)) };
            Some((Ok(update), (state, run.has_ended())))
        });
        Ok(Response::new(Box::pin(updates)))
    }

    async fn list_trainings(
        &self,
        request: Request<pb::ListTrainingsRequest>,
    ) -> Result<Response<pb::ListTrainingsResponse>, Status> {
        let pb::ListTrainingsRequest { page_size, page_token } = request.into_inner();
        let count = marquee_kit::page_size(page_size, PAGE_SIZE)?;
        let mut page = Page::new(count);
        // One more run than the page has tells whether there is another page.
        let runs = self.queue.before(wire::page_token(&page_token)?.as_ref(), count + 1);
        let is_last = runs.iter().all(|run| page.add(wire::training(run)));
        let next_page_token = page.last().filter(|_| !is_last).map(|run| run.training_id.clone()).unwrap_or_default();
        Ok(Response::new(pb::ListTrainingsResponse { trainings: page.into_entries(), next_page_token }))
    }

    async fn cancel_training(
        &self,
        request: Request<pb::CancelTrainingRequest>,
    ) -> Result<Response<pb::CancelTrainingResponse>, Status> {
        let run = self.find(&request.get_ref().training_id)?;
        let canceled = self.queue.cancel(&run).await;
        canceled.map_err(|error| Failure::unavailable("cancel the training run", &error))?;
        Ok(Response::new(pb::CancelTrainingResponse { training: Some(wire::training(&run.now())) }))
    }
}
