//! Reads the parts of a stored rollout: the specification, the status, the commands.

use marquee_domain::{ModelName, Reason, Violation};
use marquee_rollout::{Command, Phase, Spec, Status, Verb};
use serde_json::Value;

use crate::store::{Document, StoredCommand};

/// The verbs by the names that are stored.
const VERBS: [(&str, Verb); 7] = [
    ("promote", Verb::Promote),
    ("promoteAll", Verb::PromoteAll),
    ("pause", Verb::Pause),
    ("resume", Verb::Resume),
    ("abort", Verb::Abort),
    ("retry", Verb::Retry),
    ("undo", Verb::Undo),
];

/// Returns the name of a verb.
pub(crate) fn name_of(verb: Verb) -> &'static str {
    VERBS.iter().find(|(_, known)| *known == verb).map_or("", |(name, _)| name)
}

/// Returns the verb with a name, or `None` for one of a newer release.
pub(crate) fn verb_of(name: &str) -> Option<Verb> {
    VERBS.iter().find(|(known, _)| *known == name).map(|(_, verb)| *verb)
}

/// Checks a specification that a caller sent. Returns its model.
pub(crate) fn check(document: &Value) -> Result<ModelName, Vec<Violation>> {
    match Spec::read(document) {
        Ok(spec) => Ok(spec.model),
        Err(error) => {
            let field = if error.path().is_empty() { "spec".to_owned() } else { format!("spec.{}", error.path()) };
            Err(vec![Violation::new(field, Reason::Malformed, error.message())])
        }
    }
}

/// Reads a status. Before the first decision it is empty.
pub(crate) fn status(document: &Value) -> Result<Status, serde_json::Error> {
    if document.is_null() { Ok(Status::default()) } else { serde_json::from_value(document.clone()) }
}

/// Reads the parts of a stored rollout. The error says why this release must not drive it.
pub(crate) fn parts(document: &Document) -> Result<(Spec, Status), String> {
    let spec = Spec::read(&document.spec).map_err(|error| format!("the specification cannot be used: {error}"))?;
    let status = status(&document.status).map_err(|error| format!("the status cannot be read: {error}"))?;
    match spec.model == document.model {
        true => Ok((spec, status)),
        false => Err(format!("the specification is of model '{}'", spec.model)),
    }
}

/// Returns the commands that this release understands, the oldest first.
pub(crate) fn commands(document: &Document) -> Vec<Command> {
    let read = |stored: &StoredCommand| Some(Command { id: stored.id.clone(), verb: verb_of(&stored.verb)? });
    document.commands.iter().filter_map(read).collect()
}

/// Returns whether a rollout runs, or may start with the next decision. One that cannot be read is
/// driven by nobody here.
pub(crate) fn may_run(document: &Document) -> bool {
    let Ok((_, status)) = parts(document) else { return false };
    let is_old = document.generation != document.observed_generation || !document.commands.is_empty();
    is_old || status.running().is_some()
}

/// Checks that a verb has a meaning for a rollout at present. With commands that wait, the present
/// is not known.
pub(crate) fn check_verb(document: &Document, verb: Verb) -> Result<(), String> {
    let Ok(status) = status(&document.status) else { return Ok(()) };
    if !document.commands.is_empty() || status.format == 0 {
        return Ok(());
    }
    let run = status.running();
    let phase = status.phase.as_str();
    let running = || match run {
        Some(_) => Ok(()),
        None => Err(format!("no rollout of model '{}' runs: its phase is {phase}", document.model)),
    };
    match verb {
        Verb::Promote | Verb::PromoteAll | Verb::Pause | Verb::Abort => running(),
        Verb::Resume if run.is_some_and(|run| run.pause.is_some()) => Ok(()),
        Verb::Resume => Err("the rollout is not held: promote ends the pause of a step".to_owned()),
        Verb::Retry if status.phase == Phase::Degraded => Ok(()),
        Verb::Retry => Err(format!("only an aborted rollout can be tried again: the phase is {phase}")),
        Verb::Undo if run.is_some() || !status.good_versions.is_empty() => Ok(()),
        Verb::Undo => Err("no earlier version is known to return to".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_stored_names_are_those_of_the_status_form() {
        for (name, verb) in VERBS {
            assert_eq!(serde_json::to_value(verb).expect("JSON"), name);
            assert_eq!((name_of(verb), verb_of(name)), (name, Some(verb)));
        }
        assert_eq!(verb_of("dance"), None);
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        let model = check(&json!({"model": "ratings", "version": 2})).expect("valid");
        assert_eq!(model.as_str(), "ratings");
        let wrong = json!({"model": "ratings", "version": 2, "steps": [{"setWeight": 101}]});
        let violations = check(&wrong).expect_err("more than all users");
        assert!(violations[0].field.starts_with("spec.steps[0]"), "{violations:?}");
        let violations = check(&json!({"model": "ratings", "version": 2, "speed": 3})).expect_err("unknown");
        assert!(violations[0].description.contains("speed"), "{violations:?}");
    }

    #[test]
    fn a_verb_without_a_meaning_is_refused_by_the_present_phase() {
        let model = ModelName::try_new("ratings").expect("valid");
        let mut document = Document::new(model, json!({}), Timestamp::EPOCH);
        assert_eq!(check_verb(&document, Verb::Retry), Ok(()), "nothing was decided yet");
        let status = Status { format: 1, phase: Phase::Completed, ..Status::default() };
        document.status = serde_json::to_value(status).expect("JSON");
        for verb in [Verb::Promote, Verb::PromoteAll, Verb::Pause, Verb::Resume, Verb::Abort, Verb::Retry, Verb::Undo] {
            assert!(check_verb(&document, verb).is_err(), "{verb:?}");
        }
        document.ask("dance", Timestamp::EPOCH);
        assert_eq!(check_verb(&document, Verb::Pause), Ok(()), "a command waits");
    }
}
