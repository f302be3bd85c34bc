//! The contracts of Marquee in Rust: messages, gRPC clients and servers, and the JSON mapping of
//! proto3.
//!
//! There is one module for each protobuf package. The bindings are committed and checked by
//! `proto/codegen`, so that a build needs neither protoc nor a build script. Field names in JSON
//! are lowerCamelCase, and unknown fields are refused.

#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated bindings carry the .proto files' own comments"
)]

pub mod convert;
pub mod document;
pub mod page;
pub mod record;
mod timestamp;

/// The descriptors of every package, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");

pub use pbjson_types::{Duration, Struct};
pub use timestamp::Timestamp;

/// Ratings as they enter, and the events on the topics.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod ratings {
    /// Package `marquee.ratings.v1`.
    pub mod v1 {
        include!("gen/marquee.ratings.v1.rs");
        include!("gen/marquee.ratings.v1.serde.rs");
    }
}

/// Features of users and movies.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod features {
    /// Package `marquee.features.v1`.
    pub mod v1 {
        include!("gen/marquee.features.v1.rs");
        include!("gen/marquee.features.v1.serde.rs");
    }
}

/// Training runs.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod training {
    /// Package `marquee.training.v1`.
    pub mod v1 {
        include!("gen/marquee.training.v1.rs");
        include!("gen/marquee.training.v1.serde.rs");
    }
}

/// Predictions, recommendations and reasons.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod prediction {
    /// Package `marquee.prediction.v1`.
    pub mod v1 {
        include!("gen/marquee.prediction.v1.rs");
        include!("gen/marquee.prediction.v1.serde.rs");
    }
}

/// The routing table, and rollouts.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod rollout {
    /// Package `marquee.rollout.v1`.
    pub mod v1 {
        include!("gen/marquee.rollout.v1.rs");
        include!("gen/marquee.rollout.v1.serde.rs");
    }
}

/// What the monitor measures.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod monitor {
    /// Package `marquee.monitor.v1`.
    pub mod v1 {
        include!("gen/marquee.monitor.v1.rs");
        include!("gen/marquee.monitor.v1.serde.rs");
    }
}

/// Feast's serving API, which its clients speak.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod feast {
    /// Package `feast.types`.
    pub mod types {
        include!("gen/feast.types.rs");
    }
    /// Package `feast.serving`.
    pub mod serving {
        include!("gen/feast.serving.rs");
    }
}

/// The Open Inference Protocol, version 2, with Triton's extensions.
#[allow(missing_docs, missing_debug_implementations, clippy::all, clippy::unwrap_used, reason = "generated code")]
pub mod inference {
    include!("gen/inference.rs");
}
