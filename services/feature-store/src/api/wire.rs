//! Converts between wire messages and the types of the domain.

use marquee_domain::{Moments, Reason, Timestamp, Violation};
use marquee_features::{Column, Definition, Value, ValueKind, View};
use marquee_kit::Failure;
use marquee_proto::convert;
use marquee_proto::features::v1 as pb;

use crate::entity::{Entity, Values};
use crate::offline::{CheckReport, Skew};
use crate::online::{Basis, EntityFeatures, Movie, Online, Statistics, User};

/// The longest answer in bytes that clients accept unless they are told otherwise.
const LONGEST_ANSWER: usize = 4 << 20;

/// Refuses a list that is too long for one call.
pub(super) fn check_size(field: &str, len: usize, most: usize) -> Result<(), Failure> {
    match len > most {
        false => Ok(()),
        true => {
            let message = format!("has {len} entries; send at most {most} in one call");
            Err(Failure::field(field, Reason::TooMany, message))
        }
    }
}

/// Refuses a request whose answer is longer than clients accept, with what to do. An answer for a
/// single entry cannot be split and passes.
pub(super) fn check_answer(field: &str, len: usize, answer: &impl prost::Message) -> Result<(), Failure> {
    if len <= 1 {
        return Ok(());
    }
    let bytes = answer.encoded_len();
    if bytes <= LONGEST_ANSWER {
        return Ok(());
    }
    let fit = (len * LONGEST_ANSWER / bytes).max(1);
    let message = format!(
        "has {len} entries, whose answer would have {bytes} bytes, and clients accept {LONGEST_ANSWER}; send at most \
         {fit} in one call"
    );
    Err(Failure::field(field, Reason::TooMany, message))
}

/// Returns the value if nothing is wrong with the request.
pub(super) fn valid<T>(value: T, violations: Vec<Violation>) -> Result<T, Failure> {
    if violations.is_empty() { Ok(value) } else { Err(Failure::invalid(violations)) }
}

/// Returns the time at which windows end. The default is now.
pub(super) fn as_of(time: Option<&marquee_proto::Timestamp>, now: Timestamp) -> Result<Timestamp, Failure> {
    let Some(time) = time else { return Ok(now) };
    convert::from_timestamp("as_of", time).map_err(|violation| Failure::invalid(vec![violation]))
}

/// Finds features by their names.
pub(super) fn columns(definition: &Definition, names: &[String]) -> Result<Vec<Column>, Failure> {
    let (mut columns, mut violations) = (Vec::with_capacity(names.len()), Vec::new());
    for (index, name) in names.iter().enumerate() {
        match definition.find(name) {
            Ok(column) => columns.push(column),
            Err(unknown) => violations.push(Violation::new(
                format!("features[{index}]"),
                Reason::UnknownFeature,
                format!("{unknown}; list the views to see all features"),
            )),
        }
    }
    valid(columns, violations)
}

/// Returns the full names of columns.
pub(super) fn names(definition: &Definition, columns: &[Column]) -> Vec<String> {
    columns.iter().map(|&column| definition.name(column)).collect()
}

/// Reads an entity. An empty id is absent. Adds what is wrong to `violations`.
pub(super) fn entity(user: &str, movie: &str, field: &str, violations: &mut Vec<Violation>) -> Entity {
    let mut report = |violation: Violation| violations.push(violation.within(field));
    let user = (!user.is_empty()).then(|| convert::user_id("user_id", user).map_err(&mut report).ok()).flatten();
    let movie = (!movie.is_empty()).then(|| convert::movie_id("movie_id", movie).map_err(&mut report).ok()).flatten();
    Entity { user, movie }
}

/// Describes every feature.
pub(super) fn views(definition: &Definition) -> Vec<pb::View> {
    let view = |view: View| pb::View {
        name: view.name().to_owned(),
        key: view.key().to_owned(),
        features: definition
            .features(view)
            .iter()
            .map(|feature| pb::Feature {
                name: feature.name.clone(),
                kind: value_kind(feature.kind()).into(),
                window_days: feature.window().unwrap_or_default(),
                description: feature.description.clone(),
            })
            .collect(),
    };
    View::ALL.into_iter().map(view).collect()
}

fn value_kind(kind: ValueKind) -> pb::ValueKind {
    match kind {
        ValueKind::Count => pb::ValueKind::Count,
        ValueKind::Number => pb::ValueKind::Number,
        ValueKind::Time => pb::ValueKind::Time,
        ValueKind::Texts => pb::ValueKind::Texts,
        ValueKind::Counts => pb::ValueKind::Counts,
        ValueKind::Numbers => pb::ValueKind::Numbers,
        ValueKind::Times => pb::ValueKind::Times,
    }
}

