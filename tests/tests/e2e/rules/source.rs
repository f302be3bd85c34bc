//! What every file must be: rules over the text of sources and of the crates' manifests.
//!
//! They read lines, not syntax. That is enough for code that rustfmt has laid out; a static that
//! hides its cell in a type of ours is not seen.

use super::Rule;

/// Most lines of a source file.
const LONGEST: usize = 600;

/// Types whose statics can change.
const CELLS: [&str; 6] = ["Atomic", "Cell", "Lazy", "Mutex", "Once", "RwLock"];

/// Statics that are justified, by file and name: a process has one ONNX Runtime, set once and never
/// changed; and what a task-local of the command line holds is of one call.
const JUSTIFIED: [(&str, &str); 2] =
    [("services/lib/onnx/src/runtime.rs", "LOADED"), ("services/cli/src/client.rs", "CALLED")];

/// Every rule over Rust files.
pub(super) const RULES: [Rule<[Source]>; 5] = [
    Rule { sentence: "there is no process-wide mutable state", breaches: process_wide },
    Rule { sentence: "a file opens with what it is for", breaches: unexplained },
    Rule { sentence: "a file has at most 600 lines", breaches: long },
    Rule { sentence: "every source file is compiled", breaches: orphaned },
    Rule { sentence: "a background task is supervised: only kit spawns it", breaches: unsupervised },
];

/// Every rule over the members' Cargo.toml.
pub(super) const MANIFEST_RULES: [Rule<[Source]>; 2] = [
    Rule { sentence: "every dependency is declared in the workspace's table", breaches: own_dependencies },
    Rule { sentence: "every crate takes the workspace's lints", breaches: own_lints },
];

/// A file, by its path from the root.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

/// Code of the product, as opposed to its tests, examples and fuzz targets.
pub(super) fn is_product(path: &str) -> bool {
    let inside = path.starts_with("services/") || path.starts_with("proto/");
    inside && path.contains("/src/")
}

pub(super) fn is_generated(path: &str) -> bool {
    path.contains("/gen/")
}

fn process_wide(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    let mut justified = Vec::new();
    for source in sources.iter().filter(|source| is_product(&source.path)) {
        for (number, declared) in changeable(&source.text) {
            let place = JUSTIFIED.into_iter().find(|&(path, name)| path == source.path && declared == name);
            match place {
                Some(place) => justified.push(place),
                None => found.push(format!("{} at {}:{number}", declared, source.path)),
            }
        }
    }
    let stale = |place: &&(&str, &str)| {
        sources.iter().any(|source| source.path == place.0) && !justified.iter().any(|seen| seen == *place)
    };
    found.extend(JUSTIFIED.iter().filter(stale).map(|(path, name)| format!("{name} at {path} is allowed and gone")));
    found
}

/// Statics that can change, by line and name; macros that declare such by the macro's name.
fn changeable(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim()).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for name in ["lazy_static!", "thread_local!"] {
            if line.contains(name) {
                found.push((at + 1, name.to_owned()));
            }
        }
        let Some(declared) = after_visibility(line).strip_prefix("static ") else { continue };
        // The type may stand on later lines; it ends where the value begins.
        let whole = std::iter::once(declared).chain(lines[at + 1..].iter().copied());
        let mut declaration = String::new();
        for part in whole {
            declaration.push_str(part);
            if part.contains(['=', ';']) {
                break;
            }
        }
        let declaration = declaration.split(['=', ';']).next().unwrap_or_default();
        let (name, kind) = declaration.split_once(':').unwrap_or((declaration, ""));
        let mutable = name.starts_with("mut ");
        if mutable || CELLS.iter().any(|cell| kind.contains(cell)) {
            found.push((at + 1, name.trim_start_matches("mut ").trim().to_owned()));
        }
    }
    found
}

fn after_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else { return line };
    let rest = match rest.strip_prefix('(') {
        Some(inside) => inside.split_once(')').map_or("", |(_, rest)| rest),
        None => rest,
    };
    rest.trim_start()
}

fn unexplained(sources: &[Source]) -> Vec<String> {
    let silent = |source: &&Source| !is_generated(&source.path) && !source.text.starts_with("//!");
    sources.iter().filter(silent).map(|source| format!("{} does not open with //!", source.path)).collect()
}

fn long(sources: &[Source]) -> Vec<String> {
    let counted = sources.iter().filter(|source| !is_generated(&source.path));
    let counted = counted.map(|source| (&source.path, source.text.lines().count()));
    counted.filter(|&(_, lines)| lines > LONGEST).map(|(path, lines)| format!("{path} has {lines}")).collect()
}

