//! How comments read: rules over the comment lines of Rust sources and `.proto` files.
//!
//! rustfmt does not wrap comments, and no compiler reads them, so these rules do.

use super::Rule;
use super::source::{Source, is_generated};

/// The last column of a comment line.
const WIDTH: usize = 100;

/// Phrases that readers have to decode, each with the plain word for it.
const PUZZLING: [(&str, &str); 7] = [
    ("anew", "again"),
    ("whoever", "the caller"),
    ("of so many", "with N"),
    ("so many that", "more than"),
    ("nobody knows what", "unknown"),
    ("none of nothing", "`None`"),
    ("what is none", "what is absent"),
];

/// Every rule.
pub(super) const RULES: [Rule<[Source]>; 2] = [
    Rule { sentence: "a comment line ends by column 100", breaches: wide },
    Rule { sentence: "a comment is plain English", breaches: puzzling },
];

/// The comment lines of files that people write, with the place of each.
fn comments(sources: &[Source]) -> impl Iterator<Item = (String, &str)> {
    sources.iter().filter(|source| !is_generated(&source.path)).flat_map(|source| {
        let lines = source.text.lines().enumerate();
        let comments = lines.filter(|(_, line)| line.trim_start().starts_with("//"));
        comments.map(|(at, line)| (format!("{}:{}", source.path, at + 1), line))
    })
}

fn wide(sources: &[Source]) -> Vec<String> {
    let columns = comments(sources).map(|(place, line)| (place, line.chars().count()));
    columns.filter(|(_, columns)| *columns > WIDTH).map(|(place, columns)| format!("{place} has {columns}")).collect()
}

fn puzzling(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, line) in comments(sources) {
        let line = line.to_lowercase();
        for (phrase, plain) in PUZZLING {
            if contains_phrase(&line, phrase) {
                found.push(format!("{place} says \"{phrase}\"; say \"{plain}\""));
            }
        }
    }
    found
}

/// Returns whether a line contains a phrase as whole words.
fn contains_phrase(line: &str, phrase: &str) -> bool {
    line.match_indices(phrase).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + phrase.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

fn source(path: &str, text: &str) -> Vec<Source> {
    vec![Source { path: path.to_owned(), text: text.to_owned() }]
}

#[test]
fn plain_comments_within_the_width_break_no_rule() {
    let text = format!("//! {}\nlet long = \"{}\"; // anew\n/// A renewal.\n", "x".repeat(96), "x".repeat(200));
    assert_eq!(super::report(&RULES, source("services/a/src/lib.rs", &text).as_slice()), Vec::<String>::new());
    let generated = source("proto/src/gen/a.rs", &format!("// {} anew\n", "x".repeat(200)));
    assert_eq!(super::report(&RULES, generated.as_slice()), Vec::<String>::new());
}

#[test]
fn a_wide_comment_is_reported_by_its_line() {
    for path in ["services/a/src/lib.rs", "proto/marquee/a/v1/a.proto"] {
        let broken = source(path, &format!("// Why.\n    // {}\n", "x".repeat(97)));
        super::assert_broken(&RULES, broken.as_slice(), RULES[0].sentence, &[&format!("{path}:2 has 104")]);
    }
}

#[test]
fn every_puzzling_phrase_is_reported_with_the_plain_one() {
    for (phrase, plain) in PUZZLING {
        let broken = source("services/a/src/lib.rs", &format!("/// It is {phrase}.\n"));
        super::assert_broken(&RULES, broken.as_slice(), RULES[1].sentence, &[phrase, plain]);
    }
}
