//! The report of one instance: wanted and effective routes, and the state of every version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use marquee_domain::{ModelName, Route, Timestamp, Version};

use super::Routing;
use crate::repository::VersionState;

/// What one instance makes of the routing table.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) models: BTreeMap<ModelName, ModelStatus>,
    /// When the table was last read from the object store.
    pub(crate) table_read_at: Option<Timestamp>,
}

/// One model on one instance.
#[derive(Debug, Default)]
pub(crate) struct ModelStatus {
    pub(crate) wanted: Option<Arc<Route>>,
    pub(crate) effective: Option<Arc<Route>>,
    pub(crate) effective_since: Option<Timestamp>,
    /// Why the wanted route is not effective.
    pub(crate) pending: Option<String>,
    pub(crate) versions: BTreeMap<Version, VersionStatus>,
}

/// One version on one instance.
#[derive(Debug, Default)]
pub(crate) struct VersionStatus {
    /// The state and since when, or `None` for a version that is not needed here.
    pub(crate) state: Option<(VersionState, Timestamp)>,
    /// The model store has it.
    pub(crate) stored: bool,
    /// The wanted route names it.
    pub(crate) wanted: bool,
    /// The effective route names it.
    pub(crate) effective: bool,
}

impl Routing {
    /// Returns the report, of one model or of all.
    pub(crate) fn status(&self, only: Option<&ModelName>) -> Status {
        let (wanted, effective) = (self.parts.table.routes(), self.effective.borrow().clone());
        let stored = self.parts.repository.stored();
        let names: BTreeSet<&ModelName> =
            wanted.keys().chain(effective.keys()).chain(stored.iter().map(|(name, _)| name)).collect();
        let mut models = BTreeMap::new();
        for name in names.into_iter().filter(|name| only.is_none_or(|only| only == *name)) {
            let (wanted, effective) = (wanted.get(name).cloned(), effective.get(name));
            let mut status = ModelStatus {
                effective: effective.map(|effective| Arc::clone(&effective.route)),
                effective_since: effective.map(|effective| effective.since),
                ..ModelStatus::default()
            };
            if let Some(wanted) = wanted {
                if status.effective.as_ref() != Some(&wanted) {
                    status.pending = self.pending(&wanted);
                }
                status.wanted = Some(wanted);
            }
            for (_, version) in stored.iter().filter(|(stored, _)| stored == name) {
                status.versions.entry(*version).or_default().stored = true;
            }
            for version in status.wanted.iter().flat_map(|route| route.versions()) {
                status.versions.entry(version).or_default().wanted = true;
            }
            for version in status.effective.iter().flat_map(|route| route.versions()) {
                status.versions.entry(version).or_default().effective = true;
            }
            for (version, one) in &mut status.versions {
                one.state = self.parts.repository.state(&(name.clone(), *version));
            }
            models.insert(name.clone(), status);
        }
        Status { models, table_read_at: self.parts.table.read_at() }
    }
}
