//! Titles of movies and the rating scale, for tables, and the genres of the catalog. A table
//! without titles is still correct, so reading them does not fail.

use std::collections::{BTreeMap, BTreeSet};

use marquee_proto::ratings::v1::{GetScaleRequest, ListMoviesRequest};

use crate::{Client, Error};

/// The most pages of the catalog that are searched for titles, with 10,000 movies each.
const MOST_PAGES: usize = 20;

/// The titles and the scale.
#[derive(Debug)]
pub(crate) struct Catalog {
    titles: BTreeMap<String, String>,
    /// The largest rating of the scale.
    pub(crate) max: f64,
}

/// Returns every genre of the catalog.
pub(crate) async fn genres(client: &Client) -> Result<BTreeSet<String>, Error> {
    let (mut genres, mut page_token) = (BTreeSet::new(), String::new());
    loop {
        let request = ListMoviesRequest { page_size: 10_000, page_token };
        let page = client.call(client.ratings().list_movies(request)).await?;
        genres.extend(page.movies.into_iter().flat_map(|movie| movie.genres));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(genres);
        }
    }
}

impl Catalog {
    /// Reads the titles of some movies and the scale.
    pub(crate) async fn read(client: &Client, movies: &[String]) -> Self {
        let max = client.call(client.ratings().get_scale(GetScaleRequest {})).await.map_or(5.0, |scale| scale.max);
        let mut titles = BTreeMap::new();
        let mut page_token = String::new();
        for _ in 0..MOST_PAGES {
            if titles.len() >= movies.len() {
                break;
            }
            let request = ListMoviesRequest { page_size: 10_000, page_token };
            let Ok(page) = client.call(client.ratings().list_movies(request)).await else {
                break;
            };
            let wanted = page.movies.into_iter().filter(|movie| movies.contains(&movie.movie_id));
            titles.extend(wanted.map(|movie| (movie.movie_id, movie.title)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Self { titles, max }
    }

    /// Returns the title of a movie, or an empty string if it is not known.
    pub(crate) fn title(&self, movie: &str) -> String {
        self.titles.get(movie).cloned().unwrap_or_default()
    }
}
