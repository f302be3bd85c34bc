//! Writes an evaluation as a page for people: figures first, one file without scripts, in light and
//! dark colors. It fits a phone as well as a screen, and prints. [`markdown()`] is its short form,
//! for pull requests. Other reports use its parts.

pub mod charts;
mod learning;
mod lines;
mod markdown;
mod page;
mod slices;
mod sweeps;

use std::fmt::Write as _;

pub use markdown::{markdown, markdown_table, markdown_text};
pub use page::{Heading, Page, Table, Versus};
pub use sweeps::SweepCurve;

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
    th{font-weight:normal;color:var(--faint)}td{overflow-wrap:anywhere}\
    .wide{overflow-x:auto}.grid td{white-space:nowrap;overflow-wrap:normal}.biased td{font-weight:bold}\
    @media print{body{max-width:none;margin:0;font-size:11px}.wide{overflow:visible}\
    .grid td{white-space:normal;padding-right:.5rem}h2{break-after:avoid}tr,.cards div{break-inside:avoid}}";

const DENSITY: &str = "The negative log density is the mean of −ln p, where p is the probability density that the \
                       model gave to the rating before it was known: lower is better, and both a wrong prediction \
                       and a wrong spread make it larger.";

const SLICES: &str = "The mean error is the prediction minus the rating. A verdict is given where the whole interval is \
                      beyond the margin: on average predicted too high or too low, or with larger errors than all \
                      other ratings. The intervals come from resamples of users. With many slices, about one of \
                      twenty intervals misses its value by chance. Slices by rating are not judged, because the best \
                      predictions of the highest ratings are too low on average.";

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
pub fn html(page: &Page<'_>) -> String {
    let Page { evaluation, heading, .. } = page;
    // An evaluation of an older version has one figure, of the ratings one by one.
    let one_by_one = evaluation.one_by_one.map(|errors| ("RMSE, one rating after the other", errors.rmse));
    let name = match (evaluation.method.follows_time(), one_by_one.is_some()) {
        (false, _) => "RMSE over the folds",
        (true, true) => "RMSE, learning after each instant",
        (true, false) => "RMSE, learning after each rating",
    };
    // Of folds, nothing is learned, so these figures are the same.
    let over_time = one_by_one.into_iter().chain([("RMSE, frozen at the cut", evaluation.frozen_rmse)]);
    let over_time = over_time.filter(|_| evaluation.method.follows_time());
    let cards = [(name, evaluation.rmse)].into_iter().chain(over_time).chain([
        ("RMSE of the bias-only model", heading.bias_rmse),
        ("MAE", evaluation.mae),
        ("negative log density", evaluation.nll),
    ]);
    let mut text = head(heading.title);
    let judged = match evaluation.method.follows_time() {
        true => {
            let ratings = counted(evaluation.ratings, "later rating");
            format!("judged on {ratings}, each predicted from what its user rated before")
        }
        false => format!("judged on {} in {}", counted(evaluation.ratings, "rating"), evaluation.method),
    };
    let _ = write!(text, "<p>{}, {judged}.</p><div class=cards>", escape(heading.subtitle));
    for (name, value) in cards {
        let _ = write!(text, "<div><b>{value:.4}</b>{name}</div>");
    }
    let _ = write!(text, "</div><p>{DENSITY}</p>");
    page.notes.iter().for_each(|note| {
        let _ = write!(text, "<p>Note: {}.</p>", escape(note.trim_end_matches('.')));
    });
    page.figures.iter().for_each(|table| figures(&mut text, table));
    if let Some(versus) = page.versus {
        let (name, verdict) = (escape(&versus.name), escape(&versus.verdict));
        let _ = write!(text, "<h2>Against {name}</h2><p><b>{verdict}</b> {}</p>", escape(&versus.figures()));
        let other = versus.rmse.map(|rmse| format!("<div><b>{rmse:.4}</b>RMSE of {name}</div>")).unwrap_or_default();
        let _ =
            write!(text, "<div class=cards><div><b>{:.4}</b>RMSE of this model</div>{other}</div>", evaluation.rmse);
    }
    for (title, charts) in [("Charts", charts::of(evaluation)), ("Learning", learning::of(page))] {
        if !charts.is_empty() {
            let _ = write!(text, "<h2>{title}</h2><div class=plots>{}</div>", charts.concat());
        }
    }
    if !evaluation.slices.is_empty() {
        let _ = write!(text, "<h2>Slices</h2><p>{SLICES}</p>{}", slices::html(&evaluation.slices));
    }
    if !heading.facts.is_empty() {
        text.push_str("<h2>The run</h2><table>");
        for (name, value) in heading.facts {
            let _ = write!(text, "<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(value));
        }
        text.push_str("</table>");
    }
    text.push_str("</html>\n");
    text
}

fn figures(text: &mut String, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    let _ = write!(text, "<h2>{}</h2>{}", escape(&table.title), grid(&table.headers, &table.rows));
}

/// Returns a table of figures: the first column has names, the others numbers. Without headers it
/// has rows only. Every text is escaped.
pub fn grid(headers: &[impl AsRef<str>], rows: &[impl AsRef<[String]>]) -> String {
    let mut text = "<div class=wide><table class=grid>".to_owned();
    if !headers.is_empty() {
        text.push_str("<thead><tr>");
        headers.iter().for_each(|header| {
            let _ = write!(text, "<th>{}", escape(header.as_ref()));
        });
        text.push_str("</thead>");
    }
    text.push_str("<tbody>");
    for row in rows {
        text.push_str("<tr>");
        row.as_ref().iter().for_each(|cell| {
            let _ = write!(text, "<td>{}", escape(cell));
        });
    }
    text.push_str("</tbody></table></div>");
    text
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
mod tests;
