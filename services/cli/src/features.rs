//! `marquee features`: lists features, shows current values, computes past values from the log, and
//! checks served values against the log.

mod check;
mod file;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::TryStreamExt;
use marquee_domain::Timestamp;
use marquee_kit::Kind;
use marquee_proto::features::v1::{
    BackfillFeaturesRequest, Entity, Feature, Freshness, GetFeaturesRequest, JoinFeaturesRequest, JoinRow,
    ListViewsRequest, ValueKind, View,
};
use serde::Serialize;

use crate::addresses::FEATURE_STORE;
use crate::output::{Human, Show, Table, counted};
use crate::provenance::time;
use crate::{Client, Csv, Error, Output};
use file::{Columns, File, Rows};

/// The longest time for a computation that reads the whole log.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Rows of one request.
const BATCH: usize = 100_000;

const BUSY: &str =
    "a feature store runs one computation over the log at a time: wait for it, or use another one with --grpc";

/// Arguments of `features`.
#[derive(Debug, Args)]
pub struct FeaturesArgs {
    #[command(subcommand)]
    command: FeaturesCommand,
}

/// The commands for features.
#[derive(Debug, Subcommand)]
pub(crate) enum FeaturesCommand {
    /// List every feature with its type, window and description.
    List,
    /// Show the current values of features for a user, a movie or both.
    Show {
        /// The user's id.
        #[arg(long, required_unless_present = "movie")]
        user: Option<String>,
        /// The movie's id.
        #[arg(long)]
        movie: Option<String>,
        /// Features by name, for example user:rating_mean. Default: all features of the user or
        /// movie.
        features: Vec<String>,
    },
    /// Compute the features of all users or movies from the log, as of one time.
    Backfill {
        /// The view: user or movie.
        #[arg(long, default_value = "user")]
        view: String,
        /// What to compute.
        #[command(flatten)]
        what: WhatArgs,
        /// The time: RFC 3339 in UTC, or seconds since 1970. Default: now.
        #[arg(long, value_name = "TIME", value_parser = file::instant)]
        as_of: Option<Timestamp>,
    },
    /// Add to each rating of a data set the features that were known just before it.
    Join {
        /// Ratings: MovieLens as it ships, CSV, NDJSON or Parquet, as for `import`.
        ratings: PathBuf,
        /// What to compute.
        #[command(flatten)]
        what: WhatArgs,
    },
    /// Compare served features with features computed again from the same events of the log.
    Check {
        /// The number of users and movies to sample. 0: all.
        #[arg(long, default_value_t = 1_000)]
        sample: u32,
        /// Seed of the sample.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// What to compute, and where to write it.
#[derive(Debug, Args)]
pub(crate) struct WhatArgs {
    /// The file to write, .parquet or .ndjson. - writes NDJSON to standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// A feature by name; may be repeated. Default: a backfill computes all features of its view,
    /// and a join all that have a single value. In Parquet, a list is a column of JSON text.
    #[arg(short, long = "feature", value_name = "VIEW:FEATURE")]
    features: Vec<String>,
    /// Use the time of each rating instead of the time when it arrived. For histories that were
    /// imported long after.
    #[arg(long)]
    ignore_ingestion_time: bool,
}

pub(crate) async fn run(args: FeaturesArgs, client: &Client, output: Output) -> Result<(), Error> {
    match args.command {
        FeaturesCommand::List => output.show(&Listed::from(views(client).await?)),
        FeaturesCommand::Show { user, movie, features } => show(client, output, user, movie, features).await,
        FeaturesCommand::Backfill { view, what, as_of } => backfill(client, output, view, what, as_of).await,
        FeaturesCommand::Join { ratings, what } => join(client, output, &ratings, what).await,
        FeaturesCommand::Check { sample, seed } => check::run(client, output, sample, seed).await,
    }
}

async fn views(client: &Client) -> Result<Vec<View>, Error> {
    Ok(client.call(client.features().list_views(ListViewsRequest {})).await?.views)
}

/// The features of the fleet with their types, in the order of their definition.
#[derive(Debug)]
struct Defined(Vec<(String, ValueKind)>);

impl Defined {
    async fn read(client: &Client) -> Result<Self, Error> {
        Ok(Self::of(&views(client).await?))
    }

    fn of(views: &[View]) -> Self {
        let named = views.iter().flat_map(|view| {
            view.features.iter().map(move |feature| (format!("{}:{}", view.name, feature.name), feature.kind()))
        });
        Self(named.collect())
    }

    /// Returns features with their types. Without names these are all that are meant by default.
    fn typed(&self, names: &[String], is_default: impl Fn(&str, ValueKind) -> bool) -> Vec<(String, ValueKind)> {
        if names.is_empty() {
            return self.0.iter().filter(|(name, kind)| is_default(name, *kind)).cloned().collect();
        }
        let kind = |name: &String| self.0.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind);
        names.iter().map(|name| (name.clone(), kind(name).unwrap_or_default())).collect()
    }

    /// Returns the columns of a backfill. They don't depend on its rows.
    fn of_backfill(&self, view: &str, names: &[String]) -> Columns {
        let keys: &[&str] = if view == "movie" { &["movie_id"] } else { &["user_id"] };
        let of_view = |name: &str, _| name.split_once(':').is_some_and(|(of, _)| of == view);
        Columns { keys, rated: false, features: self.typed(names, of_view) }
    }

    /// Returns the columns of a join.
    fn of_join(&self, names: &[String]) -> Columns {
        let single = |_: &str, kind| matches!(kind, ValueKind::Count | ValueKind::Number | ValueKind::Time);
        Columns { keys: &["user_id", "movie_id"], rated: true, features: self.typed(names, single) }
    }
}

/// A feature as it is printed.
#[derive(Debug, Serialize)]
struct Line {
    feature: String,
    key: String,
    kind: &'static str,
    window_days: Option<u32>,
    description: String,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Listed(Vec<Line>);

impl From<Vec<View>> for Listed {
    fn from(views: Vec<View>) -> Self {
        let line = |view: &View, feature: Feature| Line {
            feature: format!("{}:{}", view.name, feature.name),
            key: view.key.clone(),
            kind: match feature.kind() {
                ValueKind::Unspecified => "?",
                ValueKind::Count => "count",
                ValueKind::Number => "number",
                ValueKind::Time => "time",
                ValueKind::Texts => "list of texts",
                ValueKind::Counts => "list of counts",
                ValueKind::Numbers => "list of numbers",
                ValueKind::Times => "list of times",
            },
            window_days: (feature.window_days > 0).then_some(feature.window_days),
            description: feature.description,
        };
        let lines = views.into_iter().flat_map(|mut view| {
            let features = std::mem::take(&mut view.features);
            features.into_iter().map(move |feature| line(&view, feature)).collect::<Vec<_>>()
        });
        Self(lines.collect())
    }
}

impl Show for Listed {
    fn human(&self) -> Human {
        let mut table = Table::new(&["feature", "of", "type", ">window", "what"]);
        for line in &self.0 {
            let window = line.window_days.map(|days| format!("{days} days")).unwrap_or_default();
            table.row([line.feature.clone(), line.key.clone(), line.kind.to_owned(), window, line.description.clone()]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        Some(Csv::of(&["feature", "key", "kind", "window_days", "description"], &self.0))
    }
}

/// The values of features.
#[derive(Debug, Serialize)]
struct Shown {
    user: Option<String>,
    movie: Option<String>,
    features: serde_json::Map<String, serde_json::Value>,
    user_event_time: Option<String>,
    movie_event_time: Option<String>,
    past_ttl: bool,
}

impl Show for Shown {
    fn human(&self) -> Human {
        let mut table = Table::new(&["feature", "value"]);
        for (name, value) in &self.features {
            table.row([name.clone(), value::short(value)]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        let values = self.features.iter().map(|(name, value)| serde_json::json!({"feature": name, "value": value}));
        let table = Csv::of(&["feature", "value"], &values.collect::<Vec<_>>());
        let table = table.with("user", &self.user).with("movie", &self.movie);
        Some(table.with("user_event_time", &self.user_event_time).with("movie_event_time", &self.movie_event_time))
    }
}

async fn show(
    client: &Client,
    output: Output,
    user: Option<String>,
    movie: Option<String>,
    mut features: Vec<String>,
) -> Result<(), Error> {
    if features.is_empty() {
        for view in views(client).await? {
            let asked = if view.name == "user" { user.is_some() } else { movie.is_some() };
            features.extend(
                view.features.iter().filter(|_| asked).map(|feature| format!("{}:{}", view.name, feature.name)),
            );
        }
    }
    let entity = Entity { user_id: user.clone().unwrap_or_default(), movie_id: movie.clone().unwrap_or_default() };
    let request = GetFeaturesRequest { entities: vec![entity], features: features.clone(), as_of: None };
    let answer = client.call(client.features().get_features(request)).await?;
    let row = answer.rows.into_iter().next().unwrap_or_default();
    let event_time =
        |freshness: &Option<Freshness>| freshness.and_then(|freshness| time(freshness.event_time.as_ref()?));
    let shown = Shown {
        user,
        movie,
        user_event_time: event_time(&row.user),
        movie_event_time: event_time(&row.movie),
        past_ttl: [row.user, row.movie].iter().flatten().any(|freshness| freshness.past_ttl),
        features: features.into_iter().zip(row.values.into_iter().map(value::json)).collect(),
    };
    output.show(&shown)?;
    for (whose, event_time) in [("user", &shown.user_event_time), ("movie", &shown.movie_event_time)] {
        if let Some(event_time) = event_time {
            output.footer(&format!("newest event of the {whose}: {event_time}"));
        }
    }
    if shown.past_ttl {
        output.footer("some values are older than their time to live");
    }
    Ok(())
}

async fn backfill(
    client: &Client,
    output: Output,
    view: String,
    what: WhatArgs,
    as_of: Option<Timestamp>,
) -> Result<(), Error> {
    let mut file = File::create(&what.out)?;
    let defined = Defined::read(client).await?;
    let of_view = view.clone();
    file.begin(defined.of_backfill(&of_view, &what.features));
    let request = BackfillFeaturesRequest {
        as_of: as_of.map(marquee_proto::convert::timestamp),
        view,
        features: what.features,
        ignore_ingestion_time: what.ignore_ingestion_time,
    };
    let call = async { client.history().backfill_features(request).await };
    let mut answers =
        client.call_within(PATIENCE, call).await.map_err(|e| e.hint_on(&[Kind::ResourceExhausted], BUSY))?;
    let failed = |status| Error::from_status(client.address_of(FEATURE_STORE), status);
    let mut count = 0;
    while let Some(page) = answers.try_next().await.map_err(failed)? {
        if !page.features.is_empty() {
            file.begin(defined.of_backfill(&of_view, &page.features));
        }
        let rows = page.ids.into_iter().zip(page.rows);
        for (id, row) in rows {
            file.row(Rows { ids: vec![id], at: None, rating: None, values: row.values })?;
            count += 1;
        }
    }
    file.end()?;
    output.note(&counted(count, "row"));
    Ok(())
}

async fn join(client: &Client, output: Output, ratings: &Path, what: WhatArgs) -> Result<(), Error> {
    let data = marquee_datasets::open(ratings, marquee_datasets::Options::default())?;
    let mut file = File::create(&what.out)?;
    let defined = Defined::read(client).await?;
    file.begin(defined.of_join(&what.features));
    let (mut count, mut known) = (0, false);
    let mut rows = data.ratings()?;
    loop {
        let mut batch = Vec::new();
        for row in rows.by_ref().take(BATCH) {
            batch.push(row.map_err(|error| Error::Outcome(format!("{}: {error}", ratings.display())))?);
        }
        if batch.is_empty() {
            break;
        }
        let mut asked = Vec::with_capacity(batch.len());
        for row in &batch {
            let Some(rated_at) = row.rated_at else {
                let why = format!(
                    "{}: line {}: the rating has no time; a join needs the time of every rating",
                    ratings.display(),
                    row.line
                );
                return Err(Error::Outcome(why));
            };
            // Just before the rating: a model has to predict it.
            let at = Timestamp::from_micros(rated_at.micros() - 1);
            asked.push(JoinRow {
                user_id: row.user.clone(),
                movie_id: row.movie.clone(),
                at: Some(marquee_proto::convert::timestamp(at)),
            });
        }
        let request = JoinFeaturesRequest {
            rows: asked,
            features: what.features.clone(),
            ignore_ingestion_time: what.ignore_ingestion_time,
        };
        let call = async { client.history().join_features(request).await };
        let mut answers =
            client.call_within(PATIENCE, call).await.map_err(|e| e.hint_on(&[Kind::ResourceExhausted], BUSY))?;
        let failed = |status| Error::from_status(client.address_of(FEATURE_STORE), status);
        let mut ratings = batch.into_iter();
        while let Some(page) = answers.try_next().await.map_err(failed)? {
            if !page.features.is_empty() && count == 0 {
                file.begin(defined.of_join(&page.features));
            }
            for (row, rating) in page.rows.into_iter().zip(ratings.by_ref()) {
                known |= row.values.iter().any(value::says_something);
                let ids = vec![rating.user, rating.movie];
                file.row(Rows { ids, at: rating.rated_at, rating: Some(rating.rating), values: row.values })?;
                count += 1;
            }
        }
        output.note(&format!("{} joined", counted(count, "rating")));
    }
    file.end()?;
    if count > 0 && !known {
        output.note(
            "no event was known at any of these times: an imported rating counts from its import on; \
             --ignore-ingestion-time uses the time of the rating instead",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_file_are_known_without_rows() {
        let feature =
            |name: &str, kind: ValueKind| Feature { name: name.to_owned(), kind: kind.into(), ..Feature::default() };
        let view = |name: &str, features| View { name: name.to_owned(), features, ..View::default() };
        let count = feature("rating_count", ValueKind::Count);
        let defined = Defined::of(&[
            view("user", vec![count.clone(), feature("genres", ValueKind::Texts)]),
            view("movie", vec![count, feature("last_event_at", ValueKind::Time)]),
        ]);
        let names = |columns: Columns| columns.features.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(defined.of_backfill("user", &[])), ["user:rating_count", "user:genres"]);
        assert_eq!(names(defined.of_backfill("movie", &[])), ["movie:rating_count", "movie:last_event_at"]);
        assert_eq!(names(defined.of_join(&[])), ["user:rating_count", "movie:rating_count", "movie:last_event_at"]);
        let asked = defined.of_join(&["movie:last_event_at".to_owned()]);
        assert_eq!(asked.features, [("movie:last_event_at".to_owned(), ValueKind::Time)]);
    }
}
