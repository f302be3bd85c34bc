//! What an exploration prints.

use std::path::PathBuf;

use marquee_cli::{Human, Show, Table, counted, one_line, thousands};
use marquee_explore::{Activity, Exploration};
use serde::Serialize;

/// What was found, and where its page is.
#[derive(Debug, Serialize)]
pub(super) struct Explored {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<PathBuf>,
    #[serde(flatten)]
    pub(super) explored: Exploration,
}

impl Show for Explored {
    fn human(&self) -> Human {
        let Exploration { name, rows, ratings, density, users, movies, times, findings, .. } = &self.explored;
        let mut lines = vec![
            format!("data set   {}", one_line(name)),
            format!(
                "ratings    {}, {:.3} % of all pairs of a user and a movie; mean {:.3}, deviation {:.3}, from {} to {}",
                thousands(rows.ratings),
                density * 100.0,
                ratings.mean,
                ratings.deviation,
                ratings.min,
                ratings.max
            ),
        ];
        if let Some(times) = times {
            lines.push(format!("times      {} to {}", times.first, times.last));
        }
        let mut text = lines.join("\n");
        let mut table =
            Table::new(&["ratings of", ">number", ">5 %", ">median", ">95 %", ">most", ">top 1 % hold", ">Gini"]);
        for (of, activity) in [("users", users), ("movies", movies)] {
            table.row(row(of, activity));
        }
        text.push_str(&format!("\n\n{}\n", table.print(false).trim_end()));
        for finding in findings {
            // Ids come from the files, and may hold what steers a terminal.
            let sentence = one_line(&finding.text);
            text.push_str(&format!("\n{:<11}{sentence}", finding.severity.to_string()));
        }
        if findings.is_empty() {
            text.push_str(&format!("\nnothing stands out in {}", counted(rows.ratings, "rating")));
        }
        if let Some(page) = &self.page {
            text.push_str(&format!("\n\npage       {}", page.display()));
        }
        Human::Text(text)
    }
}

fn row(of: &str, activity: &Activity) -> [String; 8] {
    let at = |share: f64| thousands(activity.quantile(share));
    let held = activity.top.first().map(|(_, share)| format!("{:.1} %", share * 100.0)).unwrap_or_default();
    let (number, most, gini) = (thousands(activity.count), thousands(activity.most), format!("{:.2}", activity.gini));
    [of.to_owned(), number, at(0.05), at(0.5), at(0.95), most, held, gini]
}
