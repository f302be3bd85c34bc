//! What a role asks for.

use std::fmt;
use std::path::PathBuf;

/// What must be opened for a role. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// The log of ratings and movies.
    pub log: bool,
    /// The log, if the process has one that other processes can reach or another role of the
    /// process needs it. The role works without it, and starts while it is away.
    pub optional_log: bool,
    /// The online store.
    pub store: bool,
    /// The store of the monitor, which is apart from the online store.
    pub monitor_store: bool,
    /// The object store.
    pub objects: bool,
    /// The object store, if the process has one that other processes can reach. The role works
    /// without it.
    pub optional_objects: bool,
    /// ONNX Runtime.
    pub onnx: bool,
    /// The private key that signs packages. An empty path means the key pair of the data folder.
    pub sign: Option<PathBuf>,
    /// The public key that verifies packages.
    pub verify: bool,
    /// The feature stores, in this process or in others.
    pub features: bool,
    /// The inference instances, in this process or in others.
    pub inference: bool,
    /// The monitors, in this process or in others.
    pub monitor: bool,
    /// The tracker. Where no tracking system is set, it drops what it gets.
    pub tracker: bool,
}

/// One thing that a role can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The log of ratings and movies.
    Log,
    /// The online store.
    Store,
    /// The store of the monitor.
    MonitorStore,
    /// The object store.
    Objects,
    /// ONNX Runtime.
    Onnx,
    /// The private key that signs packages.
    Sign,
    /// The public key that verifies packages.
    Verify,
    /// The feature stores.
    Features,
    /// The inference instances.
    Inference,
    /// The monitors.
    Monitor,
}

impl Needs {
    /// Returns what at least one of two roles needs. Of two private keys the first one stays.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            log: self.log || other.log,
            optional_log: self.optional_log || other.optional_log,
            store: self.store || other.store,
            monitor_store: self.monitor_store || other.monitor_store,
            objects: self.objects || other.objects,
            optional_objects: self.optional_objects || other.optional_objects,
            onnx: self.onnx || other.onnx,
            sign: self.sign.or(other.sign),
            verify: self.verify || other.verify,
            features: self.features || other.features,
            inference: self.inference || other.inference,
            monitor: self.monitor || other.monitor,
            tracker: self.tracker || other.tracker,
        }
    }

    /// Returns whether a resource was asked for.
    pub fn includes(&self, resource: Resource) -> bool {
        match resource {
            Resource::Log => self.log,
            Resource::Store => self.store,
            Resource::MonitorStore => self.monitor_store,
            Resource::Objects => self.objects,
            Resource::Onnx => self.onnx,
            Resource::Sign => self.sign.is_some(),
            Resource::Verify => self.verify,
            Resource::Features => self.features,
            Resource::Inference => self.inference,
            Resource::Monitor => self.monitor,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "the rating log",
            Self::Store => "the online store",
            Self::MonitorStore => "the monitor's store",
            Self::Objects => "the object store",
            Self::Onnx => "ONNX Runtime",
            Self::Sign => "the signing key",
            Self::Verify => "the verifying key",
            Self::Features => "the feature stores",
            Self::Inference => "the inference instances",
            Self::Monitor => "the monitors",
        })
    }
}
