//! Every client of one fleet, and the few calls that most tests make.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use marquee_kit::Transport;
use marquee_proto::features::v1::features_client::FeaturesClient;
use marquee_proto::features::v1::{GetUsersRequest, User, UserQuery, UserView};
use marquee_proto::prediction::v1::models_client::ModelsClient;
use marquee_proto::prediction::v1::predictions_client::PredictionsClient;
use marquee_proto::prediction::v1::{LoadModelRequest, ModelVersion, PredictRequest, PredictResponse};
use marquee_proto::ratings::v1::ratings_client::RatingsClient;
use marquee_proto::ratings::v1::{
    Movie, Position, Rating, SubmitRatingRequest, SubmitRatingsRequest, SubmitRatingsResponse, UpsertMoviesRequest,
};
use marquee_proto::rollout::v1::rollouts_client::RolloutsClient;
use marquee_proto::rollout::v1::routing_client::RoutingClient;
use marquee_proto::rollout::v1::{Candidate, GetRouteRequest, Route, SetRouteRequest};
use marquee_proto::training::v1::trainer_client::TrainerClient;
use marquee_proto::training::v1::{Algorithm, Parameters, StartTrainingRequest, State, Training, WatchTrainingRequest};
use tonic::{Request, Status};

use crate::DEADLINE;

/// Largest answer.
const MAX_MESSAGE: usize = 64 << 20;

/// Clients of one fleet; public, so that a test may call what has no shorthand here.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Ingest.
    pub ratings: RatingsClient<Transport>,
    /// The feature store.
    pub features: FeaturesClient<Transport>,
    /// The trainer.
    pub trainer: TrainerClient<Transport>,
    /// Predictions.
    pub predictions: PredictionsClient<Transport>,
    /// Model versions.
    pub models: ModelsClient<Transport>,
    /// The routing table.
    pub routing: RoutingClient<Transport>,
    /// Rollouts.
    pub rollouts: RolloutsClient<Transport>,
}

/// A request that gives up.
fn within<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

impl Clients {
    /// Clients of the fleet behind a transport.
    pub fn new(transport: &Transport) -> Self {
        let transport = || transport.clone();
        Self {
            ratings: RatingsClient::new(transport()).max_decoding_message_size(MAX_MESSAGE),
            features: FeaturesClient::new(transport()).max_decoding_message_size(MAX_MESSAGE),
            trainer: TrainerClient::new(transport()),
            predictions: PredictionsClient::new(transport()).max_decoding_message_size(MAX_MESSAGE),
            models: ModelsClient::new(transport()),
            routing: RoutingClient::new(transport()),
            rollouts: RolloutsClient::new(transport()),
        }
    }

    /// Clients of the fleet at `http://HOST:PORT`.
    pub fn connect(address: &str) -> Result<Self> {
        Ok(Self::new(&Transport::connect(address)?))
    }

    /// Adds movies.
    pub async fn add_movies(&self, movies: Vec<Movie>) -> Result<u64, Status> {
        let request = within(UpsertMoviesRequest { movies }, DEADLINE);
        Ok(self.ratings.clone().upsert_movies(request).await?.into_inner().accepted)
    }

    /// Gives one rating.
    pub async fn rate(&self, user: &str, movie: &str, rating: f64) -> Result<Position, Status> {
        let (user_id, movie_id) = (user.to_owned(), movie.to_owned());
        let rating = Rating { user_id, movie_id, rating: Some(rating), rated_at: None };
        let request = within(SubmitRatingRequest { rating: Some(rating) }, DEADLINE);
        let answer = self.ratings.clone().submit_rating(request).await?.into_inner();
        answer.position.ok_or_else(|| Status::internal("an acknowledgement without a position"))
    }

    /// Gives many ratings in one request.
    pub async fn rate_all(&self, ratings: Vec<Rating>) -> Result<SubmitRatingsResponse, Status> {
        let request = within(SubmitRatingsRequest { ratings }, DEADLINE);
        Ok(self.ratings.clone().submit_ratings(request).await?.into_inner())
    }

