//! Features by name, as they are served: which there are, and what they are worth for some users and movies now.

use std::collections::HashMap;

use marquee_domain::{MovieId, Partition, Position, Reason, Timestamp, UserId};
use marquee_features::{
    Column, Definition, MovieRow, Sums, UserRow, UserSummary, Value, ValueKind, View, unpack, user_key,
};
use marquee_kit::{Failure, Violation};
use marquee_ports::{Row, RowKey};
use marquee_proto::convert;
use marquee_proto::features::v1 as pb;

use crate::apply::corrupt;
use crate::service::Service;

/// Finds features by their names; every unknown one is named.
pub(crate) fn columns(definition: &Definition, names: &[String]) -> Result<Vec<Column>, Failure> {
    let (mut columns, mut violations) = (Vec::with_capacity(names.len()), Vec::new());
    for (index, name) in names.iter().enumerate() {
        match definition.find(name) {
            Ok(column) => columns.push(column),
            Err(unknown) => violations.push(Violation {
                field: format!("features[{index}]"),
                reason: Reason::UnknownFeature,
                description: format!("{unknown}; list the views to see all features"),
            }),
        }
    }
    if violations.is_empty() { Ok(columns) } else { Err(Failure::invalid(violations)) }
}

/// A value on the wire.
pub(crate) fn wire(value: Option<Value>) -> pb::Value {
    use pb::value::Kind as Wire;
    let kind = value.map(|value| match value {
        Value::Count(count) => Wire::Count(count),
        Value::Number(number) => Wire::Number(number),
        Value::Time(time) => Wire::Time(convert::timestamp(time)),
        Value::Texts(values) => Wire::Texts(pb::Texts { values }),
        Value::Counts(values) => Wire::Counts(pb::Counts { values }),
        Value::Numbers(values) => Wire::Numbers(pb::Numbers { values }),
        Value::Times(values) => Wire::Times(pb::Times { values: values.into_iter().map(convert::timestamp).collect() }),
    });
    pb::Value { kind }
}

/// Everything there is, described.
pub(crate) fn views(definition: &Definition) -> Vec<pb::View> {
    let kind = |kind| match kind {
        ValueKind::Count => pb::ValueKind::Count,
        ValueKind::Number => pb::ValueKind::Number,
        ValueKind::Time => pb::ValueKind::Time,
        ValueKind::Texts => pb::ValueKind::Texts,
        ValueKind::Counts => pb::ValueKind::Counts,
        ValueKind::Numbers => pb::ValueKind::Numbers,
        ValueKind::Times => pb::ValueKind::Times,
    };
    let view = |view: View| pb::View {
        name: view.name().to_owned(),
        key: view.key().to_owned(),
        features: definition
            .features(view)
            .iter()
            .map(|feature| pb::Feature {
                name: feature.name.clone(),
                kind: kind(feature.kind()).into(),
                window_days: feature.window().unwrap_or_default(),
                description: feature.description.clone(),
            })
            .collect(),
    };
    View::ALL.into_iter().map(view).collect()
}

/// Whose features are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Entity {
    pub(crate) user: Option<UserId>,
    pub(crate) movie: Option<MovieId>,
}

impl Entity {
    /// Reads a pair of ids; an empty one is none. What is wrong goes to `violations`.
    pub(crate) fn read(user: &str, movie: &str, place: &str, violations: &mut Vec<marquee_domain::Violation>) -> Self {
        let mut wrong = |violation: marquee_domain::Violation| violations.push(violation.within(place));
        let user = (!user.is_empty()).then(|| convert::user_id("user_id", user).map_err(&mut wrong).ok()).flatten();
        let movie =
            (!movie.is_empty()).then(|| convert::movie_id("movie_id", movie).map_err(&mut wrong).ok()).flatten();
        Self { user, movie }
    }
}

/// What stands of one id: its values, in the order of the view's columns, and what they rest on if there is a row.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) values: Vec<Option<Value>>,
    pub(crate) rests_on: Option<(Option<Timestamp>, Position)>,
}

/// What was read of one entity.
pub(crate) struct Found {
    /// One a column, in its order.
    pub(crate) values: Vec<Option<Value>>,
    /// What the user's values rest on, if there is a row.
    pub(crate) user: Option<(Option<Timestamp>, Position)>,
    /// What the movie's values rest on, if there is a row.
    pub(crate) movie: Option<(Option<Timestamp>, Position)>,
}

