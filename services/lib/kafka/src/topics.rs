//! The topics of a deployment: made where they are missing, checked where they are there.

use std::time::{Duration, Instant};

use marquee_ports::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::client::{self, Client, Events, hear};
use crate::record::LARGEST_BATCH;
use crate::{ConnectError, Settings};

/// Pause between two looks at topics whose leaders are being elected.
const LOOK: Duration = Duration::from_millis(25);

/// For ever: as a time, as a size, and as the reach of a time stamp.
const FOR_EVER: &str = "9223372036854775807";

/// What there is of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    partitions: u32,
    /// Every partition takes records.
    led: bool,
}

/// Makes and checks the topics; gives the number of their partitions. Blocks.
pub(crate) fn prepare(settings: &Settings, control: &Client, deadline: Instant) -> Result<u32, ConnectError> {
    let admin: AdminClient<Events> =
        client::base(settings).create_with_context(Events::default()).map_err(ConnectError::Client)?;
    let mut found = look(settings, control, deadline)?;
    let partitions = found.iter().flatten().next().map_or(settings.partitions, |found| found.partitions);
    let missing: Vec<Topic> =
        Topic::ALL.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(&topic, _)| topic).collect();
    if !missing.is_empty() {
        create(settings, &admin, &missing, partitions, deadline)?;
    }
    while !found.iter().all(|found| found.as_ref().is_some_and(|found| found.led)) {
        found = look(settings, control, deadline)?;
        if Instant::now() >= deadline {
            break;
        }
        std::thread::sleep(LOOK);
    }
    let partitions = same_partitions(settings, &found)?;
    let names: Vec<String> = Topic::ALL.iter().map(|&topic| settings.topic(topic)).collect();
    let resources = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect::<Vec<_>>();
    let described = wait(admin.describe_configs(&resources, &options(deadline)));
    let failed = |source| ConnectError::Topic { doing: "look at", topic: names[0].clone(), source };
    for ((&topic, name), resource) in Topic::ALL.iter().zip(&names).zip(described.map_err(failed)?) {
        let failed = |code| {
            let source = KafkaError::AdminOp(code);
            ConnectError::Topic { doing: "look at", topic: name.clone(), source }
        };
        check(settings, topic, &Configured::of(&resource.map_err(failed)?))?;
    }
    Ok(partitions)
}

fn options(deadline: Instant) -> AdminOptions {
    let left = deadline.saturating_duration_since(Instant::now()).max(LOOK);
    AdminOptions::new().request_timeout(Some(left)).operation_timeout(Some(left))
}

/// Waits for an answer of the admin client, whose own thread brings it, in time.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(answer)
}

/// What there is of each topic.
fn look(settings: &Settings, control: &Client, deadline: Instant) -> Result<Vec<Option<Found>>, ConnectError> {
    let mut all = vec![None; Topic::ALL.len()];
    for (&topic, found) in Topic::ALL.iter().zip(&mut all) {
        let name = settings.topic(topic);
        let left = deadline.saturating_duration_since(Instant::now()).max(LOOK);
        let metadata = control.fetch_metadata(Some(&name), left);
        hear(control);
        let failed = |source| ConnectError::Topic { doing: "look at", topic: name.clone(), source };
        let metadata = metadata.map_err(failed)?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else { continue };
        match topic.error().map(Code::from) {
            Some(Code::UnknownTopicOrPartition) => continue,
            Some(code @ (Code::TopicAuthorizationFailed | Code::InvalidTopic)) => {
                return Err(failed(KafkaError::MetadataFetch(code)));
            }
            _ => {}
        }
        let partitions = topic.partitions();
        let led = !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0);
        *found = Some(Found { partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX), led });
    }
    Ok(all)
}

