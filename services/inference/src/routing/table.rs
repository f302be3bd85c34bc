//! The wanted routing table: one object for each model in the object store.
//!
//! A change is a conditional write, so two editors never overwrite each other unseen. While the
//! store is away the last table that was read stays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use marquee_domain::{Clock, ModelName, Route, RouteError, Timestamp};
use marquee_ports::{
    Error, ErrorKind, NoTracker, ObjectKey, ObjectStore, Precondition, Tag, TrackedRoute, Tracker, TrackingEvent,
};
use thiserror::Error as ThisError;
use tokio::sync::watch;

use super::stored::StoredRoute;

/// Routes by model.
pub(crate) type RouteMap = BTreeMap<ModelName, Arc<Route>>;

/// Why a route was not changed.
#[derive(Debug, ThisError)]
pub(crate) enum SetError {
    #[error("expected_revision is {expected}, but the route is at {current}: read it and decide again")]
    Revision { expected: u64, current: u64 },
    #[error("another caller changed the route first: read it and decide again")]
    Conflict,
    #[error("write the routing table")]
    Store(#[source] Error),
}

/// Why the stored route of a model is not used.
#[derive(Debug, ThisError)]
enum Unreadable {
    #[error("the object is not the JSON of a route")]
    Json(#[source] serde_json::Error),
    #[error("the route is invalid")]
    Route(#[source] RouteError),
    #[error("the object holds the route of model '{0}'")]
    OtherModel(ModelName),
}

/// What the reads of the store found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// A read has ended, with a result or with an error.
    pub(crate) tried: bool,
    /// The store was read at least once.
    pub(crate) done: bool,
    /// Models whose stored route cannot be read, with the reason.
    pub(crate) unreadable: BTreeMap<ModelName, String>,
}

/// A stored route.
struct Found {
    stored: StoredRoute,
    route: Route,
    tag: Tag,
}

/// The wanted routing table.
#[derive(Debug)]
pub(crate) struct Table {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    /// Is told of every change that this instance makes.
    tracker: Arc<dyn Tracker>,
    routes: watch::Sender<RouteMap>,
    read_at: Mutex<Option<Timestamp>>,
    reading: watch::Sender<Reading>,
    /// Held from reading the store until the result is adopted. Otherwise a table that was read
    /// before a change could replace it afterwards.
    adopting: tokio::sync::Mutex<()>,
}

/// A change of a wanted route.
#[derive(Debug, Clone)]
pub(crate) struct RouteChange {
    /// The new route; its revision does not matter.
    pub(crate) route: Route,
    /// The revision that the change is based on; 0 skips the check.
    pub(crate) expected: u64,
    /// Takes the salt of the stored route, which may be newer than this instance's view of it. A
    /// salt from an old view would assign every user again.
    pub(crate) keep_salt: bool,
}

impl From<Route> for RouteChange {
    fn from(route: Route) -> Self {
        Self { route, expected: 0, keep_salt: false }
    }
}

impl Table {
    /// Creates the table with the routes that are used until the store is read.
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, start: RouteMap) -> Self {
        Self {
            objects,
            clock,
            tracker: Arc::new(NoTracker),
            routes: watch::Sender::new(start),
            read_at: Mutex::default(),
            reading: watch::Sender::default(),
            adopting: tokio::sync::Mutex::default(),
        }
    }

    /// Tells a tracker of every change that this instance makes.
    pub(crate) fn with_tracker(mut self, tracker: Arc<dyn Tracker>) -> Self {
        self.tracker = tracker;
        self
    }

    pub(crate) fn get(&self, model: &ModelName) -> Option<Arc<Route>> {
        self.routes.borrow().get(model).cloned()
    }

