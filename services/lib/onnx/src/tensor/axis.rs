//! Dimensions as a graph declares them.

/// One dimension of an input or output, as the graph declares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The dimension always has this length.
    Fixed(usize),
    /// The caller chooses the length. Dimensions with the same name must have the same length. The
    /// name is empty if the graph declares none.
    Dynamic(String),
}
