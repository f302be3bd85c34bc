//! What was read, what each step did and why, and what was written.

use std::fmt::Write as _;

use marquee_report::{Table, markdown_table, markdown_text};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// The version of the report's format.
pub const VERSION: u32 = 1;

/// What a preparation did. It names no time and no path outside of the output, so that equal inputs
/// have equal reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The name of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The SHA-256 of the plan's text, in hexadecimal.
    pub plan_sha256: String,
    /// What was read.
    pub read: Read,
    /// The steps in their order.
    pub steps: Vec<Applied>,
    /// The files that were written, in the order of their paths.
    pub files: Vec<File>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The number of ratings.
    pub ratings: u64,
    /// The number of users with ratings.
    pub users: u64,
    /// The number of movies with ratings.
    pub movies: u64,
}

/// What was read of the data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// The name of the data set.
    pub set: String,
    /// The SHA-256 of all ratings that were read, in their order, in hexadecimal.
    pub sha256: String,
    /// The ratings that the first step gets.
    pub kept: Count,
    /// The rows that say that there is no rating.
    pub unrated: u64,
    /// The rows that are no ratings.
    pub problems: Vec<Problem>,
    /// The movies of the catalog.
    pub movies_in_catalog: u64,
    /// The movies of the catalog that are not valid.
    pub movies_left_out: u64,
}

/// Rows that are no ratings for one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The field.
    pub field: &'static str,
    /// The number of rows.
    pub rows: u64,
    /// What is wrong with the first of them, with its line.
    pub first: String,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Applied {
    /// The name of the step.
    pub name: String,
    /// The kind of the step.
    pub does: &'static str,
    /// What steps of the kind do.
    pub about: &'static str,
    /// Why the plan has the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The parameters of the step, also those that the plan leaves out.
    pub parameters: Map<String, Json>,
    /// What the step got.
    pub before: Count,
    /// What the step left.
    pub after: Count,
    /// Why ratings were dropped.
    pub dropped: Vec<Reason>,
    /// What else the step found or changed, in sentences without a full stop.
    pub notes: Vec<String>,
}

/// Ratings that were dropped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The reason.
    pub reason: String,
    /// The number of ratings.
    pub ratings: u64,
    /// The number of users who lost ratings.
    pub users: u64,
    /// The first of those ratings, as the id of the user and that of the movie.
    pub examples: Vec<[String; 2]>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// The path inside the folder of the output.
    pub path: String,
    /// The number of rows.
    pub rows: u64,
    /// The size.
    pub bytes: u64,
    /// The SHA-256 of the contents, in hexadecimal.
    pub sha256: String,
}

impl Report {
    pub(crate) fn new(plan: Option<&str>, plan_sha256: String, read: Read) -> Self {
        let plan = plan.map(str::to_owned);
        Self { version: VERSION, plan, plan_sha256, read, steps: Vec::new(), files: Vec::new() }
    }

    /// Returns what is left after the steps so far.
    pub fn left(&self) -> Count {
        self.steps.last().map_or(self.read.kept, |step| step.after)
    }

    /// Returns the report as JSON, ended by a line break.
    pub fn json(&self) -> String {
        // Only maps whose keys are no texts fail, and there is none.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Returns the report as Markdown. Every text of the set and of the plan is escaped.
    pub fn markdown(&self) -> String {
        let title = self.plan.as_deref().unwrap_or("Prepared set");
        let (kept, left) = (self.read.kept, self.left());
        let mut text = format!(
            "## {}\n\n{} of {} ratings of {} are left, of {} of {} users and {} of {} movies.\n\n",
            markdown_text(title),
            left.ratings,
            kept.ratings,
            markdown_text(&self.read.set),
            left.users,
            kept.users,
            left.movies,
            kept.movies
        );
        text.push_str(&markdown_table(&self.steps_table()));
        let problems = self.read.problems.iter();
        text.push_str(&markdown_table(&table(
            "Rows that are no ratings",
            &["field", "rows", "first"],
            problems.map(|one| vec![one.field.to_owned(), one.rows.to_string(), one.first.clone()]).collect(),
        )));
        for step in &self.steps {
            step.describe(&mut text);
        }
        let files = self.files.iter();
        text.push_str(&markdown_table(&table(
            "Files",
            &["path", "rows", "bytes", "SHA-256"],
            files
                .map(|file| vec![file.path.clone(), file.rows.to_string(), file.bytes.to_string(), file.sha256.clone()])
                .collect(),
        )));
        let _ = writeln!(
            text,
            "Digests (SHA-256): plan `{}`, ratings that were read `{}`.",
            self.plan_sha256, self.read.sha256
        );
        text
    }

    fn steps_table(&self) -> Table {
        let rows = self.steps.iter().enumerate().map(|(at, step)| {
            let numbers = [step.before.ratings, step.after.ratings, step.lost(), step.after.users, step.after.movies];
            let names = [format!("{}. {}", at + 1, step.name), step.does.to_owned()];
            names.into_iter().chain(numbers.map(|number| number.to_string())).collect()
        });
        table("", &["step", "does", "ratings in", "out", "dropped", "users out", "movies out"], rows.collect())
    }
}

impl Applied {
    /// Returns the number of ratings that the step dropped.
    pub fn lost(&self) -> u64 {
        self.before.ratings - self.after.ratings
    }

    /// Writes what the step did, as Markdown.
    fn describe(&self, text: &mut String) {
        let why = self.why.as_deref().map(|why| format!(" {}", markdown_text(why))).unwrap_or_default();
        let _ = writeln!(text, "### {}\n", markdown_text(&self.name));
        let parameters = self.parameters.iter().map(|(name, value)| format!("{name} = {value}"));
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let (does, parameters) = (markdown_text(self.does), markdown_text(&parameters));
        let _ = writeln!(text, "{does} {}.{why} Parameters: {parameters}.\n", self.about);
        let rows = self.dropped.iter().map(|one| {
            let examples: Vec<String> = one.examples.iter().map(|[user, movie]| format!("{user}: {movie}")).collect();
            vec![one.reason.clone(), one.ratings.to_string(), one.users.to_string(), examples.join(", ")]
        });
        let headers = ["reason", "ratings", "users", "examples (user: movie)"];
        text.push_str(&markdown_table(&table("", &headers, rows.collect())));
        for note in &self.notes {
            let _ = writeln!(text, "- {}", markdown_text(note));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
    }
}

fn table(title: &str, headers: &[&str], rows: Vec<Vec<String>>) -> Table {
    let headers = headers.iter().map(|header| (*header).to_owned()).collect();
    Table { title: title.to_owned(), headers, rows }
}
