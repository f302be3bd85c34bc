//! Starts the role, keeps it current, and serves its three gRPC services.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::Stream;
use marquee_domain::{BasisPoints, Candidate, ModelName, Reason, Route, RouteError, Salt, UserId, Version};
use marquee_kit::{Check, Context, Failure, Kind, Stop, Transport, chain};
use marquee_model::{Manifest, ModelStore, VerifyingKey};
use marquee_onnx::Runtime;
use marquee_ports::ObjectStore;
use marquee_proto::convert;
use marquee_proto::prediction::v1::{self as pb, models_server, predictions_server};
use marquee_proto::rollout::v1::{self as rollout, routing_server};
use thiserror::Error;
use tonic::{Request, Response, Status};

use crate::cache::Cache;
use crate::histories::Histories;
use crate::library::{Held, Key, Library};
use crate::loaded::State;
use crate::metrics::Meters;
use crate::routes::{Routes, Table};
use crate::settings::Settings;

/// The role could not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The default model's name is none.
    #[error("inference.default_model {0}")]
    DefaultModel(marquee_domain::IdError),
}

/// What inference needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// Where model packages and the routing table are.
    pub objects: Arc<dyn ObjectStore>,
    /// Calls of the feature stores; at least one.
    pub features: Vec<Transport>,
    /// ONNX Runtime.
    pub runtime: Runtime,
    /// Packages must carry a signature of this key. None: signatures are not checked, digests are.
    pub verifying_key: Option<VerifyingKey>,
}

type StateKey = (UserId, ModelName, Version, u64);

/// The inference role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    default_model: ModelName,
    store: ModelStore,
    library: Library,
    routes: Routes,
    histories: Histories,
    states: Cache<StateKey, State>,
    meters: Meters,
}

impl Service {
    /// Starts following the model store and the routing table; ready once every routed version is loaded and warm.
    pub async fn start(settings: Settings, dependencies: Dependencies, context: &Context) -> Result<Self, Error> {
        let default_model = ModelName::try_new(&settings.default_model).map_err(Error::DefaultModel)?;
        let Dependencies { objects, features, runtime, verifying_key } = dependencies;
        let store = ModelStore::new(Arc::clone(&objects));
        let service = Self(Arc::new(Inner {
            default_model,
            library: Library::new(store.clone(), runtime, verifying_key, settings.clone()),
            store,
            routes: Routes::open(objects, &settings.state_dir),
            histories: Histories::new(features, settings.feature_deadline, settings.histories),
            states: Cache::new(settings.states),
            meters: Meters::register(&context.metrics),
            settings,
        }));
        let check = context.health.check("marquee.prediction.v1.Predictions");
        context.tasks.spawn("inference-refresh", service.clone().keep_current(check, context.stop.clone()));
        Ok(service)
    }

    /// The gRPC server of predictions.
    pub fn predictions(&self) -> predictions_server::PredictionsServer<Self> {
        predictions_server::PredictionsServer::new(self.clone()).max_encoding_message_size(64 << 20)
    }

    /// The gRPC server of models.
    pub fn models(&self) -> models_server::ModelsServer<Self> {
        models_server::ModelsServer::new(self.clone())
    }

    /// The gRPC server of the routing table.
    pub fn routing(&self) -> routing_server::RoutingServer<Self> {
        routing_server::RoutingServer::new(self.clone())
    }

    /// The same over HTTP as JSON.
    pub fn http(&self) -> axum::Router {
        crate::http::routes(self.clone())
    }

    pub(crate) fn library(&self) -> &Library {
        &self.0.library
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.0.routes
    }

    pub(crate) fn histories(&self) -> &Histories {
        &self.0.histories
    }

    pub(crate) fn states(&self) -> &Cache<StateKey, State> {
        &self.0.states
    }

    pub(crate) fn meters(&self) -> &Meters {
        &self.0.meters
    }

    pub(crate) fn model_name(&self, text: &str) -> Result<ModelName, Failure> {
        if text.is_empty() {
            return Ok(self.0.default_model.clone());
        }
        ModelName::try_new(text).map_err(|error| Failure::field("model", convert::id_reason(error), error.to_string()))
    }