pub(super) fn value(value: Option<Value>) -> pb::Value {
    use pb::value::Kind as Wire;
    let kind = value.map(|value| match value {
        Value::Count(count) => Wire::Count(count),
        Value::Number(number) => Wire::Number(number),
        Value::Time(time) => Wire::Time(convert::timestamp(time)),
        Value::Texts(values) => Wire::Texts(pb::Texts { values }),
        Value::Counts(values) => Wire::Counts(pb::Counts { values }),
        Value::Numbers(values) => Wire::Numbers(pb::Numbers { values }),
        Value::Times(values) => Wire::Times(pb::Times { values: values.into_iter().map(convert::timestamp).collect() }),
    });
    pb::Value { kind }
}

pub(super) fn row(values: Values) -> pb::ValueRow {
    pb::ValueRow { values: values.into_iter().map(value).collect() }
}

pub(super) fn user(online: &Online, user: User, now: Timestamp) -> pb::User {
    let entry = |(movie, rating, at): (marquee_domain::MovieId, f64, Timestamp)| pb::HistoryEntry {
        movie_id: movie.as_str().to_owned(),
        rating,
        rated_at: Some(convert::timestamp(at)),
    };
    pb::User {
        user_id: user.id.as_str().to_owned(),
        version: user.version,
        unchanged: user.unchanged,
        history: user.history.into_iter().map(entry).collect(),
        statistics: user.statistics.map(statistics),
        freshness: Some(freshness(online, user.basis, now)),
    }
}

pub(super) fn movie(online: &Online, movie: Movie, now: Timestamp) -> pb::MovieFeatures {
    pb::MovieFeatures {
        movie_id: movie.id.as_str().to_owned(),
        statistics: Some(statistics(movie.statistics)),
        freshness: Some(freshness(online, movie.basis, now)),
    }
}

/// Converts the features of an entity. The freshness of a view is present if a column belongs to
/// the view.
pub(super) fn entity_features(
    online: &Online,
    features: EntityFeatures,
    (users, movies): (bool, bool),
    now: Timestamp,
) -> pb::EntityFeatures {
    pb::EntityFeatures {
        values: features.values.into_iter().map(value).collect(),
        user: users.then(|| freshness(online, features.user, now)),
        movie: movies.then(|| freshness(online, features.movie, now)),
    }
}

fn freshness(online: &Online, basis: Option<Basis>, now: Timestamp) -> pb::Freshness {
    let event_time = basis.and_then(|basis| basis.event_time);
    pb::Freshness {
        event_time: event_time.map(convert::timestamp),
        applied: basis.map(|basis| convert::position(basis.applied)),
        past_ttl: online.is_past_ttl(event_time, now),
    }
}

fn statistics(statistics: Statistics) -> pb::Statistics {
    let window = |(days, sum)| pb::WindowMoments { days, moments: Some(moments(sum)) };
    let genre = |(genre, sum)| pb::GenreMoments { genre, moments: Some(moments(sum)) };
    pb::Statistics {
        all_time: Some(moments(statistics.all_time)),
        windows: statistics.windows.into_iter().map(window).collect(),
        genres: statistics.genres.into_iter().map(genre).collect(),
    }
}

fn moments(moments: Moments) -> pb::Moments {
    pb::Moments { count: moments.count(), mean: moments.mean(), spread: moments.spread() }
}

pub(super) fn check_report(report: CheckReport) -> pb::CheckFeaturesResponse {
    let CheckReport { users, movies, values, events, different, skews } = report;
    let skew = |Skew { id, feature, served, replayed, applied }| pb::Skew {
        id,
        feature,
        served: Some(value(served)),
        replayed: Some(value(replayed)),
        applied: Some(convert::position(applied)),
    };
    let skews = skews.into_iter().map(skew).collect();
    pb::CheckFeaturesResponse { users, movies, values, events, skews, different }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_clients_would_not_accept_is_refused_with_how_many_fit() {
        let entry = pb::HistoryEntry { movie_id: "m".repeat(20), rating: 4.0, rated_at: None };
        let users = |count| {
            let user = pb::User { history: vec![entry.clone(); 500], ..pb::User::default() };
            pb::GetUsersResponse { users: vec![user; count] }
        };
        let refused = check_answer("users", 1_000, &users(1_000)).expect_err("too long");
        let violation = &refused.violations()[0];
        assert_eq!((violation.field.as_str(), violation.reason), ("users", Reason::TooMany));
        let (_, fit) = violation.description.rsplit_once("at most ").expect("what fits");
        let fit: usize = fit.split(' ').next().expect("a number").parse().expect("a number");
        assert!(fit > 100 && check_answer("users", fit, &users(fit)).is_ok(), "{fit}");
        let one = pb::User { history: vec![entry.clone(); 500_000], ..pb::User::default() };
        assert!(check_answer("users", 1, &pb::GetUsersResponse { users: vec![one] }).is_ok());
    }
}
