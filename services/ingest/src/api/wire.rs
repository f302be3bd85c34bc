//! Conversion between messages of `marquee.ratings.v1` and the types of the domain.

use bytes::Bytes;
use marquee_domain::{Movie, MovieId, Rating, Reason, UserId, Violation};
use marquee_kit::{Compute, Failure};
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;
use prost::Message;

use crate::intake::{Batch, LARGE, Outcome, Refused, Rules};

/// Checks everything about a rating but the existence of its movie, and names all violations at
/// once.
pub(crate) fn rating(wire: &pb::Rating, rules: Rules) -> Result<Rating, Refused> {
    let mut violations = Vec::new();
    let user = keep(convert::new_user_id("user_id", &wire.user_id), &mut violations);
    let movie = keep(convert::new_movie_id("movie_id", &wire.movie_id), &mut violations);
    let value = keep(convert::rating("rating", wire.rating, &rules.scale), &mut violations);
    let rated_at = match &wire.rated_at {
        None => Ok(rules.now),
        Some(time) => convert::from_timestamp("rated_at", time).and_then(|time| {
            if time <= rules.latest {
                return Ok(time);
            }
            let fix = format!("is {time}, in the future: give the time of the rating, at the latest {}", rules.latest);
            Err(Violation::new("rated_at", Reason::InTheFuture, fix))
        }),
    };
    let rated_at = keep(rated_at, &mut violations);
    match (user, movie, value, rated_at) {
        (Some(user), Some(movie), Some(value), Some(rated_at)) => Ok(Rating { user, movie, value, rated_at }),
        (_, movie, _, _) => Err(Refused { violations, movie }),
    }
}

fn keep<T>(checked: Result<T, Violation>, violations: &mut Vec<Violation>) -> Option<T> {
    checked.map_err(|violation| violations.push(violation)).ok()
}

/// Checks the id of a user.
pub(crate) fn user(id: &str) -> Result<UserId, Failure> {
    convert::user_id("user_id", id).map_err(|violation| Failure::invalid(vec![violation]))
}

/// Checks the id of a movie.
pub(crate) fn movie(id: &str) -> Result<MovieId, Failure> {
    convert::movie_id("movie_id", id).map_err(|violation| Failure::invalid(vec![violation]))
}

/// Checks a batch of ratings: a large one off the async threads.
pub(crate) async fn batch(wire: Vec<pb::Rating>, rules: Rules, compute: &Compute) -> Batch {
    compute.run_if(wire.len() > LARGE, move || checked(wire, rules)).await
}

/// Checks the ratings of a batch. Its originals are encoded again only if something is rejected.
fn checked(wire: Vec<pb::Rating>, rules: Rules) -> Batch {
    let ratings = wire.iter().map(|rating| self::rating(rating, rules)).collect();
    Batch { ratings, original: Box::new(move |index| original(&wire[index])) }
}

fn original(wire: &pb::Rating) -> Bytes {
    wire.encode_to_vec().into()
}

/// Checks movies and names all violations at once: many of them off the async threads.
pub(crate) async fn movies(wire: Vec<pb::Movie>, compute: &Compute) -> Result<Vec<Movie>, Failure> {
    compute.run_if(wire.len() > LARGE, move || checked_movies(wire)).await
}

fn checked_movies(wire: Vec<pb::Movie>) -> Result<Vec<Movie>, Failure> {
    let (mut movies, mut violations) = (Vec::with_capacity(wire.len()), Vec::new());
    for (index, movie) in wire.into_iter().enumerate() {
        let checked = convert::new_movie_id("movie_id", &movie.movie_id);
        match checked.and_then(|_| convert::from_movie(movie)) {
            Ok(movie) => movies.push(movie),
            Err(violation) => violations.push(violation.within(&format!("movies[{index}]"))),
        }
    }
    if violations.is_empty() { Ok(movies) } else { Err(Failure::invalid(violations)) }
}

/// Returns the answer to a batch.
pub(crate) fn submitted(outcome: Outcome) -> pb::SubmitRatingsResponse {
    let positions = positions(&outcome);
    pb::SubmitRatingsResponse { accepted: outcome.accepted(), rejected: rejected(outcome), positions }
}

/// Returns the answer to a batch of a stream.
pub(crate) fn streamed(sequence: u64, outcome: Outcome) -> pb::StreamRatingsResponse {
    let positions = positions(&outcome);
    pb::StreamRatingsResponse { sequence, accepted: outcome.accepted(), rejected: rejected(outcome), positions }
}

fn positions(outcome: &Outcome) -> Vec<pb::Position> {
    outcome.last_positions().into_iter().map(convert::position).collect()
}

