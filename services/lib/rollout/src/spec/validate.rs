//! The check of a specification. Every refusal names the path of the field.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use marquee_domain::Version;

use super::{DuelTest, ErrorTest, LatencyTest, Metric, Spec, SpecError, StepKind, Test};
use crate::Percent;

/// The largest number of steps.
const MOST_STEPS: usize = 64;

/// The largest number of metrics.
const MOST_METRICS: usize = 32;

/// The largest number of versions in a rollback window.
const MOST_VERSIONS: u32 = 10;

/// The longest time of a pause or a deadline.
const LONGEST: Duration = Duration::from_hours(365 * 24);

type Check = Result<(), SpecError>;

impl Spec {
    /// Checks every value.
    ///
    /// # Errors
    /// [`SpecError`] names the first wrong field by its path, for example `steps[0].setWeight`.
    pub fn validate(&self) -> Check {
        self.check_target()?;
        self.check_metrics()?;
        self.check_steps()?;
        self.check_background()?;
        self.check_use()?;
        let second = Duration::from_secs(1);
        check_time("progressDeadline", self.progress_deadline, second..=LONGEST)?;
        if let Some(age) = self.rollback_window.age {
            check_time("rollbackWindow.age", age, second..=LONGEST * 10)?;
        }
        let versions = self.rollback_window.versions;
        let message = format!("is {versions}; give a number from 0 to {MOST_VERSIONS}");
        SpecError::unless(versions <= MOST_VERSIONS, "rollbackWindow.versions", message)?;
        let message = format!("is {}; give a probability from 0.000001 to 0.5", self.alpha);
        SpecError::unless((1e-6..=0.5).contains(&self.alpha), "alpha", message)
    }

    fn check_target(&self) -> Check {
        let one = self.version.is_some() != self.follow.is_some();
        SpecError::unless(one, "version", "give exactly one of 'version' and 'follow'")?;
        SpecError::unless(self.version != Some(Version(0)), "version", "is 0; versions count from 1")
    }

    fn check_metrics(&self) -> Check {
        let count = self.metrics.len();
        let message = format!("has {count} entries; give at most {MOST_METRICS}");
        SpecError::unless(count <= MOST_METRICS, "metrics", message)?;
        let mut names = BTreeSet::new();
        for (index, metric) in self.metrics.iter().enumerate() {
            let path = format!("metrics[{index}]");
            let message = format!("'{}' appears twice; name each metric once", metric.name);
            SpecError::unless(names.insert(&metric.name), format!("{path}.name"), message)?;
            check_metric(&path, metric)?;
        }
        Ok(())
    }

    fn check_steps(&self) -> Check {
        let count = self.steps.len();
        let message = format!("has {count} entries; give at most {MOST_STEPS}");
        SpecError::unless(count <= MOST_STEPS, "steps", message)?;
        let mut placed = Placed::default();
        for (index, step) in self.steps.iter().enumerate() {
            let path = format!("steps[{index}]");
            let message = "give exactly one of 'setWeight', 'shadow', 'pause' and 'analysis'";
            let kind = step.kind().ok_or_else(|| SpecError::new(&path, message))?;
            match kind {
                StepKind::SetWeight(weight) => placed.weigh(&format!("{path}.setWeight"), weight)?,
                StepKind::Shadow => placed.shadow(&format!("{path}.shadow"))?,
                StepKind::Pause(Some(duration)) => {
                    check_time(&format!("{path}.pause.duration"), duration, Duration::from_millis(1)..=LONGEST)?;
                }
                StepKind::Pause(None) => {}
                StepKind::Analysis(names) => {
                    self.check_analysis(&format!("{path}.analysis.metrics"), names, &placed)?
                }
            }
        }
        Ok(())
    }

    fn check_analysis(&self, path: &str, names: &[String], placed: &Placed) -> Check {
        self.check_names(path, names)?;
        for metric in self.named(names) {
            let (ready, fix) = match metric.test() {
                Some(Test::Duel(_)) => (placed.loaded, "put a 'shadow' or 'setWeight' step before it"),
                _ => (placed.weight.is_some(), "put a 'setWeight' step before it"),
            };
            let message = format!("'{}' has nothing to measure in this step; {fix}", metric.name);
            SpecError::unless(ready, path, message)?;
        }
        Ok(())
    }

    fn check_background(&self) -> Check {
        let Some(background) = &self.analysis else { return Ok(()) };
        let steps = self.steps.len();
        let path = "analysis.startingStep";
        SpecError::unless(steps > 0, path, "there are no steps; give steps or leave 'analysis' out")?;
        let message = format!("is {}; give an index from 0 to {}", background.starting_step, steps.saturating_sub(1));
        SpecError::unless((background.starting_step as usize) < steps, path, message)?;
        self.check_names("analysis.metrics", &background.metrics)
    }

