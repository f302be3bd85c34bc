//! The entities that features are asked of.

use marquee_domain::{MovieId, UserId};
use marquee_features::{Column, Value, View};

/// A user, a movie, or both. Features of an absent one have no value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Entity {
    pub(crate) user: Option<UserId>,
    pub(crate) movie: Option<MovieId>,
}

/// The values of one entity, one for each column.
pub(crate) type Values = Vec<Option<Value>>;

/// Returns whether one of the columns belongs to a view.
pub(crate) fn has_view(columns: &[Column], view: View) -> bool {
    columns.iter().any(|column| column.view == view)
}

/// Returns the values of an entity of a view that is absent.
pub(crate) fn no_values(columns: &[Column], view: View) -> Values {
    vec![None; columns.iter().filter(|column| column.view == view).count()]
}

/// Puts the values of two views in the order of the columns.
pub(crate) fn in_order(columns: &[Column], user: Values, movie: Values) -> Values {
    let (mut user, mut movie) = (user.into_iter(), movie.into_iter());
    let value = |column: &Column| match column.view {
        View::User => user.next().flatten(),
        View::Movie => movie.next().flatten(),
    };
    columns.iter().map(value).collect()
}
