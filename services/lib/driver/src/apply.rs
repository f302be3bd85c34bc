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
    /// A version cannot be routed, or the change was based on an older route than the present one.
    #[error("the route was refused: {0}")]
    Refused(String),
    /// Another writer changed the route at the same time, and was faster.
    #[error("another writer was faster: {0}")]
    Conflict(String),
    /// No instance answered. The change may have been made.
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

/// Replaces the wanted route through the first instance that answers.
pub(crate) async fn set_route(
    endpoints: &[Endpoint],
    route: &Route,
    expected_revision: u64,
    deadline: Duration,
) -> Result<(), ApplyError> {
    let request = SetRouteRequest { route: Some(wire::to_route(route)), expected_revision };
    let mut why = "there is none".to_owned();
    // Ready instances first: they are the most likely to answer.
    let (ready, others): (Vec<&Endpoint>, Vec<&Endpoint>) = endpoints.iter().partition(|endpoint| endpoint.ready);
    for endpoint in ready.into_iter().chain(others) {
        let mut client = RoutingClient::new(endpoint.transport.clone());
        match tokio::time::timeout(deadline, client.set_route(request.clone())).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(status)) if status.code() == Code::Aborted => {
                return Err(ApplyError::Conflict(status.message().to_owned()));
            }
            Ok(Err(status)) if is_final(&status) => return Err(ApplyError::Refused(status.message().to_owned())),
            Ok(Err(status)) => why = format!("{}: {}", endpoint.name, wire::describe(&status)),
            Err(_) => why = format!("{}: {}", endpoint.name, observe::late(deadline)),
        }
    }
    Err(ApplyError::Unreachable(why))
}

/// Returns whether every instance would answer the same.
fn is_final(status: &Status) -> bool {
    matches!(status.code(), Code::FailedPrecondition | Code::InvalidArgument | Code::NotFound)
}
