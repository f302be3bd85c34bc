//! The arguments of the command.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;

use super::calls::Limits;
use super::plan::{Ids, Plan};

/// Sends predictions and ratings at a fixed rate to a fleet, and checks that each acknowledged
/// rating counts once.
///
/// An address is http://HOST:PORT or https://HOST:PORT, or dns:///HOST:PORT for every address of a
/// name, such as a headless Service.
#[derive(Debug, Parser)]
#[command(name = "cluster-load")]
pub(crate) struct Arguments {
    /// The address of ingest.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ingest: String,
    /// The address of inference.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) inference: String,
    /// The address of the feature store, which is asked at the end.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) feature_store: String,
    /// Connections to each address.
    #[arg(long, value_name = "N", default_value = "2", value_parser = positive)]
    pub(crate) connections: usize,
    /// Predictions to send each second. 0: none.
    #[arg(long, value_name = "RATE", default_value = "300", value_parser = rate)]
    pub(crate) predictions_per_second: f64,
    /// Ratings to send each second. 0: none.
    #[arg(long, value_name = "RATE", default_value = "200", value_parser = rate)]
    pub(crate) ratings_per_second: f64,
    /// The model that predicts. Empty: the default model of the deployment.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) model: String,
    /// The movies of one prediction.
    #[arg(long, value_name = "N", default_value_t = 20)]
    movies_per_prediction: u64,
    /// The number of users that predictions are for. They must exist in the model.
    #[arg(long, value_name = "N", default_value_t = 500)]
    users: u64,
    /// What precedes the number of such a user in its id.
    #[arg(long, value_name = "TEXT", default_value = "")]
    user_prefix: String,
    /// The number of the first such user.
    #[arg(long, value_name = "N", default_value_t = 1)]
    first_user: u64,
    /// The number of movies that are predicted and rated. They must exist in the catalog.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    movies: u64,
    /// What precedes the number of a movie in its id.
    #[arg(long, value_name = "TEXT", default_value = "")]
    movie_prefix: String,
    /// The number of the first movie.
    #[arg(long, value_name = "N", default_value_t = 1)]
    first_movie: u64,
    /// The number of users that rate at the same time. Their ids are `load-SEED-uN`.
    #[arg(long, value_name = "N", default_value_t = 500)]
    raters: u64,
    /// How many movies such a user rates before another one takes over. At most the number of
    /// movies, and at most the ratings in a history of the feature store.
    #[arg(long, value_name = "N", default_value_t = 400)]
    ratings_per_user: u64,
    /// Chooses users and movies. A fleet that had a load needs another seed for the next one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A file with the token that ratings carry.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The certificates of the authorities that https addresses are checked by, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The longest time of one attempt.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    deadline: Duration,
    /// The most attempts of a request. Only UNAVAILABLE is attempted again.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: u32,
    /// The most requests in flight. Those that are due beyond it fail.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = positive)]
    pub(crate) in_flight: usize,
    /// How long the load goes on. Default: until SIGTERM, SIGINT or `POST /stop`.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
    /// How long the feature store may take at the end until it has all ratings.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) settle: Duration,
    /// Where phases are begun and figures are read over HTTP.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:7070")]
    pub(crate) listen: SocketAddr,
}

impl Arguments {
    /// Returns how often and how long a call is attempted.
    pub(crate) fn limits(&self) -> Limits {
        Limits { attempts: self.attempts, deadline: self.deadline }
    }

    /// Returns the longest time from a signal to the end of the process: the requests in flight,
    /// the wait for the feature store, and its last answers.
    pub(crate) fn longest_end(&self) -> Duration {
        self.settle + self.limits().longest() * 2 + Duration::from_secs(10)
    }

    /// Returns what is asked and rated.
    ///
    /// # Errors
    /// The numbers do not fit together.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let counts = [self.users, self.movies, self.raters, self.ratings_per_user, self.movies_per_prediction];
        ensure!(counts.iter().all(|count| *count > 0), "numbers of users, movies and ratings are at least 1");
        ensure!(self.ratings_per_user <= self.movies, "--ratings-per-user is at most --movies");
        ensure!(self.movies_per_prediction <= self.movies, "--movies-per-prediction is at most --movies");
        let ids = |prefix: &String, first, count| Ids { prefix: prefix.clone(), first, count };
        Ok(Plan {
            seed: self.seed,
            users: ids(&self.user_prefix, self.first_user, self.users),
            movies: ids(&self.movie_prefix, self.first_movie, self.movies),
            asked: self.movies_per_prediction,
            raters: self.raters,
            per_user: self.ratings_per_user,
        })
    }
}

fn positive(text: &str) -> Result<usize, &'static str> {
    text.parse::<usize>().ok().filter(|number| *number > 0).ok_or("expected a number of at least 1")
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let valid = |rate: &f64| (0.0..=100_000.0).contains(rate);
    text.parse::<f64>().ok().filter(valid).ok_or("expected a number from 0 to 100000")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let valid = |seconds: &f64| (0.001..=1e6).contains(seconds);
    text.parse::<f64>().ok().filter(valid).map(Duration::from_secs_f64).ok_or("expected seconds from 0.001 to 1000000")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(more: &[&str]) -> Result<Arguments, clap::Error> {
        let required = ["cluster-load", "--ingest", "http://a:1", "--inference", "dns:///b:1", "--feature-store"];
        Arguments::try_parse_from(required.iter().chain(&["http://c:1"]).chain(more))
    }

    #[test]
    fn the_defaults_are_a_load_that_can_run() {
        let arguments = parsed(&[]).expect("valid arguments");
        assert!(arguments.plan().is_ok());
        assert_eq!((arguments.limits().attempts, arguments.limits().deadline), (5, Duration::from_secs(2)));
        assert_eq!((arguments.in_flight, arguments.seconds, arguments.connections), (2_000, None, 2));
        assert!(arguments.longest_end() > Duration::from_secs(70));
        assert_eq!((arguments.token_file, arguments.ca_file), (None, None));
    }

    #[test]
    fn numbers_that_make_no_load_are_refused() {
        for wrong in [
            ["--connections", "0"],
            ["--predictions-per-second", "-1"],
            ["--ratings-per-second", "nan"],
            ["--deadline", "0"],
            ["--settle", "inf"],
            ["--attempts", "0"],
            ["--in-flight", "0"],
            ["--listen", "nonsense"],
        ] {
            assert!(parsed(&wrong).is_err(), "{wrong:?}");
        }
        for wrong in [["--users", "0"], ["--movies", "10"], ["--raters", "0"], ["--movies-per-prediction", "1001"]] {
            assert!(parsed(&wrong).expect("valid arguments").plan().is_err(), "{wrong:?}");
        }
        let model = parsed(&["--model", "ratings", "--seconds", "1.5"]).expect("valid arguments");
        assert_eq!((model.model.as_str(), model.seconds), ("ratings", Some(Duration::from_millis(1_500))));
    }
}
