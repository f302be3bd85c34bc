//! A fleet in memory for tests: instances that follow a routing table at once, and a monitor that
//! reports what the test says.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::Stream;
use marquee_domain::{ModelName, Version};
use marquee_kit::Transport;
use marquee_proto::rollout::v1 as pb;
use marquee_proto::rollout::v1::routing_server::{Routing, RoutingServer};
use marquee_rollout::{LossSums, PairObservation, PairSums};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::{Endpoint, Evidence, Instances, Unreachable};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The wanted route of the model `ratings`, which instances share. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Table(Arc<watch::Sender<Option<pb::Route>>>);

impl Table {
    /// Returns a table whose route sends all users to a version.
    pub fn routed_to(stable: u64, revision: u64) -> Self {
        let table = Self::default();
        table.set(route(stable, revision));
        table
    }

    /// Returns the route.
    pub fn route(&self) -> Option<pb::Route> {
        self.0.borrow().clone()
    }

    /// Replaces the route, as another writer would.
    pub fn set(&self, route: pb::Route) {
        self.0.send_replace(Some(route));
    }

    /// Returns the share of users of a version, in basis points.
    pub fn weight(&self, version: u64) -> u32 {
        weight(self.route().as_ref(), version)
    }

    /// Returns a receiver of every change.
    pub fn subscribe(&self) -> watch::Receiver<Option<pb::Route>> {
        self.0.subscribe()
    }

    /// Waits until a version has a share of users, in basis points.
    pub async fn wait_for_weight(&self, version: u64, points: u32) {
        let mut routes = self.subscribe();
        // The table itself keeps the sender, so the wait does not fail.
        let _ = routes.wait_for(|route| weight(route.as_ref(), version) == points).await;
    }
}

/// Returns the share of users of a version in a route, in basis points.
fn weight(route: Option<&pb::Route>, version: u64) -> u32 {
    route.and_then(super::wire::route).map_or(0, |route| route.weight(Version(version)))
}

/// Returns a route of the model `ratings` that sends all users to a version.
pub fn route(stable: u64, revision: u64) -> pb::Route {
    let salt = "ratings".to_owned();
    pb::Route { model: "ratings".to_owned(), stable, salt, revision, ..pb::Route::default() }
}

/// An inference instance whose effective route is the wanted one. Clones share it.
#[derive(Debug, Clone)]
pub struct Instance {
    table: Table,
    state: Arc<Mutex<State>>,
}

/// What happens before an instance answers a call.
#[async_trait]
pub trait Gate: Debug + Send + Sync {
    /// Returns when the call may be answered.
    async fn pass(&self);
}

/// What an instance does.
#[derive(Debug, Default)]
pub struct State {
    /// The versions with their states.
    pub versions: BTreeMap<u64, pb::VersionState>,
    /// Calls are never answered.
    pub hangs: bool,
    /// The answer to changes of the route, instead of the change.
    pub refusal: Option<Status>,
    /// The route that the instance reports, if it has not read the table yet.
    pub stale: Option<pb::Route>,
    /// Every call passes it first.
    pub gate: Option<Arc<dyn Gate>>,
}

impl Instance {
    /// Returns an instance on which these versions are warm.
    pub fn new(table: &Table, versions: &[u64]) -> Self {
        let versions = versions.iter().map(|version| (*version, pb::VersionState::Warm)).collect();
        Self { table: table.clone(), state: Arc::new(Mutex::new(State { versions, ..State::default() })) }
    }

    /// Returns what the instance does, for a change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Returns a transport to the instance.
    pub fn transport(&self) -> Transport {
        Transport::in_process(RoutingServer::new(self.clone()))
    }

    /// Returns the instance as an endpoint with a name.
    pub fn endpoint(&self, name: &str) -> Endpoint {
        Endpoint { name: name.to_owned(), ready: true, transport: self.transport() }
    }

    /// Refuses changes of the route with a reason, or makes them again.
    pub fn refuse(&self, why: Option<&str>) {
        self.state().refusal = why.map(Status::failed_precondition);
    }

    async fn answer(&self) {
        let gate = self.state().gate.clone();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let hangs = self.state().hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
    }

