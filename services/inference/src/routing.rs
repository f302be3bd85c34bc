//! Routing on one instance: follows the wanted table, loads what it names, and lets a route answer
//! once all its versions are warm.
//!
//! Three tasks run side by side (`follow`): one reads the routing table, one lists the model store,
//! one computes the effective table whenever the table or a version changed. None of them loads
//! models, so a load never delays a route change.

mod effective;
mod follow;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod mirror;
mod status;
mod stored;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use marquee_domain::{Clock, ModelName, Route, RouteSpec, Salt, UserId, Variant};
use marquee_kit::chain;
use thiserror::Error;
use tokio::sync::watch;

pub(crate) use follow::Follow;
pub(crate) use mirror::Mirror;
pub(crate) use status::{ModelStatus, Status, VersionStatus};
pub(crate) use table::{RouteChange, RouteMap, SetError, Table};

use crate::metrics::{ModelLabel, RoutingMetrics};
use crate::model::Model;
use crate::repository::{Key, LoadError, Repository, VersionState};
use effective::{EffectiveMap, Inputs};

/// Why no version answers a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unrouted {
    #[error(
        "no version of model '{0}' is routed: train one, or route one of its versions (`marquee route set`, or \
         SetRoute)"
    )]
    NoRoute(ModelName),
    /// The wanted route exists, and no route is effective yet.
    #[error("{reason}: try again")]
    NotWarm { model: ModelName, version: u64, variant: &'static str, reason: String },
}

/// Why a version must not be routed.
#[derive(Debug, Error)]
pub(crate) enum Unroutable {
    #[error(
        "version {} of model '{}' does not exist: look up its versions (`marquee models`, or ListModels)",
        .key.1, .key.0
    )]
    NotFound { key: Key },
    #[error(
        "version {} of model '{}' failed here: {reason}: repair the package and load it again \
         (`marquee models load`, or LoadModel), or route another version",
        .key.1, .key.0
    )]
    Failed { key: Key, reason: String },
    #[error("check version {} of model '{}' in the model store", .key.1, .key.0)]
    Unchecked { key: Key, source: LoadError },
}

/// What routing needs.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) table: Table,
    pub(crate) repository: Arc<Repository>,
    pub(crate) mirror: Option<Mirror>,
    /// What the mirror held at the start.
    pub(crate) remembered: RouteMap,
    pub(crate) metrics: RoutingMetrics,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The routes of one instance.
#[derive(Debug)]
pub(crate) struct Routing {
    parts: Parts,
    effective: watch::Sender<EffectiveMap>,
    /// Held while the effective table is computed and the repository is told what is needed, so
    /// that no version is unloaded between the two.
    deciding: Mutex<()>,
}

