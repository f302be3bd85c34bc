//! A fake fleet for tests: generated servers on a loopback port.

use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;

use crate::Client;

/// A server that stops when it is dropped.
pub(crate) struct Server {
    address: String,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves on a port that the system picks.
    pub(crate) async fn start(routes: Routes) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move {
            let connections = TcpListenerStream::new(listener);
            let server = tonic::transport::Server::builder().add_routes(routes);
            server.serve_with_incoming(connections).await.expect("a server");
        });
        Self { address, task }
    }

    /// Returns a client of this server.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address).expect("a client")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
