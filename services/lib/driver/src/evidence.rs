//! Where the evidence of a duel comes from.

use std::fmt::Debug;

use async_trait::async_trait;
use marquee_domain::{ModelName, Version};
use marquee_kit::Transport;
use marquee_proto::monitor::v1::GetDuelRequest;
use marquee_proto::monitor::v1::monitor_client::MonitorClient;
use marquee_rollout::PairObservation;

use crate::{Unreachable, wire};

/// The sums of duels.
#[async_trait]
pub trait Evidence: Debug + Send + Sync {
    /// Returns the sums of a duel over every partition, or `None` if the two versions were never
    /// compared.
    ///
    /// # Errors
    /// The sums cannot be read, or not completely.
    async fn duel(
        &self,
        model: &ModelName,
        stable: Version,
        candidate: Version,
    ) -> Result<Option<PairObservation>, Unreachable>;
}

/// Monitors that are asked one after the other until one answers.
#[derive(Debug, Clone)]
pub struct Monitors(Vec<Transport>);

impl Monitors {
    /// Returns the evidence of these monitors.
    pub fn new(transports: Vec<Transport>) -> Self {
        Self(transports)
    }
}

#[async_trait]
impl Evidence for Monitors {
    async fn duel(
        &self,
        model: &ModelName,
        stable: Version,
        candidate: Version,
    ) -> Result<Option<PairObservation>, Unreachable> {
        let model = model.as_str().to_owned();
        let request = GetDuelRequest { model, stable: stable.0, other: candidate.0, slices: Vec::new(), window: None };
        let mut why = "no monitor is configured".to_owned();
        for transport in &self.0 {
            match MonitorClient::new(transport.clone()).get_duel(request.clone()).await {
                Ok(answer) => {
                    let duel = answer.into_inner().duel.unwrap_or_default();
                    return Ok(wire::pair(stable, candidate, &duel));
                }
                Err(status) => why = wire::describe(&status),
            }
        }
        Err(Unreachable::new(format!("no monitor answers: {why}")))
    }
}
