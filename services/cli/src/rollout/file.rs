//! Rollout files: the specification of a rollout in TOML or JSON.

use std::path::Path;

use marquee_rollout::Spec;
use serde_json::{Map, Value};

use crate::Error;

/// The largest file that is read. A specification has a few kilobytes.
const LARGEST: u64 = 1 << 20;

/// What is rolled out instead of what the file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Version(u64),
    Latest,
}

/// Reads and checks a rollout file. Returns the specification, and the document to send.
///
/// # Errors
/// The file cannot be read, is not TOML or JSON, or has a wrong field, which is named by its path.
/// A wrong file is wrong usage.
pub(super) fn read(path: &Path, target: Option<Target>) -> Result<(Spec, Map<String, Value>), Error> {
    let unreadable = |source| Error::File { doing: "read", path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > LARGEST {
        return Err(Error::Usage(format!("{}: has {length} bytes; a rollout file has at most 1 MiB", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let wrong = |why: String| Error::Usage(format!("{}: {why}", path.display()));
    parse(&text, is_json, target).map_err(wrong)
}

/// Parses a rollout file. An error is one line with the path of the wrong field.
fn parse(text: &str, is_json: bool, target: Option<Target>) -> Result<(Spec, Map<String, Value>), String> {
    let document: Value = match is_json {
        true => serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?,
        false => toml::from_str(text).map_err(|error| format!("is not TOML: {}", error.to_string().trim_end()))?,
    };
    let Value::Object(mut document) = document else {
        return Err("is not a specification; give an object with `model`, `version` or `follow`, and `steps`".into());
    };
    if let Some(target) = target {
        document.remove("version");
        document.remove("follow");
        match target {
            Target::Version(version) => document.insert("version".to_owned(), version.into()),
            Target::Latest => document.insert("follow".to_owned(), "latest".into()),
        };
    }
    let spec = Spec::read(Value::Object(document.clone())).map_err(|error| error.to_string())?;
    Ok((spec, document))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const CAREFUL: &str = r#"
        model = "ratings"
        version = 2
        [[steps]]
        shadow = {}
        [[steps]]
        analysis = {}
        [[steps]]
        setWeight = 5
        [[metrics]]
        name = "accuracy"
        duel = { margin = 0.01 }
    "#;

    #[test]
    fn toml_and_json_say_the_same() {
        let (spec, document) = parse(CAREFUL, false, None).expect("valid");
        let json = serde_json::to_string(&document).expect("JSON");
        assert_eq!(parse(&json, true, None).expect("valid").0, spec);
        assert_eq!((spec.steps.len(), spec.version.map(|version| version.0)), (3, Some(2)));
    }

    #[test]
    fn the_target_of_the_command_line_replaces_the_one_of_the_file() {
        let (spec, _) = parse(CAREFUL, false, Some(Target::Version(7))).expect("valid");
        assert_eq!(spec.version.map(|version| version.0), Some(7));
        let (spec, document) = parse(CAREFUL, false, Some(Target::Latest)).expect("valid");
        assert!(spec.follow.is_some() && spec.version.is_none() && document["follow"] == "latest");
    }

    #[test]
    fn a_wrong_file_is_wrong_usage_and_names_the_field() {
        for (text, part) in [
            ("model = ", "is not TOML"),
            ("version = 2", "model"),
            ("model = \"ratings\"\nversion = 2\nspeed = 1", "speed"),
            ("model = \"ratings\"\nversion = 2\n[[steps]]\nsetWeight = 101", "steps[0].setWeight"),
            ("model = \"ratings\"\nversion = 2\nfollow = \"latest\"", "follow"),
        ] {
            let error = parse(text, false, None).expect_err(text);
            assert!(error.contains(part), "no '{part}' in: {error}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("wrong.toml");
        std::fs::write(&path, "model = 1").expect("written");
        assert_eq!(read(&path, None).expect_err("wrong").exit_code(), crate::USAGE);
        assert_eq!(read(&folder.path().join("absent.toml"), None).expect_err("absent").exit_code(), 1);
    }

    #[test]
    fn the_example_files_are_valid() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rollouts");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("the examples") {
            let path = entry.expect("an entry").path();
            read(&path, None).unwrap_or_else(|error| panic!("{error}"));
            count += 1;
        }
        assert!(count >= 3, "{count}");
    }
}
