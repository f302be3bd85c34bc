//! Checks movies, and keeps the first one of each id.

use std::collections::HashSet;

use marquee_domain::{Movie, MovieError, MovieId};

use super::genres::{Given, Notation};
use super::{Catalog, MovieFault, title};
use crate::cells::whole_number;
use crate::time::format::is_absent;

/// The most faults that are kept in full.
const SHOWN: usize = 20;

/// A movie that is not checked yet.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) line: u64,
    pub(crate) id: String,
    /// The title, with or without the year.
    pub(crate) title: String,
    /// The year, for titles without one.
    pub(crate) year: Option<i32>,
    pub(crate) genres: Given,
}

/// Movies that are not checked yet. How genres and ids are written is told by all of them.
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    file: String,
    drafts: Vec<Draft>,
    catalog: Catalog,
    known: HashSet<MovieId>,
}

impl Drafts {
    /// Starts a file.
    pub(crate) fn file(&mut self, name: &str) {
        self.check();
        name.clone_into(&mut self.file);
    }

    pub(crate) fn push(&mut self, draft: Draft) {
        self.drafts.push(draft);
    }

    /// Leaves out a movie.
    pub(crate) fn reject(&mut self, line: u64, field: &'static str, reason: &str) {
        self.catalog.left_out += 1;
        if self.catalog.faults.len() < SHOWN {
            let (file, reason) = (self.file.clone(), reason.to_owned());
            self.catalog.faults.push(MovieFault { file, line, field, reason });
        }
    }

    /// Checks the movies of the file.
    fn check(&mut self) {
        let drafts = std::mem::take(&mut self.drafts);
        let notation = Notation::tell(drafts.iter().map(|draft| &draft.genres));
        let ids = || drafts.iter().map(|draft| draft.id.trim()).filter(|id| !is_absent(id));
        let is_float = ids().any(|id| id.contains('.')) && ids().all(|id| whole_number(id).is_some());
        for draft in drafts {
            let id = draft.id.trim();
            let id = if is_float { whole_number(id).unwrap_or(id) } else { id };
            let id = match MovieId::try_new(id) {
                Ok(id) => id,
                Err(error) => {
                    self.reject(draft.line, "movie", &error.to_string());
                    continue;
                }
            };
            let (title, year) = title::split(&draft.title);
            match Movie::try_new(id, title, year.or(draft.year), notation.split(draft.genres)) {
                Ok(movie) => {
                    if self.known.insert(movie.id.clone()) {
                        self.catalog.movies.push(movie);
                    }
                }
                Err(error) => {
                    let field = if matches!(error, MovieError::TitleTooLong(_)) { "title" } else { "genres" };
                    self.reject(draft.line, field, &error.to_string());
                }
            }
        }
    }

    pub(crate) fn finish(mut self) -> Catalog {
        self.check();
        self.catalog
    }
}
