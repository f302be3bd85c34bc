//! What a collector works with.

use std::sync::Arc;
use std::time::Duration;

use marquee_domain::Clock;
use marquee_ports::ObjectStore;

use crate::destination::Destination;

/// What a collector works with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Holds the states and the raw bytes.
    pub objects: Arc<dyn ObjectStore>,
    /// Takes ratings and movies.
    pub destination: Arc<dyn Destination>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How long a source that fails is asked again within a round.
    pub patience: Duration,
}
