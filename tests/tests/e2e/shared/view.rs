//! What an instance says about the routes of the model.

use std::time::Duration;

use anyhow::{Context, Result};
use marquee_domain::{BasisPoints, Candidate, ModelName, Route, RouteSpec, Salt, Version};
use marquee_e2e::Clients;
use marquee_proto::rollout::v1::{self as pb, GetStatusRequest, ModelStatus, VersionState};

use super::MODEL;

/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What an instance said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    /// Another text after every start of the process.
    pub(crate) incarnation: String,
    /// The route in the table, as the instance knows it.
    pub(crate) wanted: Route,
    /// The route that answers.
    pub(crate) effective: Route,
    /// The versions that are loaded.
    pub(crate) warm: Vec<u64>,
}

/// Asks an instance. Returns `None` if it does not answer, or if no route answers on it yet.
pub(crate) async fn view(clients: &Clients) -> Option<View> {
    let request = GetStatusRequest { model: MODEL.to_owned() };
    let mut routing = clients.routing.clone();
    let answer = tokio::time::timeout(ANSWER, routing.get_status(request)).await.ok()?.ok()?;
    let status = answer.into_inner().status?;
    let ModelStatus { wanted, effective, versions, .. } = status.models.into_iter().next()?;
    let warm = versions.iter().filter(|version| version.state() == VersionState::Warm);
    Some(View {
        incarnation: status.incarnation,
        wanted: route(&wanted?).ok()?,
        effective: route(&effective?).ok()?,
        warm: warm.map(|version| version.version).collect(),
    })
}

/// Reads a route from the wire.
pub(crate) fn route(wire: &pb::Route) -> Result<Route> {
    let candidate = |one: &pb::Candidate| {
        let weight = BasisPoints::try_new(one.weight)?;
        anyhow::Ok(Candidate { version: Version(one.version), weight })
    };
    let spec = RouteSpec {
        model: ModelName::try_new(&wire.model)?,
        stable: Version(wire.stable),
        candidates: wire.candidates.iter().map(candidate).collect::<Result<_>>()?,
        shadow: wire.shadow.iter().copied().map(Version).collect(),
        salt: Salt::try_new(&wire.salt)?,
        revision: wire.revision,
    };
    Route::try_new(spec).context("a route that contradicts itself")
}
