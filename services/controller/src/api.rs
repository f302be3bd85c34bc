//! `marquee.rollout.v1.Rollouts` over gRPC and HTTP. The only place of the role that knows its wire
//! messages.

mod grpc;
mod http;
mod list;
mod wire;

use std::sync::Arc;

use marquee_domain::ModelName;
use marquee_kit::{Failure, Kind};
use marquee_proto::rollout::v1 as pb;

pub use grpc::Server;

use crate::files::FileStates;
use crate::rollouts::{Refusal, Rollout, Rollouts};
use crate::spec;
use crate::store::{ChangeError, StoreError};

/// Answers calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handler {
    rollouts: Arc<Rollouts>,
    files: FileStates,
}

impl Handler {
    pub(crate) fn new(rollouts: Arc<Rollouts>, files: FileStates) -> Self {
        Self { rollouts, files }
    }

    pub(crate) fn server(&self) -> Server {
        grpc::server(self.clone())
    }

    pub(crate) fn http(&self) -> axum::Router {
        http::routes(self.clone())
    }

    async fn call_start(&self, request: pb::StartRolloutRequest) -> Result<pb::Rollout, Failure> {
        let document = wire::spec(request.spec.as_ref())?;
        let model = spec::check(&document).map_err(Failure::invalid)?;
        let started = self.rollouts.start(&model, document).await.map_err(change_failure)?;
        Ok(wire::rollout(&started))
    }

    async fn call_get(&self, model: &str) -> Result<pb::Rollout, Failure> {
        Ok(wire::rollout(&*self.find(&wire::model(model)?).await?))
    }

    fn call_list(&self, request: &pb::ListRolloutsRequest) -> Result<pb::ListRolloutsResponse, Failure> {
        list::page(&self.rollouts.board(), &self.files.list(), request)
    }

    async fn call_act(&self, model: &str, verb: pb::Verb) -> Result<pb::Rollout, Failure> {
        let (model, verb) = (wire::model(model)?, wire::verb(verb)?);
        let rollout = self.find(&model).await?;
        spec::check_verb(&rollout.document, verb).map_err(|why| Failure::new(Kind::FailedPrecondition, why))?;
        let asked = self.rollouts.act(&model, spec::name_of(verb)).await.map_err(change_failure)?;
        Ok(wire::rollout(&asked))
    }

    async fn call_delete(&self, model: &str) -> Result<pb::DeleteRolloutResponse, Failure> {
        self.rollouts.delete(&wire::model(model)?).await.map_err(change_failure)?;
        Ok(pb::DeleteRolloutResponse {})
    }

    async fn call_history(&self, model: &str) -> Result<pb::GetRolloutHistoryResponse, Failure> {
        Ok(wire::history(&*self.find(&wire::model(model)?).await?))
    }

    async fn find(&self, model: &ModelName) -> Result<Arc<Rollout>, Failure> {
        let found = self.rollouts.get(model).await.map_err(|error| store_failure(&error))?;
        found.ok_or_else(|| refusal(&Refusal::NotFound(model.clone())))
    }
}

fn store_failure(error: &StoreError) -> Failure {
    match error {
        StoreError::Superseded => Failure::new(Kind::Aborted, "other callers change this rollout: try again"),
        StoreError::Document(..) => Failure::internal("read the rollout", error),
        StoreError::Store(store) if store.is_retryable() => Failure::unavailable("reach the rollouts", error),
        StoreError::Store(_) => Failure::internal("reach the rollouts", error),
    }
}

fn refusal(refusal: &Refusal) -> Failure {
    let kind = match refusal {
        Refusal::NotFound(_) => Kind::NotFound,
        Refusal::Running(_) => Kind::FailedPrecondition,
        Refusal::Commands | Refusal::Limit(_) => Kind::ResourceExhausted,
    };
    Failure::new(kind, refusal.to_string())
}

fn change_failure(error: ChangeError<Refusal>) -> Failure {
    match error {
        ChangeError::Refused(refused) => refusal(&refused),
        ChangeError::Store(error) => store_failure(&error),
    }
}
