//! A real server that answers as a script says, with faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use marquee_ports::ObjectStore as _;
use marquee_ports::memory::MemoryObjects;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::collector::Collector;
use crate::report::Collected;
use crate::testing::{Memory, config, setup};

/// What a server does with a request.
type Answering = Box<dyn FnMut(&Request) -> Reply + Send>;

/// A request: the path with its parameters, and the headers in lower case.
#[derive(Debug, Clone, Default)]
struct Request {
    path: String,
    headers: BTreeMap<String, String>,
}

impl Request {
    /// Returns a parameter, or "" without it.
    fn parameter(&self, name: &str) -> String {
        let url = Url::parse(&format!("http://a{}", self.path)).expect("an address");
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    fn number(&self, name: &str, other: usize) -> usize {
        self.parameter(name).parse().unwrap_or(other)
    }
}

/// An answer.
#[derive(Debug, Clone)]
enum Reply {
    /// The status, headers and the body.
    Full(u16, Vec<(&'static str, String)>, String),
    /// The connection is closed in the middle of the body.
    Cut,
    /// There is no answer.
    Silence,
}

fn ok(body: impl Into<String>) -> Reply {
    Reply::Full(200, Vec::new(), body.into())
}

/// A server of HTTP/1.1, with one request a connection.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (mut answer, seen): (Answering, _) = (Box::new(answer), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = Vec::new();
                while !text.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read_buf(&mut text).await {
                        Ok(0) | Err(_) => break,
                        Ok(_) => {}
                    }
                }
                let text = String::from_utf8_lossy(&text).into_owned();
                let mut lines = text.lines();
                let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
                let pair =
                    |line: &str| Some((line.split_once(": ")?.0.to_lowercase(), line.split_once(": ")?.1.to_owned()));
                let request = Request { path, headers: lines.filter_map(pair).collect() };
                let reply = answer(&request);
                seen.lock().expect("whole").push(request);
                let sent = match reply {
                    Reply::Silence => std::future::pending().await,
                    Reply::Cut => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n[{\"a\":".to_owned(),
                    Reply::Full(status, headers, body) => {
                        let headers: String =
                            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                        let length = body.len();
                        format!(
                            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                        )
                    }
                };
                let _ = stream.write_all(sent.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, requests, task }
    }

    fn collector(&self, objects: &MemoryObjects, fleet: &Memory, settings: &str) -> Collector {
        let text = format!("kind = \"http\"\nurl = \"http://{}/ratings?shop=1\"\n{settings}", self.address);
        Collector::new(config(&text), setup(objects, fleet)).expect("a collector")
    }

    fn paths(&self) -> Vec<String> {
        let mut requests = self.requests.lock().expect("whole");
        requests.drain(..).map(|request| request.path.replace("/ratings?shop=1", "")).collect()
    }
}

async fn round(collector: &mut Collector) -> Result<Collected, crate::Error> {
    let mut report = Collected::default();
    collector.round(&mut report).await.map(|()| report)
}

fn record(number: usize) -> String {
    format!(
        r#"{{"user": "u{number}", "movie": "m{}", "rating": {}, "time": {}}}"#,
        number % 3,
        number % 5 + 1,
        1_700_000_000 + number
    )
}

fn list(records: impl Iterator<Item = usize>) -> String {
    format!("[{}]", records.map(record).collect::<Vec<_>>().join(","))
}

/// A growing list of records.
#[derive(Clone, Default)]
struct Growing(Arc<Mutex<usize>>);

impl Growing {
    fn grow(&self, to: usize) {
        *self.0.lock().expect("whole") = to;
    }

