//! What a role is: a part of the fleet with a name, settings, needs and a start.
//!
//! A role crate implements [`Role`]. The composition root lists roles as [`Entry`] values in one
//! table, opens exactly what their [`Needs`] name, and hands each role a [`Granted`]. So a role
//! never names an adapter, and a new role is one line in that table.

mod endpoints;
mod entry;
mod granted;
mod needs;
mod section;

use async_trait::async_trait;
use marquee_kit::Context;
use marquee_settings::Validate;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use endpoints::Endpoints;
pub use entry::{Entry, StartError};
pub use granted::{Granted, NotGranted, Resources};
pub use needs::{Needs, Resource};
pub use section::{Section, Sections};

/// Why a role did not start, as the role itself tells it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A part of the fleet that can run in a process of its own.
#[async_trait]
pub trait Role: 'static {
    /// The name on the command line and in messages, for example `feature-store`.
    const NAME: &'static str;
    /// The section of the settings, for example `feature_store`.
    const SECTION: &'static str;
    /// The name of the role's check in `grpc.health.v1` and `/readyz`.
    const HEALTH: &'static str;
    /// What the role does, as one line of help.
    const ABOUT: &'static str;
    /// Nobody waits for the work of the role. In a process with other roles it gives way to theirs.
    const IS_LOW_PRIORITY: bool = false;

    /// The role's own section of the settings.
    type Settings: Validate + Clone + Default + std::fmt::Debug + DeserializeOwned + Serialize + Send + Sync + 'static;

    /// Returns what must be opened for the role.
    fn needs(settings: &Self::Settings) -> Needs;

    /// Starts the role. It may still be catching up when this returns; its health check says so.
    ///
    /// # Errors
    /// The role cannot work with these settings or resources. What it has already started ends with
    /// `context.stop`.
    async fn start(settings: Self::Settings, granted: Granted, context: &Context) -> Result<Endpoints, Cause>;
}
