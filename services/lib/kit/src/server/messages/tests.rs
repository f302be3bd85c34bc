//! Messages without a listener, with paused time.

use std::io::Write;
use std::time::Duration;

use axum::http::HeaderValue;
use futures_util::{StreamExt, stream};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};
use tokio::time::sleep;
use tonic::Code;

use super::super::frame::framed;
use super::super::schema::Schema;
use super::super::settings::Settings;
use super::*;

/// Limits for a service whose requests have a list of messages, once and as a stream.
fn shared() -> Arc<Shared> {
    Arc::new(Shared { schema: shared_schema(), ..Shared::default() })
}

fn shared_schema() -> Schema {
    let list = FieldDescriptorProto {
        name: Some("things".to_owned()),
        number: Some(1),
        label: Some(Label::Repeated.into()),
        r#type: Some(Type::Message.into()),
        type_name: Some(".test.Things".to_owned()),
        ..Default::default()
    };
    let message = DescriptorProto { name: Some("Things".to_owned()), field: vec![list], ..Default::default() };
    let method = |name: &str, streaming| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".test.Things".to_owned()),
        client_streaming: Some(streaming),
        ..Default::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("Test".to_owned()),
        method: vec![method("Send", false), method("Stream", true)],
        ..Default::default()
    };
    let file = FileDescriptorProto {
        package: Some("test".to_owned()),
        message_type: vec![message],
        service: vec![service],
        ..Default::default()
    };
    let descriptors = prost::Message::encode_to_vec(&FileDescriptorSet { file: vec![file] });
    Schema::read(&descriptors).expect("descriptors")
}

/// The longest message of the default settings.
const LONGEST: usize = 16 << 20;

fn packed(message: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(message).expect("memory");
    framed(1, &writer.finish().expect("memory"))
}

/// Returns the bytes that tonic gets of a body that arrives in these parts.
async fn received(shared: &Arc<Shared>, path: &str, parts: Vec<Vec<u8>>) -> Result<Vec<u8>, Status> {
    let parts = parts.into_iter().map(|part| Ok::<_, std::io::Error>(Bytes::from(part)));
    let (method, encoding) = (shared.schema.method(path), Some(Encoding::Gzip));
    let (mut body, _) = receive(Body::from_stream(stream::iter(parts)), Arc::clone(shared), method, encoding);
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::from_error(Box::new(error)))?;
        all.extend_from_slice(&frame.into_data().expect("data"));
    }
    Ok(all)
}

fn refused(answer: Result<Vec<u8>, Status>) -> Failure {
    Failure::from_status(&answer.expect_err("refused"))
}

#[tokio::test]
async fn messages_pass_however_they_are_cut_and_compressed_ones_are_unpacked() {
    let shared = shared();
    let message = [0x0a, 2, 0x0a, 0];
    let sent = [framed(0, &message), framed(0, &[]), framed(0, &message)].concat();
    for step in [1, 2, 3, 5, 7, 100] {
        let parts = sent.chunks(step).map(<[u8]>::to_vec).collect();
        assert_eq!(received(&shared, "/test.Test/Stream", parts).await.expect("passes"), sent, "{step}");
        let mixed = [packed(&message), framed(0, &[]), packed(&message)].concat();
        let parts = mixed.chunks(step).map(<[u8]>::to_vec).collect();
        assert_eq!(received(&shared, "/test.Test/Stream", parts).await.expect("passes"), sent, "{step}");
    }
    // tonic reports what has no end.
    let cut = vec![sent[..3].to_vec()];
    assert_eq!(received(&shared, "/test.Test/Send", cut).await.expect("passes"), sent[..3]);
}

#[tokio::test]
async fn eight_million_empty_messages_are_refused_before_they_are_decoded() {
    let shared = shared();
    let many = [0x0a, 0].repeat(8_000_000);
    for frame in [framed(0, &many), packed(&many)] {
        let parts = frame.chunks(16 << 10).map(<[u8]>::to_vec).collect();
        let failure = refused(received(&shared, "/test.Test/Send", parts).await);
        assert_eq!(failure.violations()[0].field, "things", "{failure}");
        assert_eq!(failure.violations()[0].reason, Reason::TooMany);
    }
}

#[tokio::test]
async fn a_message_that_unpacks_to_too_much_is_refused() {
    let shared = shared();
    let failure = refused(received(&shared, "/test.Test/Send", vec![packed(&vec![0; LONGEST + 1])]).await);
    assert_eq!(failure.violations()[0].reason, Reason::TooLong, "{failure}");
    let failure = refused(received(&shared, "/test.Test/Send", vec![framed(1, b"not gzip")]).await);
    assert_eq!(failure.violations()[0].reason, Reason::Malformed, "{failure}");
}

