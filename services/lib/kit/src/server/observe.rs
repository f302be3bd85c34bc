//! What happens to every request: it is checked, measured, and recorded in a span of its trace.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use tonic::{Code, Status};
use tracing::Instrument;

use super::answer_budget;
use super::guard::{self, Peer};
use super::messages;
use super::schema::Method;
use super::shared::Shared;
use super::{compress, is_grpc};
use crate::{Failure, Kind, Metrics, latency_buckets, refusal, telemetry};

/// The methods that every process serves.
const STANDARD: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    protocol: &'static str,
    route: String,
    status: String,
}

#[derive(Clone)]
struct Observer {
    shared: Arc<Shared>,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
    /// The durations of the calls that succeeded, by the index of their method. They are a part of
    /// `durations`, and are found without labels.
    succeeded: Arc<[OnceLock<Histogram>]>,
}

impl Observer {
    /// Notes how long a call of gRPC took.
    fn call_ended(&self, method: Option<Method>, path: String, status: Code, seconds: f64) {
        // Only methods that exist become labels. Otherwise a caller could create new time series.
        let exists = method.is_some() || STANDARD.contains(&path.as_str());
        let histogram = || {
            let route = if exists && status != Code::Unimplemented { path } else { "unknown".to_owned() };
            let labels = Labels { protocol: "grpc", route, status: code_name(status).to_owned() };
            self.durations.get_or_create_owned(&labels)
        };
        let succeeded = method.filter(|_| status == Code::Ok).and_then(|method| self.succeeded.get(method.index));
        match succeeded {
            Some(succeeded) => succeeded.get_or_init(histogram).observe(seconds),
            None => histogram().observe(seconds),
        }
    }
}

fn observer(metrics: &Metrics, name: &str, shared: &Arc<Shared>) -> Observer {
    let family = Family::new_with_constructor((|| Histogram::new(latency_buckets())) as fn() -> Histogram);
    let durations = metrics.register(name, "Time to the head of the answer, by route and status", family);
    let succeeded = (0..shared.schema.method_count()).map(|_| OnceLock::new()).collect();
    Observer { shared: Arc::clone(shared), durations, succeeded }
}

/// Checks and measures every request of the gRPC listener.
pub(super) fn grpc(router: Router, metrics: &Metrics, shared: &Arc<Shared>) -> Router {
    router.layer(from_fn_with_state(observer(metrics, "grpc_request_seconds", shared), observe_grpc))
}

/// Checks and measures every request of the HTTP listener.
pub(super) fn http(router: Router, metrics: &Metrics, shared: &Arc<Shared>) -> Router {
    router.layer(from_fn_with_state(observer(metrics, "http_request_seconds", shared), observe_http))
}

/// Creates the span of a request as a child of the trace of its caller.
fn span(protocol: &'static str, path: &str, headers: &HeaderMap) -> tracing::Span {
    let span = tracing::info_span!("request", protocol, route = path);
    telemetry::continue_trace(&span, |name| headers.get(name).and_then(|value| value.to_str().ok()));
    span
}

fn peer(request: &Request) -> Peer {
    request.extensions().get().copied().unwrap_or_default()
}

fn overloaded() -> Failure {
    Failure::new(Kind::Unavailable, "too many connections are busy: try again").retry_after(Duration::from_secs(1))
}

async fn observe_grpc(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let path = request.uri().path().to_owned();
    let span = span("grpc", &path, request.headers());
    // A listener has looked it up before.
    let method = peer(&request).method.or_else(|| observer.shared.schema.method(&path));
    let answer = answer_grpc(&observer.shared, (&path, method), request, next).instrument(span).await;
    let response = answer.unwrap_or_else(Status::into_http);
    let status = response.headers().get(Status::GRPC_STATUS);
    let status = status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()));
    observer.call_ended(method, path, status, start.elapsed().as_secs_f64());
    response
}

async fn answer_grpc(
    shared: &Arc<Shared>,
    (path, method): (&str, Option<Method>),
    mut request: Request,
    next: Next,
) -> Result<Response, Status> {
    let peer = peer(&request);
    if peer.health_only && !path.starts_with("/grpc.health.") {
        return Err(overloaded().into());
    }
    if peer.no_room {
        return Err(answer_budget::exhausted().into());
    }
    guard::check_origin(shared, request.headers())?;
    guard::check_call(shared, peer, &request)?;
    let accepts_gzip = compress::accepts_gzip(request.headers());
    let encoding = messages::take_encoding(request.headers_mut())?;
    let limit = time_limit(request.headers());
    let (head, body) = request.into_parts();
    let (body, held) = messages::receive(body, Arc::clone(shared), method, encoding);
    let call = next.run(Request::from_parts(head, body));
    let response = match limit {
        None => call.await,
        Some(limit) => tokio::time::timeout(limit, call)
            .await
            .map_err(|_| Status::deadline_exceeded("the call did not end within its deadline"))?,
    };
    drop(held);
    let response = refusal::grpc(response, path);
    Ok(if accepts_gzip { compress::grpc(response, shared) } else { response })
}

