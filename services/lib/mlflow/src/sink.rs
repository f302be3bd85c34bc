//! What carries out the events of a queue.

use marquee_domain::{RunId, Version};
use marquee_ports::{TrackedRoute, TrackingEvent};

use crate::{Error, Metric};

/// Carries out events.
pub(crate) trait Sink: Send {
    /// Logs metrics of a run.
    fn measure(&mut self, run: &RunId, metrics: &[Metric]) -> impl Future<Output = Result<(), Error>> + Send;

    /// Carries out another event.
    fn deliver(&mut self, event: &TrackingEvent) -> impl Future<Output = Result<(), Error>> + Send;

    /// Lets aliases follow a route. Returns the version that is not registered yet, if there is
    /// one.
    fn route(&mut self, route: &TrackedRoute) -> impl Future<Output = Result<Option<Version>, Error>> + Send;
}
