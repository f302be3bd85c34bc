//! A server that answers as a test decides, with one connection for each request.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The answer to a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status, headers and a body.
    Whole(u16, Vec<(&'static str, String)>, String),
    /// The connection is closed without an answer.
    HangUp,
    /// Nothing is sent while the client waits.
    Silence,
    /// A tag, the beginning of a body, and the length that the whole body would have. The rest
    /// never comes.
    Beginning(&'static str, String, usize),
}

impl Answer {
    pub(crate) fn ok(body: &str) -> Self {
        Self::Whole(200, vec![("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT".to_owned())], body.to_owned())
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        Self::Whole(status, Vec::new(), format!("<Error><Code>{code}</Code></Error>"))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Whole(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A received request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

/// A running server. It stops when it is dropped.
pub(crate) struct Server {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, seen): (Arc<Script>, _) = (Arc::new(answer), Arc::clone(&requests));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                // Some tests make the client close its connection.
                tokio::spawn(async move { drop(serve(stream, &*script, &seen).await) });
            }
        });
        Self { endpoint, requests, accepting }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the method and the target of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, script: &Script, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    let request = read(&mut stream).await?;
    let line = format!("{} {}", request.method, request.target);
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    let (status, headers, body) = match script(&request) {
        Answer::Whole(status, headers, body) => (status, headers, body),
        Answer::HangUp => return Ok(()),
        // Waits until the client closes the connection.
        Answer::Silence => return stream.read_u8().await.map(drop),
        Answer::Beginning(tag, body, length) => {
            let modified = "last-modified: Mon, 01 Jan 2024 00:00:00 GMT";
            let head = format!("HTTP/1.1 200 Said\r\netag: {tag}\r\n{modified}\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.flush().await?;
            return stream.read_u8().await.map(drop);
        }
    };
    let body = if request.method == "HEAD" { String::new() } else { body };
    let mut head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
    stream.flush().await?;
    stream.shutdown().await
}

/// Reads the head and the body, and discards the body.
async fn read(stream: &mut BufStream<TcpStream>) -> io::Result<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let request = Request { method, target, headers: headers.collect() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(request)
}
