//! Reads features by name.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use marquee_domain::{Position, Timestamp, UserId};
use marquee_features::{Column, Definition, UserRow, UserSummary, View};
use marquee_kit::Failure;
use marquee_ports::{Error, Row, RowKey};

use super::movies::merge;
use super::{Basis, Online};
use crate::entity::{Entity, Values, has_view, in_order, no_values};
use crate::rows::{unpack_row, weigh};

/// The features of one entity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntityFeatures {
    /// One value for each column.
    pub(crate) values: Values,
    /// The events that the user's values rest on. `None` if the user has no row.
    pub(crate) user: Option<Basis>,
    /// The events that the movie's values rest on. `None` if the movie has no row.
    pub(crate) movie: Option<Basis>,
}

/// Computes values of these columns.
#[derive(Debug)]
struct Projection {
    definition: Arc<Definition>,
    columns: Vec<Column>,
    as_of: Timestamp,
}

/// The values of one view, and the events that they rest on.
type ViewValues = (Values, Option<Basis>);

impl Online {
    /// Reads features of entities, in their order. Windows end at `as_of`.
    pub(crate) async fn features(
        &self,
        entities: Vec<Entity>,
        columns: Vec<Column>,
        as_of: Timestamp,
    ) -> Result<Vec<EntityFeatures>, Failure> {
        let needed = |view| has_view(&columns, view);
        let (needs_users, needs_movies) = (needed(View::User), needed(View::Movie));
        // Each row is read once, however many entities share it.
        let users = distinct(entities.iter().filter_map(|entity| entity.user.as_ref().filter(|_| needs_users)));
        let movies = distinct(entities.iter().filter_map(|entity| entity.movie.as_ref().filter(|_| needs_movies)));
        let mut keys: Vec<RowKey> = users.iter().map(|user| self.rows.user_key(user)).collect();
        keys.extend(movies.iter().flat_map(|movie| self.rows.movie_keys(movie)));
        let rows = self.rows.get(&keys).await?;
        self.meters.users_read.inc_by(users.len() as u64);
        self.meters.movies_read.inc_by(movies.len() as u64);
        let projection = Projection { definition: Arc::clone(&self.definition), columns, as_of };
        let partitions = self.rows.partitions as usize;
        self.project(weigh(entities.len(), rows.iter().flatten()), move || {
            let (user_rows, movie_rows) = rows.split_at(users.len());
            let stored = keys.iter().zip(user_rows).map(|(key, row)| projection.user(key, row.as_ref()));
            let users: HashMap<UserId, ViewValues> =
                users.into_iter().zip(stored).map(|(id, values)| Ok((id, values?))).collect::<Result<_, Error>>()?;
            let merged = movie_rows.chunks(partitions).map(|parts| projection.movie(parts));
            let movies: HashMap<_, ViewValues> =
                movies.into_iter().zip(merged).map(|(id, values)| Ok((id, values?))).collect::<Result<_, Error>>()?;
            let [no_user, no_movie] = View::ALL.map(|view| (no_values(&projection.columns, view), None));
            let features = |entity: &Entity| {
                let user = entity.user.as_ref().and_then(|id| users.get(id)).unwrap_or(&no_user);
                let movie = entity.movie.as_ref().and_then(|id| movies.get(id)).unwrap_or(&no_movie);
                EntityFeatures {
                    values: in_order(&projection.columns, user.0.clone(), movie.0.clone()),
                    user: user.1,
                    movie: movie.1,
                }
            };
            Ok(entities.iter().map(features).collect())
        })
        .await
    }
}

/// Returns every id once, in the order of the first use.
fn distinct<'a, K: Clone + Hash + Eq + 'a>(ids: impl Iterator<Item = &'a K>) -> Vec<K> {
    let mut seen = HashSet::new();
    ids.filter(|id| seen.insert(*id)).cloned().collect()
}

impl Projection {
    fn user(&self, key: &RowKey, row: Option<&Row>) -> Result<ViewValues, Error> {
        let Self { definition, columns, as_of } = self;
        let Some(row) = row else {
            return Ok((definition.of_user(columns, &UserRow::default(), *as_of), None));
        };
        let (values, event_time) = if definition.need_history(columns) {
            let whole: UserRow = unpack_row(row)?;
            (definition.of_user(columns, &whole, *as_of), whole.summary().event_time)
        } else {
            let summary: UserSummary = unpack_row(row)?;
            (definition.of_summary(columns, &summary, *as_of), summary.event_time)
        };
        let applied = Position { partition: key.source, offset: row.applied };
        Ok((values, Some(Basis { event_time, applied })))
    }

    fn movie(&self, parts: &[Option<Row>]) -> Result<ViewValues, Error> {
        let (sums, basis) = merge(&self.definition, parts, self.as_of)?;
        Ok((self.definition.of_sums(&self.columns, &sums), basis))
    }
}
