//! Evaluations and the log of served predictions: what versions say about ratings that are known,
//! and what users were shown.

use std::path::Path;

use anyhow::Result;
use marquee_e2e::{Clients, World, read_topic};
use marquee_embedded::{EmbeddedLog, LogSettings};
use marquee_ports::Topic;
use marquee_proto::prediction::v1::evaluations_client::EvaluationsClient;
use marquee_proto::prediction::v1::{
    Entry, EvaluateRequest, PredictRequest, RecommendRequest, Sequence, ServedBy, ServedMovie, ServedPrediction, Step,
    VersionEvaluation,
};
use marquee_proto::ratings::v1::Movie;
use marquee_proto::record::{CONTENT_TYPE, decode_served, take_movies};
use marquee_proto::rollout::v1::GetStatusRequest;
use marquee_proto::training::v1::{Algorithm, Parameters};
use serde_json::json;
use tonic::{Code, Request};

use crate::spine::trained;

/// The largest difference to the prediction that was served, in stars. Both come from the same
/// graphs in single precision, whose rounding is of this size; an evaluation adds ratings to a
/// state one by one, where a prediction encodes the whole history.
const ROUNDING: f64 = 2e-5;

fn step(movie: &str, rating: f64) -> Step {
    Step { movie_id: movie.to_owned(), rating, learn: true }
}