    async fn keep_current(self, check: Check, stop: Stop) -> Result<(), std::convert::Infallible> {
        loop {
            match self.refresh().await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(error = chain(&error), "the model store is away: serving what is loaded");
                }
            }
            match self.missing() {
                None => check.ready(),
                Some((name, version)) => check.not_ready(self.not_loaded(&name, version)),
            }
            tokio::select! {
                () = tokio::time::sleep(self.0.settings.refresh) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    async fn refresh(&self) -> Result<(), marquee_ports::Error> {
        let routes = self.routes().refresh().await;
        self.library().refresh(&routed(&self.routes().table())).await?;
        routes?;
        if self.0.settings.route_first {
            self.route_first().await;
        }
        Ok(())
    }

    /// Says that a version is not loaded, and why if that is known.
    pub(crate) fn not_loaded(&self, name: &ModelName, version: Version) -> String {
        match self.library().refusal(name, version) {
            Some(why) => format!("version {version} of model '{name}' was refused: {why}"),
            None => format!("version {version} of model '{name}' is not loaded yet"),
        }
    }

    /// The stable version that a route names and this instance has not loaded.
    fn missing(&self) -> Option<Key> {
        let stable = |route: Arc<Route>| (route.model().clone(), route.stable());
        self.routes()
            .table()
            .into_values()
            .map(stable)
            .find(|(name, version)| self.library().ready(name, *version).is_none())
    }

    /// A model that has a ready version and no route yet goes to its oldest ready version.
    async fn route_first(&self) {
        let mut seen: BTreeSet<ModelName> = self.routes().table().into_keys().collect();
        for ((name, version), held) in self.library().all() {
            let Some(Held::Ready(_)) = held else { continue };
            if !seen.insert(name.clone()) {
                continue;
            }
            let Ok(salt) = Salt::try_new(name.as_str()) else { continue };
            let Ok(route) = Route::try_new(name.clone(), version, Vec::new(), salt, 1) else { continue };
            if let Err(error) = self.routes().set_first(route).await {
                tracing::warn!(model = %name, %version, error = chain(&error), "the first version could not be routed");
            }
        }
    }

    pub(crate) fn route(&self, model: &str) -> Result<rollout::Route, Failure> {
        let name = self.model_name(model)?;
        match self.routes().get(&name) {
            Some(route) => Ok(wire_route(&route)),
            None => Err(Failure::new(Kind::NotFound, format!("no version of model '{name}' is routed yet"))),
        }
    }

    pub(crate) async fn set_route(&self, request: rollout::SetRouteRequest) -> Result<rollout::Route, Failure> {
        let Some(wire) = request.route else {
            return Err(Failure::field("route", Reason::Missing, "is missing: give a route"));
        };
        let name = self.model_name(&wire.model)?;
        let wrong = |field: &str, error: RouteError| Failure::field(field, Reason::Malformed, error.to_string());
        let present = self.routes().get(&name);
        let salt = match (wire.salt.as_str(), &present) {
            ("", Some(present)) => present.salt().clone(),
            ("", None) => Salt::try_new(name.as_str()).map_err(|error| wrong("route.salt", error))?,
            (text, _) => Salt::try_new(text).map_err(|error| wrong("route.salt", error))?,
        };
        let mut candidates = Vec::with_capacity(wire.candidates.len().min(16));
        for (index, candidate) in wire.candidates.iter().enumerate() {
            let field = format!("route.candidates[{index}].weight");
            let weight = BasisPoints::try_new(candidate.weight).map_err(|error| wrong(&field, error))?;
            candidates.push(Candidate { version: Version(candidate.version), weight });
        }
        let route = Route::try_new(name.clone(), Version(wire.stable), candidates, salt, 1)
            .map_err(|error| wrong("route", error))?;
        for version in route.versions() {
            if self.library().ready(&name, version).is_none() {
                let message = format!(
                    "version {version} of model '{name}' is not ready here: load it with LoadModel, or wait for it"
                );
                return Err(Failure::new(Kind::FailedPrecondition, message));
            }
        }
        Ok(wire_route(&*self.routes().set(route, request.expected_revision).await?))
    }

    pub(crate) async fn list_models(&self, model: &str) -> Result<pb::ListModelsResponse, Failure> {
        let only = if model.is_empty() { None } else { Some(self.model_name(model)?) };
        let mut versions = Vec::new();
        for ((name, version), held) in self.library().all() {
            if only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            versions.push(self.describe(&name, version, held).await);
        }
        Ok(pb::ListModelsResponse { versions })
    }

    async fn describe(&self, name: &ModelName, version: Version, held: Option<Held>) -> pb::ModelVersion {
        let weight = self.routes().get(name).map_or(0, |route| route.weight(version));
        let mut shown = pb::ModelVersion {
            model: name.as_str().to_owned(),
            version: version.0,
            state: pb::ModelState::Stored as i32,
            weight,
            ..pb::ModelVersion::default()
        };
        match &held {
            Some(Held::Ready(loaded)) => {
                shown.state = pb::ModelState::Ready as i32;
                shown.digest = loaded.digest.clone();
                shown.verified = loaded.verified;
                shown.answered = loaded.answered.load(Ordering::Relaxed);
                shown.failed = loaded.failed.load(Ordering::Relaxed);
                show_manifest(&mut shown, &loaded.manifest);
                return shown;
            }
            Some(Held::Loading) => shown.state = pb::ModelState::Loading as i32,
            Some(Held::Failed(error)) => {
                shown.state = pb::ModelState::Failed as i32;
                shown.reason = chain(&**error);
            }
            None => {}
        }
        if let Ok(Some(bytes)) = self.0.store.manifest(name, version).await
            && let Ok(manifest) = Manifest::parse(&bytes)
        {
            show_manifest(&mut shown, &manifest);
        }
        shown
    }
}

/// Every version that a route may ask for.
fn routed(table: &Table) -> BTreeSet<Key> {
    table.values().flat_map(|route| route.versions().map(|version| (route.model().clone(), version))).collect()
}

fn show_manifest(shown: &mut pb::ModelVersion, manifest: &Manifest) {
    let metric = |name: &str| manifest.metrics.get(name).copied().unwrap_or(0.0);
    shown.algorithm = manifest.algorithm.clone();
    // The JSON form of a wire timestamp is RFC 3339, as the manifest's.
    shown.created_at = serde_json::from_value(manifest.created_at.clone().into()).ok();
    shown.rmse = metric("rmse");
    shown.mae = metric("mae");
    shown.train_seconds = manifest.train_seconds;
}

fn wire_route(route: &Route) -> rollout::Route {
    rollout::Route {
        model: route.model().as_str().to_owned(),
        stable: route.stable().0,
        candidates: route
            .candidates()
            .iter()
            .map(|candidate| rollout::Candidate { version: candidate.version.0, weight: candidate.weight.get() })
            .collect(),
        salt: route.salt().as_str().to_owned(),
        revision: route.revision(),
    }
}

#[tonic::async_trait]
impl predictions_server::Predictions for Service {
    async fn predict(&self, request: Request<pb::PredictRequest>) -> Result<Response<pb::PredictResponse>, Status> {
        Ok(Response::new(Service::predict(self, request.into_inner()).await?))
    }

