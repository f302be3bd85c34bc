//! How well predictions order the movies of a user.

mod pairs;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use self::pairs::{Concordance, concordance, rank_sum};
use crate::{Outcome, Outcomes};

/// The length of a list of recommendations.
const LENGTH: usize = 10;

/// Figures of the order of each user's held-out movies. `None` where no user has what a figure
/// needs. Movies with equal predictions are in the order of their ids.
///
/// Only movies that the user rated are ranked, so these figures compare models. They do not say how
/// good a list out of the whole catalog is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ranking {
    /// The smallest rating that counts as a like, in stars.
    pub like: f64,
    /// The number of users who liked a movie. The means of precision, recall and F1 are over these.
    pub users: u64,
    /// The share of liked movies among the user's 10 movies with the highest predictions. A user
    /// with fewer movies has a shorter list. The mean over users.
    pub precision_10: Option<f64>,
    /// The share of the user's liked movies that are among these 10. The mean over users.
    pub recall_10: Option<f64>,
    /// The harmonic mean of the user's precision and recall. The mean over users.
    pub f1_10: Option<f64>,
    /// The probability that a liked movie has a higher prediction than another movie of the same
    /// user; equal predictions count half. The mean over the users with both.
    pub auc: Option<f64>,
    /// The same over the movies of all users together.
    pub pooled_auc: Option<f64>,
    /// The discounted cumulative gain of the 10 movies, as a share of the best possible one. The
    /// gain is the rating minus the minimum of the scale, and the discount is `log2(rank + 1)`
    /// (Järvelin & Kekäläinen, TOIS 20(4), 2002). The mean over the users with at least two movies,
    /// not all of the lowest rating.
    pub ndcg_10: Option<f64>,
    /// The share of concordant pairs among all pairs of movies of one user with different ratings
    /// (Koren & Sill, "OrdRec", RecSys 2011). Equal predictions are not concordant. The pairs of
    /// all users are counted together. (The package Surprise divides both counts by the number of
    /// users who have such a pair, which differs where a user has none.)
    pub fcp: Option<f64>,
    /// The share of the held-out movies that are among the 10 of at least one user. For lists out
    /// of the whole catalog, see [`crate::catalog_coverage()`].
    pub catalog_coverage_10: Option<f64>,
}

/// One movie of a user: the prediction that orders it, its rating, and its number.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    score: f64,
    rating: f64,
    movie: u32,
}

/// A mean over users.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Returns the figures of one of the predictions of each outcome. Takes O(n log n) time.
pub(crate) fn figures(all: &Outcomes, (min, like): (f64, f64), score: impl Fn(&Outcome) -> f64) -> Ranking {
    // A rating that is off its level by rounding is on it.
    let is_liked = |rating: f64| rating >= like - 1e-6;
    let [mut precision, mut recall, mut f1, mut auc, mut ndcg] = std::array::from_fn(|_| Mean::default());
    let mut pairs = Concordance::default();
    let (mut listed, mut rated) = (HashSet::new(), HashSet::new());
    let (mut ranked, mut pooled) = (Vec::new(), Vec::with_capacity(all.list().len()));
    for user in all.by_user() {
        ranked.clear();
        ranked.extend(user.iter().map(|one| Ranked { score: score(one), rating: one.rating, movie: one.movie }));
        ranked.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.movie.cmp(&b.movie)));
        let top = &ranked[..LENGTH.min(ranked.len())];
        let liked = ranked.iter().filter(|one| is_liked(one.rating)).count();
        if liked > 0 {
            let found = top.iter().filter(|one| is_liked(one.rating)).count() as f64;
            precision.add(found / top.len() as f64);
            recall.add(found / liked as f64);
            // 2pr / (p + r), without dividing by 0.
            f1.add(2.0 * found / (top.len() + liked) as f64);
        }
        let scores = || ranked.iter().map(|one| (one.score, is_liked(one.rating)));
        auc_of(scores()).into_iter().for_each(|value| auc.add(value));
        gain_share(&ranked, min).into_iter().for_each(|value| ndcg.add(value));
        pairs.add(concordance(ranked.iter().map(|one| (one.score, one.rating))));
        pooled.extend(scores());
        listed.extend(top.iter().map(|one| one.movie));
        rated.extend(ranked.iter().map(|one| one.movie));
    }
    Ranking {
        like,
        users: precision.count,
        precision_10: precision.value(),
        recall_10: recall.value(),
        f1_10: f1.value(),
        auc: auc.value(),
        pooled_auc: auc_of(pooled.into_iter()),
        ndcg_10: ndcg.value(),
        fcp: pairs.share(),
        catalog_coverage_10: (!rated.is_empty()).then(|| listed.len() as f64 / rated.len() as f64),
    }
}

