//! The online store over Redis 7: one server, the primary that sentinels name, or a cluster, with
//! or without TLS. The only crate that uses the `redis` crate.
//!
//! The rows of a partition, its marker, its lease and the list of its rows share a hash tag:
//! `…{p3}:<key>`, `…{p3}@`, `…{p3}@lease` and `…{p3}@known`. So they share a slot and therefore a
//! server, also while a cluster moves the slot.
//!
//! A batch is written by one or more scripts, in order, and the last one moves the marker. A server
//! that is killed, fails over or is replaced may lose its newest writes, because the append-only
//! file is synced once a second. The lost writes are then the end of what was written in the slot,
//! rows and marker together. Taking a lease is a write in the slot too, so a loss of anything that
//! was stored before takes the lease with it.
//!
//! **Invariant:** a script writes rows only if the marker is not behind what its lease wrote, and
//! if its lease is the newest one (the conformance suite of `marquee-ports`). **Invariant:** a call
//! ends within [`Settings::deadline`] (the tests with a paused server in `tests/`).

mod address;
mod client;
mod connection;
mod error;
mod failure;
mod known;
mod layout;
mod lease;
mod link;
mod node;
mod script;
mod sentinel;
mod settings;
mod store;
mod tls;
mod watch;

pub use error::ConnectError;
pub use settings::Settings;
pub use store::RedisStore;
