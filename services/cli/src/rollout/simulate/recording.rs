//! Recorded ratings, and what two versions predict for each of them from the ratings before it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use marquee_backoff::Backoff;
use marquee_datasets::{Options, Row};
use marquee_kit::Kind;
use marquee_proto::prediction::v1::{Entry, EvaluateRequest, EvaluateResponse, Sequence, Step};

use crate::error::one_line;
use crate::{Client, Error, Output};

/// The ratings that a history has at most, as in serving.
const HISTORY: usize = 500;

/// The steps of one call, and the entries of its histories.
const STEPS: usize = 500;
const ENTRIES: usize = 80_000;

/// How often a call is tried while inference is busy, and the delays between.
const TRIES: u32 = 40;
const BUSY: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// What one version predicts for a rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) rating: f64,
    pub(super) spread: f64,
    /// The version was trained with the movie.
    pub(super) knows_movie: bool,
}

/// A rating, and what the stable version and the candidate predict for it. `None` for a version
/// that failed to predict it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    pub(super) rating: f64,
    /// The length of the user's history before it.
    pub(super) history: usize,
    pub(super) estimates: [Option<Estimate>; 2],
}

/// Asks inference about recorded ratings.
pub(super) struct Recorder<'a> {
    pub(super) client: &'a Client,
    pub(super) model: String,
    /// The stable version and the candidate.
    pub(super) versions: [u64; 2],
}

/// The histories of users while the ratings are replayed, the oldest entry first.
#[derive(Debug, Default)]
struct Histories(HashMap<String, VecDeque<(String, f64)>>);

impl Histories {
    /// Adds a rating as the newest one of its user.
    fn learn(&mut self, row: &Row) {
        let history = self.0.entry(row.user.clone()).or_default();
        history.retain(|(movie, _)| *movie != row.movie);
        history.push_back((row.movie.clone(), row.rating));
        if history.len() > HISTORY {
            history.pop_front();
        }
    }

    fn of(&self, user: &str) -> Vec<Entry> {
        let entry = |(movie, rating): &(String, f64)| Entry { movie_id: movie.clone(), rating: *rating };
        self.0.get(user).into_iter().flatten().map(entry).collect()
    }

    fn len(&self, user: &str) -> usize {
        self.0.get(user).map_or(0, VecDeque::len)
    }
}

