//! Whether the configuration of a topic keeps what the deployment promises: pure functions over
//! what the brokers say and the topic's specification.

use std::fmt::Display;
use std::time::Duration;

use marquee_ports::{Retention, TopicSpec};
use rdkafka::admin::ConfigResource;

use crate::record::LARGEST_BATCH;

/// What a deployment demands of its topics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demands {
    /// Brokers that must have a record before it is acknowledged.
    pub(crate) min_insync: u16,
    /// The interval at which an archive copies archived topics out of the log. `None` when none
    /// runs.
    pub(crate) archive: Option<Duration>,
}

/// What the brokers say about a topic, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configured {
    pub(crate) cleanup: String,
    pub(crate) min_insync: i64,
    pub(crate) largest: i64,
    /// In milliseconds. `None`: no limit.
    pub(crate) retention_ms: Option<u64>,
    /// `None`: no limit.
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) unclean_election: bool,
}

impl Configured {
    pub(crate) fn of(resource: &ConfigResource) -> Self {
        let value = |key: &str| resource.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
        Self {
            cleanup: value("cleanup.policy"),
            min_insync: value("min.insync.replicas").parse().unwrap_or(1),
            largest: value("max.message.bytes").parse().unwrap_or(i64::MAX),
            retention_ms: value("retention.ms").parse().ok(),
            retention_bytes: value("retention.bytes").parse().ok(),
            unclean_election: value("unclean.leader.election.enable") == "true",
        }
    }
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The topic keeps the promise.
    Fit,
    /// The topic keeps the promise; operators should know how.
    Note(String),
    /// The topic can be used, but not as its specification intends.
    Warn(String),
    /// The topic would lose records or refuse them.
    Refuse {
        /// What is wrong.
        problem: String,
        /// The configuration that mends it, as `key=value`.
        config: String,
    },
}

/// Checks a topic.
pub(crate) fn check(demands: &Demands, spec: &TopicSpec, configured: &Configured) -> [Verdict; 6] {
    [
        check_cleanup(spec, configured),
        check_replicas(demands, configured),
        check_size(configured),
        check_election(configured),
        check_age(demands, spec, configured),
        check_bytes(spec, configured),
    ]
}

fn refuse(key: &str, found: &dyn Display, reason: &str, wanted: &dyn Display) -> Verdict {
    Verdict::Refuse { problem: format!("{key}={found} {reason}"), config: format!("{key}={wanted}") }
}

fn check_cleanup(spec: &TopicSpec, configured: &Configured) -> Verdict {
    let (policy, reason) = if is_compacted(spec) {
        ("compact", "would remove the newest record of a key")
    } else {
        ("delete", "would remove records for which a newer one of the same key exists")
    };
    if configured.cleanup == policy {
        return Verdict::Fit;
    }
    refuse("cleanup.policy", &configured.cleanup, reason, &policy)
}

fn check_replicas(demands: &Demands, configured: &Configured) -> Verdict {
    if configured.min_insync >= i64::from(demands.min_insync) {
        return Verdict::Fit;
    }
    let reason = format!("would acknowledge records that too few brokers have; at least {} must", demands.min_insync);
    refuse("min.insync.replicas", &configured.min_insync, &reason, &demands.min_insync)
}

fn check_size(configured: &Configured) -> Verdict {
    if configured.largest >= i64::try_from(LARGEST_BATCH).unwrap_or(i64::MAX) {
        return Verdict::Fit;
    }
    refuse("max.message.bytes", &configured.largest, "would refuse large records", &LARGEST_BATCH)
}

fn check_election(configured: &Configured) -> Verdict {
    if !configured.unclean_election {
        return Verdict::Fit;
    }
    let reason = "would lose acknowledged records when a broker that lacks them is elected";
    refuse("unclean.leader.election.enable", &true, reason, &false)
}

/// Checks for how long records are kept.
fn check_age(demands: &Demands, spec: &TopicSpec, configured: &Configured) -> Verdict {
    let Some(millis) = configured.retention_ms.filter(|_| !is_compacted(spec)) else { return Verdict::Fit };
    let kept = Duration::from_millis(millis);
    if let Some(age) = spec.retention.age {
        let shorter = format!("retention.ms={millis} keeps records for a shorter time than the {age:?} intended");
        return if kept < age { Verdict::Warn(shorter) } else { Verdict::Fit };
    }
    match demands.archive {
        _ if !spec.archived => {
            Verdict::Warn(format!("retention.ms={millis} removes records, which are meant to be kept forever"))
        }
        None => refuse("retention.ms", &millis, "would lose records, because no archive is enabled", &-1),
        Some(interval) => {
            let least = Retention::least_archived_age(interval);
            if kept >= least {
                return Verdict::Note(format!("retention.ms={millis}: older records are in the archive alone"));
            }
            let reason = format!("would lose records that are not archived yet; the least is {}", least.as_millis());
            refuse("retention.ms", &millis, &reason, &least.as_millis())
        }
    }
}

