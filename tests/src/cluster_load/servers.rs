//! Connections to the servers of a role.
//!
//! `http://HOST:PORT` is one server, for example a Service, which chooses a pod for each
//! connection. `dns:///HOST:PORT` is every address of a name, for example of a headless Service.
//! Such a name is looked up every second. Only servers that accept connections are used, as by the
//! policy `round_robin` of gRPC.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use marquee_kit::{ClientSettings, ConnectError, Transport};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::Status;

/// How often a name is looked up.
const LOOK: Duration = Duration::from_secs(1);

/// How long a server may take to accept a connection.
const REACH: Duration = Duration::from_millis(500);

/// The servers of a role. Each attempt of a call takes the next connection.
#[derive(Debug)]
pub(crate) struct Servers {
    /// The host and the port to look up.
    name: Option<String>,
    settings: ClientSettings,
    connections: usize,
    current: RwLock<Vec<Server>>,
    turn: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Server {
    address: String,
    connections: Vec<Transport>,
}

impl Servers {
    /// Finds the servers at an address, with a number of connections to each.
    pub(crate) async fn connect(address: &str, connections: usize, settings: ClientSettings) -> Result<Self> {
        let name = address.strip_prefix("dns:///").map(str::to_owned);
        let servers = Self { name, settings, connections, current: RwLock::default(), turn: AtomicUsize::new(0) };
        match servers.name {
            Some(_) => servers.refresh().await?,
            None => servers.replace(vec![address.to_owned()])?,
        }
        Ok(servers)
    }

    /// Returns the connection of the next attempt.
    pub(crate) fn next(&self) -> Result<Transport, Status> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let count = current.len().max(1);
        let server = current.get(turn % count);
        let transport = server.and_then(|server| server.connections.get(turn / count % server.connections.len()));
        transport.cloned().ok_or_else(|| Status::unavailable("no server has an address"))
    }

    /// Looks the name up again and again, and never returns.
    pub(crate) async fn follow(&self) {
        if self.name.is_none() {
            std::future::pending::<()>().await;
        }
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Err(error) = self.refresh().await {
                eprintln!("the known servers stay in use: {error:#}");
            }
        }
    }

    /// Looks the name up, and uses the servers that can be reached.
    async fn refresh(&self) -> Result<()> {
        let Some(name) = &self.name else { return Ok(()) };
        let found: BTreeSet<SocketAddr> = lookup_host(name).await.with_context(|| format!("look up {name}"))?.collect();
        let reached = join_all(found.iter().map(|&address| reach(address))).await;
        let addresses: Vec<String> = reached.into_iter().flatten().map(|address| format!("http://{address}")).collect();
        ensure!(!addresses.is_empty(), "none of the {} servers at {name} can be reached", found.len());
        Ok(self.replace(addresses)?)
    }

    /// Uses other servers. Those that stay keep their connections.
    fn replace(&self, addresses: Vec<String>) -> Result<(), ConnectError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let servers = addresses.into_iter().map(|address| -> Result<Server, ConnectError> {
            if let Some(known) = current.iter().find(|server| server.address == address) {
                return Ok(known.clone());
            }
            let connect = |_| Transport::connect_with(&address, &self.settings);
            let connections = (0..self.connections).map(connect).collect::<Result<_, _>>()?;
            Ok(Server { address, connections })
        });
        let servers = servers.collect::<Result<_, ConnectError>>()?;
        *current = servers;
        Ok(())
    }

    /// Returns one server that a test made.
    #[cfg(test)]
    pub(crate) fn of(transport: Transport) -> Self {
        let server = Server { address: String::new(), connections: vec![transport] };
        let current = RwLock::new(vec![server]);
        Self { name: None, settings: ClientSettings::default(), connections: 1, current, turn: AtomicUsize::new(0) }
    }
}

/// Returns the address if its server accepts connections.
async fn reach(address: SocketAddr) -> Option<SocketAddr> {
    let connected = timeout(REACH, TcpStream::connect(address)).await;
    connected.is_ok_and(|connection| connection.is_ok()).then_some(address)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    impl Servers {
        fn addresses(&self) -> Vec<String> {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            current.iter().map(|server| server.address.clone()).collect()
        }
    }

    #[tokio::test]
    async fn a_name_stands_for_those_of_its_addresses_that_accept_connections() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let address = format!("dns:///127.0.0.1:{port}");
        let servers = Servers::connect(&address, 2, ClientSettings::default()).await?;
        assert_eq!(servers.addresses(), [format!("http://127.0.0.1:{port}")]);
        drop(listener);
        assert!(servers.refresh().await.is_err());
        assert_eq!(servers.addresses().len(), 1, "the known servers stay in use");
        let refused = Servers::connect(&address, 2, ClientSettings::default()).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("can be reached")));
        Ok(())
    }

    #[tokio::test]
    async fn servers_that_stay_keep_their_place_and_those_that_are_gone_are_not_used() -> Result<()> {
        let servers = Servers::connect("http://192.0.2.1:7070", 2, ClientSettings::default()).await?;
        assert_eq!(servers.addresses(), ["http://192.0.2.1:7070"]);
        servers.replace(vec!["http://192.0.2.1:7070".to_owned(), "http://192.0.2.2:7070".to_owned()])?;
        assert!((0..5).all(|_| servers.next().is_ok()));
        servers.replace(vec!["http://192.0.2.2:7070".to_owned()])?;
        assert_eq!(servers.addresses(), ["http://192.0.2.2:7070"]);
        servers.replace(Vec::new())?;
        assert!(servers.next().is_err_and(|status| status.code() == tonic::Code::Unavailable));
        assert!(Servers::connect("nonsense", 2, ClientSettings::default()).await.is_err());
        Ok(())
    }
}
