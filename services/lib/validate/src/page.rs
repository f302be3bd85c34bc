//! The verdicts as a page for people: one file without scripts.

use std::fmt::Write as _;

use marquee_domain::Timestamp;
use marquee_report::{counted, escape, grid, head};
use serde_json::Value as Json;

use crate::report::{Report, Verdict};

/// Returns the page as HTML. Every text of the set is escaped.
pub fn html(report: &Report, at: Timestamp) -> String {
    let title = if report.is_met() { "Meets its expectations" } else { "Does not meet its expectations" };
    let mut text = head(&format!("{}: {}", report.set, title.to_lowercase()));
    let (met, all) = (report.met(), report.verdicts.len());
    let _ = write!(
        text,
        "<p>Suite {}, {}, validated at {at}.</p><div class=cards><div><b>{met} of {all}</b>met</div>\
         <div><b>{}</b>rows</div></div>",
        escape(&report.suite),
        counted(all as u64, "expectation"),
        report.rows
    );
    for (title, is_met) in [("Not met", false), ("Met", true)] {
        let verdicts: Vec<&Verdict> = report.verdicts.iter().filter(|verdict| verdict.is_met() == is_met).collect();
        if verdicts.is_empty() {
            continue;
        }
        let headers = ["Expectation", "Column", "Arguments", "Severity", "Found"];
        let rows: Vec<[String; 5]> = verdicts.into_iter().map(row).collect();
        let _ = write!(text, "<h2>{title}</h2>{}", grid(&headers, &rows));
    }
    text.push_str("</html>\n");
    text
}

fn row(verdict: &Verdict) -> [String; 5] {
    let severity = verdict.severity().name().to_owned();
    [verdict.kind().to_owned(), verdict.column(), arguments(verdict), severity, verdict.found()]
}

/// Returns the arguments besides the columns, as `name = value`.
pub fn arguments(verdict: &Verdict) -> String {
    let columns = ["column", "column_A", "column_B", "column_list", "column_set", "batch_id"];
    let shown = verdict.arguments().iter().filter(|(name, _)| !columns.contains(&name.as_str()));
    let shown = shown.map(|(name, value)| match value {
        Json::String(text) => format!("{name} = {text}"),
        value => format!("{name} = {value}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}
