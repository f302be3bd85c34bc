//! The values that Hive and Spark write into the names of folders, `rating=5`, and leave out of the
//! files inside.

use std::borrow::Cow;

use crate::cells::{Cell, Cells};
use crate::names::{Columns, Field};
use crate::options::Options;

/// The fields that a folder may give. Dates of folders are coarser than the times of ratings.
const FIELDS: [Field; 3] = [Field::User, Field::Movie, Field::Rating];

/// What Hive and Spark write for a value that is missing.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// The values of the rows of a file that are not in the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Given {
    /// The field, the name of its column, and its value.
    partitions: Vec<(Field, String, String)>,
    /// Whether the caller named the user.
    has_user: bool,
}

impl Given {
    /// Returns what the folders around a file say, outer ones first, and what the caller says.
    pub(crate) fn new(folders: &[String], options: &Options) -> Self {
        let columns: Vec<(&str, &str)> = folders.iter().filter_map(|folder| folder.split_once('=')).collect();
        let places = Columns::find(columns.iter().map(|(name, _)| *name), &options.columns, Field::rank);
        let of = |field: Field| {
            let (name, value) = columns.get(places.get(field)?)?;
            (*value != MISSING).then(|| (field, (*name).to_owned(), unescaped(value)))
        };
        Self { partitions: FIELDS.into_iter().filter_map(of).collect(), has_user: options.user.is_some() }
    }

    /// Returns whether rows have a value even without a column.
    pub(crate) fn has(&self, field: Field) -> bool {
        field == Field::User && self.has_user || self.partitions.iter().any(|(known, _, _)| *known == field)
    }

    /// Returns the name of the folder's column.
    pub(crate) fn name(&self, field: Field) -> Option<&str> {
        self.partitions.iter().find(|(known, _, _)| *known == field).map(|(_, name, _)| name.as_str())
    }

    /// Returns the values of folders.
    pub(crate) fn cells(&self) -> Cells<'static> {
        let mut cells = Cells::default();
        for (field, _, value) in &self.partitions {
            cells.set(*field, Cell::Text(Cow::Owned(value.clone().into_bytes())));
        }
        cells
    }
}

/// Returns a value without the `%3A` for characters that names of folders may not have.
fn unescaped(value: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(folders: &[&str]) -> Given {
        Given::new(&folders.iter().map(|folder| (*folder).to_owned()).collect::<Vec<_>>(), &Options::default())
    }

    #[test]
    fn folders_give_users_movies_and_ratings_and_nothing_else() {
        let given = given(&["export", "year=1997", "userId=Ann%20%C3%84", "rating=4.5", "movie_id=7%"]);
        let cells = given.cells();
        let text = |field: Field| cells.get(field).text().map(Cow::into_owned);
        assert_eq!(text(Field::User).as_deref(), Some("Ann Ä"));
        assert_eq!(text(Field::Rating).as_deref(), Some("4.5"));
        assert_eq!(text(Field::Movie).as_deref(), Some("7%"));
        assert_eq!((text(Field::Year), given.name(Field::User)), (None, Some("userId")));
    }

    #[test]
    fn a_value_that_is_missing_is_not_given() {
        assert!(!given(&["rating=__HIVE_DEFAULT_PARTITION__"]).has(Field::Rating));
        assert!(given(&["rating=3"]).has(Field::Rating) && !given(&["rating=3"]).has(Field::User));
        let of_one = Options { user: Some("me".to_owned()), ..Options::default() };
        assert!(Given::new(&[], &of_one).has(Field::User));
    }
}
