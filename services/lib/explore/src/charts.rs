//! The charts of a page, as SVG that shrinks to the width of the screen. Plotters draws them; the
//! colors are those of the page, so that they follow light and dark.

use std::error::Error;
use std::ops::Range;

use marquee_report::escape;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, DrawingArea, IntoDrawingArea as _, IntoLogRange as _, LineSeries,
    RGBColor, Rectangle, SVGBackend, TRANSPARENT,
};
use plotters::style::{Color as _, IntoFont as _, TextStyle};

use crate::values::Distribution;

/// The size of a chart.
const SIZE: (u32, u32) = (420, 260);

/// Stand-ins for the colors of the page, which replace them in the finished drawing.
const INK: RGBColor = RGBColor(1, 1, 1);
const FAINT: RGBColor = RGBColor(2, 2, 2);
const MARK: RGBColor = RGBColor(3, 3, 3);
const COLORS: [(&str, &str); 3] = [("#010101", "var(--ink)"), ("#020202", "var(--faint)"), ("#030303", "var(--mark)")];

/// The texts of a chart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    /// What the chart shows and how it reads.
    pub(crate) caption: &'a str,
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Draws a bar for each name.
pub(crate) fn bars(texts: &Texts<'_>, names: &[String], values: &[f64]) -> String {
    let high = values.iter().copied().fold(0.0, f64::max);
    figure(texts, |area| {
        let mut chart = builder(area).build_cartesian_2d(places(names), 0.0..high.max(1e-9) * 1.05)?;
        axes(&mut chart, texts, names, &short)?;
        let bar = |(at, value): (usize, &f64)| {
            Rectangle::new([(at as f64 - 0.4, 0.0), (at as f64 + 0.4, *value)], MARK.filled())
        };
        chart.draw_series(values.iter().enumerate().map(bar))?;
        Ok(())
    })
}

/// Draws a line over named places. A place without a value has no mark.
pub(crate) fn line(texts: &Texts<'_>, names: &[String], values: &[Option<f64>]) -> String {
    let known = || values.iter().enumerate().filter_map(|(at, value)| Some((at as f64, (*value)?)));
    let (low, high) = known().fold((f64::MAX, f64::MIN), |(low, high), (_, value)| (low.min(value), high.max(value)));
    if low > high {
        return String::new();
    }
    // Differences of less than a hundredth are drawn flat.
    let room = ((high - low) * 0.08).max(5e-3);
    figure(texts, |area| {
        let mut chart = builder(area).build_cartesian_2d(places(names), low - room..high + room)?;
        axes(&mut chart, texts, names, &|value| format!("{value:.2}"))?;
        chart.draw_series(LineSeries::new(known(), MARK.stroke_width(2)))?;
        chart.draw_series(known().map(|point| Circle::new(point, 2, MARK.filled())))?;
        Ok(())
    })
}

/// Draws numbers of ratings by rank on logarithmic axes, where a long tail is a straight line.
pub(crate) fn ranks(texts: &Texts<'_>, points: &[(u64, u64)]) -> String {
    let points = || points.iter().map(|(rank, count)| (*rank as f64, *count as f64));
    let (most, highest) = points().fold((10.0_f64, 10.0_f64), |(x, y), (rank, count)| (x.max(rank), y.max(count)));
    figure(texts, |area| {
        let across = (1.0..most * 1.1).log_scale();
        let mut chart = builder(area).build_cartesian_2d(across, (1.0..highest * 1.2).log_scale())?;
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(TRANSPARENT).bold_line_style(FAINT.mix(0.25)).axis_style(FAINT).label_style(text(11));
        mesh.axis_desc_style(text(12)).x_desc(texts.across).y_desc(texts.up).x_labels(6).y_labels(6);
        mesh.x_label_formatter(&|value| short(*value)).y_label_formatter(&|value| short(*value)).draw()?;
        chart.draw_series(LineSeries::new(points(), MARK.stroke_width(2)))?;
        Ok(())
    })
}

