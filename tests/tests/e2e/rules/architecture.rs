//! What ARCHITECTURE.md must say: each invariant in its table names tests that exist.

use super::source::Source;
use super::{Rule, assert_broken, report};

/// Every rule over ARCHITECTURE.md and the source files.
pub(super) const RULES: [Rule<Architecture>; 2] = [
    Rule { sentence: "each invariant names a test", breaches: unheld },
    Rule { sentence: "each test that an invariant names exists", breaches: missing },
];

/// The text of ARCHITECTURE.md, and all Rust files.
#[derive(Debug, Default)]
pub(super) struct Architecture {
    pub(super) text: String,
    pub(super) sources: Vec<Source>,
}

impl Architecture {
    /// Returns the rows of the table of invariants: the first cell, and the names in backticks of
    /// the last cell. A name may have modules in front.
    fn invariants(&self) -> Vec<(&str, Vec<&str>)> {
        let section = self.text.split("\n## ").find(|section| section.starts_with("Invariants\n")).unwrap_or_default();
        let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let cells = rows.filter_map(|line| line.strip_prefix('|')?.trim_end().strip_suffix('|')?.split_once(" | "));
        cells.map(|(first, rest)| (first.trim(), names(rest.rsplit(" | ").next().unwrap_or_default()))).collect()
    }
}

/// Returns the last part of each path in backticks.
fn names(cell: &str) -> Vec<&str> {
    let paths = cell.split('`').skip(1).step_by(2);
    paths.map(|path| path.rsplit("::").next().unwrap_or(path)).collect()
}

fn unheld(architecture: &Architecture) -> Vec<String> {
    let rows = architecture.invariants();
    if rows.is_empty() {
        return vec!["the section \"Invariants\" has no table".to_owned()];
    }
    rows.into_iter().filter(|(_, names)| names.is_empty()).map(|(invariant, _)| invariant.to_owned()).collect()
}

fn missing(architecture: &Architecture) -> Vec<String> {
    let exists = |name: &str| {
        let declared = [format!("fn {name}("), format!("fn {name}<")];
        architecture.sources.iter().any(|source| declared.iter().any(|start| source.text.contains(start)))
    };
    let names = architecture.invariants().into_iter().flat_map(|(_, names)| names);
    names.filter(|name| !exists(name)).map(str::to_owned).collect()
}

fn example(row: &str) -> Architecture {
    let text =
        format!("# A\n`absent_a`\n## Invariants\n\n| invariant | held by |\n|---|---|\n{row}\n## B\n`absent_b`\n");
    let tests = Source { path: "a.rs".to_owned(), text: "//! Why.\nasync fn it_holds() {}\n".to_owned() };
    Architecture { text, sources: vec![tests] }
}

#[test]
fn an_invariant_with_a_test_breaks_no_rule() {
    assert_eq!(report(&RULES, &example("| It holds. | `a::tests::it_holds` |")), Vec::<String>::new());
}

#[test]
fn invariants_without_a_test_and_tests_that_do_not_exist_are_reported() {
    assert_broken(&RULES, &example(""), RULES[0].sentence, &["no table"]);
    assert_broken(&RULES, &example("| It holds. | review |"), RULES[0].sentence, &["It holds."]);
    let renamed = example("| It holds. | `it_holds`, `it_held` |");
    assert_broken(&RULES, &renamed, RULES[1].sentence, &["it_held"]);
}
