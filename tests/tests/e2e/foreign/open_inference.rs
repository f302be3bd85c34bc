//! Triton's own clients ask for ratings: the whole pipeline, and its graphs.

use anyhow::Result;
use marquee_e2e::World;
use marquee_proto::training::v1::Algorithm;

use super::Python;
use crate::spine::trained;

#[tokio::test(flavor = "multi_thread")]
async fn a_triton_client_is_answered_like_any_other() -> Result<()> {
    let Some(python) = Python::or_skip() else { return Ok(()) };
    let world = World::new(20, 15, 65);
    let fleet = trained(&world, Algorithm::Map).await?;
    let (users, movies) = ([world.user(1), world.user(2), "stranger".to_owned()], ["movie-1", "movie-5"]);
    let asked = serde_json::json!({
        "grpc": fleet.address().trim_start_matches("http://"),
        "http": fleet.http().address().trim_start_matches("http://"),
        "model": "ratings",
        "users": users,
        "movies": movies,
    });
    let answered = python.ask("tests/e2e/foreign/open_inference.py", [""; 0], asked.to_string().as_bytes()).await?;
    let answered: serde_json::Value = serde_json::from_str(&answered)?;
    for (row, user) in users.iter().enumerate() {
        let expected = fleet.clients().predict(user, &movies, &[]).await?;
        for (column, prediction) in expected.predictions.iter().enumerate() {
            for transport in ["grpc", "http"] {
                let close = |name: &str, value: f64| {
                    let found = answered[transport][name][row][column].as_f64().unwrap_or(f64::NAN);
                    assert!((found - value).abs() < 1e-4, "{transport}, {user}, {name}: {found} is not {value}");
                };
                close("rating", prediction.rating);
                close("spread", prediction.spread);
                assert_eq!(answered[transport]["version"][row], serde_json::json!([1]));
            }
        }
    }
    assert_eq!(answered["scored"], serde_json::json!([1, 2]));
    let ready = serde_json::json!({"name": "ratings", "version": "1", "state": "READY", "reason": ""});
    assert!(answered["index"].as_array().is_some_and(|index| index.contains(&ready)), "{}", answered["index"]);
    fleet.stop().await;
    Ok(())
}
