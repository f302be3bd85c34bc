//! Writes an evaluation as a page for people: figures first, one file without scripts, in light and
//! dark colors. It fits a phone as well as a screen.

pub mod charts;

use std::fmt::Write as _;

use marquee_eval::Evaluation;

/// What the page says besides the evaluation.
#[derive(Debug, Clone)]
pub struct Heading<'a> {
    /// The model and its version.
    pub title: &'a str,
    /// The algorithm and the data, in one line.
    pub subtitle: &'a str,
    /// The root mean squared error of the bias-only model on the same ratings.
    pub bias_rmse: f64,
    /// What the run was: the name and the value of each row of a table, for example its date, its
    /// parameters and its data. Without rows there is no table.
    pub facts: &'a [(&'static str, String)],
}

/// The colors of pages and charts. Printers get the light ones.
const COLORS: &str = "\
    :root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--faint:#8a929c;--mark:#2f6fde}\
    @media screen and (prefers-color-scheme:dark){\
    :root{--ink:#e6e9ed;--paper:#14171b;--faint:#7d8590;--mark:#6ea8fe}}";

/// The style of what a chart consists of.
const DRAWING: &str = "\
    svg text{fill:var(--ink);font-size:11px}\
    .axis{stroke:var(--faint)}.mark{fill:var(--mark)}.target{stroke:var(--ink);stroke-width:2;stroke-dasharray:5 3}\
    .line{fill:none;stroke:var(--mark);stroke-width:2}.dot{fill:var(--faint)}";

/// The style of everything else.
const PAGE: &str = "\
    body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;\
    padding:0 1rem}\
    .cards,.plots{display:flex;flex-wrap:wrap;gap:1rem}\
    .cards div{border:1px solid var(--faint);border-radius:8px;padding:.5rem 1rem}\
    .cards b{display:block;font-size:1.4rem}\
    figure{margin:0;max-width:100%;break-inside:avoid}figcaption{color:var(--faint)}svg{max-width:100%;height:auto}\
    table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}\
    th{font-weight:normal;color:var(--faint)}td{overflow-wrap:anywhere}";

const DENSITY: &str = "The negative log density is the mean of −ln p, where p is the probability density that the \
                       model gave to the rating before it was known: lower is better, and both a wrong prediction \
                       and a wrong spread make it larger.";

/// Returns the beginning of a page, up to its title.
pub fn head(title: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content='width=device-width,initial-scale=1'><title>{title}</title>\
         <style>{COLORS}{PAGE}{DRAWING}</style><h1>{title}</h1>"
    )
}

