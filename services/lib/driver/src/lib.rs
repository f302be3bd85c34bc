//! Drives rollouts: observes the fleet, decides, and changes the route.
//!
//! The controller of a fleet and the operator on Kubernetes share this crate. They differ in where
//! a rollout is stored and in how the instances are found. A round of a rollout has four parts:
//!
//! 1. [`Driver::observe`] asks every instance and the monitor, side by side, each with a deadline.
//!    What does not answer is an observation and not an error.
//! 2. [`Driver::decide`] calls the pure state machine of `marquee-rollout`.
//! 3. The caller stores the new status, on the condition that nothing else has changed the rollout.
//! 4. [`Driver::apply`] changes the route, on the condition that nothing else has changed it.
//!
//! **Invariant:** a driver that dies between any two parts leaves nothing half done, because the
//! route follows from the stored status and is compared with it in the next round
//! (`a_route_change_that_was_lost_is_made_in_the_next_round`).

mod api;
mod apply;
mod driver;
mod evidence;
mod instances;
mod observe;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "testing"))]
pub use api::testing;
pub use apply::ApplyError;
pub use driver::{Driver, Observed};
pub use evidence::{Evidence, Monitors};
pub use instances::{Endpoint, FixedInstances, Instances};

/// Something that a round needs does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

impl Unreachable {
    /// Creates the error. The text says what does not answer, and why.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
