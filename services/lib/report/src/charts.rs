//! The charts of a page, as SVG that shrinks to the width of the screen.
//!
//! A chart is well-formed XML, so it is also a file of its own ([`svg`]). Other crates draw inside
//! the same axes.

use std::fmt::Write as _;

use marquee_eval::Evaluation;

use crate::{COLORS, DRAWING, counted, escape};

/// The width of a chart.
pub const WIDTH: f64 = 420.0;
/// The height of a chart.
pub const HEIGHT: f64 = 260.0;
/// The room left of the plot, for the names of values and the title of the axis.
pub const LEFT: f64 = 52.0;
/// The room right of the plot.
pub const RIGHT: f64 = 16.0;
/// The room above the plot.
pub const TOP: f64 = 22.0;
/// The room below the plot, for the names of values and the title of the axis.
pub const BOTTOM: f64 = 46.0;

/// The texts of a chart.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// What the chart shows and how it reads.
    pub caption: &'a str,
    /// The title of the horizontal axis.
    pub across: &'a str,
    /// The title of the vertical axis.
    pub up: &'a str,
}

/// A bar.
struct Bar {
    /// What is written below it. Empty: nothing is.
    name: String,
    value: f64,
    /// The value that it should have, which is marked by a line.
    target: Option<f64>,
}

impl Bar {
    fn new(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value, target: None }
    }
}

/// Returns the charts of the whole model.
pub(crate) fn of(evaluation: &Evaluation) -> Vec<String> {
    let calibration_texts = Texts {
        caption: "Predicted and actual mean rating: the closer to the diagonal, the better",
        across: "mean predicted rating, in stars",
        up: "mean actual rating, in stars",
    };
    let bins = evaluation.calibration.iter().map(|bin| (bin.predicted, bin.actual, bin.ratings));
    let reliability_texts = Texts {
        caption: "Reliability of the spread: predictions with a larger spread should have errors as large",
        across: "predicted spread, in stars",
        up: "root mean squared error, in stars",
    };
    let reliability = evaluation.spread.iter().flat_map(|spread| &spread.reliability);
    let reliability = reliability.map(|bin| (bin.spread, bin.error, bin.ratings));
    let intervals = evaluation.coverage.iter().map(|coverage| Bar {
        target: Some(coverage.nominal),
        ..Bar::new(&format!("{:.0} %", coverage.nominal * 100.0), coverage.actual)
    });
    let coverage_texts = Texts {
        caption: "Share of ratings inside the prediction interval: each bar should reach its dashed line",
        across: "nominal share of the interval",
        up: "actual share of the ratings",
    };
    let residuals = (0..).zip(&evaluation.residuals).map(|(number, &count)| {
        let name = if number % 4 == 0 { format!("{}", number / 4 - 4) } else { String::new() };
        Bar::new(&name, count as f64)
    });
    let residual_texts = Texts {
        caption: "Errors: most bars should be close to 0, as many to its left as to its right",
        across: "prediction minus rating, in stars",
        up: "number of ratings",
    };
    vec![
        figure(&calibration_texts, &diagonal(&bins.collect::<Vec<_>>(), ("predicted", "actual"))),
        figure(&reliability_texts, &diagonal(&reliability.collect::<Vec<_>>(), ("spread", "error"))),
        figure(&coverage_texts, &bars(&intervals.collect::<Vec<_>>(), 3)),
        figure(&residual_texts, &bars(&residuals.collect::<Vec<_>>(), 0)),
    ]
}

/// Draws the axes of a chart, their titles, and what is between them, with the caption below.
pub fn figure(texts: &Texts<'_>, inside: &str) -> String {
    let caption = escape(texts.caption);
    format!("<figure>{}<figcaption>{caption}</figcaption></figure>", drawing("", texts, inside))
}

/// Draws a chart as a file of its own, with its colors and without its caption.
pub fn svg(texts: &Texts<'_>, inside: &str) -> String {
    let style = format!("<style>{COLORS}svg{{font-family:system-ui,sans-serif}}{DRAWING}</style>");
    let paper = format!("<rect width='{WIDTH}' height='{HEIGHT}' fill='var(--paper)'/>");
    let inside = format!("{style}{paper}{inside}");
    format!("{}\n", drawing(" xmlns='http://www.w3.org/2000/svg'", texts, &inside))
}

