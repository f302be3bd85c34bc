//! Records of other producers on the rating topic that are not valid ratings. They are copied to
//! the rejected topic, and everything else goes on.

use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use marquee_domain::{Position, Timestamp};
use marquee_e2e::{Fleet, World, until};
use marquee_embedded::{EmbeddedLog, LogSettings};
use marquee_ports::{NewRecord, RatingLog, Topic};
use marquee_proto::convert;
use marquee_proto::training::v1::{Algorithm, Parameters};
use tokio::runtime::Handle;

use super::{header, topic};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A record of somebody else's, all of one user so that all share a partition.
fn foreign(content_type: Option<&str>, value: &[u8]) -> NewRecord {
    let content_type = content_type.map(|text| ("content-type".to_owned(), Bytes::copy_from_slice(text.as_bytes())));
    NewRecord {
        key: Some(Bytes::from_static(b"foreigner")),
        value: Bytes::copy_from_slice(value),
        headers: content_type.into_iter().collect(),
        timestamp: Timestamp::from_seconds(1_700_000_000),
    }
}

fn rated(movie: &str, value: &str) -> String {
    let fields =
        format!(r#""userId":"foreigner","movieId":"{movie}","rating":{value},"ratedAt":"2024-05-01T12:00:00Z""#);
    format!(r#"{{"rated":{{{fields}}}}}"#)
}

/// A rating of another user, whose partition is another one.
fn misplaced() -> NewRecord {
    foreign(None, rated("movie-1", "4").replace("foreigner", "somebody-else").as_bytes())
}

/// The same, moved there by a process that counted other partitions.
fn moved_before() -> NewRecord {
    let mut record = misplaced();
    record.headers.push(("moved-from".to_owned(), Bytes::from_static(b"5@7")));
    record
}

/// Values that are no ratings of this deployment, with what the rejected topic is to say of them.
fn junk() -> Vec<(NewRecord, &'static str, &'static str)> {
    let no_time = r#"{"rated":{"userId":"foreigner","movieId":"movie-1","rating":4}}"#;
    let no_rating = rated("movie-1", "null");
    vec![
        (foreign(Some(PROTOBUF), &[0xff; 20]), "MALFORMED", "does not decode as the protobuf message"),
        (foreign(None, b"\x00\x01\x02"), "MALFORMED", "does not decode as the protobuf message"),
        (foreign(None, b"{\"rated\": "), "MALFORMED", "does not parse as the JSON"),
        (foreign(Some(JSON), b"[1, 2, 3]"), "MALFORMED", "does not parse as the JSON"),
        (foreign(Some(JSON), br#"{"stars": 5}"#), "MALFORMED", "does not parse as the JSON"),
        (foreign(Some("text/csv"), b"foreigner,movie-1,4"), "MALFORMED", "text/csv"),
        (foreign(Some(PROTOBUF), b""), "MALFORMED", "event is missing"),
        (foreign(None, no_time.as_bytes()), "MALFORMED", "rated.rated_at is missing"),
        (foreign(None, no_rating.as_bytes()), "MALFORMED", "rated.rating is missing: give one from 1 to 5"),
        (foreign(None, rated("", "4").as_bytes()), "MALFORMED", "rated.movie_id is empty"),
        (foreign(None, rated("movie-1", "\"NaN\"").as_bytes()), "NOT_A_NUMBER", "rated.rating is not a finite number"),
        (foreign(None, rated("movie-1", "1e300").as_bytes()), "OFF_SCALE", "off the scale"),
        (foreign(None, rated("movie-1", "3.5").as_bytes()), "OFF_STEP", "between two steps"),
        (moved_before(), "WRONG_PARTITION", "'somebody-else' belong to another partition"),
    ]
}

/// Appends to the rating topic of a fleet that is down.
fn append(folder: &Path, records: Vec<NewRecord>) -> Result<Vec<Position>> {
    let append = async {
        let log = EmbeddedLog::open(&folder.join("log"), &LogSettings::default())?;
        anyhow::Ok(log.append(Topic::RATINGS, records).await?)
    };
    tokio::task::block_in_place(|| Handle::current().block_on(append))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_none_is_set_aside_and_its_partition_goes_on() -> Result<()> {
    let world = World::new(40, 20, 41);
    let fleet = Fleet::start().await?;
    fleet.clients().add_movies(world.catalogue()).await?;
    let ratings = world.ratings();
    assert!(fleet.clients().rate_all(ratings.clone()).await?.rejected.is_empty());

    // Junk, with a good record of another language before, between and after.
    let junk = junk();
    let mut records = vec![foreign(None, rated("movie-2", "5").as_bytes())];
    for (turn, (record, ..)) in junk.iter().enumerate() {
        records.push(record.clone());
        if turn == 4 {
            records.push(foreign(Some("application/json; charset=utf-8"), rated("movie-4", "4").as_bytes()));
        }
    }
    records.push(misplaced());
    records.push(foreign(None, rated("movie-6", "3").as_bytes()));
    let mut positions = Vec::new();
    let fleet = fleet
        .restart_after(|folder| {
            positions = append(folder, records.clone())?;
            Ok(())
        })
        .await?;
    let clients = fleet.clients();

    let last = convert::position(*positions.last().expect("appended"));
    let user = clients.user("foreigner", &[last]).await?;
    let history: Vec<_> = user.history.iter().map(|entry| (entry.movie_id.as_str(), entry.rating)).collect();
    assert_eq!(history, [("movie-2", 5.0), ("movie-4", 4.0), ("movie-6", 3.0)]);
    let moments = user.statistics.and_then(|statistics| statistics.all_time).expect("statistics");
    assert_eq!((moments.count, moments.mean), (3, 4.0));
    let next = clients.rate("foreigner", "movie-8", 1.0).await?;
    assert_eq!(clients.user("foreigner", &[next]).await?.history.len(), 4, "the partition goes on");
    assert!(fleet.http().get("/metrics").await?.text().contains("marquee_features_events_rejected_total 14\n"));

    // What is only in the wrong partition is moved, and counts.
    until("the rating is moved", async || {
        clients.user("somebody-else", &[]).await.ok().filter(|user| !user.history.is_empty())
    })
    .await?;

    // Training takes what counts and nothing else.
    let training = clients.run(Algorithm::Bias, Parameters::default()).await?;
    let metrics = training.metrics.expect("metrics");
    assert_eq!(metrics.training_ratings + metrics.holdout_ratings, ratings.len() as u64 + 5, "{training:?}");

    // Another start does not set them aside again.
    let folder = fleet.restart().await?.stop().await.expect("a folder of its own");
    let kept = topic(folder.path(), Topic::REJECTED).await?;
    assert_eq!(kept.len(), junk.len());
    for (record, reason, part) in &junk {
        let mine: Vec<_> = kept.iter().filter(|kept| kept.value == record.value).collect();
        assert_eq!(mine.len(), 1, "{:?}", record.value);
        assert_eq!(mine[0].key, record.key);
        assert!(record.headers.iter().all(|header| mine[0].headers.contains(header)), "{:?}", mine[0].headers);
        assert_eq!(header(mine[0], "reason"), *reason);
        assert_eq!(header(mine[0], "source"), Topic::RATINGS.name());
        let place = records.iter().zip(&positions).find(|(written, _)| *written == record);
        let place = place.map(|(_, position)| position.to_string()).expect("written above");
        assert_eq!(header(mine[0], "source-position"), place);
        let message = header(mine[0], "message");
        assert!(message.contains(part), "{message}");
    }
    Ok(())
}
