//! The table of slices: figures with their intervals, and a verdict on each.

use std::fmt::Write as _;

use marquee_eval::{Range, SliceFigures, Verdict};

use crate::escape;

/// The width of the drawing of an interval.
const WIDTH: f64 = 120.0;

/// Returns the verdict on a slice in words.
pub(crate) fn verdict(slice: &SliceFigures) -> String {
    let bias = match slice.bias_verdict {
        Verdict::Above => Some("predicted too high"),
        Verdict::Below => Some("predicted too low"),
        Verdict::Within | Verdict::Unknown => None,
    };
    let error = match slice.rmse_verdict {
        Verdict::Above => Some("larger errors than the rest"),
        Verdict::Below => Some("smaller errors than the rest"),
        Verdict::Within | Verdict::Unknown => None,
    };
    let said: Vec<&str> = bias.into_iter().chain(error).collect();
    match (said.is_empty(), slice.bias_verdict) {
        (false, _) => said.join(", "),
        (true, Verdict::Unknown) => "not judged".to_owned(),
        (true, _) => "no bias found".to_owned(),
    }
}

/// Returns the name of a slice with its dimension, for example `gender: female`.
pub(crate) fn name(slice: &SliceFigures) -> String {
    if slice.dimension == "all" { "all ratings".to_owned() } else { format!("{}: {}", slice.dimension, slice.name) }
}

/// Writes a value with its interval.
pub(crate) fn with_interval(value: f64, interval: Option<Range>, sign: bool) -> String {
    let one = |value: f64| if sign { format!("{value:+.3}") } else { format!("{value:.3}") };
    match interval {
        Some(Range { lower, upper }) => format!("{} ({} to {})", one(value), one(lower), one(upper)),
        None => one(value),
    }
}

/// Returns the table as HTML. Returns an empty text without slices.
pub(crate) fn html(slices: &[SliceFigures]) -> String {
    let mut page = String::new();
    if slices.is_empty() {
        return page;
    }
    let ends =
        |slice: &SliceFigures| slice.bias_interval.map_or(slice.bias.abs(), |at| at.lower.abs().max(at.upper.abs()));
    // A slice of few ratings would make all others too small to see.
    let mut all: Vec<f64> = slices.iter().map(ends).filter(|end| end.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    let most = all.get(all.len().saturating_sub(1) * 9 / 10).copied().unwrap_or(1.0).max(1e-3);
    let _ = write!(
        page,
        "<div class=wide><table class=grid><thead><tr><th>slice<th>ratings<th>users<th>RMSE, 95 % interval\
         <th>mean error, 95 % interval<th>−{most:.2} to {most:.2}<th>in the 80 % interval<th>verdict</thead><tbody>"
    );
    for slice in slices {
        let covered = slice.coverage_80.map(|share| format!("{:.1} %", share * 100.0)).unwrap_or_default();
        let _ = write!(
            page,
            "<tr{}><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{covered}<td>{}",
            if slice.is_biased() { " class=biased" } else { "" },
            escape(&name(slice)),
            slice.ratings,
            slice.users,
            with_interval(slice.rmse, slice.rmse_interval, false),
            with_interval(slice.bias, slice.bias_interval, true),
            interval(slice, most),
            verdict(slice),
        );
    }
    page.push_str("</tbody></table></div>");
    page
}

/// Draws the mean error and its interval around 0. What lies beyond `most` ends at the edge.
fn interval(slice: &SliceFigures, most: f64) -> String {
    let x = |value: f64| WIDTH / 2.0 * (1.0 + (value / most).clamp(-1.0, 1.0));
    let drawn = slice.bias_interval.filter(|at| at.lower.is_finite() && at.upper.is_finite());
    let range = drawn
        .map_or_else(String::new, |at| format!("<path class='line' d='M{:.1} 8H{:.1}'/>", x(at.lower), x(at.upper)));
    let point = if slice.bias.is_finite() { x(slice.bias) } else { WIDTH / 2.0 };
    format!(
        "<svg viewBox='0 0 {WIDTH} 16' width='{WIDTH}' height='16' role='img' aria-label='mean error {:+.3}'>\
         <path class='axis' d='M{:.1} 1V15'/>{range}<circle class='mark' cx='{point:.1}' cy='8' r='3'/></svg>",
        slice.bias,
        WIDTH / 2.0
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn slice(dimension: &str, name: &str, bias: f64) -> SliceFigures {
        SliceFigures {
            dimension: dimension.to_owned(),
            name: name.to_owned(),
            ratings: 50,
            users: 9,
            rmse: 0.9,
            rmse_interval: Some(Range { lower: 0.85, upper: 0.95 }),
            bias,
            bias_interval: Some(Range { lower: bias - 0.02, upper: bias + 0.02 }),
            coverage_80: Some(0.8),
            coverage_80_interval: None,
            rmse_to_rest: Some(0.0),
            rmse_to_rest_interval: Some(Range { lower: -0.01, upper: 0.01 }),
            bias_verdict: if bias > 0.07 { Verdict::Above } else { Verdict::Within },
            rmse_verdict: Verdict::Within,
        }
    }

    #[test]
    fn a_row_has_figures_interval_and_verdict() {
        let table = html(&[slice("all", "all", 0.0), slice("gender", "f<emale", 0.2)]);
        assert!(table.contains("<td>all ratings<td>50<td>9<td>0.900 (0.850 to 0.950)"), "{table}");
        assert!(table.contains("gender: f&lt;emale") && table.contains("+0.200 (+0.180 to +0.220)"), "{table}");
        assert!(table.contains("<tr class=biased>") && table.contains("<td>predicted too high"), "{table}");
        assert_eq!((table.matches("no bias found").count(), table.matches("<svg").count()), (1, 2));
        assert_eq!(html(&[]), "");
    }

    #[test]
    fn a_slice_without_an_interval_is_not_judged() {
        let alone = SliceFigures {
            bias_interval: None,
            bias_verdict: Verdict::Unknown,
            rmse_verdict: Verdict::Unknown,
            ..slice("genre", "War", f64::NAN)
        };
        assert_eq!(verdict(&alone), "not judged");
        assert!(!interval(&alone, 1.0).contains("cx='NaN'"));
        let worse = SliceFigures { rmse_verdict: Verdict::Above, ..slice("age", "18–24", 0.1) };
        assert_eq!(verdict(&worse), "predicted too high, larger errors than the rest");
    }
}
