//! Sends six kinds of bad input and shows the refusals, which name the field and the fix.

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use marquee_kit::Failure;
use marquee_proto::Timestamp;
use marquee_proto::ratings::v1::{Rating, SubmitRatingRequest};
use marquee_proto::record;
use prost::Message;
use serde::Deserialize;

use super::Demo;
use super::summary::BadInput;

/// One day in seconds: no clock that is nearly right is so far ahead.
const AHEAD: i64 = 86_400;

/// The part of the JSON of a refused HTTP request that is printed.
#[derive(Deserialize)]
struct Refusal {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    message: String,
}

impl Demo {
    pub(super) async fn mistakes(&mut self) -> Result<()> {
        self.screen.heading(7, "bad input is refused with a reason and kept on the topic of rejected records");
        let good = Rating {
            user_id: self.summary.prediction.user.clone(),
            movie_id: self.summary.prediction.movie.clone(),
            rating: Some(4.0),
            rated_at: None,
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).context("read the clock")?;
        let tomorrow = Timestamp { seconds: now.as_secs() as i64 + AHEAD, nanos: 0 };
        let cases = [
            ("rating off the scale", Rating { rating: Some(9.0), ..good.clone() }),
            ("unknown movie", Rating { movie_id: "no-such-movie".to_owned(), ..good.clone() }),
            ("empty id", Rating { user_id: String::new(), ..good.clone() }),
            ("not a number", Rating { rating: Some(f64::NAN), ..good.clone() }),
            ("date in the future", Rating { rated_at: Some(tomorrow), ..good.clone() }),
        ];
        for (case, rating) in cases {
            let request = SubmitRatingRequest { rating: Some(rating) };
            let bad = match self.client.ratings().submit_rating(request).await {
                Ok(_) => BadInput { case, code: "OK".to_owned(), message: "it was accepted".to_owned() },
                Err(status) => {
                    let failure = Failure::from_status(&status);
                    BadInput { case, code: failure.kind().name().to_owned(), message: failure.message().to_owned() }
                }
            };
            self.refused(bad);
        }
        let bad = self.corrupt(&good).await?;
        self.refused(bad);
        Ok(())
    }

    fn refused(&mut self, bad: BadInput) {
        self.screen.check(&format!("{}: {} {}", bad.case, bad.code, bad.message), bad.code == "INVALID_ARGUMENT");
        self.summary.bad_input.push(bad);
    }

    /// Sends a truncated protobuf message over HTTP, since no generated client can send one.
    async fn corrupt(&self, good: &Rating) -> Result<BadInput> {
        let mut body = good.encode_to_vec();
        body.truncate(body.len() - 3);
        let request = http::Request::post(format!("{}/v1/ratings", self.fleet.addresses().http))
            .header(http::header::CONTENT_TYPE, record::PROTOBUF)
            .body(Full::new(Bytes::from(body)))?;
        let http: HttpClient<_, Full<Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
        let response = http.request(request).await.context("send a corrupt message")?;
        let accepted = response.status().is_success();
        let body = response.into_body().collect().await.context("read the answer to a corrupt message")?.to_bytes();
        let case = "corrupt message";
        if accepted {
            return Ok(BadInput { case, code: "OK".to_owned(), message: "it was accepted".to_owned() });
        }
        let Refusal { error } = serde_json::from_slice(&body).context("read the refusal of a corrupt message")?;
        Ok(BadInput { case, code: error.code, message: error.message })
    }
}
