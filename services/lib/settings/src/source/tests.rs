//! Reading of settings through all layers, and the words of every refusal.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::Invalid;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    name: String,
    password: String,
    listen: SocketAddr,
    inner: Inner,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    depth: u32,
    most: NonZeroU32,
    share: f64,
    is_on: bool,
    color: Color,
    #[serde(with = "humantime_serde")]
    time: Duration,
    names: Vec<String>,
    by_name: BTreeMap<String, u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
    Green,
}

impl Default for Sample {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 1));
        Self { name: "x".to_owned(), password: String::new(), listen, inner: Inner::default() }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            depth: 1,
            most: NonZeroU32::MIN,
            share: 0.5,
            is_on: true,
            color: Color::Red,
            time: Duration::from_secs(1),
            names: vec!["a".to_owned()],
            by_name: BTreeMap::new(),
        }
    }
}

impl Validate for Sample {
    fn validate(&self) -> Result<(), Invalid> {
        let message = format!("'{}' is no name; give another one", self.name);
        Invalid::unless(!self.name.contains("://"), "name", message)?;
        Invalid::unless(self.inner.depth > 0, "depth", "must be at least 1").map_err(|error| error.within("inner"))
    }
}

fn load(layers: &Layers) -> Result<(Sample, Vec<Effective>), Error> {
    let json = |sample: &Sample| serde_json::to_value(sample).expect("JSON");
    let source = Source::read(layers, &json(&Sample::default()))?;
    let settings: Sample = source.root()?;
    let values = source.effective(&json(&settings));
    source.validate(&settings)?;
    Ok((settings, values))
}

