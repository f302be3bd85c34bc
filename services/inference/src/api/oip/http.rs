//! The REST form of the protocol, below `/v2`. Errors are `{"error": "…"}`, as its clients expect.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use marquee_domain::Reason;
use marquee_kit::{Bodies, BodyParser, Failure, FailureMessage, Kind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{EXTENSIONS, LONG, SERVER, describe, json as wire, version};
use crate::api::Service;
use crate::models::{Given, State as ModelState};

/// The header that holds the length of the JSON, if bytes are behind it.
const JSON_LENGTH: &str = "inference-header-content-length";

/// The bodies that are accepted. Triton's client sends no content type.
const BODIES: Bodies = Bodies::long_json().or_json_with_bytes(JSON_LENGTH);

pub(crate) fn routes(service: Service) -> Router {
    let model = Router::new()
        .route("/", get(metadata))
        .route("/ready", get(ready))
        .route("/config", get(config))
        .route("/stats", get(statistics))
        .route("/infer", post(infer));
    let routes = Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(server_ready))
        .route("/v2/models/stats", get(all_statistics))
        .route("/v2/repository/index", post(index))
        .route("/v2/repository/models/{model}/load", post(load))
        .route("/v2/repository/models/{model}/unload", post(unload))
        .nest("/v2/models/{model}", model.clone())
        .nest("/v2/models/{model}/versions/{version}", model)
        .route("/v2/{*rest}", any(unknown))
        .method_not_allowed_fallback(not_allowed);
    BODIES.layer(routes).layer(map_response(with_plain_error)).with_state(service)
}

/// Gives an error the form of the protocol.
async fn with_plain_error(mut response: Response) -> Response {
    let Some(FailureMessage(message)) = response.extensions_mut().remove() else { return response };
    let plain = Json(json!({ "error": message })).into_response();
    let (mut head, _) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, plain.into_body())
}

async fn unknown() -> Failure {
    Failure::new(Kind::NotFound, "this path does not exist below /v2; see the Open Inference Protocol")
}

async fn not_allowed() -> Failure {
    let message = "this path does not have the method; see the Open Inference Protocol";
    Failure::new(Kind::InvalidArgument, message).answered_as(StatusCode::METHOD_NOT_ALLOWED)
}

async fn live() -> Json<Value> {
    Json(json!({"live": true}))
}

async fn server_ready(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    let ready = service.is_oip_ready();
    (status(ready), Json(json!({"ready": ready, "live": true})))
}

fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn server() -> Json<Value> {
    Json(json!({"name": SERVER, "version": env!("CARGO_PKG_VERSION"), "extensions": EXTENSIONS}))
}

/// A model in a path.
#[derive(Debug, Deserialize)]
struct Named {
    model: String,
    #[serde(default)]
    version: String,
}

impl Named {
    fn version(&self) -> Result<Option<u64>, Failure> {
        version(&self.version)
    }
}

async fn ready(State(service): State<Service>, Path(named): Path<Named>) -> Result<(StatusCode, Json<Value>), Failure> {
    let ready = service.0.models.is_ready(&named.model, named.version()?)?;
    Ok((status(ready), Json(json!({"name": named.model, "ready": ready}))))
}

async fn metadata(State(service): State<Service>, Path(named): Path<Named>) -> Result<Json<Value>, Failure> {
    Ok(Json(describe::metadata_json(&service.0.models.describe(&named.model, named.version()?).await?)))
}

async fn config(State(service): State<Service>, Path(named): Path<Named>) -> Result<Json<Value>, Failure> {
    Ok(Json(describe::config_json(&service.0.models.describe(&named.model, named.version()?).await?)))
}

async fn statistics(State(service): State<Service>, Path(named): Path<Named>) -> Result<Json<Value>, Failure> {
    let statistics = service.0.models.statistics(&named.model, named.version()?)?;
    Ok(Json(json!({"model_stats": statistics.iter().map(describe::statistic_json).collect::<Vec<_>>()})))
}

async fn all_statistics(State(service): State<Service>) -> Result<Json<Value>, Failure> {
    let statistics = service.0.models.statistics("", None)?;
    Ok(Json(json!({"model_stats": statistics.iter().map(describe::statistic_json).collect::<Vec<_>>()})))
}

