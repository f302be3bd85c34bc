//! What the trainer role needs from its process.

use std::sync::Arc;

use marquee_domain::{Clock, Scale};
use marquee_model::SigningKey;
use marquee_onnx::Runtime;
use marquee_ports::{ObjectStore, RatingLog, Tracker};

/// What the trainer needs from the process.
#[derive(Debug, Clone)]
pub struct Dependencies {
    /// The ratings and the movies.
    pub log: Arc<dyn RatingLog>,
    /// The runs, the packages and the archive.
    pub objects: Arc<dyn ObjectStore>,
    /// The time of runs and packages.
    pub clock: Arc<dyn Clock>,
    /// The scale of the ratings.
    pub scale: Scale,
    /// The key that signs packages. `None`: packages are not signed.
    pub signing_key: Option<SigningKey>,
    /// Runs the exported graphs to compare them with the trainer's own predictions.
    pub runtime: Runtime,
    /// Names this trainer in the lease. No other trainer of the deployment may have the same name
    /// at the same time.
    pub instance: String,
    /// Is told about runs.
    pub tracker: Arc<dyn Tracker>,
}
