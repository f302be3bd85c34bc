//! `marquee status`: the services of a server, the lag of the feature store, models and routes on
//! one screen.
//!
//! The server says which services it has, so this command works with any part of a fleet. Where
//! roles have addresses of their own, each address is asked. If one does not answer, its roles are
//! shown with that state.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use marquee_proto::features::v1::GetProgressRequest;
use serde::Serialize;
use tonic::{Code, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::models::{self, List};
use crate::output::{Human, Show, Table, counted};
use crate::route::{self, Route};
use crate::{Client, Error, Output};

/// The service that reports how far features are behind the log.
const FEATURES: &str = "marquee.features.v1.Features";

#[derive(Debug, Serialize)]
struct Fleet {
    /// Absent if services have addresses of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    services: Vec<ServiceState>,
    /// Events of the log that the feature store has not applied yet. Absent if it does not answer.
    feature_lag: Option<u64>,
    models: List,
    routes: Vec<Route>,
}

/// A service under the name of its role. The program that runs the fleet knows these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The name of its role.
    pub role: &'static str,
    /// The name of its health check.
    pub health: &'static str,
}

#[derive(Debug, Serialize)]
struct ServiceState {
    /// The role, or the API, for example `ratings`, of a service without a known role.
    role: String,
    /// The full name of the service, for example `marquee.ratings.v1.Ratings`.
    service: String,
    state: &'static str,
    /// Where the commands call it, if roles have addresses of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl ServiceState {
    fn new(service: String, state: &'static str, named: &[Service]) -> Self {
        let role = named.iter().find(|one| one.health == service).map(|one| one.role);
        let role = role.or_else(|| service.split('.').nth(1)).unwrap_or(&service).to_owned();
        Self { role, service, state, address: None }
    }
}

pub(crate) async fn run(client: &Client, named: &[Service], output: Output) -> Result<(), Error> {
    let parts = client.parts();
    let mut services = Vec::new();
    let address = match parts.as_slice() {
        [fleet] if fleet.address() == client.address() => {
            services = of_server(client, named).await?;
            Some(client.address().to_owned())
        }
        _ => {
            for part in &parts {
                services.extend(of_part(part, client, named, output).await);
            }
            None
        }
    };
    // The part of a service that does not answer stays empty: the table of services shows why.
    let progress = client.call(client.features().get_progress(GetProgressRequest {})).await.ok();
    let feature_lag = progress.map(|progress| {
        let behind = progress.partitions.iter().map(|one| one.end_offset.saturating_sub(one.next_offset));
        behind.fold(0_u64, u64::saturating_add)
    });
    let models = models::list(client, String::new()).await.unwrap_or_else(|_| List(Vec::new()));
    let mut routes = Vec::new();
    for name in models.0.iter().map(|model| model.model.clone()).collect::<BTreeSet<_>>() {
        routes.extend(route::show(client, name).await.ok());
    }
    let fleet = Fleet { address, services, feature_lag, models, routes };
    output.show(&fleet)?;
    let away: Vec<&str> =
        fleet.services.iter().filter(|one| one.state != "serving").map(|one| one.role.as_str()).collect();
    if away.is_empty() { Ok(()) } else { Err(Error::Outcome(format!("not serving: {}", away.join(", ")))) }
}

/// Returns the services of a server.
async fn of_server(server: &Client, named: &[Service]) -> Result<Vec<ServiceState>, Error> {
    let mut services = Vec::new();
    for service in names(server).await? {
        if let Some(state) = state(server, &service).await? {
            services.push(ServiceState::new(service, state, named));
        }
    }
    Ok(services)
}

/// Returns the services that the commands call at one of several addresses.
async fn of_part(part: &Client, client: &Client, named: &[Service], output: Output) -> Vec<ServiceState> {
    let mut services = match of_server(part, named).await {
        Ok(services) => services,
        Err(error) => {
            output.footer(&error.line());
            let away = |one: &Service| ServiceState::new(one.health.to_owned(), "no answer", named);
            named.iter().map(away).collect()
        }
    };
    services.retain(|one| client.address_of(&one.role) == part.address());
    for one in &mut services {
        one.address = Some(part.address().to_owned());
    }
    services
}

/// Returns the names of our services that the server lists, sorted.
async fn names(client: &Client) -> Result<BTreeSet<String>, Error> {
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut reflection = ServerReflectionClient::new(client.transport());
    let mut answers = client.call(reflection.server_reflection_info(tokio_stream::iter([request]))).await?;
    let answer = client.call(async { answers.message().await.map(Response::new) }).await?;
    Ok(match answer.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ListServicesResponse(list)) => {
            list.service.into_iter().map(|service| service.name).filter(|name| name.starts_with("marquee.")).collect()
        }
        _ => BTreeSet::new(),
    })
}

/// Returns the state of a service, or `None` if the server has no health check of this name.
async fn state(client: &Client, service: &str) -> Result<Option<&'static str>, Error> {
    let mut health = HealthClient::new(client.transport());
    let request = HealthCheckRequest { service: service.to_owned() };
    let checked = async {
        match health.check(request).await {
            Ok(answer) => Ok(Response::new(Some(answer.into_inner().status()))),
            Err(status) if status.code() == Code::NotFound => Ok(Response::new(None)),
            Err(status) => Err::<_, Status>(status),
        }
    };
    Ok(client.call(checked).await?.map(|status| match status {
        ServingStatus::Serving => "serving",
        ServingStatus::NotServing => "not serving",
        ServingStatus::ServiceUnknown => "absent",
        ServingStatus::Unknown => "unknown",
    }))
}

