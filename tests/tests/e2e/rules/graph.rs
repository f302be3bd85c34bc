//! Who may depend on whom: rules over the graph of crates, our own and foreign ones.
//!
//! A crate is known by its name alone: two versions of one crate are one node, which can only make
//! the rules stricter.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Rule;

/// Crates without async, I/O or wire format, and all that they may name: serialisation by serde
/// and its helpers for durations, paths and schemas, errors by thiserror, and SHA-256, which is
/// arithmetic and assigns users to versions.
const PURE: [(&str, &[&str]); 6] = [
    ("marquee-domain", &["serde", "sha2", "thiserror"]),
    ("marquee-eval", &["marquee-domain", "marquee-fit", "marquee-posterior", "postcard", "serde", "thiserror"]),
    ("marquee-fit", &["marquee-domain", "marquee-posterior", "rand", "rand_distr", "sha2", "thiserror"]),
    ("marquee-posterior", &[]),
    ("marquee-report", &["marquee-eval"]),
    (
        "marquee-rollout",
        &["humantime-serde", "marquee-domain", "schemars", "serde", "serde_path_to_error", "sha2", "thiserror"],
    ),
];

/// Crates that know no message of our APIs.
const WIRELESS: [&str; 26] = [
    "marquee-backoff",
    "marquee-collect",
    "marquee-datasets",
    "marquee-domain",
    "marquee-embedded",
    "marquee-eval",
    "marquee-explore",
    "marquee-features",
    "marquee-fit",
    "marquee-kafka",
    "marquee-mlflow",
    "marquee-model",
    "marquee-objects",
    "marquee-onnx",
    "marquee-parquet",
    "marquee-ports",
    "marquee-posterior",
    "marquee-prepare",
    "marquee-redis",
    "marquee-report",
    "marquee-rollout",
    "marquee-settings",
    "marquee-tables",
    "marquee-tune",
    "marquee-tuning",
    "marquee-validate",
];

/// An ONNX file is a protobuf message: the package writes it with prost and shares no message with
/// the wire.
const NOT_WIRE: (&str, &str) = ("marquee-model", "prost");

const ROLES: [&str; 7] = [
    "marquee-controller",
    "marquee-feature-store",
    "marquee-inference",
    "marquee-ingest",
    "marquee-monitor",
    "marquee-operator",
    "marquee-trainer",
];

const ADAPTERS: [&str; 5] = ["marquee-embedded", "marquee-kafka", "marquee-mlflow", "marquee-objects", "marquee-redis"];

/// The client of the public APIs. Other programs are built from it, so it stays light.
const CLIENT: &str = "marquee-cli";

/// Crates that belong to servers and never to the client.
const SERVERS_ONLY: [&str; 6] = ["arrow-array", "fjall", "object_store", "ort", "rdkafka", "redis"];

/// The composition root, and the tests of the whole.
const SEE_ALL: [&str; 2] = ["marquee", "marquee-e2e"];

/// Heavy crates, each with the only crate of ours that names it.
const HEAVY: [(&str, &str); 11] = [
    ("arrow-array", "marquee-tables"),
    ("fjall", "marquee-embedded"),
    ("kube", "marquee-operator"),
    ("mysql_async", "marquee-collect"),
    ("object_store", "marquee-objects"),
    ("ort", "marquee-onnx"),
    ("parquet", "marquee-parquet"),
    ("plotters", "marquee-explore"),
    ("rdkafka", "marquee-kafka"),
    ("redis", "marquee-redis"),
    ("tokio-postgres", "marquee-collect"),
];

/// Every rule.
pub(super) const RULES: [Rule<Graph>; 6] = [
    Rule {
        sentence: "domain, eval, fit, report and rollout know no async, no I/O and no wire format",
        breaches: impure,
    },
    Rule { sentence: "wire types stop at the handler", breaches: wired },
    Rule { sentence: "roles never depend on roles", breaches: coupled },
    Rule { sentence: "only marquee sees both roles and adapters", breaches: seeing_both },
    Rule { sentence: "a heavy crate is named by one crate of ours", breaches: heavy },
    Rule { sentence: "the client needs no role, no adapter and no server's crate", breaches: client },
];

/// Crates by name, with what they depend on.
#[derive(Debug, Default)]
pub(super) struct Graph(BTreeMap<String, BTreeSet<String>>);

/// A crate of this workspace.
pub(super) fn is_ours(name: &str) -> bool {
    name == "marquee" || name.starts_with("marquee-")
}

