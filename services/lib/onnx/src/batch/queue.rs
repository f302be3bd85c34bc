//! The requests that wait for a graph's thread, and the drains in which the thread runs them.
//!
//! Each instance of the graph has at most one drain that is running or scheduled. A push that finds
//! an idle instance asks the caller to schedule a drain on it. A drain ends only while it holds the
//! lock and the queue is empty. So every waiting request has a drain that will run it. A drain
//! waits for further requests only if the settings have a delay, and no longer than that.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::choice::{Choice, choose};
use super::plan::Plan;
use super::{BatchSettings, Counters, Priority};
use crate::error::RunError;
use crate::session::Session;
use crate::tensor::Tensor;

/// A request: inputs in the graph's order and a channel for the outputs.
pub(super) struct Request {
    inputs: Vec<Tensor>,
    reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    priority: Priority,
    since: Instant,
}

impl Request {
    pub(super) fn new(
        inputs: Vec<Tensor>,
        priority: Priority,
        reply: oneshot::Sender<Result<Vec<Tensor>, RunError>>,
    ) -> Self {
        Self { inputs, reply, priority, since: Instant::now() }
    }

    fn answer(self, outputs: Result<Vec<Tensor>, RunError>) {
        // The caller may have dropped its future. Then it needs no answer.
        drop(self.reply.send(outputs));
    }
}

struct Waiting {
    /// More urgent ones first, and then in order of arrival.
    requests: VecDeque<Request>,
    /// The instances without a drain.
    idle: Vec<usize>,
    /// How many instances have not failed.
    living: usize,
}

/// The bounded queue of one batcher.
pub(super) struct Queue {
    plan: Plan,
    capacity: usize,
    /// How long a request may wait for others while an instance is idle.
    delay: Duration,
    preferred: Vec<usize>,
    waiting: Mutex<Waiting>,
    /// Wakes the drains that wait for further requests.
    arrived: Condvar,
    counters: Arc<Counters>,
}

impl Queue {
    pub(super) fn new(plan: Plan, settings: &BatchSettings, instances: usize, counters: Arc<Counters>) -> Self {
        let idle = (0..instances).rev().collect();
        let waiting = Waiting { requests: VecDeque::new(), idle, living: instances };
        Self {
            plan,
            capacity: settings.queue.max(1),
            delay: settings.delay,
            preferred: settings.preferred.clone(),
            waiting: Mutex::new(waiting),
            arrived: Condvar::new(),
            counters,
        }
    }

    /// Adds a request. Returns the instance on whose thread the caller must schedule a drain, or
    /// `None` if all instances are busy.
    pub(super) fn push(&self, request: Request) -> Result<Option<usize>, RunError> {
        let mut waiting = self.lock();
        if waiting.living == 0 {
            return Err(RunError::Closed);
        }
        if waiting.requests.len() >= self.capacity {
            // Requests of callers that dropped their future still hold places.
            self.drop_abandoned(&mut waiting.requests);
        }
        if waiting.requests.len() >= self.capacity {
            self.counters.overloaded.fetch_add(1, Ordering::Relaxed);
            return Err(RunError::Overloaded);
        }
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let at = waiting.requests.iter().rposition(|other| other.priority <= request.priority).map_or(0, |at| at + 1);
        waiting.requests.insert(at, request);
        let idle = waiting.idle.pop();
        drop(waiting);
        if !self.delay.is_zero() {
            self.arrived.notify_all();
        }
        Ok(idle)
    }

