//! One measurement of a metric: the evidence, its interval and what it shows.

use humantime_serde::re::humantime::format_duration;

use super::Machine;
use super::words::{Share, Signed, thousands};
use crate::statistics::mean::{Bounds, Sample};
use crate::statistics::proportion::{self, Prior, Trials};
use crate::statistics::{Interval, difference};
use crate::{
    Counters, DuelEvidence, DuelTest, ErrorTest, LatencyTest, LossSums, Measure, Measurement, MetricStatus,
    OnMissingData, Percent, Test, Verdict,
};

/// The part of a duel's error probability for failed predictions; the rest is for the difference.
const FOR_FAILURES: f64 = 0.1;

/// An interval of a duel is narrowest at this multiple of the least number of ratings.
const TUNED_FOR: u64 = 4;

/// What the evidence of a metric says, before the policy for missing data.
struct Finding {
    interval: Option<Interval>,
    limit: f64,
    samples: u64,
    min_samples: u64,
    /// The evidence alone shows that the candidate is beyond the limit, whatever the interval says.
    is_broken: bool,
    message: String,
}

impl Finding {
    fn has_too_few(&self) -> bool {
        self.samples < self.min_samples
    }

    /// Returns what the interval shows.
    fn verdict(&self, missing: OnMissingData) -> Verdict {
        let beyond = self.interval.is_some_and(|interval| interval.lower > self.limit);
        let within = self.interval.is_some_and(|interval| interval.upper <= self.limit);
        match (self.has_too_few(), missing) {
            _ if self.is_broken => Verdict::Failed,
            (true, OnMissingData::Wait) => Verdict::Inconclusive,
            (true, OnMissingData::Fail) => Verdict::Failed,
            (true, OnMissingData::Pass) => Verdict::Successful,
            (false, _) if beyond => Verdict::Failed,
            (false, _) if within => Verdict::Successful,
            (false, _) => Verdict::Inconclusive,
        }
    }
}

