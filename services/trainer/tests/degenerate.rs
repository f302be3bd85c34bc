//! Data sets with next to nothing to learn: each ends in a published model or in a refusal that
//! says why.

mod world;

use marquee_proto::training::v1::{Algorithm, Parameters, State, Training};

use world::World;

/// Ratings as user, movie and value.
type Ratings = Vec<(i32, i32, f64)>;

/// Every user rates every movie, in an order that mixes both.
fn all(users: i32, movies: i32, value: impl Fn(i32, i32) -> f64) -> Ratings {
    let pairs = users * movies;
    // The factor is a prime, so every pair comes once.
    let pair = |at: i32| (at * 7_919 % pairs % users, at * 7_919 % pairs / users);
    (0..pairs).map(pair).map(|(user, movie)| (user, movie, value(user, movie))).collect()
}

fn parameters(algorithm: Algorithm) -> (Algorithm, Parameters) {
    let short = Parameters { sweeps: 60, burn_in: 20, samples: 8, factors: 4, ..Parameters::default() };
    (algorithm, if algorithm == Algorithm::Bias { Parameters::default() } else { short })
}

/// Trains with every algorithm. Returns how the runs ended.
async fn trained(ratings: Ratings) -> Option<Vec<Training>> {
    let world = World::empty().await?;
    world.append(ratings.into_iter()).await;
    let trainer = world.trainer("one").await;
    let mut ended = Vec::new();
    for algorithm in [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes] {
        let run = trainer.start(parameters(algorithm)).await;
        ended.push(trainer.ended(&run).await);
    }
    trainer.stop().await;
    Some(ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_that_never_differ_give_a_model() {
    let sets = [
        ("constant", all(20, 20, |_, _| 4.0)),
        ("flat users", all(20, 20, |user, _| f64::from(user % 5) + 1.0)),
        ("flat movies", all(20, 20, |_, movie| f64::from(movie % 5) + 1.0)),
    ];
    for (name, ratings) in sets {
        let Some(ended) = trained(ratings).await else { return };
        for run in ended {
            assert_eq!(run.state(), State::Succeeded, "{name}, {:?}: {}", run.algorithm(), run.message);
            assert!(run.metrics.is_some_and(|metrics| metrics.rmse.is_finite() && metrics.holdout_ratings >= 10));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_one_movie_and_one_rating_each_give_a_model_or_a_reason() {
    let value = |user: i32, movie: i32| f64::from((user * 7 + movie * 3 + user * movie) % 5 + 1);
    let sets = [
        ("one user", all(1, 200, value)),
        ("one movie", all(200, 1, value)),
        ("one each", (0..200).map(|one| (one, one, value(one, one))).collect()),
        ("duplicates", all(10, 20, value).into_iter().cycle().take(1_000).collect()),
    ];
    for (name, ratings) in sets {
        let Some(ended) = trained(ratings).await else { return };
        for run in ended {
            let refused = run.state() == State::Failed && run.message.starts_with("gate rmse: the error of");
            assert!(run.state() == State::Succeeded || refused, "{name}, {:?}: {}", run.algorithm(), run.message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_without_a_judgment() {
    for (ratings, part) in [
        (all(1, 1, |_, _| 3.0), "the log holds 1 rating to learn from: import at least 20 first"),
        (all(5, 6, |_, _| 3.0), "gate holdout_ratings: 3 ratings held out, but at least 10"),
    ] {
        let Some(ended) = trained(ratings).await else { return };
        for run in ended {
            assert_eq!(run.state(), State::Failed, "{:?}", run.algorithm());
            assert!(run.message.contains(part), "{}", run.message);
            assert_eq!(run.version, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_of_one_instant_can_not_be_held_out_and_the_reason_says_so() {
    let Some(world) = World::empty().await else { return };
    world.append_at_once(all(20, 20, |user, movie| f64::from((user + movie) % 5 + 1)).into_iter()).await;
    let trainer = world.trainer("one").await;
    let run = trainer.start(parameters(Algorithm::Map)).await;
    let run = trainer.ended(&run).await;
    assert_eq!(run.state(), State::Failed);
    for part in ["gate holdout_ratings: 0 ratings held out", "have one time", "import them with their times"] {
        assert!(run.message.contains(part), "no '{part}' in: {}", run.message);
    }
    trainer.stop().await;
}
