//! The charts of what a model learns: over the ratings of a user, over the data, over time, and by
//! sweep of its fits.

use marquee_eval::Window;

use crate::charts::{Texts, figure};
use crate::lines::{Line, lines};
use crate::{Page, SweepCurve};

/// Returns the charts of what the model learns: over the ratings of a user, over the data, over
/// time, and by sweep of its fits. Charts without values are left out.
pub(crate) fn of(page: &Page<'_>) -> Vec<String> {
    let evaluation = page.evaluation;
    let slices: Vec<_> = evaluation.by_history.iter().filter(|slice| slice.ratings > 0).collect();
    let names: Vec<String> = slices.iter().map(|slice| slice.name.clone()).collect();
    let learns = evaluation.method.follows_time();
    let mut by_history = vec![Line::new("learns at once", slices.iter().map(|slice| slice.rmse))];
    if learns {
        by_history.push(Line::new("frozen at the cut", slices.iter().map(|slice| slice.frozen_rmse)));
    }
    let history_texts = Texts {
        caption: "Learning curve of a user: RMSE by the number of ratings behind the prediction",
        across: "ratings of the user before the prediction",
        up: "RMSE, in stars",
    };
    let data_texts = Texts {
        caption: "Learning curve of the model: RMSE by the number of ratings that it was fitted on",
        across: "ratings that the model was fitted on",
        up: "RMSE, in stars",
    };
    let data_names: Vec<String> = page.learning.iter().map(|(ratings, _)| ratings.to_string()).collect();
    let data = [Line::new("this model", page.learning.iter().map(|(_, rmse)| *rmse))];
    let window_texts = Texts {
        caption: "Over time: RMSE of sliding windows of the ratings that were held out",
        across: "time of the last rating in the window",
        up: "RMSE, in stars",
    };
    let drawn = [
        (history_texts, lines(&by_history, &names)),
        (data_texts, lines(&data, &data_names)),
        (window_texts, over_time(page)),
    ];
    let drawn = drawn.iter().filter(|(_, inside)| !inside.is_empty()).map(|(texts, inside)| figure(texts, inside));
    let by_sweep = page.sweeps.iter().map(SweepCurve::chart).filter(|chart| !chart.is_empty());
    drawn.chain(by_sweep).collect()
}

/// Draws the errors of windows, and those of the other model where it has the same windows.
fn over_time(page: &Page<'_>) -> String {
    let windows = &page.evaluation.windows;
    let line = |name: &str, value: fn(&Window) -> f64| Line::new(name, windows.iter().map(value));
    let mut all = vec![
        line("strict", |window| window.rmse),
        line("one by one", |window| window.one_by_one_rmse),
        line("frozen at the cut", |window| window.frozen_rmse),
    ];
    if let Some(versus) = page.versus.filter(|versus| versus.windows.len() == windows.len()) {
        all.push(Line::new(&versus.name, versus.windows.iter().map(|window| window.rmse)));
    }
    let end = |window: &Window| window.to.to_rfc3339().split('T').next().unwrap_or_default().to_owned();
    lines(&all, &windows.iter().map(end).collect::<Vec<_>>())
}
