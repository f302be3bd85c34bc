//! The lease that lets one trainer of many work: an object with its holder and its end.
//!
//! Every change is a conditional write, so two trainers never both take the lease. When a holder
//! dies, another trainer takes over after the end. A trainer with the name of the holder takes the
//! lease at once; that is right because names are exclusive.
//!
//! Clocks of trainers must differ by less than a third of a lease: a holder that can't renew stops
//! before another trainer may take over.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Clock, Timestamp};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The object of the lease.
const KEY: &str = "leases/trainer.json";

/// The format that this version writes.
const FORMAT: u32 = 1;

/// How often a change is tried while the object changes.
const TRIES: usize = 3;

/// The stored form.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct LeaseDocument {
    format: u32,
    holder: String,
    until: Timestamp,
    /// Fields of a newer form.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// One trainer's access to the lease.
#[derive(Debug)]
pub(crate) struct Lease {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    holder: String,
    duration: Duration,
}

impl Lease {
    pub(crate) fn new(
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        holder: String,
        duration: Duration,
    ) -> Self {
        Self { objects, clock, holder, duration }
    }

    /// Takes the lease, or renews it. Returns `false` if another trainer has it.
    pub(crate) async fn hold(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        self.write(now.plus(self.duration), |present| present.holder == self.holder || present.until <= now).await
    }

    /// Gives the lease up if this trainer has it.
    pub(crate) async fn release(&self) -> Result<(), Error> {
        self.write(Timestamp::EPOCH, |present| present.holder == self.holder).await.map(drop)
    }

    /// Returns how often the holder renews: three times a lease, so that one slow write does not
    /// lose it.
    pub(crate) fn renewal(&self) -> Duration {
        self.duration / 3
    }

    async fn write(&self, until: Timestamp, may: impl Fn(&LeaseDocument) -> bool) -> Result<bool, Error> {
        // This trainer renews from two places. A conflict with itself is not a lost lease, so the
        // object is read again.
        for _ in 0..TRIES {
            if let Some(written) = self.try_write(until, &may).await? {
                return Ok(written);
            }
        }
        Ok(false)
    }

    /// Returns `None` if the object changed meanwhile.
    async fn try_write(&self, until: Timestamp, may: impl Fn(&LeaseDocument) -> bool) -> Result<Option<bool>, Error> {
        let key = ObjectKey::try_new(KEY).map_err(|error| Error::new(ErrorKind::Invalid, "name the lease", error))?;
        let (mut document, precondition) = match self.objects.get(&key).await? {
            None => (LeaseDocument::default(), Precondition::Absent),
            Some(object) => match serde_json::from_slice::<LeaseDocument>(&object.bytes) {
                Ok(present) if !may(&present) => return Ok(Some(false)),
                // A damaged object has no holder.
                present => (present.unwrap_or_default(), Precondition::Matches(object.tag)),
            },
        };
        document.format = document.format.max(FORMAT);
        self.holder.clone_into(&mut document.holder);
        document.until = until;
        let json =
            serde_json::to_vec(&document).map_err(|error| Error::new(ErrorKind::Invalid, "encode the lease", error))?;
        match self.objects.put(&key, Bytes::from(json), precondition).await {
            Ok(_) => Ok(Some(true)),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }
}
