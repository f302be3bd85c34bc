//! Settings in layers, and the one way in which every crate checks its own.
//!
//! [`Source`] merges the layers over the defaults. Settings are read from it and then checked with
//! [`Validate::validate`], so that `marquee config` and every start refuse the same mistakes with
//! the same words.

mod explain;
mod file;
mod layers;
mod redact;
mod similar;
mod source;
mod text;
mod tree;
mod validate;

pub use layers::{ENV_PREFIX, Effective, Error, Layers, Loaded};
pub use redact::{redact, redact_value};
pub use source::Source;
pub use validate::{Invalid, Validate, is_set, thousands};
