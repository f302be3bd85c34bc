//! A role as a value, so that roles with settings of different types stand in one table.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use marquee_kit::Context;
use marquee_settings::Source;
use thiserror::Error;

use crate::{Cause, Endpoints, Granted, Needs, Resources, Role, Section, Sections};

/// A role did not start.
#[derive(Debug, Error)]
#[error("role {role}: could not start")]
pub struct StartError {
    /// The role.
    pub role: &'static str,
    /// Why.
    #[source]
    pub source: Cause,
}

type Read = fn(&Source) -> Result<Box<dyn Section>, marquee_settings::Error>;
type Start = for<'a> fn(Box<dyn Section>, Granted, &'a Context) -> BoxFuture<'a, Result<Endpoints, Cause>>;

/// A line in the table of roles: everything that the composition root knows about a role.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The name on the command line and in messages.
    pub name: &'static str,
    /// The section of the settings.
    pub section: &'static str,
    /// The name of the role's health check.
    pub health: &'static str,
    /// What the role does, as one line of help.
    pub about: &'static str,
    /// Nobody waits for the work of the role.
    pub is_low_priority: bool,
    defaults: fn() -> Box<dyn Section>,
    read: Read,
    needs: fn(&dyn Section) -> Option<Needs>,
    start: Start,
}

impl Entry {
    /// Returns the line of a role.
    pub const fn of<R: Role>() -> Self {
        Self {
            name: R::NAME,
            section: R::SECTION,
            health: R::HEALTH,
            about: R::ABOUT,
            is_low_priority: R::IS_LOW_PRIORITY,
            defaults: || Box::new(R::Settings::default()),
            read: |source| Ok(Box::new(source.section::<R::Settings>(R::SECTION)?)),
            needs: |section| (section as &dyn Any).downcast_ref().map(R::needs),
            start: start::<R>,
        }
    }

    /// Returns the default settings of the role.
    pub fn defaults(&self) -> Box<dyn Section> {
        (self.defaults)()
    }

    /// Reads the settings of the role from their layers.
    ///
    /// # Errors
    /// A key is unknown, or a value does not parse.
    pub fn read(&self, source: &Source) -> Result<Box<dyn Section>, marquee_settings::Error> {
        (self.read)(source)
    }

    /// Returns what must be opened for the role. A section of another role counts as the defaults.
    pub fn needs(&self, sections: &Sections) -> Needs {
        let section = sections.section(self.section).and_then(|section| (self.needs)(section));
        section.or_else(|| (self.needs)(&*self.defaults())).unwrap_or_default()
    }

    /// Starts the role with its section of the settings and what it needs of the resources.
    ///
    /// # Errors
    /// The role cannot work with these settings or resources, or its start panicked.
    pub async fn start(
        &self,
        sections: &Sections,
        resources: &Resources,
        context: &Context,
    ) -> Result<Endpoints, StartError> {
        let section = sections.section(self.section).map_or_else(self.defaults, Section::boxed);
        let granted = resources.grant(self.name, self.needs(sections));
        // The roles that have started before are stopped in order, also after a panic.
        let started = AssertUnwindSafe(async { (self.start)(section, granted, context).await }).catch_unwind().await;
        let started = started.unwrap_or_else(|_| Err("its start panicked".into()));
        started.map_err(|source| StartError { role: self.name, source })
    }
}

fn start<R: Role>(
    section: Box<dyn Section>,
    granted: Granted,
    context: &Context,
) -> BoxFuture<'_, Result<Endpoints, Cause>> {
    let settings =
        (section as Box<dyn Any>).downcast::<R::Settings>().map_or_else(|_| R::Settings::default(), |own| *own);
    R::start(settings, granted, context)
}
