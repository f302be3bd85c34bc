//! `marquee validate`: runs a suite of expectations on the ratings or the movies of a data set. It
//! runs in this process and calls no fleet.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use marquee_cli::import::ReadingArgs;
use marquee_cli::{Error, Human, Output, Show, Table, counted};
use marquee_datasets::Options;
use marquee_domain::Timestamp;
use marquee_validate::tables::Engine;
use marquee_validate::{Report, ResultFormat, Severity, Suite, Verdict, page, sets, validate};
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
    /// How many rows may be unreadable. They are in no table, so no expectation judges them.
    #[arg(long, default_value_t = 0, value_name = "N")]
    allow_unreadable: u64,
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

/// Validates, and fails if an expectation is not met whose severity is critical, or if too many
/// rows cannot be read.
pub(crate) async fn run(args: ValidateArgs, output: Output) -> Result<()> {
    if args.reading.map_scale().is_some() {
        let why = "--map-scale: ratings are validated as they are in the files; leave it out";
        return Err(Error::Usage(why.to_owned()).into());
    }
    let (suite, options) = (read_suite(&args)?, args.reading.options(None));
    let ValidateArgs { paths, of, result_format, page: file, allow_unreadable, .. } = args;
    let validating = tokio::task::spawn_blocking(move || -> Result<_> {
        let (report, unreadable) = judge(&paths, options, of, &suite, result_format.into())?;
        let validated = Validated { report, unreadable, now: Timestamp::from(SystemTime::now()) };
        if let Some(path) = file {
            let written = std::fs::write(&path, page::html(&validated.report, validated.now));
            written.map_err(|source| Error::File { doing: "write the page to", path, source })?;
        }
        Ok(validated)
    });
    let validated = validating.await.context("wait for the validation")??;
    output.show(&validated)?;
    let Validated { report, unreadable, .. } = validated;
    let unread = unreadable.as_ref().map(Unreadable::to_string);
    if let Some(note) = &unread {
        output.note(note);
    }
    let (all, met) = (report.verdicts.len(), report.met());
    let rows = counted(report.rows, "row");
    output.footer(&format!("{met} of {all} expectations are met by {rows} of {}", report.set));
    let is_critical = |verdict: &Verdict| !verdict.is_met() && verdict.severity() == Severity::Critical;
    if report.verdicts.iter().any(is_critical) {
        return Err(Error::Outcome(format!("{} of {all} expectations are not met", all - met)).into());
    }
    match unread.filter(|_| unreadable.is_some_and(|unreadable| unreadable.rows > allow_unreadable)) {
        Some(what) => Err(Error::Outcome(format!("{what}; --allow-unreadable N accepts them")).into()),
        None => Ok(()),
    }
}

/// Rows that are in no table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unreadable {
    rows: u64,
    /// What is wrong with the first of them.
    first: String,
}

impl Display for Unreadable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read, the first: {}", counted(self.rows, "row"), self.first)
    }
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

/// Reads the data set and judges it. Also returns what cannot be read. Blocks.
fn judge(
    paths: &[PathBuf],
    options: Options,
    of: Of,
    suite: &Suite,
    format: ResultFormat,
) -> Result<(Report, Option<Unreadable>)> {
    let dataset = marquee_datasets::open_all(paths, options).map_err(Error::Dataset)?;
    let set = match of {
        Of::Ratings => sets::ratings(&dataset, MEMORY)?,
        Of::Movies => sets::movies(&dataset, MEMORY)?,
    };
    let report = validate(&Engine::new(MEMORY), &set.name, &set.table, suite, format)?;
    let unreadable = set.first_fault.map(|first| Unreadable { rows: set.left_out, first });
    Ok((report, unreadable))
}

/// The verdicts, and when they were reached.
#[derive(Debug)]
struct Validated {
    report: Report,
    unreadable: Option<Unreadable>,
    now: Timestamp,
}

impl Serialize for Validated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = self.report.json(self.now);
        if let Some(unreadable) = &self.unreadable {
            json["meta"]["unreadable_rows"] = unreadable.rows.into();
            json["meta"]["first_unreadable_row"] = unreadable.first.clone().into();
        }
        json.serialize(serializer)
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
