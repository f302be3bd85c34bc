//! The calls of inference and the monitor. Protobuf types are named here and below only.

mod duels;
mod routing;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub(crate) mod wire;

pub(crate) use duels::duel;
pub(crate) use routing::{ChangeError, set_route, status};
pub(crate) use wire::Answer;
