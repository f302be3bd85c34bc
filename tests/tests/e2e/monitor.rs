//! The duel over a whole fleet: versions predict the ratings that arrive, and the monitor tells
//! which one is worse.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use marquee_domain::{MovieId, Rating, RatingEvent, Timestamp, UserId, Version};
use marquee_e2e::{Clients, Fleet, World, until};
use marquee_eval::duel::{Differences, Prediction, Replay, Replayed, Slice, replay};
use marquee_proto::monitor::v1::monitor_client::MonitorClient;
use marquee_proto::monitor::v1::{
    Duel, DuelSlice, GetDuelRequest, GetLiveQualityRequest, GetStatusRequest, LiveQuality,
};
use marquee_proto::prediction::v1::evaluations_client::EvaluationsClient;
use marquee_proto::prediction::v1::{Entry, EvaluateRequest, Sequence, Step, VersionEvaluation};
use marquee_proto::ratings::v1 as pb;
use marquee_proto::rollout::v1::{self as routing, Route, SetRouteRequest, VersionState};
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde_json::Value;

const MODEL: &str = "ratings";

/// The version that was trained on shuffled ratings, and the one that was trained on the true ones.
const SHUFFLED: u64 = 1;
const TRUE: u64 = 2;

/// The largest difference of a mean, in stars: a version learns ratings one by one or all at once,
/// which differ in the last bits of single precision.
const ROUNDING: f64 = 1e-4;

fn monitor(fleet: &Fleet) -> MonitorClient<marquee_kit::Transport> {
    MonitorClient::new(fleet.in_process())
}

async fn duel(fleet: &Fleet, (stable, other): (u64, u64)) -> Result<Duel> {
    let request = GetDuelRequest { model: MODEL.to_owned(), stable, other, slices: Vec::new(), window: None };
    monitor(fleet).get_duel(request).await?.into_inner().duel.context("an answer without a duel")
}

fn ratings_of(duel: &Duel) -> u64 {
    duel.slices.first().and_then(|all| all.squared_error).map_or(0, |sums| sums.count)
}

/// Waits until the monitor has learned everything that is in the log.
async fn learned(fleet: &Fleet) -> Result<()> {
    let caught_up = async || match monitor(fleet).get_status(GetStatusRequest {}).await {
        Ok(status) => {
            let partitions = status.into_inner().partitions;
            partitions.iter().all(|partition| partition.next_offset >= partition.end_offset).then_some(Ok(()))
        }
        Err(refused) => Some(Err(refused)),
    };
    until("the monitor has caught up", caught_up).await??;
    Ok(())
}

/// A fleet with a version that was trained on shuffled ratings, in shadow behind one that was
/// trained on the true ratings of a world.
async fn two_versions(world: &World, known: &[pb::Rating]) -> Result<Fleet> {
    let fleet = Fleet::start().await?;
    let clients = fleet.clients();
    clients.add_movies(world.catalogue()).await?;
    // Every rating has the value of another one, and an earlier time.
    let value = |index: usize| known[(index * 7_919 + 13) % known.len()].rating;
    let early = |time: &marquee_proto::Timestamp| marquee_proto::Timestamp { seconds: time.seconds - 1, ..*time };
    let shuffle = |(index, rating): (usize, &pb::Rating)| pb::Rating {
        rating: value(index),
        rated_at: rating.rated_at.as_ref().map(early),
        ..rating.clone()
    };
    clients.rate_all(known.iter().enumerate().map(shuffle).collect()).await?;
    clients.train(Algorithm::Bias, Parameters::default()).await?;
    clients.rate_all(known.to_vec()).await?;
    clients.train(Algorithm::Map, Parameters::default()).await?;
    let route = Route { model: MODEL.to_owned(), stable: TRUE, shadow: vec![SHUFFLED], ..Route::default() };
    clients.routing.clone().set_route(SetRouteRequest { route: Some(route), expected_revision: 0 }).await?;
    both_warm(&fleet).await?;
    learned(&fleet).await?;
    Ok(fleet)
}

