//! An API server in memory that knows one rollout, its EndpointSlices, and events. It counts calls,
//! also those of the fleet, and never answers the one at which the operator is killed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use marquee_driver::testing::{Gate, Table};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The address of the instance, to which nothing is really sent.
pub(super) const ADDRESS: &str = "http://127.0.0.1:1";

/// Clones share the content.
#[derive(Debug, Clone)]
pub(super) struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Table,
    state: Mutex<State>,
    killed: Notify,
}

#[derive(Debug)]
struct State {
    rollout: Value,
    version: u64,
    /// The EndpointSlices of inference.
    slices: Vec<Value>,
    /// The reasons of the events by their names.
    events: BTreeMap<String, String>,
    /// The reason of the events that are refused, and the code of the refusal.
    refused: Option<(&'static str, StatusCode)>,
    calls: u64,
    kill_at: u64,
    /// The weights of version 2 in the routing table, one for each change.
    weights: Vec<u32>,
}

impl Server {
    pub(super) fn new(spec: &Value, table: Table) -> Self {
        let rollout = json!({
            "apiVersion": crate::resource::API_VERSION,
            "kind": "ModelRollout",
            "metadata": {
                "name": "ratings", "namespace": "default", "uid": "6f1d", "generation": 1, "resourceVersion": "1",
            },
            "spec": spec,
        });
        let state = State {
            rollout,
            version: 1,
            slices: vec![slice(true)],
            events: BTreeMap::new(),
            refused: None,
            calls: 0,
            kill_at: u64::MAX,
            weights: Vec::new(),
        };
        Self(Arc::new(Inner { table, state: Mutex::new(state), killed: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("a lock")
    }

    pub(super) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                server.pass().await;
                let (parts, body) = request.into_parts();
                let bytes = body.collect().await.expect("a body").to_bytes();
                let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                let (code, answer) = server.state().answer(&parts.method, parts.uri.path(), body);
                let answer = Body::from(answer.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(code).body(answer).expect("a response"))
            }
        });
        Client::new(service, "default")
    }

    /// Answers this many further calls, and then none.
    pub(super) fn kill_at(&self, call: u64) {
        let mut state = self.state();
        state.kill_at = state.calls.saturating_add(call);
    }

    /// Waits for a call that is not answered.
    pub(super) async fn killed(&self) {
        self.0.killed.notified().await;
    }

    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    pub(super) fn status(&self) -> Value {
        self.state().rollout["status"].clone()
    }

    pub(super) fn annotations(&self) -> Value {
        let annotations = self.state().rollout["metadata"]["annotations"].clone();
        if annotations == json!({}) { Value::Null } else { annotations }
    }

    pub(super) fn annotate(&self, key: &str, value: &str) {
        self.state().rollout["metadata"]["annotations"][key] = json!(value);
    }

    /// Changes the object, as a person would.
    pub(super) fn edit(&self, edit: impl FnOnce(&mut Value)) {
        edit(&mut self.state().rollout);
    }

    pub(super) fn finalizers(&self) -> Vec<Value> {
        self.state().rollout["metadata"]["finalizers"].as_array().cloned().unwrap_or_default()
    }

    /// Replaces the EndpointSlices of inference.
    pub(super) fn set_slices(&self, slices: Vec<Value>) {
        self.state().slices = slices;
    }

    /// Refuses events with a reason, or takes all of them again.
    pub(super) fn refuse_events(&self, refused: Option<(&'static str, StatusCode)>) {
        self.state().refused = refused;
    }

    /// Returns how many events have a reason.
    pub(super) fn told(&self, reason: &str) -> usize {
        self.reasons().iter().filter(|told| *told == reason).count()
    }

    /// Returns the reasons of all events, sorted.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self.state().events.values().cloned().collect();
        reasons.sort();
        reasons
    }

    pub(super) fn weights(&self) -> Vec<u32> {
        self.state().weights.clone()
    }
}

#[async_trait]
impl Gate for Server {
    /// Counts a call. Every change of the route is followed by another call, so each one is seen.
    async fn pass(&self) {
        let is_last = {
            let (mut state, weight) = (self.state(), self.0.table.weight(2));
            if state.weights.last() != Some(&weight) {
                state.weights.push(weight);
            }
            let is_last = state.calls >= state.kill_at;
            state.calls += 1;
            is_last
        };
        if is_last {
            self.0.killed.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

impl State {
    fn answer(&mut self, method: &Method, path: &str, body: Value) -> (StatusCode, Value) {
        if path.ends_with("/endpointslices") {
            return (StatusCode::OK, list(&self.slices));
        }
        if path.ends_with("/events") {
            if let Some((_, code)) = self.refused.filter(|(reason, _)| body["reason"] == *reason) {
                return refused(code, "Refused");
            }
            let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            if self.events.contains_key(&name) {
                return refused(StatusCode::CONFLICT, "AlreadyExists");
            }
            self.events.insert(name, body["reason"].as_str().unwrap_or_default().to_owned());
            return (StatusCode::CREATED, body);
        }
        if *method == Method::PATCH {
            let expected = &body["metadata"]["resourceVersion"];
            if !expected.is_null() && *expected != self.rollout["metadata"]["resourceVersion"] {
                return refused(StatusCode::CONFLICT, "Conflict");
            }
            self.patch(path, body);
        }
        (StatusCode::OK, self.rollout.clone())
    }

    fn patch(&mut self, path: &str, mut body: Value) {
        if path.ends_with("/status") {
            self.rollout["status"] = body["status"].take();
        }
        let metadata = &mut self.rollout["metadata"];
        if body["metadata"]["finalizers"].is_array() {
            metadata["finalizers"] = body["metadata"]["finalizers"].take();
        }
        for (key, value) in body["metadata"]["annotations"].as_object().into_iter().flatten() {
            match metadata["annotations"].as_object_mut() {
                Some(annotations) if value.is_null() => drop(annotations.remove(key)),
                _ => metadata["annotations"][key] = value.clone(),
            }
        }
        self.version += 1;
        metadata["resourceVersion"] = json!(self.version.to_string());
    }
}

fn refused(code: StatusCode, reason: &str) -> (StatusCode, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "code": code.as_u16(), "reason": reason, "message": reason}))
}

/// Returns the EndpointSlice of inference, with its one instance or without.
pub(super) fn slice(has_instance: bool) -> Value {
    let instance = json!({"addresses": ["127.0.0.1"], "targetRef": {"kind": "Pod", "name": "inference-0"}});
    let endpoints = if has_instance { vec![instance] } else { Vec::new() };
    json!({
        "metadata": {"name": "inference-0"},
        "addressType": "FQDN",
        "endpoints": endpoints,
        "ports": [{"name": "grpc", "port": 1, "protocol": "TCP"}],
    })
}

fn list(slices: &[Value]) -> Value {
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": {}, "items": slices})
}
