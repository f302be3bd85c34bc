//! A rating as it is kept in memory.

/// The time of a rating that has none, in microseconds.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// One rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rating {
    /// The number of the user.
    pub(crate) user: u32,
    /// The number of the movie.
    pub(crate) movie: u32,
    /// Microseconds since 1970, or [`NO_TIME`].
    pub(crate) time: i64,
    pub(crate) value: f64,
}