/// Waits until both versions of the wanted route can predict. Ratings that arrive before are not
/// compared.
async fn both_warm(fleet: &Fleet) -> Result<()> {
    let are_warm = async || {
        let request = routing::GetStatusRequest { model: MODEL.to_owned() };
        let status = fleet.clients().routing.clone().get_status(request).await.ok()?.into_inner().status?;
        let found = status.models.into_iter().find(|found| found.model == MODEL)?;
        let is_wanted = found.wanted.is_some_and(|route| route.stable == TRUE && route.shadow == [SHUFFLED]);
        let is_warm = |version: u64| {
            found.versions.iter().any(|found| found.version == version && found.state() == VersionState::Warm)
        };
        (is_wanted && is_warm(TRUE) && is_warm(SHUFFLED)).then_some(())
    };
    until("both versions are warm", are_warm).await
}

/// Predictions of both versions by history and movie.
type Answers = Vec<BTreeMap<Version, Prediction>>;

/// Asks inference for predictions, each from a history of its own.
async fn ask(fleet: &Fleet, questions: &[(Vec<(MovieId, f64)>, MovieId)]) -> Result<Answers> {
    let sequence = |(history, movie): &(Vec<(MovieId, f64)>, MovieId)| {
        let entry = |(movie, rating): &(MovieId, f64)| Entry { movie_id: movie.as_str().to_owned(), rating: *rating };
        let step = Step { movie_id: movie.as_str().to_owned(), rating: 3.0, learn: false };
        Sequence { history: history.iter().map(entry).collect(), steps: vec![step], limit: 0 }
    };
    let mut answers: Answers = vec![BTreeMap::new(); questions.len()];
    for (index, questions) in questions.chunks(200).enumerate() {
        let sequences = questions.iter().map(sequence).collect();
        let request = EvaluateRequest { model: MODEL.to_owned(), versions: vec![SHUFFLED, TRUE], sequences };
        let answer = EvaluationsClient::new(fleet.in_process()).evaluate(request).await?.into_inner();
        for version in answer.versions {
            anyhow::ensure!(version.failure.is_empty(), "{}", version.failure);
            for (place, estimate) in answers[index * 200..].iter_mut().zip(version.estimates) {
                let spread = (!estimate.unknown_movie).then_some(estimate.spread);
                place.insert(Version(version.version), Prediction { rating: estimate.rating, spread });
            }
        }
    }
    Ok(answers)
}

/// Replays ratings of one partition each, of which the first `known` are learned only.
async fn evaluate(fleet: &Fleet, events: &[(Timestamp, RatingEvent)], known: usize) -> Result<Replayed> {
    let genres = |movie: &MovieId| {
        let number: usize = movie.as_str().trim_start_matches("movie-").parse().unwrap_or(0);
        vec![if number.is_multiple_of(2) { "Comedy" } else { "Drama" }.to_owned()]
    };
    let options = Replay { history: 500, from: known, genres };
    let mut questions = Vec::new();
    let mut note = |history: &[(MovieId, f64)], movie: &MovieId| {
        questions.push((history.to_vec(), movie.clone()));
        BTreeMap::new()
    };
    replay(events, &options, &mut note);
    let mut answers = ask(fleet, &questions).await?.into_iter();
    let mut predict = |_: &[(MovieId, f64)], _: &MovieId| answers.next().unwrap_or_default();
    Ok(replay(events, &options, &mut predict))
}