    /// Drops the waiting requests, because the thread of an instance has ended. Their callers
    /// receive [`RunError::Closed`]. The instance gets no drain again.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.requests.clear();
        waiting.living = waiting.living.saturating_sub(1);
    }

    pub(super) fn is_batchable(&self) -> bool {
        self.plan.is_batchable()
    }

    /// Returns the number of waiting requests.
    pub(super) fn len(&self) -> usize {
        self.lock().requests.len()
    }

    /// Runs group after group on the thread of an instance until the queue is empty.
    pub(super) fn drain(&self, instance: usize, session: &mut Session) {
        let _guard = PanicGuard(self);
        while let Some(group) = self.take(instance) {
            self.run(session, group);
        }
    }

    /// Takes the next group to run together: the most urgent request and requests that can join it,
    /// in order of arrival. Waits for further ones if the settings have a delay.
    fn take(&self, instance: usize) -> Option<Vec<Request>> {
        let mut waiting = self.lock();
        loop {
            self.drop_abandoned(&mut waiting.requests);
            let inputs = waiting.requests.iter().map(|request| request.inputs.as_slice());
            let Some(choice) = choose(&self.plan, &self.preferred, inputs) else {
                waiting.idle.push(instance);
                return None;
            };
            let left = if choice.is_ripe { Duration::ZERO } else { self.time_left(&waiting.requests, &choice) };
            if left.is_zero() {
                return Some(take_out(&mut waiting.requests, &choice));
            }
            waiting = self.arrived.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns how much longer the oldest of the chosen requests may wait for others.
    fn time_left(&self, requests: &VecDeque<Request>, choice: &Choice) -> Duration {
        if self.delay.is_zero() {
            return Duration::ZERO;
        }
        let oldest = choice.at.iter().filter_map(|at| requests.get(*at)).map(|request| request.since.elapsed()).max();
        self.delay.saturating_sub(oldest.unwrap_or_default())
    }

    fn drop_abandoned(&self, requests: &mut VecDeque<Request>) {
        let before = requests.len();
        requests.retain(|request| !request.reply.is_closed());
        self.counters.abandoned.fetch_add((before - requests.len()) as u64, Ordering::Relaxed);
    }

    fn run(&self, session: &mut Session, group: Vec<Request>) {
        let begin = Instant::now();
        let waited: Duration = group.iter().map(|request| begin.duration_since(request.since)).sum();
        self.counters.queue_nanos.fetch_add(nanos(waited), Ordering::Relaxed);
        let inputs: Vec<&[Tensor]> = group.iter().map(|request| request.inputs.as_slice()).collect();
        let together = if group.len() > 1 { self.run_together(session, &inputs) } else { None };
        match together {
            Some(outputs) => group.into_iter().zip(outputs).for_each(|(request, outputs)| request.answer(Ok(outputs))),
            None => group.into_iter().for_each(|request| {
                let begin = Instant::now();
                let outputs = session.run(&request.inputs);
                self.count_run(&request.inputs, 1, begin.elapsed());
                request.answer(outputs);
            }),
        }
        self.counters.run_nanos.fetch_add(nanos(begin.elapsed()), Ordering::Relaxed);
    }

    /// Runs all requests in one run. Returns `None` if the run failed, so that each request must
    /// run alone.
    fn run_together(&self, session: &mut Session, inputs: &[&[Tensor]]) -> Option<Vec<Vec<Tensor>>> {
        let begin = Instant::now();
        let joined = self.plan.join(inputs)?;
        let joined_at = Instant::now();
        let outputs = session.run(&joined);
        let ran_at = Instant::now();
        self.count_run(&joined, inputs.len(), ran_at - joined_at);
        let split = self.plan.split(&outputs.ok()?, inputs);
        let each = |time: Duration| nanos(time).saturating_mul(inputs.len() as u64);
        self.counters.join_nanos.fetch_add(each(joined_at - begin), Ordering::Relaxed);
        self.counters.split_nanos.fetch_add(each(ran_at.elapsed()), Ordering::Relaxed);
        split
    }

    /// Counts a run that answered `requests` requests.
    fn count_run(&self, inputs: &[Tensor], requests: usize, time: Duration) {
        let rows = inputs.first().and_then(|tensor| tensor.shape().first()).copied().unwrap_or(1);
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.counters.infer_nanos.fetch_add(nanos(time).saturating_mul(requests as u64), Ordering::Relaxed);
    }

    /// Locks the queue. A poisoned lock is usable, because a panic cannot leave the queue half
    /// changed.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the chosen requests from the queue. The others stay in their order.
fn take_out(requests: &mut VecDeque<Request>, choice: &Choice) -> Vec<Request> {
    let mut chosen = choice.at.iter().peekable();
    let mut taken = Vec::with_capacity(choice.at.len());
    let mut left = VecDeque::new();
    for (at, request) in requests.drain(..).enumerate() {
        match chosen.next_if(|chosen| **chosen == at) {
            Some(_) => taken.push(request),
            None => left.push_back(request),
        }
    }
    *requests = left;
    taken
}

/// Drops the waiting requests if the graph's thread panics, so that no caller waits for ever.
struct PanicGuard<'a>(&'a Queue);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.abandon();
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
