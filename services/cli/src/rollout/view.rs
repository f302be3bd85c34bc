//! The live view of a rollout: steps, weights as bars, the duel with its interval, and reasons.
//!
//! The view is made of the specification and the status alone. So every program that has the two
//! shows the same: this command line, and the plugin of kubectl.

use std::fmt::Write as _;
use std::time::Duration;

use marquee_domain::Timestamp;
use marquee_kit::settings::thousands;
use marquee_rollout::{
    InstanceStatus, Measurement, MetricState, MetricStatus, Phase, Scope, Severity, Spec, Status, Test, VersionState,
};

use super::bar;
use crate::error::one_line;

/// The width of the bars of weights.
const WEIGHT: usize = 40;

/// The width of the drawing of an interval.
const INTERVAL: usize = 41;

/// The number of events that are shown.
const EVENTS: usize = 5;

/// The number of instances that are shown. Those that need attention come first.
const INSTANCES: usize = 8;

/// A rollout as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The specification.
    pub spec: &'a Spec,
    /// The status.
    pub status: &'a Status,
    /// The present time, for durations.
    pub now: Timestamp,
    /// Whether the terminal shows colors.
    pub color: bool,
}

impl View<'_> {
    /// Returns the lines of the view.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.title(), one_line(&self.status.message), String::new()];
        lines.extend(self.weights());
        self.section(&mut lines, "steps", self.steps());
        self.section(&mut lines, "metrics", self.metrics());
        self.section(&mut lines, "instances", self.instances());
        self.section(&mut lines, "events", self.events());
        lines
    }

    /// Returns the state in one line, for output that cannot be redrawn.
    pub fn headline(&self) -> String {
        let Status { phase, reason, weights, .. } = self.status;
        let mut line = format!("{} {}", self.spec.model, phase.as_str());
        if let Some(step) = &self.status.step {
            let number = step.index.saturating_add(1).min(step.count);
            let _ = write!(line, ", step {number}/{} {}", step.count, one_line(&step.name));
        }
        let _ = write!(line, ", weight {}", percent(weights.wanted.value()));
        if weights.effective != weights.wanted || weights.effective_max != weights.wanted {
            let _ = write!(line, " (effective {})", percent(weights.effective.value()));
        }
        if let Some((metric, last)) = self.duel() {
            let _ = write!(line, ", {} {}", metric.name, self.figures(metric, last));
        }
        let _ = write!(line, ", {reason}: {}", one_line(&self.status.message));
        line
    }

    fn section(&self, lines: &mut Vec<String>, title: &str, content: Vec<String>) {
        if !content.is_empty() {
            lines.push(String::new());
            lines.push(self.paint("1", title));
            lines.extend(content.into_iter().map(|line| format!("  {line}")));
        }
    }

    fn title(&self) -> String {
        let Status { phase, reason, .. } = self.status;
        let color = match phase {
            Phase::Completed => "1;32",
            Phase::Degraded => "1;31",
            Phase::Paused => "1;33",
            Phase::Pending | Phase::Progressing => "1;36",
        };
        format!("{}  {}  {reason}", self.paint("1", self.spec.model.as_str()), self.paint(color, phase.as_str()))
    }

    /// Returns the two versions with their share of users.
    fn weights(&self) -> Vec<String> {
        let Status { stable, candidate, weights, .. } = self.status;
        let name = |version: &Option<marquee_domain::Version>| match version {
            Some(version) => format!("version {version}"),
            None => "none".to_owned(),
        };
        let share = if candidate.is_some() { weights.wanted.fraction() } else { 0.0 };
        let line = |label: &str, version: &Option<_>, share: f64| {
            let bar = bar::share(share, WEIGHT);
            format!("{label:<10} {:<12} {bar} {:>7}", name(version), percent(share * 100.0))
        };
        let mut lines = vec![line("stable", stable, 1.0 - share)];
        if candidate.is_some() {
            lines.push(line("candidate", candidate, share));
        }
        lines.push(format!(
            "{:<10} {} of {} ready instances answer with the wanted route; candidate {}",
            "effective",
            weights.instances_effective,
            weights.instances,
            range(weights.effective.value(), weights.effective_max.value()),
        ));
        lines
    }

    fn steps(&self) -> Vec<String> {
        let present = self.status.step.as_ref();
        let ended = present.is_none() && self.status.phase == Phase::Completed;
        let step = |(index, step): (usize, &marquee_rollout::Step)| {
            let what = step.kind().map(|kind| kind.to_string()).unwrap_or_default();
            let at = present.map(|present| present.index as usize);
            let mark = match at {
                Some(at) if index < at => self.paint("32", "✓"),
                Some(at) if index == at => self.paint("36", "▶"),
                None if ended => self.paint("32", "✓"),
                _ => " ".to_owned(),
            };
            let since = present.filter(|present| present.index as usize == index);
            let since = since.map(|present| format!("  for {}", short(self.now.since(present.started_at))));
            format!("{mark} {:>2} {}{}", index + 1, one_line(&what), since.unwrap_or_default())
        };
        self.spec.steps.iter().enumerate().map(step).collect()
    }

    fn metrics(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for metric in &self.status.analysis {
            let place = match (metric.scope, metric.step) {
                (Scope::Step, Some(step)) => format!("step {}", step.saturating_add(1)),
                _ => "background".to_owned(),
            };
            let dry = if metric.dry_run { ", dry run" } else { "" };
            let counts = metric.counts;
            let counted = format!(
                "{} passed, {} failed, {} open, {} errors",
                counts.successful, counts.failed, counts.inconclusive, counts.errors
            );
            lines.push(format!("{} ({place}{dry}) {}: {counted}", one_line(&metric.name), self.state(metric.state)));
            if let Some(last) = &metric.last {
                lines.push(format!("  {}", self.figures(metric, last)));
                lines.extend(bar::interval(last, INTERVAL).map(|drawn| format!("  {drawn}")));
                lines.push(format!("  {}", one_line(&last.message)));
            }
        }
        lines
    }

    fn state(&self, state: MetricState) -> String {
        match state {
            MetricState::Running => self.paint("36", "running"),
            MetricState::Successful => self.paint("32", "successful"),
            MetricState::Failed => self.paint("31", "failed"),
            MetricState::Inconclusive => self.paint("33", "inconclusive"),
            MetricState::Error => self.paint("31", "error"),
        }
    }

    /// Returns the first metric that compares predictions and was measured.
    fn duel(&self) -> Option<(&MetricStatus, &Measurement)> {
        let is_duel = |metric: &&MetricStatus| self.kind(metric).is_some_and(|kind| matches!(kind, Test::Duel(_)));
        // The newest one is the last of the list.
        let metric = self.status.analysis.iter().rev().find(is_duel)?;
        metric.last.as_ref().map(|last| (metric, last))
    }

    fn kind(&self, metric: &MetricStatus) -> Option<Test<'_>> {
        self.spec.metric(&metric.name)?.test()
    }

    /// Returns the estimate of a measurement with its interval, limit and sample.
    fn figures(&self, metric: &MetricStatus, last: &Measurement) -> String {
        let (label, unit, noun) = match self.kind(metric) {
            Some(Test::Duel(duel)) => (format!("Δ{}", duel.measure.name()), duel.measure.unit(), "ratings"),
            Some(Test::Errors(_)) => ("errors".to_owned(), "", "requests"),
            Some(Test::Latency(_)) => ("above the limit".to_owned(), "", "requests"),
            None => ("estimate".to_owned(), "", "samples"),
        };
        let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), signed);
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        format!(
            "{label} {} [{}, {}]{unit}, limit {}, {} of at least {} {noun}",
            number(last.estimate),
            number(last.lower),
            number(last.upper),
            signed(last.limit),
            thousands(last.samples),
            thousands(last.min_samples),
        )
    }

    fn instances(&self) -> Vec<String> {
        let mut instances: Vec<&InstanceStatus> = self.status.instances.iter().collect();
        let is_fine = |one: &&InstanceStatus| one.ready && one.reachable && one.effective;
        instances.sort_by_key(is_fine);
        let hidden = instances.len().saturating_sub(INSTANCES);
        let mut lines: Vec<String> = instances.iter().take(INSTANCES).map(|one| self.instance(one)).collect();
        if hidden > 0 {
            lines.push(format!("and {hidden} more"));
        }
        lines
    }

    fn instance(&self, one: &InstanceStatus) -> String {
        let state = match (one.reachable, one.ready, one.effective) {
            (false, ..) => self.paint("31", "unreachable"),
            (true, false, _) => self.paint("33", "not ready"),
            (true, true, false) => self.paint("33", "behind"),
            (true, true, true) => self.paint("32", "effective"),
        };
        let version = |one: &marquee_rollout::InstanceVersion| {
            let reason = if one.reason.is_empty() { String::new() } else { format!(" ({})", one_line(&one.reason)) };
            let state = match one.state {
                VersionState::Stored => "stored",
                VersionState::Loading => "loading",
                VersionState::Warm => "warm",
                VersionState::Failed => "failed",
                VersionState::NotFound => "not found",
            };
            format!("version {} {state}{reason}", one.version)
        };
        let versions: Vec<String> = one.versions.iter().map(version).collect();
        format!("{}  {state}  {}", one_line(&one.name), versions.join(", ")).trim_end().to_owned()
    }

    fn events(&self) -> Vec<String> {
        let event = |event: &marquee_rollout::Event| {
            let reason = match event.severity {
                Severity::Normal => event.reason.to_string(),
                Severity::Warning => self.paint("33", event.reason.as_str()),
            };
            format!("{}  {reason}  {}", event.time, one_line(&event.message))
        };
        self.status.events.iter().take(EVENTS).map(event).collect()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Formats percent with as many decimals as they need.
fn percent(percent: f64) -> String {
    format!("{} %", (percent * 100.0).round() / 100.0)
}

fn range(least: f64, most: f64) -> String {
    if least == most { percent(least) } else { format!("{} to {}", percent(least), percent(most)) }
}

/// Formats a number with its sign and four decimals.
fn signed(value: f64) -> String {
    if value < 0.0 { format!("−{:.4}", -value) } else { format!("+{value:.4}") }
}

/// Formats a duration by its two largest units.
fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests;
