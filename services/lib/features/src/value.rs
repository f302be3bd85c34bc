//! The values of features and their types.

use marquee_domain::{Moments, Timestamp};

/// The type of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A count.
    Count,
    /// A number, in the unit that the feature's description names.
    Number,
    /// A point in time.
    Time,
    /// Texts, in order.
    Texts,
    /// Counts, in order.
    Counts,
    /// Numbers, in order.
    Numbers,
    /// Points in time, in order.
    Times,
}

/// The value of a feature. A feature without a value is `None` where values are returned.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A value of [`ValueKind::Count`].
    Count(u64),
    /// A value of [`ValueKind::Number`].
    Number(f64),
    /// A value of [`ValueKind::Time`].
    Time(Timestamp),
    /// A value of [`ValueKind::Texts`].
    Texts(Vec<String>),
    /// A value of [`ValueKind::Counts`].
    Counts(Vec<u64>),
    /// A value of [`ValueKind::Numbers`].
    Numbers(Vec<f64>),
    /// A value of [`ValueKind::Times`].
    Times(Vec<Timestamp>),
}

impl Value {
    /// Returns the mean of the ratings, or `None` when there are none.
    pub(crate) fn mean(moments: Moments) -> Option<Self> {
        (moments.count() > 0).then(|| Self::Number(moments.mean()))
    }

    /// Returns the standard deviation of the ratings, or `None` when there are none.
    pub(crate) fn spread(moments: Moments) -> Option<Self> {
        (moments.count() > 0).then(|| Self::Number(moments.spread()))
    }
}
