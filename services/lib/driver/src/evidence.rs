//! Where the evidence of a duel comes from.

use std::fmt::Debug;

use async_trait::async_trait;
use marquee_domain::{ModelName, Version};
use marquee_kit::Transport;
use marquee_rollout::PairObservation;

use crate::{Unreachable, api};

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
        let mut why = "no monitor is configured".to_owned();
        for transport in &self.0 {
            match api::duel(transport, model, (stable, candidate)).await {
                Ok(duel) => return Ok(duel),
                Err(error) => why = error.to_string(),
            }
        }
        Err(Unreachable::new(format!("no monitor answers: {why}")))
    }
}
