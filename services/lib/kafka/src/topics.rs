//! The topics of a deployment: creates those that are missing and checks those that exist.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use marquee_backoff::Backoff;
use marquee_ports::{Partitions, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::checks::{Configured, Demands, Verdict, check};
use crate::client::{self, Client, Events, poll};
use crate::record::LARGEST_BATCH;
use crate::{ConnectError, Settings};

/// Pauses between two looks at topics whose leaders are being elected.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_millis(500));

/// The least timeout of a request.
const LEAST_TIMEOUT: Duration = Duration::from_millis(25);

/// The largest value of a time or a size.
const UNLIMITED: &str = "9223372036854775807";

/// The way out if a topic has the wrong number of partitions.
pub(crate) const REKEY: &str = "copy the topics to new ones: stop the fleet, run `marquee rekey --to-prefix PREFIX`, \
                                and follow what it prints";

/// The partitions of a topic that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    partitions: u32,
    /// Every partition has a leader, so it accepts records.
    has_leaders: bool,
}

/// Creates missing topics and checks each of them. Returns the number of partitions of each topic.
/// [`check_agreement`] compares these numbers. Blocks.
///
/// `archive` is the interval at which an archive copies the ratings out of the log, or `None` when
/// none runs.
pub(crate) fn prepare(
    settings: &Settings,
    topics: &[Topic],
    archive: Option<Duration>,
    control: &Client,
) -> Result<BTreeMap<Topic, u32>, ConnectError> {
    let deadline = Instant::now() + settings.connect_timeout;
    let admin: AdminClient<Events> =
        client::base(settings).create_with_context(Events::default()).map_err(ConnectError::Client)?;
    let mut found = describe(settings, topics, control, deadline)?;
    let missing = plan(settings, topics, &found);
    if !missing.is_empty() {
        create(settings, &admin, &missing, deadline)?;
    }
    let mut delays = BACKOFF.start();
    while !topics.iter().all(|topic| found.get(topic).is_some_and(|found| found.has_leaders)) {
        found = describe(settings, topics, control, deadline)?;
        if Instant::now() >= deadline {
            break;
        }
        std::thread::sleep(delays.next());
    }
    let partitions = check_each(settings, topics, &found)?;
    let names: Vec<String> = topics.iter().map(|&topic| settings.topic(topic)).collect();
    let resources: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let first = || names.first().cloned().unwrap_or_default();
    let described = loop {
        let described = wait(admin.describe_configs(&resources, &options(deadline)));
        let described = described.map_err(|source| ConnectError::Topic { doing: "look at", topic: first(), source })?;
        if described.iter().all(is_told) || Instant::now() >= deadline {
            break described;
        }
        std::thread::sleep(delays.next());
    };
    let demands = Demands { min_insync: settings.min_insync_replicas, archive };
    for ((&topic, name), resource) in topics.iter().zip(names).zip(described) {
        check_configuration(&demands, topic, name, resource)?;
    }
    Ok(partitions)
}

/// Returns whether a broker says how a topic is configured. One that has not heard of a new topic
/// yet does not know it, or knows no configuration of it.
fn is_told(resource: &Result<ConfigResource, Code>) -> bool {
    match resource {
        Ok(resource) => {
            resource.get("cleanup.policy").and_then(|entry| entry.value.as_ref()).is_some_and(|v| !v.is_empty())
        }
        Err(code) => *code != Code::UnknownTopicOrPartition,
    }
}

fn options(deadline: Instant) -> AdminOptions {
    let left = deadline.saturating_duration_since(Instant::now()).max(LEAST_TIMEOUT);
    AdminOptions::new().request_timeout(Some(left)).operation_timeout(Some(left))
}

/// Waits for an answer of the admin client. The client's own thread delivers it, at the latest by
/// the request timeout.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(answer)
}

/// Returns the topics that exist.
fn describe(
    settings: &Settings,
    topics: &[Topic],
    control: &Client,
    deadline: Instant,
) -> Result<BTreeMap<Topic, Found>, ConnectError> {
    let mut all = BTreeMap::new();
    for &topic in topics {
        let name = settings.topic(topic);
        let left = deadline.saturating_duration_since(Instant::now()).max(LEAST_TIMEOUT);
        let metadata = control.fetch_metadata(Some(&name), left);
        poll(control);
        let failed = |source| ConnectError::Topic { doing: "look at", topic: name.clone(), source };
        let metadata = metadata.map_err(failed)?;
        let Some(described) = metadata.topics().iter().find(|topic| topic.name() == name) else { continue };
        match described.error().map(Code::from) {
            Some(Code::UnknownTopicOrPartition) => continue,
            Some(code @ (Code::TopicAuthorizationFailed | Code::InvalidTopic)) => {
                return Err(failed(KafkaError::MetadataFetch(code)));
            }
            _ => {}
        }
        let partitions = described.partitions();
        let has_leaders = !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0);
        all.insert(topic, Found { partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX), has_leaders });
    }
    Ok(all)
}

