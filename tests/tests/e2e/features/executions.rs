//! One definition, three executions: what the stream serves, what a backfill makes of the log and
//! what a join gives rows are the same values.

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use marquee::StoreBackend;
use marquee_domain::Timestamp;
use marquee_e2e::servers::{Redis, or_skip};
use marquee_e2e::{Clients, Fleet, World};
use marquee_kit::{Failure, Kind, Transport};
use marquee_proto::convert;
use marquee_proto::features::v1::feature_history_client::FeatureHistoryClient;
use marquee_proto::features::v1::{
    BackfillFeaturesRequest, CheckFeaturesRequest, CheckFeaturesResponse, Entity, GetFeaturesRequest,
    JoinFeaturesRequest, JoinRow, ListViewsRequest, Value,
};
use marquee_proto::ratings::v1::Position;

type History = FeatureHistoryClient<Transport>;

pub(super) fn history(fleet: &Fleet) -> Result<History> {
    Ok(FeatureHistoryClient::new(Transport::connect(&fleet.address())?).max_decoding_message_size(64 << 20))
}

/// Everything that is served beside what the log says of it.
pub(super) async fn check(history: &History, sample: u32) -> Result<CheckFeaturesResponse> {
    Ok(history.clone().check_features(CheckFeaturesRequest { sample, seed: 5 }).await?.into_inner())
}

/// Names of every feature of a view.
async fn names(clients: &Clients, view: &str) -> Result<Vec<String>> {
    let views = clients.features.clone().list_views(ListViewsRequest {}).await?.into_inner().views;
    let view = views.into_iter().find(|known| known.name == view).context("the view")?;
    Ok(view.features.iter().map(|feature| format!("{}:{}", view.name, feature.name)).collect())
}

/// Values of everybody of a view, by id.
async fn backfilled(history: &History, request: BackfillFeaturesRequest) -> Result<BTreeMap<String, Vec<Value>>> {
    let mut answers = history.clone().backfill_features(request).await?.into_inner();
    let mut all = BTreeMap::new();
    while let Some(page) = answers.try_next().await? {
        assert_eq!(page.ids.len(), page.rows.len());
        all.extend(page.ids.into_iter().zip(page.rows.into_iter().map(|row| row.values)));
    }
    Ok(all)
}

/// What is served of every id that a backfill has is what the backfill has.
pub(super) async fn backfill_equals_what_is_served(
    clients: &Clients,
    history: &History,
    as_of: Timestamp,
) -> Result<usize> {
    let mut compared = 0;
    for view in ["user", "movie"] {
        let features = names(clients, view).await?;
        let (as_of, view) = (Some(convert::timestamp(as_of)), view.to_owned());
        // Everything that was taken in, whenever it happened: that is what a stream has.
        let request =
            BackfillFeaturesRequest { as_of, view: view.clone(), features: features.clone(), ..Default::default() };
        let rows = backfilled(history, request).await?;
        let entity = |id: &String| match view.as_str() {
            "user" => Entity { user_id: id.clone(), movie_id: String::new() },
            _ => Entity { user_id: String::new(), movie_id: id.clone() },
        };
        let request = GetFeaturesRequest { entities: rows.keys().map(entity).collect(), features, as_of };
        let served = clients.features.clone().get_features(request).await?.into_inner().rows;
        for ((id, backfilled), served) in rows.iter().zip(served) {
            assert_eq!(backfilled, &served.values, "{view} {id}");
            compared += 1;
        }
    }
    Ok(compared)
}

