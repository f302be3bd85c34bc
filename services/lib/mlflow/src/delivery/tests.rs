//! The queue over a server that a test scripts, in paused time.

use std::collections::BTreeSet;
use std::sync::Mutex;

use marquee_domain::{RunState, Timestamp, Version};
use reqwest::StatusCode;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// What a server of a test does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Take,
    /// It is down.
    Fail,
    /// It refuses the call for good.
    Refuse,
    /// It never answers.
    Hang,
}

/// A server that a test scripts.
#[derive(Debug, Clone, Default)]
struct Server(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The next steps. Afterwards every call is like the last one.
    steps: VecDeque<Step>,
    last: Option<Step>,
    /// What was taken, as text.
    taken: Vec<String>,
    calls: usize,
    /// The versions that are registered.
    registered: BTreeSet<u64>,
}

impl Server {
    fn doing(steps: impl IntoIterator<Item = Step>) -> Self {
        let server = Self::default();
        server.0.lock().expect("a lock").steps = steps.into_iter().collect();
        server
    }

    fn taken(&self) -> Vec<String> {
        self.0.lock().expect("a lock").taken.clone()
    }

    fn calls(&self) -> usize {
        self.0.lock().expect("a lock").calls
    }

    fn register(&self, version: u64) {
        self.0.lock().expect("a lock").registered.insert(version);
    }

    async fn call(&self, what: String) -> Result<(), Error> {
        let step = {
            let mut state = self.0.lock().expect("a lock");
            state.calls += 1;
            let next = state.steps.pop_front();
            state.last = next.or(state.last);
            state.last.unwrap_or(Step::Take)
        };
        let refused =
            |status| Error::Refused { doing: "call".to_owned(), status, code: String::new(), message: String::new() };
        match step {
            Step::Take => {
                self.0.lock().expect("a lock").taken.push(what);
                Ok(())
            }
            Step::Fail => Err(refused(StatusCode::SERVICE_UNAVAILABLE)),
            Step::Refuse => Err(refused(StatusCode::BAD_REQUEST)),
            Step::Hang => std::future::pending().await,
        }
    }

    /// Waits until the server has taken this, at most for a day of paused time.
    async fn until(&self, taken: &[&str]) {
        let waits = async {
            while self.taken() != taken {
                pass(Duration::from_millis(10)).await;
            }
        };
        let waited = timeout(Duration::from_secs(24 * 3_600), waits).await;
        assert!(waited.is_ok(), "{:?} instead of {taken:?}", self.taken());
    }
}

impl Sink for Server {
    async fn measure(&mut self, run: &RunId, metrics: &[Metric]) -> Result<(), Error> {
        self.call(format!("{run}: {} metrics", metrics.len())).await
    }

    async fn deliver(&mut self, event: &TrackingEvent) -> Result<(), Error> {
        let what = match event {
            TrackingEvent::RunEnded { run, .. } => format!("{run} ended"),
            other => format!("{other:?}"),
        };
        self.call(what).await
    }

    async fn route(&mut self, route: &TrackedRoute) -> Result<Option<Version>, Error> {
        let missing = !self.0.lock().expect("a lock").registered.contains(&route.stable.0);
        if missing {
            return Ok(Some(route.stable));
        }
        self.call(format!("champion {}", route.stable)).await.map(|()| None)
    }
}

fn run(name: &str) -> RunId {
    RunId::try_new(name).expect("valid")
}

fn ended(name: &str) -> TrackingEvent {
    TrackingEvent::RunEnded {
        run: run(name),
        at: Timestamp::EPOCH,
        state: RunState::Succeeded,
        message: String::new(),
        metrics: BTreeMap::new(),
    }
}

fn point(name: &str, step: u64) -> TrackingEvent {
    TrackingEvent::Measured {
        run: run(name),
        at: Timestamp::EPOCH,
        step,
        metrics: vec![("rmse".to_owned(), 0.9), ("seconds".to_owned(), 1.0)],
    }
}

fn moved(stable: u64, revision: u64) -> TrackingEvent {
    let model = ModelName::try_new("ratings").expect("valid");
    TrackingEvent::RouteMoved(TrackedRoute { model, stable: Version(stable), candidate: None, revision })
}

/// A queue whose task runs until the test stops it.
struct Running {
    queue: Queue,
    counts: Counts,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(server: &Server) -> Self {
        Self::with(server, &Settings { queue: 16, ..Settings::default() })
    }

    fn with(server: &Server, settings: &Settings) -> Self {
        let (queue, delivery) = Delivery::new(settings, server.clone());
        let counts = delivery.counts();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(delivery.run(async { drop(stopped.await) }));
        Self { queue, counts, stop, task }
    }

    fn dropped(&self, reason: Reason) -> u64 {
        self.counts.dropped.get_or_create(&reason).get()
    }

    async fn stop(self) -> (Counts, Duration) {
        let began = Instant::now();
        drop(self.stop);
        self.task.await.expect("the task ends");
        (self.counts, began.elapsed())
    }
}