    /// A user with every view, once the log is applied up to these positions.
    pub async fn user(&self, user: &str, after: &[Position]) -> Result<User, Status> {
        let request = GetUsersRequest {
            users: vec![UserQuery { user_id: user.to_owned(), known_version: 0 }],
            views: vec![UserView::History as i32, UserView::Statistics as i32],
            after: after.to_vec(),
            ..GetUsersRequest::default()
        };
        let answer = self.features.clone().get_users(within(request, DEADLINE)).await?.into_inner();
        answer.users.into_iter().next().ok_or_else(|| Status::internal("the answer lacks the user"))
    }

    /// Predicts.
    pub async fn predict(&self, user: &str, movies: &[&str], after: &[Position]) -> Result<PredictResponse, Status> {
        let request = PredictRequest {
            user_id: user.to_owned(),
            movie_ids: movies.iter().map(|movie| (*movie).to_owned()).collect(),
            after: after.to_vec(),
            ..PredictRequest::default()
        };
        Ok(self.predictions.clone().predict(within(request, DEADLINE)).await?.into_inner())
    }

    /// Trains a version, waits for its end, and has it loaded.
    pub async fn train(&self, algorithm: Algorithm, parameters: Parameters) -> Result<(Training, ModelVersion)> {
        let training = self.run(algorithm, parameters).await?;
        if training.state() != State::Succeeded {
            bail!("training ended {:?}: {}", training.state(), training.message);
        }
        let loaded = self.load(&training).await?;
        Ok((training, loaded))
    }

    /// Has the version of a run loaded, verified and warmed.
    pub async fn load(&self, run: &Training) -> Result<ModelVersion> {
        let request = LoadModelRequest { model: run.model.clone(), version: run.version };
        let loaded = self.models.clone().load_model(within(request, DEADLINE)).await?.into_inner();
        loaded.version.context("a loaded version is missing from the answer")
    }

    /// Starts a run and waits for its end, whatever that is.
    pub async fn run(&self, algorithm: Algorithm, parameters: Parameters) -> Result<Training> {
        self.run_within(algorithm, parameters, DEADLINE).await
    }

    /// The same for a run that may take longer.
    pub async fn run_within(
        &self,
        algorithm: Algorithm,
        parameters: Parameters,
        deadline: Duration,
    ) -> Result<Training> {
        let request =
            StartTrainingRequest { model: String::new(), algorithm: algorithm.into(), parameters: Some(parameters) };
        let started = self.trainer.clone().start_training(request).await?.into_inner().training;
        let id = started.context("a started run is missing from the answer")?.training_id;
        self.watch_within(&id, deadline).await
    }

    /// Watches a run to its end.
    pub async fn watch(&self, training_id: &str) -> Result<Training> {
        self.watch_within(training_id, DEADLINE).await
    }

    async fn watch_within(&self, training_id: &str, deadline: Duration) -> Result<Training> {
        let request = within(WatchTrainingRequest { training_id: training_id.to_owned() }, deadline);
        let mut updates = self.trainer.clone().watch_training(request).await?.into_inner();
        let mut last = None;
        while let Some(update) = updates.message().await? {
            last = update.training;
        }
        last.context("the run ended without a word")
    }

    /// The route of the default model.
    pub async fn routed(&self) -> Result<Route, Status> {
        let request = within(GetRouteRequest::default(), DEADLINE);
        let answer = self.routing.clone().get_route(request).await?.into_inner();
        answer.route.ok_or_else(|| Status::internal("the answer lacks the route"))
    }

    /// Routes the default model.
    pub async fn route(&self, stable: u64, candidates: &[(u64, u32)]) -> Result<Route, Status> {
        let candidates = candidates.iter().map(|&(version, weight)| Candidate { version, weight }).collect();
        let route = Route { stable, candidates, ..Route::default() };
        let request = within(SetRouteRequest { route: Some(route), expected_revision: 0 }, DEADLINE);
        let answer = self.routing.clone().set_route(request).await?.into_inner();
        answer.route.ok_or_else(|| Status::internal("the answer lacks the route"))
    }
}
