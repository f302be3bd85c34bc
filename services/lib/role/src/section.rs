//! The settings of roles, of types that only the roles know.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use marquee_settings::{Invalid, Validate};
use serde::Serialize;

use crate::Role;

/// The settings of one role, behind an object-safe trait. Every [`Role::Settings`] implements it.
pub trait Section: Any + fmt::Debug + Send + Sync {
    /// Checks every value.
    ///
    /// # Errors
    /// The first value that makes no sense, by its key within the section.
    fn check(&self) -> Result<(), Invalid>;

    /// Returns the values as JSON, with secrets hidden.
    ///
    /// # Errors
    /// A value has no JSON form.
    fn to_json(&self) -> Result<serde_json::Value, serde_json::Error>;

    /// Returns a copy.
    fn boxed(&self) -> Box<dyn Section>;
}

impl<S: Validate + Clone + fmt::Debug + Serialize + Send + Sync + 'static> Section for S {
    fn check(&self) -> Result<(), Invalid> {
        self.validate()
    }

    fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    fn boxed(&self) -> Box<dyn Section> {
        Box::new(self.clone())
    }
}

/// The settings of every role of a table, by the names of their sections.
#[derive(Debug, Default)]
pub struct Sections(BTreeMap<&'static str, Box<dyn Section>>);

impl Clone for Sections {
    fn clone(&self) -> Self {
        Self(self.0.iter().map(|(name, section)| (*name, (**section).boxed())).collect())
    }
}

impl Sections {
    /// Adds or replaces a section.
    pub fn insert(&mut self, name: &'static str, section: Box<dyn Section>) {
        self.0.insert(name, section);
    }

    /// Returns the section with a name.
    pub fn section(&self, name: &str) -> Option<&dyn Section> {
        self.0.get(name).map(|section| &**section)
    }

    /// Returns the settings of a role, or `None` if the table lacks the role.
    pub fn get<R: Role>(&self) -> Option<&R::Settings> {
        (self.section(R::SECTION)? as &dyn Any).downcast_ref()
    }

    /// Returns the settings of a role for a change. A role that the table lacks gets its defaults.
    pub fn get_mut<R: Role>(&mut self) -> &mut R::Settings {
        let section = self.0.entry(R::SECTION).or_insert_with(|| Box::new(R::Settings::default()));
        if !(&**section as &dyn Any).is::<R::Settings>() {
            *section = Box::new(R::Settings::default());
        }
        (&mut **section as &mut dyn Any).downcast_mut().expect("the section was just made of this type")
    }

    /// Returns every section by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &dyn Section)> {
        self.0.iter().map(|(name, section)| (*name, &**section))
    }
}

impl Validate for Sections {
    fn validate(&self) -> Result<(), Invalid> {
        self.iter().try_for_each(|(name, section)| section.check().map_err(|invalid| invalid.within(name)))
    }
}
