//! Measures how soon a new rating changes a prediction: of a user of the data set, of a new user,
//! and of many more.
//!
//! The time runs from the acknowledgement of the rating to the answer that uses it, as the client
//! sees both. The client polls without naming the rating, as an application would.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use marquee_proto::prediction::v1 as pb;
use marquee_proto::ratings::v1::{Position, Rating, SubmitRatingRequest};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::Demo;
use super::summary::Learning;

/// The number of ratings that are measured.
const SAMPLES: usize = 100;

/// The longest time until a rating counts.
const PATIENCE: Duration = Duration::from_secs(5);

/// One measured rating.
struct Lesson {
    millis: f64,
    before: pb::Prediction,
    after: pb::Prediction,
}

impl Demo {
    pub(super) async fn learn(&mut self) -> Result<()> {
        self.screen.heading(5, "every rating counts as soon as it is acknowledged");
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 5);
        let known = self.summary.prediction.user.clone();
        let watched = self.summary.prediction.movie.clone();
        let mut lessons = Vec::with_capacity(SAMPLES);
        for user in [known.as_str(), "a-new-user"] {
            self.screen.line(&format!("user {user}, prediction for {}:", self.title(&watched)));
            for value in [5.0, 1.0, 4.0] {
                let movie = self.unrated(user, &watched, &mut rng).context("the user has rated everything")?;
                let lesson = self.teach(user, &movie, value, &watched).await?;
                self.screen.line(&format!(
                    "  rates {} with {value:.0} stars: {:.3} → {:.3} after {:.2} ms",
                    self.title(&movie),
                    lesson.before.rating,
                    lesson.after.rating,
                    lesson.millis
                ));
                lessons.push(lesson);
            }
        }
        while lessons.len() < SAMPLES {
            let (user, _) = self.ratings.choose(&mut rng).cloned().context("the data set is empty")?;
            let movie = self.unrated(&user, &watched, &mut rng).context("the user has rated everything")?;
            let value = f64::from(rng.random_range(1_u8..=5));
            lessons.push(self.teach(&user, &movie, value, &watched).await?);
        }
        let mut millis: Vec<f64> = lessons.iter().map(|lesson| lesson.millis).collect();
        millis.sort_by(f64::total_cmp);
        let changed = lessons.iter().filter(|lesson| changed(lesson)).count() as u64;
        let learning = Learning {
            samples: millis.len() as u64,
            p50_ms: quantile(&millis, 0.5),
            p99_ms: quantile(&millis, 0.99),
            changed,
        };
        self.screen.check(
            &format!(
                "{} ratings: median {:.2} ms, p99 {:.2} ms until an answer used them",
                learning.samples, learning.p50_ms, learning.p99_ms
            ),
            learning.samples == SAMPLES as u64,
        );
        self.screen.check(&format!("{changed} of them changed the prediction"), changed == learning.samples);
        self.summary.learning = learning;
        Ok(())
    }

    /// Returns a movie other than the watched one that the user has not rated in the data set.
    fn unrated(&self, user: &str, watched: &str, rng: &mut ChaCha8Rng) -> Option<String> {
        let rated = self.rated_by(user);
        // Drawing from all ratings prefers popular movies, which the model knows well.
        let pool: Vec<&str> = self.ratings.iter().map(|(_, movie)| movie.as_str()).collect();
        (0..1_000).find_map(|_| {
            pool.choose(rng)
                .filter(|movie| **movie != watched && !rated.contains(movie))
                .map(|movie| (*movie).to_owned())
        })
    }

    async fn teach(&self, user: &str, movie: &str, value: f64, watched: &str) -> Result<Lesson> {
        let (before, _) = self.ask(user, watched).await?;
        let (user_id, movie_id) = (user.to_owned(), movie.to_owned());
        let rating = Rating { user_id, movie_id, rating: Some(value), rated_at: None };
        let request = SubmitRatingRequest { rating: Some(rating) };
        let position = self.client.call(self.client.ratings().submit_rating(request)).await?.position;
        let acknowledged = Instant::now();
        let position = position.context("an acknowledgement without a position")?;
        loop {
            let (after, applied) = self.ask(user, watched).await?;
            let elapsed = acknowledged.elapsed();
            if applied
                .is_some_and(|applied| applied.partition == position.partition && applied.offset >= position.offset)
            {
                return Ok(Lesson { millis: elapsed.as_secs_f64() * 1e3, before, after });
            }
            if elapsed > PATIENCE {
                bail!("a rating did not change the prediction within {} s", PATIENCE.as_secs());
            }
        }
    }

    /// Returns a prediction and the position of the last rating that it uses.
    async fn ask(&self, user: &str, movie: &str) -> Result<(pb::Prediction, Option<Position>)> {
        let request = pb::PredictRequest {
            user_id: user.to_owned(),
            movie_ids: vec![movie.to_owned()],
            ..pb::PredictRequest::default()
        };
        let answer = self.client.call(self.client.predictions().predict(request)).await?;
        let applied =
            answer.provenance.and_then(|provenance| provenance.features).and_then(|features| features.applied);
        Ok((answer.predictions.into_iter().next().context("no prediction came back")?, applied))
    }
}

/// Returns whether the prediction changed. Ratings are clipped to the scale, so at its ends only
/// the spread can change.
fn changed(lesson: &Lesson) -> bool {
    let bits = |one: &pb::Prediction| (one.rating.to_bits(), one.spread.to_bits());
    bits(&lesson.before) != bits(&lesson.after)
}

/// Returns the quantile of a sorted list.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
