//! What `collect` prints, and its counters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use marquee_cli::{Error, Human, Show, Table, counted, one_line, thousands};
use marquee_collect::{Collected, Look};
use serde::Serialize;

/// What a round did.
#[derive(Debug, Serialize)]
pub(super) struct Round {
    pub(super) sources: Vec<Collected>,
    /// The sources that failed, and why.
    pub(super) failed: Vec<(String, String)>,
}

impl Show for Round {
    fn human(&self) -> Human {
        let mut text = String::new();
        for report in &self.sources {
            let _ = writeln!(
                text,
                "{}: {}, {} accepted, {} rejected, {}, {} read again",
                report.source,
                counted(report.records, "record"),
                counted(report.accepted, "rating"),
                thousands(report.rejected),
                counted(report.movies, "movie"),
                thousands(report.repeated),
            );
            let mut line = |line: &str| {
                let _ = writeln!(text, "  {}", one_line(line));
            };
            report.drift.iter().for_each(|drift| line(&drift.to_string()));
            report.notices.iter().for_each(|notice| line(notice));
            for rejection in &report.rejections {
                line(&format!("{}: {} ({})", rejection.place, rejection.message, rejection.reason));
            }
            let more = report.rejected.saturating_sub(report.rejections.len() as u64);
            if more > 0 {
                line(&format!("and {} more; all are in the rejected topic", thousands(more)));
            }
        }
        for (_, why) in &self.failed {
            let _ = writeln!(text, "failed: {why}");
        }
        Human::Text(text.trim_end().to_owned())
    }
}

/// What would be collected.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Looks(pub(super) Vec<Look>);

impl Show for Looks {
    fn human(&self) -> Human {
        let mut text = String::new();
        for look in &self.0 {
            let mut fact = |name: &str, value: &str| {
                let _ = writeln!(text, "{}", one_line(&format!("{name:<14}{value}")));
            };
            fact("source", &look.source);
            if look.query.is_empty() {
                fact("records", "none that are new");
                text.push('\n');
                continue;
            }
            fact("asked", &look.query);
            let columns: Vec<String> = look.columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            if !columns.is_empty() {
                fact("columns", &columns.join(", "));
            }
            look.understood.iter().for_each(|(name, value)| fact(name, value));
            look.notices.iter().for_each(|notice| fact("note", notice));
            let (records, unreadable) = (counted(look.records, "record"), thousands(look.unreadable));
            let unrated = thousands(look.unrated);
            fact("first batch", &format!("{records}, {unreadable} that cannot be read, {unrated} without a rating"));
            if look.movies > 0 {
                fact("movies", &thousands(look.movies));
            }
            let mut table = Table::new(&["record", "user", "movie", ">rating", "rated at", "refused because"]);
            for row in &look.rows {
                let rating = row.rating.map(|rating| rating.to_string()).unwrap_or_default();
                let (place, user, movie) = (row.place.clone(), row.user.clone(), row.movie.clone());
                table.row([place, user, movie, rating, row.rated_at.clone(), row.error.clone().unwrap_or_default()]);
            }
            if !look.rows.is_empty() {
                let _ = writeln!(text, "\n{}", table.print(false).trim_end());
            }
            text.push('\n');
        }
        text.push_str("nothing was stored or sent: leave out --dry-run to collect");
        Human::Text(text)
    }
}

/// The counters of a source.
#[derive(Debug, Default)]
struct Counters {
    records: u64,
    accepted: u64,
    rejected: BTreeMap<String, u64>,
    drift: BTreeMap<&'static str, u64>,
    retries: u64,
    failures: u64,
    /// The end of the last round without a failure, in seconds since 1970.
    succeeded: u64,
}

/// The counters of all sources since the start.
#[derive(Debug, Default)]
pub(super) struct Metrics(BTreeMap<String, Counters>);

impl Metrics {
    pub(super) fn add(&mut self, round: &Round) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        for report in &round.sources {
            let counters = self.0.entry(report.source.clone()).or_default();
            counters.records += report.records;
            counters.accepted += report.accepted;
            counters.retries += report.retries;
            for (reason, count) in &report.reasons {
                *counters.rejected.entry(reason.clone()).or_default() += count;
            }
            for drift in &report.drift {
                *counters.drift.entry(drift.change.name()).or_default() += 1;
            }
            if round.failed.iter().any(|(name, _)| *name == report.source) {
                counters.failures += 1;
            } else {
                counters.succeeded = now;
            }
        }
    }

    /// Returns the counters in the text format of Prometheus.
    fn text(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &dyn Fn(&Counters) -> Vec<(String, u64)>| {
            let _ = writeln!(text, "# HELP marquee_collect_{name} {help}\n# TYPE marquee_collect_{name} {kind}");
            for (source, counters) in &self.0 {
                for (label, value) in samples(counters) {
                    let _ = writeln!(text, "marquee_collect_{name}{{source=\"{source}\"{label}}} {value}");
                }
            }
        };
        let plain = |value: u64| vec![(String::new(), value)];
        family("records_total", "counter", "Records that were new.", &|all| plain(all.records));
        family("accepted_total", "counter", "Ratings that the fleet accepted.", &|all| plain(all.accepted));
        family("rejected_total", "counter", "Records that were rejected.", &|all| {
            all.rejected.iter().map(|(reason, count)| (format!(",reason=\"{reason}\""), *count)).collect()
        });
        family("schema_changes_total", "counter", "Changes of the columns of a source.", &|all| {
            all.drift.iter().map(|(change, count)| (format!(",change=\"{change}\""), *count)).collect()
        });
        family("retries_total", "counter", "Calls to a source that were repeated.", &|all| plain(all.retries));
        family("failures_total", "counter", "Rounds that failed.", &|all| plain(all.failures));
        family("last_success_timestamp_seconds", "gauge", "The end of the last round without a failure.", &|all| {
            plain(all.succeeded)
        });
        text
    }

    /// Writes the counters to a file, of which a reader sees one whole content.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let new = path.with_extension("new");
        let written = std::fs::write(&new, self.text()).and_then(|()| std::fs::rename(&new, path));
        written.map_err(|source| Error::File { doing: "write the counters to", path: path.to_owned(), source })
    }
}
