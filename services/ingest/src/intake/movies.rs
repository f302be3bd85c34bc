//! Adds movies to the catalog and lists them.

use bytes::Bytes;
use marquee_domain::Movie;
use marquee_kit::Failure;
use marquee_log::Movies;
use marquee_ports::{NewRecord, Topic};
use marquee_proto::record;

use super::{Intake, LARGE};

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
        let (count, now) = (movies.len(), self.now());
        let record = move |movie: &Movie| NewRecord {
            key: Some(Bytes::copy_from_slice(movie.id.as_str().as_bytes())),
            value: record::encode_movie(movie),
            headers: vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))],
            timestamp: now,
        };
        let encode = move || movies.iter().map(record).collect();
        let records: Vec<NewRecord> = self.compute.run_if(count > LARGE, encode).await;
        self.append(Topic::MOVIES, records).await?;
        self.counters.movies.inc_by(count as u64);
        Ok(count as u64)
    }

    /// Returns the page of the catalog after a token, in the order of the ids.
    pub(crate) async fn list(&self, page_token: &str, page_size: u32) -> Result<Page, Failure> {
        let size = marquee_kit::page_size(page_size, (DEFAULT_PAGE, MAX_PAGE))?;
        let catalog = self.catalog.catch_up().await;
        let catalog = catalog.map_err(|error| Failure::unavailable("read the movie catalog", &error))?;
        let token = page_token.to_owned();
        Ok(self.compute.run_if(size > LARGE, move || page(&catalog, &token, size)).await)
    }
}

/// Returns the page of the catalog after a token, with at most `size` movies.
fn page(catalog: &Movies, token: &str, size: usize) -> Page {
    let mut bytes = 0;
    let fits = |movie: &&Movie| {
        let is_first = bytes == 0;
        bytes += length(movie);
        is_first || bytes <= PAGE_BYTES
    };
    let movies: Vec<Movie> = catalog.after(token).take(size).take_while(fits).cloned().collect();
    let next_page_token = match movies.last() {
        Some(last) if catalog.after(last.id.as_str()).next().is_some() => last.id.as_str().to_owned(),
        _ => String::new(),
    };
    Page { movies, next_page_token }
}

/// Returns about the bytes of a movie in an answer.
fn length(movie: &Movie) -> usize {
    let genres: usize = movie.genres.iter().map(|genre| genre.len() + 4).sum();
    movie.id.as_str().len() + movie.title.len() + genres + 16
}
