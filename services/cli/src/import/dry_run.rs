//! `import --dry-run`: what was understood of the files, and the first rows as they would be
//! stored.

use marquee_datasets::{Dataset, Row, RowError, Survey};
use marquee_domain::Scale;
use serde::Serialize;

use crate::error::one_line;
use crate::output::{Human, Show, Table, counted, thousands};

/// The rows that are shown.
const ROWS: usize = 10;

/// What an import would do.
#[derive(Debug, Serialize)]
pub(super) struct DryRun {
    dataset: String,
    files: Vec<String>,
    understood: Vec<Fact>,
    movies: u64,
    movie_faults: Vec<String>,
    /// The first rows, in the order of the file.
    rows: Vec<ShownRow>,
    /// Rows with a readable rating.
    ratings: u64,
    /// Rows that cannot be read.
    unreadable: u64,
    /// Rows that say that there is no rating.
    unrated: u64,
    /// Why the file is not on the scale of the fleet.
    judgment: Option<String>,
}

/// A fact with its name.
#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

/// A row as it would be stored, or why it would be refused.
#[derive(Debug, Serialize)]
struct ShownRow {
    line: u64,
    user: String,
    movie: String,
    rating: Option<f64>,
    rated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl ShownRow {
    fn of(row: &Result<Row, RowError>, scale: Option<&Scale>) -> Self {
        match row {
            Ok(row) => {
                let (user, movie, rated_at) = (row.user.clone(), row.movie.clone(), row.time().to_rfc3339());
                // The fleet stores the exact step of the scale.
                let (rating, error) = match scale.map(|scale| scale.check(row.rating)) {
                    None => (row.rating, None),
                    Some(Ok(exact)) => (exact, None),
                    Some(Err(off)) => (row.rating, Some(format!("rating {off}"))),
                };
                Self { line: row.line, user, movie, rating: Some(rating), rated_at, error }
            }
            Err(error) => {
                let (user, movie, rated_at) = Default::default();
                let reason = Some(format!("{} {}", error.field, error.reason));
                Self { line: error.line, user, movie, rating: None, rated_at, error: reason }
            }
        }
    }
}

impl DryRun {
    /// Reads a data set. With the scale of the fleet, the ratings are compared with it.
    pub(super) fn of(dataset: &Dataset, scale: Option<&Scale>) -> Result<Self, crate::Error> {
        let catalog = dataset.catalog()?;
        let (mut ratings, mut rows) = (dataset.ratings()?, Vec::new());
        let (mut readable, mut unreadable, mut fatal) = (0, 0, None);
        let seen = ratings.by_ref().inspect(|row| {
            match row {
                Err(error) if error.fatal => return fatal = Some(error.clone()),
                Err(_) => unreadable += 1,
                Ok(_) => readable += 1,
            }
            if rows.len() < ROWS {
                rows.push(ShownRow::of(row, scale));
            }
        });
        let survey = match scale {
            Some(scale) => Some(Survey::of(seen, scale)),
            None => {
                seen.for_each(drop);
                None
            }
        };
        if let Some(error) = fatal {
            return Err(super::Error::File(error).into());
        }
        let fact = |(name, value)| Fact { name, value };
        Ok(Self {
            dataset: dataset.name.clone(),
            files: dataset.rating_files().into_iter().map(str::to_owned).collect(),
            understood: dataset.dialect().facts().into_iter().map(fact).collect(),
            movies: catalog.movies.len() as u64,
            movie_faults: catalog.faults.iter().map(ToString::to_string).collect(),
            rows,
            ratings: readable,
            unreadable,
            unrated: ratings.unrated().load(std::sync::atomic::Ordering::Relaxed),
            judgment: survey.filter(Survey::is_of_another_scale).map(|survey| survey.to_string()),
        })
    }
}

impl Show for DryRun {
    fn human(&self) -> Human {
        let files = match &self.files[..] {
            [one] => one.clone(),
            several => format!("{} files, first {}", several.len(), several.first().cloned().unwrap_or_default()),
        };
        let mut lines = vec![format!("{:<14}{}", "data set", self.dataset), format!("{:<14}{files}", "ratings in")];
        lines.extend(self.understood.iter().map(|fact| format!("{:<14}{}", fact.name, fact.value)));
        lines.push(format!("{:<14}{}", "movies", thousands(self.movies)));
        lines.extend(self.movie_faults.iter().map(|fault| format!("{:<14}left out: {fault}", "")));
        let counts = format!(
            "{}, {} that cannot be read, {} without a rating",
            counted(self.ratings, "rating"),
            counted(self.unreadable, "row"),
            counted(self.unrated, "row")
        );
        lines.push(format!("{:<14}{counts}", "rows"));
        lines.extend(self.judgment.iter().map(|judgment| format!("{:<14}{judgment}", "scale")));
        let mut text: String = lines.iter().map(|line| format!("{}\n", one_line(line))).collect();
        let mut table = Table::new(&[">line", "user", "movie", ">rating", "rated at", "refused because"]);
        for row in &self.rows {
            let rating = row.rating.map(|rating| rating.to_string()).unwrap_or_default();
            let error = row.error.clone().unwrap_or_default();
            table.row([row.line.to_string(), row.user.clone(), row.movie.clone(), rating, row.rated_at.clone(), error]);
        }
        text.push('\n');
        text.push_str(table.print(false).trim_end());
        text.push_str("\n\nnothing was sent: leave out --dry-run to import");
        Human::Text(text)
    }
}
