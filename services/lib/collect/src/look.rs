//! A look at a source: what would be collected, without storing or sending anything.

use marquee_domain::Scale;
use serde::Serialize;

use crate::collector::{Asking, Collector};
use crate::error::Error;
use crate::report::Collected;
use crate::state::StateFile;

/// The rows that are shown.
const ROWS: usize = 10;

/// A record as it would be stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LookedRow {
    /// The place in the source.
    pub place: String,
    /// The user.
    pub user: String,
    /// The movie.
    pub movie: String,
    /// The value, on the scale of the fleet if it is on it.
    pub rating: Option<f64>,
    /// The time.
    pub rated_at: String,
    /// Why it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the next batch of a source would be.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Look {
    /// The name of the source.
    pub source: String,
    /// What was asked.
    pub query: String,
    /// What was understood, with names.
    pub understood: Vec<(String, String)>,
    /// The columns with their types, if the source declares them.
    pub columns: Vec<(String, String)>,
    /// The records of the batch.
    pub records: u64,
    /// Those that cannot be read.
    pub unreadable: u64,
    /// Those that say that there is no rating.
    pub unrated: u64,
    /// Movies that are described.
    pub movies: u64,
    /// The first records.
    pub rows: Vec<LookedRow>,
    /// What people should know.
    pub notices: Vec<String>,
}

impl Collector {
    /// Asks the source for the next batch, and says what it would be. With the scale of the fleet,
    /// values are compared with it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn look(&mut self, scale: Option<&Scale>) -> Result<Look, Error> {
        let name = self.config.name.clone();
        let objects = std::sync::Arc::clone(&self.setup.objects);
        let (_, state) = StateFile::open(&*objects, &name, &self.config.identity()).await?;
        let mut mapping = self.mapping(&state).await?;
        let mut ignored = Collected::default();
        let Some(batch) = self.next(&mut Asking::new(), &state, &mut ignored).await? else {
            return Ok(Look { source: name, ..Look::default() });
        };
        mapping.recognize(&batch.records).map_err(|source| Error::Unrecognized { name: name.clone(), source })?;
        let mapped = mapping.map(&batch.records, state.records + 1);
        let facts = mapping.mapper().map_or_else(Vec::new, |mapper| mapper.facts().to_vec());
        let mut rows = Vec::new();
        for (index, (rating, place)) in mapped.ratings.iter().zip(&mapped.places).enumerate().take(ROWS) {
            let place = batch.records.get(*place).map(|record| record.place.clone()).unwrap_or_default();
            let why = mapped.unreadable.iter().find(|(at, _)| *at == index).map(|(_, why)| why.clone());
            let rated_at = rating.rated_at.map(|time| time.to_rfc3339()).unwrap_or_default();
            let (mut value, mut error) = (rating.rating, why);
            if let (Some(scale), Some(given)) = (scale, rating.rating) {
                match scale.check(given) {
                    Ok(exact) => value = Some(exact),
                    Err(off) => error = Some(format!("rating {off}")),
                }
            }
            let (user, movie) = match &error {
                Some(_) if rating.rating.is_none() => Default::default(),
                _ => (rating.user.clone(), rating.movie.clone()),
            };
            rows.push(LookedRow { place, user, movie, rating: value, rated_at, error });
        }
        Ok(Look {
            source: name,
            query: batch.query,
            understood: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            columns: batch.columns.unwrap_or_default().into_iter().collect(),
            records: batch.records.len() as u64,
            unreadable: mapped.unreadable.len() as u64 + mapped.left_out,
            unrated: mapped.unrated,
            movies: mapped.movies.len() as u64,
            rows,
            notices: batch.notices,
        })
    }
}