/// Files that no module above declares: the compiler never sees them.
fn orphaned(sources: &[Source]) -> Vec<String> {
    let is_orphan = |source: &&Source| {
        let Some((folder, file)) = source.path.rsplit_once('/') else { return false };
        let roots = ["lib.rs", "main.rs"];
        let is_root = roots.contains(&file) || folder.ends_with("/src/bin");
        if !is_product(&source.path) || is_generated(&source.path) || is_root {
            return false;
        }
        let declared = format!("mod {};", file.trim_end_matches(".rs"));
        let above = match folder.strip_suffix("/src") {
            Some(_) => roots.map(|root| format!("{folder}/{root}")),
            None => [format!("{folder}.rs"), format!("{folder}/mod.rs")],
        };
        !sources.iter().any(|source| above.contains(&source.path) && source.text.contains(&declared))
    };
    sources.iter().filter(is_orphan).map(|source| format!("{} is declared nowhere", source.path)).collect()
}

/// Code of the product, without its tests, that starts a task which nobody watches: a panic in it
/// would be noticed by nobody.
fn unsupervised(sources: &[Source]) -> Vec<String> {
    const SPAWNS: [&str; 4] = ["tokio::spawn(", "task::spawn(", "JoinSet::new(", "Handle::current().spawn("];
    let is_tested = |source: &&Source| {
        let is_test =
            ["/tests.rs", "/testing.rs", "/conformance/", "/testing/"].iter().any(|part| source.path.contains(part));
        is_product(&source.path) && !is_test && !source.path.starts_with("services/lib/kit/")
    };
    let mut found = Vec::new();
    for source in sources.iter().filter(is_tested) {
        let product = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (at, line) in product.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if SPAWNS.iter().any(|spawn| code.contains(spawn)) {
                found.push(format!("{}:{}", source.path, at + 1));
            }
        }
    }
    found
}

/// The lines of a manifest that say something, each with the section that it stands in.
fn settings(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut section = "";
    text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']);
        }
        (!line.is_empty() && !line.starts_with('[')).then_some((section, line))
    })
}

fn own_dependencies(manifests: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for manifest in manifests {
        for (section, line) in settings(&manifest.text) {
            // Also [target.'cfg(…)'.dependencies], and [dependencies.name], whose lines then are
            // settings of one dependency.
            let Some(at) = section.find("dependencies") else { continue };
            let alone = section.len() > at + "dependencies".len();
            let shared = line.contains("workspace = true") && !line.contains("version = ");
            let detail = alone && ["features", "optional", "default-features"].iter().any(|key| line.starts_with(key));
            if !shared && !detail {
                found.push(format!("{}: {line}", manifest.path));
            }
        }
    }
    found
}

fn own_lints(manifests: &[Source]) -> Vec<String> {
    let takes = |manifest: &Source| settings(&manifest.text).any(|setting| setting == ("lints", "workspace = true"));
    manifests.iter().filter(|manifest| !takes(manifest)).map(|manifest| manifest.path.clone()).collect()
}

/// A file, as it would be alone in a workspace.
fn source(path: &str, text: &str) -> Vec<Source> {
    vec![Source { path: path.to_owned(), text: text.to_owned() }]
}

#[test]
fn sound_files_break_no_rule() {
    let text = "//! Why.\nmod a;\n// static mut A: u8 = 0;\nstatic NAME: &str = \"Mutex\";\nfn f(x: &'static str) {}\n";
    assert_eq!(super::report(&RULES, source("services/a/src/lib.rs", text).as_slice()), Vec::<String>::new());
    let mut justified = source("services/lib/onnx/src/lib.rs", "//! Why.\nmod runtime;\n");
    justified
        .extend(source("services/lib/onnx/src/runtime.rs", "//! Why.\nstatic LOADED: Mutex<u8> = Mutex::new(0);\n"));
    assert_eq!(super::report(&RULES, justified.as_slice()), Vec::<String>::new());
    let elsewhere = source("services/a/tests/lib.rs", "//! Why.\nstatic COUNT: AtomicU64 = AtomicU64::new(0);\n");
    assert_eq!(super::report(&RULES, elsewhere.as_slice()), Vec::<String>::new());
    let generated = source("proto/src/gen/a.rs", &"fn f() {}\n".repeat(1_000));
    assert_eq!(super::report(&RULES, generated.as_slice()), Vec::<String>::new());
    let manifest = "[dependencies]\nserde = { workspace = true, features = [\"rc\"] }\ntokio.workspace = true\n\
                    [dependencies.http]\nworkspace = true\noptional = true\n[lints]\nworkspace = true\n";
    assert_eq!(super::report(&MANIFEST_RULES, source("a", manifest).as_slice()), Vec::<String>::new());
}

