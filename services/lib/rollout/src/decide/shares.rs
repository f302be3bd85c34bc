//! The error probability of a rollout, and how its tests share it.
//!
//! All uses of a duel are one test, because they are judged on the same evidence by the same
//! interval. Errors and latencies are judged on the requests of one step, so each use is a test of
//! its own. A dry run has no effect, so it takes no share.
//!
//! **Invariant:** the shares of all tests on the same evidence add up to at most `alpha`, also if
//! metrics are added or removed. New evidence has its own error probability. Evidence is new after
//! a retry, after a change of the steps, after a person resumed a failed rollout, and when a metric
//! is added for which nothing is left.

use std::collections::BTreeSet;

use super::Machine;
use super::place::Place;
use crate::StepKind;
use crate::statistics::share;

/// A rest below this part of the error probability is due to rounding.
const ROUNDING: f64 = 1e-9;

impl<'a> Machine<'a> {
    /// Returns whether a test begins in one of these places, and no error probability is left.
    pub(super) fn is_alpha_spent(&self, new: &[Place<'_>]) -> bool {
        new.iter().any(|place| self.needs_share(place)) && self.alpha_left() <= self.spec.alpha * ROUNDING
    }

    /// Returns the share of each test that begins in one of these places. It is the same for all
    /// tests of the specification, unless less is left. Then the tests that begin now or in later
    /// steps share what is left.
    pub(super) fn next_share(&self, new: &[Place<'_>]) -> f64 {
        let shares = &self.status.evidence.shares;
        let step = self.run().map_or(0, |run| run.step);
        let begin_now = new.iter().filter(|place| self.needs_share(place)).map(Place::test);
        let mut waiting: BTreeSet<String> = begin_now.collect();
        let uses = self.uses();
        let later = uses.iter().filter(|place| place.step.is_none_or(|at| at >= step)).map(Place::test);
        waiting.extend(later.filter(|test| !shares.contains_key(test)));
        self.equal_share().min(self.alpha_left() / waiting.len().max(1) as f64)
    }

    /// Returns the error probability that a metric in a new place may use, and records it. A duel
    /// has one share in all its places.
    pub(super) fn take_share(&mut self, place: &Place<'_>, next: f64) -> f64 {
        if place.metric.dry_run {
            return self.equal_share();
        }
        let needs_share = self.needs_share(place);
        let taken = self.status.evidence.shares.entry(place.test()).or_default();
        if !needs_share {
            return *taken;
        }
        *taken += next;
        next
    }

    fn needs_share(&self, place: &Place<'_>) -> bool {
        let is_known_duel = place.is_duel() && self.status.evidence.shares.contains_key(&place.test());
        !place.metric.dry_run && !is_known_duel
    }

    fn alpha_left(&self) -> f64 {
        self.spec.alpha - self.status.evidence.shares.values().sum::<f64>()
    }

    /// Returns the error probability divided by the number of tests of the specification.
    fn equal_share(&self) -> f64 {
        let tests: BTreeSet<String> = self.uses().iter().map(Place::test).collect();
        share(self.spec.alpha, tests.len())
    }

    /// Returns all places of the specification in which a metric has an effect.
    fn uses(&self) -> Vec<Place<'a>> {
        let spec = self.spec;
        let mut uses: Vec<Place<'a>> = Vec::new();
        if let Some(background) = &spec.analysis {
            uses.extend(spec.named(&background.metrics).map(Place::in_background));
        }
        for (index, step) in spec.steps.iter().enumerate() {
            if let Some(StepKind::Analysis(names)) = step.kind() {
                uses.extend(spec.named(names).map(|metric| Place::in_step(metric, index as u32)));
            }
        }
        uses.retain(|place| !place.metric.dry_run);
        uses
    }
}
