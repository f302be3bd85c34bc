//! Between wire types and the domain's, for handlers: the only places where both are known.
//!
//! Every conversion from the wire checks; what it refuses names the field, the reason and the fix. Reasons are those of
//! `marquee.ratings.v1.FieldViolation`.

use marquee_domain::{
    IdError, Movie, MovieError, MovieId, Offset, Partition, Position, ScaleViolation, Timestamp, UserId,
};

use crate::ratings::v1 as pb;

/// A field of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field.
    pub field: String,
    /// Stable upper-case reason.
    pub reason: &'static str,
    /// What is wrong and how to mend it.
    pub description: String,
}

impl Violation {
    /// A violation of a field.
    pub fn new(field: impl Into<String>, reason: &'static str, description: impl Into<String>) -> Self {
        Self { field: field.into(), reason, description: description.into() }
    }

    /// The same violation, of a field inside another.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.field = format!("{prefix}.{}", self.field);
        self
    }
}

/// The stable reason of a refused id.
pub fn id_reason(error: IdError) -> &'static str {
    match error {
        IdError::Empty => "EMPTY",
        IdError::TooLong(_) => "TOO_LONG",
        IdError::ControlCharacter => "CONTROL_CHARACTER",
        IdError::NotAModelName => "MALFORMED",
    }
}

/// The stable reason of a refused rating value.
pub fn scale_reason(error: ScaleViolation) -> &'static str {
    match error {
        ScaleViolation::NotANumber { .. } => "NOT_A_NUMBER",
        ScaleViolation::OffScale { .. } => "OFF_SCALE",
        ScaleViolation::OffStep { .. } => "OFF_STEP",
    }
}

/// A user's id.
pub fn user_id(field: &str, text: &str) -> Result<UserId, Violation> {
    UserId::try_new(text).map_err(|error| Violation::new(field, id_reason(error), error.to_string()))
}

/// A movie's id.
pub fn movie_id(field: &str, text: &str) -> Result<MovieId, Violation> {
    MovieId::try_new(text).map_err(|error| Violation::new(field, id_reason(error), error.to_string()))
}

/// A time for the wire.
pub fn timestamp(time: Timestamp) -> crate::Timestamp {
    crate::Timestamp { seconds: time.seconds(), nanos: time.subsecond_nanos() as i32 }
}

/// A time from the wire: between the years 1 and 9999, as google.protobuf.Timestamp says; to the microsecond.
pub fn from_timestamp(field: &str, time: &crate::Timestamp) -> Result<Timestamp, Violation> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    if !(FIRST..=LAST).contains(&time.seconds) || !(0..1_000_000_000).contains(&time.nanos) {
        let fix = "is no time: give seconds since 1970 within the years 1 to 9999 and nanos from 0 to 999,999,999";
        return Err(Violation::new(field, "MALFORMED", fix));
    }
    Ok(Timestamp::from_micros(time.seconds * 1_000_000 + i64::from(time.nanos / 1_000)))
}

/// A position for the wire.
pub fn position(position: Position) -> pb::Position {
    pb::Position { partition: position.partition.0, offset: position.offset.0 }
}

/// A position from the wire.
pub fn from_position(position: &pb::Position) -> Position {
    Position { partition: Partition(position.partition), offset: Offset(position.offset) }
}

/// A movie for the wire.
pub fn movie(movie: &Movie) -> pb::Movie {
    pb::Movie {
        movie_id: movie.id.as_str().to_owned(),
        title: movie.title.clone(),
        year: movie.year.unwrap_or(0),
        genres: movie.genres.clone(),
    }
}

/// A movie from the wire.
pub fn from_movie(wire: pb::Movie) -> Result<Movie, Violation> {
    let id = movie_id("movie_id", &wire.movie_id)?;
    let year = (wire.year != 0).then_some(wire.year);
    Movie::try_new(id, &wire.title, year, wire.genres).map_err(|error| {
        let (field, reason) = match error {
            MovieError::TitleTooLong(_) => ("title", "TOO_LONG"),
            MovieError::TooManyGenres(_) => ("genres", "TOO_MANY"),
            MovieError::BadGenre => ("genres", "MALFORMED"),
        };
        Violation::new(field, reason, error.to_string())
    })
}
