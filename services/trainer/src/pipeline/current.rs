//! The current version of a model, and whether a new one predicts as well.
//!
//! The current version is the stable one of the model's route. Its own predictions cannot be
//! compared: it has learned from ratings that are held out now. So its method, which its manifest
//! names, is fitted again on the same past, and both are compared in pairs by user (see
//! [`marquee_eval::compare`]). Where the method is that of the run, the fit would be the same one,
//! and is left out.

use marquee_domain::{Algorithm, FitParameters, GateResult, GateSide, ModelName, TrainingPlan, Version};
use marquee_eval::{
    Bootstrap, CompareError, Comparison, Evaluation, NonInferiority, Options, Outcomes, Window, compare,
};
use marquee_model::{Manifest, ModelStore, VersionComparison};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore};
use serde::Deserialize;

use crate::settings::Gates;

/// The name of the gate.
pub(super) const NON_INFERIORITY: &str = "non_inferiority";

/// The stable version of a route, as far as its manifest can be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Current {
    pub(super) version: Version,
    /// How it was fitted. `None`: another trainer made it, or its manifest cannot be read.
    method: Option<(Algorithm, FitParameters)>,
    /// The digest of its ratings, and the number of them that were held out.
    data: Option<(String, u64)>,
    /// The error that was measured then.
    rmse: Option<f64>,
}

/// The part of a stored route that is read here.
#[derive(Debug, Deserialize)]
struct StoredRoute {
    stable: Version,
}

/// What a new version is compared with, and by which rule.
#[derive(Debug, Clone)]
pub(super) struct Contest {
    current: Option<Current>,
    rule: NonInferiority,
}

/// What follows from a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No route names a version.
    NoCurrentVersion,
    /// The current version was fitted in the same way.
    SameMethod,
    /// The current version cannot be fitted again.
    NotComparable,
    /// Too few users have held-out ratings.
    TooFewUsers,
    /// The new version is not worse by more than the margin.
    NotWorse,
    /// It may be worse by more than the margin.
    MayBeWorse,
}

/// How a new version compares with the current one.
#[derive(Debug, Clone)]
pub(super) struct Judgment {
    pub(super) verdict: Verdict,
    current: Option<Current>,
    rule: NonInferiority,
    /// The error of the current version's method on the same ratings.
    rmse: Option<f64>,
    comparison: Option<Comparison>,
    /// Errors of the current version's method by time.
    windows: Vec<Window>,
    /// The error minus the stored one, where both are of the same ratings and the same fit.
    drift: Option<f64>,
    gate: Option<GateResult>,
}

/// What was measured of the new version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) plan: &'a TrainingPlan,
    /// The digest of its ratings.
    pub(super) digest: &'a str,
    pub(super) outcomes: &'a Outcomes,
    pub(super) evaluation: &'a Evaluation,
    pub(super) options: &'a Options<'a>,
}

/// Returns the current version of a model, or `None` if no route names one.
///
/// # Errors
/// The store cannot be read. A route or a manifest that is damaged is none: it must not keep a new
/// version from being published.
pub(super) async fn find(
    objects: &dyn ObjectStore,
    store: &ModelStore,
    model: &ModelName,
) -> Result<Option<Current>, Error> {
    let wrong = || Error::bare(ErrorKind::Invalid, format!("read the route of model '{model}'"));
    let key = ObjectKey::try_new(&format!("routing/{model}.json")).map_err(|_| wrong())?;
    let Some(object) = objects.get(&key).await? else { return Ok(None) };
    let Ok(StoredRoute { stable: version }) = serde_json::from_slice(&object.bytes) else { return Ok(None) };
    let Some(bytes) = store.manifest(model, version).await? else { return Ok(None) };
    Ok(Some(Current::read(version, Manifest::parse(&bytes).ok().as_ref())))
}

impl Current {
    fn read(version: Version, manifest: Option<&Manifest>) -> Self {
        let Some(manifest) = manifest else { return Self { version, method: None, data: None, rmse: None } };
        let held_out = manifest.metrics.get("holdout_ratings").map(|ratings| *ratings as u64);
        Self {
            version,
            method: method(manifest),
            data: held_out.map(|ratings| (manifest.dataset.digest.clone(), ratings)),
            rmse: manifest.metrics.get("rmse").copied(),
        }
    }
}

