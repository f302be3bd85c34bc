//! Pictures of a search: the best error so far, the error by the value of a parameter, and the
//! importances. They have the axes and colors of the report's charts.

use std::fmt::Write as _;

use marquee_report::charts::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, Texts, WIDTH, height, tick_across, tick_up};
use marquee_report::escape;
use marquee_tune::{Domain, Importance, Parameter, Record, Space, State};

/// Bars that fit into a picture.
const MOST_BARS: usize = 7;

/// A picture: its file name without the extension, its texts, and what is between its axes.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) name: String,
    caption: String,
    across: String,
    up: &'static str,
    pub(crate) inside: String,
}

impl Picture {
    pub(crate) fn texts(&self) -> Texts<'_> {
        Texts { caption: &self.caption, across: &self.across, up: self.up }
    }
}

/// Returns every picture of the search on a fold.
pub(crate) fn of(fold: usize, space: &Space, records: &[Record], importances: &[Importance]) -> Vec<Picture> {
    let scale = Errors::of(records);
    let mut pictures = vec![history(fold, records, &scale), bars(fold, importances)];
    pictures.extend(space.parameters().iter().map(|parameter| slice(fold, parameter, records, &scale)));
    pictures
}

/// The errors that fit on a vertical axis. Larger ones are drawn at its end.
#[derive(Debug)]
struct Errors {
    low: f64,
    high: f64,
}

