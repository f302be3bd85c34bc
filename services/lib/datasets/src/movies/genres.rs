//! The ways in which files write the genres of a movie.

use super::{Draft, Drafts, lines, title};
use crate::encoding::decode;
use crate::time::format::is_absent;

/// The genres of MovieLens 100K in the order of its flags, for a data set without `u.genre`.
const FLAGS: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// The genres of a movie as the file gives them.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// Names in one text.
    Text(String),
    /// A list of names.
    List(Vec<String>),
}

/// How the texts of a file separate genres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    /// By this character.
    Separated(char),
    /// As a list of JSON or Python, with names or objects.
    Literal,
}

impl Notation {
    /// Recognizes the notation of a file.
    pub(super) fn tell<'a>(genres: impl Iterator<Item = &'a Given>) -> Self {
        let (mut texts, mut literals, mut separators) = (0, 0, [('|', 0), (';', 0), (',', 0), (' ', 0)]);
        for given in genres {
            let Given::Text(text) = given else { continue };
            if is_none(text) {
                continue;
            }
            texts += 1;
            if is_literal(text) {
                literals += 1;
                continue;
            }
            separators.iter_mut().filter(|(sign, _)| text.contains(*sign)).for_each(|(_, count)| *count += 1);
        }
        if literals * 2 > texts {
            return Self::Literal;
        }
        // A blank is part of a name. Commas and semicolons separate only where no `|` does.
        let found = separators.into_iter().find(|(sign, count)| *sign != ' ' && *count > 0);
        Self::Separated(found.map_or('|', |(sign, _)| sign))
    }

    /// Returns the names.
    pub(super) fn split(self, given: Given) -> Vec<String> {
        let names = match (given, self) {
            (Given::List(names), _) => names,
            (Given::Text(text), Self::Literal) => literal(&text),
            (Given::Text(text), Self::Separated(sign)) if !is_none(&text) => {
                text.split(sign).map(str::to_owned).collect()
            }
            (Given::Text(_), Self::Separated(_)) => Vec::new(),
        };
        names.iter().map(|name| name.trim()).filter(|name| !is_none(name)).map(str::to_owned).collect()
    }
}

/// Returns whether a text says that a movie has no genre.
fn is_none(text: &str) -> bool {
    let text = text.trim();
    is_absent(text) || matches!(text, "unknown" | "(no genres listed)" | "[]")
}

fn is_literal(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('[') && text.ends_with(']')
}

/// Returns the texts of a list such as `["Action"]` or `[{'id': 28, 'name': 'Action'}]`: of
/// objects, those behind `name`.
fn literal(text: &str) -> Vec<String> {
    let (mut names, mut rest, mut key) = (Vec::new(), text, None);
    let has_objects = text.contains('{');
    while let Some(at) = rest.find(['"', '\'']) {
        let Some(quote) = rest.get(at..).and_then(|rest| rest.chars().next()) else { break };
        let Some((inner, behind)) = rest.get(at + 1..).and_then(|rest| rest.split_once(quote)) else { break };
        rest = behind;
        if has_objects && behind.trim_start().starts_with(':') {
            key = Some(inner);
        } else if !has_objects || key.take() == Some("name") {
            names.push(inner.to_owned());
        }
    }
    names
}

/// Reads `u.item`: id, title, two dates, a link and one flag for each genre, separated by `|`.
pub(super) fn flagged(bytes: &[u8], names: Option<&[u8]>, drafts: &mut Drafts) {
    let names = match names {
        None => FLAGS.iter().map(|name| (*name).to_owned()).collect(),
        Some(names) => genre_names(&decode(names)),
    };
    for (line, text) in lines(bytes) {
        let mut parts = text.split('|');
        let mut part = || parts.next().unwrap_or_default();
        let (id, title, released) = (part().to_owned(), part().to_owned(), part());
        let year = title::year_of_date(released);
        let set = names.iter().zip(parts.skip(2)).filter(|(_, flag)| flag.trim() == "1");
        let genres = Given::List(set.map(|(name, _)| name.clone()).collect());
        drafts.push(Draft { line, id, title, year, genres });
    }
}

/// Reads `u.genre`: a name and its position, separated by `|`.
fn genre_names(text: &str) -> Vec<String> {
    let numbered = |line: &str| {
        let (name, number) = line.trim_start_matches('\u{feff}').split_once('|')?;
        Some((number.trim().parse::<u32>().ok()?, name.to_owned()))
    };
    let mut names: Vec<(u32, String)> = text.lines().filter_map(numbered).collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_of_genres_is_that_of_most_movies() {
        let split = |texts: &[&str]| {
            let given: Vec<Given> = texts.iter().map(|text| Given::Text((*text).to_owned())).collect();
            let notation = Notation::tell(given.iter());
            given.into_iter().map(|given| notation.split(given).join("+")).collect::<Vec<_>>()
        };
        assert_eq!(
            split(&["Action|Sci-Fi", "(no genres listed)", "Drama, Crime"]),
            ["Action+Sci-Fi", "", "Drama, Crime"]
        );
        assert_eq!(split(&["Animation, Comedy", "\\N"]), ["Animation+Comedy", ""]);
        assert_eq!(
            split(&["[{'id': 28, 'name': 'Action'}, {'id': 1, 'name': \"Children's\"}]", "[]"]),
            ["Action+Children's", ""]
        );
        assert_eq!(split(&["[\"Action\", \"Drama\"]"]), ["Action+Drama"]);
        let odd = split(&["Action|Sci-Fi", "Drama", "[{'id': 12, 'name': 'Adventure'}]"]);
        assert!(odd[2].starts_with('['), "one odd text is not taken apart: {odd:?}");
        let listed = Given::List(vec!["(no genres listed)".to_owned(), String::new(), " Drama ".to_owned()]);
        assert_eq!(Notation::Literal.split(listed), ["Drama"]);
    }
}
