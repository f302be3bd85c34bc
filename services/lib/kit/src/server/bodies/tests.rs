//! Bodies over a router without a listener.

use std::io::Write;

use axum::body::to_bytes;
use axum::http::HeaderValue;
use axum::routing::post;
use futures_util::stream;
use tokio::time::sleep;
use tower::ServiceExt;

use super::super::settings::Settings;
use super::*;

const LIMIT: usize = 1 << 20;

/// A route that answers the length of its body.
fn router() -> Router {
    let routes = Router::new().route("/v1/things", post(|body: Bytes| async move { body.len().to_string() }));
    Bodies::json(LIMIT).layer(routes)
}

fn request(headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
    let mut request = Request::builder().method(Method::POST).uri("/v1/things");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

async fn answer(request: Request) -> (StatusCode, String) {
    let response = router().oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), LIMIT).await.expect("a body");
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

const AS_JSON: (&str, &str) = ("content-type", "application/json");

/// A body that fails the test when it is read.
fn unread() -> Body {
    Body::from_stream(stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
        panic!("the body is read")
    }))
}

#[tokio::test]
async fn what_is_not_json_is_refused_by_name_and_not_read() {
    for types in [
        &[("content-type", "text/plain")][..],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/x-protobuf")],
        &[("content-type", "application/jsonx")],
        &[],
    ] {
        let (status, text) = answer(request(types, unread())).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{types:?}");
        assert!(text.contains("content-type") && text.contains("application/json"), "{text}");
    }
    for right in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(answer(request(&[("content-type", right)], "{}")).await, (StatusCode::OK, "2".to_owned()));
    }
}

#[tokio::test]
async fn a_body_that_is_declared_too_long_is_refused_before_it_is_read() {
    let length = (LIMIT + 1).to_string();
    let (status, text) = answer(request(&[AS_JSON, ("content-length", &length)], unread())).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{text}");
    // One of unknown length is refused where it becomes too long.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 65_536])));
    let (status, text) = answer(request(&[AS_JSON], Body::from_stream(endless))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{text}");
}

#[tokio::test]
async fn a_long_body_is_as_long_as_the_settings_say() {
    let routes = || {
        let routes = Router::new().route("/v1/things", post(|body: Bytes| async move { body.len().to_string() }));
        Bodies::long_json().layer(routes)
    };
    let body = vec![b' '; 18 << 20];
    let refused = routes().oneshot(request(&[AS_JSON], body.clone())).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let settings = Settings { max_message: 20 << 20, ..Settings::default() };
    let mut asked = request(&[AS_JSON], body);
    asked.extensions_mut().insert(Arc::new(Shared { settings, ..Shared::default() }));
    let accepted = routes().oneshot(asked).await.expect("an answer");
    assert_eq!(accepted.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_in_is_refused_after_its_time() {
    let slow = stream::unfold((), |()| async {
        sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    let start = Instant::now();
    let (status, text) = answer(request(&[AS_JSON, ("content-length", "1000")], Body::from_stream(slow))).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT, "{text}");
    assert_eq!(start.elapsed().as_secs(), 30);
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(text).expect("memory");
    writer.finish().expect("memory")
}

#[tokio::test]
async fn compressed_bodies_are_unpacked_within_the_limit() {
    let with = |encoding: &'static str, body: Vec<u8>| request(&[AS_JSON, ("content-encoding", encoding)], body);
    let text = vec![b' '; LIMIT];
    for (encoding, body) in [
        ("gzip", packed(&text)),
        ("x-gzip", packed(&text)),
        ("zstd", zstd::encode_all(&text[..], 3).expect("memory")),
        ("identity", text.clone()),
    ] {
        assert_eq!(answer(with(encoding, body)).await, (StatusCode::OK, LIMIT.to_string()), "{encoding}");
    }
    let (status, text) = answer(with("gzip", packed(&vec![b' '; LIMIT + 1]))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{text}");
    let (status, text) = answer(with("gzip", b"{}".to_vec())).await;
    assert!(status == StatusCode::BAD_REQUEST && text.contains("content-encoding"), "{text}");
    for other in ["br", "compress", "gzip, gzip"] {
        let (status, text) = answer(request(&[AS_JSON, ("content-encoding", other)], unread())).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{text}");
        assert!(text.contains("expected gzip, deflate, zstd or none"), "{text}");
    }
}

#[tokio::test]
async fn values_that_would_take_too_much_memory_are_refused_by_their_field() {
    let body = format!(r#"{{"things": [{}{{}}]}}"#, "{},".repeat(340_000));
    let routes = Router::new().route("/v1/things", post(|body: Bytes| async move { body.len().to_string() }));
    let router = Bodies::json(16 << 20).layer(routes);
    let response = router.clone().oneshot(request(&[AS_JSON], body)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body = to_bytes(response.into_body(), LIMIT).await.expect("a body");
    let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (&json["error"]["violations"][0]["field"], &json["error"]["violations"][0]["reason"]),
        (&"things".into(), &"TOO_MANY".into())
    );
    let long = format!(r#"{{"things": ["{}"]}}"#, "x".repeat(15 << 20));
    let response = router.oneshot(request(&[AS_JSON], long)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_a_body_needs_no_form() {
    let routes = Router::new().route("/v1/things", axum::routing::delete(|| async { "gone" }));
    let request = Request::builder().method(Method::DELETE).uri("/v1/things").body(unread()).expect("a request");
    let response = Bodies::json(LIMIT).layer(routes).oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers().get(header::CONTENT_TYPE),
        Some(&HeaderValue::from_static("text/plain; charset=utf-8"))
    );
}

#[tokio::test]
async fn long_bodies_are_parsed_on_another_thread() {
    let routes = Router::new().route(
        "/v1/things",
        post(|parser: BodyParser, body: Bytes| async move {
            let here = std::thread::current().id();
            parser.parse(body, move |_| (std::thread::current().id() == here).to_string()).await
        }),
    );
    for (length, is_here) in [(LONG - 1, "true"), (LONG, "false")] {
        let request = request(&[AS_JSON], vec![b' '; length]);
        let response = Bodies::json(LIMIT).layer(routes.clone()).oneshot(request).await.expect("an answer");
        let body = to_bytes(response.into_body(), LIMIT).await.expect("a body");
        assert_eq!(body, is_here, "{length}");
    }
}

#[tokio::test]
async fn a_refused_body_is_read_so_far_and_no_further() {
    let (sent, mut received) = tokio::sync::mpsc::unbounded_channel();
    let endless = stream::repeat_with(move || {
        let _ = sent.send(());
        Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 65_536]))
    });
    let (status, text) = answer(request(&[("content-type", "text/plain")], Body::from_stream(endless))).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{text}");
    let mut read = 0_usize;
    // The channel closes when the body is dropped.
    while received.recv().await.is_some() {
        read += 65_536;
    }
    assert!((LINGER.1..LINGER.1 + (1 << 20)).contains(&read), "{read}");
}
