//! Writes a search as a page for people and as pictures.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use marquee_report::{charts, counted, escape, head};
use marquee_tune::Space;

use crate::folds::Order;
use crate::outcome::{FoldOutcome, Outcome, written};
use crate::pictures;

/// Returns the page: the figures first, then each fold with its pictures. It is one file without
/// scripts that fits a phone.
pub fn html(outcome: &Outcome, space: &Space) -> String {
    let Outcome { dataset, algorithm, folds, .. } = outcome;
    let mut page = head(&format!("Tuning {algorithm} on {dataset}"));
    let order = match folds.order {
        Order::Time => "the newest ratings, each predicted and then learned",
        Order::Random => "ratings that were chosen at random, because the data set has no times or this was asked for",
    };
    let ratings = counted(outcome.ratings as u64, "rating");
    let _ = write!(
        page,
        "<p>{ratings}. The parameters were chosen by their error on {}, and then judged on {}: {order}. Nothing was \
         chosen by these. The error on the inner folds is too good, because the best of many trials is.</p>\
         <div class=cards>",
        counted(folds.inner as u64, "inner fold"),
        counted(folds.outer as u64, "outer fold"),
    );
    let cards = [
        ("RMSE of the chosen parameters", outcome.outer_rmse),
        ("RMSE of the default parameters", outcome.default_rmse),
        ("difference, negative is better", outcome.outer_rmse - outcome.default_rmse),
    ];
    for (name, value) in cards {
        let _ = write!(page, "<div><b>{value:.4}</b>{name}</div>");
    }
    let best = escape(&written(&outcome.best));
    let _ = write!(page, "</div><p>Chosen on the last fold: <b>{best}</b></p>");
    for (number, fold) in (1..).zip(&outcome.by_fold) {
        let _ = write!(page, "<h2>Fold {number}</h2><table>");
        for (name, value) in facts(fold) {
            let _ = write!(page, "<tr><th>{name}</th><td>{}</td></tr>", escape(&value));
        }
        page.push_str("</table><div class=plots>");
        for picture in pictures::of(number, space, &fold.records, &fold.importances) {
            page.push_str(&charts::figure(&picture.texts(), &picture.inside));
        }
        page.push_str("</div>");
    }
    page.push_str("</html>\n");
    page
}

fn facts(fold: &FoldOutcome) -> [(&'static str, String); 5] {
    let trials = fold.trials;
    [
        ("chosen", written(&fold.chosen)),
        ("RMSE on the inner folds", format!("{:.4}", fold.inner_rmse)),
        ("RMSE on the outer fold", format!("{:.4}", fold.outer_rmse)),
        ("RMSE of the default on the outer fold", format!("{:.4}", fold.default_rmse)),
        ("trials", format!("{} complete, {} pruned, {} failed", trials.complete, trials.pruned, trials.failed)),
    ]
}

/// Writes `report.html` and each picture as an SVG file into a folder. Returns the path of the
/// page.
///
/// # Errors
/// A file cannot be written.
pub fn write(folder: &Path, outcome: &Outcome, space: &Space) -> io::Result<PathBuf> {
    for (number, fold) in (1..).zip(&outcome.by_fold) {
        for picture in pictures::of(number, space, &fold.records, &fold.importances) {
            let file = folder.join(format!("{}.svg", picture.name));
            std::fs::write(file, charts::svg(&picture.texts(), &picture.inside))?;
        }
    }
    let page = folder.join("report.html");
    std::fs::write(&page, html(outcome, space))?;
    Ok(page)
}