/// Returns how a model was fitted, if this trainer can fit it again.
fn method(manifest: &Manifest) -> Option<(Algorithm, FitParameters)> {
    let all = [Algorithm::Bias, Algorithm::Map, Algorithm::Bayes];
    let algorithm = all.into_iter().find(|algorithm| algorithm.name() == manifest.algorithm)?;
    let number = |name: &str| manifest.parameters.get(name).copied();
    let count = |name: &str| usize::try_from(number(name)?).ok();
    let parameters = FitParameters {
        factors: count("factors")?,
        sweeps: count("sweeps")?,
        burn_in: count("burn_in")?,
        samples: count("samples")?,
        seed: number("seed")?,
    };
    parameters.check().ok()?;
    Some((algorithm, parameters))
}

impl Contest {
    pub(super) fn new(current: Option<Current>, gates: &Gates) -> Self {
        let rule = NonInferiority {
            margin: gates.margin,
            confidence: gates.confidence,
            fewest_users: gates.fewest_users as usize,
            bootstrap: Bootstrap::default(),
        };
        Self { current, rule }
    }

    /// Compares a new version with the current one. `refit` fits the current version's method on
    /// the same past and predicts the same ratings. It is called only if that is needed.
    ///
    /// # Errors
    /// `refit` failed.
    pub(super) fn judge<E>(
        &self,
        candidate: &Candidate<'_>,
        refit: impl FnOnce(Algorithm, &FitParameters) -> Result<Outcomes, E>,
    ) -> Result<Judgment, E> {
        let nothing = Judgment {
            verdict: Verdict::NoCurrentVersion,
            current: self.current.clone(),
            rule: self.rule,
            rmse: None,
            comparison: None,
            windows: Vec::new(),
            drift: None,
            gate: None,
        };
        let Some(current) = &self.current else { return Ok(nothing) };
        let plan = candidate.plan;
        // A comparison of few users would refuse most models, whatever they are worth.
        let has_enough = candidate.evaluation.users >= self.rule.fewest_users as u64;
        let Some((algorithm, parameters)) = &current.method else {
            return Ok(Judgment { verdict: Verdict::NotComparable, ..nothing });
        };
        if *algorithm == plan.algorithm && is_same(*algorithm, parameters, &plan.parameters) {
            let is_same_fit = parameters.seed == plan.parameters.seed || *algorithm == Algorithm::Bias;
            let data = (candidate.digest.to_owned(), candidate.evaluation.ratings);
            let is_same_data = current.data.as_ref() == Some(&data);
            let drift =
                current.rmse.filter(|_| is_same_fit && is_same_data).map(|rmse| candidate.evaluation.rmse - rmse);
            // The same fit of the same ratings differs only if the code does.
            let gate = drift.filter(|_| has_enough).map(|drift| self.gate(drift));
            return Ok(Judgment { verdict: Verdict::SameMethod, drift, gate, ..nothing });
        }
        if !has_enough {
            return Ok(Judgment { verdict: Verdict::TooFewUsers, ..nothing });
        }
        let reference = refit(*algorithm, parameters)?;
        let evaluation = reference.evaluation(&candidate.options.without_intervals());
        let comparison: Result<Comparison, CompareError> = compare(candidate.outcomes, &reference, &self.rule);
        let Ok(comparison) = comparison else { return Ok(Judgment { verdict: Verdict::NotComparable, ..nothing }) };
        Ok(Judgment {
            verdict: if comparison.passes { Verdict::NotWorse } else { Verdict::MayBeWorse },
            rmse: Some(evaluation.rmse),
            windows: evaluation.windows,
            gate: Some(self.gate(comparison.rmse.upper.unwrap_or(f64::NAN))),
            comparison: Some(comparison),
            ..nothing
        })
    }

    fn gate(&self, value: f64) -> GateResult {
        GateResult { name: NON_INFERIORITY.to_owned(), value, bound: self.rule.margin, side: GateSide::AtMost }
    }
}

/// Returns whether two fits of an algorithm differ in nothing but the seed, which every run may
/// choose.
fn is_same(algorithm: Algorithm, one: &FitParameters, other: &FitParameters) -> bool {
    let used = |of: &FitParameters| match algorithm {
        Algorithm::Bias => (0, of.sweeps, 0, 0),
        Algorithm::Map => (of.factors, of.sweeps, 0, 0),
        Algorithm::Bayes => (of.factors, of.sweeps, of.burn_in, of.samples),
    };
    used(one) == used(other)
}

impl Judgment {
    /// Returns the gate, if something was measured.
    pub(super) fn gate(&self) -> Option<&GateResult> {
        self.gate.as_ref()
    }

    /// Returns the name of the current version, for people.
    pub(super) fn name(&self) -> String {
        match &self.current {
            Some(current) => format!("version {}, the current one", current.version),
            None => "the current version".to_owned(),
        }
    }