impl Routing {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts, effective: watch::Sender::default(), deciding: Mutex::default() })
    }

    /// Returns the wanted table.
    pub(crate) fn table(&self) -> &Table {
        &self.parts.table
    }

    /// Returns the model that answers a user, and the user's side.
    pub(crate) fn assign(&self, name: &ModelName, user: &UserId) -> Result<(Arc<Model>, Variant), Unrouted> {
        if let Some(effective) = self.effective.borrow().get(name) {
            return Ok(effective.assign(user));
        }
        let Some(wanted) = self.parts.table.get(name) else { return Err(Unrouted::NoRoute(name.clone())) };
        let (version, variant) = wanted.assign(user);
        Err(Unrouted::NotWarm {
            model: name.clone(),
            version: version.0,
            variant: variant.as_str(),
            reason: self.pending(&wanted).unwrap_or_else(|| "the route becomes effective now".to_owned()),
        })
    }

    /// Returns whether a model has an effective route.
    pub(crate) fn is_effective(&self, name: &ModelName) -> bool {
        self.effective.borrow().contains_key(name)
    }

    /// Computes the effective table and tells the repository what is needed.
    ///
    /// **Invariant:** a version that an effective route names is never unloaded
    /// (`tests::versions_of_the_effective_route_stay_while_the_wanted_ones_load`).
    ///
    /// **Invariant:** the copy on the local disk answers only after the object store was asked
    /// (`tests::after_a_restart_the_copy_answers_only_if_the_table_cannot_be_read`).
    pub(crate) fn settle(&self) {
        let _deciding = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let Parts { table, repository, remembered, .. } = &self.parts;
        // At the start the wanted table is a copy, which may be older than what answers elsewhere.
        // This comes before the table, which is read before it is noted.
        let is_read = table.reading().borrow().tried;
        let (wanted, current) = (table.routes(), self.effective.borrow().clone());
        let inputs = Inputs { wanted: &wanted, current: &current, remembered, now: self.parts.clock.now() };
        let next = match is_read {
            true => effective::decide(&inputs, |key| repository.warm(key)),
            false => current.clone(),
        };
        repository.retain(&effective::needed(&wanted, &next, remembered));
        self.measure(&wanted, &current, &next);
        self.effective.send_if_modified(|effective| {
            let same = effective.len() == next.len()
                && effective.iter().all(|(name, one)| next.get(name).is_some_and(|other| Arc::ptr_eq(one, other)));
            *effective = next;
            !same
        });
    }

    /// Sets the gauges, and logs the routes that became effective.
    fn measure(&self, wanted: &RouteMap, current: &EffectiveMap, next: &EffectiveMap) {
        let names: BTreeSet<&ModelName> = wanted.keys().chain(current.keys()).collect();
        for name in names {
            let label = ModelLabel { model: name.as_str().to_owned() };
            let revision = |route: Option<&Arc<Route>>| route.map_or(0, |route| route.revision().cast_signed());
            let effective = next.get(name).map(|effective| &effective.route);
            self.parts.metrics.wanted_revision.get_or_create(&label).set(revision(wanted.get(name)));
            self.parts.metrics.effective_revision.get_or_create(&label).set(revision(effective));
            let before = current.get(name).map(|effective| &effective.route);
            if let Some(route) = effective
                && before != Some(route)
            {
                tracing::info!(model = %name, revision = route.revision(), stable = %route.stable(), "route effective");
            }
        }
    }

    /// Says which versions of a route are not warm, or returns `None` if all are.
    fn pending(&self, route: &Route) -> Option<String> {
        let key = |version| (route.model().clone(), version);
        let cold = route.versions().map(key).filter(|key| self.parts.repository.warm(key).is_none());
        let reasons: Vec<String> = cold.map(|key| self.parts.repository.explain(&key)).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Says why this instance is not ready, or returns `None` if it is: it has a table, and each
    /// model with a wanted route has an effective one.
    pub(crate) fn not_ready(&self) -> Option<String> {
        let (wanted, reading) = (self.parts.table.routes(), self.parts.table.reading().borrow().clone());
        if !reading.tried || !reading.done && wanted.is_empty() {
            return Some("the routing table was not read yet".to_owned());
        }
        let effective = self.effective.borrow();
        let unreadable = reading.unreadable.into_iter().map(|(name, reason)| {
            let reason = format!("the route of model '{name}' cannot be read: {reason}");
            (name, reason)
        });
        let cold = wanted.into_iter().filter_map(|(name, route)| Some((name, self.pending(&route)?)));
        unreadable.chain(cold).find(|(name, _)| !effective.contains_key(name)).map(|(_, reason)| reason)
    }

    /// Replaces the wanted route of a model.
    pub(crate) async fn set(&self, change: RouteChange) -> Result<Arc<Route>, SetError> {
        let route = self.parts.table.set(change).await?;
        // Now and not in the task, so that the caller's next request is answered by the new route
        // if its versions are warm.
        self.settle();
        Ok(route)
    }

    /// Checks that every version of a route is loaded or can be loaded. Instances only follow the
    /// table, so a version need not be warm here, but it must exist and verify.
    pub(crate) async fn check(&self, route: &Route) -> Result<(), Unroutable> {
        for version in route.versions() {
            let key = (route.model().clone(), version);
            match self.parts.repository.state(&key) {
                Some((VersionState::Warm(_) | VersionState::Loading, _)) => continue,
                Some((VersionState::Failed { error, retrying: false }, _)) => {
                    return Err(Unroutable::Failed { key, reason: chain(&*error) });
                }
                Some((VersionState::Failed { retrying: true, .. }, _)) | None => {}
            }
            match self.parts.repository.loader().verify(&key).await {
                Ok(()) => {}
                Err(LoadError::NotFound) => return Err(Unroutable::NotFound { key }),
                Err(error) if error.is_retryable() => return Err(Unroutable::Unchecked { key, source: error }),
                Err(error) => return Err(Unroutable::Failed { key, reason: chain(&error) }),
            }
        }
        Ok(())
    }

    /// Routes every model that has no route to its oldest warm version.
    pub(crate) async fn route_first(&self) {
        if self.parts.table.read_at().is_none() {
            return;
        }
        let routed = self.parts.table.routes();
        let mut seen = BTreeSet::new();
        for key in self.parts.repository.stored() {
            let (name, version) = &key;
            if routed.contains_key(name) || self.parts.repository.warm(&key).is_none() || !seen.insert(name.clone()) {
                continue;
            }
            let Ok(salt) = Salt::try_new(name.as_str()) else { continue };
            let (candidates, shadow) = (Vec::new(), Vec::new());
            let spec = RouteSpec { model: name.clone(), stable: *version, candidates, shadow, salt, revision: 1 };
            let Ok(route) = Route::try_new(spec) else { continue };
            if let Err(error) = self.parts.table.set_first(route).await {
                tracing::warn!(model = %name, %version, error = chain(&error), "the first version could not be routed");
            }
        }
        self.settle();
    }
}
