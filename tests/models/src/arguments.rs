//! The arguments of the command.

use std::path::PathBuf;

use clap::Parser;
use marquee_fit::{Algorithm, FitParameters};

use crate::plan::Name;

/// Measures the rating models beside other libraries on the same folds.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench-model")]
pub(crate) struct Arguments {
    /// The rows to measure, with commas between them. Default: all.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<Name>,
    /// Writes all figures to this file as JSON.
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// The folder for the pictures of RMSE against seconds.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench-model")]
    pub(crate) charts: PathBuf,
    /// Measures MovieLens 100K only, with fewer sweeps and peers. The targets are for a full run.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Runs peers that take minutes for a fold as well.
    #[arg(long)]
    pub(crate) peers_long: bool,
    /// Runs no peers.
    #[arg(long, conflicts_with = "peers_long")]
    pub(crate) no_peers: bool,
    /// The folder or archive of MovieLens 100K. The official folds need the folder.
    #[arg(long, value_name = "PATH")]
    pub(crate) ml_100k: Option<PathBuf>,
    /// The folder or archive of MovieLens 1M.
    #[arg(long, value_name = "PATH")]
    pub(crate) ml_1m: Option<PathBuf>,
    /// How many ratings to generate for the row `scale`.
    #[arg(long, value_name = "N", default_value_t = crate::generated::FULL_SCALE)]
    pub(crate) ratings: usize,
    /// The length of a factor vector, instead of 16 for MovieLens 100K and 32 for more ratings.
    #[arg(long, value_name = "N")]
    factors: Option<usize>,
    /// The sweeps of a fit by sampling.
    #[arg(long, value_name = "N")]
    sweeps: Option<usize>,
    /// The sweeps before the first kept sample.
    #[arg(long, value_name = "N")]
    burn_in: Option<usize>,
    /// The number of samples to keep.
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// The seed of every random number of a fit.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The row that this process measures. The program passes it to itself.
    #[arg(long, hide = true)]
    pub(crate) row: Option<Name>,
    /// The folder with the folds. The program passes it to itself.
    #[arg(long, hide = true)]
    pub(crate) work: Option<PathBuf>,
}

impl Arguments {
    /// Returns the rows to measure, in the order of the report.
    pub(crate) fn rows(&self) -> Vec<Name> {
        let wanted = |name: &Name| match self.only.is_empty() {
            true => !self.quick || name.is_quick(),
            false => self.only.contains(name),
        };
        Name::ALL.into_iter().filter(wanted).collect()
    }

    /// Returns the parameters of a fit by sampling, with this length of a factor vector if the
    /// command line names no other. `None` is the length that Marquee chooses itself.
    pub(crate) fn bayes(&self, factors: Option<usize>) -> FitParameters {
        let mut parameters = FitParameters::default_of(Algorithm::Bayes);
        if self.quick {
            (parameters.sweeps, parameters.burn_in) = (100, 20);
        }
        parameters.factors = self.factors.or(factors).unwrap_or(parameters.factors);
        parameters.sweeps = self.sweeps.unwrap_or(parameters.sweeps);
        parameters.burn_in = self.burn_in.unwrap_or(parameters.burn_in.min(parameters.sweeps / 4));
        let most = parameters.sweeps.saturating_sub(parameters.burn_in).max(1);
        parameters.samples = self.samples.unwrap_or(parameters.samples.min(most));
        parameters.seed = self.seed;
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Arguments {
        Arguments::parse_from([&["bench-model"], arguments].concat())
    }

    #[test]
    fn a_quick_run_is_of_movielens_100k_and_named_rows_are_measured_in_any_case() {
        assert_eq!(parse(&[]).rows(), Name::ALL);
        let quick = parse(&["--quick"]).rows();
        assert!(quick.contains(&Name::Folds) && !quick.contains(&Name::Million));
        assert_eq!(parse(&["--quick", "--only", "scale,folds"]).rows(), [Name::Folds, Name::Scale]);
    }

    #[test]
    fn the_command_line_overrides_parameters_and_all_of_them_are_in_range() {
        for arguments in [&[][..], &["--quick"], &["--sweeps", "30"], &["--factors", "8", "--samples", "5"]] {
            parse(arguments).bayes(Some(32)).check().unwrap();
        }
        assert_eq!(parse(&[]).bayes(Some(32)).factors, 32);
        assert_eq!(parse(&["--factors", "8"]).bayes(Some(32)).factors, 8);
    }
}
