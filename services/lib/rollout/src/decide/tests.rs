//! The state machine against a fleet in memory.

mod commands;
mod crashes;
mod fleet;
mod metrics;
mod outages;
mod properties;
mod rollouts;