async fn joined(history: &History, rows: Vec<JoinRow>, features: &[&str], ignore: bool) -> Result<Vec<Vec<Value>>> {
    let features = features.iter().map(|name| (*name).to_owned()).collect();
    let request = JoinFeaturesRequest { rows, features, ignore_ingestion_time: ignore };
    let mut answers = history.clone().join_features(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(page) = answers.try_next().await? {
        all.extend(page.rows.into_iter().map(|row| row.values));
    }
    Ok(all)
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// A fleet with a world of ratings, all applied.
async fn filled(world: &World, fleet: &Fleet) -> Result<Vec<Position>> {
    fleet.clients().add_movies(world.catalogue()).await?;
    let positions = fleet.clients().rate_all(world.ratings()).await?.positions;
    fleet.clients().user("nobody", &positions).await?;
    Ok(positions)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_row_has_what_was_known_at_its_time_and_nothing_from_later() -> Result<()> {
    let (fleet, world) = (Fleet::start().await?, World::new(12, 10, 61));
    let before = now();
    filled(&world, &fleet).await?;
    let (history, ratings) = (history(&fleet)?, world.ratings());
    let at = |index: usize| {
        convert::from_timestamp("at", ratings[index].rated_at.as_ref().expect("a time")).expect("a time")
    };
    let features = ["user:rating_count", "user:rating_mean", "movie:rating_count", "user:history_movies"];
    // One row at the very time of each rating, in the order of the file turned round.
    let rows = |shift: i64| -> Vec<JoinRow> {
        let row = |(index, rating): (usize, &marquee_proto::ratings::v1::Rating)| JoinRow {
            user_id: rating.user_id.clone(),
            movie_id: rating.movie_id.clone(),
            at: Some(convert::timestamp(Timestamp::from_micros(at(index).micros() + shift))),
        };
        ratings.iter().enumerate().rev().map(row).collect()
    };
    for shift in [-1, 0] {
        let answered = joined(&history, rows(shift), &features, true).await?;
        assert_eq!(answered.len(), ratings.len());
        for (index, values) in (0..ratings.len()).rev().zip(answered) {
            // Ratings are an hour apart and in order of time.
            let known = &ratings[..index + usize::from(shift == 0)];
            let own: Vec<_> = known.iter().filter(|rating| rating.user_id == ratings[index].user_id).collect();
            let of_movie = known.iter().filter(|rating| rating.movie_id == ratings[index].movie_id).count();
            let mean = own.iter().map(|rating| rating.rating()).sum::<f64>() / own.len() as f64;
            use marquee_proto::features::v1::value::Kind;
            assert_eq!(values[0].kind, Some(Kind::Count(own.len() as u64)));
            match &values[1].kind {
                Some(Kind::Number(got)) => assert!((got - mean).abs() < 1e-9),
                other => assert!(own.is_empty() && other.is_none(), "{other:?}"),
            }
            assert_eq!(values[2].kind, Some(Kind::Count(of_movie as u64)));
            let Some(Kind::Texts(movies)) = &values[3].kind else { panic!("texts") };
            let expected: Vec<&str> = own.iter().map(|rating| rating.movie_id.as_str()).collect();
            assert_eq!(movies.values, expected);
        }
    }

    // All of it was taken in just now: before that, nothing of it was known.
    let counts =
        |answered: Vec<Vec<Value>>| -> Vec<Value> { answered.into_iter().map(|mut row| row.remove(0)).collect() };
    let nothing = counts(joined(&history, rows(0), &features, false).await?);
    use marquee_proto::features::v1::value::Kind as Of;
    assert!(nothing.iter().all(|count| count.kind == Some(Of::Count(0))));
    let row =
        |at: Timestamp| JoinRow { user_id: world.user(3), movie_id: String::new(), at: Some(convert::timestamp(at)) };
    let both = counts(joined(&history, vec![row(now()), row(before)], &features[..1], false).await?);
    let all = ratings.iter().filter(|rating| rating.user_id == world.user(3)).count() as u64;
    assert_eq!(
        both.iter().map(|value| value.kind.clone()).collect::<Vec<_>>(),
        [Some(Of::Count(all)), Some(Of::Count(0))]
    );
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_by_name() -> Result<()> {
    let fleet = Fleet::start().await?;
    let history = history(&fleet)?;
    let row = |at: bool| JoinRow {
        user_id: "u".to_owned(),
        movie_id: String::new(),
        at: at.then(|| convert::timestamp(now())),
    };
    let refused = |status: tonic::Status| {
        let failure = Failure::from_status(&status);
        assert_eq!(failure.kind(), Kind::InvalidArgument, "{status:?}");
        failure.violations().iter().map(|violation| violation.field.clone()).collect::<Vec<_>>()
    };
    let join = |rows, features: &[&str]| JoinFeaturesRequest {
        rows,
        features: features.iter().map(|name| (*name).to_owned()).collect(),
        ignore_ingestion_time: false,
    };
    let status = history.clone().join_features(join(vec![row(true), row(false)], &[])).await.expect_err("no time");
    assert_eq!(refused(status), ["rows[1].at"]);
    let names = ["user:rating_mean", "user:shoe_size", "rating_mean"];
    let status = history.clone().join_features(join(vec![row(true)], &names)).await.expect_err("no such features");
    assert_eq!(refused(status), ["features[1]", "features[2]"]);
    let request = BackfillFeaturesRequest { view: "director".to_owned(), ..Default::default() };
    assert_eq!(refused(history.clone().backfill_features(request).await.expect_err("no such view")), ["view"]);
    let features = vec!["movie:rating_mean".to_owned()];
    let request = BackfillFeaturesRequest { view: "user".to_owned(), features, ..Default::default() };
    assert_eq!(refused(history.clone().backfill_features(request).await.expect_err("another view")), ["features[0]"]);
    let entity = Entity { user_id: "x".repeat(200), movie_id: String::new() };
    let request = GetFeaturesRequest { entities: vec![entity], features: Vec::new(), as_of: None };
    let status = fleet.clients().features.clone().get_features(request).await.expect_err("too long an id");
    assert_eq!(refused(status), ["entities[0].user_id"]);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_value_that_is_not_what_the_log_says_is_found_and_named() -> Result<()> {
    let Some(redis) = or_skip(Redis::start().await)? else { return Ok(()) };
    let urls = redis.urls();
    let fleet = Fleet::start_with(|settings| {
        settings.backends.store = StoreBackend::Redis;
        settings.redis.urls = urls;
        settings.log.partitions = 1;
    })
    .await?;
    let world = World::new(12, 10, 62);
    filled(&world, &fleet).await?;
    let history = history(&fleet)?;
    let sound = check(&history, 0).await?;
    assert_eq!((sound.different, sound.users, sound.movies), (0, 12, 10));
    assert_eq!(sound.events, world.ratings().len() as u64);
    assert!(sound.values > 12 * 15);
    let some = check(&history, 4).await?;
    assert_eq!((some.different, some.users, some.movies), (0, 4, 4));

    // One user is served what is another's, and one not at all.
    let key = |user: usize| format!("marquee:{{p0}}:u/{}", world.user(user));
    assert_eq!(redis.ask(0, &format!("COPY {} {} REPLACE", key(1), key(2))).await?, "1");
    // A row that the partition lists is missed, and built again. This one is not listed any more.
    assert_eq!(redis.ask(0, &format!("HDEL marquee:{{p0}}@known u/{}", world.user(5))).await?, "1");
    assert_eq!(redis.ask(0, &format!("DEL {}", key(5))).await?, "1");
    let skewed = check(&history, 0).await?;
    assert!(skewed.different > 5, "{skewed:?}");
    let of = |user: usize| {
        let of = skewed.skews.iter().filter(|skew| skew.id == world.user(user));
        of.map(|skew| skew.feature.as_str()).collect::<Vec<_>>()
    };
    assert!(of(2).contains(&"user:rating_mean"), "{:?}", of(2));
    assert_eq!(of(5), ["user:*"]);
    assert!(skewed.skews.iter().all(|skew| [world.user(2), world.user(5)].contains(&skew.id)));
    fleet.stop().await;
    Ok(())
}
