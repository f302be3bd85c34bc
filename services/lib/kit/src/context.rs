//! What a process provides to the roles that it runs.

use crate::{Compute, Health, Metrics, Stop, Tasks};

/// Every role receives this when it starts. Clones are cheap. Two fleets in one process have a
/// context each.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The registry of metrics.
    pub metrics: Metrics,
    /// The health checks, in which a role reports whether it can serve.
    pub health: Health,
    /// The background tasks, which are named and supervised.
    pub tasks: Tasks,
    /// The pool for CPU work that takes over half a millisecond.
    pub compute: Compute,
    /// Canceled when background work must end.
    pub stop: Stop,
}