/// Evaluates ratings in order, each predicted and then learned, of each user as one sequence from
/// the history of the `known` ratings. Returns the root mean squared error of each version.
async fn errors_in_sequence(fleet: &Fleet, known: &[pb::Rating], new: &[pb::Rating]) -> Result<BTreeMap<u64, f64>> {
    let events: Vec<_> = known.iter().chain(new).map(event).collect();
    let options = Replay { history: 500, from: known.len(), genres: |_: &MovieId| Vec::new() };
    let mut histories = Vec::new();
    let mut note = |history: &[(MovieId, f64)], _: &MovieId| {
        histories.push(history.to_vec());
        BTreeMap::new()
    };
    replay(&events, &options, &mut note);
    assert_eq!(histories.len(), new.len(), "every rating is a new one");
    let mut sequences: BTreeMap<&str, Sequence> = BTreeMap::new();
    for (rating, history) in new.iter().zip(histories) {
        let entry = |(movie, rating): (MovieId, f64)| Entry { movie_id: movie.as_str().to_owned(), rating };
        let begun = || Sequence { history: history.into_iter().map(entry).collect(), steps: Vec::new(), limit: 500 };
        let step = Step { movie_id: rating.movie_id.clone(), rating: rating.rating(), learn: true };
        sequences.entry(&rating.user_id).or_insert_with(begun).steps.push(step);
    }
    let sequences: Vec<Sequence> = sequences.into_values().collect();
    let truth: Vec<f64> = sequences.iter().flat_map(|one| one.steps.iter().map(|step| step.rating)).collect();
    let request = EvaluateRequest { model: MODEL.to_owned(), versions: vec![SHUFFLED, TRUE], sequences };
    let answer = EvaluationsClient::new(fleet.in_process()).evaluate(request).await?.into_inner();
    let error = |version: VersionEvaluation| {
        let squares = version.estimates.iter().zip(&truth).map(|(made, rating)| (made.rating - rating).powi(2));
        (version.version, (squares.sum::<f64>() / truth.len() as f64).sqrt())
    };
    Ok(answer.versions.into_iter().map(error).collect())
}

fn event(rating: &pb::Rating) -> (Timestamp, RatingEvent) {
    let rated_at = Timestamp::from_seconds(rating.rated_at.as_ref().map_or(0, |time| time.seconds));
    let user = UserId::try_new(&rating.user_id).expect("an id");
    let movie = MovieId::try_new(&rating.movie_id).expect("an id");
    (rated_at, RatingEvent::Rated(Rating { user, movie, value: rating.rating(), rated_at }))
}

