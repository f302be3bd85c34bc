//! The figures, as they are printed beside what should be reached, and as JSON.

use serde::Serialize;

use crate::load::Measured;

/// A load and its figures.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    in_flight: Option<usize>,
    measured: Measured,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    cores: usize,
    data: String,
    lines: Vec<Line>,
    /// Other figures by name.
    figures: Vec<(String, f64)>,
}

impl Report {
    pub(crate) fn new(data: &str) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Self { cores, data: data.to_owned(), lines: Vec::new(), figures: Vec::new() }
    }

    pub(crate) fn cores(&self) -> usize {
        self.cores
    }

    /// Prints and keeps what was measured under a load. `reach` says what should be reached.
    pub(crate) fn add(&mut self, what: &str, in_flight: Option<usize>, measured: Measured, reach: &str) {
        let load = in_flight.map_or_else(|| "at its rate".to_owned(), |count| format!("{count} in flight"));
        let reach = if reach.is_empty() { String::new() } else { format!("   reach {reach}") };
        println!(
            "{what:<34} {load:>12} {:>9.0} /s   p50 {:>7.2} ms   p99 {:>7.2} ms   server {:>6.0} us a request{reach}",
            measured.requests_per_second, measured.p50_ms, measured.p99_ms, measured.server_micros,
        );
        self.lines.push(Line { what: what.to_owned(), in_flight, measured });
    }

    /// Prints and keeps another figure.
    pub(crate) fn say(&mut self, name: &str, value: f64, unit: &str) {
        println!("{name:<60} {value:>14.1} {unit}");
        self.figures.push((name.to_owned(), value));
    }
}
