//! Draws RMSE against seconds as an SVG picture: seconds on a logarithmic axis, one line for each
//! model.

use std::fmt::Write;

use crate::figures::Curve;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
/// The room below the plot: its axis, and the legend with a line for each model.
const AXIS: f64 = 50.0;
const LEGEND_LINE: f64 = 20.0;

/// The most that the picture shows above the least error, in stars. The first sweeps of a fit would
/// squeeze all that matters otherwise.
const SHOWN: f64 = 0.1;

/// Colors that people with poor color vision tell apart (Okabe and Ito).
const COLORS: [&str; 8] = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a8a00"];

/// Where numbers are in the plot.
struct Axes {
    /// Decades of the seconds.
    decades: (f64, f64),
    errors: (f64, f64),
}

impl Axes {
    fn of(curves: &[&Curve]) -> Self {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let seconds = points().map(|(seconds, _)| seconds.max(1e-3).log10());
        let (first, last) = seconds.fold((f64::MAX, f64::MIN), |(a, b), value| (a.min(value), b.max(value)));
        let least = points().map(|(_, error)| *error).fold(f64::MAX, f64::min);
        let most = points().map(|(_, error)| *error).fold(f64::MIN, f64::max).min(least + SHOWN);
        let bottom = (least * 100.0).floor() / 100.0;
        let top = ((most * 100.0).ceil() / 100.0).max(bottom + 0.01);
        Self { decades: (first.floor(), last.ceil().max(first.floor() + 1.0)), errors: (bottom, top) }
    }

    fn x(&self, seconds: f64) -> f64 {
        let (first, last) = self.decades;
        LEFT + (seconds.max(1e-3).log10() - first) / (last - first) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, error: f64) -> f64 {
        let (bottom, top) = self.errors;
        TOP + (top - error) / (top - bottom) * (HEIGHT - TOP - AXIS)
    }
}

/// Returns the picture. Parts of a line above the plot are cut off.
pub(crate) fn draw(title: &str, curves: &[&Curve]) -> String {
    let curves: Vec<&Curve> = curves.iter().copied().filter(|curve| !curve.points.is_empty()).collect();
    let height = HEIGHT + LEGEND_LINE * curves.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"17\">{}</text>\n",
        escaped(title)
    );
    if !curves.is_empty() {
        let axes = Axes::of(&curves);
        grid(&mut svg, &axes);
        for (at, curve) in curves.iter().enumerate() {
            line(&mut svg, &axes, curve, COLORS[at % COLORS.len()], HEIGHT + LEGEND_LINE * (at as f64 + 0.5));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, axes: &Axes) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - AXIS);
    let mut put = |text: String| svg.push_str(&text);
    put(format!(
        "<clipPath id=\"plot\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>\n",
        right - LEFT,
        bottom - TOP
    ));
    for decade in axes.decades.0 as i32..=axes.decades.1 as i32 {
        for step in [1.0, 2.0, 5.0] {
            let seconds = step * 10.0_f64.powi(decade);
            let x = axes.x(seconds);
            if x > right + 0.5 {
                break;
            }
            put(format!("<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#dddddd\"/>\n"));
            put(format!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{seconds}</text>\n", bottom + 18.0));
        }
    }
    let (least, most) = ((axes.errors.0 * 100.0).round() as i32, (axes.errors.1 * 100.0).round() as i32);
    for hundredths in least..=most {
        let y = axes.y(f64::from(hundredths) / 100.0);
        put(format!("<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#dddddd\"/>\n"));
        let (x, y) = (LEFT - 8.0, y + 4.0);
        put(format!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{:.2}</text>\n", f64::from(hundredths) / 100.0));
    }
    put(format!("<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">seconds of fitting</text>\n", bottom + 38.0));
    put(format!("<text x=\"12\" y=\"{}\">RMSE</text>\n", TOP - 8.0));
}

fn line(svg: &mut String, axes: &Axes, curve: &Curve, color: &str, legend: f64) {
    let mut path = String::new();
    let mut dots = String::new();
    for (at, &(seconds, error)) in curve.points.iter().enumerate() {
        let (x, y) = (axes.x(seconds), axes.y(error));
        // Writing to a string cannot fail.
        let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
        let _ = write!(dots, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>");
    }
    let end = LEFT + 30.0;
    let words = LEFT + 38.0;
    let _ = writeln!(
        svg,
        "<g clip-path=\"url(#plot)\"><path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>{dots}</g>\n\
         <path d=\"M{LEFT} {legend}H{end}\" stroke=\"{color}\" stroke-width=\"3\"/>\
         <text x=\"{words}\" y=\"{}\">{}</text>",
        legend + 4.0,
        escaped(&curve.label)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(label: &str, points: &[(f64, f64)]) -> Curve {
        Curve { fold: String::from("made"), label: label.to_owned(), points: points.to_vec() }
    }

    #[test]
    fn every_line_is_drawn_and_named_and_words_are_escaped() {
        let (a, b) = (curve("a < b & c", &[(0.1, 1.3), (2.0, 0.9)]), curve("b", &[(5.0, 0.88)]));
        let svg = draw("a & b", &[&a, &b]);
        assert_eq!(svg.matches("<g clip-path").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains(">a &amp; b<"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn less_error_is_lower_and_more_time_is_further_right() {
        let (a, b) = (curve("a", &[(0.1, 0.95)]), curve("b", &[(20.0, 0.88)]));
        let axes = Axes::of(&[&a, &b]);
        assert!(axes.y(0.95) < axes.y(0.88) && axes.x(0.1) < axes.x(20.0));
        assert!(axes.y(axes.errors.0) <= HEIGHT - AXIS + 0.1 && axes.x(20.0) <= WIDTH - RIGHT);
    }

    #[test]
    fn no_lines_and_one_point_are_pictures_too() {
        let one = curve("one", &[(1.0, 0.9)]);
        for curves in [&[][..], &[&one]] {
            let svg = draw("t", curves);
            assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"));
        }
    }
}