/// Returns the page as HTML. Every text that it is given is escaped.
pub fn html(evaluation: &Evaluation, heading: &Heading<'_>) -> String {
    // An evaluation of an older version has one figure, of the ratings one by one.
    let one_by_one = evaluation.one_by_one.map(|errors| ("RMSE, one rating after the other", errors.rmse));
    let name =
        if one_by_one.is_some() { "RMSE, learning after each instant" } else { "RMSE, learning after each rating" };
    let cards = [(name, evaluation.rmse)].into_iter().chain(one_by_one).chain([
        ("RMSE, frozen at the cut", evaluation.frozen_rmse),
        ("RMSE of the bias-only model", heading.bias_rmse),
        ("MAE", evaluation.mae),
        ("negative log density", evaluation.nll),
    ]);
    let mut page = head(heading.title);
    let _ = write!(
        page,
        "<p>{subtitle}, judged on {ratings}, each predicted from what its user rated before.</p><div class=cards>",
        subtitle = escape(heading.subtitle),
        ratings = counted(evaluation.ratings, "later rating"),
    );
    for (name, value) in cards {
        let _ = write!(page, "<div><b>{value:.4}</b>{name}</div>");
    }
    let _ = write!(page, "</div><p>{DENSITY}</p><h2>Charts</h2><div class=plots>");
    charts::of(evaluation).iter().for_each(|chart| page.push_str(chart));
    page.push_str("</div>");
    if !heading.facts.is_empty() {
        page.push_str("<h2>The run</h2><table>");
        for (name, value) in heading.facts {
            let _ = write!(page, "<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(value));
        }
        page.push_str("</table>");
    }
    page.push_str("</html>\n");
    page
}

/// Formats a number with its noun, for example `1 rating` and `2 ratings`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Escapes a text for content and for quoted attributes.
pub fn escape(text: &str) -> String {
    let named = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    named.iter().fold(text.to_owned(), |text, (char, name)| text.replace(*char, name))
}

#[cfg(test)]
mod tests {
    use marquee_eval::{CalibrationBin, Coverage, PointErrors, Slice};

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
            by_history: vec![slice("0"), slice("<1–4>")],
            coverage: vec![Coverage { nominal: 0.5, actual: 0.4 }, Coverage { nominal: 0.9, actual: 0.95 }],
            histogram: vec![1, 2],
            calibration: vec![CalibrationBin { predicted: 2.5, actual: 2.0, ratings: 3 }],
            residuals: vec![0, 3],
            one_by_one: Some(PointErrors { rmse: 0.9045, mae: 0.69 }),
            ..Evaluation::default()
        }
    }

    fn heading<'a>(title: &'a str, facts: &'a [(&'static str, String)]) -> Heading<'a> {
        Heading { title, subtitle: "a & b", bias_rmse: 1.1, facts }
    }

    #[test]
    fn the_page_is_one_file_and_escapes_what_it_is_given() {
        let facts = [("data", "<b>'\"".to_owned())];
        let page = html(&evaluation(), &heading("<script>alert(1)</script>", &facts));
        assert!(!page.contains("<script") && page.contains("a &amp; b") && page.contains("0.9123"));
        assert!(page.contains("<th>data</th><td>&lt;b&gt;&#39;&quot;</td>"), "{page}");
        assert!(page.contains("&lt;1–4&gt;") && !page.contains("<1–4>"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing is loaded from elsewhere");
    }

    #[test]
    fn both_ways_to_treat_an_instant_are_shown() {
        let page = html(&evaluation(), &heading("t", &[]));
        assert!(page.contains("<b>0.9123</b>RMSE, learning after each instant"), "{page}");
        assert!(page.contains("<b>0.9045</b>RMSE, one rating after the other"), "{page}");
        let older = html(&Evaluation { one_by_one: None, ..evaluation() }, &heading("t", &[]));
        assert!(older.contains("<b>0.9123</b>RMSE, learning after each rating") && !older.contains("0.9045"));
    }

    #[test]
    fn charts_fit_a_phone_and_name_their_axes_and_targets() {
        let page = html(&evaluation(), &heading("t", &[]));
        assert!(page.contains("svg{max-width:100%;height:auto}") && page.contains("width=device-width"));
        assert_eq!(page.matches("<svg viewBox='0 0 ").count(), 4);
        assert_eq!(page.matches("class='title'").count(), 8, "a title for each of two axes of four charts");
        for title in ["predicted rating", "actual rating", "nominal share", "RMSE, in stars", "minus rating"] {
            assert!(page.contains(title), "{title} is not in {page}");
        }
        assert_eq!(page.matches("class='target'").count(), 2, "one for each interval");
        assert!(page.contains("target 0.900") && page.contains(DENSITY) && !page.contains("<table>"));
    }

    #[test]
    fn a_chart_is_a_file_of_its_own_too() {
        let texts = charts::Texts { caption: "a & b", across: "x", up: "y" };
        let file = charts::svg(&texts, "<line class='target' x1='0' y1='0' x2='1' y2='1'/>");
        assert!(file.starts_with("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 420 260'"), "{file}");
        assert!(file.contains("aria-label='a &amp; b'") && file.contains(".target{stroke:var(--ink)"), "{file}");
        let page = html(&evaluation(), &heading("t", &[]));
        for drawn in [file.as_str(), &page[page.find("<svg").expect("a chart")..page.rfind("</svg>").expect("a chart")]]
        {
            let unquoted = drawn.match_indices('=').find(|(at, _)| {
                let text = drawn[..*at].rfind(['<', '>']).is_some_and(|start| drawn[start..].starts_with('>'));
                !text && !drawn[at + 1..].starts_with('\'')
            });
            assert!(unquoted.is_none(), "an attribute without quotes is no XML: {unquoted:?} in {drawn}");
        }
    }

    #[test]
    fn one_rating_is_not_plural() {
        let one = Evaluation { ratings: 1, ..evaluation() };
        let page = html(&one, &heading("t", &[]));
        assert!(page.contains("judged on 1 later rating, each"), "{page}");
        assert!(html(&evaluation(), &heading("t", &[])).contains("3 later ratings,"));
    }

    #[test]
    fn an_evaluation_without_ratings_is_a_page_too() {
        let (by_history, coverage, calibration, residuals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let empty = Evaluation { ratings: 0, by_history, coverage, calibration, residuals, ..evaluation() };
        let page = html(&empty, &heading("t", &[]));
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert!(!page.contains("NaN") && page.len() < 10_000, "{page}");
    }
}