impl Machine<'_> {
    /// Measures a metric. Returns `None` if the specification does not define it.
    pub(super) fn measure(&self, of: &MetricStatus) -> Option<Measurement> {
        let metric = self.spec.metric(&of.name)?;
        let test = metric.test()?;
        let finding = match test {
            Test::Duel(duel) => self.duel(duel, of.alpha),
            Test::Errors(errors) => self.errors(errors, of),
            Test::Latency(latency) => self.latency(latency, of),
        };
        let is_unknown = match test {
            Test::Duel(_) => self.seen.duels.is_none(),
            Test::Errors(_) | Test::Latency(_) => !self.knows_an_instance(),
        };
        let verdict = if is_unknown { Verdict::Error } else { finding.verdict(metric.on_missing_data) };
        let mut message = finding.message.clone();
        if finding.has_too_few() {
            message = format!("{message}; at least {} are needed", thousands(finding.min_samples));
        }
        match test {
            _ if !is_unknown => {}
            Test::Duel(_) => message = format!("the monitor could not be read; before, {message}"),
            _ => message = format!("no instance could be asked; before, {message}"),
        }
        Some(Measurement {
            time: self.now,
            verdict,
            estimate: finding.interval.map(|interval| interval.estimate),
            lower: finding.interval.map(|interval| interval.lower),
            upper: finding.interval.map(|interval| interval.upper),
            limit: finding.limit,
            samples: finding.samples,
            min_samples: finding.min_samples,
            message,
        })
    }

    fn knows_an_instance(&self) -> bool {
        self.seen.instances.iter().flatten().any(|instance| instance.report.is_some())
    }

    fn duel(&self, test: &DuelTest, alpha: f64) -> Finding {
        let nothing = DuelEvidence::default();
        let evidence = self.status.evidence.duels.get(test.slice_name()).unwrap_or(&nothing);
        let (loss, failures) = (evidence.total.loss(test.measure), evidence.total.failures);
        let interval = duel_interval(test, evidence, alpha * (1.0 - FOR_FAILURES));
        let slice = test.slice.as_ref().map(|slice| format!(" of {slice}")).unwrap_or_default();
        let tried = Trials { count: loss.ratings.saturating_add(failures), events: failures };
        let max = test.max_failures;
        let failed = proportion::interval(tried, prior(max, test.min_ratings), alpha * FOR_FAILURES);
        let is_broken = tried.count >= test.min_ratings && failed.lower > max.fraction();
        let ratings = format!("{} ratings{slice}", thousands(loss.ratings));
        let message = match interval {
            _ if is_broken => format!(
                "version {} failed to predict {} of {} ratings{slice}; {max} may fail",
                self.pair().1,
                thousands(failures),
                thousands(tried.count),
            ),
            Some(interval) => format!(
                "Δ{} {} {} ({} to {}) over {ratings}, margin {}",
                test.measure.name(),
                Signed(interval.estimate),
                test.measure.unit(),
                Signed(interval.lower),
                Signed(interval.upper),
                test.margin,
            ),
            None => format!("{ratings} were compared"),
        };
        let samples = if is_broken { tried.count } else { loss.ratings };
        Finding { interval, limit: test.margin, samples, min_samples: test.min_ratings, is_broken, message }
    }

    /// Returns what the stable version and the candidate counted since the metric began.
    fn counters_since(&self, of: &MetricStatus) -> (Counters, Counters) {
        let (stable, candidate) = self.pair();
        let evidence = &self.status.evidence;
        let stable = stable.map(|version| evidence.counters(version)).unwrap_or_default();
        (stable.since(Some(&of.window.stable)), evidence.counters(candidate).since(Some(&of.window.candidate)))
    }

    fn errors(&self, test: &ErrorTest, of: &MetricStatus) -> Finding {
        let (stable, candidate) = self.counters_since(of);
        let [before, now] =
            [&stable, &candidate].map(|counters| Trials { count: counters.requests, events: counters.errors });
        let limit = test.max.or(test.max_increase).unwrap_or_default();
        let own = format!("{} of {} requests failed", thousands(now.events), thousands(now.count));
        let is_increase = test.max_increase.is_some();
        let interval = if is_increase {
            difference::interval(before, now, of.alpha)
        } else {
            proportion::interval(now, prior(limit, test.min_requests), of.alpha)
        };
        let interval = Some(interval).filter(|_| now.count > 0);
        let share = interval.map(|interval| format!(" ({})", Range(interval))).unwrap_or_default();
        let message = if is_increase {
            let stable = format!("{} of {} of the stable version", thousands(before.events), thousands(before.count));
            format!("{own}, {stable}; the increase{share} may be at most {limit}")
        } else {
            format!("{own}{share}, at most {limit}")
        };
        self.shares(interval, limit.fraction(), (now.count, test.min_requests), message)
    }

    fn latency(&self, test: &LatencyTest, of: &MetricStatus) -> Finding {
        let above = self.counters_since(of).1.above(test.max);
        let limit = 1.0 - test.quantile;
        let prior = Prior::around(limit, test.min_requests as f64);
        let share = |events| proportion::interval(Trials { count: above.requests, events }, prior, of.alpha);
        let (least, most) = (share(above.least), share(above.most));
        let estimate = f64::midpoint(least.estimate, most.estimate);
        let interval = Interval { estimate, lower: least.lower, upper: most.upper };
        let interval = Some(interval).filter(|_| above.requests > 0);
        let message = format!(
            "{} of {} requests took longer than {}{}, at most {}",
            if above.least == above.most {
                thousands(above.most)
            } else {
                format!("{} to {}", thousands(above.least), thousands(above.most))
            },
            thousands(above.requests),
            format_duration(test.max),
            interval.map(|interval| format!(" ({})", Range(interval))).unwrap_or_default(),
            Share(limit),
        );
        self.shares(interval, limit, (above.requests, test.min_requests), message)
    }

    /// Returns the finding of a share. Estimates and limits of shares are in percent.
    fn shares(
        &self,
        interval: Option<Interval>,
        limit: f64,
        (samples, min_samples): (u64, u64),
        message: String,
    ) -> Finding {
        let percent = |share: f64| share * 100.0;
        let interval = interval.map(|interval| Interval {
            estimate: percent(interval.estimate),
            lower: percent(interval.lower),
            upper: percent(interval.upper),
        });
        Finding { interval, limit: percent(limit), samples, min_samples, is_broken: false, message }
    }
}

/// An interval of shares.
struct Range(Interval);

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Interval { estimate, lower, upper } = self.0;
        write!(f, "{}, {} to {}", Share(estimate), Share(lower), Share(upper))
    }
}

fn prior(limit: Percent, min_samples: u64) -> Prior {
    Prior::around(limit.fraction(), min_samples as f64)
}

/// Returns the difference of a duel with its bounds in the unit of the margin.
fn duel_interval(test: &DuelTest, evidence: &DuelEvidence, alpha: f64) -> Option<Interval> {
    let loss = evidence.total.loss(test.measure);
    let sample = Sample { count: loss.ratings, sum: loss.difference, sum_of_squares: loss.difference_squares };
    let bounds = Bounds { alpha, tuned_for: test.min_ratings.saturating_mul(TUNED_FOR) };
    let interval = bounds.interval(&sample, evidence.blocks(test.measure).variance())?;
    let unit = |difference| in_stars(test.measure, loss, difference);
    Some(Interval { estimate: unit(interval.estimate), lower: unit(interval.lower), upper: unit(interval.upper) })
}

/// Converts a difference of mean losses to the unit of the margin. For the RMSE, with that of the
/// stable version as r, a difference δ of mean squared errors is √(r² + δ) − r stars. It grows with
/// δ, so a bound stays a bound: δ ≤ (r + margin)² − r² means the same as a difference of at most
/// the margin. r is estimated from the same ratings: if it is wrong by a hundredth, so is the
/// margin.
fn in_stars(measure: Measure, loss: &LossSums, difference: f64) -> f64 {
    match measure {
        Measure::Rmse => {
            let squared = (loss.stable / loss.ratings.max(1) as f64).max(0.0);
            (squared + difference).max(0.0).sqrt() - squared.sqrt()
        }
        Measure::Mae | Measure::LogLoss => difference,
    }
}
