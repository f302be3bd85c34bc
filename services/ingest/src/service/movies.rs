//! Adds movies to the catalog and lists them.

use bytes::Bytes;
use marquee_domain::{Movie, Reason, Violation};
use marquee_kit::Failure;
use marquee_ports::{NewRecord, Topic};
use marquee_proto::convert;
use marquee_proto::ratings::v1 as pb;
use marquee_proto::record;

use super::Service;
use crate::caller::ClientName;

impl Service {
    /// Adds movies to the catalog. If one of them is wrong, it adds no movie at all.
    pub(crate) async fn upsert(&self, client: &ClientName, request: pb::UpsertMoviesRequest) -> Result<u64, Failure> {
        let _permit = self.admit(client, "movies", request.movies.len())?;
        let (mut movies, mut violations): (Vec<Movie>, Vec<Violation>) = (Vec::new(), Vec::new());
        for (index, wire) in request.movies.into_iter().enumerate() {
            match convert::from_movie(wire) {
                Ok(movie) => movies.push(movie),
                Err(violation) => violations.push(violation.within(&format!("movies[{index}]"))),
            }
        }
        if !violations.is_empty() {
            return Err(Failure::invalid(violations));
        }
        let now = self.now();
        let records = movies
            .iter()
            .map(|movie| NewRecord {
                key: Some(Bytes::copy_from_slice(movie.id.as_str().as_bytes())),
                value: record::encode_movie(movie),
                headers: vec![(record::CONTENT_TYPE.to_owned(), Bytes::from_static(record::PROTOBUF.as_bytes()))],
                timestamp: now,
            })
            .collect();
        self.append(Topic::MOVIES, records).await?;
        let accepted = movies.len() as u64;
        self.0.counters.movies.inc_by(accepted);
        Ok(accepted)
    }

    /// Returns a page of the catalog, in the order of the ids.
    pub(crate) async fn list(&self, request: &pb::ListMoviesRequest) -> Result<pb::ListMoviesResponse, Failure> {
        const LARGEST: u32 = 10_000;
        if request.page_size > LARGEST {
            let fix = format!("is {}: ask for at most {LARGEST}", request.page_size);
            return Err(Failure::field("page_size", Reason::TooMany, fix));
        }
        self.catch_up().await?;
        let size = if request.page_size == 0 { 1_000 } else { request.page_size as usize };
        let catalog = self.0.catalog.movies();
        let movies: Vec<&Movie> = catalog.after(&request.page_token).take(size).collect();
        let next_page_token = match movies.last() {
            Some(last) if movies.len() == size => last.id.as_str().to_owned(),
            _ => String::new(),
        };
        Ok(pb::ListMoviesResponse { movies: movies.into_iter().map(convert::movie).collect(), next_page_token })
    }
}
