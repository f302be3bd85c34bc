//! What README.md must say: its table of the HTTP API has every route, and no other.

use std::collections::BTreeSet;

use super::source::{Source, is_product};
use super::{Rule, assert_broken, report};

/// Every rule over README.md and the source files.
pub(super) const RULES: [Rule<Readme>; 1] =
    [Rule { sentence: "README.md lists every route of the HTTP API", breaches: differences }];

/// The text of README.md, and all Rust files.
#[derive(Debug, Default)]
pub(super) struct Readme {
    pub(super) text: String,
    pub(super) sources: Vec<Source>,
}

/// The methods that routes are declared with.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

impl Readme {
    /// Returns the calls of the table, for example `GET /v1/movies`.
    fn listed(&self) -> BTreeSet<String> {
        let calls = self.text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let is_call = |call: &&str| METHODS.iter().any(|method| call.starts_with(&format!("{} /v1/", upper(method))));
        calls.map(|(call, _)| call).filter(is_call).map(str::to_owned).collect()
    }

    /// Returns the calls that the roles answer.
    fn routed(&self) -> BTreeSet<String> {
        let is_routes = |source: &&Source| is_product(&source.path) && source.path.ends_with("/api/http.rs");
        self.sources.iter().filter(is_routes).flat_map(|source| calls(&source.text)).collect()
    }
}

fn upper(method: &str) -> String {
    method.to_ascii_uppercase()
}

/// Returns the calls that a file declares with `.route(PATH, METHODS)`.
fn calls(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for route in text.split(".route(").skip(1) {
        let Some((path, rest)) = route.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')) else {
            continue;
        };
        let declared = rest.split(';').next().unwrap_or_default();
        for method in METHODS {
            // The name of a handler may end with that of a method.
            let is_word = |at: usize| !declared[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_');
            if declared.match_indices(&format!("{method}(")).any(|(at, _)| is_word(at)) {
                found.push(format!("{} {path}", upper(method)));
            }
        }
    }
    found
}

fn differences(readme: &Readme) -> Vec<String> {
    let (listed, routed) = (readme.listed(), readme.routed());
    let missing = routed.difference(&listed).map(|call| format!("`{call}` is not in the table"));
    missing.chain(listed.difference(&routed).map(|call| format!("`{call}` does not exist"))).collect()
}

fn example(rows: &str) -> Readme {
    let routes = "//! Why.\nfn routes() -> Router {\n    Router::new()\n        \
                  .route(\"/v1/movies\", put(upsert).get(list))\n        \
                  .route(\"/v1/users/{user}\", delete(forget));\n}\nfn other() { get(1) }\n";
    let source = Source { path: "services/ingest/src/api/http.rs".to_owned(), text: routes.to_owned() };
    Readme { text: format!("# A\n\n| call | |\n|---|---|\n{rows}| `limit` | x |\n"), sources: vec![source] }
}

#[test]
fn a_table_with_every_route_breaks_no_rule() {
    let rows = "| `GET /v1/movies` | lists |\n| `PUT /v1/movies` | adds |\n| `DELETE /v1/users/{user}` | removes |\n";
    assert_eq!(report(&RULES, &example(rows)), Vec::<String>::new());
}

#[test]
fn routes_that_are_not_listed_and_calls_that_do_not_exist_are_reported() {
    let rows = "| `GET /v1/movies` | lists |\n| `PUT /v1/movies` | adds |\n";
    assert_broken(&RULES, &example(rows), RULES[0].sentence, &["`DELETE /v1/users/{user}` is not in the table"]);
    let rows = format!("{rows}| `DELETE /v1/users/{{user}}` | removes |\n| `POST /v1/movies` | adds |\n");
    assert_broken(&RULES, &example(&rows), RULES[0].sentence, &["`POST /v1/movies` does not exist"]);
}
