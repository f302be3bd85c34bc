//! Who may name what inside a crate: rules over the paths in Rust sources.
//!
//! They read text, not syntax: paths that begin with `crate`, `super` or `self`, in `use` items and
//! elsewhere. Tests at the end of a file and files of tests do not count.

use std::collections::{BTreeMap, BTreeSet};

use super::Rule;
use super::source::{Source, is_generated, is_product};

/// The roles. They and the libraries may name protobuf types in their `api` module only.
const ROLES: [&str; 7] = ["controller", "feature-store", "inference", "ingest", "monitor", "operator", "trainer"];

/// Every rule.
pub(super) const RULES: [Rule<[Source]>; 2] = [
    Rule { sentence: "a role or library names protobuf types in its api folder only", breaches: wire_inside },
    Rule { sentence: "modules do not import each other in a circle", breaches: circles },
];

/// Returns the lines of a file without comments, strings and the tests at its end.
fn code(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("#[cfg(test)]") && !code.is_empty() && text.contains("mod tests {") {
            break;
        }
        let mut quoted = false;
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' if quoted => drop(chars.next()),
                '"' => quoted = !quoted,
                '/' if !quoted && chars.peek() == Some(&'/') => break,
                _ if !quoted => code.push(char),
                _ => {}
            }
        }
        code.push('\n');
    }
    code
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The values of log records may be decoded anywhere; everything else of the bindings is wire.
fn wire_inside(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !is_test(&source.path)) {
        let Some(inside) = source.path.strip_prefix("services/") else { continue };
        let Some((package, file)) = inside.split_once("/src/") else { continue };
        let is_bound = ROLES.contains(&package) || package.starts_with("lib/");
        if !is_bound || file == "api.rs" || file.starts_with("api/") {
            continue;
        }
        for (at, line) in code(&source.text).lines().enumerate() {
            let rest = line.split_once("marquee_proto").map(|(_, rest)| rest);
            let allowed = rest.is_none_or(|rest| rest.starts_with("::record"));
            if !allowed {
                found.push(format!("{}:{}: {}", source.path, at + 1, line.trim()));
            }
        }
    }
    found
}

/// A module by its names from the root of its crate.
type Module = Vec<String>;

/// The modules of one crate and which modules each of them names.
#[derive(Default)]
struct Imports(BTreeMap<Module, BTreeSet<Module>>);

fn circles(sources: &[Source]) -> Vec<String> {
    let mut crates: BTreeMap<&str, Vec<(Module, String)>> = BTreeMap::new();
    for source in sources.iter().filter(|one| is_product(&one.path) && !is_generated(&one.path)) {
        let Some((root, file)) = source.path.split_once("/src/") else { continue };
        if is_test(&source.path) {
            continue;
        }
        let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let module: Module = match file {
            "lib" | "main" => Vec::new(),
            file => file.split('/').map(str::to_owned).collect(),
        };
        crates.entry(root).or_default().push((module, code(&source.text)));
    }
    let mut found = Vec::new();
    for (root, modules) in crates {
        for circle in Imports::of(&modules).circles() {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            found.push(format!("{root}: {}", names.join(", ")));
        }
    }
    found
}

impl Imports {
    fn of(modules: &[(Module, String)]) -> Self {
        let known: BTreeSet<&Module> = modules.iter().map(|(module, _)| module).collect();
        let mut imports = Self::default();
        for (module, code) in modules {
            let named = paths(code).into_iter().map(|path| resolve(module, &path, &known));
            // A parent and what is below it belong together; they may name each other.
            let apart = |other: &Module| !other.starts_with(module) && !module.starts_with(other);
            imports.0.insert(module.clone(), named.filter(apart).collect());
        }
        imports
    }

    fn reachable(&self, from: &Module) -> BTreeSet<&Module> {
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<&Module> = self.0.get(from).into_iter().flatten().collect();
        while let Some(module) = waiting.pop() {
            if seen.insert(module) {
                waiting.extend(self.0.get(module).into_iter().flatten());
            }
        }
        seen
    }

    /// Returns the sets of modules that reach each other.
    fn circles(&self) -> BTreeSet<BTreeSet<&Module>> {
        let reachable: BTreeMap<&Module, BTreeSet<&Module>> =
            self.0.keys().map(|module| (module, self.reachable(module))).collect();
        let back = |from: &Module, to: &Module| reachable.get(to).is_some_and(|all| all.contains(from));
        let circle = |(module, all): (&&Module, &BTreeSet<&'_ Module>)| -> Option<BTreeSet<Module>> {
            let mut circle: BTreeSet<Module> =
                all.iter().filter(|other| back(module, other)).map(|other| (*other).clone()).collect();
            circle.insert((*module).clone());
            (circle.len() > 1).then_some(circle)
        };
        let circles: BTreeSet<BTreeSet<Module>> = reachable.iter().filter_map(circle).collect();
        let own = |module: &Module| self.0.get_key_value(module).map(|(own, _)| own);
        circles.iter().map(|circle| circle.iter().filter_map(own).collect()).collect()
    }
}

/// Returns every path of a file that begins with `crate`, `super` or `self`, with the braces of
/// `use` items expanded.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|char| char.is_alphanumeric() || char == '_' || char == ':') {
                continue;
            }
            expand(&code[at..], &[], &mut found);
        }
    }
    found
}

