//! What is evaluated. Movies have numbers within a request, so that a movie is looked up once for a
//! version and compared as a number.

use std::collections::HashMap;

use marquee_domain::{ModelName, MovieId, Version};

/// Versions and the sequences that they predict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluate {
    pub(crate) model: ModelName,
    /// Empty: every version that the wanted route names.
    pub(crate) versions: Vec<Version>,
    /// The movies of the request, by number.
    pub(crate) movies: Vec<MovieId>,
    pub(crate) sequences: Vec<Sequence>,
    /// The number of steps of all sequences.
    pub(crate) steps: usize,
}

/// Consecutive ratings of one user.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sequence {
    /// Oldest first.
    pub(crate) history: Vec<Rated>,
    pub(crate) steps: Vec<Step>,
    /// The number of entries that the history keeps.
    pub(crate) limit: Option<usize>,
}

/// A rating of a movie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rated {
    /// The number of the movie.
    pub(crate) movie: usize,
    pub(crate) rating: f64,
}

/// A rating that is predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub(crate) rated: Rated,
    /// It becomes part of the history for the next steps.
    pub(crate) learn: bool,
}

/// Builds a request and numbers its movies.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    numbers: HashMap<MovieId, usize>,
    movies: Vec<MovieId>,
    sequences: Vec<Sequence>,
    steps: usize,
}

impl Builder {
    /// Begins a sequence.
    pub(crate) fn sequence(&mut self, limit: Option<usize>) {
        self.sequences.push(Sequence { limit, ..Sequence::default() });
    }

    /// Returns the number of a movie. An id that is new to the request is checked.
    pub(crate) fn number<E>(&mut self, id: &str, check: impl FnOnce() -> Result<MovieId, E>) -> Result<usize, E> {
        if let Some(number) = self.numbers.get(id) {
            return Ok(*number);
        }
        let (movie, number) = (check()?, self.movies.len());
        self.movies.push(movie.clone());
        self.numbers.insert(movie, number);
        Ok(number)
    }

    /// Adds an entry to the history of the sequence that was begun last.
    pub(crate) fn entry(&mut self, rated: Rated) {
        if let Some(sequence) = self.sequences.last_mut() {
            sequence.history.push(rated);
        }
    }

    /// Adds a step to the sequence that was begun last.
    pub(crate) fn step(&mut self, rated: Rated, learn: bool) {
        if let Some(sequence) = self.sequences.last_mut() {
            sequence.steps.push(Step { rated, learn });
            self.steps += 1;
        }
    }

    pub(crate) fn finish(self, model: ModelName, versions: Vec<Version>) -> Evaluate {
        let Self { movies, sequences, steps, .. } = self;
        Evaluate { model, versions, movies, sequences, steps }
    }
}
