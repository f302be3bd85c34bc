//! Calls of the monitor.

use marquee_domain::{ModelName, Version};
use marquee_kit::Transport;
use marquee_proto::monitor::v1::GetDuelRequest;
use marquee_proto::monitor::v1::monitor_client::MonitorClient;
use marquee_rollout::PairObservation;

use super::wire;
use crate::Unreachable;

/// Asks a monitor for the sums of a duel. Returns `None` if the two versions were never compared.
pub(crate) async fn duel(
    transport: &Transport,
    model: &ModelName,
    (stable, candidate): (Version, Version),
) -> Result<Option<PairObservation>, Unreachable> {
    let model = model.as_str().to_owned();
    let request = GetDuelRequest { model, stable: stable.0, other: candidate.0, slices: Vec::new(), window: None };
    let answer = MonitorClient::new(transport.clone()).get_duel(request).await;
    let answer = answer.map_err(|status| Unreachable::new(wire::describe(&status)))?;
    Ok(wire::pair(stable, candidate, &answer.into_inner().duel.unwrap_or_default()))
}
