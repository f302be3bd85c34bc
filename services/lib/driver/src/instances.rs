//! Where the inference instances are.

use std::fmt::Debug;

use async_trait::async_trait;
use marquee_kit::Transport;

use crate::Unreachable;

/// An inference instance that can be asked.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The name of the instance. It stays over restarts of the process if the deployment keeps it.
    pub name: String,
    /// The instance is meant to receive requests.
    pub ready: bool,
    /// How it is asked.
    pub transport: Transport,
}

/// The inference instances of a deployment.
#[async_trait]
pub trait Instances: Debug + Send + Sync {
    /// Returns every instance.
    ///
    /// # Errors
    /// The instances cannot be listed now.
    async fn list(&self) -> Result<Vec<Endpoint>, Unreachable>;
}

/// Instances that are known before they are asked for.
#[derive(Debug, Clone)]
pub struct FixedInstances(Vec<Endpoint>);

impl FixedInstances {
    /// Returns instances with the names `inference-1`, `inference-2` and so on.
    pub fn new(transports: Vec<Transport>) -> Self {
        let endpoint = |(index, transport): (usize, Transport)| Endpoint {
            name: format!("inference-{}", index + 1),
            ready: true,
            transport,
        };
        Self(transports.into_iter().enumerate().map(endpoint).collect())
    }
}

impl From<Vec<Endpoint>> for FixedInstances {
    fn from(endpoints: Vec<Endpoint>) -> Self {
        Self(endpoints)
    }
}

#[async_trait]
impl Instances for FixedInstances {
    async fn list(&self) -> Result<Vec<Endpoint>, Unreachable> {
        Ok(self.0.clone())
    }
}
