//! Ratings of every kind, drawn at random: the rules decide, and nothing else.

use std::cell::Cell;

use anyhow::Result;
use marquee_e2e::Fleet;
use marquee_kit::Failure;
use marquee_proto::Timestamp;
use marquee_proto::ratings::v1::{Rating, SubmitRatingRequest};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tonic::Code;

use super::{movie, now, serves_on};

/// Ratings of every kind: most draws of a field hold, or all would be refused.
fn any_rating() -> impl Strategy<Value = Rating> {
    let id = |known: &'static str| prop_oneof![2 => Just(known.to_owned()), 1 => "\\PC{0,40}", 1 => any::<String>()];
    let value = prop_oneof![3 => (1..=5).prop_map(f64::from), 1 => -1.0..7.0, 1 => any::<f64>()];
    let seconds = prop_oneof![3 => 0..now(), 1 => any::<i64>()];
    let time = (seconds, prop_oneof![3 => 0..1_000_000_000, 1 => any::<i32>()]);
    let time = prop_oneof![1 => Just(None), 2 => time.prop_map(Some)];
    let value = prop_oneof![1 => Just(None), 7 => value.prop_map(Some)];
    (id("ann"), id("m"), value, time).prop_map(|(user_id, movie_id, rating, time)| {
        let rated_at = time.map(|(seconds, nanos)| Timestamp { seconds, nanos });
        Rating { user_id, movie_id, rating, rated_at }
    })
}

/// Whether the published rules take a rating, said once more in plain words.
fn holds(rating: &Rating) -> bool {
    let id = |id: &str| (1..=128).contains(&id.len()) && !id.chars().any(char::is_control);
    let time = rating.rated_at.is_none_or(|time| {
        (-62_135_596_800..=now()).contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos)
    });
    let value = rating.rating.unwrap_or(f64::NAN);
    id(&rating.user_id) && rating.movie_id == "m" && [1.0, 2.0, 3.0, 4.0, 5.0].contains(&value) && time
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_is_accepted_exactly_if_the_rules_hold_whatever_it_is() -> Result<()> {
    let fleet = Fleet::start().await?;
    let clients = fleet.clients().clone();
    clients.add_movies(vec![movie("m")]).await?;
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Handle::current();
    let drawn = tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let counted = Cell::new((0, 0));
        let run = runner.run(&any_rating(), |rating| {
            let request = SubmitRatingRequest { rating: Some(rating.clone()) };
            match runtime.block_on(clients.ratings.clone().submit_rating(request)) {
                Ok(_) => prop_assert!(holds(&rating), "accepted"),
                Err(status) => {
                    prop_assert_eq!(status.code(), Code::InvalidArgument);
                    prop_assert!(!Failure::from_status(&status).violations().is_empty());
                    prop_assert!(!holds(&rating), "refused: {}", status);
                }
            }
            let (accepted, refused) = counted.get();
            counted.set(if holds(&rating) { (accepted + 1, refused) } else { (accepted, refused + 1) });
            Ok(())
        });
        (run, counted.get())
    });
    let (run, (accepted, refused)) = drawn.await?;
    run.map_err(|error| anyhow::anyhow!("{error}"))?;
    assert!(accepted > 10 && refused > 100, "{accepted} accepted, {refused} refused: draw others");
    serves_on(fleet.clients()).await?;
    fleet.stop().await;
    Ok(())
}
