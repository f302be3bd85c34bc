//! The rows of the report: what each is about, on which folds, and beside which peers.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    /// The official folds of MovieLens 100K.
    Folds,
    /// Random folds of MovieLens 100K.
    Random,
    /// MovieLens 1M, every tenth rating of a random order held out.
    #[value(name = "ml-1m")]
    #[serde(rename = "ml-1m")]
    Million,
    /// The fast point estimate on MovieLens 1M.
    Map,
    /// Predict, then learn, in the order of time.
    Prequential,
    /// How often intervals contain the rating.
    Coverage,
    /// Users who were not there when the model was fitted.
    FoldIn,
    /// One sweep on MovieLens 1M.
    Sweep,
    /// A whole training run on MovieLens 1M.
    Run,
    /// Where the last fit of a training run should start.
    Warm,
    /// Memory and time with many generated ratings.
    Scale,
    /// Memory and time from as many events to rows to fit on.
    Fold,
    /// The exported encoder.
    Encoder,
}

/// The folds that a row is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folds {
    /// No folds.
    None,
    /// u1 to u5 of MovieLens 100K.
    Official,
    /// Five random folds of MovieLens 100K.
    Random,
    /// MovieLens 1M.
    Million,
    /// The first 80 % of MovieLens 100K by time, and the rest.
    Temporal,
}

/// When a peer is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// In every run.
    Always,
    /// In a full run.
    Full,
    /// With `--peers-long`.
    Long,
}

impl Name {
    /// All rows, in the order of the report.
    pub(crate) const ALL: [Self; 13] = [
        Self::Folds,
        Self::Random,
        Self::Million,
        Self::Map,
        Self::Prequential,
        Self::Coverage,
        Self::FoldIn,
        Self::Sweep,
        Self::Run,
        Self::Warm,
        Self::Scale,
        Self::Fold,
        Self::Encoder,
    ];

    /// Returns the name on the command line.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Folds => "folds",
            Self::Random => "random",
            Self::Million => "ml-1m",
            Self::Map => "map",
            Self::Prequential => "prequential",
            Self::Coverage => "coverage",
            Self::FoldIn => "fold-in",
            Self::Sweep => "sweep",
            Self::Run => "run",
            Self::Warm => "warm",
            Self::Scale => "scale",
            Self::Fold => "fold",
            Self::Encoder => "encoder",
        }
    }

    /// Returns what the row measures.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Folds => "ML-100K, official folds u1 to u5, no dates, no side information",
            Self::Random => "ML-100K, 5 random folds: RandomState(0).permutation, every fifth is test",
            Self::Million => "ML-1M: RandomState(0).permutation, every tenth is test",
            Self::Map => "map on ML-1M, same split",
            Self::Prequential => "ML-100K, first 80 % of time learned, the rest predicted and then learned",
            Self::Coverage => "ML-100K, the same future, strict: how often intervals contain the rating",
            Self::FoldIn => "ML-100K, each fifth of the users left out of training, against leaving out another fifth",
            Self::Sweep => "one sweep on ML-1M, k = 32",
            Self::Run => "whole bayes run on ML-1M: fit, judge, fit on all, write the graphs",
            Self::Warm => "ML-100K: starts of a fit, judged on a tenth of each training part",
            Self::Scale => "generated ratings, k = 32",
            Self::Fold => "events of generated ratings, folded into rows to fit on",
            Self::Encoder => "encoder in ONNX Runtime on one thread, history of 200, k = 32, 32 samples",
        }
    }

    /// Returns whether a quick run has the row.
    pub(crate) fn is_quick(self) -> bool {
        !matches!(self, Self::Million | Self::Map | Self::Sweep | Self::Run | Self::Warm | Self::Scale | Self::Fold)
    }

    /// Returns the folds of the row. Those of the peers are the same.
    pub(crate) fn folds(self) -> Folds {
        match self {
            Self::Folds | Self::Warm => Folds::Official,
            Self::Random | Self::FoldIn => Folds::Random,
            Self::Million | Self::Map | Self::Sweep | Self::Run => Folds::Million,
            Self::Prequential | Self::Coverage => Folds::Temporal,
            Self::Scale | Self::Fold | Self::Encoder => Folds::None,
        }
    }

    /// Returns the peers of the row, by their names in `tests/peers/rating_models.py`.
    pub(crate) fn peers(self) -> &'static [(&'static str, When)] {
        match self {
            Self::Folds => &[
                ("surprise-svd", When::Full),
                ("surprise-svd-tuned", When::Always),
                ("surprise-svdpp", When::Full),
                ("surprise-knn", When::Full),
                ("libmf-64", When::Full),
                ("libmf-128", When::Always),
                ("myfm-mf", When::Long),
                ("myfm-both", When::Always),
                ("myfm-ordinal", When::Long),
            ],
            Self::Random => &[
                ("surprise-svd-tuned", When::Full),
                ("libmf-128", When::Always),
                ("myfm-both", When::Always),
                ("myfm-ordinal", When::Full),
            ],
            Self::Million => &[
                ("surprise-svd-tuned", When::Full),
                ("surprise-svdpp", When::Long),
                ("libmf-64", When::Always),
                ("libmf-128", When::Always),
                ("myfm-mf", When::Long),
                ("myfm-both", When::Long),
            ],
            Self::Map => &[("libmf-64", When::Always), ("libmf-128", When::Always)],
            Self::Prequential => &[("surprise-svd-tuned", When::Full), ("myfm-both", When::Always)],
            Self::Sweep => &[("myfm-both", When::Always)],
            Self::Coverage | Self::FoldIn | Self::Run | Self::Warm | Self::Scale | Self::Fold | Self::Encoder => &[],
        }
    }
}
