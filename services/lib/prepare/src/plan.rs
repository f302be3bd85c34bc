//! A plan: what is done with a set of ratings, in which order, and how the result is written.

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::error::PlanError;
use crate::fields::read;
use crate::steps::{Apply, KINDS, KindInfo, Order};

/// The version of the plan's format.
const VERSION: i64 = 1;

/// A plan with every kind of step, explained by comments.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The longest name of a step or plan, in bytes.
const LONGEST_NAME: usize = 64;

/// A plan that was read and checked.
#[derive(Debug)]
pub struct Plan {
    text: String,
    name: Option<String>,
    steps: Vec<Step>,
    pub(crate) output: Layout,
}

/// A step of a plan.
#[derive(Debug)]
pub(crate) struct Step {
    /// The place in the list of steps, from 1.
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) why: Option<String>,
    pub(crate) kind: &'static KindInfo,
    /// The parameters, also those that the plan leaves out.
    pub(crate) parameters: Map<String, Json>,
    pub(crate) apply: Box<dyn Apply>,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Layout {
    pub(crate) format: FileFormat,
    /// The most rows of a part.
    pub(crate) part_rows: u32,
    pub(crate) movies: Movies,
}

impl Default for Layout {
    fn default() -> Self {
        Self { format: FileFormat::Parquet, part_rows: 500_000, movies: Movies::All }
    }
}

/// The format of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileFormat {
    Parquet,
    Csv,
}

impl FileFormat {
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }
}

/// Which movies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Movies {
    /// The whole catalog.
    All,
    /// Those that have ratings after all steps.
    Rated,
}

/// A plan as the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// It was read before.
    #[serde(rename = "version")]
    _version: i64,
    name: Option<String>,
    #[serde(default)]
    output: Layout,
    steps: Vec<Table>,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// The text is no TOML, or a step or field is not known, missing or wrong. The error names it
    /// and says what to give.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let value: Table = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            PlanError::Syntax { line: before.matches('\n').count() + 1, problem: error.message().replace('\n', ", ") }
        })?;
        // A newer version may have other fields, so the version is the first thing that is read.
        match value.get("version") {
            Some(Value::Integer(VERSION)) => {}
            Some(other) => return Err(field("version", format!("is {other}: this program reads version {VERSION}"))),
            None => return Err(field("version", format!("is missing: write `version = {VERSION}`"))),
        }
        let (path, problem) = match read::<Written>(value) {
            Ok(written) => return Self::check(text, written),
            Err(wrong) => wrong,
        };
        Err(field(&path.unwrap_or_else(|| "plan".to_owned()), problem))
    }

    fn check(text: &str, written: Written) -> Result<Self, PlanError> {
        let Written { _version, name, output, steps: tables } = written;
        if let Some(problem) = name.as_deref().and_then(bad_name) {
            return Err(field("name", problem));
        }
        if output.part_rows == 0 {
            return Err(field("output.part_rows", "is 0: give the most ratings of a file".to_owned()));
        }
        if tables.is_empty() {
            return Err(field("steps", "is empty: give at least one [[steps]]".to_owned()));
        }
        let mut steps: Vec<Step> = Vec::new();
        for (at, table) in tables.into_iter().enumerate() {
            let step = Step::parse(at + 1, table)?;
            step.check_order(&steps)?;
            steps.push(step);
        }
        Ok(Self { text: text.to_owned(), name, steps, output })
    }

    /// Returns the name, if the plan has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the plan as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the SHA-256 of the text, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.text.as_bytes()))
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl Step {
    fn parse(number: usize, mut table: Table) -> Result<Self, PlanError> {
        let mut label = None;
        let mut text = |key: &str, label: Option<&String>| match table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => {
                Err(wrong(number, label, Some(key.to_owned()), format!("is {other}: give a text in quotes")))
            }
        };
        if let Some(name) = text("name", None)? {
            if let Some(problem) = bad_name(&name) {
                return Err(wrong(number, None, Some("name".to_owned()), problem));
            }
            label = Some(name);
        }
        let why = text("why", label.as_ref())?;
        let known = || KINDS.iter().map(|kind| kind.does).collect::<Vec<_>>().join(", ");
        let at_does = |problem| wrong(number, label.as_ref(), Some("does".to_owned()), problem);
        let does =
            text("does", label.as_ref())?.ok_or_else(|| at_does(format!("is missing: give one of {}", known())))?;
        let kind = KINDS.iter().find(|kind| kind.does == does);
        let kind =
            kind.ok_or_else(|| at_does(format!("is {does}, which is no kind of step: give one of {}", known())))?;
        let name = label.unwrap_or(does);
        // People write times without quotes, as TOML has them.
        for (_, value) in &mut table {
            if let Value::Datetime(time) = value {
                *value = Value::String(time.to_string());
            }
        }
        let made = (kind.read)(table).map_err(|(field, problem)| wrong(number, Some(&name), field, problem));
        let (apply, parameters) = made?;
        Ok(Self { number, name, why, kind, parameters, apply })
    }

    /// Checks that the step can come after others.
    fn check_order(&self, before: &[Self]) -> Result<(), PlanError> {
        let fail =
            |field: &str, problem: String| Err(wrong(self.number, Some(&self.name), Some(field.to_owned()), problem));
        if let Some(other) = before.iter().find(|other| other.name == self.name) {
            return fail("name", format!("is also the name of step {}: give each step its own", other.number));
        }
        let Some(last) = before.iter().map(|step| step.kind).max_by_key(|kind| kind.order) else { return Ok(()) };
        let (this, is_once) = (self.kind.order, self.kind.order != Order::Changes);
        if this < last.order || is_once && this == last.order {
            let problem = match this == last.order {
                true => format!("is {} for the second time: put all into one step", self.kind.does),
                false => format!("comes after {}, which must see the ratings that are left: move it before", last.does),
            };
            return fail("does", problem);
        }
        Ok(())
    }
}