fn flag(key: &str, value: &str) -> Result<(Sample, Vec<Effective>), Error> {
    load(&Layers { file: None, flags: vec![(key.to_owned(), value.to_owned())] })
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("temporary file");
    std::fs::write(file.path(), text).expect("write");
    file
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let file = file("[inner]\ndepth = 5\nshare = 0.25\n");
    let flags = vec![("inner.share".to_owned(), "0.75".to_owned())];
    let (settings, values) = load(&Layers { file: Some(file.path().to_owned()), flags }).expect("loads");
    assert_eq!((settings.inner.depth, settings.inner.share), (5, 0.75));
    let origin = |key: &str| {
        values.iter().find(|value| value.key == key).map(|value| (value.value.clone(), value.origin.clone()))
    };
    let from_file = format!("file {}", file.path().display());
    assert_eq!(origin("inner.depth"), Some(("5".to_owned(), from_file)));
    assert_eq!(origin("inner.share"), Some(("0.75".to_owned(), "flag".to_owned())));
    assert_eq!(origin("name"), Some(("\"x\"".to_owned(), "default".to_owned())));
    assert!(values.is_sorted_by_key(|value| value.key.clone()), "{values:?}");
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_name_that_was_meant() {
    let file = file("name = 'y'\n\n[inner]\ndeth = 5\n");
    let error = load(&Layers { file: Some(file.path().to_owned()), flags: vec![] }).expect_err("refused").to_string();
    let place = format!("(from TOML file {}, line 4)", file.path().display());
    assert_eq!(error, format!("inner.deth: unknown setting 'deth'; did you mean 'depth'? {place}"));
    for (key, message) in [
        ("nme", "unknown setting 'nme'; did you mean 'name'? (from flag)"),
        ("depth", "unknown setting 'depth'; did you mean 'inner.depth'? (from flag)"),
        ("outer", "unknown setting 'outer'; the settings here are inner, listen, name, password (from flag)"),
        ("inner.is-on", "inner.is-on: unknown setting 'is-on'; did you mean 'is_on'? (from flag)"),
    ] {
        assert_eq!(flag(key, "1").expect_err(key).to_string(), message);
    }
}

#[test]
fn a_value_that_does_not_parse_is_refused_in_plain_words() {
    for (key, value, message) in [
        ("inner.depth", "deep", "is \"deep\"; expected a whole number from 0 to 4,294,967,295"),
        ("inner.depth", "-1", "is -1; expected a whole number from 0 to 4,294,967,295"),
        ("inner.depth", "5000000000", "is 5000000000; expected a whole number from 0 to 4,294,967,295"),
        ("inner.depth", "", "is \"\"; expected a whole number from 0 to 4,294,967,295"),
        ("inner.depth", "[1]", "is a list; expected a whole number from 0 to 4,294,967,295"),
        ("inner.most", "0", "is 0; expected a whole number, 1 or more"),
        ("inner.share", "half", "is \"half\"; expected a number"),
        ("inner.is_on", "yes", "is \"yes\"; expected true or false"),
        ("inner.color", "grene", "unknown value 'grene'; did you mean 'green'? Otherwise give one of red, green"),
        ("inner.time", "5", "is \"5\"; expected a time with its unit, for example 500ms, 10s or 5m"),
        ("inner.time", "soon", "is \"soon\"; expected a time with its unit, for example 500ms, 10s or 5m"),
        (
            "listen",
            "localhost:7070",
            "is \"localhost:7070\"; expected an IP address and a port, for example 127.0.0.1:7070",
        ),
        ("inner", "5", "is 5; expected a group of settings, for example inner.by_name"),
    ] {
        let error = flag(key, value).expect_err(key).to_string();
        assert_eq!(error, format!("{key}: {message} (from flag)"));
    }
}

#[test]
fn a_list_may_be_written_with_commas_alone() {
    let (settings, _) = flag("inner.names", "a, b").expect("loads");
    assert_eq!(settings.inner.names, ["a", "b"]);
}

#[test]
fn a_value_that_makes_no_sense_is_refused_with_its_dotted_key_and_place() {
    let error = flag("inner.depth", "0").expect_err("refused").to_string();
    assert_eq!(error, "inner.depth: must be at least 1 (from flag)");
    let file = file("[inner]\n# none\ndepth = 0\n");
    let error = load(&Layers { file: Some(file.path().to_owned()), flags: vec![] }).expect_err("refused").to_string();
    assert!(error.ends_with(&format!("(from TOML file {}, line 3)", file.path().display())), "{error}");
}

#[test]
fn a_section_is_read_alone_and_its_errors_have_dotted_keys() {
    let source = |flags: &[(&str, &str)]| {
        let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let defaults = json!({"inner": serde_json::to_value(Inner::default()).expect("JSON")});
        Source::read(&Layers { file: None, flags }, &defaults)
    };
    let inner = source(&[("inner.depth", "5")]).expect("reads").section::<Inner>("inner").expect("parses");
    assert_eq!(inner.depth, 5);
    for (key, value, start) in [
        ("inner.deth", "5", "inner.deth: unknown setting 'deth'; did you mean 'depth'? (from flag)"),
        ("inner.depth", "deep", "inner.depth: is \"deep\"; expected a whole number"),
        ("inner", "5", "inner: is 5; expected a group of settings"),
        ("inner.names", "{a = 1}", "inner.names: is a table; expected a list"),
    ] {
        let error = source(&[(key, value)]).expect("reads").section::<Inner>("inner").expect_err("refused").to_string();
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn errors_and_values_show_no_secret() {
    let address = "http://me:hunter2@host";
    let (_, values) = flag("inner.names", address).expect("loads");
    let shown = values.iter().find(|value| value.key == "inner.names").map(|value| value.value.as_str());
    assert_eq!(shown, Some(r#"["http://me:***@host"]"#));
    let (settings, values) = flag("password", "0042").expect("digits are a password too");
    assert_eq!(settings.password, "0042");
    assert!(values.iter().all(|value| !value.value.contains("0042")), "{values:?}");
    let file = file("password = 4242\n");
    let from_file = load(&Layers { file: Some(file.path().to_owned()), flags: vec![] });
    for error in [flag("inner.depth", address), flag("name", address), from_file] {
        let error = error.expect_err("refused").to_string();
        assert!(error.contains("***") && !error.contains("hunter2") && !error.contains("4242"), "{error}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let file = Some(PathBuf::from("/nowhere/marquee.toml"));
    let error = load(&Layers { file, flags: vec![] }).expect_err("missing");
    assert!(matches!(error, Error::NoFile(_)) && error.to_string().contains("/nowhere/marquee.toml"), "{error}");
}