/// Returns the time that a caller gives a call, from `grpc-timeout`.
pub fn time_limit(headers: &HeaderMap) -> Option<Duration> {
    parse_time(headers.get("grpc-timeout")?.to_str().ok()?)
}

/// Parses a timeout of gRPC over HTTP/2: at most eight digits and a unit.
fn parse_time(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Returns the canonical name of a code.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Unknown => "UNKNOWN",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::DataLoss => "DATA_LOSS",
        other => Kind::from_code(other).name(),
    }
}

async fn observe_http(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let span = span("http", &path, request.headers());
    let accepted = compress::accepted(request.headers());
    let answer = answer_http(&observer.shared, &path, request, next).instrument(span).await;
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    let response = refusal::http(response, method.as_str(), &path).await;
    let response = compress::http(response, accepted, &observer.shared).await;
    let route = matched.unwrap_or_else(|| "unknown".to_owned());
    let labels = Labels { protocol: "http", route, status: response.status().as_str().to_owned() };
    observer.durations.get_or_create(&labels).observe(start.elapsed().as_secs_f64());
    response
}

async fn answer_http(shared: &Arc<Shared>, path: &str, mut request: Request, next: Next) -> Result<Response, Failure> {
    let peer = peer(&request);
    if peer.health_only && !matches!(path, "/livez" | "/readyz" | "/metrics") {
        return Err(overloaded());
    }
    if peer.no_room {
        return Err(answer_budget::exhausted());
    }
    guard::check_host(shared, peer, request.uri(), request.headers())?;
    if is_grpc(request.headers()) {
        let message = "this is the address of the HTTP API; gRPC is served at the address of grpc_listen";
        return Ok(Status::unimplemented(message).into_http());
    }
    let page = guard::check_origin(shared, request.headers())?;
    if let Some(answer) = page.as_ref().and_then(|origin| guard::preflight(origin, &request)) {
        return Ok(answer);
    }
    let may_call = guard::check_call(shared, peer, &request);
    let answer = match may_call {
        Err(failure) => Err(failure),
        Ok(()) => {
            request.extensions_mut().insert(Arc::clone(shared));
            Ok(next.run(request).await)
        }
    };
    let Some(origin) = page else { return answer };
    // The page may read why it was refused, too.
    let mut response: Response<Body> = answer.unwrap_or_else(IntoResponse::into_response);
    guard::allow(&origin, &mut response);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::{
        DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
    };
    use tower::ServiceExt;

    use super::super::schema::Schema;
    use super::*;

    /// The schema of a service with the method `/test.Test/Get`.
    fn schema() -> Schema {
        let message = DescriptorProto { name: Some("Empty".to_owned()), ..Default::default() };
        let method = MethodDescriptorProto {
            name: Some("Get".to_owned()),
            input_type: Some(".test.Empty".to_owned()),
            ..Default::default()
        };
        let service =
            ServiceDescriptorProto { name: Some("Test".to_owned()), method: vec![method], ..Default::default() };
        let file = FileDescriptorProto {
            package: Some("test".to_owned()),
            message_type: vec![message],
            service: vec![service],
            ..Default::default()
        };
        Schema::read(&FileDescriptorSet { file: vec![file] }.encode_to_vec()).expect("descriptors")
    }

    #[tokio::test]
    async fn calls_are_counted_by_their_method_and_status_and_unknown_ones_together() {
        let answer = |request: Request| async move {
            let code = if request.headers().contains_key("fail") { Code::NotFound } else { Code::Ok };
            Status::new(code, "").into_http::<Body>()
        };
        let (metrics, shared) = (Metrics::default(), Shared { schema: schema(), ..Shared::default() });
        let router = grpc(Router::new().fallback(answer), &metrics, &Arc::new(shared));
        for (path, header) in
            [("/test.Test/Get", "a"), ("/test.Test/Get", "fail"), ("/test.Test/Get", "b"), ("/a", "c"), ("/b", "d")]
        {
            let request = Request::builder().method("POST").uri(path).header(header, "1");
            let request = request.body(Body::empty()).expect("a request");
            router.clone().oneshot(request).await.expect("an answer");
        }
        let text = metrics.text();
        for (route, status, count) in
            [("/test.Test/Get", "OK", 2), ("/test.Test/Get", "NOT_FOUND", 1), ("unknown", "OK", 2)]
        {
            let labels = format!("{{protocol=\"grpc\",route=\"{route}\",status=\"{status}\"}}");
            let line = format!("marquee_grpc_request_seconds_count{labels} {count}\n");
            assert!(text.contains(&line), "{line} is not in {text}");
        }
    }

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("999999999n", None),
            ("+1S", None),
            ("S", None),
            ("1", None),
            ("1s", None),
            ("", None),
            ("1µ", None),
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }

    #[test]
    fn codes_have_their_canonical_names() {
        assert_eq!(code_name(Code::Ok), "OK");
        assert_eq!(code_name(Code::OutOfRange), "OUT_OF_RANGE");
        assert_eq!(code_name(Code::Unimplemented), "UNIMPLEMENTED");
        assert_eq!(code_name(Code::Unauthenticated), "UNAUTHENTICATED");
    }
}
