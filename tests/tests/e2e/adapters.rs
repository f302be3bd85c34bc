//! The adapters over real servers: the suites of the ports, and what only a server that dies can
//! show.

#[path = "adapters/kafka.rs"]
mod kafka;
#[path = "adapters/objects.rs"]
mod objects;
#[path = "adapters/redis.rs"]
mod redis;