impl Errors {
    /// Takes the best nine tenths of the complete trials.
    fn of(records: &[Record]) -> Self {
        let mut values: Vec<f64> = records.iter().filter_map(|record| record.value).collect();
        values.sort_by(f64::total_cmp);
        let low = values.first().copied().unwrap_or(0.0);
        let last = (values.len() as f64 * 0.9).ceil() as usize;
        let high = values.get(last.saturating_sub(1)).copied().unwrap_or(1.0);
        Self { low, high: if high > low { high } else { low + 1e-3 } }
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - height(((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    fn ticks(&self, svg: &mut String) {
        tick_up(svg, 0.0, &format!("{:.4}", self.low));
        tick_up(svg, 1.0, &format!("{:.4}", self.high));
    }
}

/// Returns the place on the horizontal axis of a share of it.
fn x(share: f64) -> f64 {
    // The first and the last mark stay inside the plot.
    LEFT + 8.0 + share * (WIDTH - LEFT - RIGHT - 16.0)
}

fn history(fold: usize, records: &[Record], errors: &Errors) -> Picture {
    let mut svg = String::new();
    let last = records.last().map_or(0, |record| record.number);
    let place = |record: &Record| x(record.number as f64 / last.max(1) as f64);
    let (mut best, mut path) = (f64::INFINITY, String::new());
    for record in records {
        let across = place(record);
        if let Some(value) = record.value {
            let title = format!("trial {}: {value:.4}", record.number);
            circle(&mut svg, "dot", (across, errors.y(value)), 1.0, &title);
            if value < best {
                let (move_to, down) = if path.is_empty() { ('M', ' ') } else { ('H', 'V') };
                let _ = write!(path, "{move_to}{across:.1}{down}{:.1}", errors.y(value));
                best = value;
            }
        } else if record.state == State::Pruned {
            let title = format!("trial {}: pruned", record.number);
            circle(&mut svg, "dot", (across, TOP), 0.4, &title);
        }
    }
    if let Some(record) = records.last().filter(|_| !path.is_empty()) {
        let _ = write!(svg, "<path class='line' d='{path}H{:.1}'/>", place(record));
    }
    errors.ticks(&mut svg);
    for number in [0, last] {
        tick_across(&mut svg, x(number as f64 / last.max(1) as f64), &number.to_string());
    }
    Picture {
        name: format!("fold-{fold}-history"),
        caption: "The error of each trial, and the smallest so far; pruned trials are at the top".to_owned(),
        across: "trial".to_owned(),
        up: "RMSE on the inner folds, in stars",
        inside: svg,
    }
}

fn slice(fold: usize, parameter: &Parameter, records: &[Record], errors: &Errors) -> Picture {
    let mut svg = String::new();
    let count = records.len().max(1) as f64;
    for record in records {
        let (Some(error), Some(value)) = (record.value, record.values.get(&parameter.name)) else { continue };
        let share = match &parameter.domain {
            Domain::Choice(choices) => {
                choices.iter().position(|choice| choice == value).map(|index| center(index, choices.len()))
            }
            numbers => value.as_f64().map(|value| share(numbers, value)),
        };
        let Some(share) = share else { continue };
        let title = format!("trial {}: {} {value}, error {error:.4}", record.number, parameter.name);
        // Later trials are darker.
        let opacity = 0.25 + 0.65 * record.number as f64 / count;
        circle(&mut svg, "mark", (x(share), errors.y(error)), opacity, &title);
    }
    match &parameter.domain {
        Domain::Choice(choices) => {
            for (index, choice) in choices.iter().enumerate() {
                tick_across(&mut svg, x(center(index, choices.len())), &choice.to_string());
            }
        }
        Domain::Float { low, high, .. } => ends(&mut svg, &low.to_string(), &high.to_string()),
        Domain::Int { low, high, .. } => ends(&mut svg, &low.to_string(), &high.to_string()),
    }
    errors.ticks(&mut svg);
    let log = if parameter.domain.is_log() { " (logarithm)" } else { "" };
    Picture {
        name: format!("fold-{fold}-slice-{}", parameter.name),
        caption: format!("The error by the value of {}; later trials are darker", parameter.name),
        across: format!("{}{log}", parameter.name),
        up: "RMSE on the inner folds, in stars",
        inside: svg,
    }
}

fn bars(fold: usize, importances: &[Importance]) -> Picture {
    let mut svg = String::new();
    let step = (HEIGHT - TOP - BOTTOM) / importances.len().clamp(1, MOST_BARS) as f64;
    let whole = WIDTH - LEFT - RIGHT - 60.0;
    for (row, importance) in importances.iter().take(MOST_BARS).enumerate() {
        let y = TOP + row as f64 * step;
        let (width, percent) = (whole * importance.share, importance.share * 100.0);
        let name = escape(&importance.parameter);
        let (bar, thick) = (y + 14.0, (step - 18.0).clamp(4.0, 16.0));
        let _ = write!(
            svg,
            "<text x='{:.1}' y='{:.1}'>{name}</text>\
             <rect class='mark' x='{LEFT}' y='{bar:.1}' width='{width:.1}' height='{thick:.1}'>\
             <title>{name}: {percent:.1} %</title></rect>\
             <text x='{:.1}' y='{:.1}'>{percent:.0} %</text>",
            LEFT + 4.0,
            y + 10.0,
            LEFT + width + 6.0,
            bar + thick / 2.0 + 4.0,
        );
    }
    let rest = importances.len().saturating_sub(MOST_BARS);
    let across = if rest > 0 {
        format!("share of the importance ({rest} more not shown)")
    } else {
        "share of the importance".to_owned()
    };
    tick_across(&mut svg, LEFT, "0 %");
    tick_across(&mut svg, LEFT + whole, "100 %");
    Picture {
        name: format!("fold-{fold}-importances"),
        caption: "How much each parameter decided whether a trial was among the best tenth (PED-ANOVA)".to_owned(),
        across,
        up: "parameter",
        inside: svg,
    }
}

fn ends(svg: &mut String, low: &str, high: &str) {
    tick_across(svg, x(0.0), low);
    tick_across(svg, x(1.0), high);
}

fn center(index: usize, count: usize) -> f64 {
    (index as f64 + 0.5) / count.max(1) as f64
}

fn share(domain: &Domain, value: f64) -> f64 {
    let (low, high) = match *domain {
        Domain::Float { low, high, .. } => (low, high),
        Domain::Int { low, high, .. } => (low as f64, high as f64),
        Domain::Choice(_) => return 0.5,
    };
    let scaled = |value: f64| if domain.is_log() { value.ln() } else { value };
    (scaled(value) - scaled(low)) / (scaled(high) - scaled(low))
}

fn circle(svg: &mut String, class: &str, (x, y): (f64, f64), opacity: f64, title: &str) {
    let _ = write!(
        svg,
        "<circle class='{class}' cx='{x:.1}' cy='{y:.1}' r='3.5' fill-opacity='{opacity:.2}'><title>{}</title></circle>",
        escape(title)
    );
}

#[cfg(test)]
mod tests {
    use marquee_report::charts::svg;
    use marquee_tune::{Direction, Settings, Stop, Study, importances};

    use super::*;

    const SPACE: &str = "
        [parameters.a]\ntype='int'\nlow=1\nhigh=64\nlog=true
        [parameters.b]\ntype='float'\nlow=0\nhigh=1
        [parameters.c]\ntype='choice'\nchoices=['<p>','q']";

    fn pictures(trials: usize) -> Vec<Picture> {
        let space = Space::parse(SPACE).expect("a space");
        let study = Study::in_memory(space.clone(), Settings::default());
        let objective = |trial: &mut marquee_tune::Trial<'_>| match trial.number() % 7 {
            3 => Err(Stop::Prune),
            5 => Err(Stop::Fail("no".to_owned())),
            _ => Ok(1.0 + trial.value("b").and_then(marquee_tune::Value::as_f64).expect("b")),
        };
        study.optimize(trials, 1, objective, |_| ()).expect("in memory");
        let records = study.trials();
        of(2, &space, &records, &importances(&space, Direction::Minimize, &records))
    }

    #[test]
    fn a_picture_for_the_history_the_importances_and_each_parameter() {
        let pictures = pictures(30);
        let names: Vec<&str> = pictures.iter().map(|picture| picture.name.as_str()).collect();
        let wanted = ["fold-2-history", "fold-2-importances", "fold-2-slice-a", "fold-2-slice-b", "fold-2-slice-c"];
        assert_eq!(names, wanted);
        let files: Vec<String> = pictures.iter().map(|picture| svg(&picture.texts(), &picture.inside)).collect();
        assert_eq!(files[0].matches("<circle").count(), 30 - 4, "failed trials have no place");
        assert_eq!(files[0].matches("pruned<").count(), 4);
        assert!(files[0].contains("<path class='line' d='M"), "{}", files[0]);
        assert_eq!(files[1].matches("<rect class='mark'").count(), 3);
        assert!(files[1].contains(">b</text>") && files[2].contains("a (logarithm)"));
        assert!(files[4].contains("&lt;p&gt;") && !files[4].contains("<p>"), "{}", files[4]);
        for file in &files {
            assert!(!file.contains("NaN") && !file.contains("inf") && file.len() < 20_000, "{file}");
            assert_eq!(file.matches("class='title'").count(), 2);
        }
    }

    #[test]
    fn the_best_so_far_never_rises() {
        let file = &pictures(40)[0].inside;
        let path = file.split("class='line' d='").nth(1).and_then(|rest| rest.split('\'').next()).expect("a line");
        let heights = path.split('V').skip(1).map(|part| part.split('H').next().unwrap_or_default());
        let heights: Vec<f64> = heights.map(|height| height.parse().expect("a number")).collect();
        assert!(heights.len() > 1 && heights.is_sorted(), "down in the picture is a smaller error: {path}");
    }

    #[test]
    fn pictures_without_trials_are_pictures_too() {
        let space = Space::parse(SPACE).expect("a space");
        for picture in of(1, &space, &[], &importances(&space, Direction::Minimize, &[])) {
            let file = svg(&picture.texts(), &picture.inside);
            assert!(file.ends_with("</svg>\n") && !file.contains("NaN"), "{file}");
        }
    }
}
