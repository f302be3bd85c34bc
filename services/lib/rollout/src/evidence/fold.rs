//! Adds what was observed to the evidence.
//!
//! The counters of an instance are cumulative and begin at 0 with every incarnation. The evidence
//! remembers the last counters of each instance, and adds what came since. What an instance counted
//! before the rollout is left out.

use std::time::Duration;

use marquee_domain::{Timestamp, Version};

use super::{Above, BlockSums, Counters, DuelEvidence, Evidence, InstanceCounters, VersionCounters};
use crate::{Histogram, InstanceObservation, InstanceReport, LossSums, Measure, PairObservation, PairSums, Served};

/// The largest number of instances whose counters are remembered. The one that was not seen for the
/// longest time is forgotten first.
const MOST_INSTANCES: usize = 500;

/// What is added of the counters of instances.
#[derive(Debug)]
pub(crate) struct CounterScope<'a> {
    /// The versions of the rollout.
    pub(crate) versions: &'a [Version],
    /// The limits of the latency metrics.
    pub(crate) limits: &'a [Duration],
    /// When the evidence began.
    pub(crate) since: Timestamp,
    /// The present time.
    pub(crate) now: Timestamp,
}

impl Evidence {
    /// Adds what instances counted since they were seen last.
    pub(crate) fn add_instances(&mut self, instances: &[InstanceObservation], scope: &CounterScope<'_>) {
        for instance in instances {
            if let Some(report) = &instance.report {
                self.add_report(&instance.name, report, scope);
            }
        }
        if self.instances.len() > MOST_INSTANCES {
            self.instances.sort_by(|a, b| b.seen_at.cmp(&a.seen_at).then_with(|| a.name.cmp(&b.name)));
            self.instances.truncate(MOST_INSTANCES);
        }
    }

    fn add_report(&mut self, name: &str, report: &InstanceReport, scope: &CounterScope<'_>) {
        let nothing = Served::default();
        let served: Vec<VersionCounters> = scope
            .versions
            .iter()
            .map(|&version| {
                let counters = Counters::of(report.served.get(&version).unwrap_or(&nothing), scope.limits);
                VersionCounters { version, counters }
            })
            .collect();
        let known = self.instances.iter().position(|instance| instance.name == name);
        let before = known.map(|at| self.instances.swap_remove(at));
        let is_same = before.as_ref().is_some_and(|before| before.incarnation == report.incarnation);
        // A process that started since the evidence began counted nothing before it, and so did a
        // process that took the place of one that was seen.
        if is_same || before.is_some() || report.started_at >= scope.since {
            let before = before.filter(|_| is_same).map(|before| before.served);
            for VersionCounters { version, counters } in &served {
                let last = before.as_ref().map(|before| counters_of(before, *version));
                self.total(*version).add(&counters.since(last.as_ref()));
            }
        }
        let incarnation = report.incarnation.clone();
        self.instances.push(InstanceCounters { name: name.to_owned(), incarnation, seen_at: scope.now, served });
    }

    fn total(&mut self, version: Version) -> &mut Counters {
        let at = match self.served.iter().position(|served| served.version == version) {
            Some(at) => at,
            None => {
                self.served.push(VersionCounters { version, counters: Counters::default() });
                self.served.len() - 1
            }
        };
        &mut self.served[at].counters
    }

    /// Returns what a version was asked since the evidence began.
    pub(crate) fn counters(&self, version: Version) -> Counters {
        counters_of(&self.served, version)
    }

    /// Adds what the monitor compared since it was read last. The first sums of a slice are what
    /// was compared before the rollout, and are left out.
    pub(crate) fn add_duel(&mut self, pair: Option<&PairObservation>, slices: &[(&str, Measure)]) {
        for (slice, _) in slices {
            let sums = pair.and_then(|pair| pair.slices.get(*slice)).copied().unwrap_or_default();
            if !sums.is_finite() {
                continue;
            }
            match self.duels.get_mut(*slice) {
                Some(duel) => {
                    let measures = slices.iter().filter(|(other, _)| other == slice).map(|(_, measure)| *measure);
                    duel.add(sums, measures);
                }
                None => {
                    self.duels.insert((*slice).to_owned(), DuelEvidence { seen: sums, ..DuelEvidence::default() });
                }
            }
        }
    }
}

fn counters_of(served: &[VersionCounters], version: Version) -> Counters {
    served.iter().find(|served| served.version == version).map(|served| served.counters.clone()).unwrap_or_default()
}

impl Counters {
    fn of(served: &Served, limits: &[Duration]) -> Self {
        let above = limits.iter().map(|&limit| Above::of(&served.latency, limit)).collect();
        Self { requests: served.requests, errors: served.errors.min(served.requests), above }
    }