impl Graph {
    pub(super) fn add(&mut self, name: &str) {
        self.0.entry(name.to_owned()).or_default();
    }

    pub(super) fn depend(&mut self, of: &str, on: &str) {
        self.0.entry(of.to_owned()).or_default().insert(on.to_owned());
        self.add(on);
    }

    fn ours(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| is_ours(name))
    }

    fn direct(&self, of: &str) -> impl Iterator<Item = &str> {
        self.0.get(of).into_iter().flatten().map(String::as_str)
    }

    /// The shortest way from a crate to each that it reaches and that is asked for, as `a → b → c`.
    fn ways(&self, from: &str, wanted: impl Fn(&str) -> bool, skipped: (&str, &str)) -> Vec<String> {
        let mut seen = BTreeSet::from([from]);
        let mut waiting = VecDeque::from([(from, from.to_owned())]);
        let mut found = Vec::new();
        while let Some((at, way)) = waiting.pop_front() {
            for next in self.direct(at) {
                if (at, next) == skipped || !seen.insert(next) {
                    continue;
                }
                let way = format!("{way} → {next}");
                if wanted(next) {
                    found.push(way);
                } else {
                    waiting.push_back((next, way));
                }
            }
        }
        found
    }
}

/// What a pure crate's allowed dependencies bring with them is theirs; so it is enough to look at
/// what it names.
fn impure(graph: &Graph) -> Vec<String> {
    let names = |(of, allowed): (&'static str, &'static [&str])| {
        let wrong = graph.direct(of).filter(move |on| !allowed.contains(on));
        wrong.map(move |on| format!("{of} → {on}; it may name {}", allowed.join(", ")))
    };
    PURE.into_iter().flat_map(names).collect()
}

fn wired(graph: &Graph) -> Vec<String> {
    let wire = |name: &str| name == "marquee-proto" || name.starts_with("tonic") || name.starts_with("prost");
    WIRELESS.iter().flat_map(|of| graph.ways(of, wire, NOT_WIRE)).collect()
}

fn coupled(graph: &Graph) -> Vec<String> {
    ROLES.iter().flat_map(|of| graph.ways(of, |name| ROLES.contains(&name), ("", ""))).collect()
}

fn seeing_both(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for of in graph.ours().filter(|name| !SEE_ALL.contains(name)) {
        let roles = graph.ways(of, |name| ROLES.contains(&name), ("", ""));
        let adapters = graph.ways(of, |name| ADAPTERS.contains(&name), ("", ""));
        if ROLES.contains(&of) {
            found.extend(adapters);
        } else if ADAPTERS.contains(&of) {
            found.extend(roles);
        } else if let (Some(role), Some(adapter)) = (roles.first(), adapters.first()) {
            found.push(format!("{role} and {adapter}"));
        }
    }
    found
}

fn heavy(graph: &Graph) -> Vec<String> {
    let named = |(heavy, owner): (&'static str, &'static str)| {
        let others = graph.ours().filter(move |of| *of != owner && graph.direct(of).any(|on| on == heavy));
        others.map(move |of| format!("{of} → {heavy}, which belongs to {owner}"))
    };
    HEAVY.into_iter().flat_map(named).collect()
}

fn client(graph: &Graph) -> Vec<String> {
    let foreign = |name: &str| ROLES.contains(&name) || ADAPTERS.contains(&name) || SERVERS_ONLY.contains(&name);
    graph.ways(CLIENT, foreign, ("", ""))
}

/// A small workspace that keeps every rule.
fn sound() -> Graph {
    let mut graph = Graph::default();
    for (of, on) in [
        ("marquee-domain", vec!["serde", "sha2", "thiserror"]),
        ("marquee-rollout", vec!["marquee-domain", "serde"]),
        ("marquee-ports", vec!["marquee-domain", "tokio"]),
        ("marquee-proto", vec!["marquee-domain", "tonic", "prost"]),
        ("marquee-kit", vec!["marquee-proto", "tokio"]),
        ("marquee-model", vec!["marquee-ports", "marquee-parquet", "prost"]),
        ("marquee-onnx", vec!["ort"]),
        ("marquee-parquet", vec!["parquet"]),
        ("marquee-embedded", vec!["marquee-ports", "fjall"]),
        ("marquee-trainer", vec!["marquee-kit", "marquee-model", "marquee-ports"]),
        ("marquee-inference", vec!["marquee-kit", "marquee-model", "marquee-onnx"]),
        ("marquee-cli", vec!["marquee-kit", "marquee-parquet", "marquee-proto"]),
        ("marquee", vec!["marquee-cli", "marquee-inference", "marquee-trainer", "marquee-embedded"]),
        ("marquee-e2e", vec!["marquee", "marquee-embedded"]),
        ("tonic", vec!["prost", "tokio"]),
    ] {
        on.into_iter().for_each(|on| graph.depend(of, on));
    }
    graph
}

