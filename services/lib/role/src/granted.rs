//! What a process has opened, and the part of it that one role may use.

use std::path::PathBuf;
use std::sync::Arc;

use marquee_domain::{Clock, Scale};
use marquee_kit::Transport;
use marquee_model::{SigningKey, VerifyingKey};
use marquee_onnx::Runtime;
use marquee_ports::{NoTracker, ObjectStore, OnlineStore, RatingLog, Tracker};
use thiserror::Error;

use crate::{Needs, Resource};

/// Everything that a process has opened for its roles. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resources {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The scale of the ratings.
    pub scale: Scale,
    /// Names this process among those that share its object store. No other process of the
    /// deployment may have the name at the same time.
    pub instance: String,
    /// The folder of what this process keeps for itself.
    pub data_dir: PathBuf,
    /// The log of ratings and movies.
    pub log: Option<Arc<dyn RatingLog>>,
    /// The online store.
    pub store: Option<Arc<dyn OnlineStore>>,
    /// The store of the monitor.
    pub monitor_store: Option<Arc<dyn OnlineStore>>,
    /// The object store.
    pub objects: Option<Arc<dyn ObjectStore>>,
    /// ONNX Runtime.
    pub onnx: Option<Runtime>,
    /// The private key that signs packages.
    pub signing_key: Option<SigningKey>,
    /// The public key that verifies packages.
    pub verifying_key: Option<VerifyingKey>,
    /// The feature stores, in the order in which they are asked.
    pub features: Vec<Transport>,
    /// The inference instances, in the order in which they are asked.
    pub inference: Vec<Transport>,
    /// The monitors, in the order in which they are asked.
    pub monitor: Vec<Transport>,
    /// Takes what people look at in a tracking system.
    pub tracker: Arc<dyn Tracker>,
}

/// The resources of one role.
///
/// **Invariant:** a role gets what its [`Needs`] name and nothing else.
#[derive(Debug, Clone)]
pub struct Granted {
    role: &'static str,
    needs: Needs,
    resources: Resources,
}

/// A role asked for something that it did not get.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotGranted {
    /// Its needs do not name it.
    #[error("role {role}: uses {resource} without asking for it; add it to the role's needs")]
    NotNeeded {
        /// The role.
        role: &'static str,
        /// What it asked for.
        resource: Resource,
    },
    /// The process has not opened it.
    #[error("role {role}: needs {resource}, which this process has not opened")]
    NotOpened {
        /// The role.
        role: &'static str,
        /// What it asked for.
        resource: Resource,
    },
}

impl Resources {
    /// Returns the part that a role asked for.
    pub fn grant(&self, role: &'static str, needs: Needs) -> Granted {
        let resources = Self {
            clock: Arc::clone(&self.clock),
            scale: self.scale,
            instance: self.instance.clone(),
            data_dir: self.data_dir.clone(),
            log: self.log.clone().filter(|_| needs.log || needs.optional_log),
            store: self.store.clone().filter(|_| needs.store),
            monitor_store: self.monitor_store.clone().filter(|_| needs.monitor_store),
            objects: self.objects.clone().filter(|_| needs.objects || needs.optional_objects),
            onnx: self.onnx.clone().filter(|_| needs.onnx),
            signing_key: self.signing_key.clone().filter(|_| needs.sign.is_some()),
            verifying_key: self.verifying_key.clone().filter(|_| needs.verify),
            features: if needs.features { self.features.clone() } else { Vec::new() },
            inference: if needs.inference { self.inference.clone() } else { Vec::new() },
            monitor: if needs.monitor { self.monitor.clone() } else { Vec::new() },
            tracker: if needs.tracker { Arc::clone(&self.tracker) } else { Arc::new(NoTracker) },
        };
        Granted { role, needs, resources }
    }
}