/// A user's history, oldest first, as the feature store returns it.
async fn history(clients: &Clients, user: &str) -> Result<Vec<Entry>> {
    let history = clients.user(user, &[]).await?.history;
    Ok(history.into_iter().map(|entry| Entry { movie_id: entry.movie_id, rating: entry.rating }).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_says_what_was_predicted_before_each_rating() -> Result<()> {
    let world = World::new(40, 30, 41);
    let fleet = trained(&world, Algorithm::Map).await?;
    let clients = fleet.clients();
    clients.train(Algorithm::Bayes, Parameters::default()).await?;
    let nowhere = Movie { movie_id: "nowhere".to_owned(), title: "Nowhere".to_owned(), ..Movie::default() };
    clients.add_movies(vec![nowhere]).await?;
    // One user who is served by each version, some movies twice, and one that no version knows.
    let movies = ["movie-3", "movie-8", "movie-3", "nowhere", "movie-11", "movie-8", "movie-1", "nowhere"];
    let ratings = [4.0, 2.0, 1.0, 3.0, 5.0, 5.0, 2.0, 4.0];
    for version in [1, 2] {
        clients.route(version, &[]).await?;
        let user = world.user(version as usize);
        let before = history(clients, &user).await?;
        let (mut served, mut after) = (Vec::new(), Vec::new());
        for (movie, rating) in movies.iter().zip(ratings) {
            let answer = clients.predict(&user, &[movie], &after).await?;
            assert_eq!(answer.provenance.expect("provenance").version, version);
            served.extend(answer.predictions);
            after = vec![clients.rate(&user, movie, rating).await?];
        }
        let steps = movies.iter().zip(ratings).map(|(movie, rating)| step(movie, rating)).collect();
        let sequences = vec![Sequence { history: before, steps, limit: 0 }];
        let request = EvaluateRequest { versions: vec![2, 1], sequences, ..EvaluateRequest::default() };
        let answer = evaluations(&fleet.in_process()).evaluate(request).await?.into_inner();
        let found: Vec<u64> = answer.versions.iter().map(|one| one.version).collect();
        assert_eq!(found, [2, 1]);
        let evaluated = answer.versions.into_iter().find(|one| one.version == version).expect("it was asked");
        assert_eq!((evaluated.failure.as_str(), evaluated.estimates.len()), ("", served.len()));
        for (estimate, served) in evaluated.estimates.iter().zip(&served) {
            let difference = (estimate.rating - served.rating).abs().max((estimate.spread - served.spread).abs());
            assert!(difference < ROUNDING, "version {version}: {estimate:?} is not {served:?}");
            assert_eq!((estimate.unknown_movie, estimate.failure.as_str()), (served.unknown_movie, ""));
        }
    }
    refuse_what_is_wrong(&fleet.in_process()).await?;
    let request = json!({"versions": ["1", "77"], "sequences": [{"steps": [{"movieId": "movie-1", "rating": 3}]}]});
    let answer = fleet.http().post("/v1/evaluate", &request).await?.json()?;
    assert_eq!(answer["versions"][0]["estimates"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(answer["versions"][1]["failure"], "version 77 of model 'ratings' is not loaded yet");
    fleet.stop().await;
    Ok(())
}

fn evaluations(transport: &marquee_kit::Transport) -> EvaluationsClient<marquee_kit::Transport> {
    EvaluationsClient::new(transport.clone())
}

/// A request that no version can answer is refused; a version that cannot answer fails alone.
async fn refuse_what_is_wrong(transport: &marquee_kit::Transport) -> Result<()> {
    let empty = evaluations(transport).evaluate(EvaluateRequest::default()).await.expect_err("no steps");
    assert_eq!(empty.code(), Code::InvalidArgument);
    let sequences = vec![Sequence { steps: vec![step("movie-1", 3.0)], ..Sequence::default() }];
    let unrouted = EvaluateRequest { model: "other".to_owned(), sequences: sequences.clone(), ..Default::default() };
    let unrouted = evaluations(transport).evaluate(unrouted).await.expect_err("no such model");
    assert_eq!(unrouted.code(), Code::NotFound);
    let request = EvaluateRequest { sequences, ..EvaluateRequest::default() };
    let routed: Vec<VersionEvaluation> = evaluations(transport).evaluate(request).await?.into_inner().versions;
    assert_eq!(routed.iter().map(|one| (one.version, one.estimates.len())).collect::<Vec<_>>(), [(2, 1)]);
    Ok(())
}

/// Returns every record of the predictions topic of a log that no process has open.
async fn served(folder: &Path) -> Result<Vec<ServedPrediction>> {
    let log = EmbeddedLog::open(&folder.join("log"), &LogSettings::default())?;
    let mut served = Vec::new();
    for record in read_topic(&log, Topic::PREDICTIONS).await? {
        let mut prediction = decode_served(record.header(CONTENT_TYPE), &record.value)?;
        assert_eq!(record.key.as_deref(), Some(prediction.user_id.as_bytes()), "the key is the user");
        for (index, ServedMovie { movie_id, rating, spread, unknown_movie }) in take_movies(&mut prediction) {
            served.push(ServedPrediction { movie_id, rating, spread, unknown_movie, index, ..prediction.clone() });
        }
    }
    Ok(served)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_were_shown_is_on_the_log_and_in_the_counters() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 42), Algorithm::Bias).await?;
    let clients = fleet.clients();
    let status = async || -> Result<_> {
        let status = clients.routing.clone().get_status(GetStatusRequest::default()).await?.into_inner().status;
        Ok(status.expect("a status"))
    };
    let requests = |status: &marquee_proto::rollout::v1::RoutingStatus| {
        status.models[0].versions[0].served.as_ref().map_or(0, |served| served.requests)
    };
    let before = status().await?;

    let mut named = Request::new(PredictRequest {
        user_id: "user-1".to_owned(),
        movie_ids: vec!["movie-1".to_owned(), "nowhere".to_owned()],
        ..PredictRequest::default()
    });
    named.metadata_mut().insert("x-request-id", "shown-1".parse()?);
    let predicted = clients.predictions.clone().predict(named).await?.into_inner();
    let recommend = RecommendRequest { user_id: "new".to_owned(), limit: 3, ..RecommendRequest::default() };
    let recommended = clients.predictions.clone().recommend(recommend).await?.into_inner();

    let after = status().await?;
    assert_eq!((requests(&after) - requests(&before), &after.incarnation), (2, &before.incarnation));
    let counted = after.models[0].versions[0].served.clone().expect("asked");
    let latency = counted.latency.expect("latencies");
    assert_eq!(latency.counts.iter().sum::<u64>(), counted.requests);
    assert_eq!((latency.counts.len(), counted.errors.len()), (latency.bounds.len() + 1, 0));
    let http = fleet.http().get("/v1/routing/status").await?.json()?;
    assert_eq!(http["status"]["incarnation"], after.incarnation.as_str(), "{http}");
    assert_eq!(http["status"]["models"][0]["versions"][0]["served"]["requests"], counted.requests.to_string());

    let fleet = fleet.restart().await?;
    let restarted = fleet.clients().routing.clone().get_status(GetStatusRequest::default()).await?.into_inner();
    let restarted = restarted.status.expect("a status");
    assert_ne!(restarted.incarnation, after.incarnation);
    assert_eq!(requests(&restarted), 0, "counters of an incarnation begin at 0");

    let folder = fleet.stop().await.expect("the folder of the test");
    let served = served(folder.path()).await?;
    let mut shown: Vec<_> = served.iter().filter(|one| one.request_id == "shown-1").collect();
    shown.sort_by_key(|one| one.index);
    assert_eq!(shown.len(), 2, "{served:?}");
    let provenance = predicted.provenance.expect("provenance");
    for (one, prediction) in shown.iter().zip(&predicted.predictions) {
        assert_eq!(
            (&one.movie_id, one.rating, one.spread),
            (&prediction.movie_id, prediction.rating, prediction.spread)
        );
        assert_eq!((one.version, one.variant.as_str()), (provenance.version, "stable"));
        assert_eq!((one.history_version, &one.features), (provenance.history_version, &provenance.features));
        assert_eq!((one.served_by(), one.unknown_movie), (ServedBy::Predict, prediction.unknown_movie));
        assert!(one.latency.is_some() && one.predicted_at.is_some());
    }
    let mut ranked: Vec<_> = served.iter().filter(|one| one.user_id == "new").collect();
    ranked.sort_by_key(|one| one.index);
    let movies: Vec<_> = ranked.iter().map(|one| one.movie_id.clone()).collect();
    let expected: Vec<_> =
        recommended.recommendations.iter().filter_map(|one| Some(one.movie.as_ref()?.movie_id.clone())).collect();
    assert_eq!(movies, expected);
    assert!(ranked.iter().all(|one| !one.request_id.is_empty() && one.served_by() == ServedBy::Recommend));
    Ok(())
}
