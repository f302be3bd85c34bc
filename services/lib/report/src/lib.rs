//! Writes an evaluation as a page for people: figures first, one file without scripts, in light and
//! dark colors.

use std::fmt::Write as _;

use marquee_eval::Evaluation;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 36.0;

/// The text above the figures.
#[derive(Debug, Clone)]
pub struct Heading<'a> {
    /// The model and its version.
    pub title: &'a str,
    /// The algorithm and the data, in one line.
    pub subtitle: &'a str,
    /// The root mean squared error of the bias-only model on the same ratings.
    pub bias_rmse: f64,
}

/// Returns the page as HTML.
pub fn html(evaluation: &Evaluation, heading: &Heading<'_>) -> String {
    let cards = [
        ("RMSE, learning after each rating", evaluation.rmse),
        ("RMSE, frozen at the cut", evaluation.frozen_rmse),
        ("RMSE of the bias-only model", heading.bias_rmse),
        ("MAE", evaluation.mae),
        ("negative log density", evaluation.nll),
    ];
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>{title}</title>\
         <style>:root{{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#8a929c;--mark:#2f6fde}}\
         @media(prefers-color-scheme:dark){{:root{{--ink:#e6e9ed;--paper:#14171b;--faint:#7d8590;--mark:#6ea8fe}}}}\
         body{{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         .cards,.plots{{display:flex;flex-wrap:wrap;gap:1rem}}.cards div{{border:1px solid var(--faint);border-radius:8px;padding:.5rem 1rem}}\
         .cards b{{display:block;font-size:1.4rem}}figure{{margin:0}}figcaption{{color:var(--faint)}}svg text{{fill:var(--ink);font-size:11px}}\
         .axis{{stroke:var(--faint)}}.mark{{fill:var(--mark)}}.line{{stroke:var(--mark);fill:none;stroke-width:2}}</style>\
         <h1>{title}</h1><p>{subtitle}, judged on {ratings}, each predicted from what its user rated before.</p><div class=cards>",
        title = escape(heading.title),
        subtitle = escape(heading.subtitle),
        ratings = counted(evaluation.ratings, "later rating"),
    );
    for (name, value) in cards {
        let _ = write!(page, "<div><b>{value:.4}</b>{name}</div>");
    }
    page.push_str("</div><h2>Charts</h2><div class=plots>");
    page.push_str(&figure(
        "Predicted and actual mean rating: the closer to the diagonal, the better",
        &calibration(evaluation),
    ));
    let bars: Vec<(String, f64)> =
        evaluation.by_history.iter().filter(|s| s.ratings > 0).map(|s| (s.name.clone(), s.rmse)).collect();
    page.push_str(&figure("RMSE by the number of ratings behind the prediction", &bar_chart(&bars, 3)));
    let bars: Vec<(String, f64)> =
        evaluation.coverage.iter().map(|c| (format!("{:.0} % interval", c.nominal * 100.0), c.actual)).collect();
    page.push_str(&figure(
        "Share of ratings inside the prediction interval, by the nominal share",
        &bar_chart(&bars, 3),
    ));
    let bars: Vec<(String, f64)> = (0..)
        .zip(&evaluation.residuals)
        .map(|(n, &count)| (if n % 4 == 0 { format!("{}", n / 4 - 4) } else { String::new() }, count as f64))
        .collect();
    page.push_str(&figure("Prediction minus rating, in stars", &bar_chart(&bars, 0)));
    page.push_str("</div></html>\n");
    page
}

fn figure(caption: &str, svg: &str) -> String {
    format!(
        "<figure><svg width={WIDTH} height={HEIGHT} role=img aria-label='{caption}'>{svg}</svg><figcaption>{caption}</figcaption></figure>"
    )
}

fn calibration(evaluation: &Evaluation) -> String {
    let values = || evaluation.calibration.iter().flat_map(|bin| [bin.predicted, bin.actual]);
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let x = |value: f64| MARGIN + (value - low) / (high - low).max(1e-9) * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| HEIGHT - MARGIN - (value - low) / (high - low).max(1e-9) * (HEIGHT - 2.0 * MARGIN);
    let most = evaluation.calibration.iter().map(|bin| bin.ratings).max().unwrap_or(1) as f64;
    let mut svg = format!("<line class=axis x1={} y1={} x2={} y2={} />", x(low), y(low), x(high), y(high));
    for bin in &evaluation.calibration {
        let radius = 3.0 + 9.0 * (bin.ratings as f64 / most).sqrt();
        let _ = write!(
            svg,
            "<circle class=mark cx={:.1} cy={:.1} r={radius:.1} fill-opacity=.7><title>predicted {:.2}, actual {:.2}, {}</title></circle>",
            x(bin.predicted),
            y(bin.actual),
            bin.predicted,
            bin.actual,
            counted(bin.ratings, "rating")
        );
    }
    let _ = write!(
        svg,
        "<text x={MARGIN} y={}>{low:.1}</text><text x={} y={}>{high:.1}</text>",
        HEIGHT - 12.0,
        WIDTH - MARGIN,
        HEIGHT - 12.0
    );
    svg
}

fn bar_chart(bars: &[(String, f64)], decimals: usize) -> String {
    let most = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let step = (WIDTH - 2.0 * MARGIN) / bars.len().max(1) as f64;
    let mut svg = String::new();
    for (index, (name, value)) in bars.iter().enumerate() {
        let height = value / most * (HEIGHT - 2.0 * MARGIN);
        let (left, top) = (MARGIN + index as f64 * step, HEIGHT - MARGIN - height);
        let _ = write!(
            svg,
            "<rect class=mark x={left:.1} y={top:.1} width={:.1} height={height:.1}><title>{name}: {value:.decimals$}</title></rect>\
             <text x={left:.1} y={:.1}>{name}</text>",
            (step - 2.0).max(1.0),
            HEIGHT - MARGIN + 14.0
        );
        if decimals > 0 {
            let _ = write!(svg, "<text x={left:.1} y={:.1}>{value:.decimals$}</text>", top - 4.0);
        }
    }
    svg
}

/// Formats a number with its noun, for example `1 rating` and `2 ratings`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use marquee_eval::Slice;

    use super::*;

    fn evaluation() -> Evaluation {
        let slice = |name: &str| Slice { name: name.to_owned(), ratings: 3, rmse: 0.9, frozen_rmse: 1.0 };
        Evaluation {
            ratings: 3,
            rmse: 0.9123,
            mae: 0.7,
            frozen_rmse: 1.0,
            nll: 1.2,
            users: 1,
            new_users: 0,
            unseen_movies: slice("unseen movies"),
            by_history: vec![slice("0"), slice("1–4")],
            coverage: Vec::new(),
            histogram: vec![1, 2],
            calibration: Vec::new(),
            residuals: vec![0, 3],
        }
    }

    #[test]
    fn the_page_is_one_file_and_escapes_what_it_is_given() {
        let heading = Heading { title: "<script>alert(1)</script>", subtitle: "a & b", bias_rmse: 1.1 };
        let page = html(&evaluation(), &heading);
        assert!(!page.contains("<script") && page.contains("a &amp; b") && page.contains("0.9123"));
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing is loaded from elsewhere");
    }

    #[test]
    fn one_rating_is_not_plural() {
        let one = Evaluation { ratings: 1, ..evaluation() };
        let page = html(&one, &Heading { title: "t", subtitle: "s", bias_rmse: 0.0 });
        assert!(page.contains("judged on 1 later rating, each"), "{page}");
        assert!(
            html(&evaluation(), &Heading { title: "t", subtitle: "s", bias_rmse: 0.0 }).contains("3 later ratings,")
        );
    }

    #[test]
    fn an_evaluation_without_ratings_is_a_page_too() {
        let empty = Evaluation { ratings: 0, by_history: Vec::new(), residuals: Vec::new(), ..evaluation() };
        let page = html(&empty, &Heading { title: "t", subtitle: "s", bias_rmse: 0.0 });
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    }
}
