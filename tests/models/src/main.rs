//! `make bench-model`: accuracy, speed and memory of the rating models, beside other libraries that
//! are fitted on the same folds in the same run. It prints figures and targets. A missed target is
//! not an error.
//!
//! Each row is measured in a process of its own, which is this program again, so that the memory of
//! a row is its own. The other libraries are run by `tests/peers/rating_models.py`. It uses the
//! crates of the model directly: there is no fleet, and nothing is chosen on test data.

mod arguments;
mod chart;
mod encoder;
mod figures;
mod fold;
mod folding;
mod generated;
mod measure;
mod model;
mod peers;
mod plan;
mod prepare;
mod prequential;
mod report;
mod warm;

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use arguments::Arguments;
use figures::{Measured, Row};
use plan::Name;
use prepare::Workplace;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (arguments.row, &arguments.work) {
        (Some(row), Some(work)) => measure_here(row, &arguments, work),
        _ => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures one row in this process, and prints it as one line of JSON.
fn measure_here(row: Name, arguments: &Arguments, work: &std::path::Path) -> Result<()> {
    let mut measured = measure::row(row, arguments, work)?;
    measured.memory_mib = figures::peak_memory_mib();
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Measures all rows, each in a process of its own, and prints them.
fn run(arguments: &Arguments) -> Result<()> {
    let place = Workplace::new(arguments)?;
    report::heading(arguments);
    let mut rows = Vec::new();
    for name in arguments.rows() {
        let row = measure_row(name, arguments, &place);
        report::row(&row);
        rows.push(row);
    }
    report::summary(&rows);
    report::curves(&rows, &arguments.charts)?;
    if let Some(path) = &arguments.json {
        let text = serde_json::to_vec_pretty(&rows)?;
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Measures a row and the peers beside it. What fails is told in the row.
fn measure_row(name: Name, arguments: &Arguments, place: &Workplace) -> Row {
    let started = Instant::now();
    let mut row = Row::new(name, arguments.quick);
    let folds = match place.folds(name.folds()) {
        Ok(folds) => folds,
        Err(error) => {
            row.skipped = Some(format!("{error:#}"));
            return row;
        }
    };
    match measure_apart(name, place) {
        Ok(measured) => row.measured = measured,
        Err(error) => row.skipped = Some(format!("{error:#}")),
    }
    row.seconds = started.elapsed().as_secs_f64();
    row.peers = peers::measure(name, arguments, &folds);
    row
}

/// Runs this program again with the same arguments for one row.
fn measure_apart(name: Name, place: &Workplace) -> Result<Measured> {
    let program = std::env::current_exe().context("find this program")?;
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .args(["--row", name.text(), "--work"])
        .arg(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("start this program again")?;
    let output = child.stdout.take().context("the output of the row is not piped")?;
    let last = BufReader::new(output).lines().map_while(Result::ok).last();
    let status = child.wait()?;
    ensure!(status.success(), "the row failed ({status}): see the message above");
    serde_json::from_str(&last.unwrap_or_default()).context("the row printed no figures")
}
