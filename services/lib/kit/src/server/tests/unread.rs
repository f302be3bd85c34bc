//! Answers that clients do not read.

use super::*;

const GET_LARGE: &str = "GET /v1/large HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn unread_answers_leave_room_for_small_ones_only() {
    let server = http(ServerSettings { answer_budget: 16 << 20, ..ServerSettings::default() }).await;
    let mut unread = server.connect().await;
    unread.write_all(GET_LARGE.as_bytes()).await.expect("sent");
    let mut status = [0; 12];
    timeout(PATIENCE, unread.read_exact(&mut status)).await.expect("in time").expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 200");
    // The answer is there, and its client takes no more of it.
    let refused = async {
        let mut stream = server.connect().await;
        stream.write_all(GET_LARGE.as_bytes()).await.expect("sent");
        stream.readable().await.expect("an answer");
        read(&mut stream).await
    };
    let refused = timeout(PATIENCE, refused).await.expect("in time");
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: 1"), "{refused}");
    assert!(refused.contains("RESOURCE_EXHAUSTED"), "{refused}");
    let post = post_of("content-type: application/json\r\n", "{}");
    for request in ["GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n", post.as_str()] {
        let small = server.ask(request).await;
        assert!(small.starts_with("HTTP/1.1 200"), "{small}");
    }
    // Once the client is gone there is room again.
    drop(unread);
    let answered = async {
        loop {
            let mut stream = server.connect().await;
            stream.write_all(GET_LARGE.as_bytes()).await.expect("sent");
            stream.read_exact(&mut status).await.expect("an answer");
            if &status == b"HTTP/1.1 200" {
                return;
            }
        }
    };
    timeout(PATIENCE, answered).await.expect("there is room");
    server.stop().await;
}