/// Draws how often each rating was given.
pub(crate) fn distribution(texts: &Texts<'_>, distribution: &Distribution) -> String {
    let counts: Vec<f64> = distribution.bins.iter().map(|bin| bin.ratings as f64).collect();
    bars(texts, &distribution.names(), &counts)
}

/// Draws inside a figure with its caption. A drawing that fails is left out.
fn figure(texts: &Texts<'_>, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area).and_then(|()| Ok(area.present()?))
    };
    if drawn.is_err() {
        return String::new();
    }
    let caption = escape(texts.caption);
    let svg = COLORS.iter().fold(svg, |svg, (stand_in, color)| svg.replace(stand_in, color));
    let svg = svg.replace(" opacity=\"1\"", "").replacen("<svg", &format!("<svg role='img' aria-label='{caption}'"), 1);
    format!("<figure>{svg}<figcaption>{caption}</figcaption></figure>")
}

fn builder<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(8).x_label_area_size(40).y_label_area_size(56);
    builder
}

/// Returns the range of names at equal distances.
fn places(names: &[String]) -> Range<f64> {
    -0.5..names.len() as f64 - 0.5
}

fn axes<'a, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'_>, Cartesian2d<<Range<f64> as AsRangedCoord>::CoordDescType, Y>>,
    texts: &Texts<'_>,
    names: &[String],
    up: &dyn Fn(f64) -> String,
) -> Drawn
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let name = |place: &f64| {
        let is_whole = (place - place.round()).abs() < 1e-9 && *place >= 0.0;
        is_whole.then(|| names.get(place.round() as usize).cloned()).flatten().unwrap_or_default()
    };
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).bold_line_style(FAINT.mix(0.25)).axis_style(FAINT);
    mesh.label_style(text(11)).axis_desc_style(text(12)).x_desc(texts.across).y_desc(texts.up);
    // Dates are long: a few of them have room.
    let longest = names.iter().map(String::len).max().unwrap_or(1).max(1);
    mesh.x_labels((names.len() + 1).clamp(2, (60 / longest).max(2))).y_labels(6);
    mesh.x_label_formatter(&name).y_label_formatter(&|value| up(*value)).draw()?;
    Ok(())
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// Writes a number with few digits: `12`, `3.4k`, `25M`.
fn short(value: f64) -> String {
    let round = |value: f64| {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    match value.abs() {
        size if size >= 1e6 => format!("{}M", round(value / 1e6)),
        size if size >= 1e3 => format!("{}k", round(value / 1e3)),
        _ => round(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: Texts<'_> = Texts { caption: "What <it> shows", across: "across", up: "up" };

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("n{number}")).collect()
    }

    #[test]
    fn a_chart_has_its_marks_its_texts_and_the_colors_of_the_page() {
        let svg = bars(&TEXTS, &names(3), &[1.0, 4.0, 2_000.0]);
        assert_eq!(svg.matches("<rect").count(), 3, "{svg}");
        for part in
            ["aria-label='What &lt;it&gt; shows'", "across", "up", "n0", "n2", "2k", "var(--mark)", "var(--ink)"]
        {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        assert!(!svg.contains("#0"), "{svg}");
    }

    #[test]
    fn lines_skip_what_is_unknown_and_no_values_are_no_chart() {
        let svg = line(&TEXTS, &names(4), &[Some(3.0), None, Some(3.5), Some(3.4)]);
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert_eq!(line(&TEXTS, &names(1), &[None]), "");
        assert!(!line(&TEXTS, &names(1), &[Some(1.0)]).contains("NaN"));
    }

    #[test]
    fn a_tail_is_drawn_on_logarithmic_axes_and_one_point_is_enough() {
        let svg = ranks(&TEXTS, &[(1, 1_000), (10, 100), (100, 10)]);
        assert!(svg.contains("<polyline") && svg.contains("\n1k\n"), "{svg}");
        assert!(!ranks(&TEXTS, &[(1, 1)]).contains("NaN"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 0.5, 12.0, 3_400.0, 25e6].map(short), ["0", "0.5", "12", "3.4k", "25M"]);
    }
}