impl Recorder<'_> {
    /// Predicts the last ratings of a data set, in the order of their times.
    pub(super) async fn record(&self, path: &Path, last: usize, output: Output) -> Result<Vec<Outcome>, Error> {
        let dataset = marquee_datasets::open(path, Options::default())?;
        let ratings = dataset.ratings()?;
        let read = tokio::task::spawn_blocking(move || {
            let mut rows: Vec<Row> = ratings.filter_map(Result::ok).collect();
            rows.sort_by_key(|row| (row.time(), row.line));
            rows
        });
        let rows = read.await.map_err(|_| Error::Outcome("the ratings could not be read".to_owned()))?;
        if rows.is_empty() {
            return Err(Error::Outcome(format!("{} has no rating that can be read", path.display())));
        }
        let (known, arriving) = rows.split_at(rows.len().saturating_sub(last));
        let mut histories = Histories::default();
        known.iter().for_each(|row| histories.learn(row));
        let bar = if output.is_live() { ProgressBar::new(arriving.len() as u64) } else { ProgressBar::hidden() };
        let (mut outcomes, mut rest) = (Vec::with_capacity(arriving.len()), arriving);
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batch(rest, &histories));
            outcomes.extend(self.evaluate(batch, &histories).await?);
            batch.iter().for_each(|row| histories.learn(row));
            rest = later;
            bar.set_position(outcomes.len() as u64);
        }
        bar.finish_and_clear();
        Ok(outcomes)
    }

    /// Predicts some consecutive ratings.
    async fn evaluate(&self, batch: &[Row], histories: &Histories) -> Result<Vec<Outcome>, Error> {
        // By user, each with the places of the user's ratings in the batch.
        let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, row) in batch.iter().enumerate() {
            users.entry(&row.user).or_default().push(at);
        }
        let step = |row: &Row| Step { movie_id: row.movie.clone(), rating: row.rating, learn: true };
        let sequence = |(user, places): (&&str, &Vec<usize>)| Sequence {
            history: histories.of(user),
            steps: places.iter().map(|at| step(&batch[*at])).collect(),
            limit: HISTORY as u32,
        };
        let request = EvaluateRequest {
            model: self.model.clone(),
            versions: self.versions.to_vec(),
            sequences: users.iter().map(sequence).collect(),
        };
        let rated = |row: &Row| Outcome { rating: row.rating, history: histories.len(&row.user), estimates: [None; 2] };
        let mut outcomes: Vec<Outcome> = batch.iter().map(rated).collect();
        for places in users.values() {
            for (earlier, place) in places.iter().enumerate() {
                outcomes[*place].history += earlier;
            }
        }
        let places: Vec<usize> = users.into_values().flatten().collect();
        self.fill(&mut outcomes, &places, &self.call(request).await?)?;
        Ok(outcomes)
    }

    /// Calls inference, and again while it is busy with predictions.
    async fn call(&self, request: EvaluateRequest) -> Result<EvaluateResponse, Error> {
        let mut delays = BUSY.start();
        loop {
            match self.client.call(self.client.evaluations().evaluate(request.clone())).await {
                Err(Error::Refused(failure)) if failure.kind() == Kind::ResourceExhausted && delays.tries() < TRIES => {
                    delays.wait().await;
                }
                answer => return answer,
            }
        }
    }

    /// Puts the estimates back into the order of the batch.
    fn fill(&self, outcomes: &mut [Outcome], places: &[usize], answer: &EvaluateResponse) -> Result<(), Error> {
        for (side, version) in self.versions.iter().enumerate() {
            let found = answer.versions.iter().find(|evaluation| evaluation.version == *version);
            let failure = match found {
                Some(evaluation) if evaluation.failure.is_empty() && evaluation.estimates.len() == places.len() => {
                    for (place, estimate) in places.iter().zip(&evaluation.estimates) {
                        outcomes[*place].estimates[side] = estimate.failure.is_empty().then_some(Estimate {
                            rating: estimate.rating,
                            spread: estimate.spread,
                            knows_movie: !estimate.unknown_movie,
                        });
                    }
                    continue;
                }
                Some(evaluation) => evaluation.failure.as_str(),
                None => "inference did not evaluate it",
            };
            let message = format!("version {version} predicts nothing: {}", one_line(failure));
            let hint = format!("load it first: `marquee models load {} {version}`", self.model);
            return Err(Error::Hinted { error: Box::new(Error::Outcome(message)), hint });
        }
        Ok(())
    }
}

/// Returns how many of the next ratings fit into one call.
fn batch(rows: &[Row], histories: &Histories) -> usize {
    let mut entries = 0;
    let fits = |row: &&Row| {
        entries += histories.len(&row.user);
        entries <= ENTRIES
    };
    rows.iter().take(STEPS).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: &str, movie: &str, rating: f64) -> Row {
        Row { user: user.to_owned(), movie: movie.to_owned(), rating, rated_at: None, line: 1 }
    }

    #[test]
    fn a_rating_replaces_the_earlier_one_of_its_movie_and_the_newest_stay() {
        let mut histories = Histories::default();
        histories.learn(&row("ann", "a", 1.0));
        histories.learn(&row("ann", "b", 2.0));
        histories.learn(&row("ann", "a", 3.0));
        let shown: Vec<(String, f64)> =
            histories.of("ann").into_iter().map(|entry| (entry.movie_id, entry.rating)).collect();
        assert_eq!(shown, [("b".to_owned(), 2.0), ("a".to_owned(), 3.0)]);
        (0..600).for_each(|number| histories.learn(&row("ann", &number.to_string(), 1.0)));
        assert_eq!((histories.len("ann"), histories.of("ann")[0].movie_id.as_str()), (500, "100"));
    }

    #[test]
    fn a_call_has_bounded_steps_and_histories() {
        let mut histories = Histories::default();
        let rows: Vec<Row> = (0..600).map(|number| row(&number.to_string(), "a", 1.0)).collect();
        assert_eq!(batch(&rows, &histories), 500);
        for user in 0..600 {
            (0..500).for_each(|movie| histories.learn(&row(&user.to_string(), &movie.to_string(), 1.0)));
        }
        assert_eq!(batch(&rows, &histories), 160);
        assert_eq!(batch(&rows[..1], &histories), 1);
    }
}