impl Granted {
    /// Returns the time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.resources.clock)
    }

    /// Returns the scale of the ratings.
    pub fn scale(&self) -> Scale {
        self.resources.scale
    }

    /// Returns the name of this process among those that share its object store.
    pub fn instance(&self) -> String {
        self.resources.instance.clone()
    }

    /// Returns the folder of what this role keeps on this machine. It may not exist yet.
    pub fn state_dir(&self) -> PathBuf {
        self.resources.data_dir.join(self.role)
    }

    /// Returns the log of ratings and movies.
    ///
    /// # Errors
    /// The role did not ask for it.
    pub fn log(&self) -> Result<Arc<dyn RatingLog>, NotGranted> {
        self.take(Resource::Log, self.resources.log.clone())
    }

    /// Returns the log of ratings and movies, or `None` if the process has not opened one or the
    /// role did not ask for it. It may be away.
    pub fn optional_log(&self) -> Option<Arc<dyn RatingLog>> {
        self.resources.log.clone()
    }

    /// Returns the online store.
    ///
    /// # Errors
    /// The role did not ask for it.
    pub fn store(&self) -> Result<Arc<dyn OnlineStore>, NotGranted> {
        self.take(Resource::Store, self.resources.store.clone())
    }

    /// Returns the store of the monitor.
    ///
    /// # Errors
    /// The role did not ask for it.
    pub fn monitor_store(&self) -> Result<Arc<dyn OnlineStore>, NotGranted> {
        self.take(Resource::MonitorStore, self.resources.monitor_store.clone())
    }

    /// Returns the object store.
    ///
    /// # Errors
    /// The role did not ask for it.
    pub fn objects(&self) -> Result<Arc<dyn ObjectStore>, NotGranted> {
        self.take(Resource::Objects, self.resources.objects.clone())
    }

    /// Returns the object store, or `None` if the process has not opened one or the role did not
    /// ask for it.
    pub fn optional_objects(&self) -> Option<Arc<dyn ObjectStore>> {
        self.resources.objects.clone()
    }

    /// Returns ONNX Runtime.
    ///
    /// # Errors
    /// The role did not ask for it.
    pub fn onnx(&self) -> Result<Runtime, NotGranted> {
        self.take(Resource::Onnx, self.resources.onnx.clone())
    }

    /// Returns the private key that signs packages.
    ///
    /// # Errors
    /// The role did not ask for it.
    pub fn signing_key(&self) -> Result<SigningKey, NotGranted> {
        self.take(Resource::Sign, self.resources.signing_key.clone())
    }

    /// Returns the public key that verifies packages.
    ///
    /// # Errors
    /// The role did not ask for it.
    pub fn verifying_key(&self) -> Result<VerifyingKey, NotGranted> {
        self.take(Resource::Verify, self.resources.verifying_key.clone())
    }

    /// Returns the feature stores, at least one, in the order in which they are to be asked.
    ///
    /// # Errors
    /// The role did not ask for them.
    pub fn features(&self) -> Result<Vec<Transport>, NotGranted> {
        self.take_some(Resource::Features, &self.resources.features)
    }

    /// Returns the inference instances, at least one, in the order in which they are to be asked.
    ///
    /// # Errors
    /// The role did not ask for them.
    pub fn inference(&self) -> Result<Vec<Transport>, NotGranted> {
        self.take_some(Resource::Inference, &self.resources.inference)
    }

    /// Returns the monitors, at least one, in the order in which they are to be asked.
    ///
    /// # Errors
    /// The role did not ask for them.
    pub fn monitor(&self) -> Result<Vec<Transport>, NotGranted> {
        self.take_some(Resource::Monitor, &self.resources.monitor)
    }

    /// Returns the tracker. It drops what it gets if no tracking system is set, or if the role did
    /// not ask for it.
    pub fn tracker(&self) -> Arc<dyn Tracker> {
        Arc::clone(&self.resources.tracker)
    }

    /// Returns transports, at least one.
    fn take_some(&self, resource: Resource, transports: &[Transport]) -> Result<Vec<Transport>, NotGranted> {
        self.take(resource, (!transports.is_empty()).then(|| transports.to_vec()))
    }

    fn take<T>(&self, resource: Resource, opened: Option<T>) -> Result<T, NotGranted> {
        let role = self.role;
        if !self.needs.includes(resource) {
            return Err(NotGranted::NotNeeded { role, resource });
        }
        opened.ok_or(NotGranted::NotOpened { role, resource })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use marquee_domain::SystemClock;
    use marquee_ports::TrackingEvent;

    use super::*;

    /// A tracker that keeps what it gets.
    #[derive(Debug, Default)]
    struct Events(Mutex<Vec<TrackingEvent>>);

    impl Tracker for Events {
        fn record(&self, event: TrackingEvent) {
            self.0.lock().expect("a lock").push(event);
        }
    }

    fn resources() -> Resources {
        let key = SigningKey::generate().expect("randomness");
        Resources {
            clock: Arc::new(SystemClock),
            scale: Scale::try_new(1.0, 5.0, 1.0).expect("a scale"),
            instance: "one".to_owned(),
            data_dir: PathBuf::from("/data"),
            log: None,
            store: None,
            monitor_store: None,
            objects: None,
            onnx: None,
            verifying_key: Some(key.verifying_key()),
            signing_key: Some(key),
            features: vec![Transport::connect("http://127.0.0.1:1").expect("an address")],
            inference: vec![Transport::connect("http://127.0.0.1:2").expect("an address")],
            monitor: vec![Transport::connect("http://127.0.0.1:3").expect("an address")],
            tracker: Arc::new(Events::default()),
        }
    }

    #[tokio::test]
    async fn a_role_gets_what_it_asked_for_and_nothing_else() {
        let granted = resources().grant("inference", Needs { verify: true, features: true, ..Needs::default() });
        assert!(granted.verifying_key().is_ok());
        assert_eq!(granted.features().map(|features| features.len()), Ok(1));
        let error = granted.signing_key().expect_err("not asked for");
        assert_eq!(
            error.to_string(),
            "role inference: uses the signing key without asking for it; add it to the role's needs"
        );
        assert!(granted.resources.signing_key.is_none(), "the key is not even there");
        assert!(granted.log().is_err_and(|error| error.to_string().contains("the rating log")));
        assert!(granted.inference().is_err_and(|error| error.to_string().contains("the inference instances")));
        assert!(granted.resources.inference.is_empty());
        assert_eq!(granted.state_dir(), PathBuf::from("/data/inference"));
    }

    #[tokio::test]
    async fn a_role_that_did_not_ask_for_the_tracker_tells_it_nothing() {
        let granted = |tracker| resources().grant("trainer", Needs { tracker, ..Needs::default() }).tracker();
        assert_eq!(format!("{:?}", granted(false)), "NoTracker");
        assert!(format!("{:?}", granted(true)).starts_with("Events"));
    }

    #[tokio::test]
    async fn what_was_not_opened_is_refused_with_the_name_of_the_role() {
        let granted = resources().grant("ingest", Needs { log: true, ..Needs::default() });
        let error = granted.log().expect_err("not opened");
        assert_eq!(error, NotGranted::NotOpened { role: "ingest", resource: Resource::Log });
        assert!(error.to_string().contains("role ingest: needs the rating log"), "{error}");
    }
}
