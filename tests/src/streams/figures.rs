//! Figures as people read them while they come, and as JSON at the end.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use marquee_e2e::{cpu_time, quantile};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Figure {
    part: String,
    name: String,
    value: f64,
    unit: String,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    /// Keeps and prints one.
    pub(crate) fn say(&mut self, part: &str, name: &str, value: f64, unit: &str) {
        let digits = if value.abs() >= 100.0 { 0 } else { 3 };
        println!("{part:10} {name:64} {value:>14.digits$} {unit}");
        let [part, name, unit] = [part, name, unit].map(str::to_owned);
        self.0.push(Figure { part, name, value, unit });
    }

    /// Median and 99th percentile of what took so long.
    pub(crate) fn latencies(&mut self, part: &str, name: &str, mut all: Vec<Duration>) -> f64 {
        all.sort_unstable();
        let at = |share: f64| quantile(&all, share).unwrap_or_default().as_secs_f64() * 1_000.0;
        let median = at(0.5);
        self.say(part, &format!("{name}, median"), median, "ms");
        self.say(part, &format!("{name}, 99th percentile"), at(0.99), "ms");
        median
    }

    pub(crate) fn json(&self) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&self.0)?)
    }
}

/// Processor time that a process has used, and memory that it holds and has held at most.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) cpu: Duration,
    pub(crate) resident_mib: f64,
    pub(crate) peak_mib: f64,
}

impl Used {
    pub(crate) fn by(pid: u32) -> Result<Self> {
        let cpu = cpu_time(Path::new(&format!("/proc/{pid}/stat"))).context("no processor time")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default() / 1_024.0
        };
        Ok(Self { cpu, resident_mib: mib("VmRSS:"), peak_mib: mib("VmHWM:") })
    }
}
