//! The public API of the role. Only this folder names protobuf types.
//!
//! The calls below take and return messages; gRPC (`grpc`) and HTTP (`http`) both use them. `wire`
//! converts between messages and the types of the core.

mod evaluation;
mod features;
mod grpc;
mod http;
mod models;
mod oip;
mod served;
mod wire;

use std::sync::Arc;

use marquee_domain::{Clock, ModelName, Reason, Route, RouteSpec, Salt, Version};
use marquee_kit::{Compute, Failure, Health, Kind, chain};
use marquee_proto::convert;
use marquee_proto::inference::grpc_inference_service_server::GrpcInferenceServiceServer;
use marquee_proto::prediction::v1 as pb;
use marquee_proto::prediction::v1::evaluations_server::EvaluationsServer;
use marquee_proto::prediction::v1::models_server::ModelsServer;
use marquee_proto::prediction::v1::predictions_server::PredictionsServer;
use marquee_proto::rollout::v1 as rollout;
use marquee_proto::rollout::v1::routing_server::RoutingServer;
use tonic::service::Routes;

pub(crate) use features::FeatureStores;
pub(crate) use served::{RequestIds, encode as encode_served};

use crate::evaluation::Evaluation;
use crate::models::Models;
use crate::rating::Rating;
use crate::repository::{Key, Repository, VersionState};
use crate::routing::{RouteChange, Routing};
use crate::served::ServedLog;
use crate::tally::Tallies;
use served::RequestId;

/// Largest answer in bytes.
const LARGEST_ANSWER: usize = 64 << 20;

/// The inference role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service(Arc<Core>);

/// What the calls use.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) default_model: ModelName,
    pub(crate) route_first: bool,
    pub(crate) rating: Arc<Rating>,
    pub(crate) models: Arc<Models>,
    pub(crate) health: Health,
    pub(crate) evaluation: Evaluation,
    pub(crate) served: ServedLog,
    pub(crate) request_ids: RequestIds,
    pub(crate) tallies: Arc<Tallies>,
    pub(crate) routing: Arc<Routing>,
    pub(crate) repository: Arc<Repository>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) compute: Compute,
}

impl Service {
    pub(crate) fn new(core: Core) -> Self {
        Self(Arc::new(core))
    }

    /// Returns the gRPC server of predictions.
    pub fn predictions(&self) -> PredictionsServer<Self> {
        PredictionsServer::new(self.clone()).max_encoding_message_size(LARGEST_ANSWER)
    }

    /// Returns the gRPC server of evaluations.
    pub fn evaluations(&self) -> EvaluationsServer<Self> {
        let server = EvaluationsServer::new(self.clone());
        server.max_decoding_message_size(evaluation::LARGEST).max_encoding_message_size(evaluation::LARGEST)
    }

    /// Returns all gRPC servers, for the roles of this process.
    pub fn in_process(&self) -> Routes {
        let routes = Routes::new(self.predictions()).add_service(self.evaluations());
        routes.add_service(self.models()).add_service(self.routing())
    }

    /// Returns the gRPC server of models.
    pub fn models(&self) -> ModelsServer<Self> {
        ModelsServer::new(self.clone())
    }

    /// Returns the gRPC server of the routing table.
    pub fn routing(&self) -> RoutingServer<Self> {
        RoutingServer::new(self.clone())
    }

    /// Returns the gRPC server of the Open Inference Protocol.
    pub fn open_inference(&self) -> GrpcInferenceServiceServer<Self> {
        let server = GrpcInferenceServiceServer::new(self.clone());
        server.max_decoding_message_size(oip::LARGEST).max_encoding_message_size(oip::LARGEST)
    }

    /// Returns the same calls over HTTP as JSON, and the Open Inference Protocol.
    pub fn http(&self) -> axum::Router {
        http::routes(self.clone()).merge(oip::routes(self.clone()))
    }

    async fn call_predict(&self, request: pb::PredictRequest, id: RequestId) -> Result<pb::PredictResponse, Failure> {
        let begun = self.begin(id);
        let request = wire::predict(&request, &self.0.default_model)?;
        let answer = self.0.rating.predict(&request).await?;
        self.record(begun, &request.caller, &answer);
        Ok(wire::predicted(&answer))
    }

    async fn call_recommend(
        &self,
        request: pb::RecommendRequest,
        id: RequestId,
    ) -> Result<pb::RecommendResponse, Failure> {
        let begun = self.begin(id);
        let request = wire::recommend(request, &self.0.default_model)?;
        let answer = self.0.rating.recommend(&request).await?;
        self.record(begun, &request.caller, &answer);
        Ok(wire::recommended(answer))
    }

