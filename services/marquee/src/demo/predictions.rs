//! Predicts for a user of the data set, and shows which of the user's own ratings changed the
//! prediction.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use marquee_proto::features::v1::{GetUsersRequest, UserQuery};
use marquee_proto::prediction::v1 as pb;
use marquee_proto::ratings::v1::Position;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

use super::Demo;
use super::summary::{Prediction, Reason};
use marquee_cli::stars;

/// The length of the history of the user that is shown: enough to predict well, few enough that one
/// rating matters.
const HISTORY: std::ops::RangeInclusive<usize> = 40..=80;

/// The longest time for features to catch up with the log.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

impl Demo {
    /// Waits until features have caught up with positions of the log.
    pub(super) async fn applied(&self, positions: &BTreeMap<u32, u64>) -> Result<()> {
        let after = positions.iter().map(|(&partition, &offset)| Position { partition, offset }).collect();
        let users = vec![UserQuery { user_id: "nobody".to_owned(), known_version: 0 }];
        let mut request = tonic::Request::new(GetUsersRequest { users, after, ..GetUsersRequest::default() });
        request.set_timeout(PATIENCE);
        self.client.call_within(PATIENCE, self.client.features().get_users(request)).await?;
        Ok(())
    }

    pub(super) async fn predict(&mut self) -> Result<()> {
        let user = self.choose_user().context("no user of the data set has a history of 40 to 80 ratings")?;
        let rated = self.rated_by(&user).len();
        self.screen.heading(4, &format!("what user {user}, who has rated {rated} movies, would like"));
        let request = pb::RecommendRequest { user_id: user.clone(), limit: 5, ..pb::RecommendRequest::default() };
        let answer = self.client.call(self.client.predictions().recommend(request)).await?;
        for one in &answer.recommendations {
            let movie = one.movie.clone().unwrap_or_default();
            self.screen.line(&format!(
                "{} {:.2} ± {:.2}  {}",
                stars(one.rating, 5.0),
                one.rating,
                one.spread,
                movie.title
            ));
        }
        let rated = self.rated_by(&user);
        let unseen = |one: &pb::Recommendation| {
            one.movie.as_ref().is_some_and(|movie| !rated.contains(&movie.movie_id.as_str()))
        };
        self.screen.check(
            "five movies that the user has not rated",
            answer.recommendations.len() == 5 && answer.recommendations.iter().all(unseen),
        );

        let best =
            answer.recommendations.first().and_then(|one| one.movie.clone()).context("no movie was recommended")?;
        let request = pb::ExplainRequest {
            user_id: user.clone(),
            movie_id: best.movie_id.clone(),
            ..pb::ExplainRequest::default()
        };
        let explained = self.client.call(self.client.predictions().explain(request)).await?;
        let prediction = explained.prediction.unwrap_or_default();
        let provenance = explained.provenance.unwrap_or_default();
        self.screen.line(&format!("why {} (without any ratings: {:.2}):", best.title, explained.baseline));
        let reasons: Vec<Reason> = explained
            .reasons
            .into_iter()
            .map(|reason| {
                let movie = reason.movie.unwrap_or_default();
                Reason { movie: movie.movie_id, title: movie.title, rating: reason.rating, effect: reason.effect }
            })
            .collect();
        for reason in &reasons {
            self.screen.line(&format!("  {:+.3}  {} {}", reason.effect, stars(reason.rating, 5.0), reason.title));
        }
        let own = !reasons.is_empty() && reasons.iter().all(|reason| rated.contains(&reason.movie.as_str()));
        self.screen.check(
            "every reason is one of the user's own ratings, and the spread is above 0",
            own && prediction.spread > 0.0,
        );
        self.screen.line(&format!("answered by version {} ({})", provenance.version, provenance.variant));
        self.summary.prediction = Prediction {
            user,
            movie: best.movie_id,
            title: best.title,
            rating: prediction.rating,
            spread: prediction.spread,
            version: provenance.version,
            variant: provenance.variant,
            baseline: explained.baseline,
            reasons,
        };
        Ok(())
    }

    /// Chooses a user with a history of suitable length, by the seed.
    fn choose_user(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (user, _) in &self.ratings {
            *counts.entry(user).or_default() += 1;
        }
        let fitting: Vec<&str> =
            counts.into_iter().filter(|(_, count)| HISTORY.contains(count)).map(|(user, _)| user).collect();
        fitting.choose(&mut ChaCha8Rng::seed_from_u64(self.seed)).map(|user| (*user).to_owned())
    }
}
