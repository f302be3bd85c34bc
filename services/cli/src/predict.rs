//! `marquee predict`: what a user would rate movies.

use clap::Args;
use marquee_kit::Kind;
use marquee_proto::prediction::v1::PredictRequest;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::output::{Human, Show, Table, stars};
use crate::provenance::Provenance;
use crate::{Client, Error, Output};

/// What helps when no model can answer.
pub(crate) const NO_MODEL: &str =
    "train a first version with `marquee train --algorithm map`; `marquee models` lists what there is";

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The user's id.
    user: String,
    /// The movies' ids.
    #[arg(required = true, value_name = "MOVIE")]
    movies: Vec<String>,
    /// The model; without it the deployment's default.
    #[arg(long, default_value = "", hide_default_value = true)]
    model: String,
}

#[derive(Debug, Serialize)]
struct Predicted {
    user: String,
    predictions: Vec<Prediction>,
    #[serde(flatten)]
    provenance: Provenance,
    #[serde(skip)]
    max: f64,
}

#[derive(Debug, Serialize)]
struct Prediction {
    movie: String,
    title: String,
    rating: f64,
    spread: f64,
    unknown_movie: bool,
}

pub(crate) async fn run(args: PredictArgs, client: &Client, output: Output) -> Result<(), Error> {
    let request = PredictRequest {
        model: args.model,
        user_id: args.user.clone(),
        movie_ids: args.movies.clone(),
        after: Vec::new(),
    };
    let answer = client.call(client.predictions().predict(request)).await;
    let answer = answer.map_err(|error| error.hint_on(&[Kind::NotFound, Kind::FailedPrecondition], NO_MODEL))?;
    let catalogue = Catalogue::read(client, &args.movies).await;
    let predictions = answer.predictions.into_iter().map(|prediction| Prediction {
        title: catalogue.title(&prediction.movie_id),
        movie: prediction.movie_id,
        rating: prediction.rating,
        spread: prediction.spread,
        unknown_movie: prediction.unknown_movie,
    });
    let predicted = Predicted {
        user: args.user,
        predictions: predictions.collect(),
        provenance: answer.provenance.into(),
        max: catalogue.max,
    };
    output.show(&predicted)?;
    output.footer(&predicted.provenance.footer());
    Ok(())
}

impl Show for Predicted {
    fn human(&self) -> Human {
        let mut table = Table::new(&["movie", "title", "", ">rating", ">spread", ""]);
        for one in &self.predictions {
            let note = if one.unknown_movie { "unknown to the model" } else { "" };
            table.row([
                one.movie.clone(),
                one.title.clone(),
                stars(one.rating, self.max),
                format!("{:.2}", one.rating),
                format!("± {:.2}", one.spread),
                note.to_owned(),
            ]);
        }
        Human::Table(Box::new(table))
    }
}
