//! Drawings of one line: shares as bars, and intervals on a scale with their limit.

use marquee_rollout::Measurement;

/// Draws a share of 1 as a bar. A share above 0 is visible, and one below 1 leaves a gap.
pub fn share(share: f64, width: usize) -> String {
    let full = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    let full = if share > 0.0 { full.max(1) } else { full };
    let full = if share < 1.0 { full.min(width.saturating_sub(1)) } else { full };
    let mut bar = "█".repeat(full);
    bar.push_str(&"░".repeat(width.saturating_sub(full)));
    bar
}

/// Draws the interval of a measurement: `├──●──┤`, with the limit as `┊`. The scale has 0 and
/// everything that is drawn. Returns `None` for a measurement without an interval.
pub(super) fn interval(last: &Measurement, width: usize) -> Option<String> {
    let ends = [last.lower?, last.upper?, last.estimate?, last.limit];
    let (least, most) = ends.iter().fold((0.0_f64, 0.0_f64), |(least, most), end| (least.min(*end), most.max(*end)));
    interval_on(last, (least, most), width)
}

/// Draws the interval of a measurement like [`View`](super::View) does, on a scale of its own from
/// `least` to `most`, so that drawings below each other can be compared. An end of the interval
/// that is beyond the scale is drawn as `‹` or `›` at the end of the scale. An estimate beyond the
/// scale is not drawn. Returns `None` for a measurement without an interval, or if the scale is
/// empty.
pub fn interval_on(last: &Measurement, (least, most): (f64, f64), width: usize) -> Option<String> {
    let (estimate, lower, upper) = (last.estimate?, last.lower?, last.upper?);
    let span = most - least;
    let is_finite = [lower, upper, estimate, last.limit, span].iter().all(|end| end.is_finite());
    if width < 3 || span <= 0.0 || !is_finite {
        return None;
    }
    let column = |value: f64| (((value - least) / span).clamp(0.0, 1.0) * (width - 1) as f64).round() as usize;
    let mut cells = vec![' '; width];
    let (from, to) = (column(lower), column(upper));
    for cell in cells.iter_mut().take(to + 1).skip(from) {
        *cell = '─';
    }
    cells[from] = if lower < least { '‹' } else { '├' };
    cells[to] = if upper > most { '›' } else { '┤' };
    cells[column(last.limit)] = '┊';
    if (least..=most).contains(&estimate) {
        cells[column(estimate)] = '●';
    }
    Some(cells.into_iter().collect::<String>().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use marquee_rollout::Verdict;

    use super::*;

    fn measurement(lower: f64, estimate: f64, upper: f64) -> Measurement {
        Measurement {
            time: Timestamp::EPOCH,
            verdict: Verdict::Inconclusive,
            estimate: Some(estimate),
            lower: Some(lower),
            upper: Some(upper),
            limit: 1.0,
            samples: 1,
            min_samples: 1,
            message: String::new(),
        }
    }

    #[test]
    fn a_share_fills_its_part_and_a_small_one_is_visible() {
        assert_eq!(share(0.5, 4), "██░░");
        assert_eq!([share(0.0, 4), share(0.001, 4)], ["░░░░", "█░░░"]);
        assert_eq!([share(0.999, 4), share(1.0, 4)], ["███░", "████"]);
        assert_eq!([share(f64::NAN, 2), share(7.0, 2)], ["░░", "██"]);
    }

    #[test]
    fn an_interval_is_drawn_with_its_limit() {
        assert_eq!(interval(&measurement(-1.0, -0.5, 0.5), 9).as_deref(), Some("├─●───┤ ┊"));
        assert_eq!(interval(&measurement(0.0, 2.0, 4.0), 9).as_deref(), Some("├─┊─●───┤"));
        let missing = Measurement { lower: None, ..measurement(0.0, 0.0, 0.0) };
        assert_eq!(interval(&missing, 9), None);
        assert_eq!(interval(&measurement(f64::NEG_INFINITY, 0.0, 1.0), 9), None);
    }

    #[test]
    fn what_is_beyond_a_given_scale_is_drawn_at_its_end() {
        let drawn = |one: &Measurement| interval_on(one, (0.0, 2.0), 9).expect("a drawing");
        assert_eq!(drawn(&measurement(0.5, 0.75, 1.5)), "  ├●┊─┤");
        assert_eq!(drawn(&measurement(-3.0, 0.5, 9.0)), "‹─●─┊───›");
        assert_eq!(drawn(&measurement(2.5, 3.0, 3.5)), "    ┊   ›");
        assert_eq!(interval_on(&measurement(0.0, 0.5, 1.0), (1.0, 1.0), 9), None);
    }
}