/// What a topic is made with.
fn configuration(settings: &Settings, topic: Topic) -> Vec<(&'static str, String)> {
    let mut configuration = vec![
        ("min.insync.replicas", settings.min_insync_replicas.to_string()),
        ("max.message.bytes", LARGEST_BATCH.to_string()),
        // Ratings are dated by whoever made them, and old data sets are replayed: brokers must not mind.
        ("message.timestamp.type", "CreateTime".to_owned()),
        ("message.timestamp.before.max.ms", FOR_EVER.to_owned()),
        ("message.timestamp.after.max.ms", FOR_EVER.to_owned()),
    ];
    if settings.replication == 1 {
        configuration.push(("flush.messages", "1".to_owned()));
    }
    if topic.is_compacted() {
        configuration.push(("cleanup.policy", "compact".to_owned()));
    } else {
        configuration.push(("cleanup.policy", "delete".to_owned()));
        configuration.push(("retention.ms", "-1".to_owned()));
        configuration.push(("retention.bytes", "-1".to_owned()));
        // Segments end by size alone: by default one ends as soon as records are a week apart by their own dates, as replayed ones always are.
        configuration.push(("segment.ms", FOR_EVER.to_owned()));
    }
    configuration
}

fn create(
    settings: &Settings,
    admin: &AdminClient<Events>,
    missing: &[Topic],
    partitions: u32,
    deadline: Instant,
) -> Result<(), ConnectError> {
    let first = settings.topic(missing[0]);
    if !settings.create_topics {
        return Err(ConnectError::NoTopic { topic: first });
    }
    let topics: Vec<(String, Vec<(&str, String)>)> =
        missing.iter().map(|&topic| (settings.topic(topic), configuration(settings, topic))).collect();
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|(name, configuration)| {
            let replication = TopicReplication::Fixed(i32::from(settings.replication));
            let new = NewTopic::new(name, i32::try_from(partitions).unwrap_or(i32::MAX), replication);
            configuration.iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let failed = |topic, source| ConnectError::Topic { doing: "make", topic, source };
    let made = wait(admin.create_topics(&new, &options(deadline)));
    for made in made.map_err(|source| failed(first, source))? {
        match made {
            Ok(topic) => tracing::info!(topic, partitions, "topic made"),
            // Another process starts at the same time.
            Err((_, Code::TopicAlreadyExists)) => {}
            Err((topic, Code::InvalidReplicationFactor)) => {
                let (found, wanted) = ("too few brokers".to_owned(), format!("{} replicas", settings.replication));
                let fix = "start more brokers, or set replication and min_insync_replicas".to_owned();
                return Err(ConnectError::Unfit { topic, found, wanted, fix });
            }
            Err((topic, code)) => return Err(failed(topic, KafkaError::AdminOp(code))),
        }
    }
    Ok(())
}

/// The number of partitions, which all topics must share.
fn same_partitions(settings: &Settings, found: &[Option<Found>]) -> Result<u32, ConnectError> {
    let mut all = None;
    for (&topic, found) in Topic::ALL.iter().zip(found) {
        let name = settings.topic(topic);
        let Some(found) = found else { return Err(ConnectError::NoTopic { topic: name }) };
        let all = *all.get_or_insert(found.partitions);
        let (unfit, wanted, fix) = if found.partitions != all {
            let first = settings.topic(Topic::ALL[0]);
            let fix = format!("make it anew, or give all topics {} partitions", all.max(found.partitions));
            (format!("{} partitions", found.partitions), format!("{all} as {first}"), fix)
        } else if !found.led {
            let fix = "start the brokers that hold it".to_owned();
            ("partitions without a leader".to_owned(), "a leader for each".to_owned(), fix)
        } else {
            continue;
        };
        return Err(ConnectError::Unfit { topic: name, found: unfit, wanted, fix });
    }
    Ok(all.unwrap_or(settings.partitions))
}

/// What matters of a topic's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Configured {
    cleanup: String,
    min_insync: i64,
    largest: i64,
    retention: Option<i64>,
}

impl Configured {
    fn of(resource: &ConfigResource) -> Self {
        let value = |key: &str| resource.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
        Self {
            cleanup: value("cleanup.policy"),
            min_insync: value("min.insync.replicas").parse().unwrap_or(1),
            largest: value("max.message.bytes").parse().unwrap_or(i64::MAX),
            retention: value("retention.ms").parse().ok().filter(|&millis: &i64| millis >= 0),
        }
    }
}

