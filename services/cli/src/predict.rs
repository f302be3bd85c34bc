//! `marquee predict`: predicts what a user would rate movies.

use clap::Args;
use marquee_kit::Kind;
use marquee_proto::prediction::v1::PredictRequest;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::models;
use crate::output::{Human, Show, Table, stars};
use crate::provenance::Provenance;
use crate::{Client, Csv, Error, Output};

/// Adds a hint to a failed prediction if the fleet has no model yet.
pub(crate) async fn hinted(error: Error, client: &Client) -> Error {
    const KINDS: [Kind; 2] = [Kind::NotFound, Kind::FailedPrecondition];
    let Error::Refused(failure) = &error else { return error };
    if !KINDS.contains(&failure.kind()) {
        return error;
    }
    match models::list(client, String::new()).await {
        Ok(list) if list.0.is_empty() => {
            error.hint_on(&KINDS, "train a first version with `marquee train --algorithm map`")
        }
        _ => error,
    }
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// The user's id.
    user: String,
    /// The movies' ids.
    #[arg(required = true, value_name = "MOVIE")]
    movies: Vec<String>,
    /// The model. Default: the fleet's default model.
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
    let answer = match client.call(client.predictions().predict(request)).await {
        Ok(answer) => answer,
        Err(error) => return Err(hinted(error, client).await),
    };
    let catalog = Catalog::read(client, &args.movies).await;
    let predictions = answer.predictions.into_iter().map(|prediction| Prediction {
        title: catalog.title(&prediction.movie_id),
        movie: prediction.movie_id,
        rating: prediction.rating,
        spread: prediction.spread,
        unknown_movie: prediction.unknown_movie,
    });
    let predicted = Predicted {
        user: args.user,
        predictions: predictions.collect(),
        provenance: answer.provenance.into(),
        max: catalog.max,
    };
    output.show(&predicted)?;
    output.footer(&predicted.provenance.footer());
    Ok(())
}

impl Show for Predicted {
    fn human(&self) -> Human {
        let mut table = Table::new(&["movie", "title", "", ">rating", ">spread", ""]);
        for one in &self.predictions {
            let note = if one.unknown_movie { "not in the model" } else { "" };
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

    fn csv(&self) -> Option<Csv> {
        let columns = ["movie", "title", "rating", "spread", "unknown_movie"];
        let table = Csv::of(&columns, &self.predictions).with("user", &self.user);
        Some(self.provenance.beside(table))
    }
}
