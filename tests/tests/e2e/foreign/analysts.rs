//! The archive of ratings, read by DuckDB, Polars and pandas: from the data folder, and from a
//! bucket by boto3.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use marquee::Settings;
use marquee_e2e::servers::{S3, or_skip};
use marquee_e2e::{DEADLINE, Fleet, World};
use marquee_proto::ratings::v1::{RemoveRatingRequest, RemoveUserRequest};
use serde_json::{Value, json};

use super::Python;

/// Reads an archive by an engine.
const ARCHIVE: &str = "tests/e2e/foreign/archive.py";

/// Downloads from a bucket.
const DOWNLOAD: &str = "tests/e2e/foreign/download.py";

/// An engine, and what it calls the types of columns.
struct Engine {
    name: &'static str,
    number: &'static str,
    time: &'static str,
    text: &'static str,
    rating: &'static str,
    /// Of the day that stands in the path, for who reads paths.
    day: Option<&'static str>,
}

const ENGINES: [Engine; 3] = [
    Engine {
        name: "duckdb",
        number: "BIGINT",
        time: "TIMESTAMP WITH TIME ZONE",
        text: "VARCHAR",
        rating: "DOUBLE",
        day: Some("DATE"),
    },
    Engine {
        name: "polars",
        number: "Int64",
        time: "Datetime(time_unit='us', time_zone='UTC')",
        text: "String",
        rating: "Float64",
        day: None,
    },
    Engine {
        name: "pandas",
        number: "int64",
        time: "datetime64[us, UTC]",
        text: "object",
        rating: "float64",
        day: Some("category"),
    },
];

/// Files are written often and stay small, so that an archive of few ratings has many files and
/// some are compacted.
fn many_files(settings: &mut Settings) {
    let archive = &mut settings.role::<marquee_trainer::Trainer>().archive;
    archive.every = Duration::from_millis(50);
    archive.rows = 5;
    archive.compact = 8;
}

/// Rates and removes ratings, waits until all of it is archived, and returns the figures that the
/// script must print.
async fn filled(fleet: &Fleet) -> Result<Value> {
    let clients = fleet.clients();
    let world = World::new(40, 20, 62);
    clients.add_movies(world.catalogue()).await?;
    let ratings = world.ratings();
    assert!(clients.rate_all(ratings.clone()).await?.rejected.is_empty());
    let remove = RemoveRatingRequest { user_id: world.user(1), movie_id: world.movie(1) };
    clients.ratings.clone().remove_rating(remove).await?;
    clients.ratings.clone().remove_user(RemoveUserRequest { user_id: world.user(2) }).await?;

    let (rated, rows) = (ratings.len(), ratings.len() + 2);
    let archived = format!("marquee_archive_rows_total {rows}\n");
    let started = Instant::now();
    while !fleet.http().get("/metrics").await?.text().contains(&archived) {
        assert!(started.elapsed() < DEADLINE, "not all was archived");
    }
    let value = |pick: fn(f64, f64) -> f64| ratings.iter().map(|rating| rating.rating()).reduce(pick);
    let mut times: Vec<i64> = ratings.iter().filter_map(|rating| Some(rating.rated_at?.seconds * 1_000_000)).collect();
    times.sort_unstable();
    let sum = value(|a, b| a + b);
    Ok(json!([rows, rated, value(f64::min), value(f64::max), sum, times.first(), times.last(), rows]))
}

/// Expects every engine to find that.
async fn analyse(python: &Python, archive: &Path, figures: &Value) -> Result<()> {
    for Engine { name, number, time, text, rating, day } in ENGINES {
        let found = python.ask(ARCHIVE, [name.as_ref(), archive.as_os_str()], b"").await?;
        let found: Value = serde_json::from_str(&found)?;
        assert_eq!(found["figures"], *figures, "{name}");
        let mut types = json!({
            "partition": number, "offset": number, "ingested_at": time, "kind": text,
            "user_id": text, "movie_id": text, "rating": rating, "rated_at": time,
        });
        if let Some(day) = day {
            types["day"] = json!(day);
        }
        assert_eq!(found["types"], types, "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_polars_and_pandas_find_in_the_archive_what_was_sent() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let fleet = Fleet::start_with(many_files).await?;
    let figures = filled(&fleet).await?;
    // Files are made one behind the readers' backs as long as it runs.
    let folder = fleet.stop().await.expect("a folder of its own");
    analyse(&python, &folder.path().join("models/objects/archive/ratings"), &figures).await
}

#[tokio::test(flavor = "multi_thread")]
async fn they_find_the_same_in_a_bucket_that_boto3_downloads() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let Some(s3) = or_skip(S3::start().await)? else { return Ok(()) };
    let fleet = Fleet::start_with(|settings| {
        many_files(settings);
        s3.lead(settings);
        settings.s3.url = format!("s3://{}/fleet", s3.bucket());
    })
    .await?;
    let figures = filled(&fleet).await?;
    fleet.stop().await;
    let folder = tempfile::tempdir()?;
    let server = json!({
        "endpoint": s3.endpoint(), "bucket": s3.bucket(), "access_key": s3.access_key(), "secret_key": s3.secret_key(),
    });
    let prefix = "fleet/archive/ratings/".as_ref();
    let count = python.ask(DOWNLOAD, [prefix, folder.path().as_os_str()], server.to_string().as_bytes()).await?;
    assert!(count.trim().parse::<usize>()? > 8, "an index and files for each partition: {count}");
    analyse(&python, folder.path(), &figures).await
}