    async fn recommend(
        &self,
        request: Request<pb::RecommendRequest>,
    ) -> Result<Response<pb::RecommendResponse>, Status> {
        Ok(Response::new(Service::recommend(self, request.into_inner()).await?))
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        Ok(Response::new(Service::explain(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl models_server::Models for Service {
    async fn list_models(
        &self,
        request: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        Ok(Response::new(Service::list_models(self, &request.into_inner().model).await?))
    }

    async fn load_model(
        &self,
        request: Request<pb::LoadModelRequest>,
    ) -> Result<Response<pb::LoadModelResponse>, Status> {
        let request = request.into_inner();
        let (name, version) = (self.model_name(&request.model)?, Version(request.version));
        let loaded = self.library().ask(&name, version).await.map_err(|error| {
            let message = format!("version {version} of model '{name}' was not loaded: {}", chain(&*error));
            Failure::new(Kind::FailedPrecondition, message)
        })?;
        if self.0.settings.route_first {
            self.route_first().await;
        }
        let version = self.describe(&name, version, Some(Held::Ready(loaded))).await;
        Ok(Response::new(pb::LoadModelResponse { version: Some(version) }))
    }
}

#[tonic::async_trait]
impl routing_server::Routing for Service {
    async fn get_route(
        &self,
        request: Request<rollout::GetRouteRequest>,
    ) -> Result<Response<rollout::GetRouteResponse>, Status> {
        let route = self.route(&request.into_inner().model)?;
        Ok(Response::new(rollout::GetRouteResponse { route: Some(route) }))
    }

    async fn set_route(
        &self,
        request: Request<rollout::SetRouteRequest>,
    ) -> Result<Response<rollout::SetRouteResponse>, Status> {
        let route = Service::set_route(self, request.into_inner()).await?;
        Ok(Response::new(rollout::SetRouteResponse { route: Some(route) }))
    }

    type WatchRoutesStream = Pin<Box<dyn Stream<Item = Result<rollout::WatchRoutesResponse, Status>> + Send>>;

    async fn watch_routes(
        &self,
        _: Request<rollout::WatchRoutesRequest>,
    ) -> Result<Response<Self::WatchRoutesStream>, Status> {
        let mut table = self.routes().watch();
        table.mark_changed();
        let start = (table, Table::new(), Vec::new());
        let changes = futures_util::stream::unfold(start, |(mut table, mut sent, mut waiting)| async move {
            loop {
                if let Some(route) = waiting.pop() {
                    let answer = rollout::WatchRoutesResponse { route: Some(route) };
                    return Some((Ok(answer), (table, sent, waiting)));
                }
                table.changed().await.ok()?;
                let present = table.borrow_and_update().clone();
                waiting = present
                    .iter()
                    .filter(|(name, route)| sent.get(*name) != Some(*route))
                    .map(|(_, route)| wire_route(route))
                    .collect();
                sent = present;
            }
        });
        Ok(Response::new(Box::pin(changes)))
    }
}