    fn part(&self, from: usize, most: usize) -> std::ops::Range<usize> {
        let count = *self.0.lock().expect("whole");
        from.min(count)..(from + most).min(count)
    }
}

#[tokio::test]
async fn pages_by_number_and_by_offset_go_on_where_they_ended() {
    for (settings, first, next, last) in [
        (
            "paging = \"page\"\nparameter = \"page\"\npage_size = 10\nsize_parameter = \"n\"",
            "&page=1&n=10",
            "&page=2&n=10",
            "&page=3&n=10",
        ),
        ("paging = \"offset\"\nparameter = \"from\"\npage_size = 10", "&from=0", "&from=10", "&from=20"),
    ] {
        let growing = Growing::default();
        growing.grow(25);
        let data = growing.clone();
        let server = Server::start(move |request| {
            let from = request.number("from", (request.number("page", 1) - 1) * 10);
            let body = format!(r#"{{"count": 1, "items": {}}}"#, list(data.part(from, 10)));
            let etag = format!("\"{}\"", body.len());
            if request.headers.get("if-none-match") == Some(&etag) {
                return Reply::Full(304, Vec::new(), String::new());
            }
            Reply::Full(200, vec![("etag", etag)], body)
        })
        .await;
        let (objects, fleet) = (MemoryObjects::default(), Memory::default());
        let report = round(&mut server.collector(&objects, &fleet, settings)).await.expect("collected");
        assert_eq!((report.accepted, server.paths()), (25, vec![first.to_owned(), next.to_owned(), last.to_owned()]));
        // Nothing is new, as the tag of the last page says.
        let report = round(&mut server.collector(&objects, &fleet, settings)).await.expect("collected");
        assert_eq!((report.records, report.repeated, server.paths()), (0, 0, vec![last.to_owned()]));
        growing.grow(33);
        let report = round(&mut server.collector(&objects, &fleet, settings)).await.expect("collected");
        assert_eq!((report.accepted, report.repeated, fleet.len()), (8, 5, 33));
    }
}

#[tokio::test]
async fn cursors_and_links_are_followed_to_the_end() {
    let growing = Growing::default();
    growing.grow(25);
    let data = growing.clone();
    let server = Server::start(move |request| {
        let from = request.number("after", 0);
        let part = data.part(from, 10);
        let next = if part.len() == 10 { format!("\"{}\"", from + 10) } else { "null".to_owned() };
        ok(format!(r#"{{"data": {{"ratings": {}}}, "meta": {{"next": {next}}}}}"#, list(part)))
    })
    .await;
    let (objects, fleet) = (MemoryObjects::default(), Memory::default());
    let settings = "paging = \"cursor\"\nparameter = \"after\"\ncursor = \"meta.next\"\nrecords = \"data.ratings\"";
    let report = round(&mut server.collector(&objects, &fleet, settings)).await.expect("collected");
    assert_eq!((report.accepted, server.paths()), (25, vec!["".into(), "&after=10".into(), "&after=20".into()]));
    growing.grow(31);
    let report = round(&mut server.collector(&objects, &fleet, settings)).await.expect("collected");
    assert_eq!((report.accepted, report.repeated, fleet.len()), (6, 5, 31));

    let data = growing.clone();
    let server = Server::start(move |request| {
        let from = request.number("from", 0);
        let part = data.part(from, 10);
        let next = format!("</ratings?shop=1&from={}>; rel=\"next\"", from + 10);
        let link =
            if part.len() == 10 { vec![("link", "</x>; rel=\"first\"".to_owned()), ("link", next)] } else { vec![] };
        Reply::Full(200, link, list(part))
    })
    .await;
    let (objects, fleet) = (MemoryObjects::default(), Memory::default());
    let report = round(&mut server.collector(&objects, &fleet, "paging = \"link\"")).await.expect("collected");
    assert_eq!((report.accepted, server.paths().len()), (31, 4));
    growing.grow(35);
    let report = round(&mut server.collector(&objects, &fleet, "paging = \"link\"")).await.expect("collected");
    assert_eq!((report.accepted, report.repeated, server.paths()), (4, 1, vec!["&from=30".to_owned()]));
}

#[tokio::test]
async fn rounds_ask_for_what_is_newer_than_the_watermark() {
    let growing = Growing::default();
    growing.grow(12);
    let data = growing.clone();
    let server = Server::start(move |request| {
        let since = request.number("since", 0).saturating_sub(1_700_000_000);
        let page = request.number("page", 1);
        ok(list(data.part(since + (page - 1) * 5, 5)))
    })
    .await;
    let (objects, fleet) = (MemoryObjects::default(), Memory::default());
    let settings =
        "paging = \"page\"\nparameter = \"page\"\npage_size = 5\nsince_parameter = \"since\"\nwatermark = \"time\"";
    let report = round(&mut server.collector(&objects, &fleet, settings)).await.expect("collected");
    assert_eq!((report.accepted, server.paths().len()), (12, 3));
    for (count, new) in [(12, 0), (15, 3), (15, 0), (15, 0)] {
        growing.grow(count);
        let report = round(&mut server.collector(&objects, &fleet, settings)).await.expect("collected");
        assert_eq!((report.accepted, report.repeated, fleet.len()), (new, 1, count), "the newest one comes again");
        let since = 1_700_000_000 + count - new as usize - 1;
        assert_eq!(server.paths()[0], format!("&page=1&since={since}"));
    }
}

#[tokio::test]
async fn faults_pass_and_limits_of_the_rate_are_kept() {
    let mut calls = 0;
    let server = Server::start(move |_| {
        calls += 1;
        match calls {
            1 => Reply::Full(503, Vec::new(), "down".to_owned()),
            2 => Reply::Full(429, vec![("retry-after", "2".to_owned())], String::new()),
            3 => Reply::Cut,
            4 => ok("<html>not JSON</html>"),
            _ => ok(list(0..3)),
        }
    })
    .await;
    let (objects, fleet) = (MemoryObjects::default(), Memory::default());
    let began = tokio::time::Instant::now();
    let report = round(&mut server.collector(&objects, &fleet, "")).await.expect("collected");
    assert_eq!((report.accepted, report.retries, server.paths().len()), (3, 4, 5));
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_does_not_pass_ends_the_round_with_the_answer() {
    let told = async |reply: Reply, settings: &str| {
        let server = Server::start(move |_| reply.clone()).await;
        let (objects, fleet) = (MemoryObjects::default(), Memory::default());
        let mut collector = server.collector(&objects, &fleet, settings);
        collector.setup.patience = Duration::ZERO;
        let error = round(&mut collector).await.expect_err("it fails");
        let crate::Error::Source { source, .. } = error else { panic!("{error}") };
        (crate::collector::chain(&source), source.is_passing())
    };
    let (text, may_pass) = told(Reply::Full(403, Vec::new(), "no such\u{7} token".to_owned()), "").await;
    assert!(text.contains("403 Forbidden: no such token") && !may_pass, "{text}");
    let (text, may_pass) = told(ok(list(0..100)), "max_bytes = 1000").await;
    assert!(text.contains("max_bytes") && !may_pass, "{text}");
    let (text, may_pass) = told(Reply::Silence, "timeout = \"50ms\"").await;
    assert!(text.contains("no answer within 0.05 s") && may_pass, "{text}");
    let away = Reply::Full(200, vec![("link", "<http://b.example.com/>; rel=next".to_owned())], list(0..1));
    let (text, _) = told(away, "paging = \"link\"").await;
    assert!(text.contains("another server, http://b.example.com"), "{text}");
    let (text, may_pass) = told(Reply::Full(301, vec![("location", "http://b/".to_owned())], String::new()), "").await;
    assert!(text.contains("301") && !may_pass, "a token must not follow: {text}");
}

#[tokio::test]
async fn a_token_is_sent_as_its_file_has_it_and_is_shown_nowhere() {
    let server = Server::start(|_| ok(list(0..1))).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "hunter2\n").expect("written");
    let (objects, fleet) = (MemoryObjects::default(), Memory::default());
    let settings = format!("token_file = {path:?}\nheaders = {{ x-shop = \"1\" }}");
    let mut collector = server.collector(&objects, &fleet, &settings);
    round(&mut collector).await.expect("collected");
    let request = server.requests.lock().expect("whole")[0].clone();
    assert_eq!(request.headers.get("authorization").map(String::as_str), Some("Bearer hunter2"));
    assert_eq!(request.headers.get("x-shop").map(String::as_str), Some("1"));
    assert!(!format!("{collector:?}").contains("hunter2"));
    for entry in objects.list(None).await.expect("listed") {
        let bytes = objects.get(&entry.key).await.expect("read").expect("there").bytes;
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{}", entry.key);
    }
}