/// Lets time pass. It is paused, so nobody waits for it.
async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_makes_no_caller_wait() {
    let server = Server::doing([Step::Hang]);
    let running = Running::start(&server);
    running.queue.record(ended("r0"));
    while server.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    for _ in 0..10_000 {
        running.queue.record(ended("r"));
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(running.dropped(Reason::FULL), 10_000 - 16);
    let (counts, took) = running.stop().await;
    assert!(took <= LAST + Duration::from_millis(10), "{took:?}");
    assert_eq!(counts.dropped.get_or_create(&Reason::STOPPED).get(), 17);
    assert_eq!(counts.delivered.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_finds_the_queue_full_is_counted() {
    // Nothing empties the queue of this test.
    let (queue, delivery) = Delivery::new(&Settings { queue: 16, ..Settings::default() }, Server::default());
    let dropped = || delivery.counts().dropped.get_or_create(&Reason::FULL).get();
    for step in 0..16 {
        queue.record(point("r", step));
    }
    assert_eq!(dropped(), 8, "points leave half of the queue to other events");
    for _ in 0..8 {
        queue.record(ended("r"));
    }
    assert_eq!(dropped(), 8);
    queue.record(ended("r"));
    assert_eq!(dropped(), 9);
    drop(delivery);
    queue.record(ended("r"));
    assert_eq!(queue.counts.dropped.get_or_create(&Reason::STOPPED).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn events_are_tried_again_in_their_order_until_the_server_is_back() {
    let server = Server::doing([Step::Fail, Step::Fail, Step::Fail, Step::Fail, Step::Take]);
    let running = Running::start(&server);
    let began = Instant::now();
    running.queue.record(ended("r1"));
    running.queue.record(ended("r2"));
    server.until(&["r1 ended", "r2 ended"]).await;
    // At least half of 1, 2, 4 and 8 seconds.
    assert!(began.elapsed() >= Duration::from_millis(7_500), "{:?}", began.elapsed());
    let (counts, _) = running.stop().await;
    assert_eq!(counts.delivered.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_dropped_when_the_server_fails_for_too_long_and_the_next_one_is_sent() {
    let server = Server::doing([Step::Fail]);
    let patience = Duration::from_secs(60);
    let running = Running::with(&server, &Settings { patience, ..Settings::default() });
    running.queue.record(ended("r1"));
    while running.dropped(Reason::LATE) == 0 {
        pass(Duration::from_secs(1)).await;
    }
    server.0.lock().expect("a lock").last = Some(Step::Take);
    running.queue.record(ended("r2"));
    server.until(&["r2 ended"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_for_good_is_not_tried_again() {
    let server = Server::doing([Step::Refuse, Step::Take]);
    let running = Running::start(&server);
    running.queue.record(ended("r1"));
    running.queue.record(ended("r2"));
    server.until(&["r2 ended"]).await;
    assert_eq!((running.dropped(Reason::REFUSED), server.calls()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn points_of_one_run_that_wait_share_a_call() {
    let server = Server::default();
    let (queue, delivery) = Delivery::new(&Settings::default(), server.clone());
    let counts = delivery.counts();
    for step in 1..=100 {
        queue.record(point("r1", step));
    }
    queue.record(ended("r1"));
    queue.record(point("r2", 1));
    drop(queue);
    delivery.run(std::future::pending()).await;
    assert_eq!(server.taken(), ["r1: 200 metrics", "r1 ended", "r2: 2 metrics"]);
    assert_eq!(counts.delivered.get(), 102);
}

#[tokio::test(start_paused = true)]
async fn a_route_waits_until_its_version_is_registered_and_holds_up_nothing() {
    let server = Server::default();
    let running = Running::start(&server);
    running.queue.record(moved(3, 7));
    running.queue.record(ended("r1"));
    server.until(&["r1 ended"]).await;
    pass(Duration::from_secs(100)).await;
    server.register(3);
    server.until(&["r1 ended", "champion 3"]).await;
    assert_eq!(running.dropped(Reason::LATE), 0);
}

#[tokio::test(start_paused = true)]
async fn of_the_routes_that_wait_the_newest_counts() {
    let server = Server::default();
    let running = Running::start(&server);
    for (stable, revision) in [(1, 5), (2, 6), (4, 4)] {
        running.queue.record(moved(stable, revision));
        pass(Duration::from_secs(5)).await;
    }
    for version in [1, 2, 4] {
        server.register(version);
    }
    server.until(&["champion 2"]).await;
    pass(Duration::from_secs(600)).await;
    assert_eq!(server.taken(), ["champion 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_route_whose_version_is_never_registered_is_dropped() {
    let server = Server::default();
    let running = Running::start(&server);
    running.queue.record(moved(3, 7));
    while running.dropped(Reason::LATE) == 0 {
        pass(Duration::from_secs(10)).await;
    }
    server.register(3);
    pass(Duration::from_secs(600)).await;
    assert!(server.taken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_sends_what_waits() {
    let server = Server::doing([Step::Fail, Step::Take]);
    let running = Running::start(&server);
    server.register(1);
    running.queue.record(ended("r1"));
    while server.calls() == 0 {
        tokio::task::yield_now().await;
    }
    running.queue.record(ended("r2"));
    running.queue.record(moved(1, 1));
    let (counts, _) = running.stop().await;
    assert_eq!(server.taken(), ["r1 ended", "r2 ended", "champion 1"]);
    assert_eq!(counts.delivered.get(), 3);
}
