//! `marquee recommend`: lists the movies that a user has not rated and would like best.

use std::collections::BTreeSet;

use clap::Args;
use marquee_proto::prediction::v1::RecommendRequest;
use serde::Serialize;

use crate::catalog::{self, Catalog};
use crate::output::{Human, Show, Table, stars};
use crate::predict::hinted;
use crate::provenance::Provenance;
use crate::{Client, Csv, Error, Output};

/// Arguments of `recommend`.
#[derive(Debug, Args)]
pub struct RecommendArgs {
    /// The user's id.
    user: String,
    /// The number of movies.
    #[arg(short = 'n', long, default_value_t = 10, value_name = "N")]
    limit: u32,
    /// Only movies of this genre, spelled as in the catalog. If repeated: of any of these genres.
    #[arg(short, long, value_name = "GENRE")]
    genre: Vec<String>,
    /// The model. Default: the fleet's default model.
    #[arg(long, default_value = "", hide_default_value = true)]
    model: String,
}

#[derive(Debug, Serialize)]
struct Recommended {
    user: String,
    recommendations: Vec<Recommendation>,
    #[serde(flatten)]
    provenance: Provenance,
    #[serde(skip)]
    max: f64,
}

#[derive(Debug, Serialize)]
struct Recommendation {
    movie: String,
    title: String,
    year: Option<i32>,
    genres: Vec<String>,
    rating: f64,
    spread: f64,
}

pub(crate) async fn run(args: RecommendArgs, client: &Client, output: Output) -> Result<(), Error> {
    let request = RecommendRequest {
        model: args.model,
        user_id: args.user.clone(),
        limit: args.limit,
        genres: args.genre.clone(),
        after: Vec::new(),
    };
    let answer = match client.call(client.predictions().recommend(request)).await {
        Ok(answer) => answer,
        Err(error) => return Err(hinted(error, client).await),
    };
    if answer.recommendations.is_empty() || args.genre.len() > 1 {
        check(&args.genre, client).await?;
    }
    let max = Catalog::read(client, &[]).await.max;
    let recommendations = answer.recommendations.into_iter().map(|one| {
        let movie = one.movie.unwrap_or_default();
        Recommendation {
            movie: movie.movie_id,
            title: movie.title,
            year: (movie.year != 0).then_some(movie.year),
            genres: movie.genres,
            rating: one.rating,
            spread: one.spread,
        }
    });
    let recommended = Recommended {
        user: args.user,
        recommendations: recommendations.collect(),
        provenance: answer.provenance.into(),
        max,
    };
    output.show(&recommended)?;
    if recommended.recommendations.is_empty() {
        output.footer("no movie to recommend: the user has rated all movies of the model, or all of these genres");
    }
    output.footer(&recommended.provenance.footer());
    Ok(())
}

/// Checks that the catalog has movies of each genre.
async fn check(genres: &[String], client: &Client) -> Result<(), Error> {
    if genres.is_empty() {
        return Ok(());
    }
    let known = catalog::genres(client).await?;
    match genres.iter().find(|genre| !known.contains(*genre)) {
        Some(unknown) => Err(unknown_genre(unknown, &known)),
        None => Ok(()),
    }
}

fn unknown_genre(genre: &str, known: &BTreeSet<String>) -> Error {
    let error = Error::Outcome(format!("--genre: no movie of the catalog has the genre '{genre}'"));
    let alike = known.iter().find(|known| known.to_lowercase() == genre.to_lowercase());
    let hint = match alike {
        Some(alike) => format!("did you mean '{alike}'?"),
        None if known.is_empty() => "no movie of the catalog has a genre".to_owned(),
        None => format!("the catalog has {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    Error::Hinted { error: Box::new(error), hint }
}

impl Show for Recommended {
    fn human(&self) -> Human {
        let mut table = Table::new(&[">", "movie", "title", "genres", "", ">rating", ">spread"]);
        for (rank, one) in (1..).zip(&self.recommendations) {
            let rank: u32 = rank;
            table.row([
                rank.to_string(),
                one.movie.clone(),
                one.title.clone(),
                one.genres.join(", "),
                stars(one.rating, self.max),
                format!("{:.2}", one.rating),
                format!("± {:.2}", one.spread),
            ]);
        }
        Human::Table(Box::new(table))
    }

    fn csv(&self) -> Option<Csv> {
        let columns = ["movie", "title", "year", "genres", "rating", "spread"];
        let table = Csv::of(&columns, &self.recommendations).with("user", &self.user);
        Some(self.provenance.beside(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_genre_is_named_with_what_was_meant() {
        let known = BTreeSet::from(["Comedy".to_owned(), "Drama".to_owned()]);
        let error = unknown_genre("comedy", &known);
        assert!(error.line().contains("'comedy'"), "{}", error.line());
        assert_eq!(error.hint().as_deref(), Some("did you mean 'Comedy'?"));
        assert_eq!(unknown_genre("Opera", &known).hint().as_deref(), Some("the catalog has Comedy, Drama"));
        assert!(unknown_genre("Opera", &BTreeSet::new()).hint().is_some());
    }
}
