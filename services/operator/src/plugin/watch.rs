//! `kubectl marquee watch`: the live view on a terminal, plain lines elsewhere, one line of JSON
//! for each change for machines.

use std::time::Duration;

use futures_util::StreamExt as _;
use kube::Api;
use kube::runtime::{WatchStreamExt as _, watcher};
use marquee_cli::rollout::{View, outcome};
use marquee_cli::{Error, Output};

use super::show;
use crate::commands;
use crate::resource::ModelRollout;

/// The time between two drawings of the live view, for durations that grow.
const REDRAW: Duration = Duration::from_secs(1);

/// Follows a rollout until it ends. One that follows the newest version is followed until the
/// command is interrupted.
///
/// # Errors
/// The rollout does not exist, was deleted, or was stopped.
pub(super) async fn run(rollouts: &Api<ModelRollout>, name: &str, output: Output) -> Result<(), Error> {
    show::get(rollouts, name).await?;
    let mut screen = Screen { output, lines: 0, last: String::new() };
    let mut states = std::pin::pin!(watcher::watch_object(rollouts.clone(), name).default_backoff());
    let mut last: Option<ModelRollout> = None;
    loop {
        let state = tokio::select! {
            state = states.next() => state,
            () = tokio::time::sleep(REDRAW), if last.is_some() && output.is_live() && output.is_human() => {
                screen.draw(last.as_ref())?;
                continue;
            }
        };
        match state {
            Some(Ok(Some(rollout))) => {
                screen.show(&rollout)?;
                if let Some(ended) = ended(&rollout)? {
                    return ended;
                }
                last = Some(rollout);
            }
            Some(Ok(None)) | None => return Err(show::gone(name)),
            // The watch begins again by itself, after a pause.
            Some(Err(_)) => {}
        }
    }
}

/// Returns how a rollout ended, or `None` if there is more to come.
fn ended(rollout: &ModelRollout) -> Result<Option<Result<(), Error>>, Error> {
    let observed = rollout.status.as_ref().and_then(|status| status.observed_generation);
    let is_current = observed == rollout.metadata.generation && commands::pending(rollout).is_empty();
    let follows = rollout.read_spec().is_ok_and(|spec| spec.follow.is_some());
    if !is_current || follows {
        return Ok(None);
    }
    Ok(outcome(&show::status(rollout)?))
}

/// What is shown of a rollout that is followed.
struct Screen {
    output: Output,
    /// How many lines the last picture has.
    lines: usize,
    /// The last plain line.
    last: String,
}

impl Screen {
    fn show(&mut self, rollout: &ModelRollout) -> Result<(), Error> {
        if !self.output.is_human() {
            return self.output.line(&rollout.status);
        }
        if self.output.is_live() {
            return self.draw(Some(rollout));
        }
        let (Ok(spec), status) = (rollout.read_spec(), show::status(rollout)?) else { return Ok(()) };
        let line = View { spec: &spec, status: &status, now: show::now(), color: false }.headline();
        if line != self.last {
            self.output.text(&format!("{line}\n"))?;
            self.last = line;
        }
        Ok(())
    }

    /// Draws over the last picture.
    fn draw(&mut self, rollout: Option<&ModelRollout>) -> Result<(), Error> {
        let Some(rollout) = rollout else { return Ok(()) };
        let text = show::text(rollout, self.output.has_color())?;
        let up = if self.lines == 0 { String::new() } else { format!("\x1b[{}A\x1b[J", self.lines) };
        self.lines = text.lines().count();
        self.output.text(&format!("{up}{text}"))
    }
}
