//! Watches a run: one bar for each stage on a terminal, plain lines elsewhere, one line of JSON for
//! each update for machines.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use marquee_proto::prediction::v1::LoadModelRequest;
use marquee_proto::training::v1::WatchTrainingRequest;

use super::show::Training;
use crate::addresses::TRAINER;
use crate::error::one_line;
use crate::output::bar_style;
use crate::{Client, Error, Output};

/// The length of a stage's bar in steps.
const STEPS: u64 = 1_000;

/// The time between two lines of one stage where no bar can be shown.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

/// The longest time for loading, which verifies and warms a version.
const LOADING: Duration = Duration::from_secs(300);

/// The longest time without an update. A queued run waits for the runs before it.
const SILENCE: Duration = Duration::from_secs(6 * 3_600);

pub(crate) async fn run(id: String, client: &Client, output: Output) -> Result<(), Error> {
    let (training, ended) = follow(id, client, output).await?;
    if output.is_human() {
        output.show(&training)?;
    }
    ended?;
    load(training, client, output).await;
    Ok(())
}

/// Asks inference to load the new version now, so that the next command can use it. Inference would
/// find the version by itself within seconds, so an error here is not a failure of the training.
async fn load(training: Training, client: &Client, output: Output) {
    let Some(version) = training.version else { return };
    let request = LoadModelRequest { model: training.model.clone(), version };
    match client.call_within(LOADING, client.models().load_model(request)).await {
        Ok(_) => output.footer(&format!(
            "{} v{version} is verified, loaded and warm; `marquee route set` routes users to it",
            training.model
        )),
        Err(error) => output.footer(&format!("{} v{version} is not loaded yet: {}", training.model, error.line())),
    }
}

/// Shows the progress of a run to its end. Returns the run, and whether it succeeded.
///
/// # Errors
/// The trainer cannot be reached, or it ends the stream without an update.
pub async fn follow(id: String, client: &Client, output: Output) -> Result<(Training, Result<(), Error>), Error> {
    let request = WatchTrainingRequest { training_id: id.clone() };
    let mut updates = client.call(client.trainer().watch_training(request)).await?;
    let mut stages = Stages::new(output);
    let mut last = None;
    loop {
        let update = tokio::time::timeout(SILENCE, updates.message()).await;
        let late = |_| Error::Late { address: client.address_of(TRAINER).to_owned(), seconds: SILENCE.as_secs() };
        let update = update.map_err(late)?.map_err(|status| Error::from_status(client.address_of(TRAINER), status))?;
        let Some(training) = update.and_then(|update| update.training) else {
            break;
        };
        let training = Training::from(training);
        if output.is_human() {
            stages.update(&training);
        } else {
            output.line(&training)?;
        }
        last = Some(training);
    }
    stages.end();
    let Some(training) = last else {
        return Err(Error::Outcome(format!("the trainer sent no update of training {id}: see `marquee train list`")));
    };
    let ended = match training.state {
        "succeeded" => Ok(()),
        state @ ("failed" | "cancelled") => Err(Error::Outcome(format!("training {id} {state}: {}", training.message))),
        state => Err(Error::Outcome(format!(
            "the trainer stopped reporting while training {id} was {state}: continue with `marquee train watch {id}`"
        ))),
    };
    Ok((training, ended))
}

/// The display of a running training.
struct Stages {
    output: Output,
    stage: &'static str,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Stages {
    fn new(output: Output) -> Self {
        Self { output, stage: "", bar: None, told: Instant::now() }
    }

    fn update(&mut self, training: &Training) {
        let stage = if training.state == "queued" { "queued" } else { training.stage };
        let new = stage != self.stage;
        if new {
            self.end();
            self.stage = stage;
        }
        let progress = training.progress.clamp(0.0, 1.0);
        let message = one_line(&training.message);
        if self.output.is_live() {
            let bar = self.bar.get_or_insert_with(|| bar(stage));
            bar.set_position((progress * STEPS as f64) as u64);
            bar.set_message(message);
        } else if new || self.told.elapsed() >= PLAIN_EVERY {
            self.told = Instant::now();
            self.output.note(&format!("{stage:<8} {:>3.0}%  {message}", progress * 100.0));
        }
    }

    /// Completes the bar of the current stage.
    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }
}

fn bar(stage: &'static str) -> ProgressBar {
    let style = bar_style("{prefix:<8} {bar:30} {percent:>3}%  {elapsed}  {wide_msg}");
    ProgressBar::new(STEPS).with_style(style).with_prefix(stage)
}
