//! Ingest over gRPC into Kafka, beside librdkafka's own producer into a topic made alike.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use marquee_e2e::servers::{Kafka, Stack};
use marquee_e2e::{Clients, Launch, Process};
use marquee_proto::ratings::v1::StreamRatingsRequest;
use tokio::process::Command;

use super::figures::{Figures, Used};
use super::made;

const RATINGS: u64 = 1_000_000;
const BATCH: u64 = 2_000;

/// The length of a rating's event on the topic, which the other producer's values have too.
const VALUE_BYTES: usize = 45;

/// An ingest over a stack; movies need not be known.
pub(crate) async fn start(stack: &Stack, folder: &std::path::Path) -> Result<Process> {
    let program = std::env::current_exe()?;
    let launch = Launch::new(program, folder).role("ingest").variables(stack.variables());
    launch.set("ingest.unknown_movies=accept").start().await
}

/// Sends ratings of these numbers by one stream, and waits until all are acknowledged.
pub(crate) async fn send(clients: &Clients, numbers: std::ops::Range<u64>) -> Result<()> {
    let count = numbers.end - numbers.start;
    let batch = move |sequence: u64| {
        let first = numbers.start + sequence * BATCH;
        let ratings = (first..(first + BATCH).min(numbers.end)).map(made::rating).collect();
        StreamRatingsRequest { sequence, ratings }
    };
    let batches = tokio_stream::iter((0..count.div_ceil(BATCH)).map(batch));
    let mut answers = clients.ratings.clone().stream_ratings(batches).await?.into_inner();
    let mut accepted = 0;
    while let Some(answer) = answers.next().await {
        accepted += answer?.accepted;
    }
    ensure!(accepted == count, "{accepted} of {count} ratings were accepted");
    Ok(())
}

/// Seconds that the other producer takes.
async fn raw(kafka: &Kafka, topic: &str) -> Result<f64> {
    let program = std::env::var_os("MARQUEE_RAW_PRODUCER");
    let program = program.context("MARQUEE_RAW_PRODUCER names no program: run `make bench-streams`")?;
    let mut command = Command::new(program);
    command.args([&kafka.bootstrap(), topic, &RATINGS.to_string(), &VALUE_BYTES.to_string()]).kill_on_drop(true);
    let output = command.output().await.context("run librdkafka's own producer")?;
    ensure!(output.status.success(), "librdkafka's own producer: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?.trim().parse().context("seconds are no number")
}

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let stack = Stack::start().await?;
    let folder = tempfile::tempdir()?;
    let ingest = start(&stack, folder.path()).await?;
    let clients = ingest.clients()?;
    // Topics of the same settings, under another prefix.
    let settings = marquee_kafka::Settings { prefix: "raw.".to_owned(), ..stack.kafka.settings() };
    marquee_kafka::KafkaLog::connect(&settings).await?;
    // Both once to warm up, then in turns.
    let topic = "raw.marquee.ratings.v1";
    send(&clients, 0..RATINGS / 10).await?;
    raw(&stack.kafka, topic).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let before = Used::by(ingest.addresses().pid)?;
    for turn in 1..=3 {
        let started = Instant::now();
        send(&clients, turn * RATINGS..(turn + 1) * RATINGS).await?;
        ours.push(started.elapsed().as_secs_f64());
        theirs.push(raw(&stack.kafka, topic).await?);
    }
    let cpu = Used::by(ingest.addresses().pid)?.cpu - before.cpu;
    let median = |all: &mut Vec<f64>| {
        all.sort_by(f64::total_cmp);
        RATINGS as f64 / all[all.len() / 2]
    };
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    figures.say("ingest", "gRPC to Kafka, one stream, acknowledged", ours, "ratings/s");
    figures.say("ingest", "librdkafka's own producer, the same settings", theirs, "records/s");
    figures.say("ingest", "share", ours / theirs, "");
    figures.say("ingest", "processor time of ingest", cpu.as_secs_f64() * 1e6 / (3 * RATINGS) as f64, "µs a rating");
    Ok(())
}
