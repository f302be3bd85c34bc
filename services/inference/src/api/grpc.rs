//! The gRPC handlers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use marquee_domain::Route;
use marquee_proto::convert;
use marquee_proto::prediction::v1::{self as pb, evaluations_server, models_server, predictions_server};
use marquee_proto::rollout::v1::{self as rollout, routing_server};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::Service;
use super::served::RequestId;
use crate::routing::RouteMap;

#[tonic::async_trait]
impl predictions_server::Predictions for Service {
    async fn predict(&self, request: Request<pb::PredictRequest>) -> Result<Response<pb::PredictResponse>, Status> {
        let id = RequestId::of(&request);
        Ok(Response::new(self.call_predict(request.into_inner(), id).await?))
    }

    async fn recommend(
        &self,
        request: Request<pb::RecommendRequest>,
    ) -> Result<Response<pb::RecommendResponse>, Status> {
        let id = RequestId::of(&request);
        Ok(Response::new(self.call_recommend(request.into_inner(), id).await?))
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        let id = RequestId::of(&request);
        Ok(Response::new(self.call_explain(request.into_inner(), id).await?))
    }
}

#[tonic::async_trait]
impl evaluations_server::Evaluations for Service {
    async fn evaluate(&self, request: Request<pb::EvaluateRequest>) -> Result<Response<pb::EvaluateResponse>, Status> {
        Ok(Response::new(self.call_evaluate(request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl models_server::Models for Service {
    async fn list_models(
        &self,
        request: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        Ok(Response::new(self.call_list_models(&request.into_inner()).await?))
    }

    async fn load_model(
        &self,
        request: Request<pb::LoadModelRequest>,
    ) -> Result<Response<pb::LoadModelResponse>, Status> {
        Ok(Response::new(self.call_load_model(request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl routing_server::Routing for Service {
    async fn get_route(
        &self,
        request: Request<rollout::GetRouteRequest>,
    ) -> Result<Response<rollout::GetRouteResponse>, Status> {
        Ok(Response::new(self.call_get_route(&request.into_inner().model)?))
    }

    async fn set_route(
        &self,
        request: Request<rollout::SetRouteRequest>,
    ) -> Result<Response<rollout::SetRouteResponse>, Status> {
        Ok(Response::new(self.call_set_route(request.into_inner()).await?))
    }

    async fn get_status(
        &self,
        request: Request<rollout::GetStatusRequest>,
    ) -> Result<Response<rollout::GetStatusResponse>, Status> {
        Ok(Response::new(self.call_get_status(&request.into_inner().model)?))
    }

    type WatchRoutesStream = Pin<Box<dyn Stream<Item = Result<rollout::WatchRoutesResponse, Status>> + Send>>;

    async fn watch_routes(
        &self,
        _: Request<rollout::WatchRoutesRequest>,
    ) -> Result<Response<Self::WatchRoutesStream>, Status> {
        let watch = Watch::new(self.0.routing.table().subscribe());
        let changes = futures_util::stream::unfold(watch, |mut watch| async move {
            let route = watch.next().await?;
            let response = rollout::WatchRoutesResponse { route: Some(convert::route(&route)) };
            Some((Ok(response), watch))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

/// Turns the table into a sequence of routes: each one now, and again when it changes.
struct Watch {
    table: watch::Receiver<RouteMap>,
    sent: RouteMap,
    waiting: VecDeque<Arc<Route>>,
}

impl Watch {
    fn new(mut table: watch::Receiver<RouteMap>) -> Self {
        table.mark_changed();
        Self { table, sent: RouteMap::new(), waiting: VecDeque::new() }
    }

    /// Returns the next route, or `None` when the role stops.
    async fn next(&mut self) -> Option<Arc<Route>> {
        loop {
            if let Some(route) = self.waiting.pop_front() {
                return Some(route);
            }
            self.table.changed().await.ok()?;
            let table = self.table.borrow_and_update().clone();
            let changed = table.iter().filter(|(name, route)| self.sent.get(*name) != Some(*route));
            self.waiting = changed.map(|(_, route)| Arc::clone(route)).collect();
            self.sent = table;
        }
    }
}
