//! What both listeners of a process share.

use std::sync::Arc;

use thiserror::Error;

use super::auth::Token;
use super::budget::Budget;
use super::connections::Connections;
use super::schema::Schema;
use super::settings::{Settings, is_set};
use super::tls::ServerTls;
use crate::Compute;

/// The limits, keys and budgets of the listeners of a process. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Server(pub(super) Arc<Shared>);

/// What the services of a process look like to its listeners.
#[derive(Debug, Clone, Copy)]
pub struct Services {
    /// The encoded descriptors of the gRPC services.
    pub descriptors: &'static [u8],
    /// The first words of the methods that only read, for example `Get`. All others write.
    pub reads: &'static [&'static str],
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) budget: Budget,
    pub(super) compute: Compute,
    pub(super) schema: Schema,
    pub(super) connections: Connections,
    pub(super) token: Option<Token>,
    pub(super) tls: Option<ServerTls>,
    pub(super) reads: &'static [&'static str],
}

/// The settings of the listeners name a file that cannot be used.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The token cannot be read.
    #[error("server.token_file: cannot be used")]
    Token(#[source] super::auth::TokenError),
    /// A certificate or a key cannot be read.
    #[error("server.tls: cannot be used")]
    Tls(#[source] super::tls::TlsError),
    /// The descriptors of the services do not decode.
    #[error("read the descriptors of the services")]
    Descriptors(#[source] prost::DecodeError),
}

impl Server {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// A file is missing or is not what it must be.
    pub fn new(settings: Settings, services: Services, compute: Compute) -> Result<Self, SetupError> {
        let token = is_set(&settings.token_file).then(|| Token::read(&settings.token_file).map_err(SetupError::Token));
        let tls = settings.tls.is_enabled().then(|| ServerTls::read(&settings.tls).map_err(SetupError::Tls));
        Ok(Self(Arc::new(Shared {
            budget: Budget::new(settings.body_budget),
            compute,
            schema: Schema::read(services.descriptors).map_err(SetupError::Descriptors)?,
            connections: Connections::new(settings.max_connections),
            token: token.transpose()?,
            tls: tls.transpose()?,
            reads: services.reads,
            settings,
        })))
    }
}

impl Default for Shared {
    /// The limits of a router that is called without a listener.
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            budget: Budget::new(settings.body_budget),
            compute: Compute::default(),
            schema: Schema::default(),
            connections: Connections::new(settings.max_connections),
            token: None,
            tls: None,
            reads: &[],
            settings,
        }
    }
}
