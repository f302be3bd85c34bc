//! What both listeners of a process share.

use std::sync::Arc;

use marquee_settings::is_set;
use thiserror::Error;
use tokio_util::task::TaskTracker;

use super::answer_budget::AnswerBudget;
use super::auth::Token;
use super::budget::Budget;
use super::connections::Connections;
use super::schema::Schema;
use super::settings::Settings;
use super::tls::ServerTls;
use crate::Compute;

/// The limits, keys and budgets of the listeners of a process. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Server {
    pub(super) shared: Arc<Shared>,
    pub(super) connections: Connections,
    pub(super) scope: Scope,
}

/// Which calls a listener answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Everything,
    /// Not what administers: that is served at an address of its own.
    Public,
}

/// The most connections of an admin listener. They do not count among the others, so that a process
/// can be administered while its clients use up all of those.
const ADMIN_CONNECTIONS: usize = 128;

/// What the services of a process look like to its listeners.
#[derive(Debug, Clone, Copy)]
pub struct Services {
    /// The encoded descriptors of the gRPC services.
    pub descriptors: &'static [u8],
    /// The first words of the methods that only read, for example `Get`. All others write.
    pub reads: &'static [&'static str],
    /// The first words of the methods that write data, for example `Submit`. Methods that neither
    /// read nor write data administer.
    pub writes: &'static [&'static str],
    /// The collections of the HTTP API in which clients write data: `ratings` for `/v1/ratings`.
    pub collections: &'static [&'static str],
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) budget: Budget,
    pub(super) answers: AnswerBudget,
    pub(super) compute: Compute,
    /// The tasks that read what clients still send of refused bodies.
    pub(super) refused: TaskTracker,
    pub(super) schema: Schema,
    pub(super) token: Option<Token>,
    pub(super) tls: Option<ServerTls>,
    pub(super) services: Services,
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
        let connections = Connections::new(settings.max_connections);
        let shared = Shared {
            budget: Budget::new(settings.body_budget),
            answers: AnswerBudget::new(settings.answer_budget),
            compute,
            refused: TaskTracker::new(),
            schema: Schema::read(services.descriptors).map_err(SetupError::Descriptors)?,
            token: token.transpose()?,
            tls: tls.transpose()?,
            services,
            settings,
        };
        Ok(Self { shared: Arc::new(shared), connections, scope: Scope::Everything })
    }

    /// Moves what administers to a listener of its own. Returns the server of the public listeners,
    /// which refuse it, and that of the admin listener.
    pub fn with_admin_listener(self) -> (Self, Self) {
        let connections = Connections::new(ADMIN_CONNECTIONS);
        (Self { scope: Scope::Public, ..self.clone() }, Self { connections, ..self })
    }
}

impl Default for Shared {
    /// The limits of a router that is called without a listener.
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            budget: Budget::new(settings.body_budget),
            answers: AnswerBudget::new(settings.answer_budget),
            compute: Compute::default(),
            refused: TaskTracker::new(),
            schema: Schema::default(),
            token: None,
            tls: None,
            services: Services { descriptors: &[], reads: &[], writes: &[], collections: &[] },
            settings,
        }
    }
}
