//! Carries out the actions of a decision: changes the route.

use std::time::Duration;

use marquee_domain::Route;
use thiserror::Error;

use crate::api::{self, ChangeError};
use crate::{Endpoint, observe};

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
    let (mut refusal, mut why) = (None, "there is none".to_owned());
    // Ready instances first: they are the most likely to answer.
    let (ready, others): (Vec<&Endpoint>, Vec<&Endpoint>) = endpoints.iter().partition(|endpoint| endpoint.ready);
    for endpoint in ready.into_iter().chain(others) {
        let change = api::set_route(endpoint.transport.clone(), route, expected_revision);
        match tokio::time::timeout(deadline, change).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(ChangeError::Conflict(why))) => return Err(ApplyError::Conflict(why)),
            Ok(Err(ChangeError::Refused(why))) if endpoint.ready => {
                refusal.get_or_insert(why);
            }
            Ok(Err(error)) => why = format!("{}: {error}", endpoint.name),
            Err(_) => why = format!("{}: {}", endpoint.name, observe::late(deadline)),
        }
    }
    Err(refusal.map_or(ApplyError::Unreachable(why), ApplyError::Refused))
}
