//! What is seen of the rollouts: every route, the effective route of each instance, and the version
//! that each of some users is answered by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use marquee_domain::{Route, Salt, UserId, bucket};
use marquee_e2e::{Clients, DEADLINE};
use marquee_proto::rollout::v1::WatchRoutesRequest;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::Started;
use super::steering::Steering;
use crate::live::paced;
use crate::shared::{MODEL, View, route, view};

/// Users are chosen so that there is one below each of these buckets and above the one before.
const BUCKETS: [u32; 8] = [200, 500, 1_000, 2_000, 3_500, 5_000, 8_000, 10_000];

/// The longest wait for a prediction.
const ANSWER: Duration = Duration::from_secs(3);

/// What one instance answered to each user, and what it said before and after.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) before: View,
    pub(super) after: View,
    /// The version and the variant, by user.
    pub(super) answers: Vec<Option<(u64, String)>>,
}

/// All that was seen.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) users: Vec<UserId>,
    /// Every route that an instance had, by revision.
    pub(super) routes: BTreeMap<u64, Route>,
    /// By instance, in the order of time.
    pub(super) batches: Vec<Vec<Batch>>,
}

/// The tasks that watch.
pub(super) struct Watching {
    users: Vec<UserId>,
    following: Vec<JoinHandle<Result<()>>>,
    probing: Vec<JoinHandle<Result<Vec<Batch>>>>,
    checking: JoinHandle<Result<BTreeMap<u64, Route>>>,
}

impl Watching {
    /// Watches instances until it is over.
    pub(super) fn start(
        addresses: &[String],
        rollouts: (Arc<Steering>, Started),
        over: &watch::Sender<bool>,
    ) -> Result<Self> {
        let (send, routes) = mpsc::unbounded_channel();
        let users = users()?;
        let (mut following, mut probing) = (Vec::new(), Vec::new());
        for address in addresses {
            let clients = || Clients::connect(address);
            following.push(tokio::spawn(follow(clients()?, send.clone(), over.subscribe())));
            probing.push(tokio::spawn(probe(clients()?, (users.clone(), send.clone()), over.subscribe())));
        }
        let checking = tokio::spawn(check_steps(routes, rollouts));
        Ok(Self { users, following, probing, checking })
    }

    /// Waits for the end of all tasks.
    pub(super) async fn join(self) -> Result<Watched> {
        // Whatever the check found comes first: the others fail when it has ended.
        let routes = self.checking.await??;
        let mut batches = Vec::new();
        for probing in self.probing {
            batches.push(probing.await??);
        }
        for following in self.following {
            following.await??;
        }
        Ok(Watched { users: self.users, routes, batches })
    }
}

/// Returns users on different sides of all weights.
fn users() -> Result<Vec<UserId>> {
    let salt = Salt::try_new(MODEL)?;
    let mut lowest = 0;
    let mut users = Vec::new();
    for upper in BUCKETS {
        let ids = (0..100_000).filter_map(|number| UserId::try_new(&format!("u{number}")).ok());
        let mut within = ids.filter(|id| (lowest..upper).contains(&bucket(&salt, id)));
        users.push(within.next().context("no user in a bucket")?);
        lowest = upper;
    }
    Ok(users)
}

/// Passes on every route of an instance until it is over, over all its restarts.
async fn follow(clients: Clients, routes: mpsc::UnboundedSender<Route>, mut over: watch::Receiver<bool>) -> Result<()> {
    let mut pace = paced(Duration::from_millis(20));
    while !*over.borrow() {
        pace.tick().await;
        let watched = async {
            let mut updates = clients.routing.clone().watch_routes(WatchRoutesRequest {}).await.ok()?.into_inner();
            while let Some(update) = updates.message().await.ok()? {
                routes.send(route(&update.route?).ok()?).ok()?;
            }
            Some(())
        };
        // The stream ends when the instance is killed.
        tokio::select! {
            _ = watched => {}
            _ = over.wait_for(|over| *over) => {}
        }
    }
    Ok(())
}

/// Asks an instance for predictions for all users again and again until it is over.
async fn probe(
    clients: Clients,
    (users, routes): (Vec<UserId>, mpsc::UnboundedSender<Route>),
    over: watch::Receiver<bool>,
) -> Result<Vec<Batch>> {
    let mut pace = paced(Duration::from_millis(100));
    let mut batches = Vec::new();
    while !*over.borrow() {
        pace.tick().await;
        let Some(before) = view(&clients).await else { continue };
        let answers = join_all(users.iter().map(|user| ask(&clients, user))).await;
        let Some(after) = view(&clients).await else { continue };
        routes.send(after.wanted.clone()).context("the task that collects routes has ended")?;
        batches.push(Batch { before, after, answers });
    }
    Ok(batches)
}

async fn ask(clients: &Clients, user: &UserId) -> Option<(u64, String)> {
    let asked = clients.predict(user.as_str(), &["movie-1"], &[]);
    let answer = tokio::time::timeout(ANSWER, asked).await.ok()?.ok()?;
    let provenance = answer.provenance?;
    Some((provenance.version, provenance.variant))
}

/// Collects routes, and checks of each new one that its weight is allowed by the step that the
/// rollout has reached in its stored status.
async fn check_steps(
    mut routes: mpsc::UnboundedReceiver<Route>,
    (steering, started): (Arc<Steering>, Started),
) -> Result<BTreeMap<u64, Route>> {
    let mut all: BTreeMap<u64, Route> = BTreeMap::new();
    while let Some(route) = routes.recv().await {
        if let Some(known) = all.get(&route.revision()) {
            ensure!(*known == route, "two routes of one revision: {known:?} and {route:?}");
            continue;
        }
        if let Some(candidate) = route.candidates().first() {
            let status = tokio::time::timeout(DEADLINE, stored(&steering)).await.context("no status")?;
            let limit = limit(&status, candidate.version.0, &started);
            ensure!(Some(candidate.weight.get()) <= limit, "{route:?} exceeds the step, {limit:?}: {status:#}");
        }
        all.insert(route.revision(), route);
    }
    Ok(all)
}

/// Reads the status until it can be read. It does not call `until`, whose future is not `Send` with
/// a closure that borrows: this runs in a spawned task.
async fn stored(steering: &Steering) -> Value {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    loop {
        look.tick().await;
        if let Some(status) = steering.status().await {
            return status;
        }
    }
}

/// Returns the largest weight that a status allows a version in its running rollout, or had when
/// its last rollout ended.
fn limit(status: &Value, version: u64, started: &Started) -> Option<u32> {
    let run = &status["rollout"];
    if run["target"] == version && run["outcome"].is_null() {
        let started = started.lock().expect("a lock");
        let planned = started.get(run["number"].as_u64()? as usize - 1)?;
        return Some(planned.limit(run["step"].as_u64()?));
    }
    let history = status["history"].as_array()?;
    let past = history.iter().find(|past| past["target"] == version)?;
    Some((past["weight"].as_f64()? * 100.0).round() as u32)
}
