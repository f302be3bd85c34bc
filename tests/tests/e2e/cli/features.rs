//! `marquee features`: lists, shows, computes to files and checks.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use marquee_e2e::{Fleet, World};
use marquee_parquet::Column;
use serde_json::Value;

use super::{Cli, stderr};

/// Lines of NDJSON.
fn lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn features_are_listed_shown_computed_anew_joined_and_checked() -> Result<()> {
    let (fleet, world) = (Fleet::start().await?, World::new(10, 8, 63));
    let (cli, folder) = (Cli::of(&fleet)?, tempfile::tempdir()?);
    fleet.clients().add_movies(world.catalogue()).await?;
    let positions = fleet.clients().rate_all(world.ratings()).await?.positions;
    fleet.clients().user("nobody", &positions).await?;

    let listed = cli.json(&["features", "list"]).await?;
    let named: BTreeMap<&str, &Value> = listed
        .as_array()
        .context("a list")?
        .iter()
        .filter_map(|line| Some((line["feature"].as_str()?, line)))
        .collect();
    assert_eq!(named["user:rating_mean_30d"]["window_days"], 30);
    assert_eq!(named["movie:rating_count"]["key"], "movie_id");
    assert!(cli.text(&["features", "list"]).await?.contains("user:genre_affinities"));

    let own: Vec<_> = world.ratings().into_iter().filter(|rating| rating.user_id == "user-3").collect();
    let shown = cli.json(&["features", "show", "--user", "user-3", "--movie", "movie-1"]).await?;
    assert_eq!(shown["features"]["user:rating_count"], own.len());
    assert_eq!(shown["features"]["user:history_movies"].as_array().map(Vec::len), Some(own.len()));
    assert!(shown["features"]["movie:rating_mean"].is_f64(), "{shown}");
    let table = cli.text(&["features", "show", "--user", "user-3", "user:rating_count", "user:genres"]).await?;
    assert!(table.contains("Comedy, Drama") && !table.contains("history"), "{table}");

    // Everybody, on standard output and in a file.
    let all = lines(&cli.text(&["features", "backfill"]).await?)?;
    assert_eq!(all.len(), world.users);
    let three = all.iter().find(|row| row["user_id"] == "user-3").context("the user")?;
    for (name, value) in shown["features"].as_object().context("an object")? {
        assert!(name.starts_with("movie:") || three[name] == *value, "{name}: {} and {value}", three[name]);
    }
    let file = folder.path().join("movies.parquet").display().to_string();
    cli.text(&["features", "backfill", "--view", "movie", "--out", &file]).await?;
    let table = marquee_parquet::read(std::fs::read(&file)?.into())?;
    assert_eq!(table.rows(), world.movies);
    assert!(table.columns.iter().any(|(name, _)| name == "movie_rating_mean_7d"));

    // Training rows from the ratings themselves: each with what was known just before.
    let ratings = folder.path().join("ratings.csv");
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for rating in world.ratings() {
        let seconds = rating.rated_at.unwrap_or_default().seconds;
        text.push_str(&format!("{},{},{},{seconds}\n", rating.user_id, rating.movie_id, rating.rating()));
    }
    std::fs::write(&ratings, text)?;
    let (ratings, file) = (ratings.display().to_string(), folder.path().join("rows.parquet").display().to_string());
    let join = ["features", "join", &ratings, "--out", &file, "--feature", "user:rating_count"];
    let unknown = cli.run(&join).await?;
    assert!(stderr(&unknown).contains("--ignore-ingestion-time"), "{}", stderr(&unknown));
    cli.text(&[&join[..], &["--ignore-ingestion-time"]].concat()).await?;
    let table = marquee_parquet::read(std::fs::read(&file)?.into())?;
    let column = |name: &str| table.columns.iter().find(|(known, _)| known == name).map(|(_, column)| column);
    let (Some(Column::Utf8(users)), Some(Column::Int64(counts))) = (column("user_id"), column("user_rating_count"))
    else {
        anyhow::bail!("columns of other kinds: {:?}", table.columns.iter().map(|(name, _)| name).collect::<Vec<_>>());
    };
    let mut seen: BTreeMap<&str, i64> = BTreeMap::new();
    for (user, count) in users.iter().zip(counts) {
        let seen = seen.entry(user.as_deref().context("a user")?).or_default();
        assert_eq!(*count, Some(*seen), "a rating does not know itself");
        *seen += 1;
    }
    assert_eq!(column("rating").map(Column::len), Some(world.ratings().len()));

    // The schema is that of the features, also where nobody had rated yet.
    let schema = |path: &std::path::Path| -> Result<Vec<_>> {
        let columns = marquee_parquet::read(std::fs::read(path)?.into())?.columns;
        Ok(columns.into_iter().map(|(name, column)| (name, std::mem::discriminant(&column))).collect())
    };
    let (empty, full) = (folder.path().join("empty.parquet"), folder.path().join("full.parquet"));
    let (before, now) = (empty.display().to_string(), full.display().to_string());
    cli.text(&["features", "backfill", "--out", &before, "--as-of", "1999-01-01T00:00:00Z"]).await?;
    cli.text(&["features", "backfill", "--out", &now]).await?;
    assert_eq!(schema(&empty)?, schema(&full)?);
    assert_eq!(marquee_parquet::read(std::fs::read(&empty)?.into())?.rows(), 0);
    let none = folder.path().join("none.csv");
    std::fs::write(&none, "userId,movieId,rating,timestamp\n")?;
    let (none, file) = (none.display().to_string(), folder.path().join("none.parquet"));
    cli.text(&["features", "join", &none, "--out", &file.display().to_string()]).await?;
    let all = folder.path().join("all.parquet");
    cli.text(&["features", "join", &ratings, "--out", &all.display().to_string()]).await?;
    assert_eq!(schema(&file)?, schema(&all)?);

    let checked = cli.json(&["features", "check", "--sample", "0"]).await?;
    assert_eq!((&checked["different"], &checked["users"]), (&0.into(), &10.into()));
    assert!(cli.text(&["features", "check"]).await?.contains("every served value matches the log"));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_of_features_says_what_is_right() -> Result<()> {
    let fleet = Fleet::start().await?;
    let cli = Cli::of(&fleet)?;
    for (arguments, code, words) in [
        (&["features", "show"][..], 64, "--user"),
        (&["features", "backfill", "--out", "rows.xlsx"], 64, ".parquet or .ndjson"),
        (&["features", "backfill", "--as-of", "yesterday"], 64, "seconds since 1970"),
        (&["features", "backfill", "--view", "director"], 1, "give user or movie"),
        (&["features", "show", "--user", "u", "user:shoe_size"], 1, "user:shoe_size"),
    ] {
        let output = cli.run(arguments).await?;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
    }
    fleet.stop().await;
    Ok(())
}
