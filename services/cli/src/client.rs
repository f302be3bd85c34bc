//! Calls a fleet: generated clients over one transport, each call with a deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use marquee_kit::{ClientSettings, Transport};
use marquee_proto::features::v1::feature_history_client::FeatureHistoryClient;
use marquee_proto::features::v1::features_client::FeaturesClient;
use marquee_proto::monitor::v1::monitor_client::MonitorClient;
use marquee_proto::prediction::v1::evaluations_client::EvaluationsClient;
use marquee_proto::prediction::v1::models_client::ModelsClient;
use marquee_proto::prediction::v1::predictions_client::PredictionsClient;
use marquee_proto::ratings::v1::ratings_client::RatingsClient;
use marquee_proto::rollout::v1::rollouts_client::RolloutsClient;
use marquee_proto::rollout::v1::routing_client::RoutingClient;
use marquee_proto::training::v1::trainer_client::TrainerClient;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::{Response, Status};

use crate::Error;
use crate::error::ROLE;

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer: a page of the catalog.
const MAX_MESSAGE: usize = 64 << 20;

/// The status UNIMPLEMENTED in an answer of gRPC.
const UNIMPLEMENTED: &[u8] = b"12";

/// The transport to one API of a fleet. Where a server does not offer the API, the status names the
/// role that does.
#[derive(Debug, Clone)]
pub struct Api {
    transport: Transport,
    role: &'static str,
}

impl Service<http::Request<Body>> for Api {
    type Response = http::Response<Body>;
    type Error = <Transport as Service<http::Request<Body>>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.transport.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (answer, role) = (self.transport.call(request), self.role);
        Box::pin(async move {
            let mut answer = answer.await?;
            let status = answer.headers().get("grpc-status").map(http::HeaderValue::as_bytes);
            if status == Some(UNIMPLEMENTED) {
                answer.headers_mut().insert(ROLE, http::HeaderValue::from_static(role));
            }
            Ok(answer)
        })
    }
}

/// A client of one fleet.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    address: String,
}

impl Client {
    /// Creates a client of the fleet at `http://HOST:PORT` or `HOST:PORT`. It connects at the first
    /// call.
    ///
    /// # Errors
    /// The address is not valid.
    pub fn connect(address: &str) -> Result<Self, Error> {
        Self::connect_with(address, &ClientSettings::default())
    }

    /// Creates a client that trusts some authorities, or shows a certificate or a token.
    ///
    /// # Errors
    /// The address is not valid, or a file cannot be used.
    pub fn connect_with(address: &str, settings: &ClientSettings) -> Result<Self, Error> {
        let address = if is_host_and_port(address) { format!("http://{address}") } else { address.to_owned() };
        Ok(Self { transport: Transport::connect_with(&address, settings)?, address })
    }

    fn api(&self, role: &'static str) -> Api {
        Api { transport: self.transport(), role }
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
    pub fn ratings(&self) -> RatingsClient<Api> {
        RatingsClient::new(self.api("ingest")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for features.
    pub fn features(&self) -> FeaturesClient<Api> {
        FeaturesClient::new(self.api("feature-store")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for the history of features.
    pub fn history(&self) -> FeatureHistoryClient<Api> {
        FeatureHistoryClient::new(self.api("feature-store")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for predictions.
    pub fn predictions(&self) -> PredictionsClient<Api> {
        PredictionsClient::new(self.api("inference")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for models.
    pub fn models(&self) -> ModelsClient<Api> {
        ModelsClient::new(self.api("inference")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for routes.
    pub fn routing(&self) -> RoutingClient<Api> {
        RoutingClient::new(self.api("inference"))
    }

    /// Returns a client of the API for rollouts.
    pub fn rollouts(&self) -> RolloutsClient<Api> {
        RolloutsClient::new(self.api("rollouts")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API that evaluates versions on known ratings.
    pub fn evaluations(&self) -> EvaluationsClient<Api> {
        EvaluationsClient::new(self.api("inference")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for what the monitor measures.
    pub fn monitor(&self) -> MonitorClient<Api> {
        MonitorClient::new(self.api("monitor")).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for training.
    pub fn trainer(&self) -> TrainerClient<Api> {
        TrainerClient::new(self.api("trainer")).max_decoding_message_size(MAX_MESSAGE)
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

/// Returns whether an address is a host and a port without a scheme, as other tools take it.
fn is_host_and_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    !address.contains('/') && !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_may_lack_its_scheme() {
        for address in ["localhost:7070", "127.0.0.1:7070", "[::1]:7070", "http://localhost:7070"] {
            let client = Client::connect(address).expect(address);
            let expected = address.trim_start_matches("http://");
            assert_eq!(client.address(), format!("http://{expected}"));
        }
        for address in ["nonsense", "localhost", ":7070", "localhost:", "localhost:port", "ftp://a:1", "a/b:1"] {
            assert!(Client::connect(address).is_err(), "{address}");
        }
    }
}