    async fn call_explain(&self, request: pb::ExplainRequest, id: RequestId) -> Result<pb::ExplainResponse, Failure> {
        let begun = self.begin(id);
        let request = wire::explain(&request, &self.0.default_model)?;
        let answer = self.0.rating.explain(&request).await?;
        self.record(begun, &request.caller, &answer);
        Ok(wire::explained(answer))
    }

    async fn call_load_model(&self, request: pb::LoadModelRequest) -> Result<pb::LoadModelResponse, Failure> {
        let key = (self.model_name(&request.model)?, Version(request.version));
        self.0.repository.load(&key).await.map_err(|error| {
            let message = format!("version {} of model '{}' was not loaded: {}", key.1, key.0, chain(&*error));
            Failure::new(Kind::FailedPrecondition, message)
        })?;
        // Before the answer, so that the caller's next request finds the version in use.
        self.0.routing.settle();
        if self.0.route_first {
            self.0.routing.route_first().await;
        }
        Ok(pb::LoadModelResponse { version: Some(self.describe(&key).await) })
    }

    /// Describes a version. What is not warm here is described by its unverified manifest.
    async fn describe(&self, key: &Key) -> pb::ModelVersion {
        let state = self.0.repository.state(key).map(|(state, _)| state);
        let manifest = match &state {
            Some(VersionState::Warm(model)) => Some(model.manifest().clone()),
            // A manifest that cannot be read leaves its fields empty; the state says what is wrong.
            _ => self.0.repository.loader().manifest(key).await.ok().flatten(),
        };
        let weight = self.0.routing.table().get(&key.0).map_or(0, |route| route.weight(key.1));
        let mut message = wire::model_version(key, state.as_ref(), manifest.as_ref(), weight);
        if state.is_none() && self.0.repository.is_left_out(key) {
            message.reason = self.0.repository.explain(key);
        }
        message
    }

    fn call_get_route(&self, model: &str) -> Result<rollout::GetRouteResponse, Failure> {
        let name = self.model_name(model)?;
        match self.0.routing.table().get(&name) {
            Some(route) => Ok(rollout::GetRouteResponse { route: Some(convert::route(&route)) }),
            None => Err(Failure::new(Kind::NotFound, format!("no version of model '{name}' is routed yet"))),
        }
    }

    async fn call_set_route(&self, request: rollout::SetRouteRequest) -> Result<rollout::SetRouteResponse, Failure> {
        let Some(message) = request.route else {
            return Err(Failure::field("route", Reason::Missing, "is missing: give a route"));
        };
        let model = self.model_name(&message.model)?;
        let current = self.0.routing.table().get(&model);
        let malformed = |field: &str, error: marquee_domain::RouteError| {
            Failure::field(field, Reason::Malformed, error.to_string())
        };
        let keep_salt = message.salt.is_empty();
        let salt = match (message.salt.as_str(), &current) {
            ("", Some(current)) => Ok(current.salt().clone()),
            ("", None) => Salt::try_new(model.as_str()),
            (text, _) => Salt::try_new(text),
        };
        let route = Route::try_new(RouteSpec {
            model,
            stable: Version(message.stable),
            candidates: wire::candidates(&message.candidates)?,
            shadow: message.shadow.into_iter().map(Version).collect(),
            salt: salt.map_err(|error| malformed("route.salt", error))?,
            revision: 1,
        });
        let route = route.map_err(|error| malformed("route", error))?;
        self.0.routing.check(&route).await?;
        let change = RouteChange { route, expected: request.expected_revision, keep_salt };
        let route = self.0.routing.set(change).await?;
        Ok(rollout::SetRouteResponse { route: Some(convert::route(&route)) })
    }

    fn call_get_status(&self, model: &str) -> Result<rollout::GetStatusResponse, Failure> {
        let only = self.only(model)?;
        let status = wire::status(self.0.routing.status(only.as_ref()), &self.0.tallies);
        Ok(rollout::GetStatusResponse { status: Some(status) })
    }

    /// Returns the model that a request names, or `None` for every model.
    fn only(&self, model: &str) -> Result<Option<ModelName>, Failure> {
        if model.is_empty() { Ok(None) } else { self.model_name(model).map(Some) }
    }

    /// Returns the model that a request names; an empty name means the default model.
    fn model_name(&self, text: &str) -> Result<ModelName, Failure> {
        wire::model_name(text, &self.0.default_model)
            .map_err(|error| Failure::field("model", error.reason(), error.to_string()))
    }
}
