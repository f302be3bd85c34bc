//! Step 3 of a reconciliation: what asks the instances and the monitor.

use std::sync::{Arc, PoisonError};

use marquee_driver::{Driver, Endpoint, FixedInstances, Monitors};
use marquee_kit::Transport;

use super::Reconciler;
use super::dereference::{self, Dereferenced};

/// The most connections that are kept.
const MOST_TRANSPORTS: usize = 1_000;

impl Reconciler {
    /// Returns the driver of a round.
    pub(super) fn driver(&self, found: &Dereferenced) -> Driver {
        let spec = &found.rollout.spec;
        let endpoint = |endpoint: &dereference::Endpoint| {
            let transport = self.transport(&endpoint.address, spec.instances.server_name.as_deref())?;
            Some(Endpoint { name: endpoint.name.clone(), ready: endpoint.ready, transport })
        };
        let instances: Vec<Endpoint> = found.instances.iter().filter_map(endpoint).collect();
        let mut monitors: Vec<&dereference::Endpoint> = found.monitors.iter().collect();
        // One that is ready is asked first.
        monitors.sort_by_key(|monitor| !monitor.ready);
        let name = spec.monitor.as_ref().and_then(|monitor| monitor.server_name.as_deref());
        let monitors = monitors.into_iter().filter_map(|monitor| self.transport(&monitor.address, name)).collect();
        Driver::new(Arc::new(FixedInstances::from(instances)), Arc::new(Monitors::new(monitors)), self.deadline)
    }

    /// Returns the connection to an address, which all rounds share. `name` is the one that the
    /// certificate must have in place of the address.
    fn transport(&self, address: &str, name: Option<&str>) -> Option<Transport> {
        let key = (address.to_owned(), name.map(str::to_owned));
        let mut transports = self.transports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transport) = transports.get(&key) {
            return Some(transport.clone());
        }
        // Addresses of Pods that are gone do not pile up.
        if transports.len() >= MOST_TRANSPORTS {
            transports.clear();
        }
        match Transport::connect_named(address, &self.settings, name) {
            Ok(transport) => {
                transports.insert(key, transport.clone());
                Some(transport)
            }
            Err(error) => {
                tracing::warn!(address, error = marquee_kit::chain(&error), "an endpoint cannot be called");
                None
            }
        }
    }
}
