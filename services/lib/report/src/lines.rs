//! Charts of lines: errors over time, over the ratings of a user, and over the data.
//!
//! Lines differ by their dashes, so that they can be told apart in print and without colors.

use std::fmt::Write as _;

use crate::charts::{BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, height, tick_across, tick_up};
use crate::escape;

/// The dashes of the lines, in their order.
const DASHES: [&str; 4] = ["none", "6 4", "2 3", "8 3 2 3"];

/// A line and its name.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// The height at each place. A place without a value interrupts the line.
    pub(crate) values: Vec<Option<f64>>,
}

impl Line {
    pub(crate) fn new(name: &str, values: impl Iterator<Item = f64>) -> Self {
        Self { name: name.to_owned(), values: values.map(|value| value.is_finite().then_some(value)).collect() }
    }
}

/// Draws lines over places at equal distances. `names` are written below the places: all of them if
/// they are few, or else the first and the last.
pub(crate) fn lines(lines: &[Line], names: &[String]) -> String {
    let mut svg = String::new();
    let values = || lines.iter().flat_map(|line| line.values.iter().flatten().copied());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low > high || names.is_empty() {
        return svg;
    }
    // Lines that differ by less than a thousandth of a star are drawn flat.
    let room = ((high - low) * 0.08).max(5e-4);
    let (low, high) = (low - room, high + room);
    let x = |place: usize| {
        let share = if names.len() < 2 { 0.5 } else { place as f64 / (names.len() - 1) as f64 };
        LEFT + 8.0 + share * (WIDTH - LEFT - RIGHT - 16.0)
    };
    let y = |value: f64| HEIGHT - BOTTOM - height((value - low) / (high - low));
    for (number, line) in lines.iter().enumerate() {
        let dash = DASHES[number % DASHES.len()];
        let (mut path, mut is_begun) = (String::new(), false);
        for (place, value) in line.values.iter().enumerate() {
            let Some(value) = value else {
                is_begun = false;
                continue;
            };
            let _ = write!(path, "{}{:.1} {:.1}", if is_begun { 'L' } else { 'M' }, x(place), y(*value));
            is_begun = true;
        }
        let _ = write!(svg, "<path class='line' stroke-dasharray='{dash}' d='{path}'/>");
        for (place, value) in line.values.iter().enumerate() {
            let (Some(value), Some(name)) = (value, names.get(place)) else { continue };
            let title = escape(&format!("{}, {name}: {value:.4}", line.name));
            let _ = write!(
                svg,
                "<circle class='mark' cx='{:.1}' cy='{:.1}' r='2.5'><title>{title}</title></circle>",
                x(place),
                y(*value)
            );
        }
        legend(&mut svg, number, (dash, &line.name));
    }
    tick_up(&mut svg, 0.0, &format!("{low:.3}"));
    tick_up(&mut svg, 1.0, &format!("{high:.3}"));
    let all = names.len() <= 7;
    for (place, name) in names.iter().enumerate() {
        if all || place == 0 || place + 1 == names.len() {
            // Long names at the ends stay inside the chart.
            let inside = name.chars().count() as f64 * 3.0;
            tick_across(&mut svg, x(place).clamp(inside, WIDTH - inside), name);
        }
    }
    svg
}

/// Writes the name of a line at the top, with a piece of it.
fn legend(svg: &mut String, number: usize, (dash, name): (&str, &str)) {
    let column = (WIDTH - LEFT - RIGHT) / 2.0;
    let (left, y) = (LEFT + 4.0 + (number % 2) as f64 * column, 8.0 + (number / 2) as f64 * 12.0);
    let _ = write!(
        svg,
        "<path class='line' stroke-dasharray='{dash}' d='M{left:.1} {y:.1}h22'/>\
         <text x='{:.1}' y='{:.1}'>{}</text>",
        left + 26.0,
        y + 4.0,
        escape(name)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::TOP;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|place| format!("p{place}")).collect()
    }

    #[test]
    fn every_value_is_inside_the_plot_and_lines_differ_by_their_dashes() {
        let all = [Line::new("a", [1.0, 0.9, 0.8].into_iter()), Line::new("b", [1.1, f64::NAN, 1.0].into_iter())];
        let svg = lines(&all, &names(3));
        assert_eq!(svg.matches("<circle").count(), 5, "{svg}");
        assert!(svg.contains("stroke-dasharray='none'") && svg.contains("stroke-dasharray='6 4'"));
        // The second line is interrupted, so it begins twice.
        let second = svg.split("stroke-dasharray='6 4'").nth(1).expect("a line");
        assert_eq!(second[..second.find("/>").expect("its end")].matches('M').count(), 2);
        for part in svg.split("cy='").skip(1) {
            let y: f64 = part[..part.find('\'').expect("a quote")].parse().expect("a number");
            assert!((TOP..=HEIGHT - BOTTOM).contains(&y), "{y}");
        }
        assert!(svg.contains(">p0</text>") && svg.contains(">p2</text>"));
    }

    #[test]
    fn many_places_name_their_ends_only_and_no_values_are_no_lines() {
        let many = lines(&[Line::new("a", (0..20).map(f64::from))], &names(20));
        assert!(many.contains(">p0</text>") && many.contains(">p19</text>") && !many.contains(">p9</text>"));
        assert_eq!(lines(&[], &names(3)), "");
        assert_eq!(lines(&[Line::new("a", [f64::NAN].into_iter())], &names(1)), "");
        assert!(!lines(&[Line::new("a", [1.0, 1.0].into_iter())], &names(2)).contains("NaN"));
    }
}
