//! A lease that lets one process of several work: an object with its holder and its end.
//!
//! Every change is a conditional write, so two processes never both take the lease. When a holder
//! dies, another process takes over after the end. A process with the name of the holder takes the
//! lease at once; that is right because names are exclusive.
//!
//! **Invariant:** at most one process has the lease
//! (`one_process_has_the_lease_until_it_expires_or_is_released`). Clocks must differ by less than a
//! third of a lease: a holder that can't renew stops before another process may take over
//! (`a_holder_that_cannot_renew_stops_before_the_lease_ends`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Clock, Timestamp};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

/// The format that this version writes.
const FORMAT: u32 = 1;

/// How often a change is tried while the object changes.
const TRIES: usize = 3;

/// What a process claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The path of the lease's object, for example `leases/trainer.json`.
    pub key: &'static str,
    /// The name of the process. No other process that claims the lease has it at the same time.
    pub holder: String,
    /// How long the lease lasts without a renewal.
    pub duration: Duration,
}

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

/// One process's access to a lease.
#[derive(Debug)]
pub struct Lease {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    claim: Claim,
}

impl Lease {
    /// Returns access to a lease without taking it.
    pub fn new(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>, claim: Claim) -> Self {
        Self { objects, clock, claim }
    }

    /// Takes the lease, or renews it. Returns `false` if another process has it.
    ///
    /// # Errors
    /// The object store does not answer.
    pub async fn hold(&self) -> Result<bool, Error> {
        let (now, own) = (self.clock.now(), &self.claim.holder);
        self.write(now.plus(self.claim.duration), |present| present.holder == *own || present.until <= now).await
    }

    /// Gives the lease up if this process has it.
    ///
    /// # Errors
    /// The object store does not answer.
    pub async fn release(&self) -> Result<(), Error> {
        self.write(Timestamp::EPOCH, |present| present.holder == self.claim.holder).await.map(drop)
    }

    /// Returns how often the holder renews: three times a lease, so that one slow write does not
    /// lose it.
    pub fn renewal(&self) -> Duration {
        self.claim.duration / 3
    }

    /// Returns what renews the lease, which this process has.
    pub fn keeper(&self) -> Keeper<'_> {
        Keeper { lease: self, renewed: Instant::now() }
    }

    async fn write(&self, until: Timestamp, may: impl Fn(&LeaseDocument) -> bool) -> Result<bool, Error> {
        // A process may renew from two places. A conflict with itself is not a lost lease, so the
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
        let named = ObjectKey::try_new(self.claim.key);
        let key = named.map_err(|error| Error::new(ErrorKind::Invalid, "name the lease", error))?;
        let (mut document, precondition) = match self.objects.get(&key).await? {
            None => (LeaseDocument::default(), Precondition::Absent),
            Some(object) => match serde_json::from_slice::<LeaseDocument>(&object.bytes) {
                Ok(present) if !may(&present) => return Ok(Some(false)),
                // A damaged object has no holder.
                present => (present.unwrap_or_default(), Precondition::Matches(object.tag)),
            },
        };
        document.format = document.format.max(FORMAT);
        self.claim.holder.clone_into(&mut document.holder);
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

/// Renews a lease that this process has, at the interval [`Lease::renewal`].
#[derive(Debug)]
pub struct Keeper<'a> {
    lease: &'a Lease,
    renewed: Instant,
}

impl Keeper<'_> {
    /// Renews the lease. Returns `false` if it is lost, or if it was not renewed for two thirds of
    /// its duration: another process may take over after a whole one, so this one stops earlier.
    ///
    /// # Errors
    /// The object store does not answer, and the lease lasts. Try again.
    pub async fn renew(&mut self) -> Result<bool, Error> {
        match self.lease.hold().await {
            Ok(true) => {
                self.renewed = Instant::now();
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(_) if self.renewed.elapsed() > self.lease.renewal() * 2 => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::ManualClock;
    use marquee_ports::memory::{Fault, MemoryObjects, Step};

    use super::*;

    fn lease(objects: &MemoryObjects, clock: &Arc<ManualClock>, holder: &str) -> Lease {
        let claim = Claim { key: "leases/test.json", holder: holder.to_owned(), duration: Duration::from_secs(15) };
        Lease::new(Arc::new(objects.clone()), Arc::clone(clock) as Arc<dyn Clock>, claim)
    }

    #[tokio::test]
    async fn one_process_has_the_lease_until_it_expires_or_is_released() {
        let (objects, clock) = (MemoryObjects::default(), Arc::new(ManualClock::new(Timestamp::from_seconds(1_000))));
        let (one, other) = (lease(&objects, &clock, "one"), lease(&objects, &clock, "other"));
        assert!(one.hold().await.expect("answers"));
        assert!(!other.hold().await.expect("answers"));
        other.release().await.expect("answers");
        assert!(!other.hold().await.expect("answers"), "a process cannot release the lease of another one");
        clock.set(clock.now().plus(Duration::from_secs(15)));
        assert!(other.hold().await.expect("answers"));
        assert!(!one.hold().await.expect("answers"));
        other.release().await.expect("answers");
        assert!(one.hold().await.expect("answers"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_that_cannot_renew_stops_before_the_lease_ends() {
        let (objects, clock) = (MemoryObjects::default(), Arc::new(ManualClock::new(Timestamp::from_seconds(1_000))));
        let lease = lease(&objects, &clock, "one");
        assert!(lease.hold().await.expect("answers"));
        let mut keeper = lease.keeper();
        assert!(keeper.renew().await.expect("answers"));
        for read in [3, 4] {
            objects.faults().add(Step::on("get", read, Fault::Fail(ErrorKind::Unavailable)));
        }
        tokio::time::advance(lease.renewal() * 2).await;
        assert!(keeper.renew().await.expect_err("away").is_retryable());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!keeper.renew().await.expect("too late"));
    }

    #[tokio::test]
    async fn a_damaged_lease_has_no_holder_and_unknown_fields_stay() {
        let (objects, clock) = (MemoryObjects::default(), Arc::new(ManualClock::new(Timestamp::from_seconds(1_000))));
        let key = ObjectKey::try_new("leases/test.json").expect("valid");
        objects.put(&key, Bytes::from_static(b"{"), Precondition::None).await.expect("written");
        assert!(lease(&objects, &clock, "one").hold().await.expect("answers"));
        let newer = Bytes::from_static(b"{\"format\":9,\"holder\":\"one\",\"until\":0,\"term\":3}");
        objects.put(&key, newer, Precondition::None).await.expect("written");
        assert!(lease(&objects, &clock, "other").hold().await.expect("answers"));
        let stored = objects.get(&key).await.expect("answers").expect("stored");
        let stored: Value = serde_json::from_slice(&stored.bytes).expect("JSON");
        assert_eq!((&stored["format"], &stored["term"], &stored["holder"]), (&9.into(), &3.into(), &"other".into()));
    }
}
