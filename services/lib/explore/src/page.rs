//! An exploration as one page for people.

use std::fmt::Write as _;

use marquee_report::{counted, escape, grid, head};

use crate::activity::Activity;
use crate::catalog::{Catalog, Group};
use crate::charts::{self, Texts};
use crate::exploration::Exploration;
use crate::findings::percent;
use crate::periods::{Change, Drift, Times};

/// Genres that are shown.
const GENRES: usize = 30;

const STYLE: &str = "<style>.finding b{display:inline-block;min-width:5rem;font-weight:normal;color:var(--faint)}\
                     .finding.problem b{color:#c0392b}ul{padding:0;list-style:none}</style>";

/// Returns the page as HTML: one file without scripts, that fits a phone and prints. Every text is
/// escaped.
pub fn html(explored: &Exploration) -> String {
    let mut text = head(&format!("What is in {}", explored.name));
    text.push_str(STYLE);
    cards(&mut text, explored);
    findings(&mut text, explored);
    let shown = [
        ("Ratings", vec![distribution(explored)]),
        ("Activity", activity(&explored.users, &explored.movies)),
        ("Over time", explored.times.as_ref().map(over_time).unwrap_or_default()),
    ];
    for (title, charts) in shown {
        if !charts.is_empty() {
            let _ = write!(text, "<h2>{title}</h2><div class=plots>{}</div>", charts.concat());
        }
        if title == "Activity" {
            quantiles(&mut text, &[("users", &explored.users), ("movies", &explored.movies)]);
        }
    }
    explored.drift.iter().for_each(|drift| parts(&mut text, drift));
    explored.catalog.iter().for_each(|catalog| groups(&mut text, catalog));
    text.push_str("<h2>How the files were read</h2>");
    let rows: Vec<[String; 2]> =
        explored.understood.iter().map(|(name, value)| [name.clone(), value.clone()]).collect();
    text.push_str(&grid(&[""; 0], &rows));
    text.push_str("</html>\n");
    text
}

fn cards(text: &mut String, explored: &Exploration) {
    let share = format!("{:.3} %", explored.density * 100.0);
    let mean = format!("{:.3} ± {:.3}", explored.ratings.mean, explored.ratings.deviation);
    let mut cards = vec![
        (explored.rows.ratings.to_string(), "ratings"),
        (explored.users.count.to_string(), "users"),
        (explored.movies.count.to_string(), "movies with ratings"),
        (share, "of all pairs are rated"),
        (mean, "mean and deviation"),
    ];
    if let Some(times) = &explored.times {
        let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
        cards.push((format!("{} – {}", day(&times.first), day(&times.last)), "first and last day"));
    }
    text.push_str("<div class=cards>");
    for (value, name) in cards {
        let _ = write!(text, "<div><b>{}</b>{name}</div>", escape(&value));
    }
    text.push_str("</div>");
}

fn findings(text: &mut String, explored: &Exploration) {
    text.push_str("<h2>What stands out</h2>");
    if explored.findings.is_empty() {
        text.push_str("<p>Nothing.</p>");
        return;
    }
    text.push_str("<ul>");
    for finding in &explored.findings {
        let (severity, sentence) = (finding.severity, escape(&finding.text));
        let _ = write!(text, "<li class='finding {severity}'><b>{severity}</b> {sentence}.</li>");
    }
    text.push_str("</ul>");
}

fn distribution(explored: &Exploration) -> String {
    let texts = Texts { caption: "How often each rating was given", across: "rating", up: "ratings" };
    charts::distribution(&texts, &explored.ratings)
}

fn activity(users: &Activity, movies: &Activity) -> Vec<String> {
    let of = |caption, across, activity: &Activity| {
        charts::ranks(&Texts { caption, across, up: "ratings" }, &activity.ranks)
    };
    vec![
        of("Ratings of each user, the most active first: a straight line is a long tail", "rank of the user", users),
        of("Ratings of each movie, the most popular first", "rank of the movie", movies),
    ]
}

fn quantiles(text: &mut String, of: &[(&str, &Activity)]) {
    let headers =
        ["", "5 %", "25 %", "median", "75 %", "95 %", "99 %", "most", "top 1 % hold", "top 10 % hold", "Gini"];
    let rows: Vec<[String; 11]> = of
        .iter()
        .map(|(name, activity)| {
            let at = |share: f64| activity.quantile(share).to_string();
            let held = |place: usize| {
                activity.top.get(place).map(|(_, share)| format!("{:.1} %", share * 100.0)).unwrap_or_default()
            };
            [
                format!("ratings of {name}"),
                at(0.05),
                at(0.25),
                at(0.5),
                at(0.75),
                at(0.95),
                at(0.99),
                activity.most.to_string(),
                held(0),
                held(1),
                format!("{:.2}", activity.gini),
            ]
        })
        .collect();
    text.push_str(&grid(&headers, &rows));
}