    pub(crate) fn routes(&self) -> RouteMap {
        self.routes.borrow().clone()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<RouteMap> {
        self.routes.subscribe()
    }

    /// Returns when the store was last read, or `None` if it was not read yet.
    pub(crate) fn read_at(&self) -> Option<Timestamp> {
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a receiver of what the reads of the store found out.
    pub(crate) fn reading(&self) -> watch::Receiver<Reading> {
        self.reading.subscribe()
    }

    /// Reads the whole table. A route that is unreadable does not spoil the others: the last route
    /// of that model stays.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let read = self.read_all().await;
        self.note_tried();
        read
    }

    fn note_tried(&self) {
        self.reading.send_if_modified(|reading| !std::mem::replace(&mut reading.tried, true));
    }

    async fn read_all(&self) -> Result<(), Error> {
        let _adopting = self.adopting.lock().await;
        let (mut routes, mut unreadable) = (RouteMap::new(), BTreeMap::new());
        for entry in self.objects.list(Some(&object_key("routing")?)).await? {
            let Some(model) = model_of(&entry.key) else { continue };
            match self.read(&model).await? {
                None => {}
                Some(Ok(found)) => drop(routes.insert(model, Arc::new(found.route))),
                Some(Err(error)) => {
                    routes.extend(self.get(&model).map(|last| (model.clone(), last)));
                    unreadable.insert(model, marquee_kit::chain(&error));
                }
            }
        }
        self.adopt(routes);
        *self.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
        self.reading.send_if_modified(|present| {
            let reading = Reading { tried: true, done: true, unreadable };
            let changed = *present != reading;
            if changed {
                for (model, reason) in &reading.unreadable {
                    tracing::error!(%model, reason, "the stored route is unreadable; the last one stays");
                }
                *present = reading;
            }
            changed
        });
        Ok(())
    }

    /// Replaces a route. Its revision becomes the current one plus one.
    pub(crate) async fn set(&self, change: RouteChange) -> Result<Arc<Route>, SetError> {
        let RouteChange { route, expected, keep_salt } = change;
        let _adopting = self.adopting.lock().await;
        let present = match self.read(route.model()).await.map_err(SetError::Store)? {
            Some(read) => Some(read.map_err(|error| SetError::Store(corrupt(route.model(), error)))?),
            None => None,
        };
        let current = present.as_ref().map_or(0, |found| found.route.revision());
        if expected != 0 && expected != current {
            // The caller may have been told an older revision by this instance.
            if let Some(found) = present {
                self.adopt_one(found.route);
            }
            return Err(SetError::Revision { expected, current });
        }
        let route = match &present {
            Some(found) if keep_salt => route.with_salt(found.route.salt().clone()),
            _ => route,
        };
        let route = route.with_revision(current + 1);
        let (stored, precondition) = match present {
            Some(found) => (found.stored.replaced_by(&route), Precondition::Matches(found.tag)),
            None => (StoredRoute::new(&route), Precondition::Absent),
        };
        match self.write(route.model(), &stored, precondition).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => return Err(SetError::Conflict),
            Err(error) => return Err(SetError::Store(error)),
        }
        let route = self.adopt_one(route);
        self.track(&route);
        tracing::info!(model = %route.model(), stable = %route.stable(), revision = route.revision(), "route changed");
        Ok(route)
    }

