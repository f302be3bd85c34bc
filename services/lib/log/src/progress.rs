//! How far a consumer is in its topic, and what follows from that: readiness and lag. Pure.

use std::collections::BTreeMap;
use std::fmt;

use marquee_domain::{Offset, Partition};
use marquee_ports::Bounds;

use crate::Offsets;

/// The progress of one consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The ends of all partitions at the start of the consumer.
    goal: Option<Offsets>,
    /// The newest known bounds of each partition.
    bounds: BTreeMap<Partition, Bounds>,
    /// The next offset to process of each assigned partition. `None` before the first assignment.
    assigned: Option<Offsets>,
    /// Why the consumer does not consume at present.
    interrupted: Option<String>,
    interruptions: u64,
}

/// The progress in one assigned partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The next offset to process.
    pub next: Offset,
    /// The newest known end of the partition.
    pub end: Offset,
}

impl PartitionProgress {
    /// Returns how many offsets are left to process.
    pub fn lag(self) -> u64 {
        self.end.0.saturating_sub(self.next.0)
    }
}

/// Whether a consumer has caught up with the ends that its topic had when the consumer started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// The group has not yet assigned partitions to this consumer.
    Unassigned,
    /// This many offsets are left up to the ends at the start.
    CatchingUp(u64),
    /// A back-end failed, and the consumer tries again.
    Interrupted(String),
    /// The consumer has caught up. It stays ready while new records arrive. A consumer to which the
    /// group assigned no partition has nothing to catch up with.
    Ready,
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unassigned => f.write_str("waiting for the consumer group to assign partitions"),
            Self::CatchingUp(left) => write!(f, "{left} records behind the log"),
            Self::Interrupted(error) => write!(f, "a back-end failed: {error}"),
            Self::Ready => f.write_str("ready"),
        }
    }
}

impl Progress {
    /// Returns whether the consumer has caught up.
    pub fn readiness(&self) -> Readiness {
        if let Some(error) = &self.interrupted {
            return Readiness::Interrupted(error.clone());
        }
        let (Some(goal), Some(assigned)) = (&self.goal, &self.assigned) else { return Readiness::Unassigned };
        let left = |(partition, next): (&Partition, &Offset)| {
            goal.get(partition).map_or(0, |goal| goal.0.saturating_sub(next.0))
        };
        let left: u64 = assigned.iter().map(left).sum();
        if left == 0 { Readiness::Ready } else { Readiness::CatchingUp(left) }
    }

    /// Returns the progress in each assigned partition, also while the consumer is interrupted. A
    /// partition that was assigned to another consumer is absent.
    pub fn partitions(&self) -> BTreeMap<Partition, PartitionProgress> {
        let progress = |(&partition, &next): (&Partition, &Offset)| {
            let end = self.bounds.get(&partition).map_or(next, |bounds| bounds.end.max(next));
            (partition, PartitionProgress { next, end })
        };
        self.assigned.iter().flatten().map(progress).collect()
    }

    /// Returns the next offset to process of a partition, also while the consumer is interrupted.
    /// `None` if the partition is not assigned.
    pub fn next_offset(&self, partition: Partition) -> Option<Offset> {
        self.assigned.as_ref()?.get(&partition).copied()
    }

    /// Returns the ends that the consumer must reach to be ready, of the partitions that other
    /// consumers of the group have. Empty before the first assignment.
    pub fn goals_of_others(&self) -> Offsets {
        let Some(assigned) = &self.assigned else { return Offsets::new() };
        let goals = self.goal.iter().flatten();
        let others = goals.filter(|(partition, _)| !assigned.contains_key(partition));
        others.map(|(&partition, &goal)| (partition, goal)).collect()
    }

    /// Returns how often the consumer was interrupted since it started.
    pub fn interruptions(&self) -> u64 {
        self.interruptions
    }

    pub(crate) fn is_started(&self) -> bool {
        self.goal.is_some()
    }

    /// Returns the first offset that a partition still has, as far as it is known.
    pub(crate) fn begin(&self, partition: Partition) -> Offset {
        self.bounds.get(&partition).map_or(Offset(0), |bounds| bounds.begin)
    }

    /// Takes new bounds. The ends of the first call are the goal. A goal above the end can never be
    /// reached, so it moves down with an end that shrinks, for example when the log is restored
    /// from a copy.
    pub(crate) fn measure(&mut self, bounds: &[Bounds]) {
        self.bounds = bounds.iter().map(|bounds| (bounds.partition, *bounds)).collect();
        let ends = bounds.iter().map(|bounds| (bounds.partition, bounds.end));
        let Some(goal) = &mut self.goal else {
            self.goal = Some(ends.collect());
            return;
        };
        for (partition, end) in ends {
            goal.entry(partition).and_modify(|goal| *goal = end.min(*goal));
        }
    }

    /// Drops the partitions that were assigned to another consumer.
    pub(crate) fn revoke_others(&mut self, assigned: &[Partition]) {
        self.assigned.iter_mut().for_each(|own| own.retain(|partition, _| assigned.contains(partition)));
    }

    /// Takes the new assignment, with the offset to start at in each partition. Ends an
    /// interruption.
    pub(crate) fn assign(&mut self, starts: Offsets) {
        self.assigned = Some(starts);
        self.interrupted = None;
    }