async fn infer(
    State(service): State<Service>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    parser: BodyParser,
    body: Bytes,
) -> Result<Response, Failure> {
    let version = named.version()?;
    let length = json_length(&headers)?;
    let (name, whole) = (named.model.clone(), body.clone());
    let read = parser.parse(body, move |_| wire::read(&whole, length, (name, version))).await?;
    let (call, id, form) = read.into_parts();
    let answer = service.oip_infer(call, id.as_deref().unwrap_or_default()).await?;
    let values: usize = answer.outputs.iter().map(|(_, tensor)| tensor.len()).sum();
    let write = move || wire::write((id, named.model), &form, &answer);
    // A number takes ten bytes or so.
    let (body, length) = service.0.compute.run_if(values >= LONG / 10, write).await;
    let mut response = Response::new(Body::from(body));
    let kind = if length.is_some() { "application/octet-stream" } else { "application/json" };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(length) = length {
        response.headers_mut().insert(HeaderName::from_static(JSON_LENGTH), HeaderValue::from(length));
    }
    Ok(response)
}

fn json_length(headers: &HeaderMap) -> Result<Option<usize>, Failure> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    let refused = || Failure::field(JSON_LENGTH, Reason::Malformed, "is not a number; expected the length of the JSON");
    length.map(Some).ok_or_else(refused)
}

/// What a request to the repository may say. Its body may be empty.
#[derive(Debug, Default, Deserialize)]
struct RepositoryRequest {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    parameters: Map<String, Value>,
}

async fn repository_request(parser: &BodyParser, body: Bytes) -> Result<RepositoryRequest, Failure> {
    if body.iter().all(u8::is_ascii_whitespace) { Ok(RepositoryRequest::default()) } else { parser.json(body).await }
}

async fn index(State(service): State<Service>, parser: BodyParser, body: Bytes) -> Result<Json<Value>, Failure> {
    let only_ready = repository_request(&parser, body).await?.ready;
    let entries = service.0.models.index().into_iter();
    let entries = entries.filter(|entry| !only_ready || entry.state == ModelState::Ready);
    Ok(Json(entries.map(describe::entry_json).collect()))
}

async fn load(
    State(service): State<Service>,
    Path(named): Path<Named>,
    parser: BodyParser,
    body: Bytes,
) -> Result<StatusCode, Failure> {
    let request = repository_request(&parser, body).await?;
    let given = service.0.compute.run(move || given(request.parameters)).await?;
    service.0.models.load(&named.model, given).await?;
    Ok(StatusCode::OK)
}

async fn unload(State(service): State<Service>, Path(named): Path<Named>) -> Result<StatusCode, Failure> {
    service.0.models.unload(&named.model).await?;
    Ok(StatusCode::OK)
}

/// Returns the files, which are in Base64, and the configuration of a request to load.
fn given(parameters: Map<String, Value>) -> Result<Given, Failure> {
    let mut given = Given::default();
    for (name, value) in parameters {
        let wrong = |what: &str| Failure::field(format!("parameters.{name}"), Reason::Malformed, what);
        if name == "config" {
            given.config = match value {
                Value::String(config) => Some(config),
                // Some clients send the configuration as it is.
                Value::Object(_) => Some(value.to_string()),
                _ => return Err(wrong("is not a text; send the configuration as JSON in a text")),
            };
        } else if let Some(path) = name.strip_prefix("file:") {
            let decoded = value.as_str().and_then(base64);
            let content = decoded.ok_or_else(|| wrong("is not Base64; send the content of the file in Base64"))?;
            given.files.insert(path.to_owned(), content.into());
        }
    }
    Ok(given)
}

/// Decodes Base64 of RFC 4648, section 4. Returns `None` if the text is something else.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for group in text.chunks(4) {
        let mut bits = 0_u32;
        for sign in group {
            let value = match sign {
                b'A'..=b'Z' => sign - b'A',
                b'a'..=b'z' => sign - b'a' + 26,
                b'0'..=b'9' => sign - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        let missing = 4 - group.len();
        let whole = (bits << (6 * missing)).to_be_bytes();
        let count = match missing {
            0 => 3,
            1 => 2,
            2 => 1,
            _ => return None,
        };
        bytes.extend_from_slice(&whole[1..=count]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_base64() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE", "fooba")] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(base64("+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
        assert_eq!((base64("Zm9v!"), base64("Z")), (None, None));
        let parameters = json!({"config": "{}", "file:1/model.onnx": "Zm9v", "unload_dependents": true});
        let given = given(parameters.as_object().expect("an object").clone()).expect("valid");
        assert_eq!((given.config.as_deref(), &given.files["1/model.onnx"][..]), (Some("{}"), b"foo".as_slice()));
        assert!(super::given(Map::from_iter([("config".to_owned(), json!(1))])).is_err());
        assert!(super::given(Map::from_iter([("file:1/a".to_owned(), json!("!"))])).is_err());
    }

    #[tokio::test]
    async fn an_error_has_the_form_of_the_protocol() {
        let response = with_plain_error(unknown().await.into_response()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.expect("a body");
        let error: Value = serde_json::from_slice(&body).expect("JSON");
        assert!(error["error"].as_str().is_some_and(|error| error.contains("/v2")), "{error}");
    }
}
