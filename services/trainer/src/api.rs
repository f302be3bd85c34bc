//! `marquee.training.v1` over gRPC. The only place of the trainer that knows its wire messages.

mod grpc;
mod wire;

pub(crate) use grpc::Handler;
pub use grpc::Server;