impl Show for Fleet {
    fn human(&self) -> Human {
        let mut text = self.address.as_ref().map(|address| format!("{address}\n\n")).unwrap_or_default();
        let has_one_address = self.address.is_some();
        let headers: &[&str] = if has_one_address { &["role", "state", ""] } else { &["role", "state", "address", ""] };
        let mut services = Table::new(headers);
        for one in &self.services {
            let lag = match self.feature_lag.filter(|_| one.service == FEATURES) {
                Some(0) => "up to date with the log".to_owned(),
                Some(lag) => format!("{} behind the log", counted(lag, "event")),
                None => String::new(),
            };
            let (role, state) = (one.role.clone(), one.state.to_owned());
            if has_one_address {
                services.row([role, state, lag]);
            } else {
                services.row([role, state, one.address.clone().unwrap_or_default(), lag]);
            }
        }
        text.push_str(&services.print(false));
        if let (false, Human::Table(models)) = (self.models.0.is_empty(), self.models.human()) {
            let _ = write!(text, "\n{}", models.print(false));
        }
        for route in &self.routes {
            if let Human::Table(table) = route.human() {
                let _ = write!(text, "\nroute of {}\n{}", route.model, table.print(false));
            }
        }
        Human::Text(text.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use tonic::service::RoutesBuilder;

    use super::*;

    const NAMED: [Service; 1] = [Service { role: "ingest", health: "marquee.ratings.v1.Ratings" }];
    use crate::testing;

    /// A server with two services of ours, of which one has a health check.
    async fn server() -> testing::Server {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_service_status("marquee.ratings.v1.Ratings", tonic_health::ServingStatus::NotServing).await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(marquee_proto::DESCRIPTORS)
            .build_v1()
            .expect("descriptors");
        let mut routes = RoutesBuilder::default();
        routes.add_service(health).add_service(reflection);
        testing::Server::start(routes.routes()).await
    }

    #[tokio::test]
    async fn the_server_says_which_services_there_are_and_how_they_are() {
        let server = server().await;
        let names = names(&server.client()).await.expect("names");
        assert!(names.contains(FEATURES) && names.iter().all(|name| name.starts_with("marquee.")), "{names:?}");
        let state = |service: &'static str| {
            let client = server.client();
            async move { state(&client, service).await.expect("a state") }
        };
        assert_eq!(state("marquee.ratings.v1.Ratings").await, Some("not serving"));
        assert_eq!(state(FEATURES).await, None);
        let ended = run(&server.client(), &NAMED, Output::detect(crate::Format::Json)).await;
        assert_eq!(ended.expect_err("a failure").line(), "not serving: ingest");
    }

    #[tokio::test]
    async fn each_role_is_asked_at_its_own_address_and_one_without_an_answer_is_a_state() {
        const ROLES: [Service; 2] = [NAMED[0], Service { role: "trainer", health: "marquee.training.v1.Trainer" }];
        let server = server().await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
        let (of_server, away) = (server.client().address().to_owned(), format!("http://127.0.0.1:{port}"));
        let addresses =
            [format!("ingest={of_server}"), format!("trainer={away}")].map(|one| one.parse::<crate::RoleAddress>());
        let addresses: Vec<_> = addresses.into_iter().collect::<Result<_, _>>().expect("addresses");
        let settings = marquee_kit::ClientSettings::default();
        let client = Client::connect_or_default(None, &settings).expect("a client");
        let client = client.with_roles(&addresses, &settings).expect("a client");
        let output = Output::detect(crate::Format::Json);
        let mut found = Vec::new();
        for part in client.parts() {
            let services = of_part(&part, &client, &ROLES, output).await;
            found.extend(services.into_iter().map(|one| (one.role, one.state, one.address)));
        }
        let row = |role: &str, state, address: String| (role.to_owned(), state, Some(address));
        assert_eq!(found, [row("ingest", "not serving", of_server), row("trainer", "no answer", away)]);
        let ended = run(&client, &ROLES, output).await;
        assert_eq!(ended.expect_err("a failure").line(), "not serving: ingest, trainer");
    }

    #[test]
    fn addresses_of_roles_are_a_column() {
        let service = ServiceState {
            address: Some("http://a:1".to_owned()),
            ..ServiceState::new("marquee.ratings.v1.Ratings".to_owned(), "serving", &NAMED)
        };
        let (services, models) = (vec![service], List(Vec::new()));
        let fleet = Fleet { address: None, services, feature_lag: None, models, routes: Vec::new() };
        let Human::Text(text) = fleet.human() else { panic!("status is a text") };
        assert_eq!(text, "ROLE    STATE    ADDRESS\ningest  serving  http://a:1");
    }

    #[test]
    fn the_lag_is_shown_beside_the_features() {
        let state = |service: &str| ServiceState::new(service.to_owned(), "serving", &NAMED);
        let fleet = |lag| Fleet {
            address: Some("http://localhost:1".to_owned()),
            services: vec![state(FEATURES), state("marquee.ratings.v1.Ratings")],
            feature_lag: Some(lag),
            models: List(Vec::new()),
            routes: Vec::new(),
        };
        let Human::Text(text) = fleet(1).human() else { panic!("status is a text") };
        let expected =
            "http://localhost:1\n\nROLE      STATE\nfeatures  serving  1 event behind the log\ningest    serving";
        assert_eq!(text, expected);
        let Human::Text(text) = fleet(0).human() else { panic!("status is a text") };
        assert!(text.contains("up to date with the log"), "{text}");
    }
}
