//! Prints rows, the table of targets, and the curves.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::arguments::Arguments;
use crate::chart;
use crate::figures::{Curve, Figure, Peer, Row};

/// The width of names.
const NAME: usize = 62;

/// Prints what all rows share.
pub(crate) fn heading(arguments: &Arguments) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{cores} cores; predictions are clipped to the scale; the states of users are computed from their ratings"
    );
    println!("memory is the most that the process of a row, or of a peer, has had, with the ratings");
    if arguments.quick {
        println!("quick: fewer sweeps and peers; the targets are for a full run");
    }
}

/// Prints a row.
pub(crate) fn row(row: &Row) {
    println!("\n{}: {}", row.name.text(), row.name.title());
    if let Some(reason) = &row.skipped {
        println!("  not measured: {reason}");
    } else {
        let measured = &row.measured;
        println!("  {}", measured.settings);
        for figure in &measured.figures {
            let (value, target) = (figure.text(), figure.target_text());
            println!("  {:<NAME$} {value:>12}  {target:<12} {}", figure.name, verdict(figure, row.quick));
        }
        println!("  {:<NAME$} {:>8.0} MiB", "memory", measured.memory_mib);
        println!("  {:<NAME$} {:>10.1} s", "all of the row", row.seconds);
    }
    for peer in &row.peers {
        println!("  beside: {}", peer_text(peer));
    }
}

/// Returns whether the target is reached. A quick run does not tell.
fn verdict(figure: &Figure, quick: bool) -> &'static str {
    match figure.reached().filter(|_| !quick) {
        Some(true) => "reached",
        Some(false) => "missed",
        None => "",
    }
}

fn peer_text(peer: &Peer) -> String {
    if let Some(reason) = &peer.skipped {
        return format!("{}: {reason}", peer.label);
    }
    let mut parts = Vec::new();
    parts.extend(peer.rmse.map(|rmse| format!("RMSE {rmse:.4}")));
    parts.extend(peer.fit_seconds.map(|seconds| format!("fit {seconds:.2} s")));
    parts.extend(peer.sweep_seconds.map(|seconds| format!("sweep {seconds:.3} s")));
    parts.extend(peer.memory_mib.map(|mib| format!("{mib:.0} MiB")));
    format!("{}: {}", peer.label, parts.join(", "))
}

/// Prints a line for each target, with the best peer of its row.
pub(crate) fn summary(rows: &[Row]) {
    println!("\n| row | figure | target | Marquee | | best peer in this run |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let name = row.name.text();
        if let Some(reason) = &row.skipped {
            println!("| {name} | | | not measured: {reason} | | |");
        }
        let mut best = best(&row.peers);
        for figure in row.measured.figures.iter().filter(|figure| figure.target.is_some()) {
            let (value, target) = (figure.text(), figure.target_text());
            // The peers are compared with the first figure of the row.
            let beside = std::mem::take(&mut best);
            println!("| {name} | {} | {target} | {value} | {} | {beside} |", figure.name, verdict(figure, row.quick));
        }
    }
}

/// Returns the peer with the least error, or the shortest sweep where errors do not count.
fn best(peers: &[Peer]) -> String {
    let figure = |peer: &Peer| peer.rmse.or(peer.sweep_seconds);
    let measured = peers.iter().filter_map(|peer| Some((figure(peer)?, peer)));
    measured.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, peer)| peer_text(peer)).unwrap_or_default()
}

/// Prints the curves, and draws a picture for each fold that has some.
pub(crate) fn curves(rows: &[Row], folder: &Path) -> Result<()> {
    let mut by_fold: BTreeMap<&str, Vec<&Curve>> = BTreeMap::new();
    for row in rows {
        for curve in row.measured.curves.iter().chain(row.peers.iter().flat_map(|peer| &peer.curves)) {
            by_fold.entry(&curve.fold).or_default().push(curve);
        }
    }
    for (fold, curves) in by_fold {
        println!("\nRMSE against seconds of fitting, {fold}");
        for curve in &curves {
            let points: Vec<String> =
                curve.points.iter().map(|(seconds, rmse)| format!("{seconds:.2} s {rmse:.4}")).collect();
            println!("  {}: {}", curve.label, points.join(", "));
        }
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let path = folder.join(format!("rmse-{}.svg", fold.to_lowercase().replace(' ', "-")));
        let title = format!("RMSE against seconds of fitting, {fold}");
        std::fs::write(&path, chart::draw(&title, &curves)).with_context(|| format!("write {}", path.display()))?;
        println!("  picture: {}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Unit;

    #[test]
    fn a_quick_run_reaches_and_misses_nothing() {
        let figure = Figure::new("RMSE", Unit::Stars, 0.9).at_most(0.8);
        assert_eq!((verdict(&figure, false), verdict(&figure, true)), ("missed", ""));
    }

    #[test]
    fn the_best_peer_is_one_that_was_measured() {
        let peer = |label: &str, rmse, skipped: Option<&str>| Peer {
            label: label.to_owned(),
            rmse,
            skipped: skipped.map(str::to_owned),
            ..Peer::default()
        };
        let peers = [peer("a", Some(0.9), None), peer("b", Some(0.8), None), peer("c", None, Some("not run"))];
        assert_eq!(best(&peers), "b: RMSE 0.8000");
        assert_eq!(best(&peers[2..]), "");
        assert_eq!(peer_text(&peers[2]), "c: not run");
    }
}
