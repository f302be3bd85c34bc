//! Clients that do harm, or are broken.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::future::join_all;
use marquee_e2e::{Http, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};
use tonic::body::Body;
use tonic::codegen::http::{Method, Response};
use tonic::transport::Endpoint;

/// A call with a batch of ratings.
const SUBMIT: &str = "/marquee.ratings.v1.Ratings/SubmitRatings";

/// A call that answers a page of the catalog.
const LIST: &str = "/marquee.ratings.v1.Ratings/ListMovies";

/// The longest time for one step of a client.
const PATIENCE: Duration = Duration::from_secs(60);

/// The addresses of the fleet.
#[derive(Debug, Clone)]
pub(crate) struct Flood {
    pub(crate) grpc: String,
    pub(crate) http: String,
}

impl Flood {
    /// Sends a batch over HTTP and returns the status.
    pub(crate) async fn post(&self, body: Bytes) -> Result<u16> {
        let http = Http::new(&self.http);
        Ok(http.send(Method::POST, "/v1/ratings/batch", "application/json", body).await?.status)
    }

    /// Sends a batch over gRPC and returns the code.
    pub(crate) async fn call(&self, frame: Bytes) -> Result<i32> {
        let channel = Endpoint::from_shared(self.grpc.clone())?.connect().await?;
        let answer = wire::begin(&channel, SUBMIT, &[], frame).await?;
        Ok(wire::finish(answer).await?.status.code() as i32)
    }

    fn address(&self) -> &str {
        self.http.trim_start_matches("http://")
    }

    /// Opens connections that say something and then nothing.
    pub(crate) async fn connect(&self, count: usize, said: &'static [u8]) -> Result<Connections> {
        let connect = || async {
            let mut stream = timeout(PATIENCE, TcpStream::connect(self.address())).await.context("no connection")??;
            // The server may have closed it already.
            let _ = stream.write_all(said).await;
            anyhow::Ok(stream)
        };
        let mut connections = Vec::new();
        for _ in 0..count.div_ceil(500) {
            let group = join_all((0..count.min(500)).map(|_| connect())).await;
            connections.extend(group.into_iter().collect::<Result<Vec<_>>>()?);
        }
        Ok(Connections(connections))
    }

    /// Begins bodies of 16 MiB and sends a part of each, as far as the server takes it.
    pub(crate) async fn hold_bodies(&self, count: usize, part: usize) -> Result<Connections> {
        let head = "POST /v1/ratings/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                    content-length: 16777216\r\n\r\n";
        let connections = self.connect(count, head.as_bytes()).await?;
        let blanks = vec![b' '; part];
        let send = |mut stream: TcpStream| {
            let blanks = &blanks;
            async move {
                // The server does not take more than it may hold.
                let _ = timeout(Duration::from_secs(2), stream.write_all(blanks)).await;
                stream
            }
        };
        Ok(Connections(join_all(connections.0.into_iter().map(send)).await))
    }

    /// Declares a long body and sends it until the server refuses it. Returns what was sent.
    pub(crate) async fn bytes_until_refused(&self, length: usize) -> Result<usize> {
        let mut stream = TcpStream::connect(self.address()).await?;
        let head = format!(
            "POST /v1/ratings/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             expect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.context("no answer")??;
        anyhow::ensure!(&answer == b"HTTP/1.1 413", "{}", String::from_utf8_lossy(&answer));
        Ok(head.len())
    }

    /// Sends bodies that are refused, as fast as the server takes them. Returns the most bytes that
    /// it took of one.
    pub(crate) async fn send_refused(&self, count: usize, length: usize) -> Result<usize> {
        let head = format!(
            "POST /v1/ratings/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
             content-length: {length}\r\n\r\n"
        );
        let blanks = vec![b' '; 65_536];
        let send = || async {
            let mut stream = TcpStream::connect(self.address()).await?;
            stream.write_all(head.as_bytes()).await?;
            let mut sent = 0;
            // It ends when the server closes the connection.
            while sent < length && matches!(timeout(PATIENCE, stream.write_all(&blanks)).await, Ok(Ok(()))) {
                sent += blanks.len();
            }
            anyhow::Ok(sent)
        };
        let sent = join_all((0..count).map(|_| send())).await.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(sent.into_iter().max().unwrap_or_default())
    }

    /// Asks for pages over one connection and reads none of them.
    pub(crate) async fn leave_pages_unread(&self, pages: usize) -> Result<Vec<Response<Body>>> {
        let page = wire::frame(0, &[])?;
        let channel = Endpoint::from_shared(self.grpc.clone())?
            .initial_stream_window_size(65_535)
            .initial_connection_window_size(65_535)
            .connect()
            .await?;
        let ask = || {
            let (channel, page) = (channel.clone(), page.clone());
            let call = async move { wire::begin(&channel, LIST, &[], page).await };
            timeout(Duration::from_secs(2), call)
        };
        let answers = join_all((0..pages).map(|_| ask())).await;
        // The others wait until there is room for their answers.
        Ok(answers.into_iter().filter_map(|answer| answer.ok()?.ok()).collect())
    }
}

/// Open connections.
#[derive(Debug)]
pub(crate) struct Connections(Vec<TcpStream>);

impl Connections {
    /// Waits until the server holds at most this number of connections open, and returns how many
    /// it has not closed. Clients learn of the end of a connection a moment later.
    pub(crate) async fn until_open(&self, most: usize, longest: Duration) -> f64 {
        let end = Instant::now() + longest;
        let mut looks = interval(Duration::from_millis(100));
        loop {
            let open = self.0.iter().filter(|stream| is_open(stream)).count();
            if open <= most || Instant::now() > end {
                return open as f64;
            }
            looks.tick().await;
        }
    }
}

/// Returns whether the server has neither closed a connection nor answered on it.
fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
