//! Follows a fit: the progress of the run, the points of its curve, and its cancellation.

use marquee_fit::{Observer, SweepFigures};
use marquee_report::{SweepCurve, counted};

use crate::queue::Run;

/// Reports the sweeps of a fit as the run's progress, and passes on its cancellation.
pub(super) struct Progress<'a> {
    run: &'a Run,
    /// The sweeps are points of the run's curve.
    is_tracked: bool,
    /// The figures of each sweep so far.
    figures: Vec<SweepFigures>,
    /// The most sweeps that the fit may take.
    most: usize,
}

impl<'a> Progress<'a> {
    pub(super) fn of_model(run: &'a Run) -> Self {
        Self { run, is_tracked: true, figures: Vec::new(), most: 0 }
    }

    /// Of the fit of another version.
    pub(super) fn of_reference(run: &'a Run) -> Self {
        Self { is_tracked: false, ..Self::of_model(run) }
    }

    /// Returns the curve of the fit with this name, or `None` if nothing was measured.
    pub(super) fn curve(self, name: &str) -> Option<SweepCurve> {
        if self.figures.is_empty() {
            return None;
        }
        Some(SweepCurve {
            name: name.to_owned(),
            ended: ended(&self.figures, self.most),
            held_out: self.figures.iter().map_while(|figures| figures.held_out).collect(),
            noise: self.figures.iter().map(|figures| figures.noise).collect(),
        })
    }
}

/// Describes how many sweeps a fit took, and why it ended.
fn ended(figures: &[SweepFigures], most: usize) -> String {
    let count = figures.len();
    match figures.last().and_then(|last| last.gain) {
        Some(gain) if count < most => format!(
            "ended after {} of at most {most}, because going on would lower the error by {:.2} % of the noise",
            counted(count as u64, "sweep"),
            gain * 100.0
        ),
        _ => format!("took all of its {}", counted(count as u64, "sweep")),
    }
}

impl Observer for Progress<'_> {
    fn measured(&mut self, figures: &SweepFigures) {
        self.figures.push(*figures);
    }

    fn progress(&mut self, done: usize, total: usize) {
        self.run.advance(done as f64 / total.max(1) as f64);
        self.most = total;
        if self.is_tracked {
            let last = self.figures.last();
            // A fit that ends early reports all of its sweeps as done.
            let sweeps = if last.is_some() { self.figures.len() } else { done };
            let metrics = last
                .into_iter()
                .flat_map(|last| [("noise", Some(last.noise)), ("rmse", last.held_out), ("gain", last.gain)]);
            let metrics: Vec<_> = metrics.filter_map(|(name, value)| Some((name, value?))).collect();
            self.run.tracking().measured(self.run.id(), sweeps, &metrics);
        }
    }

    fn canceled(&self) -> bool {
        self.run.must_stop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_says_whether_it_ended_early_and_why() {
        let figures = |gain| SweepFigures { noise: 0.9, held_out: None, gain };
        let early = ended(&[figures(None), figures(Some(0.0004))], 9);
        let text = "ended after 2 sweeps of at most 9, because going on would lower the error by 0.04 % of the noise";
        assert_eq!(early, text);
        assert_eq!(ended(&[figures(None)], 1), "took all of its 1 sweep");
        assert_eq!(ended(&[figures(Some(0.5)), figures(None)], 2), "took all of its 2 sweeps");
    }
}
