//! What a person should know first, in sentences.

use marquee_report::counted;

use crate::exploration::Exploration;
use crate::finding::{Finding, Severity};
use crate::outliers::{Kind, Outlier};
use crate::periods::Change;

/// Returns what stands out, the most serious first.
pub(crate) fn of(explored: &Exploration) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |severity, text: String| findings.push(Finding { severity, text });
    let rows = &explored.rows;
    let all = rows.ratings;
    if let Some(cut) = &rows.cut {
        say(Severity::Problem, format!("the files cannot be read to their end: {cut}"));
    }
    if let Some(cut) = &rows.catalog_cut {
        say(Severity::Problem, format!("the list of movies cannot be read: {cut}"));
    }
    for problem in &rows.unreadable {
        let (count, field, first) = (rows_of(problem.rows), problem.field, &problem.first);
        say(Severity::Problem, format!("unreadable for the {field}: {count}, the first: {first}"));
    }
    if explored.repeated.identical > 0 {
        let (count, share) = (explored.repeated.identical, percent(explored.repeated.identical, all));
        say(Severity::Look, format!("in the files twice: {} ({share})", ratings_of(count)));
    }
    let again = explored.repeated.ratings - explored.repeated.identical;
    if again > 0 {
        let (share, changed) = (percent(again, all), explored.repeated.changed);
        let text =
            format!("rated again by the same user: {} ({share}), {changed} with another value", ratings_of(again));
        say(Severity::Note, text);
    }
    if rows.without_time > 0 {
        let (count, share) = (ratings_of(rows.without_time), percent(rows.without_time, all));
        let judged = "without times, models are judged by folds";
        say(Severity::Look, format!("without a time: {count} ({share}); {judged}"));
    }
    if rows.unrated > 0 {
        say(Severity::Note, format!("without a rating: {}", rows_of(rows.unrated)));
    }
    if let [one] = &explored.ratings.bins[..] {
        say(Severity::Problem, format!("all ratings are {}: no model can learn from them", one.from));
    }
    explored.outliers.iter().for_each(|outlier| {
        let (severity, text) = odd(outlier, all);
        say(severity, text);
    });
    for part in explored.drift.iter().flat_map(|drift| &drift.parts) {
        let (Some(change), Some(psi)) = (part.change, part.psi) else { continue };
        if change != Change::Small {
            let size = if change == Change::Large { "much" } else { "somewhat" };
            let text = format!(
                "from {} on, ratings are distributed {size} differently than before: stability index {psi:.2}",
                part.from
            );
            say(Severity::Look, text);
        }
    }
    if let Some(catalog) = &explored.catalog {
        if catalog.unknown > 0 {
            let (count, ratings) = (counted(catalog.unknown, "rated movie"), ratings_of(catalog.unknown_ratings));
            say(Severity::Look, format!("not in the catalog: {count} with {ratings}"));
        }
        if catalog.left_out > 0 {
            say(Severity::Problem, format!("unreadable in the catalog: {}", rows_of(catalog.left_out)));
        }
        for (count, what) in
            [(catalog.without_title, "title"), (catalog.without_year, "year"), (catalog.without_genre, "genre")]
        {
            if count > 0 {
                say(Severity::Note, format!("without a {what}: {}", counted(count, "movie")));
            }
        }
    }
    let singles = explored.movies.singles;
    if singles > 0 {
        let share = percent(singles, explored.movies.count);
        say(Severity::Note, format!("with one rating only: {} ({share})", counted(singles, "movie")));
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Describes odd users or ratings.
fn odd(outlier: &Outlier, all: u64) -> (Severity, String) {
    let (users, ratings) = (counted(outlier.users, "user"), ratings_of(outlier.ratings));
    let share = percent(outlier.ratings, all);
    let named = outlier.examples.join(", ");
    let of_users = |what: &str| format!("{what}: {users} with {ratings} ({share}): {named}");
    let of_ratings = |what: &str| format!("{what}: {ratings} ({share}) of {users}: {named}");
    match outlier.kind {
        Kind::Constant => (Severity::Look, of_users("one value only")),
        Kind::Burst => (Severity::Note, of_users("60 ratings or more within a minute")),
        Kind::Steady => (Severity::Look, of_users("the steady pace of a machine")),
        Kind::Active => (Severity::Look, of_users("far more active than the others")),
        Kind::Future => (Severity::Problem, of_ratings("in the future")),
        Kind::Early => (Severity::Problem, of_ratings("from before 1990")),
        Kind::Unreleased => (Severity::Look, of_ratings("more than a year before the movie")),
        Kind::OffScale => (Severity::Problem, of_ratings("off the scale of the set")),
    }
}

pub(crate) fn percent(count: u64, all: u64) -> String {
    let share = 100.0 * count as f64 / all.max(1) as f64;
    if share > 0.0 && share < 0.01 { "below 0.01 %".to_owned() } else { format!("{share:.2} %") }
}

fn rows_of(count: u64) -> String {
    counted(count, "row")
}

fn ratings_of(count: u64) -> String {
    counted(count, "rating")
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::*;
    use crate::explore;
    use crate::table::tests::dataset;

    #[test]
    fn sentences_name_numbers_and_the_most_serious_come_first() {
        let mut lines = "1,1,4,1000000000\n1,1,4,1000000000\n1,2,3,1000000100\n1,2,5,1000000200\n2,1,x,1000000000\n\
                         3,1,4,9000000000\n4,7,4,\n"
            .to_owned();
        (10..30).for_each(|movie| lines.push_str(&format!("5,{movie},4,{}\n", 1_000_000_000 + movie * movie * 60)));
        let explored = explore(&dataset(&lines), Timestamp::from_seconds(1_100_000_000), &()).expect("ratings");
        let said: Vec<String> =
            explored.findings.iter().map(|finding| format!("{}: {}", finding.severity, finding.text)).collect();
        let begins = [
            "problem: unreadable for the rating: 1 row, the first: line 6: rating ",
            "problem: in the future: 1 rating (3.85 %) of 1 user: 3",
            "look: in the files twice: 1 rating (3.85 %)",
            "look: without a time: 1 rating (3.85 %); ",
            "look: one value only: 1 user with 20 ratings (76.92 %): 5",
            "note: rated again by the same user: 1 rating (3.85 %), 1 with another value",
            "note: with one rating only: 21 movies (91.30 %)",
        ];
        assert_eq!(said.len(), begins.len(), "{said:#?}");
        for (said, begin) in said.iter().zip(begins) {
            assert!(said.starts_with(begin), "{said} does not begin with {begin}");
        }
    }

    #[test]
    fn a_small_share_is_not_shown_as_none() {
        assert_eq!([percent(1, 1_000_000), percent(0, 10), percent(1, 3)], ["below 0.01 %", "0.00 %", "33.33 %"]);
    }
}
