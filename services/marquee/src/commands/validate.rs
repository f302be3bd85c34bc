//! `marquee validate`: runs a suite of expectations on the ratings or the movies of a data set. It
//! runs in this process and calls no fleet.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use marquee_cli::{Error, Human, Output, Show, Table};
use marquee_domain::Timestamp;
use marquee_validate::tables::Engine;
use marquee_validate::{Report, ResultFormat, Suite, page, sets, validate};
use serde::{Serialize, Serializer};

/// The memory of the table, and that of the queries on it, in bytes. Beyond it, both use temporary
/// files.
const MEMORY: usize = 256 << 20;

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// A MovieLens folder or zip, or a file of ratings, as `import` reads it.
    #[arg(value_name = "SET")]
    path: PathBuf,
    /// With --json: write the result to this file instead of standard output.
    // A positional, as in `demo`, so that `--json PATH` reads as one.
    #[arg(value_name = "PATH", requires = "json")]
    summary: Option<PathBuf>,
    /// A suite of expectations, as Great Expectations 1.x saves it. [default: one for the ratings,
    /// or for the movies]
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    /// Validate the movies of the data set: movie_id, title, year and genres. Ratings have user_id,
    /// movie_id, rating and rated_at.
    #[arg(long)]
    movies: bool,
    /// How much the result says about each expectation.
    #[arg(long, value_enum, default_value_t = FormatName::Summary, ignore_case = true)]
    result_format: FormatName,
    /// Write the verdicts as a page to this file.
    #[arg(long, value_name = "PATH")]
    page: Option<PathBuf>,
}

/// A result format, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum FormatName {
    /// Whether it is met.
    BooleanOnly,
    /// Also counts and the first unexpected values.
    Basic,
    /// Also how often they occur, and in which rows.
    Summary,
    /// Also all rows with unexpected values.
    Complete,
}

impl From<FormatName> for ResultFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::BooleanOnly => Self::BooleanOnly,
            FormatName::Basic => Self::Basic,
            FormatName::Summary => Self::Summary,
            FormatName::Complete => Self::Complete,
        }
    }
}

/// Validates, and fails if an expectation is not met.
pub(crate) async fn run(args: ValidateArgs, output: Output) -> Result<()> {
    let suite = read_suite(&args)?;
    let (path, format, is_of_movies) = (args.path.clone(), ResultFormat::from(args.result_format), args.movies);
    let judging = tokio::task::spawn_blocking(move || judge(&path, &suite, format, is_of_movies));
    let (report, left_out) = judging.await.context("wait for the validation")??;
    let now = Timestamp::from(SystemTime::now());
    let write = |path: &Path, text: String| {
        let doing = "write";
        std::fs::write(path, text).map_err(|source| Error::File { doing, path: path.to_owned(), source })
    };
    if let Some(path) = &args.page {
        write(path, page::html(&report, now))?;
    }
    let shown = Validated { report, now };
    match &args.summary {
        Some(path) => {
            let json = serde_json::to_string_pretty(&shown).context("write the result as JSON")?;
            write(path, format!("{json}\n"))?;
        }
        None => output.show(&shown)?,
    }
    if let Some(note) = left_out {
        output.note(&note);
    }
    let Validated { report, .. } = shown;
    let (all, met) = (report.verdicts.len(), report.met());
    output.footer(&format!("{met} of {all} expectations are met by {} rows of {}", report.rows, report.set));
    if report.is_met() {
        return Ok(());
    }
    Err(Error::Outcome(format!("{} of {all} expectations are not met", all - met)).into())
}

fn read_suite(args: &ValidateArgs) -> Result<Suite> {
    let Some(path) = &args.suite else {
        return Ok(if args.movies { Suite::of_movies() } else { Suite::of_ratings() }?);
    };
    let doing = "read the suite";
    let text = std::fs::read_to_string(path).map_err(|source| Error::File { doing, path: path.clone(), source })?;
    Ok(Suite::parse(&text).map_err(|error| Error::Usage(format!("--suite: {}: {error}", path.display())))?)
}

/// Reads the data set and judges it. Blocks. Also returns a note on rows that are not valid.
fn judge(path: &Path, suite: &Suite, format: ResultFormat, is_of_movies: bool) -> Result<(Report, Option<String>)> {
    let set = if is_of_movies { sets::movies(path, MEMORY) } else { sets::ratings(path, MEMORY) };
    let set = set.map_err(|error| match error {
        marquee_validate::Error::Set(error) => anyhow::Error::new(Error::Dataset(error)),
        error => error.into(),
    })?;
    let engine = Engine::new(MEMORY);
    let report = validate(&engine, &set.name, &set.table, suite, format)?;
    let note =
        set.first_fault.map(|fault| format!("{} rows are not valid and left out; the first: {fault}", set.left_out));
    Ok((report, note))
}

/// The verdicts, and when they were reached.
#[derive(Debug)]
struct Validated {
    report: Report,
    now: Timestamp,
}

impl Serialize for Validated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.report.json(self.now).serialize(serializer)
    }
}

impl Show for Validated {
    fn human(&self) -> Human {
        let mut table = Table::new(&["verdict", "expectation", "column", "arguments", "found"]);
        for verdict in &self.report.verdicts {
            let met =
                if verdict.is_met() { "met".to_owned() } else { format!("not met ({})", verdict.severity().name()) };
            table.row([met, verdict.kind().to_owned(), verdict.column(), page::arguments(verdict), verdict.found()]);
        }
        Human::Table(Box::new(table))
    }
}

#[cfg(test)]
mod tests;
