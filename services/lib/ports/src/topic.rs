//! The topics of a deployment, as data. A further topic is one entry in the table below; no code
//! names the topics one by one.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// What a log has to know about a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// The name on the wire. It identifies the topic, so it never changes.
    pub name: &'static str,
    /// What the key of a record is, in words.
    pub key: &'static str,
    /// How many partitions the topic has.
    pub partitions: Partitions,
    /// How long records are kept at least, unless a setting of the log says otherwise.
    pub retention: Retention,
    /// Which records a log may remove.
    pub cleanup: Cleanup,
    /// Whether the archive copies the records, and replays need them all: a log whose retention
    /// could remove records that are not archived yet is refused.
    pub archived: bool,
}

/// How many partitions a topic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitions {
    /// As many as the deployment is set up with. All such topics have the same number, so a key has
    /// the same partition in each.
    Shared,
    /// This many, whatever the deployment is set up with.
    Fixed(u32),
}

impl Partitions {
    /// Returns the number of partitions in a deployment whose shared number is given.
    pub fn count(self, shared: u32) -> u32 {
        match self {
            Self::Shared => shared,
            Self::Fixed(count) => count,
        }
    }
}

/// Limits beyond which the oldest records of a partition may be removed. A record is removed when
/// it is beyond one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// The least time for which a record is kept after it was appended. `None`: no limit.
    pub age: Option<Duration>,
    /// The least number of bytes that are kept of each partition. `None`: no limit.
    pub bytes: Option<u64>,
}

impl Retention {
    /// Records are kept forever.
    pub const FOREVER: Self = Self { age: None, bytes: None };

    /// Returns whether records are kept forever.
    pub const fn is_forever(self) -> bool {
        self.age.is_none() && self.bytes.is_none()
    }

    /// Returns the least age that an archived topic may have, if the archive copies records at this
    /// interval: ten intervals, and a day in any case, because the archive may be down for a night.
    pub fn least_archived_age(interval: Duration) -> Duration {
        DAY.max(interval.saturating_mul(10))
    }
}

/// Which records a log may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Only records beyond the retention.
    Delete,
    /// A record for whose key the partition holds a newer one. The newest record of each key is
    /// kept forever.
    Compact,
}

/// A topic: a handle on its specification. Two handles are equal when their topics have the same
/// name.
#[derive(Clone, Copy)]
pub struct Topic(&'static TopicSpec);

const DAY: Duration = Duration::from_secs(24 * 3_600);

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Declares each topic as a constant of [`Topic`] and lists all of them in [`Topic::ALL`].
macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident = $spec:expr;)*) => {
        impl Topic {
            $($(#[$doc])* pub const $topic: Self = Self(&$spec);)*

            /// Every topic of a deployment.
            pub const ALL: &'static [Self] = &[$(Self::$topic),*];
        }
    };
}

topics! {
    /// Rating events. Training and replays need all of them.
    RATINGS = TopicSpec {
        name: "marquee.ratings.v1",
        key: "user id",
        partitions: Partitions::Shared,
        retention: Retention::FOREVER,
        cleanup: Cleanup::Delete,
        archived: true,
    };
    /// Records that could not be accepted: the original bytes, with the reasons as headers.
    REJECTED = TopicSpec {
        name: "marquee.ratings.rejected.v1",
        key: "key of the rejected record",
        partitions: Partitions::Shared,
        retention: Retention::FOREVER,
        cleanup: Cleanup::Delete,
        archived: false,
    };
    /// The movie catalog.
    MOVIES = TopicSpec {
        name: "marquee.movies.v1",
        key: "movie id",
        partitions: Partitions::Shared,
        retention: Retention::FOREVER,
        cleanup: Cleanup::Compact,
        archived: false,
    };
    /// What users were shown. The monitor compares it with what they rate later.
    PREDICTIONS = TopicSpec {
        name: "marquee.predictions.v1",
        key: "user id",
        partitions: Partitions::Shared,
        retention: Retention { age: Some(WEEK), bytes: None },
        cleanup: Cleanup::Delete,
        archived: false,
    };
}

impl Topic {
    /// Returns the topic of a specification.
    pub const fn new(spec: &'static TopicSpec) -> Self {
        Self(spec)
    }

    /// Returns the specification.
    pub const fn spec(self) -> &'static TopicSpec {
        self.0
    }

    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// Returns whether only the newest record of a key must be kept.
    pub const fn is_compacted(self) -> bool {
        matches!(self.0.cleanup, Cleanup::Compact)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0.name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Topic {}

impl PartialOrd for Topic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Topic {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name.cmp(other.0.name)
    }
}

impl Hash for Topic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_only_a_topic_without_compaction_forgets() {
        let names: BTreeSet<&str> = Topic::ALL.iter().map(|topic| topic.name()).collect();
        assert_eq!(names.len(), Topic::ALL.len());
        for topic in Topic::ALL {
            assert!(topic.spec().retention.is_forever() || !topic.is_compacted(), "{topic}");
            assert!(topic.spec().partitions.count(1) > 0, "{topic}");
        }
    }

    #[test]
    fn a_topic_is_known_by_its_name() {
        static SPEC: TopicSpec = TopicSpec {
            name: "marquee.ratings.v1",
            key: "",
            partitions: Partitions::Fixed(3),
            retention: Retention { age: None, bytes: Some(1) },
            cleanup: Cleanup::Delete,
            archived: false,
        };
        let topic = Topic::new(&SPEC);
        assert_eq!(topic, Topic::RATINGS);
        assert_eq!((topic.spec().partitions.count(8), Partitions::Shared.count(8)), (3, 8));
        assert!(!topic.spec().retention.is_forever());
    }
}
