//! Settings in layers, and the one way in which every crate checks its own.
//!
//! [`load`] reads a value of any type from its layers and then calls [`Validate::validate`], so
//! that `marquee config` and every start refuse the same mistakes with the same words.

mod layers;
mod redact;
mod source;
mod validate;

pub use layers::{ENV_PREFIX, Effective, Error, Layers, Loaded, load};
pub use source::Source;
pub use validate::{Invalid, Validate};
