//! The usual metrics of a process, which Prometheus clients name `process_…`. They are read when
//! the page is.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The clock ticks of `/proc` in a second. Linux shows programs this number, whatever it uses.
const TICKS: f64 = 100.0;

/// Reads the state of this process from `/proc`. A value that cannot be read is left out.
#[derive(Debug)]
pub(crate) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (stat, status) = (read("/proc/self/stat"), read("/proc/self/status"));
        if let Some(seconds) = cpu_seconds(&stat) {
            let counter = ConstCounter::new(seconds);
            let help = "User and system processor time in seconds";
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        let kibibytes = |name: &str| Some(field(&status, name)? * 1_024.0);
        let descriptors = open_descriptors().map(|count| count as f64);
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Resident memory in bytes", kibibytes("VmRSS:")),
            ("process_virtual_memory_bytes", "Virtual memory in bytes", kibibytes("VmSize:")),
            ("process_threads", "Threads", field(&status, "Threads:")),
            ("process_open_fds", "Open file descriptors", descriptors),
            (
                "process_max_fds",
                "The most file descriptors that may be open",
                most_descriptors(&read("/proc/self/limits")),
            ),
            (
                "process_start_time_seconds",
                "Start of the process in seconds since 1970",
                started(&stat, &read("/proc/stat")),
            ),
        ] {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// Returns the n-th field of `/proc/self/stat`, counted from 1 as in its manual. The second one,
/// the name, may have spaces and brackets.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let behind_name = stat.rsplit_once(')')?.1;
    behind_name.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS)
}

fn started(stat: &str, system: &str) -> Option<f64> {
    Some(field(system, "btime")? + stat_field(stat, 22)? / TICKS)
}

/// Returns the number in the line with a name at its beginning.
fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns how many files the process has open.
pub(crate) fn open_descriptors() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

/// Returns the limit of open files, from `/proc/self/limits`.
pub(crate) fn most_descriptors(limits: &str) -> Option<f64> {
    field(limits, "Max open files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 3000 1000000 100 18446744073709551615";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(started(stat, "cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_030.0));
        assert_eq!(field("VmSize:\t  12 kB\nVmRSS:\t  10 kB\n", "VmRSS:"), Some(10.0));
        assert_eq!(most_descriptors("Max open files            1024                 4096   files\n"), Some(1_024.0));
        assert_eq!((cpu_seconds(""), field("x", "VmRSS:")), (None, None));
    }
}