    fn report(&self) -> pb::RoutingStatus {
        let state = self.state();
        let route = state.stale.clone().or_else(|| self.table.route());
        let version = |(version, state): (&u64, &pb::VersionState)| pb::VersionStatus {
            version: *version,
            state: (*state).into(),
            ..pb::VersionStatus::default()
        };
        let model = pb::ModelStatus {
            model: "ratings".to_owned(),
            wanted: route.clone(),
            effective: route,
            versions: state.versions.iter().map(version).collect(),
            ..pb::ModelStatus::default()
        };
        pb::RoutingStatus {
            models: vec![model],
            table_read_at: Some(marquee_proto::Timestamp { seconds: 1, nanos: 0 }),
            incarnation: "first".to_owned(),
            ..pb::RoutingStatus::default()
        }
    }
}

#[async_trait]
impl Routing for Instance {
    async fn get_route(&self, _: Request<pb::GetRouteRequest>) -> Result<Response<pb::GetRouteResponse>, Status> {
        Ok(Response::new(pb::GetRouteResponse { route: self.table.route() }))
    }

    async fn set_route(&self, request: Request<pb::SetRouteRequest>) -> Result<Response<pb::SetRouteResponse>, Status> {
        self.answer().await;
        if let Some(refusal) = &self.state().refusal {
            return Err(refusal.clone());
        }
        let request = request.into_inner();
        let mut refused = None;
        self.table.0.send_if_modified(|table| {
            let current = table.as_ref().map_or(0, |route| route.revision);
            if request.expected_revision != 0 && request.expected_revision != current {
                refused = Some(Status::aborted(format!("the route is at {current}")));
                return false;
            }
            *table = request.route.map(|route| pb::Route { revision: current + 1, ..route });
            true
        });
        match refused {
            Some(refused) => Err(refused),
            None => Ok(Response::new(pb::SetRouteResponse { route: self.table.route() })),
        }
    }

    type WatchRoutesStream = Pin<Box<dyn Stream<Item = Result<pb::WatchRoutesResponse, Status>> + Send>>;

    async fn watch_routes(
        &self,
        _: Request<pb::WatchRoutesRequest>,
    ) -> Result<Response<Self::WatchRoutesStream>, Status> {
        Err(Status::unimplemented("the instances of tests have no streams"))
    }

    async fn get_status(&self, _: Request<pb::GetStatusRequest>) -> Result<Response<pb::GetStatusResponse>, Status> {
        self.answer().await;
        Ok(Response::new(pb::GetStatusResponse { status: Some(self.report()) }))
    }
}

/// The instances of a fleet. An empty list counts as one that cannot be read.
#[derive(Debug, Clone)]
pub struct Fleet(pub Vec<Endpoint>);

#[async_trait]
impl Instances for Fleet {
    async fn list(&self) -> Result<Vec<Endpoint>, Unreachable> {
        match self.0.is_empty() {
            true => Err(Unreachable::new("the list is away")),
            false => Ok(self.0.clone()),
        }
    }
}

/// A monitor that reports what the test says. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Duels(Arc<Mutex<Figures>>);

#[derive(Debug, Default)]
struct Figures {
    asked: Vec<(u64, u64)>,
    ratings: u64,
    difference: f64,
    away: bool,
}

impl Duels {
    /// Adds ratings whose squared errors differ by this on average, in square stars. The candidate
    /// is worse if the difference is above 0.
    pub fn add(&self, ratings: u64, difference: f64) {
        let mut figures = lock(&self.0);
        figures.ratings += ratings;
        figures.difference += difference * ratings as f64;
    }

    /// Sets whether the monitor does not answer.
    pub fn set_away(&self, away: bool) {
        lock(&self.0).away = away;
    }

    /// Returns the pairs that were asked for, the oldest first.
    pub fn asked(&self) -> Vec<(u64, u64)> {
        lock(&self.0).asked.clone()
    }
}

#[async_trait]
impl Evidence for Duels {
    async fn duel(
        &self,
        _: &ModelName,
        stable: Version,
        candidate: Version,
    ) -> Result<Option<PairObservation>, Unreachable> {
        let mut figures = lock(&self.0);
        figures.asked.push((stable.0, candidate.0));
        if figures.away {
            return Err(Unreachable::new("no monitor answers"));
        }
        let ratings = figures.ratings as f64;
        // Differences vary by half a square star around their mean.
        let spread = figures.difference * figures.difference / ratings.max(1.0) + 0.25 * ratings;
        let squared = LossSums {
            ratings: figures.ratings,
            stable: ratings,
            candidate: ratings + figures.difference,
            difference: figures.difference,
            difference_squares: spread,
        };
        let sums = PairSums { squared, ..PairSums::default() };
        let slices = BTreeMap::from([(PairObservation::ALL.to_owned(), sums)]);
        Ok((figures.ratings > 0).then_some(PairObservation { stable, candidate, slices }))
    }
}