    /// Notes that the records of a partition before this offset were processed. Returns whether
    /// that is new.
    pub(crate) fn advance(&mut self, partition: Partition, next: Offset) -> bool {
        let own = self.assigned.as_mut().and_then(|assigned| assigned.get_mut(&partition));
        own.is_some_and(|own| std::mem::replace(own, next) != next)
    }

    /// Moves past offsets that have no record. Does nothing if the consumer moved meanwhile.
    pub(crate) fn skip_gap(&mut self, partition: Partition, gap: PartitionProgress) {
        if self.assigned.as_ref().and_then(|assigned| assigned.get(&partition)) == Some(&gap.next) {
            self.advance(partition, gap.end);
        }
    }

    pub(crate) fn interrupt(&mut self, error: &dyn fmt::Display) {
        self.interrupted = Some(error.to_string());
        self.interruptions += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Partition = Partition(0);
    const TWO: Partition = Partition(1);

    fn bounds(ends: [u64; 2]) -> [Bounds; 2] {
        let bounds = |partition, end| Bounds { partition, begin: Offset(0), end: Offset(end) };
        [bounds(ONE, ends[0]), bounds(TWO, ends[1])]
    }

    fn lag(progress: &Progress) -> Vec<(Partition, u64)> {
        progress.partitions().into_iter().map(|(partition, progress)| (partition, progress.lag())).collect()
    }

    /// A consumer that started when the ends were 10 and 20.
    fn started(assigned: impl IntoIterator<Item = (Partition, u64)>) -> Progress {
        let mut progress = Progress::default();
        progress.measure(&bounds([10, 20]));
        progress.assign(assigned.into_iter().map(|(partition, next)| (partition, Offset(next))).collect());
        progress
    }

    #[test]
    fn without_an_assignment_it_is_not_ready() {
        let mut progress = Progress::default();
        assert_eq!(progress.readiness(), Readiness::Unassigned);
        progress.measure(&bounds([0, 0]));
        assert_eq!(progress.readiness(), Readiness::Unassigned);
        progress.assign(Offsets::new());
        assert_eq!(progress.readiness(), Readiness::Ready);
    }

    #[test]
    fn it_is_ready_at_the_ends_of_the_start_and_stays_ready() {
        let mut progress = started([(ONE, 9), (TWO, 15)]);
        assert_eq!(progress.readiness(), Readiness::CatchingUp(6));
        assert!(progress.advance(ONE, Offset(12)) && !progress.advance(ONE, Offset(12)), "it is new once");
        assert_eq!(progress.readiness(), Readiness::CatchingUp(5));
        progress.advance(TWO, Offset(20));
        progress.measure(&bounds([500, 500]));
        assert_eq!(progress.readiness(), Readiness::Ready);
        assert_eq!(lag(&progress), [(ONE, 488), (TWO, 480)]);
    }

    #[test]
    fn an_interruption_lasts_until_the_next_assignment_and_lag_grows_meanwhile() {
        let mut progress = started([(ONE, 10)]);
        progress.interrupt(&"write rows");
        assert_eq!(progress.readiness(), Readiness::Interrupted("write rows".to_owned()));
        progress.measure(&bounds([30, 20]));
        assert_eq!(lag(&progress), [(ONE, 20)]);
        progress.assign(Offsets::from([(ONE, Offset(10))]));
        assert_eq!((progress.readiness(), progress.interruptions()), (Readiness::Ready, 1));
    }

    #[test]
    fn a_goal_above_an_end_that_shrank_is_moved_to_the_end() {
        let mut progress = started([(ONE, 5), (TWO, 20)]);
        assert_eq!(progress.readiness(), Readiness::CatchingUp(5));
        progress.measure(&bounds([7, 20]));
        assert_eq!(progress.readiness(), Readiness::CatchingUp(2));
        progress.measure(&bounds([500, 500]));
        progress.advance(ONE, Offset(7));
        assert_eq!(progress.readiness(), Readiness::Ready);
    }

    #[test]
    fn a_partition_that_moved_away_has_no_lag() {
        let mut progress = started([(ONE, 0), (TWO, 0)]);
        progress.revoke_others(&[TWO]);
        assert_eq!(lag(&progress), [(TWO, 20)]);
        assert!(!progress.advance(ONE, Offset(5)), "another consumer has it");
        assert_eq!(lag(&progress), [(TWO, 20)]);
        assert_eq!((progress.next_offset(ONE), progress.next_offset(TWO)), (None, Some(Offset(0))));
    }

    #[test]
    fn partitions_of_other_consumers_have_a_goal_too() {
        let progress = started([(ONE, 0)]);
        assert_eq!(progress.goals_of_others(), Offsets::from([(TWO, Offset(20))]));
        assert_eq!(Progress::default().goals_of_others(), Offsets::new());
    }

    #[test]
    fn a_gap_is_skipped_only_from_where_it_was_found() {
        let mut progress = started([(ONE, 8)]);
        let gap = PartitionProgress { next: Offset(8), end: Offset(10) };
        progress.skip_gap(ONE, PartitionProgress { next: Offset(7), ..gap });
        assert_eq!(progress.readiness(), Readiness::CatchingUp(2));
        progress.skip_gap(ONE, gap);
        assert_eq!(progress.readiness(), Readiness::Ready);
    }

    #[test]
    fn a_consumer_ahead_of_the_known_end_has_no_lag() {
        let mut progress = started([(ONE, 10)]);
        progress.advance(ONE, Offset(11));
        assert_eq!(lag(&progress), [(ONE, 0)]);
    }
}