/// Returns the area under the curve of pairs of a score and whether the movie was liked. Returns
/// `None` if all were liked, or no movie was.
fn auc_of(scores: impl Iterator<Item = (f64, bool)>) -> Option<f64> {
    let (liked, others): (Vec<_>, Vec<_>) = scores.partition(|(_, liked)| *liked);
    let possible = liked.len() as f64 * others.len() as f64;
    (possible > 0.0).then(|| rank_sum(liked, others) / possible)
}

/// Returns the discounted gain of the first movies, as a share of that of the best order. Returns
/// `None` for fewer than two movies, and where no order has a gain.
fn gain_share(ranked: &[Ranked], min: f64) -> Option<f64> {
    let gain = |ratings: &[f64]| -> f64 {
        let discounted = |(place, rating): (f64, &f64)| (rating - min).max(0.0) / (place + 1.0).log2();
        (1..).map(f64::from).zip(ratings).take(LENGTH).map(discounted).sum()
    };
    let mut ratings: Vec<f64> = ranked.iter().map(|one| one.rating).collect();
    let actual = gain(&ratings);
    ratings.sort_unstable_by(|a, b| b.total_cmp(a));
    let best = gain(&ratings);
    (ranked.len() > 1 && best > 0.0).then(|| actual / best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{outcome, outcomes};

    fn ranking(list: &[(u32, u32, f64, f64)]) -> Ranking {
        let list = list.iter().map(|&(user, movie, rating, predicted)| outcome(user, movie, rating, predicted));
        figures(&outcomes(list.collect()), (1.0, 4.0), |outcome| outcome.predicted)
    }

    fn close(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() < 1e-12)
    }

    #[test]
    fn one_user_by_hand() {
        // In the order of the predictions, the ratings are 5, 2, 4.
        let figures = ranking(&[(0, 0, 5.0, 4.5), (0, 1, 2.0, 4.0), (0, 2, 4.0, 3.0)]);
        assert_eq!((figures.users, figures.like), (1, 4.0));
        assert!(close(figures.precision_10, 2.0 / 3.0) && close(figures.recall_10, 1.0));
        assert!(close(figures.f1_10, 0.8));
        // One of two pairs of a liked and another movie.
        assert!(close(figures.auc, 0.5) && close(figures.pooled_auc, 0.5));
        // Concordant: 5 above 2, 5 above 4. Not: 4 above 2.
        assert!(close(figures.fcp, 2.0 / 3.0));
        let best = 4.0 + 3.0 / 3f64.log2() + 1.0 / 2.0;
        assert!(close(figures.ndcg_10, (4.0 + 1.0 / 3f64.log2() + 3.0 / 2.0) / best));
        assert!(close(figures.catalog_coverage_10, 1.0));
    }

    #[test]
    fn only_ten_movies_are_in_a_list() {
        // 12 movies; the two with the lowest predictions are liked, and one other.
        let rating = |movie: u32| if movie > 9 || movie == 0 { 5.0 } else { 3.0 };
        let list: Vec<_> = (0..12).map(|movie| (0, movie, rating(movie), 4.5 - f64::from(movie) / 10.0)).collect();
        let figures = ranking(&list);
        assert!(close(figures.precision_10, 0.1) && close(figures.recall_10, 1.0 / 3.0));
        assert!(close(figures.f1_10, 2.0 / 13.0) && close(figures.catalog_coverage_10, 10.0 / 12.0));
    }

    #[test]
    fn the_means_are_over_users_and_pairs_are_counted_together() {
        // The first user: right order of 3 movies, 3 pairs. The second: wrong order of 2 movies.
        let figures = ranking(&[
            (0, 0, 5.0, 5.0),
            (0, 1, 4.0, 4.0),
            (0, 2, 1.0, 1.0),
            (1, 0, 4.0, 2.0),
            (1, 1, 3.0, 3.0),
            (2, 0, 2.0, 2.0),
        ]);
        assert!(close(figures.fcp, 3.0 / 4.0) && close(figures.auc, 0.5));
        // Predictions of liked movies against the others 1, 3, 2: 5 beats 1, 3, 2; 4 beats 1, 3, 2;
        // 2 beats 1 and half of 2.
        assert!(close(figures.pooled_auc, 7.5 / 9.0));
        assert_eq!(figures.users, 2);
        assert!(close(figures.precision_10, (2.0 / 3.0 + 1.0 / 2.0) / 2.0));
    }

    #[test]
    fn what_has_no_order_has_no_figures() {
        let nothing = ranking(&[]);
        assert_eq!(nothing, Ranking { like: 4.0, ..Ranking::default() });
        let constant = ranking(&[(0, 0, 1.0, 3.0), (0, 1, 1.0, 2.0)]);
        assert_eq!((constant.fcp, constant.auc, constant.ndcg_10, constant.precision_10), (None, None, None, None));
        // Equal predictions: not concordant, and half of the area.
        let equal = ranking(&[(0, 0, 1.0, 3.0), (0, 1, 5.0, 3.0)]);
        assert!(close(equal.fcp, 0.0) && close(equal.auc, 0.5));
    }
}
