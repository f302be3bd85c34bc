//! A TCP relay that stands for a DNS name or a proxy in front of servers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Forwards each new connection to the server that it points to. Open connections stay where they
/// are. It ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    target: Arc<AtomicU16>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay to a port of the loopback interface.
    pub async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("bind the relay")?;
        let address = listener.local_addr().context("the address of the relay")?;
        let target = Arc::new(AtomicU16::new(port));
        let port = Arc::clone(&target);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let target = port.load(Ordering::SeqCst);
                connections.spawn(async move {
                    // A server that is away closes the connection, as a proxy does.
                    if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Ok(Self { address, target, accepting })
    }

    /// Returns where the relay listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards new connections to another port from now on.
    pub fn point_to(&self, port: u16) {
        self.target.store(port, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
