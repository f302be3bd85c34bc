//! Reads users: their histories and statistics.

use std::sync::Arc;

use marquee_domain::{MovieId, Position, Timestamp, UserId};
use marquee_features::{Definition, UserHead, UserRow, UserSummary};
use marquee_kit::Failure;
use marquee_ports::{Error, Row, RowKey};

use super::{Basis, Online, Statistics};
use crate::rows::{unpack_row, weigh};

/// A user to read.
#[derive(Debug, Clone)]
pub(crate) struct UserQuery {
    pub(crate) id: UserId,
    /// The version that the caller has; 0 for no version. The history is left out if it is current.
    pub(crate) known_version: u64,
}

/// The parts of each user to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection {
    pub(crate) history: bool,
    pub(crate) statistics: bool,
    /// Windows end here.
    pub(crate) as_of: Timestamp,
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    pub(crate) id: UserId,
    /// Changes with every event of the user; 0 before the first.
    pub(crate) version: u64,
    /// The caller's version is current, so the history is left out.
    pub(crate) unchanged: bool,
    /// Movie, rating and time of the newest ratings, oldest first.
    pub(crate) history: Vec<(MovieId, f64, Timestamp)>,
    pub(crate) statistics: Option<Statistics>,
    /// `None` before the first event of the user.
    pub(crate) basis: Option<Basis>,
}

impl Online {
    /// Reads users, in the order of the queries.
    pub(crate) async fn users(&self, queries: Vec<UserQuery>, selection: Selection) -> Result<Vec<User>, Failure> {
        let keys: Vec<RowKey> = queries.iter().map(|query| self.rows.user_key(&query.id)).collect();
        let rows = self.rows.get(&keys).await?;
        self.meters.users_read.inc_by(queries.len() as u64);
        let definition = Arc::clone(&self.definition);
        self.project(weigh(queries.len(), rows.iter().flatten()), move || {
            let stored = keys.iter().zip(&rows).map(|(key, row)| Some((key, row.as_ref()?)));
            let users = queries.into_iter().zip(stored);
            users.map(|(query, stored)| user(&definition, query, stored, selection)).collect()
        })
        .await
    }
}

fn user(
    definition: &Definition,
    query: UserQuery,
    stored: Option<(&RowKey, &Row)>,
    selection: Selection,
) -> Result<User, Error> {
    let row = stored.map(|(_, row)| row);
    // The offset plus 1, because 0 means that there is no event yet.
    let version = row.map_or(0, |row| row.applied.0 + 1);
    let unchanged = version != 0 && version == query.known_version;
    let history = selection.history && !unchanged;
    let whole = read(row, history, selection.statistics)?;
    let summary = whole.summary();
    let basis = |(key, row): (&RowKey, &Row)| Basis {
        event_time: summary.event_time,
        applied: Position { partition: key.source, offset: row.applied },
    };
    let entry = |(movie, rating, at): (&MovieId, f64, Timestamp)| (movie.clone(), rating, at);
    Ok(User {
        version,
        unchanged,
        history: match history {
            true => definition.history(&whole).into_iter().map(entry).collect(),
            false => Vec::new(),
        },
        statistics: selection.statistics.then(|| definition.user_statistics(summary, selection.as_of).into()),
        basis: stored.map(basis),
        id: query.id,
    })
}

/// Unpacks as little of a row as the answer needs: the whole for a history, the summary for
/// statistics, and otherwise the head.
fn read(row: Option<&Row>, history: bool, statistics: bool) -> Result<UserRow, Error> {
    Ok(match row {
        None => UserRow::default(),
        Some(row) if history => unpack_row(row)?,
        Some(row) if statistics => unpack_row::<UserSummary>(row)?.into(),
        Some(row) => unpack_row::<UserHead>(row)?.into(),
    })
}
