//! Step 1 of a reconciliation: reads the rollout again and finds the processes that it names.

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::{EndpointPort, EndpointSlice};
use kube::api::ListParams;
use kube::{Api, Client};

use crate::error::Error;
use crate::metrics::RolloutLabels;
use crate::resource::{ModelRollout, ServiceReference};

/// The label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A rollout as the API server has it now, and where its processes are.
#[derive(Debug, Clone)]
pub(crate) struct Dereferenced {
    /// The rollout, with the resource version that a status must replace.
    pub(crate) rollout: ModelRollout,
    /// The inference instances, those that are not ready included.
    pub(crate) instances: Vec<Endpoint>,
    /// The monitors, if the rollout names a Service of them.
    pub(crate) monitors: Vec<Endpoint>,
    /// There is an EndpointSlice of the inference instances. Kubernetes keeps one without endpoints
    /// for a Service that has no Pod at present.
    pub(crate) is_deployed: bool,
}

/// A process behind a Service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    /// The name of the Pod, or the address where the endpoint names no object.
    pub(crate) name: String,
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub(crate) address: String,
    /// Whether Kubernetes regards it as ready. A process that shuts down is not.
    pub(crate) ready: bool,
}

/// Reads a rollout and the endpoints of its Services. Returns `None` if it does not exist any more.
///
/// # Errors
/// The API server did not answer or refused.
pub(crate) async fn dereference(client: &Client, key: &RolloutLabels) -> Result<Option<Dereferenced>, Error> {
    let RolloutLabels { namespace, name } = key;
    let rollouts: Api<ModelRollout> = Api::namespaced(client.clone(), namespace);
    let Some(rollout) = rollouts.get_opt(name).await.map_err(Error::read("the rollout"))? else { return Ok(None) };
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let of_instances = list(&slices, &rollout.spec.instances).await?;
    let (instances, is_deployed) = (endpoints(&of_instances, &rollout.spec.instances), !of_instances.is_empty());
    let monitors = match &rollout.spec.monitor {
        Some(monitor) => endpoints(&list(&slices, monitor).await?, monitor),
        None => Vec::new(),
    };
    Ok(Some(Dereferenced { rollout, instances, monitors, is_deployed }))
}

/// Lists the EndpointSlices of a Service.
async fn list(slices: &Api<EndpointSlice>, service: &ServiceReference) -> Result<Vec<EndpointSlice>, Error> {
    let listed = slices.list(&ListParams::default().labels(&selector(service))).await;
    listed.map(|listed| listed.items).map_err(Error::read("the EndpointSlices"))
}

/// Returns the processes in the EndpointSlices of a Service.
fn endpoints(slices: &[EndpointSlice], service: &ServiceReference) -> Vec<Endpoint> {
    let found: BTreeSet<Endpoint> = slices.iter().flat_map(|slice| of_slice(slice, service)).collect();
    // A process that moves between two slices is in both for a moment.
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(found.len());
    for endpoint in found {
        match endpoints.iter_mut().find(|known| known.address == endpoint.address) {
            Some(known) => known.ready |= endpoint.ready,
            None => endpoints.push(endpoint),
        }
    }
    endpoints
}

/// Returns the label selector of a Service's EndpointSlices.
pub(super) fn selector(service: &ServiceReference) -> String {
    if service.match_labels.is_empty() {
        return format!("{SERVICE_NAME}={}", service.service.as_deref().unwrap_or_default());
    }
    let pairs: Vec<String> = service.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

/// Returns the processes of a slice that have the port of a Service.
fn of_slice(slice: &EndpointSlice, service: &ServiceReference) -> Vec<Endpoint> {
    let ports = slice.ports.as_deref().unwrap_or_default();
    let Some(port) = ports.iter().find(|port| is_named(port, &service.port)).and_then(|port| port.port) else {
        return Vec::new();
    };
    let scheme = service.scheme.as_str();
    let endpoint = |endpoint: &k8s_openapi::api::discovery::v1::Endpoint| {
        let host = endpoint.addresses.first()?;
        let host = if slice.address_type == "IPv6" { format!("[{host}]") } else { host.clone() };
        let conditions = endpoint.conditions.clone().unwrap_or_default();
        // The API says that an absent `ready` counts as true and an absent `terminating` as false.
        let ready = conditions.ready.unwrap_or(true) && !conditions.terminating.unwrap_or(false);
        let pod = endpoint.target_ref.as_ref().and_then(|target| target.name.clone());
        let name = pod.unwrap_or_else(|| format!("{host}:{port}"));
        Some(Endpoint { name, address: format!("{scheme}://{host}:{port}"), ready })
    };
    slice.endpoints.iter().filter_map(endpoint).collect()
}

/// Returns whether a port has a name or a number.
fn is_named(port: &EndpointPort, wanted: &str) -> bool {
    port.name.as_deref() == Some(wanted) || port.port.is_some_and(|number| number.to_string() == wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(port: &str) -> ServiceReference {
        serde_json::from_value(json!({"service": "inference", "port": port})).expect("a reference")
    }

    fn slice(addresses: &str, endpoints: &serde_json::Value) -> EndpointSlice {
        let value = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "one"},
            "addressType": addresses, "endpoints": endpoints,
            "ports": [{"name": "http", "port": 8080}, {"name": "grpc", "port": 7070}],
        });
        serde_json::from_value(value).expect("a slice")
    }

    #[test]
    fn a_port_is_found_by_its_name_or_number() {
        let slice = slice("IPv4", &json!([{"addresses": ["192.0.2.7"]}]));
        for (port, address) in [("grpc", "http://192.0.2.7:7070"), ("8080", "http://192.0.2.7:8080")] {
            let found = of_slice(&slice, &service(port));
            assert_eq!(found[0].address, address);
            assert!(found[0].ready, "an endpoint without conditions is ready");
        }
        assert!(of_slice(&slice, &service("metrics")).is_empty());
    }

    #[test]
    fn a_process_that_ends_is_not_ready_and_a_pod_gives_its_name() {
        let endpoints = json!([
            {"addresses": ["fd00::7"], "targetRef": {"kind": "Pod", "name": "inference-0"},
             "conditions": {"ready": true, "terminating": true}},
            {"addresses": ["fd00::8"], "conditions": {"ready": false}},
        ]);
        let found = of_slice(&slice("IPv6", &endpoints), &service("grpc"));
        let expected = |name: &str, host: &str| Endpoint {
            name: name.to_owned(),
            address: format!("http://[{host}]:7070"),
            ready: false,
        };
        assert_eq!(found, [expected("inference-0", "fd00::7"), expected("[fd00::8]:7070", "fd00::8")]);
    }

    #[test]
    fn labels_replace_the_name_of_a_service() {
        let mut service = service("grpc");
        assert_eq!(selector(&service), "kubernetes.io/service-name=inference");
        service.match_labels = [("app", "inference"), ("tier", "a")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(selector(&service), "app=inference,tier=a");
    }
}
