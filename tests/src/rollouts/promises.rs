//! What rollouts promise, beside what was measured. These are shares and ratios, which do not
//! depend on the machine.

use anyhow::{Result, ensure};

use super::Report;
use super::outcomes::Contest;

/// The fewest rollouts of each kind after which a missed promise is an error. The shares of fewer
/// rollouts vary too much.
const ENOUGH: usize = 1_000;

/// The largest share of rollouts of an equal version that are stopped.
const FALSE_ABORTS: f64 = 0.01;

/// The least share of rollouts of a worse version that are stopped.
const DETECTION: f64 = 0.95;

/// The duel needs this many times fewer ratings than a canary that looks at what users were shown.
const FACTOR: f64 = 20.0;

/// Prints a line for each promise.
///
/// # Errors
/// A promise was missed, and there were at least 1,000 rollouts of each kind.
pub(crate) fn check(report: &Report, rollouts: usize) -> Result<()> {
    let stopped = |contest: Contest| {
        let kind = report.rollouts.iter().find(|kind| kind.name == contest.name());
        kind.map_or(f64::NAN, |kind| kind.aborted)
    };
    let (equal, worse) = (stopped(Contest::Equal).max(stopped(Contest::EqualNoisy)), stopped(Contest::Worse));
    let promises = [
        (equal <= FALSE_ABORTS, format!("equal versions stopped: {:.1} %, at most 1 %", 100.0 * equal)),
        (worse >= DETECTION, format!("worse versions stopped: {:.1} %, at least 95 %", 100.0 * worse)),
        (report.factor > FACTOR, format!("ratings saved by the duel: a factor of {:.0}, above 20", report.factor)),
    ];
    for (is_reached, promise) in &promises {
        println!("{} {promise}", if *is_reached { "reached" } else { "missed " });
    }
    let missed = promises.iter().filter(|(is_reached, _)| !is_reached).count();
    ensure!(missed == 0 || rollouts < ENOUGH, "{missed} of {} promises were missed", promises.len());
    Ok(())
}
