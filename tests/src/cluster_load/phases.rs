//! Counts and latencies by phase, and the failures of all phases.
//!
//! A request belongs to the phase in which it was due, also if it ends in a later one.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::{Clock, SystemClock};
use serde::Serialize;
use tokio::time::Instant;

use super::tally::{Call, Counts, Failure, Outcome, Tally};

/// How many failures are told one by one.
const EXAMPLES: usize = 20;

/// A request that was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    call: Call,
    phase: usize,
}

#[derive(Debug)]
struct Phase {
    name: String,
    began_at: String,
    began: Instant,
    ended: Option<Instant>,
    predictions: Tally,
    ratings: Tally,
}

/// A phase as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PhaseReport {
    pub(crate) name: String,
    pub(crate) began_at: String,
    pub(crate) seconds: f64,
    pub(crate) predictions: Counts,
    pub(crate) ratings: Counts,
}

impl Phase {
    fn begin(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            began_at: SystemClock.now().to_rfc3339(),
            began: Instant::now(),
            ended: None,
            predictions: Tally::default(),
            ratings: Tally::default(),
        }
    }

    fn tally(&mut self, call: Call) -> &mut Tally {
        match call {
            Call::Prediction => &mut self.predictions,
            Call::Rating => &mut self.ratings,
        }
    }

    fn report(&self) -> PhaseReport {
        PhaseReport {
            name: self.name.clone(),
            began_at: self.began_at.clone(),
            seconds: (self.ended.unwrap_or_else(Instant::now) - self.began).as_secs_f64(),
            predictions: self.predictions.counts(),
            ratings: self.ratings.counts(),
        }
    }
}

/// One failure as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Example {
    pub(crate) at: String,
    pub(crate) phase: String,
    pub(crate) call: Call,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) attempts: u32,
}

/// The failures of one kind of request with one code.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) first: Example,
}

/// The phases of a load, of which the last one is current.
#[derive(Debug)]
pub(crate) struct Phases {
    past: Vec<Phase>,
    current: Phase,
    failures: BTreeMap<(Call, String), Failures>,
    examples: Vec<Example>,
}

impl Phases {
    /// Begins the first phase.
    pub(crate) fn begin(name: &str) -> Self {
        Self { past: Vec::new(), current: Phase::begin(name), failures: BTreeMap::new(), examples: Vec::new() }
    }

    /// Begins another phase. Returns the one before it, some of whose requests may be in flight.
    pub(crate) fn next(&mut self, name: &str) -> PhaseReport {
        let mut past = std::mem::replace(&mut self.current, Phase::begin(name));
        past.ended = Some(self.current.began);
        let report = past.report();
        self.past.push(past);
        report
    }

    /// Counts a request that is sent.
    pub(crate) fn sent(&mut self, call: Call) -> Ticket {
        self.current.tally(call).send();
        Ticket { call, phase: self.past.len() }
    }

    /// Counts the end of a request.
    pub(crate) fn ended(&mut self, sent: Ticket, latency: Duration, done: &Outcome) {
        let phase = self.past.get_mut(sent.phase).unwrap_or(&mut self.current);
        phase.tally(sent.call).end(latency, done);
        if let Some(failure) = &done.failure {
            let name = phase.name.clone();
            self.failed(name, sent.call, failure, done.attempts);
        }
    }

    /// Counts a request that was due while too many were in flight.
    pub(crate) fn overran(&mut self, call: Call) {
        self.current.tally(call).overrun();
        let message = "too many requests were in flight when it was due".to_owned();
        self.failed(self.current.name.clone(), call, &Failure { code: "OVERRUN".to_owned(), message }, 0);
    }

    fn failed(&mut self, phase: String, call: Call, failure: &Failure, attempts: u32) {
        let Failure { code, message } = failure.clone();
        let at = SystemClock.now().to_rfc3339();
        let example = Example { at, phase, call, code: code.clone(), message, attempts };
        if self.examples.len() < EXAMPLES {
            self.examples.push(example.clone());
        }
        self.failures.entry((call, code)).or_insert(Failures { count: 0, first: example }).count += 1;
    }

    /// Returns the counts of all phases: of predictions, and of ratings.
    pub(crate) fn totals(&self) -> (Counts, Counts) {
        let (mut predictions, mut ratings) = (Tally::default(), Tally::default());
        for phase in self.past.iter().chain([&self.current]) {
            predictions.add(&phase.predictions);
            ratings.add(&phase.ratings);
        }
        (predictions.counts(), ratings.counts())
    }

    /// Returns all phases, the current one last.
    pub(crate) fn reports(&self) -> Vec<PhaseReport> {
        self.past.iter().chain([&self.current]).map(Phase::report).collect()
    }

    /// Returns the current phase.
    pub(crate) fn current(&self) -> PhaseReport {
        self.current.report()
    }

    /// Returns the failures by request and code.
    pub(crate) fn failures(&self) -> Vec<Failures> {
        self.failures.values().cloned().collect()
    }

    /// Returns the first failures.
    pub(crate) fn examples(&self) -> Vec<Example> {
        self.examples.clone()
    }
}

#[cfg(test)]
#[path = "phases/tests.rs"]
mod tests;
