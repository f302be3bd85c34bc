//! A server that answers as a test decides, with one connection for each request.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The answer to a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status, headers and a body.
    Whole(u16, Vec<(&'static str, String)>, String),
    /// The connection is closed without an answer.
    HangUp,
    /// Nothing is sent while the client waits.
    Silence,
    /// A body that never ends.
    Endless,
}

impl Answer {
    pub(crate) fn ok(body: &str) -> Self {
        Self::Whole(200, Vec::new(), body.to_owned())
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        Self::Whole(status, Vec::new(), format!(r#"{{"error_code": "{code}", "message": "no"}}"#))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Whole(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the method and the path, without that of the API.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target.replace("/api/2.0/", ""))
    }
}

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

/// A running server. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(None, answer).await
    }

    /// Starts a server, with TLS if there is an acceptor.
    pub(crate) async fn start_with(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, seen): (Arc<Script>, _) = (Arc::new(answer), Arc::clone(&requests));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen, tls) = (Arc::clone(&script), Arc::clone(&seen), tls.clone());
                // Some tests make the client close its connection.
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => drop(serve(tls.accept(stream).await?, &*script, &seen).await),
                        None => drop(serve(stream, &*script, &seen).await),
                    }
                    Ok::<_, io::Error>(())
                });
            }
        });
        Self { port, requests, accepting }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the method and the path of every request so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    seen: &Mutex<Vec<Request>>,
) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    let request = read(&mut stream).await?;
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let (status, headers, body) = match script(&request) {
        Answer::Whole(status, headers, body) => (status, headers, body),
        Answer::HangUp => return Ok(()),
        // Waits until the client closes the connection.
        Answer::Silence => return stream.read_u8().await.map(drop),
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 Said\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 1 << 16]).await?;
            }
        }
    };
    let mut head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
    stream.flush().await?;
    stream.shutdown().await
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Request> {
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
    let mut request = Request { method, target, headers: headers.collect(), body: String::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(request)
}
