//! Promotion, rollback, slow and failing loads, restarts and outages, over fakes and paused time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{SystemClock, Version};
use marquee_kit::{Context, Metrics};
use marquee_ports::{ObjectKey, ObjectStore, Precondition};
use tempfile::TempDir;

use super::*;
use crate::metrics::LoadMetrics;
use crate::repository::{Limits, Process};
use crate::testing::{FakeLoader, Step, SwitchedObjects, key, let_pass, name, route, shadowed, user, within};

const REFRESH: Duration = Duration::from_secs(1);

/// What survives a restart of an instance.
struct World {
    objects: Arc<SwitchedObjects>,
    loader: Arc<FakeLoader>,
    folder: TempDir,
}

/// One run of an instance.
struct Instance {
    routing: Arc<Routing>,
    repository: Arc<Repository>,
    context: Context,
}

impl World {
    fn with(versions: impl IntoIterator<Item = u64>) -> Self {
        let loader = FakeLoader::with(versions);
        Self { objects: Arc::default(), loader, folder: tempfile::tempdir().unwrap() }
    }

    /// Starts an instance that keeps the newest version besides the routed ones.
    fn start(&self) -> Instance {
        let (context, clock) = (Context::default(), Arc::new(SystemClock));
        let limits = Limits { loads: 2, deadline: Duration::from_secs(3_600), keep: 1, bytes: 0 };
        let process = Process { tasks: context.tasks.clone(), stop: context.stop.clone(), clock: clock.clone() };
        let repository =
            Repository::new(self.loader.clone(), limits, process, LoadMetrics::register(&Metrics::default()));
        let mirror = Mirror::in_folder(self.folder.path());
        let remembered = mirror.as_ref().map(Mirror::read).unwrap_or_default();
        let routing = Routing::new(Parts {
            table: Table::new(self.objects.clone(), clock.clone(), remembered.clone()),
            repository: Arc::clone(&repository),
            mirror,
            remembered,
            metrics: RoutingMetrics::register(&Metrics::default()),
            clock,
        });
        let check = context.health.check("predictions");
        routing.follow(Follow { refresh: REFRESH, route_first: false }, check, &context);
        Instance { routing, repository, context }
    }

    /// Changes the wanted route through another instance.
    async fn want(&self, route: Route) -> u64 {
        let other = Table::new(self.objects.clone(), Arc::new(SystemClock), RouteMap::new());
        other.set(route.into()).await.unwrap().revision()
    }
}

impl Instance {
    /// Waits until a revision is effective.
    async fn effective(&self, revision: u64) {
        let is = |table: &EffectiveMap| table.get(&name()).is_some_and(|one| one.route.revision() == revision);
        within(self.routing.effective.subscribe().wait_for(is)).await.unwrap();
    }

    /// Waits until the instance has read a revision of the wanted route.
    async fn wanted(&self, revision: u64) {
        let is = |table: &RouteMap| table.get(&name()).is_some_and(|route| route.revision() == revision);
        within(self.routing.table().subscribe().wait_for(is)).await.unwrap();
    }

    /// Waits until a version is in a state.
    async fn state(&self, version: u64, is: fn(&VersionState) -> bool) {
        let mut changes = self.repository.changes();
        while !self.repository.state(&key(version)).is_some_and(|(state, _)| is(&state)) {
            within(changes.changed()).await.unwrap();
        }
    }

    fn version_for(&self, id: &str) -> Result<u64, Unrouted> {
        self.routing.assign(&name(), &user(id)).map(|(model, _)| model.version.0)
    }

    fn is_ready(&self) -> bool {
        self.context.health.is_ready()
    }

    async fn stop(self) {
        self.context.stop.cancel();
        self.context.tasks.join(Duration::from_secs(10)).await;
    }
}

fn failed(state: &VersionState) -> bool {
    matches!(state, VersionState::Failed { .. })
}

fn warm(state: &VersionState) -> bool {
    matches!(state, VersionState::Warm(_))
}

