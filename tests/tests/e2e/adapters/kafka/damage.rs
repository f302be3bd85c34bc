//! Batches whose bytes changed on the disk of a broker.

use anyhow::Result;
use marquee_domain::{Offset, Partition, Position};
use marquee_e2e::read_topic;
use marquee_e2e::servers::{Kafka, or_skip};
use marquee_kafka::KafkaLog;
use marquee_ports::{Record, Topic};

use super::{consume, foreign, settings};

/// Batches of a partition: the number of records, and whether the batch is damaged. What is
/// readable is surrounded by batches that are not, at distances of the steps in which the end of a
/// batch is searched.
const BATCHES: [(usize, bool); 12] = [
    (2, false),
    (4, true),
    (2, false),
    (5, true),
    (1, false),
    (9, true),
    (2, true),
    (3, false),
    (1, true),
    (30, false),
    (40, true),
    (6, false),
];

#[tokio::test(flavor = "multi_thread")]
async fn only_damaged_batches_are_left_out_however_close_they_are() -> Result<()> {
    let Some(kafka) = or_skip(Kafka::start(1).await)? else { return Ok(()) };
    let log = KafkaLog::connect(&settings(&kafka, "")).await?;
    let (topic, partition) = (Topic::RATINGS, Partition(1));
    let mut next = 0;
    let mut readable = Vec::new();
    for (count, is_damaged) in BATCHES {
        let values: Vec<String> = (next..next + count).map(|number| format!("rating {number}")).collect();
        let records = values.iter().map(|value| foreign::Record {
            key: Some(b"user"),
            value: Some(value.as_bytes()),
            headers: &[],
        });
        let records: Vec<_> = records.collect();
        foreign::produce(&kafka, topic.name(), partition, &records).await?;
        if is_damaged {
            kafka.damage(topic.name(), Position { partition, offset: Offset(next as u64) })?;
        } else {
            readable.extend(values);
        }
        next += count;
    }
    let texts = |records: &[Record]| -> Vec<String> {
        records.iter().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect()
    };
    assert_eq!(texts(&read_topic(&log, topic).await?), readable);
    assert_eq!(texts(&consume(&log, topic, readable.len()).await?), readable);
    Ok(())
}
