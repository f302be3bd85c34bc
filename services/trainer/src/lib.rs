//! The trainer role: fits, judges, packages and publishes models.
//!
//! A run reads a snapshot of the log, judges the algorithm on the newest ratings, fits it on all of them, exports it as ONNX graphs, proves the export
//! against its own arithmetic, and publishes a signed package. What must stay true: the same ratings and seed give the same model; nothing is chosen on
//! held-out ratings; nothing is published that failed a gate.

mod export;
mod lease;
mod parity;
mod pipeline;
mod runs;
mod service;
mod settings;

pub use marquee_archive::Settings as ArchiveSettings;
pub use service::{Dependencies, Error, Service};
pub use settings::{Gates, Settings};
