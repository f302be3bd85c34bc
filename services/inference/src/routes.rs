//! The routing table as this instance knows it: kept in the object store, mirrored on the local disk, watched by whoever asks.
//!
//! A change is a conditional write, so that two editors never overwrite each other unseen. When the store is away the last table that was read
//! goes on serving, also after a restart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use marquee_domain::{ModelName, Reason, Route};
use marquee_kit::{Failure, Kind};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition, Tag};
use tokio::sync::{Mutex, watch};

/// Every route, by model.
pub(crate) type Table = BTreeMap<ModelName, Arc<Route>>;

#[derive(Debug)]
pub(crate) struct Routes {
    objects: Arc<dyn ObjectStore>,
    table: watch::Sender<Table>,
    /// The mirror on this machine's disk.
    mirror: Option<PathBuf>,
    /// Reading the store and adopting what was read is one step: otherwise a table read before a change would take it back.
    adopting: Mutex<()>,
}

impl Routes {
    /// Starts with what the local disk holds.
    pub(crate) fn open(objects: Arc<dyn ObjectStore>, state_dir: &Path) -> Self {
        let mirror = (!state_dir.as_os_str().is_empty()).then(|| state_dir.join("routes.json"));
        let table = mirror.as_deref().and_then(read_mirror).unwrap_or_default();
        Self { objects, table: watch::Sender::new(table), mirror, adopting: Mutex::default() }
    }

    pub(crate) fn get(&self, model: &ModelName) -> Option<Arc<Route>> {
        self.table.borrow().get(model).cloned()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Table> {
        self.table.subscribe()
    }

    pub(crate) fn table(&self) -> Table {
        self.table.borrow().clone()
    }

    /// Reads what others changed.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let _one_at_a_time = self.adopting.lock().await;
        let mut read = Table::new();
        for entry in self.objects.list(Some(&key("routing")?)).await? {
            if let Some((route, _)) = self.read(&entry.key).await? {
                read.insert(route.model().clone(), Arc::new(route));
            }
        }
        self.adopt(read);
        Ok(())
    }

    /// Replaces a route: its revision becomes the present one + 1. `expected` 0 skips the check of the revision.
    pub(crate) async fn set(&self, route: Route, expected: u64) -> Result<Arc<Route>, Failure> {
        let _one_at_a_time = self.adopting.lock().await;
        let failed = |error: Error| Failure::unavailable("write the routing table", &error);
        let key = key(&format!("routing/{}.json", route.model())).map_err(failed)?;
        let present = self.read(&key).await.map_err(failed)?;
        let revision = present.as_ref().map_or(0, |(route, _)| route.revision());
        if expected != 0 && expected != revision {
            let message =
                format!("expected_revision is {expected}, but the route is at {revision}: read it and decide again");
            return Err(Failure::new(Kind::FailedPrecondition, message));
        }
        let route = Route::try_new(
            route.model().clone(),
            route.stable(),
            route.candidates().to_vec(),
            route.salt().clone(),
            revision + 1,
        )
        .map_err(|error| Failure::field("route", Reason::Malformed, error.to_string()))?;
        let precondition = present.map_or(Precondition::Absent, |(_, tag)| Precondition::Matches(tag));
        let json = serde_json::to_vec_pretty(&route).map_err(|error| Failure::internal("encode a route", &error))?;
        match self.objects.put(&key, Bytes::from(json), precondition).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => {
                return Err(Failure::new(
                    Kind::Aborted,
                    "somebody else changed the route first: read it and decide again",
                ));
            }
            Err(error) => return Err(failed(error)),
        }
        let route = self.adopt_one(route);
        tracing::info!(model = %route.model(), stable = %route.stable(), revision = route.revision(), "route changed");
        Ok(route)
    }

    /// Routes a model that nobody has routed yet; a route that is there, whoever set it, stands.
    pub(crate) async fn set_first(&self, route: Route) -> Result<(), Error> {
        let _one_at_a_time = self.adopting.lock().await;
        let key = key(&format!("routing/{}.json", route.model()))?;
        let encode = |error| Error::new(ErrorKind::Invalid, format!("encode the route in {key}"), error);
        let json = serde_json::to_vec_pretty(&route).map_err(encode)?;
        match self.objects.put(&key, Bytes::from(json), Precondition::Absent).await {
            Ok(_) => {
                let route = self.adopt_one(route);
                tracing::info!(model = %route.model(), stable = %route.stable(), "first version routed");
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                if let Some((present, _)) = self.read(&key).await? {
                    self.adopt_one(present);
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn read(&self, key: &ObjectKey) -> Result<Option<(Route, Tag)>, Error> {
        let Some(object) = self.objects.get(key).await? else { return Ok(None) };
        let route = serde_json::from_slice(&object.bytes)
            .map_err(|error| Error::new(ErrorKind::Corrupt, format!("read the route in {key}"), error))?;
        Ok(Some((route, object.tag)))
    }

    fn adopt_one(&self, route: Route) -> Arc<Route> {
        let route = Arc::new(route);
        let mut table = self.table();
        table.insert(route.model().clone(), Arc::clone(&route));
        self.adopt(table);
        route
    }

    fn adopt(&self, table: Table) {
        let changed = self.table.send_if_modified(|present| {
            let changed = *present != table;
            *present = table;
            changed
        });
        if changed && let Some(mirror) = &self.mirror {
            let routes: Vec<Route> = self.table.borrow().values().map(|route| Route::clone(route)).collect();
            if let Err(error) = write_mirror(mirror, &routes) {
                tracing::warn!(%error, path = %mirror.display(), "the routing table could not be mirrored");
            }
        }
    }
}

fn key(text: &str) -> Result<ObjectKey, Error> {
    ObjectKey::try_new(text).map_err(|error| Error::new(ErrorKind::Invalid, "name a routing object", error))
}

fn read_mirror(path: &Path) -> Option<Table> {
    let bytes = std::fs::read(path).ok()?;
    match serde_json::from_slice::<Vec<Route>>(&bytes) {
        Ok(routes) => Some(routes.into_iter().map(|route| (route.model().clone(), Arc::new(route))).collect()),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the mirrored routing table is unreadable and is left alone");
            None
        }
    }
}

fn write_mirror(path: &Path, routes: &[Route]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, serde_json::to_vec_pretty(routes)?)?;
    std::fs::rename(&beside, path)
}
