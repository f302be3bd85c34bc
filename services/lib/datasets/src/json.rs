//! Reads the fields of JSON objects. Fields may be nested, as in the exports of Trakt:
//! `{"rating": 9, "movie": {"ids": {"imdb": "tt0114709"}}}`.

pub(crate) mod frames;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::cells::{Cell, Cells};
use crate::names::{FIELDS, Field, canonical};

/// The deepest object whose fields are looked at.
const DEEPEST: usize = 4;

/// How telling an object under the name of a field is: less than any value.
const NESTED: usize = usize::MAX - 1;

/// The fields that a key may name, each with how telling the key is.
type Roles = Vec<(Field, usize)>;

/// The meaning of keys, kept for the keys that were met.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    named: Vec<(Field, String)>,
    rank: fn(Field, &str) -> Option<usize>,
    met: Vec<(String, Roles)>,
    forgotten: Vec<Field>,
}

/// The most keys that are kept.
const MET: usize = 200;

impl Keys {
    pub(crate) fn new(named: &[(Field, String)], rank: fn(Field, &str) -> Option<usize>) -> Self {
        Self { named: named.to_vec(), rank, met: Vec::new(), forgotten: Vec::new() }
    }

    fn roles(&self, path: &str) -> Roles {
        let canonical = canonical(path);
        let rank = |field: Field| match self.named.iter().find(|(named, _)| *named == field) {
            Some((_, name)) => (name == path || self::canonical(name) == canonical).then_some(0),
            None => (self.rank)(field, &canonical),
        };
        let fields = Field::ALL.into_iter().filter(|field| !self.forgotten.contains(field));
        fields.filter_map(|field| Some((field, rank(field)?))).collect()
    }

    /// Returns the index of a key's roles in `met`.
    fn meet(&mut self, path: &str) -> usize {
        if let Some(at) = self.met.iter().position(|(known, _)| known == path) {
            return at;
        }
        if self.met.len() == MET {
            self.met.pop();
        }
        self.met.push((path.to_owned(), self.roles(path)));
        self.met.len() - 1
    }

    /// Returns the paths of the keys that were met.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.met.iter().map(|(path, _)| path.as_str())
    }

    /// Leaves out fields whose usual keys hold something else in this file.
    pub(crate) fn forget(&mut self, fields: &[Field]) {
        let given = |field: &Field| self.named.iter().any(|(named, _)| named == field);
        self.forgotten = fields.iter().filter(|field| !given(field)).copied().collect();
        self.met.clear();
    }

    /// Parses an object. Returns its cells, and the most telling key of each field.
    pub(crate) fn parse<'a>(&mut self, object: &'a [u8]) -> Result<Found<'a>, String> {
        let mut found = Found { cells: Cells::default(), ranks: [usize::MAX; FIELDS], paths: Default::default() };
        let mut json = serde_json::Deserializer::from_slice(object);
        let seed = Object { keys: self, found: &mut found, path: String::new(), depth: 0 };
        seed.deserialize(&mut json).and_then(|_| json.end()).map_err(|error| error.to_string())?;
        Ok(found)
    }
}

/// The fields of an object.
pub(crate) struct Found<'a> {
    pub(crate) cells: Cells<'a>,
    ranks: [usize; FIELDS],
    /// The index of each field's key among the keys that were met.
    paths: [Option<usize>; FIELDS],
}

impl<'a> Found<'a> {
    fn is_better(&self, role: (Field, usize)) -> bool {
        self.ranks.get(role.0 as usize).is_some_and(|known| role.1 < *known)
    }

    fn set(&mut self, (field, rank): (Field, usize), key: usize, cell: Cell<'a>) {
        if let (Some(known), Some(path)) = (self.ranks.get_mut(field as usize), self.paths.get_mut(field as usize)) {
            *known = rank;
            *path = Some(key);
            self.cells.set(field, cell);
        }
    }

    /// Returns the path of a field's key.
    pub(crate) fn path<'k>(&self, field: Field, keys: &'k Keys) -> Option<&'k str> {
        let at = self.paths.get(field as usize).copied().flatten()?;
        keys.met.get(at).map(|(path, _)| path.as_str())
    }
}

/// Parses an object, or one inside of it.
struct Object<'k, 'f, 'a> {
    keys: &'k mut Keys,
    found: &'f mut Found<'a>,
    path: String,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { keys, found, path, depth } = self;
        while let Some(key) = map.next_key_seed(Key { keys, path: &path })? {
            map.next_value_seed(Value { keys, found, key, depth })?;
        }
        Ok(())
    }
}

