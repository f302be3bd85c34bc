//! From a wire rating to one that cannot be wrong, or to every field that is.

use marquee_domain::{Rating, Reason, Scale, Timestamp, Violation};
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;

/// What a rating is measured against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) scale: Scale,
    /// Time of receipt: stands in for a missing `rated_at`.
    pub(crate) now: Timestamp,
    /// The latest acceptable `rated_at`.
    pub(crate) latest: Timestamp,
}

/// Checks everything but the movie's existence; all violations at once.
pub(crate) fn rating(wire: &pb::Rating, rules: Rules) -> Result<Rating, Vec<Violation>> {
    let mut violations = Vec::new();
    let user = keep(convert::user_id("user_id", &wire.user_id), &mut violations);
    let movie = keep(convert::movie_id("movie_id", &wire.movie_id), &mut violations);
    let value = rules
        .scale
        .check(wire.rating)
        .map_err(|error| Violation::new("rating", convert::scale_reason(error), error.to_string()));
    let value = keep(value, &mut violations);
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
        _ => Err(violations),
    }
}

/// The violation of a rating whose movie nobody knows.
pub(crate) fn unknown_movie(id: &str) -> Violation {
    let fix = format!("'{id}' is not in the catalog; add the movie first, or check the id");
    Violation::new("movie_id", Reason::UnknownMovie, fix)
}

fn keep<T>(checked: Result<T, Violation>, violations: &mut Vec<Violation>) -> Option<T> {
    checked.map_err(|violation| violations.push(violation)).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
            rating: value,
            rated_at: seconds.map(|seconds| marquee_proto::Timestamp { seconds, nanos: 0 }),
        }
    }

    fn reasons(wire: &pb::Rating) -> Vec<(String, Reason)> {
        rating(wire, rules()).expect_err("wrong").into_iter().map(|v| (v.field, v.reason)).collect()
    }

    #[test]
    fn a_missing_time_is_the_time_of_receipt() {
        assert_eq!(rating(&wire("u", "m", 4.0, None), rules()).expect("valid").rated_at, rules().now);
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
