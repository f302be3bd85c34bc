//! Listeners that close while clients are connected.

use super::*;

/// What a client of HTTP/2 says first: the preface, and settings without a value.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn a_client_that_is_silent_does_not_delay_the_end() {
    let server = http_draining(ServerSettings::default(), PATIENCE).await;
    let mut silent = server.connect().await;
    // It never answers when it is told to go.
    silent.write_all(HELLO).await.expect("sent");
    let mut half = server.connect().await;
    half.write_all(b"GET /livez HTT").await.expect("sent");
    assert!(!read(&mut silent).await.is_empty(), "the settings of the server");
    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < PATIENCE / 3, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_request_in_flight_ends_before_the_listener_does() {
    let server = http_draining(ServerSettings::default(), PATIENCE).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /v1/late HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    assert!(read(&mut stream).await.is_empty(), "it takes longer");
    let (answer, ()) = tokio::join!(
        async {
            stream.readable().await.expect("an answer");
            read(&mut stream).await
        },
        server.stop()
    );
    assert!(answer.ends_with("late"), "{answer}");
}

#[tokio::test]
async fn what_is_still_sent_of_a_refused_body_ends_with_its_connection() {
    let server = http(ServerSettings::default()).await;
    let mut stream = server.connect().await;
    let head = "POST /v1/things HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
                content-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let refused = read(&mut stream).await;
    assert!(refused.starts_with("HTTP/1.1 415"), "{refused}");
    assert_eq!(server.shared.refused.len(), 1);
    drop(stream);
    server.shared.refused.close();
    timeout(Duration::from_secs(1), server.shared.refused.wait())
        .await
        .expect("before the time for refused bodies is over");
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_a_client_reads_slowly_arrives_whole_after_the_listener_closes() {
    let server = http_draining(ServerSettings::default(), PATIENCE).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /v1/large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.expect("sent");
    stream.readable().await.expect("an answer");
    let slowly = async {
        // Longer than a client without a request has to go.
        let _: Result<(), _> = timeout(3 * super::super::listen::FAREWELL, std::future::pending()).await;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the whole answer");
        answer.len()
    };
    let (length, ()) = tokio::join!(slowly, server.stop());
    assert!(length > LARGE, "{length} bytes");
}