fn over_time(times: &Times) -> Vec<String> {
    let names: Vec<String> = times.periods.iter().map(|period| period.from.clone()).collect();
    let across = match times.length {
        "part" => "first day of the part".to_owned(),
        length => format!("{length}, by its first day"),
    };
    let counts = |caption, up, of: fn(&crate::Period) -> u64| {
        let values: Vec<f64> = times.periods.iter().map(|period| of(period) as f64).collect();
        charts::bars(&Texts { caption, across: &across, up }, &names, &values)
    };
    let means: Vec<Option<f64>> = times.periods.iter().map(|period| period.mean).collect();
    vec![
        counts("Ratings over time", "ratings", |period| period.ratings),
        charts::line(&Texts { caption: "Mean rating over time", across: &across, up: "mean rating" }, &names, &means),
        counts("Users who rated", "users", |period| period.users),
        counts("Users who rated for the first time", "new users", |period| period.new_users),
        counts("Movies that were rated for the first time", "new movies", |period| period.new_movies),
    ]
}

fn parts(text: &mut String, drift: &Drift) {
    text.push_str(
        "<h2>Drift</h2><p>The time in parts with about as many ratings, each compared with the one before. A \
         stability index from 0.1 is a moderate change of how ratings are distributed, and from 0.25 a large one.</p>",
    );
    let figure = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
    let rows: Vec<[String; 6]> = drift
        .parts
        .iter()
        .map(|part| {
            let change = part.change.map_or("", |change| match change {
                Change::Small => "small",
                Change::Moderate => "moderate",
                Change::Large => "large",
            });
            let mean = format!("{:.3}", part.mean);
            [part.from.clone(), part.ratings.to_string(), mean, figure(part.psi), figure(part.ks), change.to_owned()]
        })
        .collect();
    text.push_str(&grid(&["from", "ratings", "mean", "stability index", "largest difference", "change"], &rows));
}

fn groups(text: &mut String, catalog: &Catalog) {
    let all: u64 = catalog.genres.iter().map(|genre| genre.ratings).sum();
    let rows = |groups: &[Group]| -> Vec<[String; 5]> {
        let row = |group: &Group| {
            let mean = group.mean.map(|mean| format!("{mean:.3}")).unwrap_or_default();
            let share = percent(group.ratings, all);
            [group.name.clone(), group.movies.to_string(), group.ratings.to_string(), share, mean]
        };
        groups.iter().take(GENRES).map(row).collect()
    };
    if !catalog.genres.is_empty() {
        let _ = write!(text, "<h2>Genres</h2><p>A movie counts for each of its genres.</p>");
        text.push_str(&grid(&["genre", "movies", "ratings", "share", "mean"], &rows(&catalog.genres)));
        if let Some(more) = catalog.genres.len().checked_sub(GENRES).filter(|more| *more > 0) {
            let _ = write!(text, "<p>And {}.</p>", counted(more as u64, "more genre"));
        }
    }
    if !catalog.decades.is_empty() {
        text.push_str("<h2>Years</h2><div class=plots>");
        let names: Vec<String> = catalog.decades.iter().map(|decade| decade.name.clone()).collect();
        let texts = |caption, up| Texts { caption, across: "decade of the movie", up };
        let counts: Vec<f64> = catalog.decades.iter().map(|decade| decade.ratings as f64).collect();
        text.push_str(&charts::bars(&texts("Ratings by decade", "ratings"), &names, &counts));
        let means: Vec<Option<f64>> = catalog.decades.iter().map(|decade| decade.mean).collect();
        text.push_str(&charts::line(&texts("Mean rating by decade", "mean rating"), &names, &means));
        text.push_str("</div>");
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;

    use super::*;
    use crate::explore;
    use crate::table::tests::dataset;

    #[test]
    fn a_page_shows_everything_escaped_without_scripts_below_a_megabyte() {
        let mut lines = String::from("<script>,1,4,1000000000\n");
        for number in 0..5_000_u32 {
            let (user, movie, value) = (number % 90, number * 7 % 400, 1 + number * 13 % 5);
            let _ = writeln!(lines, "{user},{movie},{value},{}", 1_000_000_000 + number * 20_000);
        }
        // A burst, whose user is named.
        (0..80).for_each(|movie| lines.push_str(&format!("<b>&,{movie},3,1000000000\n")));
        let explored = explore(&dataset(&lines), Timestamp::from_seconds(1_700_000_000), &()).expect("ratings");
        let page = html(&explored);
        for part in [
            "What is in ratings",
            "<b>5081</b>ratings",
            "&lt;b&gt;&amp;",
            "How often each rating was given",
            "Ratings of each movie",
            "Mean rating over time",
            "<h2>Drift</h2>",
            "ratings of users",
            "format",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("<script") && !page.contains("NaN") && !page.contains("inf<"));
        assert!(page.len() < 1_000_000, "{}", page.len());
        assert_eq!(page.matches("<figure>").count(), 8);
    }

    #[test]
    fn a_set_of_one_rating_has_a_page() {
        let explored = explore(&dataset("1,1,4,\n"), Timestamp::from_seconds(1), &()).expect("a rating");
        let page = html(&explored);
        assert!(page.contains("<b>1</b>ratings") && !page.contains("NaN"), "{page}");
    }
}
