//! The routing table: which version answers which user, while weights change, versions come and go,
//! and the fleet restarts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use marquee_e2e::{Clients, DEADLINE, World};
use marquee_proto::prediction::v1::{ListModelsRequest, LoadModelRequest, ModelState};
use marquee_proto::rollout::v1::{
    Candidate, GetRouteRequest, GetStatusRequest, ModelStatus, Route, SetRouteRequest, VersionState, WatchRoutesRequest,
};
use marquee_proto::training::v1::{Algorithm, Parameters};
use tonic::Code;

use crate::spine::trained;

/// The version that answers each of 400 users.
async fn versions(clients: &Clients) -> Result<Vec<u64>> {
    let mut versions = Vec::new();
    for user in 0..400 {
        let answer = clients.predict(&format!("u{user}"), &["movie-1"], &[]).await?;
        let provenance = answer.provenance.expect("provenance");
        assert_eq!(provenance.variant, if provenance.version == 1 { "stable" } else { "candidate" });
        versions.push(provenance.version);
    }
    Ok(versions)
}

/// Answers by version, as the fleet counts them.
async fn answered(clients: &Clients) -> Result<BTreeMap<u64, u64>> {
    let models = clients.models.clone().list_models(ListModelsRequest::default()).await?.into_inner();
    Ok(models.versions.into_iter().map(|model| (model.version, model.answered)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn users_keep_their_side_while_weights_grow_and_over_a_restart() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 11), Algorithm::Bias).await?;
    fleet.clients().train(Algorithm::Map, Parameters::default()).await?;
    assert!(
        versions(fleet.clients()).await?.iter().all(|version| *version == 1),
        "a new version answers nobody by itself"
    );

    fleet.clients().route(1, &[(2, 2_000)]).await?;
    let before = answered(fleet.clients()).await?;
    let fifth = versions(fleet.clients()).await?;
    let after = answered(fleet.clients()).await?;
    let share = fifth.iter().filter(|version| **version == 2).count();
    assert!((50..=110).contains(&share), "{share} of 400 is not about a fifth");
    for version in [1, 2] {
        let seen = fifth.iter().filter(|seen| **seen == version).count() as u64;
        assert_eq!(after[&version] - before[&version], seen, "version {version} counts what it answered");
    }
    assert_eq!(versions(fleet.clients()).await?, fifth, "assignment is sticky");

    let fleet = fleet.restart().await?;
    assert_eq!(versions(fleet.clients()).await?, fifth, "a restart changes nobody's side");

    fleet.clients().route(1, &[(2, 6_000)]).await?;
    let most = versions(fleet.clients()).await?;
    assert!(fifth.iter().zip(&most).all(|(before, after)| *before == 1 || *after == 2), "who was on 2 stays there");
    assert!(most.iter().filter(|version| **version == 2).count() > share);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_hold_is_refused_and_the_old_route_stays() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 12), Algorithm::Bias).await?;
    let clients = fleet.clients();
    let current = clients.routed().await?;
    assert_eq!((current.stable, current.revision), (1, 1), "the first version is routed by itself");

    let refused = clients.route(9, &[]).await.expect_err("no such version");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("version 9"), "{}", refused.message());

    let candidates = vec![Candidate { version: 1, weight: 10_001 }];
    let route = Route { stable: 1, candidates, ..Route::default() };
    let request = SetRouteRequest { route: Some(route), expected_revision: 0 };
    let refused = clients.routing.clone().set_route(request).await.expect_err("more than everybody");
    assert_eq!(refused.code(), Code::InvalidArgument);

    let request = SetRouteRequest { route: Some(Route { stable: 1, ..Route::default() }), expected_revision: 7 };
    let refused = clients.routing.clone().set_route(request).await.expect_err("another revision");
    assert_eq!(refused.code(), Code::Aborted);
    assert!(refused.message().contains("at 1"), "{}", refused.message());

    assert_eq!(clients.routed().await?, current);
    let request = GetRouteRequest { model: "another".to_owned() };
    let refused = clients.routing.clone().get_route(request).await.expect_err("no such model");
    assert_eq!(refused.code(), Code::NotFound);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_the_table_now_and_every_change() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 13), Algorithm::Bias).await?;
    let clients = fleet.clients();
    let mut routes = clients.routing.clone().watch_routes(WatchRoutesRequest {}).await?.into_inner();
    let mut next = async || tokio::time::timeout(DEADLINE, routes.message()).await.expect("in time");
    assert_eq!(next().await?.and_then(|update| update.route).expect("a route").revision, 1);
    let changed = clients.route(1, &[(1, 0)]).await;
    let changed = match changed {
        Ok(route) => route,
        // The stable version as its own candidate is refused: change the salt instead.
        Err(_) => {
            let route = Route { stable: 1, salt: "another".to_owned(), ..Route::default() };
            let request = SetRouteRequest { route: Some(route), expected_revision: 1 };
            clients.routing.clone().set_route(request).await?.into_inner().route.expect("a route")
        }
    };
    assert_eq!(next().await?.and_then(|update| update.route), Some(changed));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_swapped_without_dropping_a_request() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 14), Algorithm::Bias).await?;
    let done = Arc::new(AtomicBool::new(false));
    let load = |number: usize| {
        let (clients, done) = (fleet.clients().clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
            let mut request = 0;
            while !done.load(Ordering::Relaxed) {
                request += 1;
                let user = format!("u{number}-{}", request % 50);
                let answer = clients.predict(&user, &["movie-1", "movie-2"], &[]).await?;
                assert_eq!(answer.predictions.len(), 2);
                *seen.entry(answer.provenance.expect("provenance").version).or_default() += 1;
            }
            anyhow::Ok(seen)
        })
    };
    let loads: Vec<_> = (0..4).map(load).collect();
    // Each new version goes from a candidate to all users; the oldest ones are unloaded meanwhile.
    for version in 2..=6_u64 {
        let (training, _) = fleet.clients().train(Algorithm::Bias, Parameters::default()).await?;
        assert_eq!(training.version, version);
        fleet.clients().route(version - 1, &[(version, 5_000)]).await?;
        fleet.clients().route(version, &[]).await?;
    }
    done.store(true, Ordering::Relaxed);
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for load in loads {
        for (version, count) in load.await?? {
            *seen.entry(version).or_default() += count;
        }
    }
    assert!(seen.len() >= 3 && seen.values().sum::<u64>() > 100, "several versions answered: {seen:?}");
    fleet.stop().await;
    Ok(())
}