#[tokio::test]
async fn the_longest_message_is_as_long_as_the_settings_say() {
    let small = shared();
    let message = [&[0x12, 0x80, 0x80, 0x80, 0x09][..], &vec![0; 18 << 20]].concat();
    let settings = Settings { max_message: 20 << 20, body_budget: 64 << 20, ..Settings::default() };
    let large = Arc::new(Shared { schema: shared_schema(), settings, ..Shared::default() });
    for frame in [framed(0, &message), packed(&message)] {
        let parts = || frame.chunks(64 << 10).map(<[u8]>::to_vec).collect();
        let failure = refused(received(&small, "/test.Test/Send", parts()).await);
        assert_eq!(failure.violations()[0].reason, Reason::TooLong, "{failure}");
        assert!(failure.to_string().contains("16777216 bytes"), "{failure}");
        let passed = received(&large, "/test.Test/Send", parts()).await.expect("passes");
        assert_eq!(passed.len(), HEAD + message.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_arrive_gives_its_share_back() {
    let shared = shared();
    let hold = |path: &str| {
        // It claims 16 MiB and sends a little of it.
        let head = [&[0][..], &(16_u32 << 20).to_be_bytes(), &[0x0a]].concat();
        let parts = stream::iter([Ok::<_, std::io::Error>(Bytes::from(head))]).chain(stream::pending());
        let method = shared.schema.method(path);
        receive(Body::from_stream(parts), Arc::clone(&shared), method, None)
    };
    let mut held = Vec::new();
    for path in ["/test.Test/Send", "/test.Test/Stream", "/test.Test/Send"] {
        let (mut body, share) = hold(path);
        body.frame().await.expect("the head").expect("the head");
        held.push((body, share));
    }
    // No more large ones fit, and small ones do.
    let (mut late, _share) = hold("/test.Test/Stream");
    let waits = tokio::time::timeout(Duration::from_secs(29), late.frame()).await;
    assert!(waits.is_err());
    received(&shared, "/test.Test/Send", vec![framed(0, &[0x0a, 0])]).await.expect("a small one passes");
    for (body, _) in &mut held {
        body.frame().await.expect("what has arrived").expect("what has arrived");
        let error = body.frame().await.expect("an end").expect_err("the time is over");
        assert_eq!(Status::from_error(Box::new(error)).code(), Code::DeadlineExceeded);
    }
    drop(held);
    received(&shared, "/test.Test/Send", vec![framed(0, &vec![0x0a; 2 << 20])]).await.expect_err("malformed, but read");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_begins_must_arrive_in_time() {
    let shared = shared();
    let frame = framed(0, &[0x0a, 0]);
    for path in ["/test.Test/Send", "/test.Test/Stream"] {
        for (cut, pause, passes) in [(2, 29, true), (2, 31, false), (6, 29, true), (6, 31, false)] {
            let (begin, rest) = (Bytes::copy_from_slice(&frame[..cut]), Bytes::copy_from_slice(&frame[cut..]));
            let later = stream::once(async move {
                sleep(Duration::from_secs(pause)).await;
                Ok(rest)
            });
            let parts = stream::iter([Ok::<_, std::io::Error>(begin)]).chain(later);
            let method = shared.schema.method(path);
            let (mut body, _share) = receive(Body::from_stream(parts), Arc::clone(&shared), method, None);
            let mut failed = false;
            while let Some(part) = body.frame().await {
                failed |= part.is_err();
            }
            assert_eq!(failed, !passes, "{path}, cut at {cut}, after {pause} s");
        }
    }
}

#[tokio::test]
async fn a_short_message_that_is_here_passes_in_one_part_and_keeps_its_share() {
    let shared = shared();
    // What is malformed is left to the decoder, unless it is scanned.
    for (length, parts) in [(0, 1), (1_000, 1), (2 << 20, 2)] {
        let frame = framed(0, &vec![0x2a; length]);
        let body = Body::from_stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from(frame))]));
        let method = shared.schema.method("/test.Test/Send");
        let (mut body, share) = receive(body, Arc::clone(&shared), method, None);
        let mut received = 0;
        while let Some(part) = body.frame().await {
            received += 1;
            assert_eq!(part.is_err(), length > 1_000 && received == 2, "{length}");
        }
        assert_eq!(received, parts, "{length}");
        assert!(share.lock().expect("a lock").is_some(), "a call holds its message until it is answered");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_silent_between_its_messages() {
    let shared = shared();
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from(framed(0, &[0x0a, 0])))]);
    let later = stream::once(async {
        sleep(Duration::from_secs(3_600)).await;
        Ok(Bytes::from(framed(0, &[])))
    });
    let method = shared.schema.method("/test.Test/Stream");
    let (mut body, share) = receive(Body::from_stream(first.chain(later)), Arc::clone(&shared), method, None);
    let mut sizes = Vec::new();
    while let Some(frame) = body.frame().await {
        sizes.push(frame.expect("no deadline").into_data().expect("data").len());
    }
    assert_eq!(sizes, [7, 5]);
    assert!(share.lock().expect("a lock").is_none(), "a stream that waits holds nothing");
}

#[test]
fn an_encoding_that_is_not_supported_is_refused_by_name() {
    let take = |name: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-encoding", HeaderValue::from_static(name));
        let taken = take_encoding(&mut headers);
        assert!(headers.is_empty());
        taken
    };
    assert_eq!(take("gzip").expect("supported"), Some(Encoding::Gzip));
    assert_eq!(take("identity").expect("supported"), None);
    let status = take("snappy").expect_err("not supported");
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.metadata().get("grpc-accept-encoding").expect("what is accepted"), "identity,gzip,deflate");
    assert!(status.message().contains("'snappy'") && status.message().contains("gzip"), "{status}");
}
