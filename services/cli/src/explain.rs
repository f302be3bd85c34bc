//! `marquee explain`: shows which of a user's own ratings changed a prediction, and by how much.

use clap::Args;
use marquee_proto::prediction::v1::ExplainRequest;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::output::{Human, Show, Table, stars};
use crate::predict::hinted;
use crate::provenance::{Provenance, time};
use crate::{Client, Csv, Error, Output};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The user's id.
    user: String,
    /// The movie's id.
    movie: String,
    /// The number of reasons.
    #[arg(short = 'n', long, default_value_t = 5, value_name = "N")]
    limit: u32,
    /// The model. Default: the fleet's default model.
    #[arg(long, default_value = "", hide_default_value = true)]
    model: String,
}

#[derive(Debug, Serialize)]
struct Explained {
    user: String,
    movie: String,
    title: String,
    rating: f64,
    spread: f64,
    unknown_movie: bool,
    baseline: f64,
    reasons: Vec<Reason>,
    #[serde(flatten)]
    provenance: Provenance,
    #[serde(skip)]
    max: f64,
}

#[derive(Debug, Serialize)]
struct Reason {
    movie: String,
    title: String,
    rating: f64,
    rated_at: Option<String>,
    effect: f64,
}

pub(crate) async fn run(args: ExplainArgs, client: &Client, output: Output) -> Result<(), Error> {
    let request = ExplainRequest {
        model: args.model,
        user_id: args.user.clone(),
        movie_id: args.movie.clone(),
        limit: args.limit,
        after: Vec::new(),
    };
    let answer = match client.call(client.predictions().explain(request)).await {
        Ok(answer) => answer,
        Err(error) => return Err(hinted(error, client).await),
    };
    let catalog = Catalog::read(client, std::slice::from_ref(&args.movie)).await;
    let prediction = answer.prediction.unwrap_or_default();
    let reasons = answer.reasons.into_iter().map(|reason| {
        let movie = reason.movie.unwrap_or_default();
        Reason {
            movie: movie.movie_id,
            title: movie.title,
            rating: reason.rating,
            rated_at: reason.rated_at.as_ref().and_then(time),
            effect: reason.effect,
        }
    });
    let explained = Explained {
        title: catalog.title(&args.movie),
        user: args.user,
        movie: args.movie,
        rating: prediction.rating,
        spread: prediction.spread,
        unknown_movie: prediction.unknown_movie,
        baseline: answer.baseline,
        reasons: reasons.collect(),
        provenance: answer.provenance.into(),
        max: catalog.max,
    };
    if output.is_human() {
        output.text(&format!("{}\n\n", explained.headline()))?;
    }
    output.show(&explained)?;
    if explained.reasons.is_empty() {
        output.footer("no reasons: no rating of this user changed this prediction");
    }
    output.footer(&explained.provenance.footer());
    Ok(())
}

impl Explained {
    fn headline(&self) -> String {
        let title = if self.title.is_empty() { &self.movie } else { &self.title };
        let unknown = if self.unknown_movie { " (not in the model)" } else { "" };
        crate::error::one_line(&format!(
            "{title}: {} {:.2} ± {:.2} for user {}, {:.2} without any ratings{unknown}",
            stars(self.rating, self.max),
            self.rating,
            self.spread,
            self.user,
            self.baseline,
        ))
    }
}

impl Show for Explained {
    fn human(&self) -> Human {
        let mut table = Table::new(&[">effect", "because of", ">given", "", "on"]);
        for reason in &self.reasons {
            let title = if reason.title.is_empty() { &reason.movie } else { &reason.title };
            table.row([
                format!("{:+.3}", reason.effect),
                title.clone(),
                reason.rating.to_string(),
                stars(reason.rating, self.max),
                reason.rated_at.as_deref().unwrap_or_default().chars().take(10).collect(),
            ]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        let table = Csv::of(&["effect", "movie", "title", "rating", "rated_at"], &self.reasons);
        let table = table.with("user", &self.user).with("predicted_movie", &self.movie);
        let table = table.with("prediction", self.rating).with("spread", self.spread).with("baseline", self.baseline);
        Some(self.provenance.beside(table))
    }
}
