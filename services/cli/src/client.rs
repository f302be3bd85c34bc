//! Calls a fleet: generated clients over one transport, or one for each role that listens at an
//! address of its own. Each call has a deadline.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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

use crate::addresses::{FEATURE_STORE, INFERENCE, INGEST, MONITOR, ROLLOUTS, RoleAddress, TRAINER};
use crate::error::ROLE;
use crate::{DEFAULT_GRPC, Error};

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer: a page of the catalog.
const MAX_MESSAGE: usize = 64 << 20;

/// The status UNIMPLEMENTED in an answer of gRPC.
const UNIMPLEMENTED: &[u8] = b"12";

tokio::task_local! {
    /// The address that the call in progress went to. An error of the call names it.
    static CALLED: RefCell<Option<Arc<str>>>;
}

/// A server of a fleet.
#[derive(Debug, Clone)]
struct Place {
    transport: Transport,
    address: Arc<str>,
}

impl Place {
    fn new(address: &str, settings: &ClientSettings) -> Result<Self, Error> {
        let address = if is_host_and_port(address) { format!("http://{address}") } else { address.to_owned() };
        Ok(Self { transport: Transport::connect_with(&address, settings)?, address: address.into() })
    }
}

/// The transport to one API of a fleet. Where a server does not offer the API, the status names the
/// role that does.
#[derive(Debug, Clone)]
pub struct Api {
    place: Place,
    role: &'static str,
}

