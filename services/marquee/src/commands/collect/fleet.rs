//! The fleet as the destination of a collector.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use marquee_cli::Client;
use marquee_cli::import::Retry;
use marquee_collect::{Answer, Destination, DestinationError, NewRating, Refusal};
use marquee_domain::{Movie, Reason, Scale};
use marquee_proto::convert;
use marquee_proto::ratings::v1::{
    GetScaleRequest, ListMoviesRequest, Rating, SubmitRatingsRequest, UpsertMoviesRequest,
};
use tokio::sync::Mutex;

/// The ratings, and the movies, of one call.
const RATINGS: usize = 1_000;
const MOVIES: usize = 1_000;

/// A fleet, called as an import calls it.
#[derive(Debug)]
pub(super) struct FleetDestination {
    client: Client,
    /// Tries again while the fleet is busy, starts, or is away after it has answered once.
    retry: Mutex<Retry>,
}

impl FleetDestination {
    pub(super) fn new(client: Client, patience: Duration) -> Self {
        Self { client, retry: Mutex::new(Retry::new(patience)) }
    }

    async fn call<T, F>(&self, call: impl Fn() -> F) -> Result<T, DestinationError>
    where
        F: Future<Output = Result<T, marquee_cli::Error>>,
    {
        let mut retry = self.retry.lock().await;
        // The fleet owed no answer since the last call.
        retry.resumed();
        Ok(retry.call(&mut (), call).await?)
    }
}

#[async_trait]
impl Destination for FleetDestination {
    async fn scale(&self) -> Result<Scale, DestinationError> {
        let call = || async { self.client.call(self.client.ratings().get_scale(GetScaleRequest {})).await };
        let scale = self.call(call).await?;
        Ok(Scale::try_new(scale.min, scale.max, scale.step)?)
    }

    async fn known_movies(&self) -> Result<HashSet<String>, DestinationError> {
        let (mut known, mut page_token) = (HashSet::new(), String::new());
        loop {
            let request = ListMoviesRequest { page_size: 10_000, page_token };
            let call = || async { self.client.call(self.client.ratings().list_movies(request.clone())).await };
            let page = self.call(call).await?;
            known.extend(page.movies.into_iter().map(|movie| movie.movie_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(known);
            }
        }
    }

    async fn add_movies(&self, movies: Vec<Movie>) -> Result<(), DestinationError> {
        for movies in movies.chunks(MOVIES) {
            let request = UpsertMoviesRequest { movies: movies.iter().map(convert::movie).collect() };
            let call = || async { self.client.call(self.client.ratings().upsert_movies(request.clone())).await };
            self.call(call).await?;
        }
        Ok(())
    }

    async fn add_ratings(&self, ratings: Vec<NewRating>) -> Result<Answer, DestinationError> {
        let mut answer = Answer::default();
        for (number, ratings) in ratings.chunks(RATINGS).enumerate() {
            let ratings = ratings.iter().map(|rating| Rating {
                user_id: rating.user.clone(),
                movie_id: rating.movie.clone(),
                rating: rating.rating,
                rated_at: rating.rated_at.map(convert::timestamp),
            });
            let request = SubmitRatingsRequest { ratings: ratings.collect() };
            let call = || async { self.client.call(self.client.ratings().submit_ratings(request.clone())).await };
            let answered = self.call(call).await?;
            answer.accepted += answered.accepted;
            for rejected in answered.rejected {
                let first = rejected.violations.first();
                let reason = first.map_or(Reason::Malformed.as_str(), |violation| violation.reason.as_str()).to_owned();
                let text = rejected.violations.iter().map(|violation| {
                    // The field without its place in the message.
                    let field = violation.field.split_once("].").map_or(&*violation.field, |(_, field)| field);
                    format!("{field} {}", violation.description)
                });
                let message = text.collect::<Vec<_>>().join("; ");
                answer.refused.push(Refusal { index: number * RATINGS + rejected.index as usize, reason, message });
            }
        }
        Ok(answer)
    }
}
