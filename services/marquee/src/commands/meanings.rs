//! What every setting means: the documentation of its field, read from the source of its crate, so
//! that there is one text for both.

use std::collections::BTreeMap;

/// The meaning of each setting, by its dotted key.
pub(super) type Meanings = BTreeMap<String, String>;

/// A group of settings: the beginning of its keys, its source, and its structure there.
type Group = (&'static str, &'static str, &'static str);

const SERVER: &str = include_str!("../../../lib/kit/src/server/settings.rs");
const INGEST: &str = include_str!("../../../ingest/src/settings.rs");
const INFERENCE: &str = include_str!("../../../inference/src/settings.rs");
const TRAINER: &str = include_str!("../../../trainer/src/settings.rs");

const GROUPS: [Group; 23] = [
    ("", include_str!("../settings.rs"), "Settings"),
    ("backends.", include_str!("../backends.rs"), "Backends"),
    ("server.", SERVER, "Settings"),
    ("server.tls.", SERVER, "TlsSettings"),
    ("client.", SERVER, "ClientSettings"),
    ("kafka.", include_str!("../../../lib/kafka/src/settings.rs"), "Settings"),
    ("redis.", include_str!("../../../lib/redis/src/settings.rs"), "Settings"),
    ("s3.", include_str!("../../../lib/objects/src/settings.rs"), "Settings"),
    ("tracking.", include_str!("../../../lib/mlflow/src/settings.rs"), "Settings"),
    ("telemetry.", include_str!("../../../lib/kit/src/telemetry.rs"), "Settings"),
    ("log.", include_str!("../../../lib/embedded/src/settings.rs"), "LogSettings"),
    ("ingest.", INGEST, "Settings"),
    ("ingest.quota.", INGEST, "Quota"),
    ("feature_store.", include_str!("../../../feature-store/src/settings.rs"), "Settings"),
    ("inference.", INFERENCE, "Settings"),
    ("inference.evaluation.", INFERENCE, "EvaluationSettings"),
    ("inference.predictions.", INFERENCE, "PredictionSettings"),
    ("inference.repository.", INFERENCE, "RepositorySettings"),
    ("monitor.", include_str!("../../../monitor/src/settings.rs"), "Settings"),
    ("rollouts.", include_str!("../../../controller/src/settings.rs"), "Settings"),
    ("trainer.", TRAINER, "Settings"),
    ("trainer.gates.", TRAINER, "Gates"),
    ("trainer.archive.", include_str!("../../../lib/archive/src/settings.rs"), "Settings"),
];

/// The fields of the scale, which are not documented each.
const SCALE: [(&str, &str); 3] = [
    ("scale.min", "The smallest rating. Default 0.5."),
    ("scale.max", "The largest rating. Default 5."),
    ("scale.step", "The distance between two neighboring ratings. 0: every value is a rating. Default 0.5."),
];

/// Returns the meaning of every setting.
pub(super) fn all() -> Meanings {
    let documented = GROUPS.into_iter().flat_map(|(prefix, source, structure)| {
        fields(source, structure).into_iter().map(move |(name, meaning)| (format!("{prefix}{name}"), meaning))
    });
    documented.chain(SCALE.map(|(key, meaning)| (key.to_owned(), meaning.to_owned()))).collect()
}

/// Returns the documentation of each public field of a structure, as rustfmt lays it out.
fn fields(source: &str, structure: &str) -> Vec<(String, String)> {
    let start = format!("pub struct {structure} {{");
    let body = source.lines().skip_while(|line| *line != start).skip(1).take_while(|line| *line != "}");
    let (mut found, mut meaning) = (Vec::new(), Vec::new());
    for line in body.map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            meaning.push(text.trim());
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            found.push((name.to_owned(), meaning.join("\n").replace('`', "")));
            meaning.clear();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use marquee_kit::settings::Layers;

    use super::*;
    use crate::roles::ROLES;
    use crate::settings::Settings;

    #[test]
    fn every_setting_is_explained() {
        let meanings = all();
        let values = Settings::load(&Layers::default(), ROLES).expect("the defaults are valid").values;
        let silent = |key: &&String| meanings.get(*key).is_none_or(|meaning| meaning.len() < 20);
        let missing: Vec<&String> = values.iter().map(|value| &value.key).filter(silent).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(meanings["ingest.max_batch"].starts_with("The most ratings or movies in one request"), "{meanings:?}");
    }

    #[test]
    fn fields_are_read_with_their_documentation() {
        let field = "    /// One `x`.\n    /// More.\n    #[serde(default)]\n    pub one: Map<K, V>,\n";
        let source = &format!("pub struct A {{\n{field}    two: u8,\n}}\n");
        assert_eq!(fields(source, "A"), [("one".to_owned(), "One x.\nMore.".to_owned())]);
        assert!(fields(source, "B").is_empty());
    }
}
