//! Feast's own client reads features from here.

use anyhow::Result;
use marquee_e2e::{Fleet, World};

use super::Python;

#[tokio::test(flavor = "multi_thread")]
async fn a_feast_client_reads_what_the_feature_store_serves() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let fleet = Fleet::start().await?;
    let world = World::new(6, 5, 64);
    fleet.clients().add_movies(world.catalogue()).await?;
    let positions = fleet.clients().rate_all(world.ratings()).await?.positions;
    let known = fleet.clients().user("user-1", &positions).await?;
    let asked = serde_json::json!({
        "address": fleet.address().trim_start_matches("http://"),
        "features": ["user:rating_count", "user:rating_mean", "user:history_movies", "movie:rating_count", "user:last_event_at"],
        "users": ["user-1", "stranger"],
        "movies": ["movie-1", "movie-1"],
    });
    let answered = python.ask("tests/e2e/foreign/online_features.py", [""; 0], asked.to_string().as_bytes()).await?;
    let answered: serde_json::Value = serde_json::from_str(&answered)?;
    let all = known.statistics.and_then(|statistics| statistics.all_time).unwrap_or_default();
    assert_eq!(answered["values"]["user_id"], serde_json::json!(["user-1", "stranger"]));
    assert_eq!(answered["values"]["user__rating_count"], serde_json::json!([all.count, null]));
    assert_eq!(answered["values"]["user__rating_mean"][0], all.mean);
    let movies: Vec<&str> = known.history.iter().map(|entry| entry.movie_id.as_str()).collect();
    assert_eq!(answered["values"]["user__history_movies"][0], serde_json::json!(movies));
    let newest = known.history.last().and_then(|entry| entry.rated_at).unwrap_or_default().seconds;
    assert_eq!(answered["values"]["user__last_event_at"][0], newest);
    assert_eq!(answered["statuses"]["user__rating_count"], serde_json::json!(["PRESENT", "NOT_FOUND"]));
    assert_eq!(answered["statuses"]["movie__rating_count"], serde_json::json!(["PRESENT", "PRESENT"]));
    assert_eq!(answered["times"]["user__rating_count"], serde_json::json!([newest, 0]));
    assert_eq!(answered["service"].as_array().map(Vec::len), Some(1 + 20), "a view is a feature service: {answered}");
    for (wrong, words) in
        [("unknown", "user:shoe_size"), ("entity", "entities.user_id"), ("twice", "full_feature_names")]
    {
        let [code, message] = [&answered["errors"][wrong][0], &answered["errors"][wrong][1]];
        assert_eq!(code, "INVALID_ARGUMENT", "{wrong}: {message}");
        assert!(message.as_str().is_some_and(|message| message.contains(words)), "{wrong}: {message}");
    }
    fleet.stop().await;
    Ok(())
}