    fn check_names(&self, path: &str, names: &[String]) -> Check {
        SpecError::unless(!self.metrics.is_empty(), path, "there are no metrics; define some in 'metrics'")?;
        let mut seen = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let message = format!("'{name}' is not defined in 'metrics'");
            SpecError::unless(self.metric(name).is_some(), &path, message)?;
            SpecError::unless(seen.insert(name), &path, format!("'{name}' appears twice; name each metric once"))?;
        }
        Ok(())
    }

    /// A metric that is never measured would be mistaken for a protection.
    fn check_use(&self) -> Check {
        for (index, metric) in self.metrics.iter().enumerate() {
            let is_used = self.analyses().any(|names| metric.is_among(names));
            let message = format!("'{}' is never measured; name it in a step or in 'analysis'", metric.name);
            SpecError::unless(is_used, format!("metrics[{index}].name"), message)?;
        }
        Ok(())
    }

    /// Returns the metrics with these names in the order of the definitions, or all if there are
    /// no names.
    pub(crate) fn named<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a Metric> + 'a {
        self.metrics.iter().filter(move |metric| metric.is_among(names))
    }

    /// Returns the names of the metrics of each analysis: of the steps, and of the background.
    pub(crate) fn analyses(&self) -> impl Iterator<Item = &[String]> {
        let steps = self.steps.iter().filter_map(|step| match step.kind() {
            Some(StepKind::Analysis(names)) => Some(names),
            _ => None,
        });
        steps.chain(self.analysis.iter().map(|background| background.metrics.as_slice()))
    }
}

/// Where the candidate is after some steps.
#[derive(Debug, Default)]
struct Placed {
    loaded: bool,
    weight: Option<Percent>,
}

impl Placed {
    fn weigh(&mut self, path: &str, weight: Percent) -> Check {
        SpecError::unless(weight > Percent::default(), path, "is 0; use a 'shadow' step to load without users")?;
        if let Some(before) = self.weight {
            let message = format!("is {weight} after {before}; weights only grow, so that users keep their side");
            SpecError::unless(weight >= before, path, message)?;
        }
        *self = Self { loaded: true, weight: Some(weight) };
        Ok(())
    }

    fn shadow(&mut self, path: &str) -> Check {
        let message = "follows a 'setWeight' step; put it first, so that users keep their side";
        SpecError::unless(self.weight.is_none(), path, message)?;
        self.loaded = true;
        Ok(())
    }
}

fn check_metric(path: &str, metric: &Metric) -> Check {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    let named = (1..=63).contains(&metric.name.len()) && metric.name.bytes().all(allowed);
    let message = "give 1 to 63 letters, digits, dots, dashes and underscores";
    SpecError::unless(named, format!("{path}.name"), message)?;
    let day = Duration::from_hours(24);
    check_time(&format!("{path}.interval"), metric.interval, Duration::from_millis(10)..=day)?;
    check_time(&format!("{path}.initialDelay"), metric.initial_delay, Duration::ZERO..=day * 30)?;
    SpecError::unless(metric.count >= 1, format!("{path}.count"), "is 0; give at least 1")?;
    match metric.test() {
        Some(Test::Duel(duel)) => check_duel(&format!("{path}.duel"), duel),
        Some(Test::Errors(errors)) => check_errors(&format!("{path}.errors"), errors),
        Some(Test::Latency(latency)) => check_latency(&format!("{path}.latency"), latency),
        None => Err(SpecError::new(path, "give exactly one of 'duel', 'errors' and 'latency'")),
    }
}

fn check_duel(path: &str, duel: &DuelTest) -> Check {
    let message = format!("is {}; give a number from 0 to 10", duel.margin);
    SpecError::unless((0.0..=10.0).contains(&duel.margin), format!("{path}.margin"), message)?;
    let message = format!("is {}; give at least 30, because the interval needs a variance", duel.min_ratings);
    SpecError::unless(duel.min_ratings >= 30, format!("{path}.minRatings"), message)?;
    let named = duel.slice.as_deref() != Some("");
    SpecError::unless(named, format!("{path}.slice"), "is empty; name a slice or leave it out")?;
    check_share(&format!("{path}.maxFailures"), duel.max_failures)
}

fn check_errors(path: &str, errors: &ErrorTest) -> Check {
    let one = errors.max.is_some() != errors.max_increase.is_some();
    SpecError::unless(one, path, "give exactly one of 'max' and 'maxIncrease'")?;
    SpecError::unless(errors.min_requests >= 1, format!("{path}.minRequests"), "is 0; give at least 1")?;
    if let Some(max) = errors.max {
        check_share(&format!("{path}.max"), max)?;
    }
    errors.max_increase.map_or(Ok(()), |increase| check_share(&format!("{path}.maxIncrease"), increase))
}

fn check_share(path: &str, share: Percent) -> Check {
    let message = format!("is {share}; give more than 0 and less than 100");
    SpecError::unless(share.fraction() > 0.0 && share.fraction() < 1.0, path, message)
}

fn check_latency(path: &str, latency: &LatencyTest) -> Check {
    let message = format!("is {}; give a number from 0.5 to 0.9999", latency.quantile);
    SpecError::unless((0.5..=0.9999).contains(&latency.quantile), format!("{path}.quantile"), message)?;
    check_time(&format!("{path}.max"), latency.max, Duration::from_micros(1)..=Duration::from_hours(1))?;
    SpecError::unless(latency.min_requests >= 1, format!("{path}.minRequests"), "is 0; give at least 1")
}

fn check_time(path: &str, time: Duration, range: RangeInclusive<Duration>) -> Check {
    let (least, most) = (*range.start(), *range.end());
    let [found, from, to] = [time, least, most].map(format_duration);
    SpecError::unless(range.contains(&time), path, format!("is {found}; give a time from {from} to {to}"))
}