/// Asserts that a slice has the ratings of an evaluation, and means that are equal up to rounding.
fn assert_equal(live: &DuelSlice, offline: &Differences) {
    let sums = live.squared_error.unwrap_or_default();
    assert_eq!(sums.count, offline.squared.count(), "{}", live.slice);
    let close = |one: f64, other: f64| (one - other).abs() <= ROUNDING * sums.count.max(1) as f64;
    assert!(close(sums.sum, offline.squared.sum()), "{}: {sums:?} is not {offline:?}", live.slice);
    let stable = live.stable.and_then(|errors| errors.squared_error).unwrap_or_default();
    assert!(close(stable.sum, offline.stable.squared.sum()), "{}: {stable:?} is not {offline:?}", live.slice);
    let absolute = live.absolute_error.unwrap_or_default();
    assert!(close(absolute.sum, offline.absolute.sum()), "{}: {absolute:?} is not {offline:?}", live.slice);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_duel_of_a_fleet_is_the_evaluation_of_its_log() -> Result<()> {
    let world = World::new(60, 40, 77);
    let ratings = world.ratings();
    let (known, new) = ratings.split_at(ratings.len() * 3 / 4);
    let fleet = two_versions(&world, known).await?;
    assert_eq!(ratings_of(&duel(&fleet, (TRUE, SHUFFLED)).await?), 0, "both learned from these");

    // Half of the new ratings, a restart in the middle, and the other half. Some are sent again.
    let (first, second) = new.split_at(new.len() / 2);
    for chunk in first.chunks(50) {
        fleet.clients().rate_all(chunk.to_vec()).await?;
    }
    learned(&fleet).await?;
    let before = duel(&fleet, (TRUE, SHUFFLED)).await?;
    assert_eq!(ratings_of(&before), first.len() as u64);
    let offline = errors_in_sequence(&fleet, known, first).await?;
    for (version, live) in [(TRUE, before.slices[0].stable), (SHUFFLED, before.slices[0].other)] {
        let live = live.and_then(|errors| errors.rmse).context("an error")?.value;
        // In single precision, the last bits depend on how many ratings are predicted together.
        assert!((live - offline[&version]).abs() <= 1e-8, "version {version}: {live} is not {}", offline[&version]);
    }
    let fleet = fleet.restart().await?;
    assert_eq!(duel(&fleet, (TRUE, SHUFFLED)).await?, before, "a restart changes nothing");
    both_warm(&fleet).await?;
    for chunk in second.chunks(50) {
        fleet.clients().rate_all(chunk.to_vec()).await?;
    }
    fleet.clients().rate_all(first[..50].to_vec()).await?;
    learned(&fleet).await?;

    let live = duel(&fleet, (TRUE, SHUFFLED)).await?;
    assert_eq!(ratings_of(&live), new.len() as u64);
    let events: Vec<_> = known.iter().chain(new).map(event).collect();
    let offline = evaluate(&fleet, &events, known.len()).await?;
    let offline = &offline.pairs[&(Version(SHUFFLED), Version(TRUE))];
    let mut compared = 0;
    for slice in &live.slices {
        // Popularity is that within a partition of the log; the evaluation has all in one.
        if !slice.slice.starts_with("popularity:") {
            assert_equal(slice, &offline.slice(&Slice::named(&slice.slice)).exchanged());
            compared += 1;
        }
    }
    assert!(compared >= 5, "{live:?}");

    // The version that learned from shuffled ratings is told apart, in shadow.
    let all = &live.slices[0];
    let difference = all.rmse_difference.context("an interval")?;
    assert!(difference.lower > 0.1 && difference.lower <= difference.value, "{difference:?}");
    assert_eq!(all.other_failures, 0);
    let http = fleet.http();
    let answer = http.get(&format!("/v1/monitor/duels/{MODEL}/{TRUE}/{SHUFFLED}?slices=all")).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = answer.json()?;
    assert_eq!(body["duel"]["slices"].as_array().map(Vec::len), Some(1), "{body}");
    assert_eq!(body["duel"]["slices"][0]["squaredError"]["count"], new.len().to_string(), "{body}");
    let path = format!("/v1/monitor/duels/{MODEL}/{TRUE}/{SHUFFLED}");
    let recent: Value = http.get(&format!("{path}?slices=all&window=2h")).await?.json()?;
    assert_eq!(recent["duel"]["window"], "7200s", "{recent}");
    assert_eq!(recent["duel"]["slices"], body["duel"]["slices"], "every rating arrived within two hours");
    let refused = http.get(&format!("{path}?window=400h")).await?;
    assert!(refused.status == 400 && refused.text().contains("at most 336h"), "{}", refused.text());
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_were_shown_is_judged_by_their_ratings() -> Result<()> {
    let world = World::new(30, 20, 5);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let clients: &Clients = fleet.clients();
    let shown = clients.predict("guest", &["movie-2", "movie-3"], &[]).await?.predictions;
    // The log of predictions is written beside the answers.
    let (http, logged) = (fleet.http(), format!("marquee_inference_predictions_logged_total {}\n", shown.len()));
    let is_logged = async || http.get("/metrics").await.is_ok_and(|page| page.text().contains(&logged)).then_some(());
    until("the predictions are in the log", is_logged).await?;
    clients.rate("guest", "movie-2", 5.0).await?;
    clients.rate("other", "movie-2", 5.0).await?;
    learned(&fleet).await?;
    let request = GetLiveQualityRequest { model: MODEL.to_owned(), window: None };
    let live = monitor(&fleet).get_live_quality(request).await?.into_inner();
    let found: Vec<&LiveQuality> = live.versions.iter().collect();
    assert_eq!(found.iter().map(|live| (live.version, live.variant.as_str())).collect::<Vec<_>>(), [(1, "stable")]);
    let sums = found[0].errors.and_then(|errors| errors.squared_error).unwrap_or_default();
    let expected = (shown[0].rating - 5.0).powi(2);
    assert!(sums.count == 1 && (sums.sum - expected).abs() < 1e-9, "{sums:?} is not {expected}");
    assert_eq!(live.join.map(|join| join.joined), Some(1));
    fleet.stop().await;
    Ok(())
}