/// A sound workspace with more dependencies.
fn with(more: &[(&str, &str)]) -> Graph {
    let mut graph = sound();
    more.iter().for_each(|(of, on)| graph.depend(of, on));
    graph
}

#[test]
fn a_sound_workspace_breaks_no_rule() {
    assert_eq!(super::report(&RULES, &sound()), Vec::<String>::new());
}

#[test]
fn a_pure_crate_that_names_anything_else_is_reported() {
    let sentence = RULES[0].sentence;
    super::assert_broken(&RULES, &with(&[("marquee-domain", "tokio")]), sentence, &["marquee-domain → tokio"]);
    super::assert_broken(&RULES, &with(&[("marquee-rollout", "rand")]), sentence, &["marquee-rollout → rand"]);
}

#[test]
fn a_wire_format_inside_is_reported_with_the_way_to_it() {
    let sentence = RULES[1].sentence;
    let direct = with(&[("marquee-parquet", "prost")]);
    super::assert_broken(&RULES, &direct, sentence, &["marquee-parquet → prost"]);
    let far = with(&[("marquee-ports", "marquee-kit")]);
    super::assert_broken(&RULES, &far, sentence, &["marquee-embedded → marquee-ports → marquee-kit → marquee-proto"]);
    super::assert_broken(&RULES, &with(&[("marquee-redis", "tonic")]), sentence, &["marquee-redis → tonic"]);
    // The package may write ONNX with prost; that does not let it speak gRPC.
    super::assert_broken(&RULES, &with(&[("marquee-model", "tonic")]), sentence, &["marquee-model → tonic"]);
}

#[test]
fn a_role_that_depends_on_a_role_is_reported_also_through_a_library() {
    let sentence = RULES[2].sentence;
    let direct = with(&[("marquee-inference", "marquee-trainer")]);
    super::assert_broken(&RULES, &direct, sentence, &["marquee-inference → marquee-trainer"]);
    let far = with(&[("marquee-trainer", "marquee-shared"), ("marquee-shared", "marquee-ingest")]);
    super::assert_broken(&RULES, &far, sentence, &["marquee-trainer → marquee-shared → marquee-ingest"]);
}

#[test]
fn roles_and_adapters_that_see_each_other_are_reported_and_so_is_who_sees_both() {
    let sentence = RULES[3].sentence;
    let role = with(&[("marquee-ingest", "marquee-embedded")]);
    super::assert_broken(&RULES, &role, sentence, &["marquee-ingest → marquee-embedded"]);
    let adapter = with(&[("marquee-redis", "marquee-ingest")]);
    super::assert_broken(&RULES, &adapter, sentence, &["marquee-redis → marquee-ingest"]);
    let both = with(&[("marquee-tool", "marquee-ingest"), ("marquee-tool", "marquee-kafka")]);
    super::assert_broken(&RULES, &both, sentence, &["marquee-tool → marquee-ingest", "marquee-tool → marquee-kafka"]);
}

#[test]
fn a_heavy_crate_outside_its_place_is_reported() {
    let sentence = RULES[4].sentence;
    for (heavy, owner) in HEAVY {
        let words = format!("marquee-tool → {heavy}, which belongs to {owner}");
        super::assert_broken(&RULES, &with(&[("marquee-tool", heavy)]), sentence, &[&words]);
    }
}

#[test]
fn a_client_that_reaches_into_the_servers_is_reported_with_the_way_to_it() {
    let sentence = RULES[5].sentence;
    // One that breaks no other rule, for each kind: a role, an adapter, and a crate that both
    // reach.
    let role = with(&[(CLIENT, "marquee-ingest")]);
    super::assert_broken(&RULES, &role, sentence, &["marquee-cli → marquee-ingest"]);
    let adapter = with(&[(CLIENT, "marquee-shared"), ("marquee-shared", "marquee-embedded")]);
    super::assert_broken(&RULES, &adapter, sentence, &["marquee-cli → marquee-shared → marquee-embedded"]);
    for crate_name in SERVERS_ONLY {
        let far = with(&[(CLIENT, "shared"), ("shared", crate_name)]);
        super::assert_broken(&RULES, &far, sentence, &[&format!("marquee-cli → shared → {crate_name}")]);
    }
}
