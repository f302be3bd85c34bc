//! The API of the role. Only the files below name protobuf types; everything behind them speaks
//! the types of the domain.

pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod wire;
