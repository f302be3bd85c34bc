//! Where a metric is measured, and which test it is there.

use crate::{Metric, MetricStatus, Scope, Test};

/// A metric in the place where it is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) metric: &'a Metric,
    pub(super) scope: Scope,
    /// The index of the step, from 0. `None` in the background.
    pub(super) step: Option<u32>,
}

impl<'a> Place<'a> {
    pub(super) fn in_background(metric: &'a Metric) -> Self {
        Self { metric, scope: Scope::Background, step: None }
    }

    pub(super) fn in_step(metric: &'a Metric, step: u32) -> Self {
        Self { metric, scope: Scope::Step, step: Some(step) }
    }

    /// Returns whether a status is that of the metric in this place.
    pub(super) fn is_of(&self, status: &MetricStatus) -> bool {
        self.metric.name == status.name && self.scope == status.scope && self.step == status.step
    }

    pub(super) fn is_duel(&self) -> bool {
        matches!(self.metric.test(), Some(Test::Duel(_)))
    }

    /// Returns the name of the test. A duel is one test in all its places. Names of metrics have no
    /// slash, so names of tests are unique.
    pub(super) fn test(&self) -> String {
        let name = &self.metric.name;
        match self.step {
            _ if self.is_duel() => name.clone(),
            Some(step) => format!("{name}/{step}"),
            None => format!("{name}/background"),
        }
    }
}
