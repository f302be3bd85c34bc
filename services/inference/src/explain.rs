//! Why a prediction is what it is: what it would be had the user not given each of the ratings.
//!
//! Leaving one out asks the model itself, so it holds for every model that has an encoder and a scorer. The histories with one rating less go
//! through the encoder together, some dozens a run.

use marquee_domain::Reason;
use std::time::Instant;

use marquee_kit::{Failure, Kind};
use marquee_proto::convert;
use marquee_proto::prediction::v1 as pb;

use crate::predict::{Turn, run_failed};
use crate::service::Service;

/// Histories encoded at once.
const PAGE: usize = 32;

impl Service {
    /// Explains one prediction.
    pub(crate) async fn explain(&self, request: pb::ExplainRequest) -> Result<pb::ExplainResponse, Failure> {
        const MOST: u32 = 100;
        let started = Instant::now();
        let mut violations = Vec::new();
        let user = convert::user_id("user_id", &request.user_id).map_err(|violation| violations.push(violation)).ok();
        let movie =
            convert::movie_id("movie_id", &request.movie_id).map_err(|violation| violations.push(violation)).ok();
        if request.limit > MOST {
            let fix = format!("is {}: ask for at most {MOST}", request.limit);
            violations.push(marquee_domain::Violation::new("limit", Reason::TooMany, fix));
        }
        let (Some(user), Some(movie), true) = (user, movie, violations.is_empty()) else {
            return Err(Failure::invalid(violations));
        };
        let limit = if request.limit == 0 { 5 } else { request.limit as usize };
        let turn = self.turn(&request.model, &user, request.after).await?;
        let Some(index) = turn.model.catalogue.index_of(&movie) else {
            let message = format!(
                "model version {} was trained without movie '{movie}': there is nothing to explain",
                turn.model.version
            );
            return Err(Failure::new(Kind::NotFound, message));
        };
        let explained = reasons(&turn, index as i64).await;
        let (prediction, baseline, mut reasons) = self.count(&turn, started, explained)?;
        reasons.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        reasons.truncate(limit);
        Ok(pb::ExplainResponse {
            prediction: Some(turn.prediction(&movie, prediction, false)),
            baseline: turn.model.scale().clip(baseline),
            reasons,
            provenance: Some(turn.provenance()),
        })
    }
}

async fn reasons(turn: &Turn, movie: i64) -> Result<(crate::loaded::Scored, f64, Vec<pb::Reason>), Failure> {
    let failed = |error| run_failed(&error);
    let one = |scored: Vec<crate::loaded::Scored>| {
        scored.first().copied().ok_or_else(|| Failure::new(Kind::Internal, "the model gave no answer"))
    };
    let full = one(turn.model.score(&turn.state, &[movie]).await.map_err(failed)?)?;
    let nobody = turn.model.encode(&[]).await.map_err(failed)?;
    let baseline = one(turn.model.score(&nobody, &[movie]).await.map_err(failed)?)?.rating;
    let known: Vec<_> =
        turn.history.entries.iter().filter(|entry| turn.model.catalogue.index_of(&entry.movie).is_some()).collect();
    let history = turn.model.known(&turn.history.entries);
    let mut reasons = Vec::with_capacity(known.len());
    for start in (0..history.len()).step_by(PAGE) {
        let without: Vec<Vec<(i64, f32)>> = (start..history.len().min(start + PAGE))
            .map(|left_out| {
                history.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, &entry)| entry).collect()
            })
            .collect();
        let rows: Vec<&[(i64, f32)]> = without.iter().map(Vec::as_slice).collect();
        let states = turn.model.encode_many(&rows).await.map_err(failed)?;
        let scored = turn.model.score(&states, &[movie]).await.map_err(failed)?;
        for (entry, scored) in known[start..].iter().zip(scored) {
            let movie = turn.model.catalogue.get(&entry.movie);
            reasons.push(pb::Reason {
                movie: movie.map(convert::movie),
                rating: entry.rating,
                rated_at: entry.rated_at,
                effect: full.rating - scored.rating,
            });
        }
    }
    Ok((full, baseline, reasons))
}
