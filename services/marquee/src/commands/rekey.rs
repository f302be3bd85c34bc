//! `marquee rekey`: copies the topics of Kafka into new ones, with each event in the partition of
//! its user. It is the way out after partitions were added to topics that have records. Served
//! predictions are not copied: the monitor begins again to join predictions with ratings.

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use marquee_archive::{Archive, Copied, Original};
use marquee_cli::{Error, Human, Output, Show};
use marquee_kafka::KafkaLog;
use marquee_kit::Context;
use marquee_ports::{RatingLog, Topic};
use marquee_role::Needs;
use serde::Serialize;

use crate::arguments::FleetArgs;
use crate::backends::LogBackend;
use crate::resources;
use crate::settings::Settings;

/// Arguments of `rekey`.
#[derive(Debug, Args)]
pub(crate) struct RekeyArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    /// The prefix of the new topics, which become `PREFIXmarquee.ratings.v1` and so on.
    #[arg(long, value_name = "PREFIX")]
    to_prefix: String,
    /// The number of partitions of the new topics. [default: as many as the topics have now]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: Option<u32>,
}

/// What was copied, and where to.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(rename = "kafka.prefix")]
    prefix: String,
    partitions: u32,
    events: u64,
    left_out: u64,
    movies: u64,
    rejected: u64,
}

impl Show for Report {
    fn human(&self) -> Human {
        let Self { prefix, partitions, events, left_out, movies, rejected } = self;
        Human::Text(format!(
            "partitions  {partitions}\nevents      {events}\nleft out    {left_out} (not events; they are in the \
             rejected topic)\nmovies      {movies}\nrejected    {rejected}\n\nThe new topics have other positions. So \
             do this before you start the fleet again:\n  1. set kafka.prefix = \"{prefix}\"\n  2. give features and \
             the monitor new places: another redis.prefix, or empty folders `store` and `monitor` below data_dir\n  \
             3. move the folder `archive` of the object store away, so that the archive begins again\n\nServed \
             predictions are not copied, so the monitor begins again to join predictions with ratings."
        ))
    }
}

/// Copies the topics that the settings name. The fleet must be stopped.
pub(crate) async fn run(args: RekeyArgs, output: Output) -> Result<()> {
    let settings = super::load(&super::layers(args.fleet)?)?.settings;
    if settings.backends.log != LogBackend::Kafka {
        let why = "backends.log: is embedded, whose topics never get more partitions; rekey is for kafka";
        return Err(Error::Usage(why.to_owned()).into());
    }
    ensure!(
        args.to_prefix != settings.kafka.prefix,
        "--to-prefix: is kafka.prefix; give another one for the new topics"
    );
    let old = KafkaLog::connect_to_copy(&settings.kafka).await?;
    let present = u32::try_from(old.bounds(Topic::RATINGS).await?.len())?;
    let partitions = args.partitions.unwrap_or(present);
    let new = marquee_kafka::Settings { prefix: args.to_prefix.clone(), partitions, ..settings.kafka.clone() };
    let new = KafkaLog::connect_to_copy(&new).await.context("make the new topics")?;
    let archive = archive(&settings).await?;
    let original = Original { log: &old, archive: archive.as_ref(), scale: settings.scale };
    let Copied { events, left_out, movies, rejected } = marquee_archive::rekey(original, &new).await?;
    output.show(&Report { prefix: args.to_prefix, partitions, events, left_out, movies, rejected })?;
    Ok(())
}

/// Opens the archive, if one is written: the topics may have forgotten what it has.
async fn archive(settings: &Settings) -> Result<Option<Archive>> {
    let is_enabled = settings.roles.get::<marquee_trainer::Trainer>().is_some_and(|trainer| trainer.archive.enabled);
    if !is_enabled {
        return Ok(None);
    }
    let (needs, context) = (Needs { objects: true, ..Needs::default() }, Context::default());
    let objects = resources::open(settings, &needs, &context, |_| {}).await?.objects;
    Ok(objects.map(|objects| Archive::new(objects, context.compute.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_after_a_copy_name_every_place_that_keeps_positions() {
        let prefix = "v2.".to_owned();
        let report = Report { prefix, partitions: 12, events: 5, left_out: 0, movies: 3, rejected: 1 };
        let Human::Text(text) = report.human() else { panic!("it is a text") };
        let places = ["kafka.prefix = \"v2.\"", "redis.prefix", "`store`", "`monitor`", "`archive`"];
        for part in places.into_iter().chain(["predictions are not copied"]) {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }
}
