//! Ratings that are generated on demand: users who each rate some fifty movies, one after the
//! other.

use marquee_proto::Timestamp;
use marquee_proto::ratings::v1::Rating;

/// Ratings that one user gives.
const SITTING: u64 = 50;

/// Movies there are.
pub(crate) const MOVIES: u64 = 20_000;

/// Ratings a second, by their own time: 25 million are three days.
const PACE: u64 = 100;

const START: i64 = 1_577_836_800;

/// The rating of a number; the same every time.
pub(crate) fn rating(number: u64) -> Rating {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // Squared, so that few movies get many ratings.
    let share = (mixed >> 40) as f64 / (1_u64 << 24) as f64;
    Rating {
        user_id: format!("u{}", number / SITTING),
        movie_id: format!("m{}", (share * share * MOVIES as f64) as u64),
        rating: Some(((mixed >> 8) % 5 + 1) as f64),
        rated_at: Some(Timestamp { seconds: START + (number / PACE) as i64, nanos: 0 }),
    }
}
