//! The online store over Redis 7, one server or a cluster. The only crate that knows the `redis` crate.
//!
//! All rows that one partition of the log feeds, and the partition's marker, share a hash tag, hence a slot, hence a server: `…{p3}:<key>` and `…{p3}@`. A
//! batch is a few scripts over that slot, in order, of which the last one moves the marker. So whatever a server loses when it is killed, fails over or is replaced (an
//! append-only file is written every second) is the end of what was written there, rows and marker together, and the marker tells from where to read the
//! log again. A script that finds the marker behind what this process wrote before says so, and nothing of it is written: the consumer then reads
//! the marker anew and replays. When a cluster moves a slot, rows and marker move with it.
//!
//! What must stay true: rows of a partition are never written without its marker's consent; a call ends within [`Settings::deadline`].

mod link;
mod settings;
mod store;

pub use settings::Settings;
pub use store::{ConnectError, RedisStore};