/// Finds a key among those that were met.
struct Key<'k, 'p> {
    keys: &'k mut Keys,
    /// The path of the object.
    path: &'p str,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<usize, E> {
        Ok(if self.path.is_empty() { self.keys.meet(key) } else { self.keys.meet(&format!("{}.{key}", self.path)) })
    }
}

/// Parses the value of a key.
struct Value<'k, 'f, 'a> {
    keys: &'k mut Keys,
    found: &'f mut Found<'a>,
    key: usize,
    depth: usize,
}

impl<'de> Value<'_, '_, 'de> {
    fn roles(&self) -> &[(Field, usize)] {
        self.keys.met.get(self.key).map_or(&[], |(_, roles)| roles)
    }

    fn set(self, cell: &Cell<'de>) {
        let Self { keys, found, key, .. } = self;
        for role in keys.met.get(key).into_iter().flat_map(|(_, roles)| roles) {
            if found.is_better(*role) {
                found.set(*role, key, cell.clone());
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.set(&Cell::of_text(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if !self.roles().is_empty() {
            self.set(&Cell::Text(Cow::Owned(text.as_bytes().to_vec())));
        }
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.set(&Cell::Integer(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        let large = || Cell::Text(Cow::Owned(number.to_string().into_bytes()));
        self.set(&i64::try_from(number).map_or_else(|_| large(), Cell::Integer));
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.set(&Cell::Float(number));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.set(&Cell::Other);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.roles().iter().all(|(field, _)| *field != Field::Genres) {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            self.set(&Cell::Other);
            return Ok(());
        }
        let mut texts = Vec::new();
        while let Some(element) = seq.next_element::<serde_json::Value>()? {
            let named = element.get("name").and_then(serde_json::Value::as_str);
            texts.extend(element.as_str().or(named).map(str::to_owned));
        }
        self.set(&Cell::List(texts));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.depth + 1 >= DEEPEST {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let path = self.keys.met.get(self.key).map(|(path, _)| path.clone()).unwrap_or_default();
        // An object under the name of a field is that field only if its own fields are not.
        for (field, _) in self.keys.met.get(self.key).into_iter().flat_map(|(_, roles)| roles) {
            if self.found.is_better((*field, NESTED)) {
                self.found.set((*field, NESTED), self.key, Cell::Other);
            }
        }
        Object { keys: self.keys, found: self.found, path, depth: self.depth + 1 }.visit_map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(object: &str, named: &[(Field, String)]) -> Vec<(Field, String)> {
        let mut keys = Keys::new(named, Field::rank);
        let found = keys.parse(object.as_bytes()).expect("an object");
        Field::ALL.into_iter().filter_map(|field| Some((field, found.cells.get(field).text()?.into_owned()))).collect()
    }

    fn some(pairs: &[(Field, &str)]) -> Vec<(Field, String)> {
        pairs.iter().map(|(field, text)| (*field, (*text).to_owned())).collect()
    }

    #[test]
    fn the_most_telling_key_is_that_of_a_field_wherever_it_stands() {
        for (object, expected) in [
            (
                r#"{"user": "Ann", "userId": 7, "movie_id": "m", "rating": 4.5, "x": [{}]}"#,
                some(&[(Field::User, "7"), (Field::Movie, "m"), (Field::Rating, "4.5")]),
            ),
            (
                r#"{"user_id": "u1", "user": {"login": "ann"}, "movie_id": 1, "movie": {"title": "x", "ids": {"imdb": "tt1"}}}"#,
                some(&[(Field::User, "u1"), (Field::Movie, "1"), (Field::Title, "x")]),
            ),
            (
                r#"{"movie": {"title": "Up", "year": 2009, "ids": {"trakt": 1, "imdb": null}}, "rating": 9}"#,
                some(&[(Field::Movie, "1"), (Field::Rating, "9"), (Field::Title, "Up"), (Field::Year, "2009")]),
            ),
            (r#"{"user_id": 1, "userId": 2}"#, some(&[(Field::User, "1")])),
            (r#"{"genres": ["A", {"name": "B"}, 3]}"#, some(&[(Field::Genres, "A|B")])),
        ] {
            assert_eq!(parse(object, &[]), expected, "{object}");
        }
        let named = [(Field::Movie, "movie.ids.slug".to_owned())];
        assert_eq!(parse(r#"{"movie": {"id": 1, "ids": {"slug": "up"}}}"#, &named), some(&[(Field::Movie, "up")]));
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for text in ["nonsense", "[]", "1", "{\"a\": 1} {}", "{\"a\""] {
            assert!(Keys::new(&[], Field::rank).parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
