//! Tests of the page.

use marquee_domain::Timestamp;
use marquee_eval::{
    CalibrationBin, Comparison, Coverage, Difference, Evaluation, Method, PointErrors, ReliabilityBin, Slice,
    SpreadFigures, Window,
};

use super::*;
use crate::slices::tests::slice as row;

fn window(day: i64, rmse: f64) -> Window {
    let at = |day: i64| Timestamp::from_seconds(day * 86_400);
    let (from, to) = (at(day), at(day + 2));
    Window { from, to, ratings: 2, rmse, one_by_one_rmse: rmse - 0.01, frozen_rmse: rmse + 0.1 }
}

fn evaluation() -> Evaluation {
    let slice = |name: &str| Slice { name: name.to_owned(), ratings: 3, rmse: 0.9, frozen_rmse: 1.0 };
    let bin = |spread| ReliabilityBin { ratings: 2, spread, error: spread + 0.1 };
    Evaluation {
        ratings: 3,
        rmse: 0.9123,
        mae: 0.7,
        frozen_rmse: 1.0,
        nll: 1.2,
        users: 1,
        unseen_movies: slice("unseen movies"),
        by_history: vec![slice("0"), slice("<1–4>")],
        coverage: vec![Coverage { nominal: 0.5, actual: 0.4 }, Coverage { nominal: 0.9, actual: 0.95 }],
        histogram: vec![1, 2],
        calibration: vec![CalibrationBin { predicted: 2.5, actual: 2.0, ratings: 3 }],
        residuals: vec![0, 3],
        one_by_one: Some(PointErrors { rmse: 0.9045, mae: 0.69 }),
        spread: Some(SpreadFigures { reliability: vec![bin(0.8), bin(1.1)], ..SpreadFigures::default() }),
        windows: vec![window(10, 0.9), window(11, 0.92)],
        slices: vec![row("all", "all", 0.0), row("gender", "female", 0.2)],
        ..Evaluation::default()
    }
}

fn heading<'a>(title: &'a str, facts: &'a [(&'static str, String)]) -> Heading<'a> {
    Heading { title, subtitle: "a & b", bias_rmse: 1.1, facts }
}

fn page(evaluation: &Evaluation) -> String {
    html(&Page::new(evaluation, heading("t", &[])))
}

fn versus() -> Versus {
    let difference = |value: f64, upper: f64| Difference { value, upper: Some(upper) };
    let comparison = Comparison {
        ratings: 3,
        users: 1,
        squared: difference(-0.01, 0.001),
        rmse: difference(-0.0042, 0.0013),
        margin: 0.005,
        passes: true,
        power: None,
    };
    Versus {
        name: "version <2>".to_owned(),
        verdict: "Not worse.".to_owned(),
        rmse: Some(0.9165),
        comparison: Some(comparison),
        confidence: 0.95,
        windows: vec![window(10, 0.91), window(11, 0.93)],
    }
}

