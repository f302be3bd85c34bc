//! The lease that makes one trainer of many work: an object that names its holder and the time until which it is held.
//!
//! Every change is a conditional write, so that two trainers never both believe that they took it. A holder that dies is replaced once its time is over; a
//! holder of the same name takes it back at once, which is right where a name is exclusive (a data folder that one process owns). Clocks of trainers may differ
//! by less than the time of a lease: a holder gives up well before the others would take over.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Clock, Timestamp};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition};
use serde::{Deserialize, Serialize};

/// Where it stands.
const KEY: &str = "leases/trainer.json";

/// What the object says.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    holder: String,
    until: Timestamp,
}

/// One trainer's view of the lease.
#[derive(Debug)]
pub(crate) struct Lease {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    holder: String,
    time: Duration,
}

impl Lease {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, holder: String, time: Duration) -> Self {
        Self { objects, clock, holder, time }
    }

    /// Takes the lease, or renews it. False: somebody else has it.
    pub(crate) async fn hold(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        self.write(now.plus(self.time), |present| present.holder == self.holder || present.until <= now).await
    }

    /// Gives it back, if it is ours.
    pub(crate) async fn release(&self) -> Result<(), Error> {
        self.write(Timestamp::EPOCH, |present| present.holder == self.holder).await.map(drop)
    }

    /// How often it should be renewed: thrice a lease, so that one slow write does not lose it.
    pub(crate) fn renewal(&self) -> Duration {
        self.time / 3
    }

    async fn write(&self, until: Timestamp, may: impl Fn(&Content) -> bool) -> Result<bool, Error> {
        let key = ObjectKey::try_new(KEY).map_err(|error| Error::new(ErrorKind::Invalid, "name the lease", error))?;
        let precondition = match self.objects.get(&key).await? {
            None => Precondition::Absent,
            // Nobody can hold what cannot be read.
            Some(object) => match serde_json::from_slice::<Content>(&object.bytes) {
                Ok(present) if !may(&present) => return Ok(false),
                _ => Precondition::Matches(object.tag),
            },
        };
        let content = Content { holder: self.holder.clone(), until };
        let json =
            serde_json::to_vec(&content).map_err(|error| Error::new(ErrorKind::Invalid, "encode the lease", error))?;
        match self.objects.put(&key, Bytes::from(json), precondition).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }
}
