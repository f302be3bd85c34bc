//! The gates: what a model must reach to be published.

use marquee_domain::{GateResult, ModelName, Version};
use marquee_model::{Package, PackageError, SigningKey};

use super::PipelineError;
use super::export::Files;
use super::fitting::Fitted;
use crate::queue::Run;
use crate::settings::Gates;

/// What the gates look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// The largest difference between the graphs and the trainer's own prediction, in stars.
    pub(super) parity: f64,
    pub(super) rmse: f64,
    pub(super) bias_rmse: f64,
}

/// The files of a model that passed every gate. Only [`check`] makes one.
#[derive(Debug)]
pub(crate) struct Approved {
    files: Files,
    gates: Vec<GateResult>,
}

impl Measured {
    pub(super) fn new(parity: f64, fitted: &Fitted) -> Self {
        Self { parity, rmse: fitted.evaluation.rmse, bias_rmse: fitted.bias.rmse }
    }

    /// Returns every gate with its value and bound.
    fn results(&self, gates: &Gates) -> [(&'static str, f64, f64); 2] {
        [("parity", self.parity, gates.parity), ("rmse", self.rmse, self.bias_rmse * gates.rmse_over_bias)]
    }
}

/// Checks every gate and records the results in the run.
pub(super) fn check(files: Files, bounds: &Gates, measured: &Measured, run: &Run) -> Result<Approved, PipelineError> {
    let mut gates = Vec::new();
    for (name, value, bound) in measured.results(bounds) {
        let gate = GateResult { name: name.to_owned(), value, bound };
        run.update(|run| run.gates.push(gate.clone()));
        if !gate.passes() {
            return Err(PipelineError::Gate { name, value, bound });
        }
        gates.push(gate);
    }
    Ok(Approved { files, gates })
}

impl Approved {
    pub(super) fn model(&self) -> &ModelName {
        self.files.model()
    }

    /// Builds the package of a version, signed if there is a key. Hashes every file.
    pub(super) fn package(&self, version: Version, key: Option<&SigningKey>) -> Result<Package, PackageError> {
        self.files.package(version, &self.gates, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_above_its_bound_stops_the_run() {
        let gates = Gates { rmse_over_bias: 1.02, parity: 1e-3 };
        let passes = |parity, rmse| {
            let measured = Measured { parity, rmse, bias_rmse: 1.0 };
            let mut results = measured.results(&gates).into_iter();
            results.all(|(name, value, bound)| GateResult { name: name.to_owned(), value, bound }.passes())
        };
        assert!(passes(1e-4, 1.0) && passes(0.0, 1.02));
        assert!(!passes(1e-2, 0.9), "the graphs predict something else");
        assert!(!passes(0.0, 1.03), "the model is worse than the biases");
        assert!(!passes(f64::INFINITY, 0.9) && !passes(0.0, f64::NAN));
    }
}
