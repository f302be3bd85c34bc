//! The effective routing table: the routes that answer on this instance.
//!
//! **Invariant:** every version that an effective route names is warm here, because the route owns
//! the loaded models (`routing::tests::a_route_answers_only_once_all_its_versions_are_warm`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use marquee_domain::{BUCKETS, BasisPoints, Candidate, ModelName, Route, RouteSpec, Timestamp};
use marquee_domain::{UserId, Variant, Version};

use super::table::RouteMap;
use crate::model::Model;
use crate::repository::Key;

/// Effective routes by model.
pub(crate) type EffectiveMap = BTreeMap<ModelName, Arc<Effective>>;

/// A route together with the models that it names.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) route: Arc<Route>,
    /// When it began to answer.
    pub(crate) since: Timestamp,
    models: BTreeMap<Version, Arc<Model>>,
}

impl Effective {
    /// Returns the effective form of a route, or `None` if a version that it names is not warm.
    fn try_new(route: &Arc<Route>, since: Timestamp, warm: &impl Fn(&Key) -> Option<Arc<Model>>) -> Option<Self> {
        let model = |version| Some((version, warm(&(route.model().clone(), version))?));
        let models = route.versions().map(model).collect::<Option<_>>()?;
        Some(Self { route: Arc::clone(route), since, models })
    }

    /// Returns this route within the wanted one. Its versions are warm.
    fn within(self: Arc<Self>, wanted: &Route, now: Timestamp) -> Arc<Self> {
        let Some(part) = limited(&self.route, wanted) else { return self };
        let warm = |(_, version): &Key| self.models.get(version).cloned();
        Self::try_new(&part, now, &warm).map_or_else(|| Arc::clone(&self), Arc::new)
    }

    /// Returns the model that answers a user, and the user's side.
    pub(crate) fn assign(&self, user: &UserId) -> (Arc<Model>, Variant) {
        let (version, variant) = self.route.assign(user);
        (Arc::clone(&self.models[&version]), variant)
    }
}

/// Returns an older route without what the wanted one takes from it: users of its candidates, who
/// get the older stable version, and versions in shadow. `None` if that is nothing.
///
/// **Invariant:** no candidate has more users than the wanted route gives it, also while the wanted
/// versions load. A version that was taken back may be a harmful one
/// (`routing::tests::a_candidate_that_was_taken_back_has_no_users_while_others_load`).
fn limited(older: &Route, wanted: &Route) -> Option<Arc<Route>> {
    let limit = |version| if wanted.stable() == version { BUCKETS } else { wanted.weight(version) };
    let part = |one: &Candidate| {
        let weight = BasisPoints::try_new(one.weight.get().min(limit(one.version))).ok()?;
        (weight.get() > 0).then_some(Candidate { weight, ..*one })
    };
    let candidates: Vec<Candidate> = older.candidates().iter().filter_map(part).collect();
    let mut shadow = older.shadow().to_vec();
    shadow.retain(|version| wanted.versions().any(|named| named == *version));
    if candidates == older.candidates() && shadow == older.shadow() {
        return None;
    }
    let (model, stable, salt) = (older.model().clone(), older.stable(), older.salt().clone());
    // A part of a valid route is valid.
    Route::try_new(RouteSpec { model, stable, candidates, shadow, salt, revision: older.revision() }).ok().map(Arc::new)
}

/// What the effective table is computed from.
#[derive(Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) wanted: &'a RouteMap,
    /// The effective table until now.
    pub(crate) current: &'a EffectiveMap,
    /// The effective table before the restart.
    pub(crate) remembered: &'a RouteMap,
    pub(crate) now: Timestamp,
}

/// Computes the effective table. For each model with a wanted route, the first of these whose
/// versions are all warm: the wanted route, the current effective route, the effective route before
/// the restart. The last two are limited to what the wanted route leaves them.
pub(crate) fn decide(inputs: &Inputs<'_>, warm: impl Fn(&Key) -> Option<Arc<Model>>) -> EffectiveMap {
    let mut effective = EffectiveMap::new();
    for (name, wanted) in inputs.wanted {
        let current = inputs.current.get(name);
        let try_route = |route: &Arc<Route>| Effective::try_new(route, inputs.now, &warm).map(Arc::new);
        let within = |older: Arc<Effective>| older.within(wanted, inputs.now);
        let chosen = match current {
            Some(current) if current.route == *wanted => Some(Arc::clone(current)),
            Some(current) => try_route(wanted).or_else(|| Some(within(Arc::clone(current)))),
            None => try_route(wanted).or_else(|| try_route(&remembered(inputs.remembered, wanted)?)),
        };
        effective.extend(chosen.map(|chosen| (name.clone(), chosen)));
    }
    effective
}

/// Returns the part of the route before the restart that the wanted one leaves.
fn remembered(routes: &RouteMap, wanted: &Route) -> Option<Arc<Route>> {
    let before = routes.get(wanted.model())?;
    Some(limited(before, wanted).unwrap_or_else(|| Arc::clone(before)))
}

/// Returns every version that must stay loaded or be loaded: those of wanted and of effective
/// routes, and those of the route before the restart while a model has no effective route.
pub(crate) fn needed(wanted: &RouteMap, effective: &EffectiveMap, before: &RouteMap) -> BTreeSet<Key> {
    let unanswered = wanted.iter().filter(|(name, _)| !effective.contains_key(*name));
    let before: Vec<Arc<Route>> = unanswered.filter_map(|(_, wanted)| remembered(before, wanted)).collect();
    let routes = wanted.values().chain(effective.values().map(|effective| &effective.route)).chain(&before);
    routes.flat_map(|route| route.versions().map(|version| (route.model().clone(), version))).collect()
}
