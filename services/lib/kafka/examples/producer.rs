//! librdkafka's own producer at full speed, with the settings of the rating log. Ingest is compared
//! with it.
//!
//! `producer BOOTSTRAP TOPIC COUNT BYTES` sends COUNT records with values of BYTES bytes, waits
//! until the last is acknowledged, and prints the seconds that it took.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

/// Counts the records that were acknowledged and those that failed.
#[derive(Clone, Default)]
struct Counted(Arc<(AtomicU64, AtomicU64)>);

impl ClientContext for Counted {}

impl ProducerContext for Counted {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.0.0 } else { &self.0.1 };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, count, bytes] = &arguments[..] else {
        return Err("give BOOTSTRAP TOPIC COUNT BYTES".into());
    };
    let (count, value): (u64, Vec<u8>) = (count.parse()?, vec![b'x'; bytes.parse()?]);
    let counted = Counted::default();
    let producer: ThreadedProducer<Counted> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.codec", "lz4")
        .set("linger.ms", "1")
        .set("batch.size", "1048576")
        .set("message.max.bytes", "1310720")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "65536")
        .set("partitioner", "murmur2_random")
        .create_with_context(counted.clone())?;
    let started = Instant::now();
    for number in 0..count {
        let key = format!("u{}", number / 50);
        loop {
            let headers = OwnedHeaders::new_with_capacity(1)
                .insert(Header { key: "content-type", value: Some("application/x-protobuf") });
            match producer.send(BaseRecord::to(topic).key(&key).payload(&value).headers(headers)) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
    producer.flush(Duration::from_secs(300))?;
    let (acknowledged, failed) = (counted.0.0.load(Ordering::Relaxed), counted.0.1.load(Ordering::Relaxed));
    if acknowledged != count {
        return Err(format!("{acknowledged} of {count} records were acknowledged, {failed} failed").into());
    }
    println!("{}", started.elapsed().as_secs_f64());
    Ok(())
}