    /// Returns what was counted after earlier counters, or everything if there are none. Of a limit
    /// that the earlier counters do not have, nothing is known to be later.
    pub(crate) fn since(&self, before: Option<&Self>) -> Self {
        let Some(before) = before else { return self.clone() };
        let above = self.above.iter().map(|above| {
            let last = before.above.iter().find(|last| last.limit == above.limit).unwrap_or(above);
            Above {
                limit: above.limit,
                requests: above.requests.saturating_sub(last.requests),
                least: above.least.saturating_sub(last.least),
                most: above.most.saturating_sub(last.most),
            }
        });
        Self {
            requests: self.requests.saturating_sub(before.requests),
            errors: self.errors.saturating_sub(before.errors),
            above: above.collect(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        for above in &other.above {
            match self.above.iter_mut().find(|own| own.limit == above.limit) {
                Some(own) => {
                    own.requests = own.requests.saturating_add(above.requests);
                    own.least = own.least.saturating_add(above.least);
                    own.most = own.most.saturating_add(above.most);
                }
                None => self.above.push(*above),
            }
        }
    }

    /// Returns the requests that took longer than a limit, or nothing if the limit is unknown.
    pub(crate) fn above(&self, limit: Duration) -> Above {
        let limit = micros(limit);
        let found = self.above.iter().find(|above| above.limit == limit);
        found.copied().unwrap_or(Above { limit, ..Above::default() })
    }
}

impl Above {
    fn of(latency: &Histogram, limit: Duration) -> Self {
        let mut above = Self { limit: micros(limit), ..Self::default() };
        for (index, count) in latency.counts.iter().enumerate() {
            let from = index.checked_sub(1).and_then(|before| latency.bounds.get(before));
            let to = latency.bounds.get(index);
            let count_if = |counts: bool| if counts { *count } else { 0 };
            // A bucket has latencies above `from`, up to and including `to`.
            above.requests = above.requests.saturating_add(*count);
            above.least = above.least.saturating_add(count_if(from.is_some_and(|from| *from >= limit)));
            above.most = above.most.saturating_add(count_if(to.is_none_or(|to| *to > limit)));
        }
        above
    }
}

fn micros(limit: Duration) -> u64 {
    u64::try_from(limit.as_micros()).unwrap_or(u64::MAX)
}

impl DuelEvidence {
    fn add(&mut self, sums: PairSums, measures: impl Iterator<Item = Measure>) {
        let before = std::mem::replace(&mut self.seen, sums);
        // The monitor never takes ratings back. If it lost some, it is not known which, so what it
        // has is a new beginning.
        let is_less = |measure: Measure| sums.loss(measure).ratings < before.loss(measure).ratings;
        if Measure::ALL.into_iter().any(is_less) || sums.failures < before.failures {
            return;
        }
        for measure in Measure::ALL {
            let more = sums.loss(measure).since(before.loss(measure));
            self.total.loss_mut(measure).add(&more);
        }
        self.total.failures = self.total.failures.saturating_add(sums.failures - before.failures);
        for measure in measures {
            let more = sums.loss(measure).since(before.loss(measure));
            if more.ratings > 0 {
                self.blocks_mut(measure).add(more.ratings, more.difference);
            }
        }
    }

    /// Returns the blocks of a measure.
    pub(crate) fn blocks(&self, measure: Measure) -> &BlockSums {
        match measure {
            Measure::Rmse => &self.squared,
            Measure::Mae => &self.absolute,
            Measure::LogLoss => &self.log_loss,
        }
    }

    fn blocks_mut(&mut self, measure: Measure) -> &mut BlockSums {
        match measure {
            Measure::Rmse => &mut self.squared,
            Measure::Mae => &mut self.absolute,
            Measure::LogLoss => &mut self.log_loss,
        }
    }
}

impl PairSums {
    /// Returns whether all sums are numbers. Others could not be stored.
    fn is_finite(&self) -> bool {
        let parts = |sums: &LossSums| [sums.stable, sums.candidate, sums.difference, sums.difference_squares];
        Measure::ALL.into_iter().flat_map(|measure| parts(self.loss(measure))).all(f64::is_finite)
    }

    /// Returns the sums of a measure's loss.
    pub(crate) fn loss(&self, measure: Measure) -> &LossSums {
        match measure {
            Measure::Rmse => &self.squared,
            Measure::Mae => &self.absolute,
            Measure::LogLoss => &self.log_loss,
        }
    }

    pub(crate) fn loss_mut(&mut self, measure: Measure) -> &mut LossSums {
        match measure {
            Measure::Rmse => &mut self.squared,
            Measure::Mae => &mut self.absolute,
            Measure::LogLoss => &mut self.log_loss,
        }
    }
}

impl LossSums {
    /// Adds one rating, by the losses of both versions.
    pub fn add_rating(&mut self, stable: f64, candidate: f64) {
        let difference = candidate - stable;
        let difference_squares = difference * difference;
        self.add(&Self { ratings: 1, stable, candidate, difference, difference_squares });
    }

    /// Adds the sums of other ratings.
    pub fn add(&mut self, other: &Self) {
        self.ratings = self.ratings.saturating_add(other.ratings);
        self.stable += other.stable;
        self.candidate += other.candidate;
        self.difference += other.difference;
        self.difference_squares += other.difference_squares;
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            ratings: self.ratings.saturating_sub(before.ratings),
            stable: self.stable - before.stable,
            candidate: self.candidate - before.candidate,
            difference: self.difference - before.difference,
            difference_squares: self.difference_squares - before.difference_squares,
        }
    }
}

#[cfg(test)]
mod tests;
