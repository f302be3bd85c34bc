//! Consumer groups of one process: their members, and which partitions each member has.
//!
//! Partition p belongs to member p mod m, in the order of joining. Every change of membership is a
//! new generation. A subscription that sees one takes its assignment again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use marquee_domain::Partition;
use marquee_ports::Topic;
use tokio::sync::watch;

/// Members of a group, in the order of joining.
type Members = Vec<u64>;

/// Every group of a log.
#[derive(Debug, Default)]
pub(crate) struct Groups(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next_member: u64,
    groups: HashMap<(Topic, String), Arc<watch::Sender<Members>>>,
}

/// The membership of one subscription in its group. Dropping it leaves the group.
#[derive(Debug)]
pub(crate) struct Membership {
    member: u64,
    group: Arc<watch::Sender<Members>>,
    pub(crate) changes: watch::Receiver<Members>,
}

impl Groups {
    pub(crate) fn join(&self, topic: Topic, group: &str) -> Membership {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let member = table.next_member;
        table.next_member += 1;
        let group = Arc::clone(
            table.groups.entry((topic, group.to_owned())).or_insert_with(|| Arc::new(watch::Sender::new(Vec::new()))),
        );
        drop(table);
        group.send_modify(|members| members.push(member));
        let mut changes = group.subscribe();
        changes.mark_changed();
        Membership { member, group, changes }
    }
}

impl Membership {
    /// Returns the partitions of this member in the present generation.
    pub(crate) fn assignment(&mut self, partitions: u32) -> Vec<Partition> {
        let members = self.changes.borrow_and_update();
        let Some(index) = members.iter().position(|&member| member == self.member) else { return Vec::new() };
        (0..partitions).filter(|p| *p as usize % members.len() == index).map(Partition).collect()
    }

    /// Returns whether membership changed since the last call of [`Self::assignment`].
    pub(crate) fn is_stale(&self) -> bool {
        // The sender lives in `self`, so this can't fail.
        self.changes.has_changed().unwrap_or(false)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.group.send_modify(|members| members.retain(|&member| member != self.member));
    }
}
