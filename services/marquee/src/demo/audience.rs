//! Predictions for many users, for the steps on routing and restarts.

use std::ops::Range;

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt};
use marquee_proto::prediction::v1::PredictRequest;

use super::Demo;

/// The number of concurrent requests.
const AT_ONCE: usize = 16;

/// The users of the census, and the movies of each.
const CENSUS: (usize, usize) = (100, 10);

impl Demo {
    /// Returns which version answers each user with one of these numbers, in their order.
    pub(super) async fn versions(&self, users: Range<usize>) -> Result<Vec<u64>> {
        let movie = self.summary.prediction.movie.clone();
        let asked = users.map(|number| {
            let request = PredictRequest {
                user_id: format!("audience-{number}"),
                movie_ids: vec![movie.clone()],
                ..PredictRequest::default()
            };
            async {
                let answer = self.client.call(self.client.predictions().predict(request)).await?;
                anyhow::Ok(answer.provenance.context("an answer without provenance")?.version)
            }
        });
        futures_util::stream::iter(asked).buffered(AT_ONCE).try_collect().await
    }

    /// Returns predictions for many users of the data set, as bits: version, rating, spread. Asks
    /// one at a time, because requests in one batch can change the order of floating-point sums.
    pub(super) async fn census(&self) -> Result<Vec<(u64, u64, u64)>> {
        let mut users: Vec<&str> = self.ratings.iter().map(|(user, _)| user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        let mut movies: Vec<&String> = self.titles.keys().collect();
        movies.sort_unstable();
        let spaced = |count: usize, wanted: usize| (count / wanted.max(1)).max(1);
        let (every_user, every_movie) = (spaced(users.len(), CENSUS.0), spaced(movies.len(), CENSUS.1));
        let movies: Vec<String> = movies.into_iter().step_by(every_movie).take(CENSUS.1).cloned().collect();
        let mut bits = Vec::new();
        for user in users.into_iter().step_by(every_user).take(CENSUS.0).chain(["a-new-user"]) {
            let request =
                PredictRequest { user_id: user.to_owned(), movie_ids: movies.clone(), ..PredictRequest::default() };
            let answer = self.client.call(self.client.predictions().predict(request)).await?;
            let version = answer.provenance.context("an answer without provenance")?.version;
            bits.extend(answer.predictions.iter().map(|one| (version, one.rating.to_bits(), one.spread.to_bits())));
        }
        Ok(bits)
    }
}
