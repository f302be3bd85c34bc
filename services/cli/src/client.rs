//! Calls a fleet: generated clients over one transport, each call with a deadline.

use std::future::Future;
use std::time::Duration;

use marquee_kit::Transport;
use marquee_proto::features::v1::feature_history_client::FeatureHistoryClient;
use marquee_proto::features::v1::features_client::FeaturesClient;
use marquee_proto::prediction::v1::models_client::ModelsClient;
use marquee_proto::prediction::v1::predictions_client::PredictionsClient;
use marquee_proto::ratings::v1::ratings_client::RatingsClient;
use marquee_proto::rollout::v1::routing_client::RoutingClient;
use marquee_proto::training::v1::trainer_client::TrainerClient;
use tonic::{Response, Status};

use crate::Error;

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer: a page of the catalog.
const MAX_MESSAGE: usize = 64 << 20;

/// A client of one fleet.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    address: String,
}

impl Client {
    /// Creates a client of the fleet at `http://HOST:PORT`. It connects at the first call.
    ///
    /// # Errors
    /// The address is not valid.
    pub fn connect(address: &str) -> Result<Self, Error> {
        Ok(Self { transport: Transport::connect(address)?, address: address.to_owned() })
    }

    /// Returns the transport, for calls to other APIs.
    pub fn transport(&self) -> Transport {
        self.transport.clone()
    }

    /// Returns the address of the fleet.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns a client of the API for ratings.
    pub fn ratings(&self) -> RatingsClient<Transport> {
        RatingsClient::new(self.transport()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for features.
    pub fn features(&self) -> FeaturesClient<Transport> {
        FeaturesClient::new(self.transport()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for the history of features.
    pub fn history(&self) -> FeatureHistoryClient<Transport> {
        FeatureHistoryClient::new(self.transport()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for predictions.
    pub fn predictions(&self) -> PredictionsClient<Transport> {
        PredictionsClient::new(self.transport()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for models.
    pub fn models(&self) -> ModelsClient<Transport> {
        ModelsClient::new(self.transport()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for routes.
    pub fn routing(&self) -> RoutingClient<Transport> {
        RoutingClient::new(self.transport())
    }

    /// Returns a client of the API for training.
    pub fn trainer(&self) -> TrainerClient<Transport> {
        TrainerClient::new(self.transport()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// The fleet cannot be reached, does not answer in time, or refuses the call.
    pub async fn call<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Error> {
        self.call_within(PATIENCE, call).await
    }

    /// Waits for an answer for at most `patience`.
    ///
    /// # Errors
    /// The fleet cannot be reached, does not answer in time, or refuses the call.
    pub async fn call_within<T>(
        &self,
        patience: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Error::from_status(&self.address, status)),
            Err(_) => Err(Error::Late { address: self.address.clone(), seconds: patience.as_secs() }),
        }
    }
}