/// Returns the topics to create, with their numbers of partitions. Topics that share a number take
/// that of those that exist.
fn plan(settings: &Settings, topics: &[Topic], found: &BTreeMap<Topic, Found>) -> Vec<(Topic, u32)> {
    let shared = topics.iter().filter(|topic| topic.spec().partitions == Partitions::Shared);
    let shared = shared.filter_map(|topic| found.get(topic)).map(|found| found.partitions).next();
    let count = |topic: Topic| topic.spec().partitions.count(shared.unwrap_or(settings.partitions));
    let missing = topics.iter().filter(|topic| !found.contains_key(topic));
    missing.map(|&topic| (topic, count(topic))).collect()
}

/// Returns the configuration with which a topic is created.
fn configuration(settings: &Settings, topic: Topic) -> Vec<(&'static str, String)> {
    let mut configuration = vec![
        ("min.insync.replicas", settings.min_insync_replicas.to_string()),
        ("max.message.bytes", LARGEST_BATCH.to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
        // Clients date their ratings, and old data sets are replayed: brokers must accept any
        // timestamp.
        ("message.timestamp.type", "CreateTime".to_owned()),
        ("message.timestamp.before.max.ms", UNLIMITED.to_owned()),
        ("message.timestamp.after.max.ms", UNLIMITED.to_owned()),
    ];
    if settings.replication == 1 {
        configuration.push(("flush.messages", "1".to_owned()));
    }
    if topic.is_compacted() {
        configuration.push(("cleanup.policy", "compact".to_owned()));
        return configuration;
    }
    let retention = topic.spec().retention;
    configuration.push(("cleanup.policy", "delete".to_owned()));
    configuration.push(("retention.ms", retention.age.map_or("-1".to_owned(), |age| age.as_millis().to_string())));
    configuration.push(("retention.bytes", retention.bytes.map_or("-1".to_owned(), |bytes| bytes.to_string())));
    if retention.age.is_none() {
        // Segments end by size alone. By default a segment ends when its records' timestamps are a
        // week apart, which those of replayed records always are.
        configuration.push(("segment.ms", UNLIMITED.to_owned()));
    }
    configuration
}

fn create(
    settings: &Settings,
    admin: &AdminClient<Events>,
    missing: &[(Topic, u32)],
    deadline: Instant,
) -> Result<(), ConnectError> {
    let first = settings.topic(missing[0].0);
    if !settings.create_topics {
        return Err(ConnectError::NoTopic { topic: first });
    }
    let topics: Vec<_> = missing
        .iter()
        .map(|&(topic, partitions)| (settings.topic(topic), partitions, configuration(settings, topic)))
        .collect();
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|(name, partitions, configuration)| {
            let replication = TopicReplication::Fixed(i32::from(settings.replication));
            let new = NewTopic::new(name, i32::try_from(*partitions).unwrap_or(i32::MAX), replication);
            configuration.iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let failed = |topic, source| ConnectError::Topic { doing: "create", topic, source };
    let created = wait(admin.create_topics(&new, &options(deadline)));
    for created in created.map_err(|source| failed(first, source))? {
        match created {
            Ok(topic) => tracing::info!(topic, "created a topic"),
            // Another process created it at the same time.
            Err((_, Code::TopicAlreadyExists)) => {}
            Err((topic, Code::InvalidReplicationFactor)) => {
                let problem = format!("there are too few brokers for {} replicas", settings.replication);
                let fix = "start more brokers, or lower replication and min_insync_replicas".to_owned();
                return Err(ConnectError::Unfit { topic, problem, fix });
            }
            Err((topic, code)) => return Err(failed(topic, KafkaError::AdminOp(code))),
        }
    }
    Ok(())
}

/// Returns the number of partitions of each topic. All partitions have leaders, and topics with a
/// number of their own have that number.
fn check_each(
    settings: &Settings,
    topics: &[Topic],
    found: &BTreeMap<Topic, Found>,
) -> Result<BTreeMap<Topic, u32>, ConnectError> {
    let mut all = BTreeMap::new();
    for &topic in topics {
        let name = settings.topic(topic);
        let Some(found) = found.get(&topic) else { return Err(ConnectError::NoTopic { topic: name }) };
        let partitions = found.partitions;
        let unfit = |problem, fix: &str| Err(ConnectError::Unfit { topic: name, problem, fix: fix.to_owned() });
        if let Partitions::Fixed(wanted) = topic.spec().partitions
            && partitions != wanted
        {
            let problem = format!("it has {partitions} partitions, not {wanted}");
            return unfit(problem, "delete it, so that it is created again");
        }
        if !found.has_leaders {
            return unfit("it has partitions without a leader".to_owned(), "start the brokers that hold its replicas");
        }
        all.insert(topic, partitions);
    }
    Ok(all)
}

/// Checks that the topics that share a number of partitions have the number of the rating topic.
///
/// Adding partitions to a topic that has too few would not help: the earlier records of most keys
/// would be in another partition than the later ones.
pub(crate) fn check_agreement(settings: &Settings, partitions: &BTreeMap<Topic, u32>) -> Result<(), ConnectError> {
    let shared = |topic: &&Topic| topic.spec().partitions == Partitions::Shared;
    let counted = |&topic: &Topic| partitions.get(&topic).map(|&count| (settings.topic(topic), count));
    let mut counted = Topic::ALL.iter().filter(shared).filter_map(counted);
    let Some((first, wanted)) = counted.next() else { return Ok(()) };
    let Some((topic, count)) = counted.find(|(_, count)| *count != wanted) else { return Ok(()) };
    let problem = format!("it has {count} partitions, not {wanted} as in {first}");
    let fix = format!("if its records are not needed, delete it, so that it is created again; otherwise {REKEY}");
    Err(ConnectError::Unfit { topic, problem, fix })
}

/// Checks how the brokers have a topic configured.
fn check_configuration(
    demands: &Demands,
    topic: Topic,
    name: String,
    resource: Result<ConfigResource, Code>,
) -> Result<(), ConnectError> {
    let resource = match resource {
        Ok(resource) => resource,
        Err(code) => {
            return Err(ConnectError::Topic { doing: "look at", topic: name, source: KafkaError::AdminOp(code) });
        }
    };
    for verdict in check(demands, topic.spec(), &Configured::of(&resource)) {
        match verdict {
            Verdict::Fit => {}
            Verdict::Note(text) => tracing::info!(topic = name, "{text}"),
            Verdict::Warn(text) => tracing::warn!(topic = name, "{text}"),
            Verdict::Refuse { problem, config } => {
                let alter = "kafka-configs.sh --alter --entity-type topics --entity-name";
                let fix = format!("{alter} {name} --add-config {config}");
                return Err(ConnectError::Unfit { topic: name, problem, fix });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use marquee_ports::{Cleanup, Retention, TopicSpec};

    use super::*;

    /// A topic that only this test knows.
    static VIEWS: TopicSpec = TopicSpec {
        name: "marquee.views.v1",
        key: "user id",
        partitions: Partitions::Fixed(3),
        retention: Retention { age: Some(Duration::from_secs(60)), bytes: Some(1 << 20) },
        cleanup: Cleanup::Delete,
        archived: false,
    };

    fn found(partitions: &[(Topic, u32)]) -> BTreeMap<Topic, Found> {
        partitions.iter().map(|&(topic, partitions)| (topic, Found { partitions, has_leaders: true })).collect()
    }

    #[test]
    fn a_broker_that_has_not_heard_of_a_topic_yet_is_asked_again() {
        use rdkafka::admin::{ConfigEntry, ConfigSource, OwnedResourceSpecifier};
        let told = |value: Option<&str>| {
            let entry = |value: &str| ConfigEntry {
                name: "cleanup.policy".to_owned(),
                value: Some(value.to_owned()),
                source: ConfigSource::DynamicTopic,
                is_read_only: false,
                is_default: false,
                is_sensitive: false,
            };
            let specifier = OwnedResourceSpecifier::Topic("t".to_owned());
            is_told(&Ok(ConfigResource { specifier, entries: value.map(entry).into_iter().collect() }))
        };
        assert!(told(Some("delete")) && !told(Some("")) && !told(None));
        assert!(!is_told(&Err(Code::UnknownTopicOrPartition)));
        assert!(is_told(&Err(Code::TopicAuthorizationFailed)), "waiting would not help");
    }

    #[test]
    fn topics_that_share_a_number_of_partitions_agree_on_it() {
        let settings = Settings { prefix: "t.".to_owned(), ..Settings::default() };
        let check = |found: &BTreeMap<Topic, Found>| {
            let partitions = check_each(&settings, Topic::ALL, found)?;
            check_agreement(&settings, &partitions).map(|()| partitions)
        };
        let mut all = found(&[(Topic::RATINGS, 6), (Topic::REJECTED, 6), (Topic::MOVIES, 6), (Topic::PREDICTIONS, 6)]);
        assert_eq!(check(&all).expect("the same")[&Topic::MOVIES], 6);
        all.extend(found(&[(Topic::MOVIES, 4)]));
        assert_eq!(
            check(&all).expect_err("not the same").to_string(),
            "topic t.marquee.movies.v1 cannot be used: it has 4 partitions, not 6 as in t.marquee.ratings.v1; if its \
             records are not needed, delete it, so that it is created again; otherwise copy the topics to new ones: \
             stop the fleet, run `marquee rekey --to-prefix PREFIX`, and follow what it prints"
        );
        all.remove(&Topic::MOVIES);
        let missing = check(&all).expect_err("missing").to_string();
        assert!(missing.contains("t.marquee.movies.v1 does not exist"), "{missing}");
        all.insert(Topic::REJECTED, Found { partitions: 6, has_leaders: false });
        let leaderless = check(&all).expect_err("no leader").to_string();
        assert!(leaderless.contains("t.marquee.ratings.rejected.v1"), "{leaderless}");
    }

    #[test]
    fn a_copy_may_read_topics_whose_numbers_of_partitions_differ() {
        let mut all: BTreeMap<_, _> = Topic::ALL.iter().map(|&topic| (topic, 8)).collect();
        all.insert(Topic::RATINGS, 12);
        let each = found(&all.iter().map(|(&topic, &count)| (topic, count)).collect::<Vec<_>>());
        assert_eq!(check_each(&Settings::default(), Topic::ALL, &each).expect("each fits"), all);
        let refused = check_agreement(&Settings::default(), &all).expect_err("a fleet may not").to_string();
        assert!(refused.contains("it has 8 partitions, not 12 as in marquee.ratings.v1"), "{refused}");
    }

    #[test]
    fn a_further_topic_is_planned_checked_and_configured_by_its_specification() {
        let (settings, views) = (Settings::default(), Topic::new(&VIEWS));
        let topics = [Topic::ALL, &[views]].concat();
        let planned = plan(&settings, &topics, &found(&[(Topic::REJECTED, 6)]));
        assert_eq!(planned, [(Topic::RATINGS, 6), (Topic::MOVIES, 6), (Topic::PREDICTIONS, 6), (views, 3)]);
        assert_eq!(plan(&settings, &topics, &BTreeMap::new())[0], (Topic::RATINGS, settings.partitions));

        let shared = Topic::ALL.iter().map(|&topic| (topic, 6));
        let all = found(&shared.chain([(views, 3)]).collect::<Vec<_>>());
        assert_eq!(check_each(&settings, &topics, &all).expect("fit")[&views], 3);
        let configuration = configuration(&settings, views);
        for entry in [("retention.ms", "60000"), ("retention.bytes", "1048576"), ("cleanup.policy", "delete")] {
            assert!(configuration.iter().any(|(key, value)| (*key, value.as_str()) == entry), "{configuration:?}");
        }
    }

    #[test]
    fn only_the_catalog_is_created_compacted_and_one_replica_is_flushed() {
        let one = Settings { replication: 1, min_insync_replicas: 1, ..Settings::default() };
        let has = |settings: &Settings, topic, entry: (&str, &str)| {
            configuration(settings, topic).iter().any(|(key, value)| (*key, value.as_str()) == entry)
        };
        assert!(has(&one, Topic::MOVIES, ("cleanup.policy", "compact")));
        assert!(has(&one, Topic::RATINGS, ("retention.ms", "-1")));
        assert!(has(&one, Topic::PREDICTIONS, ("retention.ms", "604800000")));
        assert!(has(&one, Topic::RATINGS, ("flush.messages", "1")));
        assert!(has(&one, Topic::RATINGS, ("unclean.leader.election.enable", "false")));
        assert!(!has(&Settings::default(), Topic::RATINGS, ("flush.messages", "1")));
        assert!(has(&Settings::default(), Topic::RATINGS, ("min.insync.replicas", "2")));
    }
}
