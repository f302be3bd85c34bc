//! Errors by time: sliding windows over the future.

use marquee_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Outcome, Outcomes};

/// Errors of the predictions of a part of the future. Windows overlap by half.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The time of the first rating, in microseconds since 1970.
    pub from: Timestamp,
    /// The time of the last rating, in microseconds since 1970.
    pub to: Timestamp,
    /// The number of ratings.
    pub ratings: u64,
    /// The strict root mean squared error, in stars.
    pub rmse: f64,
    /// The root mean squared error where each rating is learned before the next one is predicted.
    pub one_by_one_rmse: f64,
    /// The root mean squared error with states as they were at the cut.
    pub frozen_rmse: f64,
}

/// Returns at most this many windows, oldest first. All have about the same number of ratings, and
/// each begins in the middle of the one before (Gama, Sebastião & Rodrigues, "On evaluating stream
/// learning algorithms", Machine Learning 90, 2013, on sliding windows).
pub(crate) fn windows(all: &Outcomes, most: usize) -> Vec<Window> {
    let mut by_time: Vec<&Outcome> = all.list().iter().collect();
    by_time.sort_unstable_by_key(|one| (one.at, one.user, one.movie));
    let steps = (most + 1).min(by_time.len());
    if most == 0 || steps == 0 {
        return Vec::new();
    }
    let border = |step: usize| step.min(steps) * by_time.len() / steps;
    let windows = (0..steps.saturating_sub(1).max(1)).map(|step| window(&by_time[border(step)..border(step + 2)]));
    windows.flatten().collect()
}

fn window(part: &[&Outcome]) -> Option<Window> {
    let (first, last) = (part.first()?, part.last()?);
    let rmse = |prediction: fn(&Outcome) -> f64| {
        let squares: f64 = part.iter().map(|one| (prediction(one) - one.rating).powi(2)).sum();
        (squares / part.len() as f64).sqrt()
    };
    Some(Window {
        from: first.at,
        to: last.at,
        ratings: part.len() as u64,
        rmse: rmse(|one| one.predicted),
        one_by_one_rmse: rmse(|one| one.one_by_one),
        frozen_rmse: rmse(|one| one.frozen),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{outcome, outcomes};

    #[test]
    fn windows_slide_by_half_and_follow_time() {
        // The error of the rating at second n is n. The users have the even and the odd seconds.
        let list = (0..6).map(|movie| outcome(movie % 2, movie, 1.0, 1.0 + f64::from(movie)));
        let windows = windows(&outcomes(list.collect()), 2);
        let seen: Vec<(i64, i64, u64)> =
            windows.iter().map(|one| (one.from.seconds(), one.to.seconds(), one.ratings)).collect();
        assert_eq!(seen, [(0, 3, 4), (2, 5, 4)]);
        assert!((windows[0].rmse - (14.0f64 / 4.0).sqrt()).abs() < 1e-12);
        assert!((windows[1].rmse - (54.0f64 / 4.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn few_ratings_have_fewer_windows() {
        let list = |ratings: u32| outcomes((0..ratings).map(|movie| outcome(0, movie, 3.0, 3.0)).collect());
        let counts = [0, 1, 2, 5, 21, 100].map(|ratings| windows(&list(ratings), 20).len());
        assert_eq!(counts, [0, 1, 1, 4, 20, 20]);
        assert!(windows(&list(9), 0).is_empty());
    }
}
