//! The ways to hold ratings out, and their figures over the seeds.

use std::collections::BTreeMap;
use std::fmt;

use marquee_eval::{Evaluation, KFold, MeanDeviation, Method, PointErrors};
use serde::Serialize;

use super::Watch;

/// A way to hold ratings out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The newest ratings; each is predicted and then learned. The model stays the same.
    Prequential,
    /// The newest ratings, and the model is fitted again from time to time.
    Retrained,
    /// The newest ratings; nothing is learned after the cut.
    Temporal,
    /// Like prequential, with users whose moods pass ([`marquee_eval::prequential_with_mood`]).
    /// Serving has no moods.
    Mood,
    /// Like prequential, with biases of movies that also learn ([`marquee_eval::with_movie_bias`]).
    /// Serving does not move them between trainings.
    MovieBias,
    /// Folds, without regard to time.
    Folds,
}

/// The figures of an arm over the seeds. Errors are in stars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmFigures {
    /// The arm.
    pub arm: Arm,
    /// What was done, for people.
    pub name: String,
    /// The number of ratings that were predicted.
    pub ratings: u64,
    /// The root mean squared error. Of folds, the mean over the folds.
    pub rmse: MeanDeviation,
    /// The error of each seed.
    pub by_seed: Vec<f64>,
    /// The errors of each fold for the first seed. Empty for other arms.
    pub by_fold: Vec<PointErrors>,
    /// The mean absolute error.
    pub mae: Option<MeanDeviation>,
    /// The mean negative log density, in nats.
    pub nll: Option<MeanDeviation>,
    /// The mean continuous ranked probability score, in stars.
    pub crps: Option<MeanDeviation>,
    /// How often the central intervals of 50, 80 and 90 % contain the rating.
    pub coverage: Vec<MeanDeviation>,
    /// The share of concordant pairs.
    pub fcp: Option<MeanDeviation>,
    /// The discounted gain of the first ten movies.
    pub ndcg_10: Option<MeanDeviation>,
    /// The root mean squared error of user and movie biases.
    pub bias_rmse: f64,
}

/// A part of an evaluation: a seed of an arm, or a fold of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The arm.
    pub arm: Arm,
    /// The seed.
    pub seed: u64,
    /// The fold, from 1.
    pub fold: Option<u32>,
    /// The figures by name.
    pub figures: BTreeMap<String, f64>,
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prequential => "prequential",
            Self::Retrained => "retrained",
            Self::Temporal => "temporal",
            Self::Mood => "mood",
            Self::MovieBias => "movie-bias",
            Self::Folds => "folds",
        })
    }
}

impl Arm {
    /// Every arm, in the order of a table.
    pub const ALL: [Self; 6] =
        [Self::Prequential, Self::Retrained, Self::Temporal, Self::Mood, Self::MovieBias, Self::Folds];

    /// Returns whether each rating is predicted from earlier ones only.
    pub fn follows_time(self) -> bool {
        self != Self::Folds
    }

    /// Returns whether a plan without arms has it. Others are not about what serves.
    pub(super) fn is_default(self) -> bool {
        !matches!(self, Self::Mood | Self::MovieBias)
    }

    /// Returns whether one model, which was fitted before the cut, predicts all ratings.
    pub(super) fn keeps_the_model(self) -> bool {
        matches!(self, Self::Prequential | Self::Temporal | Self::Mood | Self::MovieBias)
    }

    /// Returns the rows of evaluations by time, one for each seed.
    pub(super) fn rows(self, all: &[Evaluation], bias: &Evaluation) -> Vec<ArmFigures> {
        let one_by_one = |one: &Evaluation| one.one_by_one.unwrap_or_default();
        match self {
            Self::MovieBias => {
                let name = "prequential with moving biases of movies, strict".to_owned();
                vec![ArmFigures::strict(self, name, all, bias)]
            }
            Self::Prequential | Self::Mood => {
                let what = if self == Self::Mood { "prequential with moods" } else { "prequential" };
                let one_after_the_other =
                    ArmFigures::errors((self, format!("{what}, one rating after the other")), all, bias, |one| {
                        one_by_one(one).rmse
                    });
                vec![
                    ArmFigures::strict(self, format!("{what}, strict"), all, bias),
                    ArmFigures { mae: over(all, |one| Some(one_by_one(one).mae)), ..one_after_the_other },
                ]
            }
            Self::Temporal => {
                let name = "temporal, nothing learned after the cut".to_owned();
                vec![ArmFigures::errors((self, name), all, bias, |one| one.frozen_rmse)]
            }
            Self::Retrained => {
                let every = all.first().and_then(|one| match one.method {
                    Method::Retrained { every } => Some(every),
                    _ => None,
                });
                let name = format!("retrained every {} ratings, strict", every.unwrap_or_default());
                vec![ArmFigures::strict(self, name, all, bias)]
            }
            Self::Folds => Vec::new(),
        }
    }