impl Service<http::Request<Body>> for Api {
    type Response = http::Response<Body>;
    type Error = <Transport as Service<http::Request<Body>>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // A caller that does not use `Client::call` makes its own errors.
        let _ = CALLED.try_with(|called| called.replace(Some(Arc::clone(&self.place.address))));
        self.place.transport.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (answer, role) = (self.place.transport.call(request), self.role);
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
    main: Place,
    /// Nobody named the address of the fleet.
    is_default: bool,
    /// The roles that are called at addresses of their own.
    apart: BTreeMap<&'static str, Place>,
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
        Ok(Self { main: Place::new(address, settings)?, is_default: false, apart: BTreeMap::new() })
    }

    /// Creates a client of the fleet at an address, or at the default one if none is named.
    ///
    /// # Errors
    /// See [`Self::connect_with`].
    pub(crate) fn connect_or_default(address: Option<&str>, settings: &ClientSettings) -> Result<Self, Error> {
        let client = Self::connect_with(address.unwrap_or(DEFAULT_GRPC), settings)?;
        Ok(Self { is_default: address.is_none(), ..client })
    }

    /// Calls these roles at addresses of their own.
    ///
    /// # Errors
    /// A role is there twice, an address is not valid, or a file cannot be used.
    pub fn with_roles(mut self, addresses: &[RoleAddress], settings: &ClientSettings) -> Result<Self, Error> {
        for RoleAddress { role, address } in addresses {
            if self.apart.insert(*role, Place::new(address, settings)?).is_some() {
                return Err(Error::Usage(format!("--addresses: the role {role} is there twice")));
            }
        }
        Ok(self)
    }

    fn api(&self, role: &'static str) -> Api {
        Api { place: self.place(role).clone(), role }
    }

    fn place(&self, role: &str) -> &Place {
        self.apart.get(role).unwrap_or(&self.main)
    }

    /// Returns a client of each address: of the fleet first, then of roles with addresses of their
    /// own. If there are such roles and nobody named the address of the fleet, nothing is expected
    /// there.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let is_main_called = self.apart.is_empty() || !self.is_default;
        let places = is_main_called.then_some(&self.main).into_iter().chain(self.apart.values());
        let mut parts: Vec<Self> = Vec::new();
        for place in places {
            if parts.iter().all(|part| part.main.address != place.address) {
                parts.push(Self { main: place.clone(), is_default: false, apart: BTreeMap::new() });
            }
        }
        parts
    }

    /// Returns the transport, for calls to other APIs.
    pub fn transport(&self) -> Transport {
        self.main.transport.clone()
    }

    /// Returns the address of the fleet.
    pub fn address(&self) -> &str {
        &self.main.address
    }

    /// Returns the address at which a role is called.
    pub fn address_of(&self, role: &str) -> &str {
        &self.place(role).address
    }

    /// Returns a client of the API for ratings.
    pub fn ratings(&self) -> RatingsClient<Api> {
        RatingsClient::new(self.api(INGEST)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for features.
    pub fn features(&self) -> FeaturesClient<Api> {
        FeaturesClient::new(self.api(FEATURE_STORE)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for the history of features.
    pub fn history(&self) -> FeatureHistoryClient<Api> {
        FeatureHistoryClient::new(self.api(FEATURE_STORE)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for predictions.
    pub fn predictions(&self) -> PredictionsClient<Api> {
        PredictionsClient::new(self.api(INFERENCE)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for models.
    pub fn models(&self) -> ModelsClient<Api> {
        ModelsClient::new(self.api(INFERENCE)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for routes.
    pub fn routing(&self) -> RoutingClient<Api> {
        RoutingClient::new(self.api(INFERENCE))
    }

    /// Returns a client of the API for rollouts.
    pub fn rollouts(&self) -> RolloutsClient<Api> {
        RolloutsClient::new(self.api(ROLLOUTS)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API that evaluates versions on known ratings.
    pub fn evaluations(&self) -> EvaluationsClient<Api> {
        EvaluationsClient::new(self.api(INFERENCE)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for what the monitor measures.
    pub fn monitor(&self) -> MonitorClient<Api> {
        MonitorClient::new(self.api(MONITOR)).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Returns a client of the API for training.
    pub fn trainer(&self) -> TrainerClient<Api> {
        TrainerClient::new(self.api(TRAINER)).max_decoding_message_size(MAX_MESSAGE)
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
        // It is moved several times below, and is large.
        let call = Box::pin(call);
        let answer = async {
            match tokio::time::timeout(patience, call).await {
                Ok(Ok(response)) => Ok(response.into_inner()),
                Ok(Err(status)) => Err(Error::from_status(&self.called(), status)),
                Err(_) => Err(Error::Late { address: self.called().to_string(), seconds: patience.as_secs() }),
            }
        };
        CALLED.scope(RefCell::new(None), answer).await
    }

    /// Returns the address that the call in progress went to.
    fn called(&self) -> Arc<str> {
        let called = CALLED.try_with(|called| called.borrow().clone()).ok().flatten();
        called.unwrap_or_else(|| Arc::clone(&self.main.address))
    }
}

/// Returns whether an address is a host and a port without a scheme, as other tools take it.
fn is_host_and_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    !address.contains('/') && !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use marquee_proto::ratings::v1::GetScaleRequest;
    use marquee_proto::training::v1::ListTrainingsRequest;
    use tonic::service::Routes;

    use super::*;
    use crate::testing::Server;

    fn apart(pairs: &[(&'static str, &str)]) -> Result<Client, Error> {
        let settings = ClientSettings::default();
        let address = |(role, address): &(&'static str, &str)| RoleAddress { role, address: (*address).to_owned() };
        let addresses: Vec<RoleAddress> = pairs.iter().map(address).collect();
        Client::connect_or_default(None, &settings)?.with_roles(&addresses, &settings)
    }

    #[tokio::test]
    async fn a_role_is_called_at_its_own_address_and_errors_name_that() {
        let (ingest, trainer) = (Server::start(Routes::default()).await, Server::start(Routes::default()).await);
        let (ingest, trainer) = (ingest.client(), trainer.client());
        let client = apart(&[(INGEST, ingest.address()), (TRAINER, trainer.address())]).expect("valid addresses");
        assert_eq!(client.address_of(TRAINER), trainer.address());
        assert_eq!(client.address_of(MONITOR), DEFAULT_GRPC);
        let scale = async { client.call(client.ratings().get_scale(GetScaleRequest {})).await };
        let list = ListTrainingsRequest::default();
        let trainings = async { client.call(client.trainer().list_trainings(list)).await };
        // Both at once: each call has an address of its own.
        let (of_ingest, of_trainer) = tokio::join!(scale, trainings);
        for (error, address) in [(of_ingest.err(), ingest.address()), (of_trainer.err(), trainer.address())] {
            let line = error.expect("the server offers nothing").line();
            assert!(line.starts_with(&format!("the server at {address} does not offer this")), "{line}");
        }
    }

    #[tokio::test]
    async fn a_role_that_does_not_answer_in_time_is_named_by_its_address() {
        // It accepts connections, and says nothing.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", silent.local_addr().expect("an address"));
        let client = apart(&[(INGEST, &address)]).expect("a valid address");
        let call = async { client.ratings().get_scale(GetScaleRequest {}).await };
        let late = client.call_within(Duration::from_millis(100), call).await.expect_err("no answer");
        assert!(late.line().starts_with(&format!("no answer from {address} within")), "{}", late.line());
    }

    #[tokio::test]
    async fn each_address_is_a_part_of_the_fleet_once() {
        let addresses =
            |client: &Client| -> Vec<String> { client.parts().iter().map(|part| part.address().to_owned()).collect() };
        assert_eq!(addresses(&Client::connect(DEFAULT_GRPC).expect("a client")), [DEFAULT_GRPC]);
        let shared = apart(&[(INGEST, "a:1"), (TRAINER, "b:1"), (MONITOR, "http://a:1")]).expect("valid");
        assert_eq!(addresses(&shared), ["http://a:1", "http://b:1"]);
        let fleet = Client::connect("c:1").expect("a client");
        let fleet = fleet.with_roles(&["ingest=a:1".parse().expect("an address")], &ClientSettings::default());
        assert_eq!(addresses(&fleet.expect("valid")), ["http://c:1", "http://a:1"]);
        let named = Client::connect(DEFAULT_GRPC).expect("a client");
        let named = named.with_roles(&["ingest=a:1".parse().expect("an address")], &ClientSettings::default());
        assert_eq!(addresses(&named.expect("valid")), [DEFAULT_GRPC, "http://a:1"], "the default, but named");
        let twice = apart(&[(INGEST, "a:1"), (INGEST, "b:1")]).expect_err("twice");
        assert_eq!(twice.exit_code(), crate::USAGE);
    }

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
