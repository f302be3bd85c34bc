//! What a feature is worth.

use marquee_domain::{Moments, Timestamp};

/// Type of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number of things.
    Count,
    /// A number, in the unit that the feature says.
    Number,
    /// A point in time.
    Time,
    /// Texts, in order.
    Texts,
    /// Numbers of things, in order.
    Counts,
    /// Numbers, in order.
    Numbers,
    /// Points in time, in order.
    Times,
}

/// A feature's value. What is not known has none.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of [`Kind::Count`].
    Count(u64),
    /// Of [`Kind::Number`].
    Number(f64),
    /// Of [`Kind::Time`].
    Time(Timestamp),
    /// Of [`Kind::Texts`].
    Texts(Vec<String>),
    /// Of [`Kind::Counts`].
    Counts(Vec<u64>),
    /// Of [`Kind::Numbers`].
    Numbers(Vec<f64>),
    /// Of [`Kind::Times`].
    Times(Vec<Timestamp>),
}

impl Value {
    /// A mean; none of nothing.
    pub(crate) fn mean(moments: Moments) -> Option<Self> {
        (moments.count() > 0).then(|| Self::Number(moments.mean()))
    }

    /// A spread; none of nothing.
    pub(crate) fn spread(moments: Moments) -> Option<Self> {
        (moments.count() > 0).then(|| Self::Number(moments.spread()))
    }
}
