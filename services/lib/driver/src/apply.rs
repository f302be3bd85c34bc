//! Carries out the actions of a decision: changes the route.

use std::time::Duration;

use marquee_domain::Route;
use marquee_proto::rollout::v1::SetRouteRequest;
use marquee_proto::rollout::v1::routing_client::RoutingClient;
use thiserror::Error;
use tonic::{Code, Status};

use crate::{Endpoint, observe, wire};

/// A route was not changed. The next round decides again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// No instance made the change, and a ready one refused it: a version cannot be routed.
    #[error("the route was refused: {0}")]
    Refused(String),
    /// The change was based on an older route than the present one.
    #[error("another writer was faster: {0}")]
    Conflict(String),
    /// No ready instance answered. The change may have been made.
    #[error("no inference instance changed the route: {0}")]
    Unreachable(String),
}

impl ApplyError {
    /// Returns why the route was refused, for the observations of the next round. `None` if the
    /// same change may succeed then.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused(why) => Some(why),
            Self::Conflict(_) | Self::Unreachable(_) => None,
        }
    }
}

/// Replaces the wanted route through the first instance that does it.
///
/// An instance may refuse what the others take, because it alone cannot load a version. So the
/// others are asked before a change counts as refused. One that is not ready may not know the
/// version yet, so its refusal says nothing.
pub(crate) async fn set_route(
    endpoints: &[Endpoint],
    route: &Route,
    expected_revision: u64,
    deadline: Duration,
) -> Result<(), ApplyError> {
    let request = SetRouteRequest { route: Some(wire::to_route(route)), expected_revision };
    let (mut refusal, mut why) = (None, "there is none".to_owned());
    // Ready instances first: they are the most likely to answer.
    let (ready, others): (Vec<&Endpoint>, Vec<&Endpoint>) = endpoints.iter().partition(|endpoint| endpoint.ready);
    for endpoint in ready.into_iter().chain(others) {
        let mut client = RoutingClient::new(endpoint.transport.clone());
        match tokio::time::timeout(deadline, client.set_route(request.clone())).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(status)) if status.code() == Code::Aborted => {
                return Err(ApplyError::Conflict(status.message().to_owned()));
            }
            Ok(Err(status)) if is_refusal(&status) && endpoint.ready => {
                refusal.get_or_insert_with(|| status.message().to_owned());
            }
            Ok(Err(status)) => why = format!("{}: {}", endpoint.name, wire::describe(&status)),
            Err(_) => why = format!("{}: {}", endpoint.name, observe::late(deadline)),
        }
    }
    Err(refusal.map_or(ApplyError::Unreachable(why), ApplyError::Refused))
}

/// Returns whether an instance would answer the same again.
fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::FailedPrecondition | Code::InvalidArgument | Code::NotFound)
}
