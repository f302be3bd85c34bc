//! Answers without a listener.

use super::super::frame::framed;
use super::super::settings::Settings;
use super::super::unpack::unpack;
use super::*;

fn accepting(value: &str) -> Option<Encoding> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT_ENCODING, value.parse().expect("a header"));
    accepted(&headers)
}

#[test]
fn the_encoding_is_the_one_that_the_client_prefers() {
    assert_eq!(accepting("gzip, deflate, br, zstd"), Some(Encoding::Zstd));
    assert_eq!(accepting("zstd;q=0.5, gzip"), Some(Encoding::Gzip));
    assert_eq!(accepting("GZIP ; q=0.1"), Some(Encoding::Gzip));
    for none in ["", "identity", "br", "gzip;q=0", "gzip;q=x", "*"] {
        assert_eq!(accepting(none), None, "{none}");
    }
}

#[tokio::test]
async fn only_long_answers_are_compressed_and_come_back_as_they_were() {
    let shared = Shared::default();
    let long = "a long answer ".repeat(10_000);
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let response = http(Response::new(Body::from(long.clone())), Some(encoding), &shared).await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], encoding.name());
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        let packed = response.into_body().collect().await.expect("whole").to_bytes();
        assert!(packed.len() < long.len() / 10);
        assert_eq!(unpack(encoding, &packed, long.len()).expect("unpacks"), long.as_bytes());
    }
    for (text, accepted) in [("short", Some(Encoding::Gzip)), (long.as_str(), None)] {
        let response = http(Response::new(Body::from(text.to_owned())), accepted, &shared).await;
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(response.into_body().collect().await.expect("whole").to_bytes(), text);
    }
}

/// Returns the messages of an answer: whether each was compressed, and its content.
async fn answered(parts: Vec<Vec<u8>>, shared: &Arc<Shared>) -> (Vec<(bool, Vec<u8>)>, HeaderMap) {
    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    let frames = parts.into_iter().map(|part| Frame::data(Bytes::from(part)));
    let frames = frames.chain([Frame::trailers(trailers)]).map(Ok::<_, axum::Error>);
    let body = Body::new(StreamBody::new(stream::iter(frames.collect::<Vec<_>>())));
    let response = grpc(Response::new(body), shared);
    let collected = response.into_body().collect().await.expect("whole");
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let (bytes, mut messages, mut at) = (collected.to_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let (head, rest) = bytes[at..].split_at(HEAD);
        let message = &rest[..frame::length(head)];
        let is_packed = head[0] == PACKED;
        let content =
            if is_packed { unpack(Encoding::Gzip, message, 1 << 20).expect("unpacks") } else { message.into() };
        messages.push((is_packed, content));
        at += HEAD + message.len();
    }
    (messages, trailers)
}

#[tokio::test]
async fn long_messages_are_compressed_however_they_are_cut_and_the_status_stays() {
    let settings = Settings { compress_grpc_from: 16 << 10, ..Settings::default() };
    let shared = Arc::new(Shared { settings, ..Shared::default() });
    let (short, long) = (b"short".to_vec(), b"long ".repeat(20_000));
    let noise: Vec<u8> = (0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let sent = [&short[..], &long, &[], &short, &noise].map(|message| framed(0, message)).concat();
    for step in [1, 1_000, sent.len()] {
        let (messages, trailers) = answered(sent.chunks(step).map(<[u8]>::to_vec).collect(), &shared).await;
        let contents: Vec<&[u8]> = messages.iter().map(|(_, content)| content.as_slice()).collect();
        assert_eq!(contents, [&short[..], &long, &[], &short, &noise], "{step}");
        assert_eq!(
            messages.iter().map(|(is_packed, _)| *is_packed).collect::<Vec<_>>()[..4],
            [false, true, false, false]
        );
        assert_eq!(trailers[Status::GRPC_STATUS], "0");
    }
    // What has no end is passed on, so that the client sees it.
    let response = grpc(Response::new(Body::from(sent[..7].to_vec())), &shared);
    assert_eq!(response.into_body().collect().await.expect("passes").to_bytes(), &sent[..7]);
}

#[test]
fn a_client_that_does_not_name_gzip_gets_plain_messages() {
    let accepts = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(frame::ACCEPT_ENCODING, HeaderValue::from_static(value));
        accepts_gzip(&headers)
    };
    assert!(accepts("identity, deflate, gzip") && accepts("gzip"));
    assert!(!accepts("identity,deflate") && !accepts_gzip(&HeaderMap::new()));
}
