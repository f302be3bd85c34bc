//! Step 2 of a reconciliation: reads the specification, the status and the commands of a rollout.

use std::fmt;

use marquee_kit::is_server_name;
use marquee_rollout::{Command, Spec, Status, Verb};
use serde_json::json;

use crate::commands::{self, Pending};
use crate::resource::{ModelRollout, Scheme, ServiceReference};

/// A rollout that makes sense.
#[derive(Debug)]
pub(crate) struct Valid {
    pub(crate) spec: Spec,
    /// The last status; the default one before the first decision.
    pub(crate) status: Status,
    /// The commands in order. A command without a known verb is `None`.
    pub(crate) commands: Vec<(Pending, Option<Command>)>,
}

/// Why a rollout is held as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// The path of the field, from the root of the object.
    path: String,
    message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Reads and checks a rollout. The API server has checked it too, but perhaps by an older
/// definition.
///
/// # Errors
/// A field makes no sense to this release.
pub(crate) fn validate(rollout: &ModelRollout) -> Result<Valid, Invalid> {
    let spec = rollout.read_spec().map_err(|error| {
        let path = if error.path().is_empty() { "spec".to_owned() } else { format!("spec.{}", error.path()) };
        Invalid { path, message: error.message().to_owned() }
    })?;
    check_server_name("spec.instances", Some(&rollout.spec.instances))?;
    check_server_name("spec.monitor", rollout.spec.monitor.as_ref())?;
    let status = read_status(rollout)?;
    let commands = commands::pending(rollout).into_iter().map(|pending| (pending.clone(), read_command(pending)));
    Ok(Valid { spec, status, commands: commands.collect() })
}

/// Checks the name that the certificates of a Service's processes must have.
fn check_server_name(path: &str, service: Option<&ServiceReference>) -> Result<(), Invalid> {
    let Some((service, name)) = service.and_then(|one| Some((one, one.server_name.as_ref()?))) else { return Ok(()) };
    let refused = |message: String| Err(Invalid { path: format!("{path}.serverName"), message });
    if service.scheme != Scheme::Https {
        return refused("is for certificates: set the scheme to https".to_owned());
    }
    if !is_server_name(name) {
        return refused(format!("'{name}' is not the name of a host; expected one such as marquee-inference"));
    }
    Ok(())
}

/// Reads the last status.
pub(crate) fn read_status(rollout: &ModelRollout) -> Result<Status, Invalid> {
    rollout.read_status().map_err(|error| Invalid {
        path: "status".to_owned(),
        message: format!("cannot be read by this release of the operator ({error}); run the release that wrote it"),
    })
}

fn read_command(pending: Pending) -> Option<Command> {
    let verb: Verb = serde_json::from_value(json!(pending.verb)).ok()?;
    Some(Command { id: pending.id, verb })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn rollout(spec: &Value, annotations: &Value) -> ModelRollout {
        let object = json!({
            "apiVersion": crate::resource::API_VERSION, "kind": "ModelRollout",
            "metadata": {"name": "ratings", "annotations": annotations}, "spec": spec,
        });
        serde_json::from_value(object).expect("an object")
    }

    #[test]
    fn a_wrong_field_is_named_from_the_root_of_the_object() {
        let spec =
            json!({"instances": {"service": "i"}, "model": "ratings", "version": 2, "steps": [{"setWeight": 101}]});
        let invalid = validate(&rollout(&spec, &json!({}))).expect_err("more than all users");
        assert!(invalid.to_string().starts_with("spec.steps[0].setWeight: "), "{invalid}");
        let unknown = json!({"instances": {"service": "i"}, "model": "ratings", "version": 2, "stepps": []});
        let invalid = validate(&rollout(&unknown, &json!({}))).expect_err("an unknown field");
        assert!(invalid.to_string().contains("stepps"), "{invalid}");
    }

    #[test]
    fn a_server_name_that_no_certificate_can_have_is_named() {
        let check = |of_instances: Value, of_monitor: Value| {
            let spec = json!({"instances": of_instances, "monitor": of_monitor, "model": "ratings", "version": 2});
            validate(&rollout(&spec, &json!({}))).map(|_| ()).map_err(|invalid| invalid.to_string())
        };
        let service = |scheme: &str, name: &str| json!({"service": "a", "scheme": scheme, "serverName": name});
        let good = || service("https", "marquee-inference.shop.svc");
        assert_eq!(check(good(), good()), Ok(()));
        for (of_instances, of_monitor, refusal) in [
            (
                service("https", "not a name"),
                good(),
                "spec.instances.serverName: 'not a name' is not the name of a host",
            ),
            (service("http", "inference"), good(), "spec.instances.serverName: is for certificates"),
            (good(), service("https", "*.shop"), "spec.monitor.serverName: '*.shop' is not the name of a host"),
        ] {
            let refused = check(of_instances, of_monitor).expect_err(refusal);
            assert!(refused.starts_with(refusal), "{refused}");
        }
    }

    #[test]
    fn commands_are_read_in_order_and_those_without_a_verb_are_kept_apart() {
        let spec = json!({"instances": {"service": "i"}, "model": "ratings", "version": 2});
        let annotations = json!({
            "command.rollouts.marquee.dev/2": "abort",
            "command.rollouts.marquee.dev/1": " promoteAll",
            "command.rollouts.marquee.dev/3": "explode",
            "other": "promote",
        });
        let valid = validate(&rollout(&spec, &annotations)).expect("valid");
        let verbs: Vec<Option<Verb>> =
            valid.commands.iter().map(|(_, command)| command.as_ref().map(|command| command.verb)).collect();
        assert_eq!(verbs, [Some(Verb::PromoteAll), Some(Verb::Abort), None]);
    }

    #[test]
    fn a_status_of_a_newer_release_keeps_its_fields() {
        let spec = json!({"instances": {"service": "i"}, "model": "ratings", "version": 2});
        let mut rollout = rollout(&spec, &json!({}));
        let stored = json!({"observedGeneration": 3, "summary": {}, "phase": "Paused", "invented": [1]});
        rollout.status = serde_json::from_value(stored).expect("a status");
        let valid = validate(&rollout).expect("valid");
        assert!(valid.status.unknown.contains_key("invented"));
        assert!(!valid.status.unknown.contains_key("summary"), "a field of the resource is no field of the status");
    }
}
