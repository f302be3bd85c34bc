//! Rollouts in a row, while what drives them, the monitor and inference are killed at random.
//!
//! Whatever is killed: no weight exceeds the present step of its specification, none rises after a
//! failure, every rollout ends, and every user is answered by the version that the effective route
//! of the instance assigns. So no user changes sides more often than the steps force.
//!
//! `MARQUEE_CHAOS_ROLLOUTS` says how many rollouts there are, 6 unless it is set. Every run prints
//! its seed, and `MARQUEE_CHAOS_SEED` repeats its kills and its rollouts.

#[path = "rollouts/course.rs"]
mod course;
#[path = "rollouts/kills.rs"]
mod kills;
#[path = "rollouts/steering.rs"]
mod steering;
#[path = "rollouts/verdict.rs"]
mod verdict;
#[path = "rollouts/watching.rs"]
mod watching;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use marquee_e2e::operator::{Operator, install_operator, port, register};
use marquee_e2e::servers::{Kubernetes, or_skip};
use marquee_e2e::{Clients, Process, World, until_within};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde_json::Value;
use tokio::sync::watch;

use super::number;
use crate::live::paced;
use crate::shared::Shared;
use course::{Courses, Planned, Versions};
use kills::Victims;
use steering::Steering;
use watching::Watching;

/// The longest time that a rollout may take while two of four processes are killed again and again.
const LONGEST: Duration = Duration::from_secs(300);

/// Pause between two looks at a rollout.
const LOOK: Duration = Duration::from_millis(10);

/// The operator under test.
const OPERATOR: &str = env!("CARGO_BIN_EXE_operator-under-test");

/// Copies of version 1 that can be rolled out, too.
const COPIES: u64 = 3;

/// Rollouts of the short form.
const ROLLOUTS: usize = 6;

struct Plan {
    seed: u64,
    rollouts: usize,
}

impl Plan {
    fn from_environment() -> Result<Self> {
        let rollouts = number("MARQUEE_CHAOS_ROLLOUTS")?.map_or(ROLLOUTS, |rollouts| rollouts as usize);
        Ok(Self { seed: number("MARQUEE_CHAOS_SEED")?.unwrap_or_else(rand::random), rollouts })
    }

    fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        rng
    }
}

/// How a rollout ended.
#[derive(Debug, Clone)]
struct Ended {
    planned: Planned,
    outcome: String,
    reason: String,
}

/// The rollouts that were started, in their order. The one with the number `n` is at `n - 1`.
type Started = Arc<Mutex<Vec<Planned>>>;

/// Carries out one rollout after the other.
async fn roll_out(plan: &Plan, versions: Versions, (steering, started): (&Steering, &Started)) -> Result<Vec<Ended>> {
    let mut courses = Courses::new(versions, plan.rng(51));
    let mut ended = Vec::new();
    while ended.len() < plan.rollouts {
        let planned = courses.next(&steering.status().await.unwrap_or_default());
        started.lock().expect("a lock").push(planned.clone());
        let number = ended.len() as u64 + 1;
        steering.start(&planned.spec).await?;
        let is_over =
            |status: &Value| status["rollout"]["number"] == number && status["rollout"]["outcome"].is_string();
        let over = async || steering.status().await.filter(is_over);
        if let Some(after) = planned.abort_after {
            // At a random instant, unless the rollout ends before.
            let _ = until_within((after, LOOK), "the rollout ends", &over).await;
            steering.abort(number).await;
        }
        let status = match until_within((LONGEST, LOOK), "the rollout ends", over).await {
            Ok(status) => status,
            Err(error) => return Err(error.context(format!("{planned:#?} {:#?}", steering.status().await))),
        };
        let text = |field: &str| status["rollout"][field].as_str().unwrap_or_default().to_owned();
        let one = Ended { planned, outcome: text("outcome"), reason: text("reason") };
        ensure!(one.planned.may_end(&one.outcome, &one.reason), "{one:?}: {status:#}");
        courses.ended(&one);
        ended.push(one);
    }
    Ok(ended)
}