#[test]
fn the_page_is_one_file_and_escapes_what_it_is_given() {
    let facts = [("data", "<b>'\"".to_owned())];
    let evaluation = evaluation();
    let versus = versus();
    let page = html(&Page {
        versus: Some(&versus),
        notes: &["<i>".to_owned()],
        ..Page::new(&evaluation, heading("<script>alert(1)</script>", &facts))
    });
    assert!(!page.contains("<script") && page.contains("a &amp; b") && page.contains("0.9123"));
    assert!(page.contains("<th>data</th><td>&lt;b&gt;&#39;&quot;</td>"), "{page}");
    assert!(page.contains("&lt;1–4&gt;") && !page.contains("<1–4>"), "{page}");
    assert!(!page.contains("version <2>") && !page.contains("<i>"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing is loaded from elsewhere");
    assert!(page.len() < 100_000, "{} bytes", page.len());
}

#[test]
fn both_ways_to_treat_an_instant_are_shown() {
    let shown = page(&evaluation());
    assert!(shown.contains("<b>0.9123</b>RMSE, learning after each instant"), "{shown}");
    assert!(shown.contains("<b>0.9045</b>RMSE, one rating after the other"), "{shown}");
    let older = page(&Evaluation { one_by_one: None, ..evaluation() });
    assert!(older.contains("<b>0.9123</b>RMSE, learning after each rating") && !older.contains("0.9045"));
}

#[test]
fn charts_fit_a_phone_and_name_their_axes_and_targets() {
    let page = page(&evaluation());
    assert!(page.contains("svg{max-width:100%;height:auto}") && page.contains("width=device-width"));
    assert!(page.contains("@media print") && page.contains("prefers-color-scheme:dark"));
    // Calibration, reliability, coverage, residuals, by history, over time.
    assert_eq!(page.matches("<figure>").count(), 6);
    assert_eq!(page.matches("class='title'").count(), 12, "a title for each of two axes of six charts");
    for title in [
        "predicted rating",
        "actual rating",
        "nominal share",
        "RMSE, in stars",
        "minus rating",
        "predicted spread",
        "time of the last rating in the window",
    ] {
        assert!(page.contains(title), "{title} is not in {page}");
    }
    assert_eq!(page.matches("class='target'").count(), 2, "one for each interval");
    assert!(page.contains("target 0.900") && page.contains(DENSITY) && !page.contains("<h2>The run</h2>"));
}

#[test]
fn the_page_shows_learning_slices_and_the_comparison() {
    let (evaluation, versus) = (evaluation(), versus());
    let plain = Page::new(&evaluation, heading("t", &[]));
    let table = Table {
        title: "By arm".to_owned(),
        headers: vec!["arm".to_owned(), "RMSE".to_owned()],
        rows: vec![vec!["folds".to_owned(), "0.8777 ± 0.0004".to_owned()]],
    };
    let figures = [table];
    let shown = html(&Page { learning: &[(100, 1.0), (800, 0.9)], versus: Some(&versus), figures: &figures, ..plain });
    for part in [
        "Learning curve of a user",
        "Learning curve of the model",
        ">800</text>",
        "Against version &lt;2&gt;",
        "-0.0042, at most +0.0013 with a probability of 95 %; allowed is +0.0050",
        "RMSE of version &lt;2&gt;",
        "<td>folds<td>0.8777 ± 0.0004",
        "<td>predicted too high",
        // The windows of both models, at the end of each.
        "strict, 1970-01-13: 0.9000",
        "version &lt;2&gt;, 1970-01-14: 0.9300",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let shown = html(&plain);
    assert!(!shown.contains("Against") && !shown.contains("Learning curve of the model"));
    let few = Versus { comparison: None, rmse: None, ..versus };
    assert!(!html(&Page { versus: Some(&few), ..plain }).contains("allowed is"));
}

#[test]
fn folds_are_not_called_later_ratings() {
    let folds = Evaluation { method: Method::RandomFolds { folds: 5, seed: 1 }, windows: Vec::new(), ..evaluation() };
    let shown = page(&folds);
    assert!(shown.contains("<b>0.9123</b>RMSE over the folds") && !shown.contains("frozen at the cut"), "{shown}");
    assert!(shown.contains("judged on 3 ratings in 5 random folds (seed 1), without regard to time."), "{shown}");
}

#[test]
fn a_chart_is_a_file_of_its_own_too() {
    let texts = charts::Texts { caption: "a & b", across: "x", up: "y" };
    let file = charts::svg(&texts, "<line class='target' x1='0' y1='0' x2='1' y2='1'/>");
    assert!(file.starts_with("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 420 260'"), "{file}");
    assert!(file.contains("aria-label='a &amp; b'") && file.contains(".target{stroke:var(--ink)"), "{file}");
    let page = page(&evaluation());
    let charts = page.split("<figure>").skip(1).map(|part| &part[..part.find("</svg>").expect("a chart")]);
    for drawn in charts.chain([file.as_str()]) {
        let unquoted = drawn.match_indices('=').find(|(at, _)| {
            let text = drawn[..*at].rfind(['<', '>']).is_some_and(|start| drawn[start..].starts_with('>'));
            !text && !drawn[at + 1..].starts_with('\'')
        });
        assert!(unquoted.is_none(), "an attribute without quotes is no XML: {unquoted:?} in {drawn}");
    }
}

#[test]
fn one_rating_is_not_plural() {
    let one = page(&Evaluation { ratings: 1, ..evaluation() });
    assert!(one.contains("judged on 1 later rating, each"), "{one}");
    assert!(page(&evaluation()).contains("3 later ratings,"));
}

#[test]
fn an_evaluation_without_ratings_is_a_page_too() {
    let page = page(&Evaluation::default());
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(!page.contains("NaN") && page.len() < 10_000, "{page}");
}
