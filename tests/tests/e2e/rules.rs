//! The rules of the workspace, as ARCHITECTURE.md states them: who may depend on whom, and what
//! every file must be.
//!
//! Each rule is a pure function, held against this repository here and against a made-up breach of
//! it beside the function. All breaches are reported at once, each with its rule's sentence.

#[path = "rules/architecture.rs"]
mod architecture;
#[path = "rules/graph.rs"]
mod graph;
#[path = "rules/modules.rs"]
mod modules;
#[path = "rules/prose.rs"]
mod prose;
#[path = "rules/readme.rs"]
mod readme;
#[path = "rules/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use architecture::Architecture;
use graph::Graph;
use readme::Readme;
use source::Source;

/// A rule over some view of the workspace: its sentence, and the breaches that it finds.
struct Rule<T: ?Sized> {
    sentence: &'static str,
    breaches: fn(&T) -> Vec<String>,
}

/// Every breach of every rule, a line each.
fn report<T: ?Sized>(rules: &[Rule<T>], view: &T) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in rules {
        lines.extend((rule.breaches)(view).into_iter().map(|breach| format!("{}: {breach}", rule.sentence)));
    }
    lines
}

/// Asserts that one made-up breach is reported: under its rule's sentence, with these words, and
/// under no other rule.
#[track_caller]
fn assert_broken<T: ?Sized>(rules: &[Rule<T>], view: &T, sentence: &str, words: &[&str]) {
    let lines = report(rules, view);
    assert!(!lines.is_empty(), "nothing is reported");
    for line in &lines {
        assert!(line.starts_with(sentence), "another rule is reported: {line}");
    }
    assert!(lines.iter().any(|line| words.iter().all(|word| line.contains(word))), "{words:?} are not in {lines:#?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn metadata() -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    // Nothing may be changed or fetched for platforms that are not built here.
    let options = ["--locked", "--filter-platform", "host-tuple"].map(str::to_owned);
    command.manifest_path(root().join("Cargo.toml")).other_options(options);
    command.exec().context("run cargo metadata")
}

/// Who depends on whom for building and running; tests may see more.
fn dependencies(metadata: &Metadata) -> Result<Graph> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let mut graph = Graph::default();
    for node in &resolve.nodes {
        let of = metadata[&node.id].name.as_str();
        graph.add(of);
        let kept = |kind: DependencyKind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
        for dependency in node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|info| kept(info.kind))) {
            graph.depend(of, metadata[&dependency.pkg].name.as_str());
        }
    }
    Ok(graph)
}

/// Returns every file that people write, by its path from the root. Build outputs and the files of
/// fuzzing are left out.
fn files(chosen: fn(&Path) -> bool) -> Result<Vec<Source>> {
    let root = root();
    let mut waiting: Vec<PathBuf> = ["proto", "services", "tests"].iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry?.path();
            let left = ["target", "corpus", "artifacts", "coverage"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && !left {
                waiting.push(path);
            } else if path.is_file() && chosen(&path) {
                let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
                let path = path.strip_prefix(&root)?.to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn manifests(metadata: &Metadata) -> Result<Vec<Source>> {
    let read = |package: &cargo_metadata::Package| {
        let text = fs::read_to_string(&package.manifest_path).with_context(|| format!("read {}", package.name))?;
        Ok(Source { path: format!("{} (Cargo.toml)", package.name), text })
    };
    metadata.workspace_packages().into_iter().map(read).collect()
}

#[test]
fn the_workspace_keeps_its_rules() -> Result<()> {
    let metadata = metadata()?;
    let members: Vec<&str> = metadata.workspace_packages().into_iter().map(|package| package.name.as_str()).collect();
    assert!(members.iter().all(|name| graph::is_ours(name)), "the rules know our crates by name: {members:?}");

    let rust = files(|path| path.extension().is_some_and(|extension| extension == "rs"))?;
    assert!(rust.len() > 100, "only {} source files were found", rust.len());
    let mut lines = report(&graph::RULES, &dependencies(&metadata)?);
    lines.extend(report(&source::RULES, rust.as_slice()));
    lines.extend(report(&modules::RULES, rust.as_slice()));
    lines.extend(report(&prose::RULES, rust.as_slice()));
    let proto = files(|path| path.extension().is_some_and(|extension| extension == "proto"))?;
    lines.extend(report(&prose::RULES, proto.as_slice()));
    lines.extend(report(&source::MANIFEST_RULES, manifests(&metadata)?.as_slice()));
    let text = fs::read_to_string(root().join("README.md")).context("read README.md")?;
    lines.extend(report(&readme::RULES, &Readme { text, sources: rust.clone() }));
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).context("read ARCHITECTURE.md")?;
    lines.extend(report(&architecture::RULES, &Architecture { text, sources: rust }));
    assert!(lines.is_empty(), "{} breaches:\n{}", lines.len(), lines.join("\n"));
    Ok(())
}