/// Reads one path with its braces, and returns what follows it.
fn expand<'a>(text: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = before.to_vec();
    let mut text = text.trim_start();
    loop {
        let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if !name.is_empty() {
            path.push(name.to_owned());
        }
        text = rest;
        if let Some(inside) = text.strip_prefix('{') {
            return braces(inside, &path, found);
        }
        match text.strip_prefix("::") {
            Some(rest) => text = rest,
            None => break,
        }
    }
    found.push(path);
    text
}

fn braces<'a>(inside: &'a str, path: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut text = inside;
    loop {
        text = expand(text, path, found).trim_start();
        // A name may be followed by `as other` or `*`.
        let Some(at) = text.find([',', '}']) else { return "" };
        let closed = text[at..].starts_with('}');
        text = text[at + 1..].trim_start();
        if closed {
            return text;
        }
        if let Some(rest) = text.strip_prefix('}') {
            return rest;
        }
    }
}

/// Returns the module that a path leads to: its longest beginning that is a module.
fn resolve(from: &Module, path: &[String], known: &BTreeSet<&Module>) -> Module {
    let mut at = from.clone();
    let mut names = path.iter().peekable();
    match path.first().map(String::as_str) {
        Some("crate") => {
            at.clear();
            names.next();
        }
        Some("self") => drop(names.next()),
        _ => {
            while names.next_if(|name| *name == "super").is_some() {
                at.pop();
            }
        }
    }
    for name in names {
        at.push(name.clone());
        if !known.contains(&at) {
            at.pop();
            break;
        }
    }
    at
}

fn files(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

#[test]
fn a_sound_crate_breaks_no_rule() {
    let sound = files(&[
        ("services/ingest/src/lib.rs", "mod api;\nmod core;\npub use core::Core;\n"),
        ("services/ingest/src/api.rs", "pub(crate) mod wire;\nuse marquee_proto::convert;\nuse crate::core::Core;\n"),
        ("services/ingest/src/api/wire.rs", "use marquee_proto::{convert, ratings};\nuse super::A;\nuse crate::B;\n"),
        (
            "services/ingest/src/core.rs",
            "mod part;\nuse marquee_proto::record;\n// use crate::api;\nlet x = \"crate::api\";\n",
        ),
        ("services/ingest/src/core/part.rs", "use super::Core;\n#[cfg(test)]\nmod tests {\n use crate::api::X;\n}\n"),
        ("services/lib/log/src/decoder.rs", "use marquee_proto::record::{self, Refusal};\n"),
        ("services/lib/driver/src/api/wire.rs", "use marquee_proto::convert;\n"),
        ("services/lib/driver/src/tests.rs", "use marquee_proto::rollout::v1 as pb;\n"),
        ("services/cli/src/rate.rs", "use marquee_proto::convert;\n"),
    ]);
    assert_eq!(super::report(&RULES, sound.as_slice()), Vec::<String>::new());
}

#[test]
fn protobuf_types_outside_the_api_of_a_role_are_reported() {
    for (path, line) in [
        ("services/trainer/src/queue.rs", "use marquee_proto::training::v1 as pb;"),
        ("services/inference/src/rating/predict.rs", "use marquee_proto::{convert, record};"),
        ("services/ingest/src/apiary.rs", "fn f(x: marquee_proto::Timestamp) {}"),
        ("services/lib/driver/src/observe.rs", "use marquee_proto::rollout::v1::GetStatusRequest;"),
        ("services/lib/model/src/lib.rs", "use marquee_proto::convert;"),
    ] {
        let broken = files(&[(path, &format!("//! Why.\n{line}\n"))]);
        super::assert_broken(&RULES, broken.as_slice(), RULES[0].sentence, &[path, ":2"]);
    }
}

#[test]
fn a_circle_is_reported_in_every_way_of_writing_it() {
    for there in
        ["use crate::b::B;", "use crate::{c::C, b::{self, B}};", "use super::b::B as C;", "fn f(x: crate::b::B) {}"]
    {
        let broken = files(&[
            ("services/a/src/lib.rs", "mod a;\nmod b;\nmod c;\n"),
            ("services/a/src/a.rs", there),
            ("services/a/src/b.rs", "use crate::a::A;\n"),
            ("services/a/src/c.rs", "use crate::a::A;\n"),
        ]);
        super::assert_broken(&RULES, broken.as_slice(), RULES[1].sentence, &["services/a: a, b"]);
    }
}

#[test]
fn a_long_circle_is_reported_and_a_parent_with_its_child_is_not() {
    let mut tree = files(&[
        ("services/a/src/lib.rs", ""),
        ("services/a/src/a.rs", "use crate::a::part::P;\nuse crate::b::B;"),
        ("services/a/src/a/part.rs", "use crate::a::A;\n"),
        ("services/a/src/b.rs", "use crate::c::C;\n"),
        ("services/a/src/c.rs", ""),
    ]);
    assert_eq!(super::report(&RULES, tree.as_slice()), Vec::<String>::new());
    tree[4].text = "use crate::a::A;\n".to_owned();
    super::assert_broken(&RULES, tree.as_slice(), RULES[1].sentence, &["services/a: a, b, c"]);
}
