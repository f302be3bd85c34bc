//! Training runs as their users see them: started, watched, queued, cancelled, refused, and kept
//! over a restart.

use anyhow::Result;
use marquee_e2e::{Clients, Fleet, World, marquee};
use marquee_kit::Failure;
use marquee_proto::prediction::v1::ListModelsRequest;
use marquee_proto::training::v1::{
    Algorithm, CancelTrainingRequest, ListTrainingsRequest, Parameters, Stage, StartTrainingRequest, State, Training,
    WatchTrainingRequest,
};
use tonic::Code;

use crate::spine::trained;

async fn start(clients: &Clients, algorithm: Algorithm, parameters: Parameters) -> Result<Training, tonic::Status> {
    let request =
        StartTrainingRequest { model: String::new(), algorithm: algorithm.into(), parameters: Some(parameters) };
    Ok(clients.trainer.clone().start_training(request).await?.into_inner().training.expect("a run"))
}

/// A fit that takes long enough to be cancelled.
fn endless() -> Parameters {
    Parameters { sweeps: 10_000, burn_in: 10, samples: 4, factors: 64, ..Parameters::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_every_stage_in_order_and_the_result() -> Result<()> {
    let fleet = trained(&World::new(40, 30, 21), Algorithm::Bias).await?;
    let run = start(fleet.clients(), Algorithm::Map, Parameters::default()).await?;
    let request = WatchTrainingRequest { training_id: run.training_id.clone() };
    let mut updates = fleet.clients().trainer.clone().watch_training(request).await?.into_inner();
    let (mut stages, mut last) = (Vec::new(), None);
    while let Some(update) = updates.message().await? {
        let training = update.training.expect("a run");
        if training.state() == State::Running && stages.last() != Some(&training.stage()) {
            stages.push(training.stage());
        }
        last = Some(training);
    }
    let last = last.expect("an update");
    assert_eq!((last.state(), last.version), (State::Succeeded, 2), "{}", last.message);
    assert!(stages.windows(2).all(|pair| (pair[0] as i32) <= (pair[1] as i32)), "{stages:?}");
    assert!(stages.iter().all(|stage| *stage != Stage::Unspecified), "{stages:?}");
    let metrics = last.metrics.expect("metrics");
    assert!(metrics.rmse > 0.0 && metrics.rmse < metrics.bias_rmse, "{metrics:?}");
    assert!(metrics.holdout_ratings > 0 && metrics.training_ratings > metrics.holdout_ratings);
    assert_eq!((last.digest.len(), last.dataset_digest.len()), (64, 64));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_queue_and_a_cancelled_one_publishes_nothing() -> Result<()> {
    let fleet = trained(&World::new(40, 30, 22), Algorithm::Bias).await?;
    let clients = fleet.clients();
    let running = start(clients, Algorithm::Bayes, endless()).await?;
    let queued = start(clients, Algorithm::Bias, Parameters::default()).await?;
    assert_eq!(queued.state(), State::Queued);
    let list = clients.trainer.clone().list_trainings(ListTrainingsRequest::default()).await?.into_inner().trainings;
    let ids: Vec<&str> = list.iter().map(|run| run.training_id.as_str()).collect();
    assert_eq!(ids[..2], [queued.training_id.as_str(), running.training_id.as_str()], "newest first");

    let request = CancelTrainingRequest { training_id: running.training_id.clone() };
    clients.trainer.clone().cancel_training(request).await?;
    let cancelled = clients.watch(&running.training_id).await?;
    assert_eq!((cancelled.state(), cancelled.version), (State::Cancelled, 0));
    let next = clients.watch(&queued.training_id).await?;
    assert_eq!((next.state(), next.version), (State::Succeeded, 2), "the version was not used up");

    let request = CancelTrainingRequest { training_id: next.training_id.clone() };
    let ended = clients.trainer.clone().cancel_training(request).await?.into_inner().training.expect("a run");
    assert_eq!(ended.state(), State::Succeeded, "a run that has ended stays as it is");
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_trained_says_why() -> Result<()> {
    let fleet = Fleet::start().await?;
    let clients = fleet.clients();
    let failed = clients.run(Algorithm::Map, Parameters::default()).await?;
    assert_eq!(failed.state(), State::Failed);
    assert!(failed.message.contains("0 ratings"), "{}", failed.message);

    let wrong = [
        (Parameters { factors: 129, ..Parameters::default() }, "parameters.factors"),
        (Parameters { sweeps: 10, burn_in: 10, ..Parameters::default() }, "parameters.burn_in"),
        (Parameters { samples: 65, ..Parameters::default() }, "parameters.samples"),
        (Parameters { holdout: 0.9, ..Parameters::default() }, "parameters.holdout"),
        (Parameters { holdout: f64::NAN, ..Parameters::default() }, "parameters.holdout"),
    ];
    for (parameters, field) in wrong {
        let status = start(clients, Algorithm::Bayes, parameters).await.expect_err(field);
        assert_eq!(status.code(), Code::InvalidArgument);
        let failure = Failure::from_status(&status);
        assert!(failure.violations().iter().any(|violation| violation.field == field), "{field}: {failure:?}");
    }
    let status = start(clients, Algorithm::Unspecified, Parameters::default()).await.expect_err("no algorithm");
    assert_eq!(Failure::from_status(&status).violations()[0].field, "algorithm");
    let request = WatchTrainingRequest { training_id: "nobody".to_owned() };
    let status = clients.trainer.clone().watch_training(request).await.expect_err("no such run");
    assert_eq!(status.code(), Code::NotFound);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_below_its_gate_is_not_published() -> Result<()> {
    let fleet =
        Fleet::start_with(|settings| settings.role::<marquee_trainer::Trainer>().gates.rmse_over_bias = 0.01).await?;
    let clients = fleet.clients();
    let world = World::new(30, 20, 23);
    clients.add_movies(world.catalogue()).await?;
    clients.rate_all(world.ratings()).await?;
    let failed = clients.run(Algorithm::Map, Parameters::default()).await?;
    assert_eq!(failed.state(), State::Failed);
    assert!(failed.message.contains("gate rmse"), "{}", failed.message);
    let models = clients.models.clone().list_models(ListModelsRequest::default()).await?.into_inner();
    assert!(models.versions.is_empty());
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_data_and_seed_give_the_same_model() -> Result<()> {
    let world = World::new(40, 30, 24);
    let parameters = Parameters { seed: 3, ..Parameters::default() };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let fleet = Fleet::start().await?;
        let clients = fleet.clients();
        clients.add_movies(world.catalogue()).await?;
        let positions = clients.rate_all(world.ratings()).await?.positions;
        let (training, _) = clients.train(Algorithm::Bayes, parameters).await?;
        let answer = clients.predict(&world.user(1), &["movie-2", "movie-3", "movie-4"], &positions).await?;
        let bits: Vec<u64> = answer.predictions.iter().map(|one| one.rating.to_bits()).collect();
        seen.push((training.dataset_digest, bits));
        fleet.stop().await;
    }
    assert_eq!(seen[0], seen[1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_kept_over_a_restart_and_one_that_was_cut_off_is_no_success() -> Result<()> {
    let fleet = trained(&World::new(40, 30, 25), Algorithm::Bias).await?;
    let cut = start(fleet.clients(), Algorithm::Bayes, endless()).await?;
    let fleet = fleet.restart().await?;
    let request = ListTrainingsRequest::default();
    let list = fleet.clients().trainer.clone().list_trainings(request).await?.into_inner().trainings;
    assert_eq!(list.len(), 2, "{list:?}");
    assert_eq!((list[1].state(), list[1].version), (State::Succeeded, 1));
    assert_eq!(list[0].training_id, cut.training_id);
    // Queued again or given up, but never forgotten and never a success.
    assert_ne!(list[0].state(), State::Succeeded);
    let request = CancelTrainingRequest { training_id: cut.training_id.clone() };
    fleet.clients().trainer.clone().cancel_training(request).await?;
    let ended = fleet.clients().watch(&cut.training_id).await?;
    assert!(matches!(ended.state(), State::Failed | State::Cancelled), "{:?}", ended.state());
    assert_eq!(fleet.clients().predict("u", &["movie-1"], &[]).await?.provenance.expect("provenance").version, 1);
    fleet.stop().await;
    Ok(())
}

/// Returns the ids of all runs, and the number of pages that they come in.
async fn run_ids(clients: &Clients, page_size: u32) -> Result<(Vec<String>, usize)> {
    let (mut ids, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let request = ListTrainingsRequest { page_size, page_token };
        let page = clients.trainer.clone().list_trainings(request).await?.into_inner();
        ids.extend(page.trainings.into_iter().map(|run| run.training_id));
        (pages, page_token) = (pages + 1, page.next_page_token);
        if page_token.is_empty() {
            return Ok((ids, pages));
        }
    }
}

/// Returns all versions, and the number of pages that they come in.
async fn versions(clients: &Clients, page_size: u32) -> Result<(Vec<u64>, usize)> {
    let (mut versions, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let request = ListModelsRequest { page_size, page_token, ..ListModelsRequest::default() };
        let page = clients.models.clone().list_models(request).await?.into_inner();
        versions.extend(page.versions.into_iter().map(|version| version.version));
        (pages, page_token) = (pages + 1, page.next_page_token);
        if page_token.is_empty() {
            return Ok((versions, pages));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_come_in_pages() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 28), Algorithm::Bias).await?;
    let clients = fleet.clients();
    for _ in 0..4 {
        clients.train(Algorithm::Bias, Parameters::default()).await?;
    }
    let (all, pages) = run_ids(clients, 0).await?;
    assert_eq!((all.len(), pages), (5, 1), "a client that knows no pages gets all");
    assert_eq!(run_ids(clients, 2).await?, (all.clone(), 3));
    assert_eq!(run_ids(clients, 5).await?, (all, 1), "a full page may be the last");
    assert_eq!(versions(clients, 0).await?, (vec![1, 2, 3, 4, 5], 1));
    assert_eq!(versions(clients, 2).await?, (vec![1, 2, 3, 4, 5], 3));

    let http = fleet.http();
    let page = http.get("/v1/models?model=ratings&pageSize=3").await?.json()?;
    assert_eq!((page["versions"].as_array().map(Vec::len), &page["nextPageToken"]), (Some(3), &"ratings/3".into()));
    let rest = http.get("/v1/models?pageToken=ratings%2F3").await?.json()?;
    assert_eq!(rest["versions"][0]["version"], "4");
    for path in ["/v1/models?pageToken=nothing", "/v1/models?pageSize=10001"] {
        assert_eq!(http.get(path).await?.status, 400, "{path}");
    }
    let request = ListTrainingsRequest { page_token: "?".to_owned(), ..ListTrainingsRequest::default() };
    let refused = clients.trainer.clone().list_trainings(request).await.expect_err("no such token");
    assert_eq!(refused.code(), Code::InvalidArgument);

    let address = fleet.address();
    let listed = async |arguments: &[&str]| -> Result<usize> {
        let more = ["--json", "--grpc", &address];
        let arguments: Vec<String> = arguments.iter().chain(&more).map(|one| (*one).to_owned()).collect();
        let listed = marquee(env!("CARGO_BIN_EXE_marquee-under-test"), arguments).await?;
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout)?;
        Ok(listed.as_array().map_or(0, Vec::len))
    };
    assert_eq!(listed(&["models"]).await?, 5);
    assert_eq!((listed(&["train", "list"]).await?, listed(&["train", "list", "-n", "3"]).await?), (5, 3));
    fleet.stop().await;
    Ok(())
}
