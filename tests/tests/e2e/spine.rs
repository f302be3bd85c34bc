//! The spine: a rating event on its way to a changed prediction, and everything that it passes.

use anyhow::Result;
use marquee_e2e::{Clients, Fleet, World};
use marquee_proto::prediction::v1::{ExplainRequest, ModelState, RecommendRequest};
use marquee_proto::ratings::v1::{RemoveRatingRequest, RemoveUserRequest};
use marquee_proto::training::v1::{Algorithm, Parameters};

/// A fleet that has learned a small world.
pub(super) async fn trained(world: &World, algorithm: Algorithm) -> Result<Fleet> {
    let fleet = Fleet::start().await?;
    teach(fleet.clients(), world, algorithm).await?;
    Ok(fleet)
}

/// Gives an empty fleet the ratings of a world, and trains the first version.
pub(super) async fn teach(clients: &Clients, world: &World, algorithm: Algorithm) -> Result<()> {
    clients.add_movies(world.catalogue()).await?;
    let answer = clients.rate_all(world.ratings()).await?;
    assert!(answer.rejected.is_empty(), "{:?}", answer.rejected.first());
    // A reader that waits for these positions sees all of it.
    clients.user("nobody", &answer.positions).await?;
    let (training, model) = clients.train(algorithm, Parameters::default()).await?;
    assert_eq!((training.version, model.state(), model.verified), (1, ModelState::Ready, true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_changes_the_very_next_prediction() -> Result<()> {
    let world = World::new(40, 30, 1);
    let fleet = trained(&world, Algorithm::Map).await?;
    let clients = fleet.clients();

    // Somebody of whom nothing is known, then three ratings of even movies.
    let stranger = clients.predict("stranger", &["movie-20", "movie-21"], &[]).await?;
    let provenance = stranger.provenance.expect("provenance");
    assert_eq!((provenance.version, provenance.variant.as_str(), provenance.history_version), (1, "stable", 0));
    let mut last = None;
    for movie in ["movie-2", "movie-4", "movie-6"] {
        last = Some(clients.rate("stranger", movie, 5.0).await?);
    }
    for movie in ["movie-3", "movie-5"] {
        last = Some(clients.rate("stranger", movie, 1.0).await?);
    }
    let last = last.expect("a position");
    let friend = clients.predict("stranger", &["movie-20", "movie-21"], &[last]).await?;
    let (even, odd) = (&friend.predictions[0], &friend.predictions[1]);
    assert!(even.rating > stranger.predictions[0].rating + 0.3, "{even:?}");
    assert!(odd.rating < stranger.predictions[1].rating - 0.3, "{odd:?}");
    assert!(even.spread > 0.0 && even.spread < stranger.predictions[0].spread, "doubt shrinks with every rating");
    let provenance = friend.provenance.expect("provenance");
    assert_eq!(provenance.features.expect("freshness").applied, Some(last));
    assert!(!provenance.degraded);

    // Taking one back, and everything back, leads where a user without it would be.
    let request = RemoveUserRequest { user_id: "stranger".to_owned() };
    let gone = clients.ratings.clone().remove_user(request).await?.into_inner().position.expect("a position");
    let forgotten = clients.predict("stranger", &["movie-20", "movie-21"], &[gone]).await?;
    assert_eq!(forgotten.predictions, stranger.predictions, "a forgotten user is a stranger");
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_rating_leaves_no_trace() -> Result<()> {
    let world = World::new(30, 20, 2);
    let fleet = trained(&world, Algorithm::Bias).await?;
    let clients = fleet.clients();
    let first = clients.rate("u", "movie-2", 5.0).await?;
    let before = clients.user("u", &[first]).await?;
    let second = clients.rate("u", "movie-3", 1.0).await?;
    assert_eq!(clients.user("u", &[second]).await?.history.len(), 2);
    let request = RemoveRatingRequest { user_id: "u".to_owned(), movie_id: "movie-3".to_owned() };
    let removed = clients.ratings.clone().remove_rating(request).await?.into_inner().position.expect("a position");
    let after = clients.user("u", &[removed]).await?;
    assert_eq!(after.history, before.history);
    assert_eq!(after.statistics, before.statistics);
    assert!(after.version > before.version, "every event makes a new version");
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn recommendations_are_unseen_fitting_and_explained() -> Result<()> {
    let world = World::new(40, 30, 3);
    let fleet = trained(&world, Algorithm::Bayes).await?;
    let clients = fleet.clients();
    let user = world.user(0);
    let seen: Vec<String> =
        world.ratings().into_iter().filter(|rating| rating.user_id == user).map(|rating| rating.movie_id).collect();

    let request = RecommendRequest { user_id: user.clone(), limit: 5, ..RecommendRequest::default() };
    let answer = clients.predictions.clone().recommend(request).await?.into_inner();
    let movies: Vec<_> = answer.recommendations.iter().map(|one| one.movie.clone().expect("a movie")).collect();
    assert!(!movies.is_empty() && movies.iter().all(|movie| !seen.contains(&movie.movie_id)), "{movies:?}");
    assert!(answer.recommendations.windows(2).all(|pair| pair[0].rating >= pair[1].rating), "best first");
    assert_eq!(movies[0].genres, ["Comedy"], "user 0 likes even movies");

    let genres = vec!["Drama".to_owned()];
    let request = RecommendRequest { user_id: user.clone(), limit: 5, genres, ..RecommendRequest::default() };
    let dramas = clients.predictions.clone().recommend(request).await?.into_inner().recommendations;
    assert!(!dramas.is_empty());
    assert!(dramas.iter().all(|one| one.movie.as_ref().is_some_and(|movie| movie.genres == ["Drama"])));

    let request = ExplainRequest {
        user_id: user.clone(),
        movie_id: movies[0].movie_id.clone(),
        limit: 3,
        ..ExplainRequest::default()
    };
    let explained = clients.predictions.clone().explain(request).await?.into_inner();
    assert_eq!(explained.reasons.len(), 3);
    assert!(explained.reasons.iter().all(|one| one.movie.as_ref().is_some_and(|movie| seen.contains(&movie.movie_id))));
    assert!(explained.reasons.windows(2).all(|pair| pair[0].effect.abs() >= pair[1].effect.abs()));

    // An effect is what the prediction loses without the rating: take the first one back and look.
    let reason = &explained.reasons[0];
    let movie_id = reason.movie.clone().expect("a movie").movie_id;
    let request = RemoveRatingRequest { user_id: user.clone(), movie_id };
    let removed = clients.ratings.clone().remove_rating(request).await?.into_inner().position.expect("a position");
    let without = clients.predict(&user, &[&movies[0].movie_id], &[removed]).await?.predictions[0].rating;
    let with = explained.prediction.expect("a prediction").rating;
    if with < 5.0 && without < 5.0 {
        assert!((with - without - reason.effect).abs() < 1e-3, "{with} - {without} is not {}", reason.effect);
    }
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movie_that_the_model_does_not_know_gets_the_users_mean_and_says_so() -> Result<()> {
    let world = World::new(30, 20, 4);
    let fleet = trained(&world, Algorithm::Map).await?;
    let clients = fleet.clients();
    let answer = clients.predict(&world.user(0), &["movie-0", "never-heard-of"], &[]).await?;
    let (known, unknown) = (&answer.predictions[0], &answer.predictions[1]);
    assert_eq!((known.unknown_movie, unknown.unknown_movie), (false, true));
    assert!((1.0..=5.0).contains(&unknown.rating) && unknown.spread > known.spread);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fleets_in_one_process_know_nothing_of_each_other() -> Result<()> {
    let (ours, theirs) = (World::new(30, 20, 5), World::new(20, 16, 6));
    let (one, other) = tokio::join!(trained(&ours, Algorithm::Map), trained(&theirs, Algorithm::Bias));
    let (one, other) = (one?, other?);
    let position = one.clients().rate("newcomer", "movie-2", 5.0).await?;
    assert_eq!(one.clients().user("newcomer", &[position]).await?.history.len(), 1);
    assert!(other.clients().user("newcomer", &[]).await?.history.is_empty());
    assert_eq!(one.http().get("/v1/movies").await?.json()?["movies"].as_array().map(Vec::len), Some(20));
    assert_eq!(other.http().get("/v1/movies").await?.json()?["movies"].as_array().map(Vec::len), Some(16));
    let answered = |text: String| text.lines().filter(|line| line.contains("algorithm")).count();
    assert_eq!(
        answered(one.http().get("/metrics").await?.text()),
        answered(other.http().get("/metrics").await?.text())
    );

    // One goes down; the other goes on.
    one.stop().await;
    assert_eq!(other.clients().predict("x", &["movie-1"], &[]).await?.predictions.len(), 1);
    other.stop().await;
    Ok(())
}
