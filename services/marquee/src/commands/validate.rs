//! `marquee validate`: runs a suite of expectations on the ratings or the movies of a data set. It
//! runs in this process and calls no fleet.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use marquee_cli::import::ReadingArgs;
use marquee_cli::{Error, Human, Output, Show, Table, counted};
use marquee_datasets::Options;
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
    /// Ratings: a file, several parts of one set, a folder or an archive, as `import` reads them.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// A suite of expectations, as Great Expectations 1.x saves it. [default: one for the ratings,
    /// or for the movies]
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    /// What is validated.
    #[arg(long, value_enum, default_value_t = Of::Ratings, value_name = "WHAT")]
    of: Of,
    /// How much the result says about each expectation.
    #[arg(long, value_enum, default_value_t = FormatName::Summary, ignore_case = true)]
    result_format: FormatName,
    /// Write the verdicts as a page to this file.
    #[arg(long, value_name = "PATH")]
    page: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// The tables of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// The ratings, with the columns user_id, movie_id, rating and rated_at.
    Ratings,
    /// The movies, with the columns movie_id, title, year and genres.
    Movies,
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
    if args.reading.map_scale().is_some() {
        let why = "--map-scale: ratings are validated as they are in the files; leave it out";
        return Err(Error::Usage(why.to_owned()).into());
    }
    let (suite, options) = (read_suite(&args)?, args.reading.options(None));
    let ValidateArgs { paths, of, result_format, page: file, .. } = args;
    let validating = tokio::task::spawn_blocking(move || -> Result<_> {
        let (report, left_out) = judge(&paths, options, of, &suite, result_format.into())?;
        let validated = Validated { report, now: Timestamp::from(SystemTime::now()) };
        if let Some(path) = file {
            let written = std::fs::write(&path, page::html(&validated.report, validated.now));
            written.map_err(|source| Error::File { doing: "write the page to", path, source })?;
        }
        Ok((validated, left_out))
    });
    let (validated, left_out) = validating.await.context("wait for the validation")??;
    output.show(&validated)?;
    if let Some(note) = left_out {
        output.note(&note);
    }
    let report = validated.report;
    let (all, met) = (report.verdicts.len(), report.met());
    let rows = counted(report.rows, "row");
    output.footer(&format!("{met} of {all} expectations are met by {rows} of {}", report.set));
    if report.is_met() {
        return Ok(());
    }
    Err(Error::Outcome(format!("{} of {all} expectations are not met", all - met)).into())
}

fn read_suite(args: &ValidateArgs) -> Result<Suite> {
    let Some(path) = &args.suite else {
        let suite = match args.of {
            Of::Ratings => Suite::of_ratings(),
            Of::Movies => Suite::of_movies(),
        };
        return Ok(suite?);
    };
    let doing = "read the suite";
    let text = std::fs::read_to_string(path).map_err(|source| Error::File { doing, path: path.clone(), source })?;
    Ok(Suite::parse(&text).map_err(|error| Error::Usage(format!("--suite: {}: {error}", path.display())))?)
}

/// Reads the data set and judges it. Also returns a note on rows that are not valid. Blocks.
fn judge(
    paths: &[PathBuf],
    options: Options,
    of: Of,
    suite: &Suite,
    format: ResultFormat,
) -> Result<(Report, Option<String>)> {
    let dataset = marquee_datasets::open_all(paths, options).map_err(Error::Dataset)?;
    let set = match of {
        Of::Ratings => sets::ratings(&dataset, MEMORY)?,
        Of::Movies => sets::movies(&dataset, MEMORY)?,
    };
    let report = validate(&Engine::new(MEMORY), &set.name, &set.table, suite, format)?;
    let left_out = counted(set.left_out, "row");
    let note = set.first_fault.map(|fault| format!("left out: {left_out} that cannot be read, the first: {fault}"));
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
