//! Calls of inference: what an instance routes, and changes of the route.

use marquee_domain::{ModelName, Route};
use marquee_kit::Transport;
use marquee_proto::convert;
use marquee_proto::rollout::v1::routing_client::RoutingClient;
use marquee_proto::rollout::v1::{GetStatusRequest, SetRouteRequest};
use thiserror::Error;
use tonic::Code;

use super::wire::{self, Answer};
use crate::Unreachable;

/// Asks an instance about a model.
pub(crate) async fn status(transport: Transport, model: &ModelName) -> Result<Answer, Unreachable> {
    let request = GetStatusRequest { model: model.as_str().to_owned() };
    let answer = RoutingClient::new(transport).get_status(request).await;
    let answer = answer.map_err(|status| Unreachable::new(wire::describe(&status)))?;
    Ok(wire::answer(model, answer.into_inner().status.unwrap_or_default()))
}

/// Why an instance did not change the route.
#[derive(Debug, Error)]
pub(crate) enum ChangeError {
    /// The change was based on an older route than the present one.
    #[error("{0}")]
    Conflict(String),
    /// The instance would answer the same again.
    #[error("{0}")]
    Refused(String),
    /// The instance did not answer, or it cannot change the route now.
    #[error("{0}")]
    Unreachable(String),
}

/// Replaces the wanted route through an instance.
pub(crate) async fn set_route(transport: Transport, route: &Route, expected_revision: u64) -> Result<(), ChangeError> {
    let request = SetRouteRequest { route: Some(convert::route(route)), expected_revision };
    let Err(status) = RoutingClient::new(transport).set_route(request).await else { return Ok(()) };
    let message = || status.message().to_owned();
    Err(match status.code() {
        Code::Aborted => ChangeError::Conflict(message()),
        Code::FailedPrecondition | Code::InvalidArgument | Code::NotFound => ChangeError::Refused(message()),
        _ => ChangeError::Unreachable(wire::describe(&status)),
    })
}