    /// Tells what was measured for a seed.
    pub(super) fn tell(self, watch: &dyn Watch, seed: u64, evaluation: &Evaluation) {
        let mut figures = BTreeMap::new();
        match self {
            Self::Temporal => figures.extend([("rmse".to_owned(), evaluation.frozen_rmse)]),
            Self::Prequential | Self::Retrained | Self::Mood | Self::MovieBias => {
                figures.extend([
                    ("rmse".to_owned(), evaluation.rmse),
                    ("mae".to_owned(), evaluation.mae),
                    ("nll".to_owned(), evaluation.nll),
                ]);
                let held =
                    |held: &marquee_eval::Coverage| (format!("coverage_{:.0}", held.nominal * 100.0), held.actual);
                figures.extend(evaluation.coverage.iter().map(held));
                figures.extend(evaluation.spread.as_ref().map(|spread| ("crps".to_owned(), spread.crps)));
            }
            Self::Folds => return,
        }
        watch.measured(&Part { arm: self, seed, fold: None, figures });
    }
}

impl Part {
    pub(super) fn fold(seed: u64, fold: u32, errors: &PointErrors) -> Self {
        let figures = [("rmse", errors.rmse), ("mae", errors.mae)];
        let figures = figures.map(|(name, value)| (name.to_owned(), value)).into();
        Self { arm: Arm::Folds, seed, fold: Some(fold), figures }
    }

    /// Returns the name, for example `folds, seed 1, fold 2`.
    pub fn name(&self) -> String {
        let fold = self.fold.map(|fold| format!(", fold {fold}")).unwrap_or_default();
        format!("{}, seed {}{fold}", self.arm, self.seed)
    }
}

impl ArmFigures {
    /// Returns the row with nothing but an error.
    fn errors(
        (arm, name): (Arm, String),
        all: &[Evaluation],
        bias: &Evaluation,
        rmse: impl Fn(&Evaluation) -> f64,
    ) -> Self {
        let by_seed: Vec<f64> = all.iter().map(&rmse).collect();
        Self {
            arm,
            name,
            ratings: all.first().map_or(0, |one| one.ratings),
            rmse: MeanDeviation::of(by_seed.iter().copied()),
            by_seed,
            by_fold: Vec::new(),
            mae: None,
            nll: None,
            crps: None,
            coverage: Vec::new(),
            fcp: None,
            ndcg_10: None,
            bias_rmse: rmse(bias),
        }
    }

    /// Returns the row with all strict figures.
    fn strict(arm: Arm, name: String, all: &[Evaluation], bias: &Evaluation) -> Self {
        let places = 0..all.first().map_or(0, |one| one.coverage.len());
        let held = |place: usize| over(all, |one| one.coverage.get(place).map(|held| held.actual));
        Self {
            mae: over(all, |one| Some(one.mae)),
            nll: over(all, |one| Some(one.nll)),
            crps: over(all, |one| Some(one.spread.as_ref()?.crps)),
            coverage: places.filter_map(held).collect(),
            fcp: over(all, |one| one.ranking.as_ref()?.fcp),
            ndcg_10: over(all, |one| one.ranking.as_ref()?.ndcg_10),
            ..Self::errors((arm, name), all, bias, |one| one.rmse)
        }
    }

    pub(super) fn of_folds(all: &[KFold], bias: &KFold) -> Self {
        let pooled: Vec<Evaluation> = all.iter().map(|one| one.pooled.clone()).collect();
        let by_seed: Vec<f64> = all.iter().map(|one| one.rmse.mean).collect();
        let name = match bias.method {
            Method::GivenFolds { folds } => format!("{folds} folds of the data set"),
            Method::RandomFolds { folds, .. } => format!("{folds} random folds"),
            other => other.to_string(),
        };
        Self {
            rmse: MeanDeviation::of(by_seed.iter().copied()),
            by_seed,
            by_fold: all.first().map(|one| one.folds.clone()).unwrap_or_default(),
            mae: Some(MeanDeviation::of(all.iter().map(|one| one.mae.mean))),
            bias_rmse: bias.rmse.mean,
            ..Self::strict(Arm::Folds, name, &pooled, &bias.pooled)
        }
    }
}

/// Returns mean and deviation of a figure that every seed has, or `None`.
fn over(all: &[Evaluation], figure: impl Fn(&Evaluation) -> Option<f64>) -> Option<MeanDeviation> {
    let values: Option<Vec<f64>> = all.iter().map(figure).collect();
    values.filter(|values| !values.is_empty()).map(|values| MeanDeviation::of(values.into_iter()))
}