/// Puts the values of two views in the order of the columns.
pub(crate) fn in_order(columns: &[Column], user: Vec<Option<Value>>, movie: Vec<Option<Value>>) -> Vec<Option<Value>> {
    let (mut user, mut movie) = (user.into_iter(), movie.into_iter());
    let value = |column: &Column| match column.view {
        View::User => user.next().flatten(),
        View::Movie => movie.next().flatten(),
    };
    columns.iter().map(value).collect()
}

/// Every id once, with its place.
fn distinct<'a, K: std::hash::Hash + Eq>(
    ids: impl Iterator<Item = Option<&'a K>>,
) -> (Vec<&'a K>, HashMap<&'a K, usize>) {
    let (mut all, mut places) = (Vec::new(), HashMap::new());
    for id in ids.flatten() {
        places.entry(id).or_insert_with(|| {
            all.push(id);
            all.len() - 1
        });
    }
    (all, places)
}

impl Service {
    /// Reads features of entities; windows end at `as_of`.
    pub(crate) async fn find(
        &self,
        entities: &[Entity],
        columns: &[Column],
        as_of: Timestamp,
    ) -> Result<Vec<Found>, Failure> {
        let asks = |view| columns.iter().any(|column| column.view == view);
        let (asks_users, asks_movies) = (asks(View::User), asks(View::Movie));
        // Each row is read once, however many entities share it.
        let (users, user_places) = distinct(entities.iter().map(|entity| entity.user.as_ref().filter(|_| asks_users)));
        let (movies, movie_places) =
            distinct(entities.iter().map(|entity| entity.movie.as_ref().filter(|_| asks_movies)));
        let mut keys: Vec<RowKey> =
            users.iter().map(|user| RowKey { source: self.home(user), key: user_key(user) }).collect();
        for movie in &movies {
            keys.extend(self.parts(movie));
        }
        let rows = if keys.is_empty() { Vec::new() } else { self.rows(&keys).await? };
        let (user_rows, movie_rows) = rows.split_at(users.len());
        self.count_read(users.len(), movies.len());
        let users = users.iter().zip(user_rows).map(|(user, row)| self.read_user(user, row.as_ref(), columns, as_of));
        let users = users.collect::<Result<Vec<Read>, Failure>>()?;
        let parts = movie_rows.chunks(self.partitions().max(1) as usize);
        let movies =
            parts.map(|parts| self.read_movie(parts, columns, as_of)).collect::<Result<Vec<Read>, Failure>>()?;
        let nothing =
            |view| Read { values: vec![None; columns.iter().filter(|c| c.view == view).count()], rests_on: None };
        let (no_user, no_movie) = (nothing(View::User), nothing(View::Movie));
        let found = |entity: &Entity| {
            let user = entity.user.as_ref().and_then(|id| user_places.get(id)).map_or(&no_user, |place| &users[*place]);
            let movie =
                entity.movie.as_ref().and_then(|id| movie_places.get(id)).map_or(&no_movie, |place| &movies[*place]);
            Found {
                values: in_order(columns, user.values.clone(), movie.values.clone()),
                user: user.rests_on,
                movie: movie.rests_on,
            }
        };
        Ok(entities.iter().map(found).collect())
    }

    fn read_user(&self, id: &UserId, row: Option<&Row>, columns: &[Column], as_of: Timestamp) -> Result<Read, Failure> {
        let definition = self.definition();
        let damaged = |error| Failure::internal("read a user's row", &corrupt(error));
        let Some(row) = row else {
            return Ok(Read { values: definition.of_user(columns, &UserRow::default(), as_of), rests_on: None });
        };
        let (values, event_time) = if definition.need_history(columns) {
            let whole: UserRow = unpack(&row.value).map_err(damaged)?;
            (definition.of_user(columns, &whole, as_of), whole.summary().event_time)
        } else {
            let summary: UserSummary = unpack(&row.value).map_err(damaged)?;
            (definition.of_summary(columns, &summary, as_of), summary.event_time)
        };
        let at = Position { partition: self.home(id), offset: row.applied };
        Ok(Read { values, rests_on: Some((event_time, at)) })
    }

    fn read_movie(&self, parts: &[Option<Row>], columns: &[Column], as_of: Timestamp) -> Result<Read, Failure> {
        let (mut sums, mut rests_on) = (Sums::default(), None);
        for (partition, row) in (0..).map(Partition).zip(parts) {
            let Some(row) = row else { continue };
            let damaged = |error| Failure::internal("read a movie's row", &corrupt(error));
            let part: MovieRow = unpack(&row.value).map_err(damaged)?;
            rests_on = rests_on.max(Some((part.event_time, Position { partition, offset: row.applied })));
            self.definition().add(&part, as_of, &mut sums);
        }
        Ok(Read { values: self.definition().of_sums(columns, &sums), rests_on })
    }
}
