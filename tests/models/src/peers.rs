//! Other libraries on the same folds, by `tests/peers/rating_models.py`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::figures::{Curve, Peer, mean};
use crate::plan::{Name, When};

/// The environment variable that names the Python of the peers.
const PYTHON: &str = "MARQUEE_MODELS_PYTHON";

/// Sweeps of myFM: published figures have 512.
const SWEEPS: usize = 512;
const QUICK_SWEEPS: usize = 100;
/// Sweeps whose time is taken, where the error does not count.
const TIMED_SWEEPS: usize = 8;

/// A line of the script: a peer on a fold.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    peer: String,
    library: String,
    settings: String,
    rmse: Option<f64>,
    seconds: Option<f64>,
    sweep_seconds: Option<f64>,
    memory_mib: Option<f64>,
    curve: Vec<(f64, f64)>,
    skipped: Option<String>,
}

/// Returns the Python that has the peers' packages.
pub(crate) fn python() -> Result<PathBuf> {
    let named = std::env::var_os(PYTHON).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.with_context(|| format!("{PYTHON} is not set: run `make bench-model`, or name the Python of `make models`"))
}

/// Returns the script.
pub(crate) fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/rating_models.py")
}

/// Runs the peers of a row on its folds. A peer that was not run says why.
pub(crate) fn measure(name: Name, arguments: &Arguments, folds: &[PathBuf]) -> Vec<Peer> {
    if arguments.no_peers || folds.is_empty() {
        return Vec::new();
    }
    let (mut due, mut peers) = (Vec::new(), Vec::new());
    for &(peer, when) in name.peers() {
        match refusal(when, arguments) {
            None => due.push(peer),
            Some(reason) => peers.push(skipped(peer, reason)),
        }
    }
    let (first, rest) = folds.split_at(1);
    let with_curve = matches!(name, Name::Folds | Name::Million);
    let mut lines = Vec::new();
    let mut failure = None;
    for (folds, curve) in [(first, with_curve), (rest, false)] {
        if let Err(error) = run(name, arguments, &due, folds, curve, &mut lines) {
            failure = Some(format!("{error:#}"));
        }
    }
    let of = |peer: &&str| summarize(peer, &lines, folds.len(), failure.as_deref(), name);
    let mut measured: Vec<Peer> = due.iter().map(of).collect();
    measured.append(&mut peers);
    measured
}

/// Returns why a peer is not due in this run.
fn refusal(when: When, arguments: &Arguments) -> Option<&'static str> {
    match when {
        When::Always => None,
        When::Full if arguments.quick => Some("not run: not part of a quick run"),
        When::Full => None,
        When::Long if arguments.peers_long => None,
        When::Long => Some("not run: it takes minutes for a fold; give --peers-long"),
    }
}

fn skipped(peer: &str, reason: &str) -> Peer {
    Peer { label: peer.to_owned(), skipped: Some(reason.to_owned()), ..Peer::default() }
}

/// Runs the script, and takes its lines as they come.
fn run(
    name: Name,
    arguments: &Arguments,
    peers: &[&str],
    folds: &[PathBuf],
    curve: bool,
    lines: &mut Vec<Line>,
) -> Result<()> {
    if peers.is_empty() || folds.is_empty() {
        return Ok(());
    }
    let sweeps = match name {
        Name::Sweep => TIMED_SWEEPS,
        _ if arguments.quick => QUICK_SWEEPS,
        _ => SWEEPS,
    };
    let mut command = Command::new(python()?);
    command.args(["-W", "ignore"]).arg(script()).args(["measure", "--sweeps", &sweeps.to_string()]);
    if curve {
        command.arg("--curve");
    }
    command.arg(peers.join(",")).args(folds).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("start the Python of the peers")?;
    let output = child.stdout.take().context("the output of the peers is not piped")?;
    for text in BufReader::new(output).lines() {
        let text = text?;
        lines.push(serde_json::from_str(&text).with_context(|| format!("a line of the peers: {text}"))?);
    }
    let status = child.wait()?;
    ensure!(status.success(), "the peers failed ({status})");
    Ok(())
}

/// Sums the lines of a peer up: means over all folds, and the most memory. A fold that is missing
/// makes the peer one that was not measured, because its mean would be of other folds.
fn summarize(peer: &str, lines: &[Line], folds: usize, failure: Option<&str>, name: Name) -> Peer {
    let mine: Vec<&Line> = lines.iter().filter(|line| line.peer == peer).collect();
    if let Some(reason) = mine.iter().find_map(|line| line.skipped.as_deref()) {
        return skipped(peer, reason);
    }
    let Some(first) = mine.first().filter(|_| mine.len() == folds) else {
        return skipped(peer, failure.unwrap_or("it printed nothing"));
    };
    let average = |of: fn(&Line) -> Option<f64>| {
        let values: Option<Vec<f64>> = mine.iter().map(|line| of(line)).collect();
        values.map(|values| mean(&values))
    };
    let label = format!("{}: {}", first.library, first.settings);
    let fold = if name == Name::Million { "ML-1M" } else { "ML-100K u1" };
    let curves = mine.iter().filter(|line| !line.curve.is_empty()).map(|line| Curve {
        fold: fold.to_owned(),
        label: label.clone(),
        points: line.curve.clone(),
    });
    let mut found = Peer {
        rmse: average(|line| line.rmse),
        fit_seconds: average(|line| line.seconds),
        sweep_seconds: average(|line| line.sweep_seconds),
        memory_mib: mine.iter().filter_map(|line| line.memory_mib).reduce(f64::max),
        curves: curves.collect(),
        skipped: None,
        label,
    };
    if name == Name::Sweep {
        // These few sweeps are for the time of one sweep only.
        (found.rmse, found.fit_seconds) = (None, None);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_peer_is_the_mean_of_all_folds_or_tells_why_it_is_not() {
        let lines = [
            line(r#"{"peer": "a", "library": "A 1", "settings": "s", "rmse": 0.9, "seconds": 1.0, "memory_mib": 10}"#),
            line(r#"{"peer": "b", "skipped": "no compiler"}"#),
            line(
                r#"{"peer": "a", "library": "A 1", "settings": "s", "rmse": 0.7, "seconds": 3.0, "memory_mib": 9, "sweep_seconds": null}"#,
            ),
        ];
        let all = |peer, folds| summarize(peer, &lines, folds, Some("it ended early"), Name::Random);
        let found = all("a", 2);
        assert_eq!(found.label, "A 1: s");
        assert!((found.rmse.unwrap() - 0.8).abs() < 1e-12 && found.fit_seconds == Some(2.0));
        assert_eq!((found.memory_mib, found.sweep_seconds), (Some(10.0), None));
        assert_eq!(all("b", 2).skipped.as_deref(), Some("no compiler"));
        assert_eq!(all("a", 3).skipped.as_deref(), Some("it ended early"));
        assert_eq!(all("c", 2).skipped.as_deref(), Some("it ended early"));
    }

    #[test]
    fn every_peer_of_the_plan_is_known_to_the_script() {
        let script = std::fs::read_to_string(script()).unwrap();
        for (peer, _) in Name::ALL.into_iter().flat_map(Name::peers) {
            assert!(script.contains(&format!("    \"{peer}\": ")), "{peer}");
        }
    }
}
