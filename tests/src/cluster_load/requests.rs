//! The requests: predictions, ratings, and the questions to the feature store afterwards.

use std::sync::Arc;

use marquee_domain::{Clock, SystemClock};
use marquee_proto::convert;
use marquee_proto::features::v1::features_client::FeaturesClient;
use marquee_proto::features::v1::{GetUsersRequest, User, UserQuery, UserView};
use marquee_proto::prediction::v1::predictions_client::PredictionsClient;
use marquee_proto::prediction::v1::{PredictRequest, PredictResponse};
use marquee_proto::ratings::v1::ratings_client::RatingsClient;
use marquee_proto::ratings::v1::{Rating, SubmitRatingRequest};
use tonic::Status;

use super::calls::{CallResult, Limits, call};
use super::ledger::{CountedRatings, State};
use super::plan::Plan;
use super::servers::Servers;
use super::summary::Book;
use super::tally::{Failure, Outcome};

/// What requests need.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) limits: Limits,
    pub(crate) plan: Plan,
    /// Empty: the default model of the deployment.
    pub(crate) model: String,
    pub(crate) ingest: Servers,
    pub(crate) inference: Servers,
    pub(crate) features: Servers,
    pub(crate) book: Arc<Book>,
}

impl Requests {
    /// Asks for the prediction of a number.
    pub(crate) async fn predict(self: Arc<Self>, number: u64) -> Outcome {
        let (user_id, movie_ids) = self.plan.prediction(number);
        let message = PredictRequest { model: self.model.clone(), user_id, movie_ids, after: Vec::new() };
        let CallResult { attempts, answer } = call(self.limits, || {
            let (transport, request) = (self.inference.next(), self.limits.request(message.clone()));
            async move { PredictionsClient::new(transport?).predict(request).await }
        })
        .await;
        match answer {
            Ok(answer) => predicted(attempts, &message.movie_ids, &answer),
            Err(status) => Outcome { attempts, failure: Some(Failure::of(&status)), ..Outcome::default() },
        }
    }

    /// Gives the rating of a number. Every attempt sends the same rating with the same time, so
    /// that it counts once whichever of them arrive.
    pub(crate) async fn rate(self: Arc<Self>, number: u64) -> Outcome {
        self.book.ledger().record(number, State::Unknown);
        let planned = self.plan.rating(number);
        let rating = Rating {
            user_id: planned.user,
            movie_id: planned.movie,
            rating: Some(planned.value),
            rated_at: Some(convert::timestamp(SystemClock.now())),
        };
        let message = SubmitRatingRequest { rating: Some(rating) };
        let CallResult { attempts, answer } = call(self.limits, || {
            let (transport, request) = (self.ingest.next(), self.limits.request(message.clone()));
            async move { RatingsClient::new(transport?).submit_rating(request).await }
        })
        .await;
        match answer {
            Ok(_) => {
                self.book.ledger().record(number, State::Acknowledged);
                Outcome { attempts, ..Outcome::default() }
            }
            Err(status) => Outcome { attempts, failure: Some(Failure::of(&status)), ..Outcome::default() },
        }
    }

    /// Reads users with their statistics and histories.
    pub(crate) async fn users(&self, names: Vec<String>) -> Result<Vec<CountedRatings>, Status> {
        let query = |user_id| UserQuery { user_id, known_version: 0 };
        let message = GetUsersRequest {
            users: names.into_iter().map(query).collect(),
            views: vec![UserView::History as i32, UserView::Statistics as i32],
            ..GetUsersRequest::default()
        };
        let called = call(self.limits, || {
            let (transport, request) = (self.features.next(), self.limits.request(message.clone()));
            async move { FeaturesClient::new(transport?).get_users(request).await }
        });
        Ok(called.await.answer?.users.into_iter().map(seen).collect())
    }
}

/// Checks that an answer has every movie that was asked for, in the same order.
fn predicted(attempts: u32, asked: &[String], answer: &PredictResponse) -> Outcome {
    let found = answer.predictions.iter().map(|prediction| &prediction.movie_id);
    let failure = (!found.eq(asked)).then(|| Failure {
        code: "WRONG_ANSWER".to_owned(),
        message: format!("{} movies were asked for, and the answer has others", asked.len()),
    });
    let unknown = answer.predictions.iter().filter(|prediction| prediction.unknown_movie).count();
    let degraded = answer.provenance.as_ref().is_some_and(|provenance| provenance.degraded);
    Outcome { attempts, failure, degraded, unknown_movies: unknown as u64 }
}

