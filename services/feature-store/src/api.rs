//! The gRPC services of the role. Only the files below name wire messages; everything behind them
//! speaks the types of the domain.

mod feast;
mod grpc;
mod history;
mod wire;

pub(crate) use feast::FeastHandler;
pub(crate) use grpc::FeaturesHandler;
pub(crate) use history::HistoryHandler;

/// Largest request in bytes.
const MAX_REQUEST: usize = 16 << 20;

/// Largest answer in bytes.
const MAX_MESSAGE: usize = 64 << 20;

/// Most entities of a call that reads features by name.
const MOST_ENTITIES: usize = 10_000;