/// What the fleet reports of its model.
async fn status(clients: &Clients) -> Result<ModelStatus> {
    let request = GetStatusRequest { model: "ratings".to_owned() };
    let status = clients.routing.clone().get_status(request).await?.into_inner().status.expect("a status");
    Ok(status.models.into_iter().next().expect("the model"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_a_version_that_is_not_loaded_answers_by_the_old_route_until_it_is() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 16), Algorithm::Bias).await?;
    let clients = fleet.clients();
    for _ in 2..=6 {
        clients.train(Algorithm::Bias, Parameters::default()).await?;
    }
    clients.route(6, &[]).await?;
    let state = |status: &ModelStatus| status.versions.iter().find(|one| one.version == 1).map(|one| one.state());
    let started = std::time::Instant::now();
    while state(&status(clients).await?) != Some(VersionState::Stored) {
        assert!(started.elapsed() < DEADLINE, "version 1 is never unloaded");
    }
    // Version 1 is not loaded here: the change is accepted, and the old route answers meanwhile.
    let wanted = clients.route(1, &[]).await?;
    loop {
        let answer = clients.predict("u1", &["movie-1"], &[]).await?;
        let version = answer.provenance.expect("provenance").version;
        assert!(matches!(version, 1 | 6), "{version}");
        if version == 1 {
            break;
        }
        assert!(started.elapsed() < DEADLINE, "version 1 never answers");
    }
    let shown = status(clients).await?;
    assert_eq!((shown.effective.as_ref(), shown.wanted.as_ref()), (Some(&wanted), Some(&wanted)));
    assert_eq!((state(&shown), shown.pending.as_str()), (Some(VersionState::Warm), ""));
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_that_was_asked_for_stays_until_it_is_routed() -> Result<()> {
    let fleet = trained(&World::new(30, 20, 15), Algorithm::Bias).await?;
    let clients = fleet.clients();
    for _ in 2..=6 {
        clients.train(Algorithm::Bias, Parameters::default()).await?;
    }
    clients.route(6, &[]).await?;
    let state = async || -> Result<ModelState> {
        let models = clients.models.clone().list_models(ListModelsRequest::default()).await?.into_inner().versions;
        Ok(models.iter().find(|model| model.version == 1).expect("version 1 is in the store").state())
    };
    // Version 1 is neither new nor routed: it is unloaded.
    let started = std::time::Instant::now();
    while state().await? != ModelState::Stored {
        assert!(started.elapsed() < DEADLINE, "version 1 is never unloaded");
    }
    let request = LoadModelRequest { model: String::new(), version: 1 };
    clients.models.clone().load_model(request).await?;
    // The store is listed many times during a training: there is time for a rollback.
    clients.train(Algorithm::Bias, Parameters::default()).await?;
    assert_eq!(state().await?, ModelState::Ready);
    assert_eq!(clients.route(1, &[]).await?.stable, 1);
    fleet.stop().await;
    Ok(())
}