fn seen(user: User) -> CountedRatings {
    let moments = user.statistics.and_then(|statistics| statistics.all_time).unwrap_or_default();
    let history = user.history.into_iter().map(|entry| (entry.movie_id, entry.rating)).collect();
    CountedRatings { count: moments.count, mean: moments.mean, history }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::{Mutex, PoisonError};
    use std::task::{Context, Poll};
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::BodyExt;
    use marquee_kit::Transport;
    use marquee_proto::prediction::v1::{Prediction, Provenance};
    use tonic::body::Body;
    use tonic::codegen::{Service, http};

    use super::super::plan::small;
    use super::*;

    /// A server that keeps the requests, and answers all of them with a status.
    #[derive(Debug, Clone)]
    struct Fake {
        status: &'static str,
        bodies: Arc<Mutex<Vec<Bytes>>>,
    }

    impl Service<http::Request<Body>> for Fake {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Self::Future {
            let Self { status, bodies } = self.clone();
            Box::pin(async move {
                let body = request.into_body().collect().await.expect("a whole request").to_bytes();
                bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
                let answer = http::Response::builder().header("content-type", "application/grpc");
                Ok(answer.header("grpc-status", status).body(Body::empty()).expect("an answer"))
            })
        }
    }

    fn requests(fake: &Fake) -> Arc<Requests> {
        let servers = || Servers::of(Transport::in_process(fake.clone()));
        Arc::new(Requests {
            limits: Limits { attempts: 3, deadline: Duration::from_secs(2) },
            plan: small(),
            model: String::new(),
            ingest: servers(),
            inference: servers(),
            features: servers(),
            book: Arc::new(Book::begin(small())),
        })
    }

    fn fake(status: &'static str) -> Fake {
        Fake { status, bodies: Arc::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rating_that_is_attempted_again_is_the_same_rating_and_stays_unknown() {
        let fake = fake("14");
        let requests = requests(&fake);
        let done = Arc::clone(&requests).rate(5).await;
        assert_eq!((done.attempts, done.failure.map(|failure| failure.code)), (3, Some("UNAVAILABLE".to_owned())));
        let bodies = fake.bodies.lock().expect("no panic");
        assert!(bodies.len() == 3 && bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
        let counts = requests.book.ledger().counts();
        assert_eq!((counts.sent, counts.acknowledged, counts.unknown), (1, 0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn other_codes_fail_at_the_first_attempt() {
        let fake = fake("3");
        let done = requests(&fake).predict(0).await;
        assert_eq!((done.attempts, done.failure.map(|failure| failure.code)), (1, Some("INVALID_ARGUMENT".to_owned())));
        let refused = requests(&fake).users(vec!["a".to_owned()]).await;
        assert!(refused.is_err_and(|status| status.code() == tonic::Code::InvalidArgument));
        assert_eq!(fake.bodies.lock().expect("no panic").len(), 2);
    }

    #[test]
    fn an_answer_about_other_movies_is_wrong_and_unknown_movies_are_counted() {
        let prediction = |movie: &str| Prediction { movie_id: movie.to_owned(), ..Prediction::default() };
        let mut answer = PredictResponse { predictions: vec![prediction("a"), prediction("b")], provenance: None };
        let asked = ["a".to_owned(), "b".to_owned()];
        assert!(predicted(1, &asked, &answer).failure.is_none());
        answer.predictions[1].unknown_movie = true;
        answer.provenance = Some(Provenance { degraded: true, ..Provenance::default() });
        let done = predicted(1, &asked, &answer);
        assert!(done.failure.is_none() && done.degraded && done.unknown_movies == 1, "{done:?}");
        for other in [&asked[..1], &["a".to_owned(), "c".to_owned()]] {
            let failure = predicted(1, other, &answer).failure.expect("a failure");
            assert_eq!(failure.code, "WRONG_ANSWER");
        }
    }
}