    /// Routes a model that has no route yet. A route that is there already stays.
    pub(crate) async fn set_first(&self, route: Route) -> Result<(), Error> {
        let _adopting = self.adopting.lock().await;
        match self.write(route.model(), &StoredRoute::new(&route), Precondition::Absent).await {
            Ok(()) => {
                let route = self.adopt_one(route);
                self.track(&route);
                tracing::info!(model = %route.model(), stable = %route.stable(), "first version routed");
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                if let Some(Ok(present)) = self.read(route.model()).await? {
                    self.adopt_one(present.route);
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Tells the tracker of a route that this instance has written. The version on trial is the
    /// first candidate, or the first version that is only kept warm.
    fn track(&self, route: &Route) {
        let candidate = route.candidates().first().map(|candidate| candidate.version);
        self.tracker.record(TrackingEvent::RouteMoved(TrackedRoute {
            model: route.model().clone(),
            stable: route.stable(),
            candidate: candidate.or(route.shadow().first().copied()),
            revision: route.revision(),
        }));
    }

    async fn read(&self, model: &ModelName) -> Result<Option<Result<Found, Unreadable>>, Error> {
        let Some(object) = self.objects.get(&route_key(model)?).await? else { return Ok(None) };
        let parse = || {
            let stored: StoredRoute = serde_json::from_slice(&object.bytes).map_err(Unreadable::Json)?;
            let route = stored.route().map_err(Unreadable::Route)?;
            match route.model() == model {
                true => Ok(Found { stored, route, tag: object.tag.clone() }),
                false => Err(Unreadable::OtherModel(route.model().clone())),
            }
        };
        Ok(Some(parse()))
    }

    async fn write(&self, model: &ModelName, route: &StoredRoute, precondition: Precondition) -> Result<(), Error> {
        let encode = |error| Error::new(ErrorKind::Invalid, format!("encode the route of model '{model}'"), error);
        let json = serde_json::to_vec_pretty(route).map_err(encode)?;
        self.objects.put(&route_key(model)?, Bytes::from(json), precondition).await.map(drop)
    }

    /// Uses a route that was just written or read.
    fn adopt_one(&self, route: Route) -> Arc<Route> {
        let route = Arc::new(route);
        let mut routes = self.routes();
        routes.insert(route.model().clone(), Arc::clone(&route));
        self.adopt(routes);
        self.note_tried();
        route
    }

    fn adopt(&self, routes: RouteMap) {
        self.routes.send_if_modified(|present| {
            let changed = *present != routes;
            *present = routes;
            changed
        });
    }
}

fn object_key(text: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(text).map_err(|error| Error::new(ErrorKind::Invalid, "name a routing object", error))
}

fn route_key(model: &ModelName) -> Result<ObjectKey, Error> {
    object_key(&format!("routing/{model}.json"))
}

/// Returns the model whose route an object holds, or `None` for an object that is not a route.
fn model_of(key: &ObjectKey) -> Option<ModelName> {
    ModelName::try_new(key.as_str().strip_prefix("routing/")?.strip_suffix(".json")?).ok()
}

fn corrupt(model: &ModelName, error: Unreadable) -> Error {
    Error::new(ErrorKind::Corrupt, format!("read the route of model '{model}'"), error)
}

#[cfg(test)]
mod tests {
    use marquee_domain::{SystemClock, Version};

    use super::*;
    use crate::testing::{SwitchedObjects, name, route, shadowed};

    /// A tracker that keeps the routes that it gets.
    #[derive(Debug, Default)]
    struct Routes(Mutex<Vec<TrackedRoute>>);

    impl Tracker for Routes {
        fn record(&self, event: TrackingEvent) {
            if let TrackingEvent::RouteMoved(route) = event {
                self.0.lock().expect("a lock").push(route);
            }
        }
    }

    #[tokio::test]
    async fn the_tracker_learns_of_each_change_from_the_instance_that_made_it() {
        let objects = Arc::new(SwitchedObjects::default());
        let table = |tracker: &Arc<Routes>| {
            let tracker = Arc::clone(tracker) as Arc<dyn Tracker>;
            Table::new(objects.clone(), Arc::new(SystemClock), RouteMap::new()).with_tracker(tracker)
        };
        let (heard, other_heard) = (Arc::<Routes>::default(), Arc::<Routes>::default());
        let (writer, other) = (table(&heard), table(&other_heard));
        writer.set_first(route(1, &[])).await.expect("written");
        other.set_first(route(1, &[])).await.expect("found");
        writer.set(route(1, &[(2, 500)]).into()).await.expect("written");
        writer.set(shadowed(2, &[], &[3]).into()).await.expect("written");
        let late = RouteChange { route: route(1, &[]), expected: 1, keep_salt: false };
        writer.set(late).await.expect_err("refused");
        other.refresh().await.expect("read");
        let moved = |stable, candidate: Option<u64>, revision| TrackedRoute {
            model: name(),
            stable: Version(stable),
            candidate: candidate.map(Version),
            revision,
        };
        assert_eq!(*heard.0.lock().expect("a lock"), [moved(1, None, 1), moved(1, Some(2), 2), moved(2, Some(3), 3)]);
        assert!(other_heard.0.lock().expect("a lock").is_empty(), "it only follows");
    }
}
