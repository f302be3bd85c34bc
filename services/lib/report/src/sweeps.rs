//! What a fit did: the error and the noise after each of its sweeps, and why it ended.

use crate::charts::{Texts, figure};
use crate::lines::{Line, lines};

/// The most points of a curve that are drawn. A longer fit is drawn at evenly spread sweeps.
const MOST_POINTS: usize = 60;

/// The sweeps at which the short form gives the error, as shares of all sweeps in percent.
const NAMED: [usize; 4] = [10, 25, 50, 100];

/// A fit, sweep by sweep.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SweepCurve {
    /// The fit, for example `the fit on the past`.
    pub name: String,
    /// How many sweeps it took and why it ended, in a sentence without a period.
    pub ended: String,
    /// The error on held-out ratings after each sweep, in stars. Empty: there were none.
    pub held_out: Vec<f64>,
    /// The standard deviation of the noise that the model expects after each sweep, in stars.
    pub noise: Vec<f64>,
}

impl SweepCurve {
    /// Returns the chart of the fit, or an empty text without sweeps.
    pub(crate) fn chart(&self) -> String {
        let count = self.noise.len().max(self.held_out.len());
        let shown = spread(count);
        let names: Vec<String> = shown.iter().map(|at| (at + 1).to_string()).collect();
        let line = |name: &str, values: &[f64]| {
            Line::new(name, shown.iter().map(|at| values.get(*at).copied().unwrap_or(f64::NAN)))
        };
        let all = [line("held-out ratings (RMSE)", &self.held_out), line("noise of a rating", &self.noise)];
        let all: Vec<Line> = all.into_iter().filter(|line| line.values.iter().any(Option::is_some)).collect();
        let inside = lines(&all, &names);
        if inside.is_empty() {
            return inside;
        }
        let caption = format!("By sweep, {}: {}", self.name, self.ended);
        figure(&Texts { caption: &caption, across: "sweeps", up: "stars" }, &inside)
    }

    /// Returns the fit in one line, without markup.
    pub(crate) fn line(&self) -> String {
        let count = self.held_out.len();
        let mut places: Vec<usize> = NAMED.iter().map(|share| (count * share / 100).max(1)).collect();
        places.dedup();
        let errors = places.iter().filter_map(|place| {
            let error = self.held_out.get(place - 1).filter(|error| error.is_finite())?;
            Some(format!("{error:.4} after {}", crate::counted(*place as u64, "sweep")))
        });
        let errors = errors.collect::<Vec<_>>().join(", ");
        let errors = if errors.is_empty() { errors } else { format!("; RMSE on held-out ratings {errors}") };
        format!("{}: {}{errors}", self.name, self.ended)
    }
}

/// Returns the places of a curve that are drawn: all of them, or evenly spread ones with both ends.
fn spread(count: usize) -> Vec<usize> {
    if count <= MOST_POINTS {
        return (0..count).collect();
    }
    (0..MOST_POINTS).map(|point| point * (count - 1) / (MOST_POINTS - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(sweeps: usize) -> SweepCurve {
        SweepCurve {
            name: "the fit on the past".to_owned(),
            ended: format!("{sweeps} of at most 290 sweeps"),
            held_out: (0..sweeps).map(|sweep| 0.9 + 0.2 / (sweep + 1) as f64).collect(),
            noise: vec![0.8; sweeps],
        }
    }

    #[test]
    fn a_curve_shows_both_lines_its_end_and_a_long_one_few_points() {
        let chart = curve(8).chart();
        assert!(chart.contains("By sweep, the fit on the past: 8 of at most 290 sweeps"), "{chart}");
        assert!(chart.contains("held-out ratings (RMSE), 1: 1.1000") && chart.contains("noise of a rating, 8: 0.8000"));
        let long = curve(1_000).chart();
        assert_eq!(long.matches("<circle").count(), 2 * MOST_POINTS);
        assert!(long.contains(", 1: 1.1000") && long.contains(", 1000: 0.9002"), "{long}");
    }

    #[test]
    fn a_fit_without_held_out_ratings_shows_its_noise_and_one_without_sweeps_nothing() {
        let last = SweepCurve { held_out: Vec::new(), ..curve(5) };
        assert!(last.chart().contains("noise of a rating") && !last.chart().contains("held-out"));
        assert_eq!(last.line(), "the fit on the past: 5 of at most 290 sweeps");
        assert_eq!(SweepCurve::default().chart(), "");
    }

    #[test]
    fn the_line_gives_the_error_at_a_few_sweeps() {
        let line = curve(20).line();
        let errors = "RMSE on held-out ratings 1.0000 after 2 sweeps, 0.9400 after 5 sweeps, 0.9200 after 10 sweeps, \
                      0.9100 after 20 sweeps";
        assert!(line.ends_with(errors), "{line}");
        assert_eq!(curve(1).line().matches("after").count(), 1);
    }
}
