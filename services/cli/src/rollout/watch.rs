//! Watches a rollout: the live view on a terminal, plain lines elsewhere, one line of JSON for each
//! update for machines.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use marquee_proto::rollout::v1::WatchRolloutRequest;
use marquee_rollout::{Phase, Spec, Status};

use super::show::{Rollout, now};
use super::view::View;
use crate::addresses::ROLLOUTS;
use crate::output::bar_style;
use crate::{Client, Error, Output};

/// The time between two lines of one step where nothing can be redrawn.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// The time between two drawings of the live view, for durations that grow.
const REDRAW: Duration = Duration::from_secs(1);

/// Watches a rollout until it ends. One that follows the newest version is watched until the
/// command is interrupted.
pub(super) async fn run(model: String, client: &Client, output: Output) -> Result<(), Error> {
    let request = WatchRolloutRequest { model: model.clone() };
    let mut updates = client.call(client.rollouts().watch_rollout(request)).await.map_err(super::hinted)?;
    let mut screen = Screen::new(output);
    let (mut last, mut outcome): (Option<Rollout>, _) = (None, None);
    loop {
        let update = tokio::select! {
            update = updates.message() => update,
            () = tokio::time::sleep(REDRAW), if last.is_some() && output.is_human() => {
                screen.redraw(last.as_ref());
                continue;
            }
        };
        let update = update.map_err(|status| Error::from_status(client.address_of(ROLLOUTS), status))?;
        let Some(rollout) = update.and_then(|update| update.rollout).map(Rollout::from) else { break };
        if output.is_human() {
            screen.update(&rollout);
        } else {
            output.line(&rollout)?;
        }
        outcome = ended(&rollout);
        last = Some(rollout);
        if outcome.is_some() {
            break;
        }
    }
    screen.clear();
    let Some(rollout) = last else {
        return Err(Error::Outcome(format!("the controller sent no update of the rollout of model '{model}'")));
    };
    if output.is_human() {
        output.show(&rollout)?;
    }
    outcome.unwrap_or_else(|| {
        let message = format!(
            "the controller stopped reporting while the rollout of model '{model}' was {}: watch it again with \
             `marquee rollout watch {model}`",
            rollout.text("phase"),
        );
        Err(Error::Outcome(message))
    })
}

/// Returns how the rollout ended, or `None` if there is more to come.
fn ended(rollout: &Rollout) -> Option<Result<(), Error>> {
    let (spec, status) = rollout.parts().ok()?;
    if !rollout.is_current() || spec.follow.is_some() {
        return None;
    }
    outcome(&status)
}

/// Returns how a rollout with this status ended, or `None` if it has not.
pub fn outcome(status: &Status) -> Option<Result<(), Error>> {
    match status.phase {
        Phase::Completed => Some(Ok(())),
        Phase::Degraded => {
            let message = format!("the rollout ended as {}: {}", status.reason, status.message);
            Some(Err(Error::Outcome(message)))
        }
        Phase::Pending | Phase::Progressing | Phase::Paused => None,
    }
}

/// What identifies a line: a change of it is printed at once, other changes now and then.
type Shown = (Phase, String, Option<u32>, String);

/// The display of a rollout.
struct Screen {
    output: Output,
    live: Option<ProgressBar>,
    shown: Option<Shown>,
    told: Instant,
}

impl Screen {
    fn new(output: Output) -> Self {
        let live = output.is_live() && output.is_human();
        Self { output, live: live.then(bar), shown: None, told: Instant::now() }
    }

    fn update(&mut self, rollout: &Rollout) {
        if self.live.is_some() {
            self.redraw(Some(rollout));
            return;
        }
        let Ok((spec, status)) = rollout.parts() else { return };
        let shown = Some(identity(&status));
        if self.shown != shown || self.told.elapsed() >= PLAIN_EVERY {
            self.shown = shown;
            self.told = Instant::now();
            self.output.note(&headline(&spec, &status));
        }
    }

    fn redraw(&mut self, rollout: Option<&Rollout>) {
        if let (Some(bar), Some(rollout)) = (&self.live, rollout) {
            bar.set_message(rollout.lines(self.output.has_color()).join("\n"));
        }
    }

    /// Removes the live view. What it showed last is printed as the result.
    fn clear(&mut self) {
        if let Some(bar) = self.live.take() {
            bar.finish_and_clear();
        }
    }
}

fn identity(status: &Status) -> Shown {
    let weights = format!("{:?}", status.weights);
    (status.phase, status.reason.to_string(), status.step.as_ref().map(|step| step.index), weights)
}

fn headline(spec: &Spec, status: &Status) -> String {
    View { spec, status, now: now(), color: false }.headline()
}

fn bar() -> ProgressBar {
    ProgressBar::new_spinner().with_style(bar_style("{msg}"))
}
