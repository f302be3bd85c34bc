//! Layers merged over defaults, from which settings are read as a whole or section by section.

use std::fmt;

use figment::Figment;
use figment::providers::Serialized;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::explain::{explain, find, unknown};
use crate::redact::redact_value;
use crate::tree::Tree;
use crate::{Effective, Error, Layers, Validate, file, text};

/// Layers merged over defaults.
pub struct Source {
    tree: Tree,
    figment: Figment,
}

/// The derived output would show secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

impl Source {
    /// Merges layers over the defaults of every setting.
    ///
    /// # Errors
    /// The file is missing or is not TOML, a variable is not UTF-8, or a top-level key has no
    /// default and so is unknown.
    pub fn read(layers: &Layers, defaults: &Value) -> Result<Self, Error> {
        let mut tree = Tree::new(defaults.clone());
        let from_file = layers.file.as_deref().map(file::read).transpose()?.unwrap_or_default();
        let variables = text::variables(std::env::vars_os(), defaults)?;
        for entry in from_file.into_iter().chain(variables).chain(text::flags(&layers.flags, defaults)) {
            tree.put(entry);
        }
        refuse_unknown_keys(&tree)?;
        let figment = Figment::from(Serialized::defaults(tree.values()));
        Ok(Self { tree, figment })
    }

    /// Reads all settings. Top-level keys that `T` lacks are ignored: other sections may be read
    /// with [`Self::section`].
    ///
    /// # Errors
    /// A key below the top level is unknown, or a value does not parse.
    pub fn root<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.figment.extract().map_err(|error| Error::Unreadable(explain(error, "", &self.tree)))
    }

    /// Reads one section.
    ///
    /// # Errors
    /// A key is unknown, or a value does not parse.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.figment.extract_inner(name).map_err(|error| Error::Unreadable(explain(error, name, &self.tree)))
    }

    /// Returns every effective value with its origin, in key order. `settings` are the settings as
    /// JSON. Secrets are hidden.
    pub fn effective(&self, settings: &Value) -> Vec<Effective> {
        let mut values = Vec::new();
        self.collect("", settings, &mut values);
        values
    }

    /// Validates settings, and names the place of a value that makes no sense.
    ///
    /// # Errors
    /// A value makes no sense.
    pub fn validate<T: Validate>(&self, settings: &T) -> Result<(), Error> {
        settings.validate().map_err(|invalid| {
            let origin = self.tree.origin(invalid.key()).to_string();
            let value = find(self.tree.values(), invalid.key());
            Error::Invalid { invalid: invalid.redacted(value), origin }
        })
    }

    fn collect(&self, prefix: &str, value: &Value, into: &mut Vec<Effective>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    self.collect(&key, value, into);
                }
            }
            value => {
                let (key, origin) = (prefix.to_owned(), self.tree.origin(prefix).layer());
                into.push(Effective { key, value: redact_value(prefix, value).to_string(), origin });
            }
        }
    }
}

fn refuse_unknown_keys(tree: &Tree) -> Result<(), Error> {
    let known = names(tree.defaults());
    let found = names(tree.values());
    let unknown_ones = found.iter().filter(|name| !known.contains(name));
    let lines: Vec<String> = unknown_ones.map(|name| unknown("", name, &known, tree)).collect();
    if lines.is_empty() { Ok(()) } else { Err(Error::Unreadable(lines.join("\n"))) }
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

#[cfg(test)]
mod tests;
