//! Adds movies to the catalog and lists them.

use bytes::Bytes;
use marquee_domain::Movie;
use marquee_kit::Failure;
use marquee_ports::{NewRecord, Topic};
use marquee_proto::record;

use super::Intake;

/// The largest page of the catalog.
const MAX_PAGE: u32 = 10_000;

/// The size of a page when the caller gives none.
const DEFAULT_PAGE: u32 = 1_000;

/// The most bytes of a page. Clients refuse answers over 4 MiB unless they are told otherwise.
const PAGE_BYTES: usize = 2 << 20;

/// A page of the catalog.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) movies: Vec<Movie>,
    /// The token of the next page; empty after the last page.
    pub(crate) next_page_token: String,
}

impl Intake {
    /// Adds movies to the catalog and returns how many.
    pub(crate) async fn upsert(&self, movies: Vec<Movie>) -> Result<u64, Failure> {
        let now = self.now();
        let record = |movie: &Movie| NewRecord {
            key: Some(Bytes::copy_from_slice(movie.id.as_str().as_bytes())),
            value: record::encode_movie(movie),
            headers: vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))],
            timestamp: now,
        };
        self.append(Topic::MOVIES, movies.iter().map(record).collect()).await?;
        let accepted = movies.len() as u64;
        self.counters.movies.inc_by(accepted);
        Ok(accepted)
    }

    /// Returns the page of the catalog after a token, in the order of the ids.
    pub(crate) async fn list(&self, page_token: &str, page_size: u32) -> Result<Page, Failure> {
        let size = marquee_kit::page_size(page_size, (DEFAULT_PAGE, MAX_PAGE))?;
        let catalog = self.catalog.catch_up().await;
        let catalog = catalog.map_err(|error| Failure::unavailable("read the movie catalog", &error))?;
        let mut bytes = 0;
        let fits = |movie: &&Movie| {
            let is_first = bytes == 0;
            bytes += length(movie);
            is_first || bytes <= PAGE_BYTES
        };
        let movies: Vec<Movie> = catalog.after(page_token).take(size).take_while(fits).cloned().collect();
        let next_page_token = match movies.last() {
            Some(last) if catalog.after(last.id.as_str()).next().is_some() => last.id.as_str().to_owned(),
            _ => String::new(),
        };
        Ok(Page { movies, next_page_token })
    }
}

/// Returns about the bytes of a movie in an answer.
fn length(movie: &Movie) -> usize {
    let genres: usize = movie.genres.iter().map(|genre| genre.len() + 4).sum();
    movie.id.as_str().len() + movie.title.len() + genres + 16
}