fn field(field: &str, problem: String) -> PlanError {
    PlanError::Field { field: field.to_owned(), problem }
}

fn wrong(number: usize, name: Option<&String>, field: Option<String>, problem: String) -> PlanError {
    PlanError::Step { number, name: name.map_or("no name", String::as_str).to_owned(), field, problem }
}

fn bad_name(name: &str) -> Option<String> {
    if name.chars().any(char::is_control) {
        return Some("has a control character: give printable text".to_owned());
    }
    let is_good = (1..=LONGEST_NAME).contains(&name.len());
    (!is_good).then(|| format!("has {} bytes: give 1 to {LONGEST_NAME}", name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Plan::parse(text).expect_err("a plan that is wrong").to_string()
    }

    #[test]
    fn the_example_has_every_kind_of_step_once() {
        let plan = Plan::parse(EXAMPLE).expect("a plan");
        let mut kinds: Vec<&str> = plan.steps().iter().map(|step| step.kind.does).collect();
        kinds.sort_unstable();
        let mut known: Vec<&str> = KINDS.iter().map(|kind| kind.does).collect();
        known.sort_unstable();
        assert_eq!(kinds, known);
        assert!(plan.steps().iter().all(|step| step.why.is_some() && !step.kind.about.is_empty()));
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_named_with_the_fix() {
        let steps = |text: &str| error(&format!("version = 1\n{text}"));
        for (found, words) in [
            (error("steps = []"), "version: is missing: write `version = 1`"),
            (error("version = 2"), "version: is 2: this program reads version 1"),
            (error("version = 1\nsteps = ["), "line 2: "),
            (error("version = 1\nsteps = []"), "steps: is empty: give at least one [[steps]]"),
            (error("version = 1"), "missing field `steps`"),
            (steps("step = 3\nsteps = []"), "unknown field `step`, expected one of"),
            (steps("name = ''\n[[steps]]\ndoes = 'deduplicate'"), "name: has 0 bytes"),
            (steps("name = \"a\\u0007\"\n[[steps]]\ndoes = 'deduplicate'"), "name: has a control character"),
            (steps("output.part_rows = 0\n[[steps]]\ndoes = 'deduplicate'"), "output.part_rows: is 0"),
            (steps("output.format = 'xml'\nsteps = []"), "output.format: unknown variant `xml`, expected"),
            (steps("[[steps]]\nname = 'a'"), "step 1 (a), does: is missing: give one of deduplicate, "),
            (steps("[[steps]]\ndoes = 'dedupe'"), "step 1 (no name), does: is dedupe, which is no kind of step"),
            (steps("[[steps]]\ndoes = 3"), "step 1 (no name), does: is 3: give a text in quotes"),
        ] {
            assert!(found.starts_with(words) || found.contains(&format!(": {words}")), "{found}, not {words}");
        }
    }

    #[test]
    fn a_step_that_is_wrong_is_named_with_the_field() {
        for (step, words) in [
            ("does = 'deduplicate'\nkeep = 'best'", "keep: unknown variant `best`, expected one of `newest`"),
            ("does = 'deduplicate'\nkep = 'newest'", "kep: unknown field `kep`, expected `keep`"),
            ("does = 'drop_missing'", "missing field `fields`"),
            ("does = 'drop_missing'\nfields = []", "fields: is empty"),
            ("does = 'keep_times'", "from: is missing, and so is to"),
            ("does = 'keep_times'\nfrom = 'May'", "from: 'May' is no time"),
            ("does = 'keep_times'\nfrom = 2020-01-01\nto = 2019-01-01", "to: is not after from"),
            ("does = 'map_scale'\nfrom = '5'\nto = { min = 1, max = 5, step = 1 }", "from: '5' is no range"),
            ("does = 'map_scale'\nfrom = '0..10'\nto = { min = 5, max = 1, step = 1 }", "to: max of a scale"),
            ("does = 'drop_off_scale'\nscale = { min = 1, max = 5 }", "scale: missing field `step`"),
            ("does = 'drop_outlier_ratings'\nof = 'rating'\nmethod = 'iqr'\nlimit = 0", "limit: is 0: give a number"),
            (
                "does = 'drop_outlier_users'\nof = 'mean'\nmethod = 'iqr'\nlog = true",
                "log: is true, and of is no number",
            ),
            ("does = 'drop_constant_users'\nat_least = 1", "at_least: is 1: give at least 2"),
            ("does = 'drop_bursts'\nratings = 1\nseconds = 60", "ratings: is 1: give at least 2"),
            ("does = 'drop_bursts'\nratings = 9\nseconds = 0", "seconds: is 0: give at least 1"),
            ("does = 'minimum_counts'", "users: is missing, and so is movies"),
            ("does = 'minimum_counts'\nusers = 0", "users: is 0: give at least 1"),
            ("does = 'minimum_counts'\nusers = 2\nmovies = 0", "movies: is 0: give at least 1"),
            ("does = 'derive'\nfeatures = ['year', 'year']", "features: has year twice"),
            ("does = 'split'\nby = 'user'\nparts = [{ name = 'a', share = 1 }]", "parts: has 1 part: give at least 2"),
            (
                "does = 'split'\nby = 'user'\nparts = [{ name = 'a', share = 0.5 }, { name = 'b', share = 0.4 }]",
                "parts: have the shares 0.9 together: give shares that make 1",
            ),
            (
                "does = 'split'\nby = 'user'\nparts = [{ name = 'a/b', share = 0.5 }, { name = 'b', share = 0.5 }]",
                "parts[0].name: is a/b: give",
            ),
            (
                "does = 'split'\nby = 'time'\nsalt = 'x'\nparts = [{ name = 'a', share = 0.5 }, { name = 'b', share = 0.5 }]",
                "salt: is of no use",
            ),
            (
                "does = 'split'\nby = 'user'\nwithin = 'user'\nparts = [{ name = 'a', share = 0.5 }, { name = 'b', share = 0.5 }]",
                "within: is user, and by is not time",
            ),
        ] {
            let found = error(&format!("version = 1\n[[steps]]\nname = 'x'\n{step}\n"));
            let problem = found.strip_prefix("step 1 (x)").unwrap_or_else(|| panic!("{found}"));
            assert!(problem.trim_start_matches([',', ':', ' ']).starts_with(words), "{found}, not {words}");
        }
    }

    #[test]
    fn steps_that_need_what_is_left_come_last_and_once() {
        let plan = |kinds: &[&str]| {
            let split = "by = 'user'\nparts = [{ name = 'a', share = 0.5 }, { name = 'b', share = 0.5 }]\n";
            let text = kinds.iter().enumerate().map(|(at, does)| {
                let more = match *does {
                    "split" => split,
                    "derive" => "features = ['year']\n",
                    _ => "",
                };
                format!("[[steps]]\nname = 's{at}'\ndoes = '{does}'\n{more}")
            });
            Plan::parse(&format!("version = 1\n{}", text.collect::<String>())).map_err(|error| error.to_string())
        };
        assert!(plan(&["deduplicate", "deduplicate", "derive", "split"]).is_ok());
        for (kinds, words) in [
            (&["split", "deduplicate"][..], "step 2 (s1), does: comes after split, which must see"),
            (&["derive", "deduplicate", "split"], "step 2 (s1), does: comes after derive, which must see"),
            (&["split", "derive"], "step 2 (s1), does: comes after split"),
            (&["split", "split"], "step 2 (s1), does: is split for the second time"),
        ] {
            let error = plan(kinds).expect_err("a wrong order");
            assert!(error.starts_with(words), "{error}");
        }
        let twice = error("version = 1\n[[steps]]\ndoes = 'deduplicate'\n[[steps]]\ndoes = 'deduplicate'");
        assert_eq!(twice, "step 2 (deduplicate), name: is also the name of step 1: give each step its own");
    }
}