    /// Returns why the gate refuses the model, and what helps, or `None` if it does not.
    pub(super) fn refusal(&self) -> Option<String> {
        let gate = self.gate.as_ref().filter(|gate| !gate.passes())?;
        let GateResult { value, bound, .. } = gate;
        if !value.is_finite() || !bound.is_finite() {
            return Some(format!(
                "the errors of this model or of the method of {} on the held-out ratings are no numbers: train with fewer \
                 factors or another seed",
                self.name()
            ));
        }
        if self.verdict == Verdict::SameMethod {
            return Some(format!(
                "the method is that of {}, but its error on the same ratings is {value:.4} stars larger than then, and \
                 trainer.gates.margin allows {bound:.4}: the program that trains has changed; train with the one \
                 that made that version, or raise the margin",
                self.name()
            ));
        }
        Some(format!(
            "the error may be {value:.4} stars larger than with the method of {}, and trainer.gates.margin allows \
             {bound:.4}: {}train with the parameters of that version or better ones, hold out more ratings with \
             parameters.holdout, or raise the margin",
            self.name(),
            self.power().map(|power| format!("{power}; ")).unwrap_or_default()
        ))
    }

    /// Describes what so few users can tell, if that is less than usual.
    fn power(&self) -> Option<String> {
        let comparison = self.comparison.as_ref()?;
        let power = comparison.power.filter(|power| power.users_needed > comparison.users)?;
        Some(format!(
            "with the {} users of this comparison, a method that is exactly as good passes in {:.0} % of all cases, and \
             it takes about {} users for 80 %",
            comparison.users,
            power.equal_passes * 100.0,
            power.users_needed
        ))
    }

    /// Describes what follows from the comparison.
    pub(super) fn sentence(&self) -> String {
        let stored = self.current.as_ref().and_then(|current| current.rmse);
        match self.verdict {
            Verdict::NoCurrentVersion => "There is no current version: passed.".to_owned(),
            Verdict::SameMethod => {
                let measured = stored.map(|rmse| format!(" Its manifest has the RMSE {rmse:.4}")).unwrap_or_default();
                let of = match (self.drift, &self.gate) {
                    (Some(drift), Some(gate)) if gate.passes() => {
                        format!("; on the same ratings, this one differs by {drift:+.4}: passed.")
                    }
                    (Some(drift), Some(_)) => format!(
                        "; on the same ratings, this one differs by {drift:+.4}, which is more than the margin: \
                         failed. The program that trains has changed."
                    ),
                    (Some(drift), None) => format!("; on the same ratings, this one differs by {drift:+.4}."),
                    (None, _) if stored.is_some() => ", of the ratings that were held out then.".to_owned(),
                    (None, _) => String::new(),
                };
                format!("Fitted by the same method, so it was not fitted again.{measured}{of}")
            }
            Verdict::NotComparable => {
                "It was not made by this trainer or its manifest cannot be read, so it cannot be fitted again: passed."
                    .to_owned()
            }
            Verdict::TooFewUsers => format!(
                "Not compared, because fewer than {} users have held-out ratings: passed.",
                self.rule.fewest_users
            ),
            Verdict::NotWorse => "Not worse: passed.".to_owned(),
            Verdict::MayBeWorse => {
                let power = self.power().map(|power| format!(" Few users say little: {power}.")).unwrap_or_default();
                format!("May be worse by more than the margin: failed.{power}")
            }
        }
    }

    /// Returns the comparison for the manifest.
    pub(super) fn for_manifest(&self) -> VersionComparison {
        let verdict = match self.verdict {
            Verdict::NoCurrentVersion => "no_current_version",
            Verdict::SameMethod => "same_method",
            Verdict::NotComparable => "not_comparable",
            Verdict::TooFewUsers => "too_few_users",
            Verdict::NotWorse => "not_worse",
            Verdict::MayBeWorse => "may_be_worse",
        };
        VersionComparison {
            verdict: verdict.to_owned(),
            version: self.current.as_ref().map(|current| current.version),
            rmse: self.rmse,
            difference: self.comparison.map(|one| one.rmse.value).or(self.drift),
            upper: self.comparison.and_then(|one| one.rmse.upper),
            margin: self.rule.margin,
            confidence: self.rule.confidence,
            users: self.comparison.map_or(0, |one| one.users),
            ratings: self.comparison.map_or(0, |one| one.ratings),
            stored_rmse: self.current.as_ref().and_then(|current| current.rmse),
        }
    }

    /// Returns the comparison for the report.
    pub(super) fn for_report(&self) -> marquee_report::Versus {
        marquee_report::Versus {
            name: self.name(),
            verdict: self.sentence(),
            rmse: self.rmse,
            comparison: self.comparison,
            confidence: self.rule.confidence,
            windows: self.windows.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
