//! The decoder of stored rollouts, for its fuzz target. Only tests and `cargo fuzz` build it.

use marquee_domain::{ModelName, Timestamp};
use marquee_rollout::Verb;

use crate::spec;
use crate::store::Document;

/// Reads a rollout, changes it as a call does, and writes it again.
///
/// # Panics
/// A rollout does not survive being written.
pub fn check_rollout(json: &[u8]) {
    let model = ModelName::try_new("ratings").expect("a name of a model");
    let Ok(mut document) = Document::decode(json, &model) else { return };
    let _ = spec::parts(&document);
    let _ = spec::check_verb(&document, Verb::Pause);
    let commands = spec::commands(&document).len();
    document.ask(spec::name_of(Verb::Pause), Timestamp::EPOCH);
    let written = document.encode(document.revision, Timestamp::EPOCH).expect("a rollout is JSON");
    let again = Document::decode(&written, &model).expect("what was written is read");
    assert_eq!((again.revision, again.generation), (document.revision, document.generation));
    assert_eq!((again.events.len(), again.commands.len()), (document.events.len(), document.commands.len()));
    assert_eq!(spec::commands(&again).len(), commands + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLLOUT: &str = r#"{"format": 1, "model": "ratings", "generation": 2, "observedGeneration": 1, "revision": 8,
        "createdAt": 5, "updatedAt": 6, "spec": {"model": "ratings", "version": 2, "steps": [{"setWeight": 5.5}]},
        "status": {"format": 1, "phase": "Paused", "stable": 1},
        "commands": [{"id": "c1", "verb": "promote", "givenAt": 7}],
        "events": [{"time": 1, "reason": "StepCompleted", "message": "m", "warning": true}], "x": {"y": [1]}}"#;

    #[test]
    fn a_rollout_with_any_changed_byte_is_refused_or_survives() {
        let model = ModelName::try_new("ratings").expect("valid");
        Document::decode(ROLLOUT.as_bytes(), &model).expect("a rollout");
        for at in 0..ROLLOUT.len() {
            for byte in [0, b'"', b'0', b'9', b'-', b'e', b'{', b'}', b',', b'n', 0xff] {
                let mut bytes = ROLLOUT.as_bytes().to_vec();
                bytes[at] = byte;
                check_rollout(&bytes);
            }
            check_rollout(&ROLLOUT.as_bytes()[..at]);
        }
    }

    #[test]
    fn the_last_revision_is_no_panic() {
        check_rollout(format!(r#"{{"model": "ratings", "revision": {}, "spec": null}}"#, u64::MAX).as_bytes());
    }
}