/// Checks how many bytes are kept. A limit in bytes says nothing about time, so no archive makes it
/// safe.
fn check_bytes(spec: &TopicSpec, configured: &Configured) -> Verdict {
    let Some(bytes) = configured.retention_bytes.filter(|_| !is_compacted(spec)) else { return Verdict::Fit };
    match spec.retention.bytes {
        Some(wanted) if bytes >= wanted => Verdict::Fit,
        Some(wanted) => Verdict::Warn(format!("retention.bytes={bytes} keeps fewer bytes than the {wanted} intended")),
        None if spec.archived => refuse("retention.bytes", &bytes, "may remove records before they are archived", &-1),
        None => Verdict::Warn(format!("retention.bytes={bytes} may remove records at any age")),
    }
}

fn is_compacted(spec: &TopicSpec) -> bool {
    spec.cleanup == marquee_ports::Cleanup::Compact
}

#[cfg(test)]
mod tests {
    use marquee_ports::Topic;

    use super::*;

    const DAY: u64 = 24 * 3_600 * 1_000;

    fn fit() -> Configured {
        Configured {
            cleanup: "delete".to_owned(),
            min_insync: 2,
            largest: LARGEST_BATCH as i64,
            retention_ms: None,
            retention_bytes: None,
            unclean_election: false,
        }
    }

    fn demands(archive: Option<u64>) -> Demands {
        Demands { min_insync: 2, archive: archive.map(Duration::from_secs) }
    }

    /// The configuration that each check asks for, where it refuses.
    fn refused(archive: Option<u64>, topic: Topic, configured: &Configured) -> Vec<String> {
        let verdicts = check(&demands(archive), topic.spec(), configured);
        let config = |verdict| if let Verdict::Refuse { config, .. } = verdict { Some(config) } else { None };
        verdicts.into_iter().filter_map(config).collect()
    }

    #[test]
    fn a_topic_that_keeps_everything_fits() {
        for topic in [Topic::RATINGS, Topic::REJECTED] {
            assert_eq!(check(&demands(None), topic.spec(), &fit()), [const { Verdict::Fit }; 6]);
        }
        let movies = Configured { cleanup: "compact".to_owned(), retention_ms: Some(1), ..fit() };
        assert_eq!(check(&demands(None), Topic::MOVIES.spec(), &movies), [const { Verdict::Fit }; 6]);
    }

    #[test]
    fn a_topic_that_would_lose_records_is_refused_with_the_configuration_that_mends_it() {
        let unfit = [
            (Topic::MOVIES, fit(), "cleanup.policy=compact"),
            (Topic::RATINGS, Configured { cleanup: "compact".to_owned(), ..fit() }, "cleanup.policy=delete"),
            (Topic::RATINGS, Configured { cleanup: "compact,delete".to_owned(), ..fit() }, "cleanup.policy=delete"),
            (Topic::REJECTED, Configured { min_insync: 1, ..fit() }, "min.insync.replicas=2"),
            (Topic::RATINGS, Configured { largest: 1_048_588, ..fit() }, "max.message.bytes=1310720"),
            (Topic::REJECTED, Configured { unclean_election: true, ..fit() }, "unclean.leader.election.enable=false"),
            (Topic::RATINGS, Configured { retention_ms: Some(1), ..fit() }, "retention.ms=-1"),
            (Topic::RATINGS, Configured { retention_ms: Some(365 * DAY), ..fit() }, "retention.ms=-1"),
            (Topic::RATINGS, Configured { retention_bytes: Some(1 << 40), ..fit() }, "retention.bytes=-1"),
        ];
        for (topic, configured, config) in unfit {
            assert_eq!(refused(None, topic, &configured), [config], "{topic} {configured:?}");
        }
    }

    #[test]
    fn with_an_archive_ratings_may_be_forgotten_well_after_they_are_archived() {
        let kept = |millis| Configured { retention_ms: Some(millis), ..fit() };
        assert_eq!(refused(Some(60), Topic::RATINGS, &kept(DAY - 1)), [format!("retention.ms={DAY}")]);
        let verdicts = check(&demands(Some(60)), Topic::RATINGS.spec(), &kept(DAY));
        assert!(verdicts.iter().any(|verdict| matches!(verdict, Verdict::Note(_))), "{verdicts:?}");
        assert_eq!(refused(Some(60), Topic::RATINGS, &kept(DAY)), [""; 0]);
        // An archive that writes once a day needs ten days.
        assert_eq!(refused(Some(86_400), Topic::RATINGS, &kept(DAY)), [format!("retention.ms={}", 10 * DAY)]);
        let bytes = Configured { retention_bytes: Some(1 << 40), ..fit() };
        assert_eq!(refused(Some(60), Topic::RATINGS, &bytes), ["retention.bytes=-1"]);
    }

    #[test]
    fn a_topic_that_is_not_archived_may_forget_with_a_warning() {
        let forgets = Configured { retention_ms: Some(DAY), retention_bytes: Some(1), ..fit() };
        let verdicts = check(&demands(None), Topic::REJECTED.spec(), &forgets);
        let warnings = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Warn(_))).count();
        assert_eq!((warnings, refused(None, Topic::REJECTED, &forgets).len()), (2, 0));
    }
}