#[tokio::test(start_paused = true)]
async fn a_route_answers_only_once_all_its_versions_are_warm() {
    let world = World::with([1, 2, 3]);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    instance.effective(first).await;
    world.loader.script(2, Step::Hold);
    let second = world.want(route(2, &[(3, 5_000)])).await;
    instance.wanted(second).await;
    instance.state(3, warm).await;
    for id in 0..50 {
        assert_eq!(instance.version_for(&format!("u{id}")), Ok(1), "version 2 is not warm, so the old route answers");
    }
    let status = instance.routing.status(None);
    let model = &status.models[&name()];
    assert_eq!(model.wanted.as_ref().map(|route| route.revision()), Some(second));
    assert_eq!(model.effective.as_ref().map(|route| route.revision()), Some(first));
    assert_eq!(model.pending.as_deref(), Some("version 2 of model 'ratings' is not loaded yet"));
    assert!(instance.is_ready(), "the old route answers");

    world.loader.release(2);
    instance.effective(second).await;
    let versions: BTreeSet<u64> = (0..50).filter_map(|id| instance.version_for(&format!("u{id}")).ok()).collect();
    assert_eq!(versions, BTreeSet::from([2, 3]));
    assert_eq!(instance.routing.status(None).models[&name()].pending, None);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_beyond_the_kept_versions_never_leaves_a_user_without_an_answer() {
    let world = World::with(1..=5);
    let (first, instance) = (world.want(route(5, &[])).await, world.start());
    instance.effective(first).await;
    assert_eq!(world.loader.loads(), [5], "only the routed version is needed");
    world.loader.script(1, Step::Hold);
    let rollback = world.want(route(1, &[])).await;
    instance.wanted(rollback).await;
    instance.state(1, |state| matches!(state, VersionState::Loading)).await;
    assert_eq!(instance.version_for("ann"), Ok(5));
    world.loader.release(1);
    instance.effective(rollback).await;
    assert_eq!(instance.version_for("ann"), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn versions_of_the_effective_route_stay_while_the_wanted_ones_load() {
    let world = World::with([1, 2, 9]);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    instance.effective(first).await;
    world.loader.script(2, Step::Hold);
    let second = world.want(route(2, &[])).await;
    instance.wanted(second).await;
    instance.state(2, |state| matches!(state, VersionState::Loading)).await;
    // Version 1 is neither wanted nor the newest.
    let_pass(REFRESH * 20).await;
    assert!(instance.repository.warm(&key(1)).is_some());
    assert_eq!(instance.version_for("ann"), Ok(1));
    world.loader.release(2);
    instance.effective(second).await;
    instance.routing.settle();
    assert!(instance.repository.state(&key(1)).is_none(), "it is unloaded once no route names it");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_delays_neither_a_route_change_nor_another_load() {
    let world = World::with([1, 2, 3]);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    instance.effective(first).await;
    world.loader.script(2, Step::Hang);
    let hanging = world.want(route(1, &[(2, 5_000)])).await;
    instance.wanted(hanging).await;
    instance.state(2, |state| matches!(state, VersionState::Loading)).await;
    let aborted = world.want(route(1, &[(3, 100)])).await;
    instance.effective(aborted).await;
    let back = world.want(route(3, &[])).await;
    instance.effective(back).await;
    assert_eq!(instance.version_for("ann"), Ok(3));
    assert!(instance.repository.state(&key(2)).is_none(), "a load that is not needed any more ends");
}

#[tokio::test(start_paused = true)]
async fn a_wanted_version_that_fails_leaves_the_old_route_and_is_named() {
    let world = World::with([1, 2]);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    world.loader.script(2, Step::Refuse);
    instance.effective(first).await;
    instance.state(2, failed).await;
    let second = world.want(route(2, &[])).await;
    instance.wanted(second).await;
    let_pass(REFRESH * 100).await;
    assert_eq!(instance.version_for("ann"), Ok(1));
    assert_eq!(world.loader.loads().iter().filter(|version| **version == 2).count(), 1, "it is not tried again");
    let pending = instance.routing.status(None).models[&name()].pending.clone().unwrap();
    assert_eq!(pending, "version 2 of model 'ratings' was refused: the package has no usable encoder.onnx");

    // Its files change: it is tried again.
    world.loader.store(2, 1);
    instance.effective(second).await;
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_with_a_version_that_cannot_load_says_which() {
    let world = World::with([2]);
    world.loader.script(2, Step::Refuse);
    let wanted = world.want(route(2, &[])).await;
    let instance = world.start();
    instance.wanted(wanted).await;
    instance.state(2, failed).await;
    let reason = instance.routing.not_ready().unwrap();
    assert!(reason.starts_with("version 2 of model 'ratings' was refused: "), "{reason}");
    assert!(matches!(instance.version_for("ann"), Err(Unrouted::NotWarm { version: 2, .. })));
    // Another version is routed: the instance recovers by itself.
    world.loader.store(1, 0);
    let next = world.want(route(1, &[])).await;
    instance.effective(next).await;
    assert_eq!(instance.routing.not_ready(), None);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_last_effective_route_answers_until_the_wanted_one_is_warm() {
    let world = World::with([1, 2, 3]);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    instance.effective(first).await;
    // Once for each run of the instance.
    world.loader.script(2, Step::Hold);
    world.loader.script(2, Step::Hold);
    let second = world.want(route(2, &[])).await;
    instance.wanted(second).await;
    instance.stop().await;

    let instance = world.start();
    instance.effective(first).await;
    instance.wanted(second).await;
    assert_eq!(instance.version_for("ann"), Ok(1));
    within(instance.context.health.ready()).await;
    world.loader.release(2);
    instance.effective(second).await;
    assert_eq!(instance.version_for("ann"), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_was_taken_back_has_no_users_while_others_load() {
    // The newest version is loaded at the start, so it is none of those that are routed.
    let world = World::with([1, 2, 3, 4]);
    let (first, instance) = (world.want(route(1, &[(2, 5_000)])).await, world.start());
    instance.effective(first).await;
    // The candidate is taken back and the next one routed before the instance reads the table.
    world.loader.script(3, Step::Hold);
    world.want(route(1, &[])).await;
    let next = world.want(route(1, &[(3, 500)])).await;
    instance.wanted(next).await;
    instance.state(3, |state| matches!(state, VersionState::Loading)).await;
    instance.routing.settle();
    assert!((0..200).all(|id| instance.version_for(&format!("u{id}")) == Ok(1)));
    let model = instance.routing.status(None).models.remove(&name()).unwrap();
    let effective = model.effective.unwrap();
    assert_eq!((effective.revision(), effective.candidates().len()), (first, 0), "the report has what answers");

    // A restart does not bring it back.
    instance.stop().await;
    world.loader.script(3, Step::Hold);
    let instance = world.start();
    instance.effective(first).await;
    assert!((0..200).all(|id| instance.version_for(&format!("u{id}")) == Ok(1)));
    world.loader.release(3);
    instance.effective(next).await;
    let candidates = (0..200).filter(|id| instance.version_for(&format!("u{id}")) == Ok(3)).count();
    assert!((1..50).contains(&candidates), "{candidates}");
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_candidate_that_was_taken_back_keeps_no_user_waiting() {
    // The newest version is loaded at the start, so it is none of those that are routed.
    let world = World::with([1, 2, 3, 4, 5]);
    let (first, instance) = (world.want(shadowed(1, &[(2, 5_000)], &[4])).await, world.start());
    instance.effective(first).await;
    instance.stop().await;
    // While the instance is away, its candidate and its shadow are taken back: they may be what no
    // instance can load any more.
    let next = world.want(route(1, &[(3, 500)])).await;
    for version in [2, 3, 4] {
        world.loader.script(version, Step::Hold);
    }
    let instance = world.start();
    instance.effective(first).await;
    assert!((0..200).all(|id| instance.version_for(&format!("u{id}")) == Ok(1)));
    world.loader.release(3);
    instance.effective(next).await;
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_became_stable_keeps_its_users_while_the_next_one_loads() {
    // The newest version is loaded at the start, so it is none of those that are routed.
    let world = World::with([1, 2, 3, 4]);
    let (first, instance) = (world.want(route(1, &[(2, 5_000)])).await, world.start());
    instance.effective(first).await;
    let before: Vec<_> = (0..200).map(|id| instance.version_for(&format!("u{id}"))).collect();
    world.loader.script(3, Step::Hold);
    let next = world.want(route(2, &[(3, 6_000)])).await;
    instance.wanted(next).await;
    instance.state(3, |state| matches!(state, VersionState::Loading)).await;
    instance.routing.settle();
    let meanwhile: Vec<_> = (0..200).map(|id| instance.version_for(&format!("u{id}"))).collect();
    assert_eq!(meanwhile, before);
    world.loader.release(3);
    instance.effective(next).await;
}

#[tokio::test(start_paused = true)]
async fn a_candidate_of_a_later_rollout_has_its_smaller_weight_while_the_stable_version_loads() {
    // The newest version is loaded at the start, so it is none of those that are routed.
    let world = World::with([1, 2, 3, 4]);
    let (first, instance) = (world.want(route(1, &[(2, 5_000)])).await, world.start());
    instance.effective(first).await;
    within(instance.context.health.ready()).await;
    instance.stop().await;
    // While the instance is away, version 3 becomes stable and version 2 is tried again.
    world.want(route(3, &[])).await;
    let later = world.want(route(3, &[(2, 2_000)])).await;
    world.loader.script(3, Step::Hold);
    let instance = world.start();
    instance.effective(first).await;
    let model = instance.routing.status(None).models.remove(&name()).unwrap();
    assert_eq!(model.wanted.unwrap().revision(), later);
    let effective = model.effective.unwrap();
    assert_eq!((effective.revision(), effective.stable(), effective.weight(Version(2))), (first, Version(1), 2_000));
    world.loader.release(3);
    instance.effective(later).await;
    assert_eq!(instance.version_for("ann").map(|version| version == 1), Ok(false));
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_copy_answers_only_if_the_table_cannot_be_read() {
    let world = World::with([1, 2]);
    let (first, instance) = (world.want(route(1, &[(2, 5_000)])).await, world.start());
    instance.effective(first).await;
    within(instance.context.health.ready()).await;
    instance.stop().await;
    // While the instance is away, its candidate is taken back.
    let second = world.want(route(1, &[])).await;
    world.objects.hold();
    let instance = world.start();
    instance.state(1, warm).await;
    instance.state(2, warm).await;
    instance.routing.settle();
    assert!(matches!(instance.version_for("ann"), Err(Unrouted::NotWarm { .. })));
    assert_eq!(instance.routing.not_ready().as_deref(), Some("the routing table was not read yet"));
    world.objects.set_away(false);
    instance.effective(second).await;
    within(instance.context.health.ready()).await;
    instance.stop().await;

    world.objects.set_away(true);
    let instance = world.start();
    instance.effective(second).await;
    within(instance.context.health.ready()).await;
}

#[tokio::test(start_paused = true)]
async fn without_the_object_store_an_instance_starts_from_the_mirror() {
    let world = World::with([1]);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    instance.effective(first).await;
    within(instance.context.health.ready()).await;
    instance.stop().await;
    world.objects.set_away(true);

    let instance = world.start();
    instance.effective(first).await;
    within(instance.context.health.ready()).await;
    assert_eq!(instance.version_for("ann"), Ok(1));
    assert_eq!(instance.routing.status(None).table_read_at, None, "the report says that the table is a copy");

    world.objects.set_away(false);
    let second = world.want(route(1, &[])).await;
    instance.effective(second).await;
}

#[tokio::test(start_paused = true)]
async fn without_store_and_mirror_an_instance_is_not_ready() {
    let world = World::with([1]);
    world.objects.set_away(true);
    let instance = world.start();
    let_pass(REFRESH * 3).await;
    assert_eq!(instance.routing.not_ready().as_deref(), Some("the routing table was not read yet"));
    assert!(!instance.is_ready());
    world.objects.set_away(false);
    within(instance.context.health.ready()).await;
}

#[tokio::test(start_paused = true)]
async fn a_shadow_version_is_warm_and_never_answers() {
    let world = World::with([1, 2]);
    let (revision, instance) = (world.want(shadowed(1, &[], &[2])).await, world.start());
    instance.effective(revision).await;
    assert!(instance.repository.warm(&key(2)).is_some());
    assert!((0..200).all(|id| instance.version_for(&format!("u{id}")) == Ok(1)));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_route_keeps_the_last_one_of_its_model_and_harms_no_other() {
    let world = World::with([1, 2]);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    instance.effective(first).await;
    let object = |name: &str| ObjectKey::try_new(&format!("routing/{name}.json")).unwrap();
    world.objects.put(&object("ratings"), Bytes::from_static(b"{"), Precondition::None).await.unwrap();
    world.objects.put(&object("other"), Bytes::from_static(b"[]"), Precondition::None).await.unwrap();
    let mut reading = instance.routing.table().reading();
    let reading = reading.wait_for(|reading| reading.unreadable.len() == 2).await.unwrap().clone();
    assert!(reading.unreadable[&name()].starts_with("the object is not the JSON of a route"));
    assert_eq!(instance.version_for("ann"), Ok(1));
    let reason = instance.routing.not_ready().unwrap();
    assert!(reason.starts_with("the route of model 'other' cannot be read: "), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_version_may_be_routed_when_it_exists_and_verifies() {
    let world = World::with([1, 2, 3]);
    world.loader.script(2, Step::Refuse);
    let (first, instance) = (world.want(route(1, &[])).await, world.start());
    instance.effective(first).await;
    assert!(instance.repository.state(&key(2)).is_none());
    instance.routing.check(&route(1, &[(3, 1)])).await.unwrap();
    let refused = instance.routing.check(&route(2, &[])).await.unwrap_err();
    assert!(matches!(refused, Unroutable::Failed { .. }), "{refused}");
    let absent = instance.routing.check(&route(1, &[(9, 1)])).await.unwrap_err().to_string();
    assert!(absent.starts_with("version 9 of model 'ratings' does not exist"), "{absent}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_based_on_another_revision_is_refused() {
    let world = World::with([1]);
    world.want(route(1, &[])).await;
    let table = Table::new(world.objects.clone(), Arc::new(SystemClock), RouteMap::new());
    let refused = table.set(RouteChange { expected: 7, ..route(1, &[]).into() }).await.unwrap_err();
    assert!(matches!(refused, SetError::Revision { expected: 7, current: 1 }), "{refused}");
    assert_eq!(table.set(RouteChange { expected: 1, ..route(1, &[]).into() }).await.unwrap().revision(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_without_a_salt_keeps_the_stored_one_also_from_an_old_view() {
    let world = World::with([1]);
    let salt = |text| marquee_domain::Salt::try_new(text).expect("valid");
    world.want(route(1, &[]).with_salt(salt("newer"))).await;
    // This instance has not read the table yet.
    let table = Table::new(world.objects.clone(), Arc::new(SystemClock), RouteMap::new());
    let old = route(1, &[]).with_salt(salt("older"));
    let kept = table.set(RouteChange { keep_salt: true, ..old.clone().into() }).await.unwrap();
    assert_eq!(kept.salt().as_str(), "newer");
    let changed = table.set(old.into()).await.unwrap();
    assert_eq!(changed.salt().as_str(), "older");
}

#[tokio::test(start_paused = true)]
async fn the_first_warm_version_is_routed_once() {
    let world = World::with([1, 2]);
    let instance = world.start();
    instance.state(2, warm).await;
    within(instance.context.health.ready()).await;
    assert!(matches!(instance.version_for("ann"), Err(Unrouted::NoRoute(_))));
    instance.routing.route_first().await;
    instance.routing.route_first().await;
    assert_eq!(instance.version_for("ann"), Ok(2), "version 1 is not kept, so version 2 is the first that is warm");
    assert_eq!(instance.routing.table().get(&name()).map(|route| route.revision()), Some(1));
}
