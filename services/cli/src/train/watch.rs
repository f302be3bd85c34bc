//! Watches a run: a bar a stage on a terminal, plain lines elsewhere, a line of JSON an update for machines.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use marquee_proto::prediction::v1::LoadModelRequest;
use marquee_proto::training::v1::WatchTrainingRequest;

use super::show::Training;
use crate::error::one_line;
use crate::{Client, Error, Output};

/// Resolution of a stage's bar.
const STEPS: u64 = 1_000;

/// How often a stage that goes on is reported where no bar can move.
const PLAIN_EVERY: Duration = Duration::from_secs(2);

/// Loading verifies and warms a version.
const LOADING: Duration = Duration::from_secs(300);

/// How long a run may be silent; a queued one waits for those before it.
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

/// Has inference load the new version now, so that whoever asks next finds it. It would find the version by itself within moments, so a refusal
/// is no failure of the training.
async fn load(training: Training, client: &Client, output: Output) {
    let Some(version) = training.version else { return };
    let request = LoadModelRequest { model: training.model.clone(), version };
    match client.call_within(LOADING, client.models().load_model(request)).await {
        Ok(_) => output.footer(&format!(
            "{} v{version} is verified, loaded and warm; `marquee route` gives it users",
            training.model
        )),
        Err(error) => output.footer(&format!("{} v{version} is not loaded yet: {}", training.model, error.line())),
    }
}

/// Shows a run's progress to its end; what it came to stands beside whether that is a failure.
pub async fn follow(id: String, client: &Client, output: Output) -> Result<(Training, Result<(), Error>), Error> {
    let request = WatchTrainingRequest { training_id: id.clone() };
    let mut updates = client.call(client.trainer().watch_training(request)).await?;
    let mut stages = Stages::new(output);
    let mut last = None;
    loop {
        let update = tokio::time::timeout(SILENCE, updates.message()).await;
        let late = |_| Error::Late { address: client.address().to_owned(), seconds: SILENCE.as_secs() };
        let update = update.map_err(late)?.map_err(|status| Error::from_status(client.address(), status))?;
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
        return Err(Error::Outcome(format!("training {id} ended without a word: see `marquee train list`")));
    };
    let ended = match training.state {
        "succeeded" => Ok(()),
        state @ ("failed" | "cancelled") => Err(Error::Outcome(format!("training {id} {state}: {}", training.message))),
        state => Err(Error::Outcome(format!(
            "the trainer stopped reporting while training {id} was {state}: watch on with `marquee train watch {id}`"
        ))),
    };
    Ok((training, ended))
}

/// What is drawn while a run goes on.
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

    /// Leaves the stage's bar full, as it ended.
    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }
}

fn bar(stage: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:<8} {bar:30} {percent:>3}%  {elapsed}  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(STEPS).with_style(style).with_prefix(stage)
}
