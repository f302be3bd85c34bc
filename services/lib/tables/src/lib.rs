//! Tables in columns, and queries over them. It is the only crate that names Arrow; others
//! reach its arrays by [`arrow`].
//!
//! A [`Table`] is written once by a [`Builder`] and read many times, in the order of its rows. An
//! [`Engine`] groups rows by their values. Both stay within a limit of memory: a large table is a
//! file in a temporary folder, and a large group-by writes what it cannot keep there.
//!
//! **Invariant:** the result does not depend on what was written to the disk
//! (`groups_of_a_table_on_disk_with_little_memory_are_those_in_memory`).

pub mod arrow;
mod builder;
mod engine;
mod error;
mod table;

pub use builder::{Builder, Cell, ColumnType};
pub use engine::{Engine, Filter, Groups, Order};
pub use error::Error;
pub use table::{Part, Table};
