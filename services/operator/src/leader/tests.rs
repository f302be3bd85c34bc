//! Elections against an API server in memory that knows one lease.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use marquee_kit::Health;
use serde_json::{Value, json};

use super::*;

/// The lease, and how the server answers.
#[derive(Debug, Default)]
struct Server {
    lease: Value,
    version: u64,
    is_away: bool,
    /// Whether it refuses everything.
    is_broken: bool,
    /// When it was asked for the lease.
    asked: Vec<Instant>,
}

type Shared = Arc<Mutex<Server>>;

impl Server {
    fn answer(&mut self, method: &Method, body: Value) -> (StatusCode, Value) {
        let refused = |code: StatusCode, reason: &str| {
            (code, json!({"kind": "Status", "status": "Failure", "code": code.as_u16(), "reason": reason}))
        };
        if *method == Method::GET {
            self.asked.push(Instant::now());
        }
        if self.is_broken {
            return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
        }
        if *method == Method::GET {
            return if self.lease.is_null() {
                refused(StatusCode::NOT_FOUND, "NotFound")
            } else {
                (StatusCode::OK, self.lease.clone())
            };
        }
        let is_current = body["metadata"]["resourceVersion"] == self.lease["metadata"]["resourceVersion"];
        let exists = !self.lease.is_null();
        if exists == (*method == Method::POST) || exists && !is_current {
            return refused(StatusCode::CONFLICT, "Conflict");
        }
        self.version += 1;
        self.lease = body;
        self.lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        (StatusCode::OK, self.lease.clone())
    }
}

fn client(server: &Shared) -> Client {
    let server = Arc::clone(server);
    let service = tower::service_fn(move |request: Request<Body>| {
        let server = Arc::clone(&server);
        async move {
            if server.lock().expect("a lock").is_away {
                std::future::pending::<()>().await;
            }
            let (parts, body) = request.into_parts();
            let bytes = body.collect().await.expect("a body").to_bytes();
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            let (code, answer) = server.lock().expect("a lock").answer(&parts.method, body);
            let answer = Body::from(answer.to_string().into_bytes());
            Ok::<_, Infallible>(Response::builder().status(code).body(answer).expect("a response"))
        }
    });
    Client::new(service, "default")
}

fn elector(server: &Shared, identity: &str, health: &Health) -> Elector {
    let leases = Api::namespaced(client(server), "default");
    let times = Times::of(Duration::from_secs(15));
    Elector::new(leases, ("lease", identity), times, health.check("operator"))
}

#[tokio::test(start_paused = true)]
async fn one_of_two_leads_and_the_other_one_waits_for_as_long_as_the_lease_lasts() {
    let (server, health) = (Shared::default(), Health::default());
    let (mut first, mut second) = (elector(&server, "first", &health), elector(&server, "second", &health));
    first.acquire().await;
    assert!(!second.try_acquire().await.expect("an answer"), "both lead");
    // The first one is gone, and says nothing any more.
    let start = Instant::now();
    second.acquire().await;
    assert!(start.elapsed() > Duration::from_secs(15), "too early: {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(20), "too late: {:?}", start.elapsed());
    assert!(!first.try_acquire().await.expect("an answer"), "the first one leads again");
    assert_eq!(server.lock().expect("a lock").lease["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_leader_renews_until_it_is_told_to_stop_and_gives_the_lease_back() {
    let (server, health, stop) = (Shared::default(), Health::default(), Stop::new());
    let (mut first, mut second) = (elector(&server, "first", &health), elector(&server, "second", &health));
    first.acquire().await;
    assert!(health.is_ready());
    tokio::select! {
        () = first.hold(&stop) => panic!("it lost the lease"),
        () = second.acquire() => panic!("the other one leads too"),
        () = sleep(Duration::from_secs(600)) => {}
    }
    stop.cancel();
    first.hold(&stop).await;
    first.release().await;
    assert!(second.try_acquire().await.expect("an answer"), "the lease was not given back");
}

#[tokio::test(start_paused = true)]
async fn a_leader_without_an_answer_stops_to_lead_before_the_lease_ends() {
    let (server, health, stop) = (Shared::default(), Health::default(), Stop::new());
    let mut first = elector(&server, "first", &health);
    first.acquire().await;
    server.lock().expect("a lock").is_away = true;
    let start = Instant::now();
    first.hold(&stop).await;
    assert!(start.elapsed() < Duration::from_secs(15), "it led for {:?}", start.elapsed());
    assert!(!health.is_ready(), "nothing says that the API server is away");
}

#[tokio::test(start_paused = true)]
async fn of_two_writes_over_the_same_record_one_wins() {
    let (server, health) = (Shared::default(), Health::default());
    let first = elector(&server, "first", &health);
    let created = first.leases.create(&PostParams::default(), &first.lease(None)).await.expect("created");
    let second = elector(&server, "second", &health);
    let over = |elector: &Elector| elector.lease(Some(&created));
    let write = async |elector: &Elector| {
        won(elector.leases.replace("lease", &PostParams::default(), &over(elector)).await).expect("an answer")
    };
    assert!(write(&second).await);
    assert!(!write(&first).await, "an older record was written over a newer one");
}

/// Asserts that a server was asked for the lease again and again, and never in the same rhythm.
#[track_caller]
fn assert_jitter(asked: &[Instant], longest: Duration) {
    let pauses: Vec<Duration> = asked.windows(2).map(|two| two[1] - two[0]).collect();
    // Timers are exact to a millisecond.
    let may_be = longest / 2..=longest + Duration::from_millis(2);
    assert!(pauses.len() > 3 && pauses.iter().all(|pause| may_be.contains(pause)), "{pauses:?}");
    let differ = pauses.windows(2).any(|two| two[0].abs_diff(two[1]) > Duration::from_millis(5));
    assert!(differ, "all pauses are equal: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_waits_for_the_lease_asks_with_jitter() {
    let (server, health) = (Shared::default(), Health::default());
    elector(&server, "first", &health).acquire().await;
    let mut second = elector(&server, "second", &health);
    server.lock().expect("a lock").asked.clear();
    second.acquire().await;
    let asked = server.lock().expect("a lock").asked.clone();
    assert_jitter(&asked, second.times.retry);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_refused_asks_again_with_jitter() {
    let (server, health, stop) = (Shared::default(), Health::default(), Stop::new());
    let mut first = elector(&server, "first", &health);
    first.acquire().await;
    {
        let mut server = server.lock().expect("a lock");
        (server.is_broken, server.asked) = (true, Vec::new());
    }
    first.hold(&stop).await;
    let asked = server.lock().expect("a lock").asked.clone();
    assert_jitter(&asked, first.times.retry);
}