fn rejected(outcome: Outcome) -> Vec<pb::RejectedRating> {
    let violation = |index: usize, violation: Violation| pb::FieldViolation {
        field: format!("ratings[{index}].{}", violation.field),
        description: violation.description,
        reason: violation.reason.as_str().to_owned(),
    };
    outcome
        .rejected
        .into_iter()
        .map(|(index, violations)| pb::RejectedRating {
            index: index as u32,
            violations: violations.into_iter().map(|one| violation(index, one)).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use marquee_domain::{Scale, Timestamp};

    use super::*;

    fn rules() -> Rules {
        let now = Timestamp::from_seconds(1_000_000_000);
        let scale = Scale::try_new(1.0, 5.0, 1.0).expect("valid");
        Rules { scale, now, latest: now.plus(Duration::from_secs(300)) }
    }

    fn wire(user: &str, movie: &str, value: f64, seconds: Option<i64>) -> pb::Rating {
        pb::Rating {
            user_id: user.to_owned(),
            movie_id: movie.to_owned(),
            rating: Some(value),
            rated_at: seconds.map(|seconds| marquee_proto::Timestamp { seconds, nanos: 0 }),
        }
    }

    fn reasons(wire: &pb::Rating) -> Vec<(String, Reason)> {
        rating(wire, rules()).expect_err("wrong").violations.into_iter().map(|v| (v.field, v.reason)).collect()
    }

    #[tokio::test]
    async fn a_large_batch_is_checked_off_the_async_threads() {
        let compute = Compute::new(NonZeroUsize::MIN);
        // A job that uses the whole pool.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let pool = compute.clone();
        let job = tokio::spawn(async move { pool.run(move || released.recv().is_ok()).await });
        tokio::task::yield_now().await;
        let ratings = |count: usize| vec![wire("u", "m", 4.0, None); count];
        assert_eq!(batch(ratings(LARGE), rules(), &compute).await.ratings.len(), LARGE);
        let mut large = Box::pin(batch(ratings(LARGE + 1), rules(), &compute));
        tokio::time::timeout(Duration::from_millis(50), &mut large).await.expect_err("it waits for the pool");
        release.send(()).expect("the job waits");
        assert_eq!(large.await.ratings.len(), LARGE + 1);
        assert!(job.await.expect("no panic"));
    }

    #[test]
    fn a_missing_time_is_the_time_of_receipt() {
        assert_eq!(rating(&wire("u", "m", 4.0, None), rules()).expect("valid").rated_at, rules().now);
    }

    #[test]
    fn an_absent_rating_is_refused_also_where_the_scale_starts_at_zero() {
        let absent = pb::Rating { rating: None, ..wire("u", "m", 4.0, None) };
        assert_eq!(reasons(&absent), [("rating".to_owned(), Reason::Missing)]);
        let scale = Scale::try_new(0.0, 10.0, 1.0).expect("valid");
        let rules = Rules { scale, ..rules() };
        let refused = rating(&absent, rules).expect_err("absent");
        assert_eq!(refused.violations[0].reason, Reason::Missing);
        assert!(rating(&wire("u", "m", 0.0, None), rules).is_ok(), "0 is a rating on this scale");
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let got = reasons(&wire("", &"m".repeat(200), f64::NAN, Some(2_000_000_000)));
        let expected = [
            ("user_id".to_owned(), Reason::Empty),
            ("movie_id".to_owned(), Reason::TooLong),
            ("rating".to_owned(), Reason::NotANumber),
            ("rated_at".to_owned(), Reason::InTheFuture),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn ids_that_paths_or_readers_cannot_show_are_refused_by_name() {
        for id in [".", "..", "ann\u{202e}nna", "a\u{2066}b", "a\u{200f}", "a\u{2028}b", "\u{feff}ann", "a\u{200b}"] {
            let got = reasons(&wire(id, "m", 4.0, None));
            let reason = if id.starts_with('.') { Reason::Malformed } else { Reason::ControlCharacter };
            assert_eq!(got, [("user_id".to_owned(), reason)], "{id:?}");
            let movie = pb::Movie { movie_id: id.to_owned(), ..pb::Movie::default() };
            assert_eq!(checked_movies(vec![movie]).expect_err("wrong").violations()[0].field, "movies[0].movie_id");
            // What an earlier version stored under such an id can still be read and removed.
            assert!(user(id).is_ok());
        }
        for id in ["...", ".a", "a..b", "\u{5d0}\u{5d1}", "\u{1f468}\u{200d}\u{1f469}"] {
            assert!(rating(&wire(id, id, 4.0, None), rules()).is_ok(), "{id:?}");
        }
    }

    #[test]
    fn a_rating_between_two_steps_is_refused() {
        assert_eq!(reasons(&wire("u", "m", 3.5, None)), [("rating".to_owned(), Reason::OffStep)]);
        assert_eq!(reasons(&wire("u", "m", 9.0, None)), [("rating".to_owned(), Reason::OffScale)]);
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_is_forgiven() {
        assert!(rating(&wire("u", "m", 3.0, Some(1_000_000_299)), rules()).is_ok());
        assert!(rating(&wire("u", "m", 3.0, Some(1_000_000_301)), rules()).is_err());
    }
}