/// Gives ratings without end, by users that no version has seen, and as fast as a debug build that
/// shares its cores can compare. A rating that the core cannot take is lost.
async fn rate(clients: Clients, over: watch::Receiver<bool>) {
    let mut pace = paced(Duration::from_millis(500));
    for round in 0.. {
        pace.tick().await;
        if *over.borrow() {
            return;
        }
        let mut ratings = World::new(1, 20, round).ratings();
        for rating in &mut ratings {
            rating.user_id = format!("{}-{round}", rating.user_id);
            rating.rated_at = None;
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), clients.rate_all(ratings)).await;
    }
}

/// Carries out rollouts under kills, and judges what was seen.
async fn check(plan: &Plan, (versions, steering): (Versions, Steering), victims: Victims) -> Result<()> {
    let over = watch::Sender::new(false);
    let (steering, started) = (Arc::new(steering), Started::default());
    let addresses = victims.instances();
    let rating = tokio::spawn(rate(victims.core().clients()?, over.subscribe()));
    let watching = Watching::start(&addresses, (Arc::clone(&steering), Arc::clone(&started)), &over)?;
    let rolled_out = async {
        let ended = roll_out(plan, versions, (&steering, &started)).await;
        over.send_replace(true);
        ended
    };
    let (ended, killed) = tokio::join!(rolled_out, kills::inflict(victims, plan.rng(52), over.subscribe()));
    let (victims, faults) = killed?;
    rating.await?;
    let watched = watching.join().await?;
    println!("kills: {faults}");
    let ended = ended?;
    for one in &ended {
        println!("  {}", one.planned.describe(&one.outcome, &one.reason));
    }
    println!("{}", verdict::judge(&watched, &ended)?);
    drop(victims);
    Ok(())
}

/// Starts a fleet with several versions. Returns `None` if the object store is not on this machine.
async fn prepare(plan: &Plan) -> Result<Option<(Shared, Versions)>> {
    println!("chaos: MARQUEE_CHAOS_SEED={} with {} rollouts", plan.seed, plan.rollouts);
    let Some(fleet) = Shared::start(&World::new(30, 20, plan.seed)).await? else { return Ok(None) };
    let mut good = vec![1];
    for _ in 0..COPIES {
        good.push(fleet.publish(|_| {}).await?);
    }
    let bad = [fleet.store.publish_unloadable().await?, fleet.store.publish_altered().await?];
    Ok(Some((fleet, Versions { good, bad })))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_weights_keep_to_their_steps_and_users_to_their_side() -> Result<()> {
    let plan = Plan::from_environment()?;
    let Some((fleet, versions)) = prepare(&plan).await? else { return Ok(()) };
    let controller = fleet.controller().await?;
    let controllers = vec![fleet.core.clients()?, controller.clients()?];
    let Shared { core, instances, store } = fleet;
    let steering = Steering::Controllers { controllers, objects: Arc::clone(&store.objects) };
    let victims = Victims::new(core, instances).and_controller(controller);
    check(&plan, (versions, steering), victims).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_for_the_operator_on_a_real_api_server() -> Result<()> {
    let plan = Plan::from_environment()?;
    let Some(kubernetes) = or_skip(Kubernetes::start().await)? else { return Ok(()) };
    let Some((fleet, versions)) = prepare(&plan).await? else { return Ok(()) };
    let Shared { core, instances: [one, two], store: _store } = fleet;
    install_operator(&kubernetes).await?;
    let port = |process: &Process| port(&process.addresses().grpc);
    let all = [("inference-0", port(&core)?), ("inference-1", port(&one)?), ("inference-2", port(&two)?)];
    register(&kubernetes, "inference", &all).await?;
    register(&kubernetes, "monitor", &[("monitor-0", port(&core)?)]).await?;
    let operator = Operator::start(&kubernetes, OPERATOR, "one").await?;
    let victims = Victims::new(core, [one, two]).and_operator(operator);
    check(&plan, (versions, Steering::Operator(Box::new(kubernetes))), victims).await
}