#[test]
fn every_kind_of_process_wide_state_is_reported() {
    for (declaration, name) in [
        ("static mut COUNT: u64 = 0;", "COUNT"),
        ("pub(crate) static CACHE: Mutex<Vec<u8>> = Mutex::new(Vec::new());", "CACHE"),
        ("pub static TABLE: std::sync::RwLock<u8> =\n    RwLock::new(0);", "TABLE"),
        ("    static NEXT: AtomicUsize = AtomicUsize::new(0);", "NEXT"),
        ("static KEY: OnceLock<String> = OnceLock::new();", "KEY"),
        ("static ALL:\n    LazyLock<Vec<String>> = LazyLock::new(Vec::new);", "ALL"),
        ("static CELL: once_cell::sync::OnceCell<u8> = OnceCell::new();", "CELL"),
        ("lazy_static! { }", "lazy_static!"),
        ("thread_local! { }", "thread_local!"),
    ] {
        let broken = source("services/lib/a/src/lib.rs", &format!("//! Why.\n{declaration}\n"));
        let words = [name, "services/lib/a/src/lib.rs:2"];
        super::assert_broken(&RULES, broken.as_slice(), RULES[0].sentence, &words);
    }
}

#[test]
fn state_that_is_allowed_and_gone_is_reported() {
    let mut gone = source("services/lib/onnx/src/lib.rs", "//! Why.\nmod runtime;\n");
    gone.extend(source("services/lib/onnx/src/runtime.rs", "//! Why.\n"));
    super::assert_broken(&RULES, gone.as_slice(), RULES[0].sentence, &["LOADED", "allowed and gone"]);
}

#[test]
fn silent_and_long_files_are_reported() {
    let silent = source("services/a/src/main.rs", "use std::fmt;\n");
    super::assert_broken(&RULES, silent.as_slice(), RULES[1].sentence, &["services/a/src/main.rs"]);
    let long = source("tests/src/b.rs", &format!("//! Why.\n{}", "// More.\n".repeat(LONGEST)));
    super::assert_broken(&RULES, long.as_slice(), RULES[2].sentence, &["tests/src/b.rs has 601"]);
}

#[test]
fn tasks_that_nobody_watches_are_reported() {
    let text =
        "//! Why.\nfn f() {\n    tokio::spawn(async {});\n}\n#[cfg(test)]\nmod tests {\n    tokio::spawn(x);\n}\n";
    let found = source("services/a/src/main.rs", text);
    super::assert_broken(&RULES, found.as_slice(), RULES[4].sentence, &["services/a/src/main.rs:3"]);
    let supervisor = source("services/lib/kit/src/main.rs", text);
    assert_eq!(super::report(&RULES, supervisor.as_slice()), Vec::<String>::new());
}

#[test]
fn files_that_no_module_declares_are_reported() {
    let mut files = source("services/a/src/lib.rs", "//! Why.\nmod b;\n");
    files.extend(source("services/a/src/b.rs", "//! Why.\npub(crate) mod c;\n"));
    files.extend(source("services/a/src/b/c.rs", "//! Why.\n"));
    assert_eq!(super::report(&RULES, files.as_slice()), Vec::<String>::new());
    files.extend(source("services/a/src/b/d.rs", "//! Why.\n"));
    super::assert_broken(&RULES, files.as_slice(), RULES[3].sentence, &["services/a/src/b/d.rs"]);
}

#[test]
fn dependencies_and_lints_of_a_crates_own_are_reported() {
    let lints = "[lints]\nworkspace = true\n";
    for line in
        ["serde = \"1\"", "serde = { version = \"1\" }", "serde = { path = \"../serde\" }", "serde = { git = \"x\" }"]
    {
        for section in ["dependencies", "dev-dependencies", "target.'cfg(unix)'.build-dependencies"] {
            let broken = source("marquee-a", &format!("[{section}]\n{line}\n{lints}"));
            super::assert_broken(&MANIFEST_RULES, broken.as_slice(), MANIFEST_RULES[0].sentence, &["marquee-a", line]);
        }
    }
    let table = source("marquee-a", &format!("[dependencies.serde]\nversion = \"1\"\n{lints}"));
    super::assert_broken(&MANIFEST_RULES, table.as_slice(), MANIFEST_RULES[0].sentence, &["marquee-a", "version"]);
    let own = source("marquee-a", "[lints.rust]\nmissing_docs = \"warn\"\n");
    super::assert_broken(&MANIFEST_RULES, own.as_slice(), MANIFEST_RULES[1].sentence, &["marquee-a"]);
}
