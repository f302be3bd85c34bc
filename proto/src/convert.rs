//! Conversions between wire types and the types of the domain, for the `api` modules of roles.
//!
//! Every conversion from the wire checks its input. A refusal names the field, the reason and the
//! fix.

use marquee_domain::{
    Candidate, IdError, Movie, MovieError, MovieId, Offset, Partition, Position, Reason, Route, Scale, ScaleViolation,
    Timestamp, UserId, Violation, check_new_id,
};

use crate::ratings::v1 as pb;
use crate::rollout::v1 as rollout;

/// Returns the reason of a refused rating value.
pub fn scale_reason(error: ScaleViolation) -> Reason {
    match error {
        ScaleViolation::NotANumber { .. } => Reason::NotANumber,
        ScaleViolation::OffScale { .. } => Reason::OffScale,
        ScaleViolation::OffStep { .. } => Reason::OffStep,
    }
}

/// Checks the value of a rating that is submitted.
///
/// # Errors
/// The value is absent or not on the scale. An absent value never counts as 0.
pub fn rating(field: &str, value: Option<f64>, scale: &Scale) -> Result<f64, Violation> {
    let value = value.ok_or_else(|| missing_rating(field, scale))?;
    scale.check(value).map_err(|error| Violation::new(field, scale_reason(error), error.to_string()))
}

/// Returns the violation of a rating without a value.
pub fn missing_rating(field: &str, scale: &Scale) -> Violation {
    let mut fix = format!("is missing: give one from {} to {} in steps of {}", scale.min(), scale.max(), scale.step());
    if scale.check(0.0).is_ok() {
        fix.push_str("; a client that leaves out 0 must be generated again from the present ratings.proto");
    }
    Violation::new(field, Reason::Missing, fix)
}

/// Returns a function that makes the violation of a field out of the error of its id.
fn refused(field: &str) -> impl Fn(IdError) -> Violation {
    move |error| Violation::new(field, error.reason(), error.to_string())
}

/// Checks the id of a user.
pub fn user_id(field: &str, text: &str) -> Result<UserId, Violation> {
    UserId::try_new(text).map_err(refused(field))
}

/// Checks the id of a movie.
pub fn movie_id(field: &str, text: &str) -> Result<MovieId, Violation> {
    MovieId::try_new(text).map_err(refused(field))
}

/// Checks the id of a user who rates.
pub fn new_user_id(field: &str, text: &str) -> Result<UserId, Violation> {
    check_new_id(text).map_err(refused(field))?;
    user_id(field, text)
}

/// Checks the id of a movie that is rated or added.
pub fn new_movie_id(field: &str, text: &str) -> Result<MovieId, Violation> {
    check_new_id(text).map_err(refused(field))?;
    movie_id(field, text)
}

/// Returns a time for the wire.
pub fn timestamp(time: Timestamp) -> crate::Timestamp {
    crate::Timestamp { seconds: time.seconds(), nanos: time.subsecond_nanos() as i32 }
}

/// Checks a time from the wire. It must lie in the years 1 to 9999, as google.protobuf.Timestamp
/// requires; fractions of a microsecond are dropped.
pub fn from_timestamp(field: &str, time: &crate::Timestamp) -> Result<Timestamp, Violation> {
    if !time.is_valid() {
        let fix = "is no time: give seconds since 1970 within the years 1 to 9999 and nanos from 0 to 999,999,999";
        return Err(Violation::new(field, Reason::Malformed, fix));
    }
    Ok(Timestamp::from_micros(time.seconds * 1_000_000 + i64::from(time.nanos / 1_000)))
}

/// Returns a position for the wire.
pub fn position(position: Position) -> pb::Position {
    pb::Position { partition: position.partition.0, offset: position.offset.0 }
}

/// Returns a position from the wire.
pub fn from_position(position: &pb::Position) -> Position {
    Position { partition: Partition(position.partition), offset: Offset(position.offset) }
}

/// Returns a movie for the wire.
pub fn movie(movie: &Movie) -> pb::Movie {
    pb::Movie {
        movie_id: movie.id.as_str().to_owned(),
        title: movie.title.clone(),
        year: movie.year.unwrap_or(0),
        genres: movie.genres.clone(),
    }
}

/// Checks a movie from the wire.
pub fn from_movie(wire: pb::Movie) -> Result<Movie, Violation> {
    let id = movie_id("movie_id", &wire.movie_id)?;
    let year = (wire.year != 0).then_some(wire.year);
    Movie::try_new(id, &wire.title, year, wire.genres).map_err(|error| {
        let (field, reason) = match error {
            MovieError::TitleTooLong(_) => ("title", Reason::TooLong),
            MovieError::TooManyGenres(_) => ("genres", Reason::TooMany),
            MovieError::BadGenre => ("genres", Reason::Malformed),
        };
        Violation::new(field, reason, error.to_string())
    })
}

/// Returns a route for the wire.
pub fn route(route: &Route) -> rollout::Route {
    let candidate = |one: &Candidate| rollout::Candidate { version: one.version.0, weight: one.weight.get() };
    rollout::Route {
        model: route.model().as_str().to_owned(),
        stable: route.stable().0,
        candidates: route.candidates().iter().map(candidate).collect(),
        salt: route.salt().as_str().to_owned(),
        revision: route.revision(),
        shadow: route.shadow().iter().map(|version| version.0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_rating_is_missing_and_never_zero() {
        let from_half = Scale::try_new(0.5, 5.0, 0.5).expect("valid");
        let refused = rating("rating", None, &from_half).expect_err("absent");
        assert_eq!((refused.field.as_str(), refused.reason), ("rating", Reason::Missing));
        assert_eq!(refused.description, "is missing: give one from 0.5 to 5 in steps of 0.5");
        let from_zero = Scale::try_new(0.0, 10.0, 1.0).expect("valid");
        let refused = rating("rating", None, &from_zero).expect_err("absent");
        assert_eq!(refused.reason, Reason::Missing);
        assert!(refused.description.contains("generated again"), "{}", refused.description);
        assert_eq!(rating("rating", Some(0.0), &from_zero), Ok(0.0));
    }
}