fn check(settings: &Settings, topic: Topic, configured: &Configured) -> Result<(), ConnectError> {
    let name = settings.topic(topic);
    let policy = if topic.is_compacted() { "compact" } else { "delete" };
    let least = [
        ("min.insync.replicas", configured.min_insync, i64::from(settings.min_insync_replicas)),
        ("max.message.bytes", configured.largest, i64::try_from(LARGEST_BATCH).unwrap_or(i64::MAX)),
    ];
    let unfit = |key: &str, found: &str, wanted: &str, value: &str| {
        let alter = "kafka-configs.sh --alter --entity-type topics --entity-name";
        Err(ConnectError::Unfit {
            found: format!("{key}={found}"),
            wanted: wanted.to_owned(),
            fix: format!("{alter} {name} --add-config {key}={value}"),
            topic: name.clone(),
        })
    };
    if configured.cleanup != policy {
        return unfit("cleanup.policy", &configured.cleanup, policy, policy);
    }
    for (key, found, wanted) in least {
        if found < wanted {
            let words = format!("at least {wanted}");
            let wanted = wanted.to_string();
            return unfit(key, &found.to_string(), &words, &wanted);
        }
    }
    if let Some(millis) = configured.retention.filter(|_| !topic.is_compacted()) {
        tracing::warn!(
            topic = name,
            retention_ms = millis,
            "the topic forgets records: replays begin with what is left"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(partitions: [u32; 3]) -> [Option<Found>; 3] {
        partitions.map(|partitions| Some(Found { partitions, led: true }))
    }

    #[test]
    fn all_topics_have_the_same_number_of_partitions() {
        let settings = Settings { prefix: "t.".to_owned(), ..Settings::default() };
        assert_eq!(same_partitions(&settings, &found([6; 3])).expect("the same"), 6);
        let unfit = same_partitions(&settings, &found([6, 6, 4])).expect_err("not the same").to_string();
        assert_eq!(
            unfit,
            "topic t.marquee.movies.v1 has 4 partitions, not 6 as t.marquee.ratings.v1: make it anew, or give all topics 6 partitions"
        );
        let [ratings, rejected, _] = found([6; 3]);
        let missing = same_partitions(&settings, &[ratings.clone(), rejected, None]).expect_err("missing");
        assert!(missing.to_string().contains("no topic t.marquee.movies.v1"), "{missing}");
        let led = ratings.clone().map(|ratings| Found { led: false, ..ratings });
        let leaderless = same_partitions(&settings, &[ratings.clone(), led, ratings]).expect_err("no leader");
        assert!(leaderless.to_string().contains("t.marquee.ratings.rejected.v1"), "{leaderless}");
    }

    #[test]
    fn a_topic_that_would_lose_records_is_refused_with_the_fix() {
        let settings = Settings::default();
        let fit = Configured {
            cleanup: "delete".to_owned(),
            min_insync: 2,
            largest: LARGEST_BATCH as i64,
            retention: Some(1),
        };
        check(&settings, Topic::RATINGS, &fit).expect("fit");
        let unfit = [
            (Topic::MOVIES, fit.clone(), "compact"),
            (Topic::RATINGS, Configured { cleanup: "compact".to_owned(), ..fit.clone() }, "delete"),
            (Topic::RATINGS, Configured { cleanup: "compact,delete".to_owned(), ..fit.clone() }, "delete"),
            (Topic::REJECTED, Configured { min_insync: 1, ..fit.clone() }, "min.insync.replicas=2"),
            (Topic::RATINGS, Configured { largest: 1_048_588, ..fit }, "max.message.bytes=1310720"),
        ];
        for (topic, configured, fix) in unfit {
            let words = check(&settings, topic, &configured).expect_err("unfit").to_string();
            assert!(words.contains(topic.name()) && words.contains(fix), "{words}");
        }
    }

    #[test]
    fn only_the_catalogue_is_made_compacted_and_one_replica_is_flushed() {
        let one = Settings { replication: 1, min_insync_replicas: 1, ..Settings::default() };
        let has = |settings: &Settings, topic, entry: (&str, &str)| {
            configuration(settings, topic).iter().any(|(key, value)| (*key, value.as_str()) == entry)
        };
        assert!(has(&one, Topic::MOVIES, ("cleanup.policy", "compact")));
        assert!(has(&one, Topic::RATINGS, ("retention.ms", "-1")));
        assert!(has(&one, Topic::RATINGS, ("flush.messages", "1")));
        assert!(!has(&Settings::default(), Topic::RATINGS, ("flush.messages", "1")));
        assert!(has(&Settings::default(), Topic::RATINGS, ("min.insync.replicas", "2")));
    }
}
