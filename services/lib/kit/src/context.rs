//! What a process lends to the roles that it runs.

use crate::{Compute, Health, Metrics, Stop, Tasks};

/// Handed to every role when it starts. Cheap to clone; two fleets in one process have two.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Where metrics are registered.
    pub metrics: Metrics,
    /// Where a role says whether it can serve.
    pub health: Health,
    /// Where background work runs, named and supervised.
    pub tasks: Tasks,
    /// Where CPU work runs that takes over half a millisecond.
    pub compute: Compute,
    /// Cancelled when background work must end.
    pub stop: Stop,
}
