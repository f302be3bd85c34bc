//! Writes an evaluation as a table, as a page, and in the short form for pull requests.

use std::io;
use std::path::{Path, PathBuf};

use marquee_eval::MeanDeviation;
use marquee_report::{Heading, Page, Table, Versus, counted};

use super::{ArmFigures, Judged};

/// The files of a report: the page and its short form.
pub(super) const FILES: [&str; 2] = ["report.html", "report.md"];

impl Judged {
    /// Returns the figures of every arm. Those of several seeds are shown with their deviation.
    pub fn table(&self) -> Table {
        let headers = ["arm", "ratings", "RMSE", "biases", "MAE", "NLL", "CRPS", "in 50/80/90 %", "FCP", "NDCG@10"];
        Table {
            title: "By the way ratings are held out".to_owned(),
            headers: headers.map(str::to_owned).to_vec(),
            rows: self.arms.iter().map(|row| self.row(row)).collect(),
        }
    }

    fn row(&self, row: &ArmFigures) -> Vec<String> {
        let has_spread = self.seeds.len() > 1;
        let shown = |of: &MeanDeviation| match has_spread {
            true => format!("{:.4} ± {:.4}", of.mean, of.deviation),
            false => format!("{:.4}", of.mean),
        };
        let maybe =
            |of: &Option<MeanDeviation>| of.as_ref().map_or_else(|| "–".to_owned(), |of| format!("{:.4}", of.mean));
        let held: Vec<String> = row.coverage.iter().map(|of| format!("{:.1}", of.mean * 100.0)).collect();
        vec![
            row.name.clone(),
            row.ratings.to_string(),
            shown(&row.rmse),
            format!("{:.4}", row.bias_rmse),
            row.mae.as_ref().map_or_else(|| "–".to_owned(), shown),
            maybe(&row.nll),
            maybe(&row.crps),
            if held.is_empty() { "–".to_owned() } else { held.join("/") },
            maybe(&row.fcp),
            maybe(&row.ndcg_10),
        ]
    }

    /// Returns the page and its short form, by file name.
    pub fn report(&self) -> [(&'static str, String); 2] {
        let (title, subtitle) = (format!("{} on {}", self.algorithm, self.dataset), self.subtitle());
        let facts = self.facts();
        let figures = [self.table()];
        let learning: Vec<(u64, f64)> = self.curve.iter().map(|point| (point.ratings, point.rmse)).collect();
        let versus = self.against_biases.map(|comparison| Versus {
            name: "user and movie biases".to_owned(),
            verdict: if comparison.passes { "Not worse." } else { "Not shown to be as good." }.to_owned(),
            rmse: Some(self.bias_rmse),
            comparison: Some(comparison),
            confidence: marquee_eval::NonInferiority::default().confidence,
            windows: Vec::new(),
        });
        let heading = Heading { title: &title, subtitle: &subtitle, bias_rmse: self.bias_rmse, facts: &facts };
        let page = Page {
            figures: &figures,
            learning: &learning,
            versus: versus.as_ref(),
            notes: &self.notes,
            ..Page::new(&self.evaluation, heading)
        };
        let [html, markdown] = FILES;
        [(html, marquee_report::html(&page)), (markdown, marquee_report::markdown(&page))]
    }

    /// Writes `report.html` and `report.md` into a folder, which is made if it is missing. Returns
    /// the path of the page.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        for (name, text) in self.report() {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(folder.join(FILES[0]))
    }

    fn subtitle(&self) -> String {
        let (users, movies) = (counted(self.users as u64, "user"), counted(self.movies as u64, "movie"));
        let seeds = counted(self.seeds.len() as u64, "seed");
        format!("{} by {users} of {movies}, {seeds}", counted(self.ratings as u64, "rating"))
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let parameters: Vec<String> = self.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let mut facts = vec![
            ("parameters", parameters.join(", ")),
            ("seeds", seeds.join(", ")),
            ("digest of the ratings", self.digest.clone()),
            ("rows that were left out", self.left_out.to_string()),
            ("time of all fits", format!("{:.1} s", self.seconds)),
        ];
        if let Some(catalog) = &self.catalog {
            let lists = format!(
                "{:.1} % of {} movies are in the first ten of at least one of {} users",
                catalog.share * 100.0,
                catalog.movies,
                catalog.users
            );
            facts.push(("coverage of the catalog", lists));
        }
        for (fold, errors) in (1..).zip(self.arms.iter().flat_map(|row| &row.by_fold)) {
            facts.push(("fold", format!("{fold}: RMSE {:.4}, MAE {:.4}", errors.rmse, errors.mae)));
        }
        facts
    }
}
