//! The short form of a page, for pull requests.

use std::fmt::Write as _;

use marquee_eval::{Evaluation, SliceFigures};

use crate::{Page, Table, counted, slices};

/// The most slices that are listed.
const SLICES: usize = 12;

/// Returns a page as Markdown: the headline figures, the comparison, what the fits did, and the
/// slices that the model treats differently. Every text that it is given is escaped.
pub fn markdown(page: &Page<'_>) -> String {
    let Page { evaluation, heading, .. } = page;
    let mut text = format!("## {}\n\n{}", markdown_text(heading.title), markdown_text(heading.subtitle));
    let _ = writeln!(text, ", judged on {}: {}.\n", counted(evaluation.ratings, "rating"), evaluation.method);
    text.push_str(&markdown_table(&headline(evaluation, heading.bias_rmse)));
    page.figures.iter().for_each(|figures| text.push_str(&markdown_table(figures)));
    if let Some(versus) = page.versus {
        let _ = writeln!(
            text,
            "**Against {}:** {} {}\n",
            markdown_text(&versus.name),
            markdown_text(&versus.verdict),
            markdown_text(&versus.figures())
        );
    }
    for curve in page.sweeps {
        let _ = writeln!(text, "- {}", markdown_text(&curve.line()));
    }
    if !page.sweeps.is_empty() {
        text.push('\n');
    }
    biased(&mut text, &evaluation.slices);
    if !heading.facts.is_empty() {
        text.push_str("<details><summary>The run</summary>\n\n| | |\n|---|---|\n");
        for (name, value) in heading.facts {
            let _ = writeln!(text, "| {} | {} |", markdown_text(name), markdown_text(value));
        }
        text.push_str("\n</details>\n");
    }
    for note in page.notes {
        let _ = writeln!(text, "\n> {}", markdown_text(note));
    }
    text
}

/// Returns the most important figures.
pub(crate) fn headline(evaluation: &Evaluation, bias_rmse: f64) -> Table {
    let mut rows = vec![
        ("RMSE (strict)", evaluation.rmse),
        ("RMSE of the bias-only model", bias_rmse),
        ("RMSE, frozen at the cut", evaluation.frozen_rmse),
        ("MAE", evaluation.mae),
        ("negative log density", evaluation.nll),
    ];
    rows.extend(evaluation.one_by_one.map(|one| ("RMSE, one rating after the other", one.rmse)));
    rows.extend(evaluation.spread.as_ref().map(|spread| ("CRPS", spread.crps)));
    let ranking = evaluation.ranking.as_ref();
    rows.extend(ranking.and_then(|one| one.fcp).map(|value| ("concordant pairs (FCP)", value)));
    rows.extend(ranking.and_then(|one| one.ndcg_10).map(|value| ("NDCG of the first 10", value)));
    let mut rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value)| vec![name.to_owned(), format!("{value:.4}")]).collect();
    rows.extend(evaluation.coverage.iter().map(|held| {
        vec![format!("ratings in the {:.0} % interval", held.nominal * 100.0), format!("{:.1} %", held.actual * 100.0)]
    }));
    Table { title: String::new(), headers: vec!["figure".to_owned(), "value".to_owned()], rows }
}

/// Returns a table as Markdown, below its title. The result is empty without rows. Every text is
/// escaped.
pub fn markdown_table(table: &Table) -> String {
    let mut text = String::new();
    if table.rows.is_empty() {
        return text;
    }
    if !table.title.is_empty() {
        let _ = writeln!(text, "### {}\n", markdown_text(&table.title));
    }
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| markdown_text(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    text.push_str(&row(&table.headers));
    let rule: Vec<&str> = table.headers.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "--:" }).collect();
    let _ = writeln!(text, "|{}|", rule.join("|"));
    table.rows.iter().for_each(|cells| text.push_str(&row(cells)));
    text.push('\n');
    text
}

/// Lists the slices that are treated differently, those with the most ratings first.
fn biased(text: &mut String, all: &[SliceFigures]) {
    let mut found: Vec<&SliceFigures> = all.iter().filter(|slice| slice.is_biased()).collect();
    if found.is_empty() {
        if all.len() > 1 {
            let _ = writeln!(text, "No slice of {} is treated differently beyond the margin.\n", all.len() - 1);
        }
        return;
    }
    found.sort_by_key(|slice| std::cmp::Reverse(slice.ratings));
    let _ = writeln!(text, "### Slices that are treated differently\n");
    for slice in found.iter().take(SLICES) {
        let bias = slices::with_interval(slice.bias, slice.bias_interval, true);
        let (name, verdict) = (markdown_text(&slices::name(slice)), slices::verdict(slice));
        let ratings = counted(slice.ratings, "rating");
        let _ = writeln!(text, "- {name}: {verdict}; RMSE {:.3}, mean error {bias}, {ratings}", slice.rmse);
    }
    if found.len() > SLICES {
        let _ = writeln!(text, "- and {} more", found.len() - SLICES);
    }
    text.push('\n');
}

/// Escapes a text for Markdown, so that it is neither a part of a table nor HTML nor formatting.
pub fn markdown_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\r' => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => escaped.extend(['\\', char]),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slices::tests::slice;
    use crate::{Heading, Versus};

    #[test]
    fn the_short_form_has_figures_tables_verdicts_and_notes() {
        let slices = vec![slice("all", "all", 0.0), slice("gender", "female", 0.2), slice("genre", "War", 0.0)];
        let evaluation = Evaluation { ratings: 9, rmse: 0.9123, slices, ..Evaluation::default() };
        let facts = [("revision", "a|b\n<c>".to_owned())];
        let heading = Heading { title: "ratings *3*", subtitle: "Algorithm map", bias_rmse: 1.0, facts: &facts };
        let figures = Table {
            title: "By arm".to_owned(),
            headers: vec!["arm".to_owned(), "RMSE".to_owned()],
            rows: vec![vec!["folds".to_owned(), "0.8777".to_owned()]],
        };
        let versus = Versus { name: "version 2".to_owned(), verdict: "not worse.".to_owned(), ..Versus::default() };
        let fit =
            crate::SweepCurve { name: "the fit".to_owned(), ended: "3 of 9 sweeps".to_owned(), ..Default::default() };
        let page = Page {
            figures: std::slice::from_ref(&figures),
            sweeps: std::slice::from_ref(&fit),
            versus: Some(&versus),
            notes: &["no times".to_owned()],
            ..Page::new(&evaluation, heading)
        };
        let text = markdown(&page);
        for part in [
            "## ratings \\*3\\*\n",
            "| RMSE (strict) | 0.9123 |",
            "| arm | RMSE |\n|---|--:|\n| folds | 0.8777 |",
            "**Against version 2:** not worse.",
            "- the fit: 3 of 9 sweeps\n\n",
            "- gender: female: predicted too high; RMSE 0.900, mean error +0.200",
            "| revision | a\\|b &lt;c> |",
            "> no times",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert!(!text.contains("genre: War"));
        let fair = Evaluation { slices: vec![slice("all", "all", 0.0), slice("age", "50–55", 0.0)], ..evaluation };
        let text = markdown(&Page::new(&fair, heading));
        assert!(text.contains("No slice of 1 is treated differently"), "{text}");
    }
}
