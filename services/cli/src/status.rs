//! `marquee status`: services, how far the feature store lags, models and routes on one screen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use marquee_proto::features::v1::GetProgressRequest;
use serde::Serialize;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::models::{self, List};
use crate::output::{Human, Show, Table, thousands};
use crate::route::{self, Route};
use crate::{Client, Error, Output};

/// What roles report their health as.
const SERVICES: [(&str, &str); 4] = [
    ("ingest", "marquee.ratings.v1.Ratings"),
    ("feature-store", "marquee.features.v1.Features"),
    ("trainer", "marquee.training.v1.Trainer"),
    ("inference", "marquee.prediction.v1.Predictions"),
];

#[derive(Debug, Serialize)]
struct Fleet {
    address: String,
    services: Vec<Service>,
    /// Events of the log that the feature store has still to apply; absent if it does not say.
    feature_lag: Option<u64>,
    models: List,
    routes: Vec<Route>,
}

#[derive(Debug, Serialize)]
struct Service {
    role: &'static str,
    service: &'static str,
    state: &'static str,
}

pub(crate) async fn run(client: &Client, output: Output) -> Result<(), Error> {
    let mut services = Vec::new();
    for (role, service) in SERVICES {
        services.push(Service { role, service, state: health(client, service).await? });
    }
    // A role that is away leaves its part empty; the table of services says so.
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
    let fleet = Fleet { address: client.address().to_owned(), services, feature_lag, models, routes };
    output.show(&fleet)?;
    let away: Vec<&str> = fleet.services.iter().filter(|one| one.state != "serving").map(|one| one.role).collect();
    if away.is_empty() { Ok(()) } else { Err(Error::Outcome(format!("not serving: {}", away.join(", ")))) }
}

async fn health(client: &Client, service: &str) -> Result<&'static str, Error> {
    let mut health = HealthClient::new(client.transport());
    let request = HealthCheckRequest { service: service.to_owned() };
    match client.call(async { health.check(request).await.or_else(absent) }).await {
        Ok(answer) => Ok(match answer.status() {
            ServingStatus::Serving => "serving",
            ServingStatus::NotServing => "not serving",
            ServingStatus::ServiceUnknown => "absent",
            ServingStatus::Unknown => "unknown",
        }),
        Err(error) => Err(error),
    }
}

/// A service that the server does not have is an answer, no failure.
fn absent(status: tonic::Status) -> Result<tonic::Response<tonic_health::pb::HealthCheckResponse>, tonic::Status> {
    if status.code() != Code::NotFound {
        return Err(status);
    }
    let status = ServingStatus::ServiceUnknown.into();
    Ok(tonic::Response::new(tonic_health::pb::HealthCheckResponse { status }))
}

impl Show for Fleet {
    fn human(&self) -> Human {
        let mut text = format!("{}\n\n", self.address);
        let mut services = Table::new(&["role", "state", ""]);
        for one in &self.services {
            let lag = match (one.role, self.feature_lag) {
                ("feature-store", Some(0)) => "up to date with the log".to_owned(),
                ("feature-store", Some(lag)) => format!("{} events behind the log", thousands(lag)),
                _ => String::new(),
            };
            services.row([one.role.to_owned(), one.state.to_owned(), lag]);
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