fn drawing(attributes: &str, texts: &Texts<'_>, inside: &str) -> String {
    let [caption, across, up] = [texts.caption, texts.across, texts.up].map(escape);
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let (middle, center) = ((LEFT + right) / 2.0, (TOP + bottom) / 2.0);
    format!(
        "<svg{attributes} viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' role='img' aria-label='{caption}'>{inside}\
         <path class='axis' fill='none' d='M{LEFT} {TOP}V{bottom}H{right}'/>\
         <text class='title' x='{middle}' y='{}' text-anchor='middle'>{across}</text>\
         <text class='title' transform='translate(12 {center}) rotate(-90)' text-anchor='middle'>{up}</text></svg>",
        HEIGHT - 8.0,
    )
}

/// Returns the height of a share of the plot, from 0 to 1.
pub fn height(share: f64) -> f64 {
    share * (HEIGHT - TOP - BOTTOM)
}

/// Writes a value left of the vertical axis, at a share of its height.
pub fn tick_up(svg: &mut String, share: f64, text: &str) {
    let (x, y) = (LEFT - 5.0, HEIGHT - BOTTOM - height(share) + 4.0);
    let _ = write!(svg, "<text x='{x:.1}' y='{y:.1}' text-anchor='end'>{}</text>", escape(text));
}

/// Writes a text below the horizontal axis.
pub fn tick_across(svg: &mut String, x: f64, text: &str) {
    let y = HEIGHT - BOTTOM + 14.0;
    let _ = write!(svg, "<text x='{x:.1}' y='{y:.1}' text-anchor='middle'>{}</text>", escape(text));
}

/// Draws points that should be on the diagonal: each has its place on both axes, and a number of
/// ratings, which is the size of its mark.
fn diagonal(points: &[(f64, f64, u64)], (across_name, up_name): (&str, &str)) -> String {
    let mut svg = String::new();
    if points.is_empty() {
        return svg;
    }
    let values = || points.iter().flat_map(|(across, up, _)| [*across, *up]);
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let share = |value: f64| (value - low) / (high - low).max(1e-9);
    let x = |value: f64| LEFT + share(value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - height(share(value));
    let most = points.iter().map(|point| point.2).max().unwrap_or(1).max(1) as f64;
    let _ = write!(
        svg,
        "<line class='axis' x1='{:.1}' y1='{:.1}' x2='{:.1}' y2='{:.1}' />",
        x(low),
        y(low),
        x(high),
        y(high)
    );
    for &(across, up, count) in points {
        let (radius, ratings) = (3.0 + 9.0 * (count as f64 / most).sqrt(), counted(count, "rating"));
        let _ = write!(
            svg,
            "<circle class='mark' cx='{:.1}' cy='{:.1}' r='{radius:.1}' fill-opacity='.7'>\
             <title>{across_name} {across:.2}, {up_name} {up:.2}, {ratings}</title></circle>",
            x(across),
            y(up)
        );
    }
    for value in [low, high] {
        tick_up(&mut svg, share(value), &format!("{value:.1}"));
        tick_across(&mut svg, x(value), &format!("{value:.1}"));
    }
    svg
}

/// Draws bars with their values, which have this number of decimals. Without decimals, only the
/// largest value is written, at the axis.
fn bars(bars: &[Bar], decimals: usize) -> String {
    let mut svg = String::new();
    let reached = bars.iter().flat_map(|bar| [bar.value, bar.target.unwrap_or(0.0)]);
    let most = reached.fold(0.0, f64::max);
    if most <= 0.0 {
        return svg;
    }
    let step = (WIDTH - LEFT - RIGHT) / bars.len() as f64;
    let (floor, width) = (HEIGHT - BOTTOM, (step - 2.0).max(1.0));
    for (index, Bar { name, value, target }) in bars.iter().enumerate() {
        let tall = height(value / most);
        let (left, top) = (LEFT + index as f64 * step, floor - tall);
        let middle = left + width / 2.0;
        let wanted = target.map(|target| format!(", target {target:.decimals$}")).unwrap_or_default();
        let _ = write!(
            svg,
            "<rect class='mark' x='{left:.1}' y='{top:.1}' width='{width:.1}' height='{tall:.1}'>\
             <title>{}: {value:.decimals$}{wanted}</title></rect>",
            escape(name)
        );
        if let Some(target) = target {
            let (right, y) = (left + width, floor - height(target / most));
            let _ = write!(svg, "<line class='target' x1='{left:.1}' y1='{y:.1}' x2='{right:.1}' y2='{y:.1}' />");
        }
        if !name.is_empty() {
            tick_across(&mut svg, middle, name);
        }
        if decimals > 0 {
            let y = (top - 4.0).max(10.0);
            let _ = write!(svg, "<text x='{middle:.1}' y='{y:.1}' text-anchor='middle'>{value:.decimals$}</text>");
        }
    }
    tick_up(&mut svg, 0.0, "0");
    tick_up(&mut svg, 1.0, &format!("{most:.decimals$}"));
    svg
}
