//! The gRPC and HTTP services of the role, its calls of inference, and the records of the
//! predictions topic. Only the files below name wire messages.

mod grpc;
mod http;
mod inference;
mod served;
mod wire;

pub(crate) use grpc::MonitorHandler;
pub(crate) use http::routes;
pub(crate) use inference::InferenceClient;
pub(crate) use served::decode_shown;
