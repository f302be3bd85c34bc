//! The gRPC service `marquee.rollout.v1.Rollouts`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use marquee_domain::ModelName;
use marquee_proto::rollout::v1::{self as pb, rollouts_server};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{Handler, wire};
use crate::rollouts::{Board, Rollout};

/// The shortest time between two updates of a watched rollout. An update carries all that changed
/// since the last one.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// The gRPC server of rollouts.
pub type Server = rollouts_server::RolloutsServer<Handler>;

pub(super) fn server(handler: Handler) -> Server {
    rollouts_server::RolloutsServer::new(handler)
}

#[tonic::async_trait]
impl rollouts_server::Rollouts for Handler {
    async fn start_rollout(
        &self,
        request: Request<pb::StartRolloutRequest>,
    ) -> Result<Response<pb::StartRolloutResponse>, Status> {
        let rollout = Some(self.call_start(request.into_inner()).await?);
        Ok(Response::new(pb::StartRolloutResponse { rollout }))
    }

    async fn get_rollout(
        &self,
        request: Request<pb::GetRolloutRequest>,
    ) -> Result<Response<pb::GetRolloutResponse>, Status> {
        let rollout = Some(self.call_get(&request.get_ref().model).await?);
        Ok(Response::new(pb::GetRolloutResponse { rollout }))
    }

    async fn list_rollouts(
        &self,
        request: Request<pb::ListRolloutsRequest>,
    ) -> Result<Response<pb::ListRolloutsResponse>, Status> {
        Ok(Response::new(self.call_list(request.get_ref())?))
    }

    type WatchRolloutStream = Pin<Box<dyn Stream<Item = Result<pb::WatchRolloutResponse, Status>> + Send>>;

    async fn watch_rollout(
        &self,
        request: Request<pb::WatchRolloutRequest>,
    ) -> Result<Response<Self::WatchRolloutStream>, Status> {
        let model = wire::model(&request.get_ref().model)?;
        // Subscribed before the first answer, so that no change in between is lost.
        let board = self.rollouts.subscribe();
        let first = self.find(&model).await?;
        let changes = Changes { board, model, sent: None };
        let updates = stream::unfold((changes, Some(first)), |(mut changes, first)| async move {
            let rollout = match first {
                Some(first) => changes.begin(first),
                None => changes.next().await?,
            };
            let update = pb::WatchRolloutResponse { rollout: Some(wire::rollout(&rollout)) };
            Some((Ok(update), (changes, None)))
        });
        Ok(Response::new(Box::pin(updates)))
    }

    async fn act_on_rollout(
        &self,
        request: Request<pb::ActOnRolloutRequest>,
    ) -> Result<Response<pb::ActOnRolloutResponse>, Status> {
        let request = request.get_ref();
        let rollout = Some(self.call_act(&request.model, request.verb()).await?);
        Ok(Response::new(pb::ActOnRolloutResponse { rollout }))
    }

    async fn delete_rollout(
        &self,
        request: Request<pb::DeleteRolloutRequest>,
    ) -> Result<Response<pb::DeleteRolloutResponse>, Status> {
        Ok(Response::new(self.call_delete(&request.get_ref().model).await?))
    }

    async fn get_rollout_history(
        &self,
        request: Request<pb::GetRolloutHistoryRequest>,
    ) -> Result<Response<pb::GetRolloutHistoryResponse>, Status> {
        Ok(Response::new(self.call_history(&request.get_ref().model).await?))
    }
}

/// The changes of one rollout.
struct Changes {
    board: watch::Receiver<Board>,
    model: ModelName,
    sent: Option<Arc<Rollout>>,
}

impl Changes {
    fn begin(&mut self, first: Arc<Rollout>) -> Arc<Rollout> {
        self.sent = Some(Arc::clone(&first));
        first
    }

    /// Waits until the rollout is another one than the last that was sent. Returns `None` when the
    /// role stops, or when the rollout is gone.
    async fn next(&mut self) -> Option<Arc<Rollout>> {
        loop {
            self.board.changed().await.ok()?;
            let now = self.board.borrow_and_update().get(&self.model).cloned()?;
            if self.sent.as_ref() != Some(&now) {
                tokio::time::sleep(WATCH_INTERVAL).await;
                let newest = self.board.borrow_and_update().get(&self.model).cloned().unwrap_or(now);
                self.sent = Some(Arc::clone(&newest));
                return Some(newest);
            }
        }
    }
}
