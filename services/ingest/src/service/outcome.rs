//! What became of a batch, and how it is told.

use std::collections::BTreeMap;

use marquee_domain::{Offset, Partition, Position, Violation};
use marquee_ports::NewRecord;
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;

/// A batch that was validated: what holds waits for the log, what does not is on the rejected topic.
pub(super) struct Prepared {
    pub(super) total: usize,
    pub(super) accepted: Vec<(usize, NewRecord)>,
    pub(super) rejected: Vec<(usize, Vec<Violation>)>,
}

/// The outcome of a batch.
pub(super) struct Outcome {
    pub(super) accepted: u64,
    pub(super) rejected: Vec<(usize, Vec<Violation>)>,
    /// One a rating, absent where rejected.
    pub(super) positions: Vec<Option<Position>>,
}

impl Outcome {
    /// What was rejected, each with its place in the batch.
    pub(super) fn wire_rejected(self) -> Vec<pb::RejectedRating> {
        self.rejected
            .into_iter()
            .map(|(index, violations)| pb::RejectedRating {
                index: index as u32,
                violations: violations
                    .into_iter()
                    .map(|v| pb::FieldViolation {
                        field: format!("ratings[{index}].{}", v.field),
                        description: v.description,
                        reason: v.reason.as_str().to_owned(),
                    })
                    .collect(),
            })
            .collect()
    }

    /// The last position of each partition.
    pub(super) fn last_positions(&self) -> Vec<pb::Position> {
        let mut last: BTreeMap<Partition, Offset> = BTreeMap::new();
        for position in self.positions.iter().flatten() {
            let offset = last.entry(position.partition).or_insert(position.offset);
            *offset = (*offset).max(position.offset);
        }
        last.into_iter().map(|(partition, offset)| convert::position(Position { partition, offset })).collect()
    }
}
