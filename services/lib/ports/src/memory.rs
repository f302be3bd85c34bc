//! Ports in memory, for unit tests of the roles: fast, deterministic, and with scripted [`Faults`].

pub mod fault;

pub use fault::{Call, Fault, Faults, Step};
