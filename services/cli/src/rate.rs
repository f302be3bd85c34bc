//! `marquee rate`: rates a movie, or removes one or all ratings of a user. The server checks the
//! rating.

use clap::Args;
use marquee_domain::Timestamp;
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;
use serde::Serialize;

use crate::output::{Human, Show};
use crate::provenance::time;
use crate::{Client, Error, Output};

/// Arguments of `rate`.
#[derive(Debug, Args)]
#[command(
    override_usage = "marquee rate USER MOVIE RATING [--at TIME]\n       marquee rate --remove USER MOVIE\n       marquee rate --remove-user USER"
)]
pub struct RateArgs {
    /// The user's id.
    user: String,
    /// The movie's id.
    #[arg(required_unless_present = "remove_user")]
    movie: Option<String>,
    /// The rating, on the fleet's scale.
    #[arg(required_unless_present_any = ["remove", "remove_user"], allow_negative_numbers = true)]
    rating: Option<f64>,
    /// The time of the rating: RFC 3339, or seconds since 1970. Default: now.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_negative_numbers = true)]
    at: Option<marquee_proto::Timestamp>,
    /// Remove the rating.
    #[arg(long, conflicts_with_all = ["rating", "at", "remove_user"])]
    remove: bool,
    /// Remove all ratings of the user.
    #[arg(long, conflicts_with_all = ["movie", "rating", "at"])]
    remove_user: bool,
}

#[derive(Debug, Serialize)]
struct Written {
    action: &'static str,
    user: String,
    movie: Option<String>,
    rating: Option<f64>,
    rated_at: Option<String>,
    partition: u32,
    offset: u64,
}

pub(crate) async fn run(args: RateArgs, client: &Client, output: Output) -> Result<(), Error> {
    let user_id = args.user.clone();
    let movie_id = args.movie.clone().unwrap_or_default();
    let (action, position) = if args.remove_user {
        let call = client.call(client.ratings().remove_user(pb::RemoveUserRequest { user_id })).await?;
        ("removed_user", call.position)
    } else if args.remove {
        let request = pb::RemoveRatingRequest { user_id, movie_id };
        ("removed", client.call(client.ratings().remove_rating(request)).await?.position)
    } else {
        let value = args
            .rating
            .ok_or_else(|| Error::Usage("RATING: missing; expected a number on the rating scale".to_owned()))?;
        let rating = pb::Rating { user_id, movie_id, rating: Some(value), rated_at: args.at };
        let request = pb::SubmitRatingRequest { rating: Some(rating) };
        ("rated", client.call(client.ratings().submit_rating(request)).await?.position)
    };
    let position = position.unwrap_or_default();
    output.show(&Written {
        action,
        user: args.user,
        movie: args.movie,
        rating: args.rating,
        rated_at: args.at.as_ref().and_then(time),
        partition: position.partition,
        offset: position.offset,
    })
}

impl Show for Written {
    fn human(&self) -> Human {
        let movie = self.movie.as_deref().unwrap_or_default();
        let what = match (self.action, self.rating) {
            ("removed_user", _) => format!("accepted: remove all ratings of user {}", self.user),
            ("removed", _) => {
                format!("accepted: remove the rating of movie {movie} by user {}, if there is one", self.user)
            }
            (_, rating) => format!("user {} rated movie {movie}: {}", self.user, rating.unwrap_or_default()),
        };
        Human::Text(crate::error::one_line(&format!("{what} (partition {}, offset {})", self.partition, self.offset)))
    }
}

/// Parses RFC 3339 or seconds since 1970.
fn parse_time(text: &str) -> Result<marquee_proto::Timestamp, String> {
    let time = match text.parse::<i64>() {
        Ok(seconds) => Ok(convert::timestamp(Timestamp::from_seconds(seconds))),
        // The canonical JSON form of a Timestamp is RFC 3339.
        Err(_) => serde_json::from_value(serde_json::Value::String(text.to_owned())),
    };
    time.map_err(|_| "expected RFC 3339, like 2024-05-01T12:30:00Z, or seconds since 1970".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_or_seconds_since_1970() {
        let seconds = |text| parse_time(text).map(|time| time.seconds);
        assert_eq!(seconds("2024-05-01T12:30:00Z"), Ok(1_714_566_600));
        assert_eq!(seconds("1714566600"), Ok(1_714_566_600));
        assert_eq!(seconds("-1"), Ok(-1));
        assert!(seconds("yesterday").is_err_and(|error| error.contains("RFC 3339")));
    }

    #[test]
    fn a_removal_does_not_claim_that_there_was_a_rating() {
        let written = Written {
            action: "removed",
            user: "ann".to_owned(),
            movie: Some("50".to_owned()),
            rating: None,
            rated_at: None,
            partition: 1,
            offset: 2,
        };
        let Human::Text(text) = written.human() else { panic!("a text") };
        let expected = "accepted: remove the rating of movie 50 by user ann, if there is one (partition 1, offset 2)";
        assert_eq!(text, expected);
    }
}
