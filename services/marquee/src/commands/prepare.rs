//! `marquee prepare`: carries out a plan of steps on a data set, and writes the result for
//! training.
//! It runs in this process and calls no fleet.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use marquee_cli::import::ReadingArgs;
use marquee_cli::{Error, Human, Output, Show, Table, counted, one_line, thousands};
use marquee_kit::signals;
use marquee_prepare::{EXAMPLE, Plan, Report};
use serde::Serialize;

use super::progress::Progress;

/// The longest time from a signal to the end: a step of a large set.
const LONGEST_STOP: Duration = Duration::from_secs(60);

/// Arguments of `prepare`.
#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    /// A TOML file with the steps, as --example shows them.
    #[arg(value_name = "PLAN", required_unless_present = "example")]
    plan: Option<PathBuf>,
    /// Ratings: a file, several parts of one set, a folder or an archive, as `import` reads them.
    #[arg(value_name = "PATH", required_unless_present = "example")]
    paths: Vec<PathBuf>,
    /// The folder that is written: ratings in parts, movies, and the report.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["dry_run", "example"])]
    out: Option<PathBuf>,
    /// Replace a folder that an earlier preparation wrote.
    #[arg(long)]
    replace: bool,
    /// Carry the steps out and show what they do, and write nothing.
    #[arg(long, conflicts_with = "out")]
    dry_run: bool,
    /// Print a plan with every kind of step, to change it, and end.
    #[arg(long)]
    example: bool,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Runs the command.
pub(crate) async fn run(args: PrepareArgs, output: Output) -> Result<()> {
    let (Some(plan), false) = (&args.plan, args.example) else { return Ok(output.text(EXAMPLE)?) };
    if args.reading.map_scale().is_some() {
        let why = "--map-scale: how ratings are mapped is part of the plan; give it a step map_scale";
        return Err(Error::Usage(why.to_owned()).into());
    }
    let plan = read_plan(plan)?;
    let options = args.reading.options(None);
    let stop = signals::watch(LONGEST_STOP).context("watch for signals")?;
    let progress = Progress::new(output, stop.clone(), "preparing");
    let PrepareArgs { paths, out, replace, .. } = args;
    let preparing = tokio::task::spawn_blocking(move || -> Result<Done> {
        if let Some(folder) = &out {
            marquee_prepare::check_folder(folder, replace).map_err(explained)?;
        }
        let dataset = marquee_datasets::open_all(&paths, options)?;
        let done = marquee_prepare::prepare(&dataset, plan, &progress).and_then(|prepared| match &out {
            None => Ok(prepared.report().clone()),
            Some(folder) => prepared.write(folder, replace, &progress),
        });
        progress.end();
        let report = done.map_err(explained)?;
        Ok(Done { folder: out, report })
    });
    let done = preparing.await.context("wait for the preparation")?;
    // A signal from here on ends the process at once.
    stop.cancel();
    let done = done?;
    output.show(&done)?;
    output.footer(&done.summary());
    Ok(())
}

/// Names the argument that an error is about.
fn explained(error: marquee_prepare::Error) -> anyhow::Error {
    use marquee_prepare::Error as Cause;
    match error {
        error @ Cause::NoRatings { .. } => Error::Usage(format!("PATH: {error}")).into(),
        error @ Cause::Folder { .. } => Error::Usage(format!("--out: {error}")).into(),
        error @ (Cause::NothingLeft { .. } | Cause::Unfit { .. }) => Error::Usage(format!("PLAN: {error}")).into(),
        error => anyhow::Error::new(error),
    }
}

fn read_plan(path: &Path) -> Result<Plan> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        doing: "read the plan",
        path: path.to_owned(),
        source,
    })?;
    Ok(Plan::parse(&text).map_err(|error| Error::Usage(format!("PLAN: {}: {error}", path.display())))?)
}

/// What was done, and where it is.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<PathBuf>,
    #[serde(flatten)]
    report: Report,
}

impl Done {
    /// Returns what is left, and where it is.
    fn summary(&self) -> String {
        let (kept, left) = (self.report.read.kept, self.report.left());
        let unreadable: u64 = self.report.read.problems.iter().map(|problem| problem.rows).sum();
        let also = match self.report.read.problems.first() {
            Some(first) => {
                format!("; left out: {} that cannot be read, the first: {}", counted(unreadable, "row"), first.first)
            }
            None => String::new(),
        };
        let place = match &self.folder {
            Some(folder) => format!("in {}, with the report in _report.md", folder.display()),
            None => "and nothing is written".to_owned(),
        };
        let of = counted(kept.ratings, "rating");
        one_line(&format!("{} of {of} are left {place}{also}", thousands(left.ratings)))
    }
}

impl Show for Done {
    fn human(&self) -> Human {
        let mut table =
            Table::new(&["step", ">ratings in", ">out", ">dropped", ">users out", ">movies out", "why dropped, notes"]);
        for step in &self.report.steps {
            let reasons = step.dropped.iter().map(|one| one.reason.clone());
            let numbers = [step.before.ratings, step.after.ratings, step.lost(), step.after.users, step.after.movies];
            let [before, after, lost, users, movies] = numbers.map(thousands);
            let said: Vec<String> = reasons.chain(step.notes.iter().cloned()).collect();
            table.row([step.name.clone(), before, after, lost, users, movies, said.join("; ")]);
        }
        Human::Table(Box::new(table))
    }
}
