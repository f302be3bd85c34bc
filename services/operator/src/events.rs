//! Events of the Kubernetes API about rollouts.
//!
//! The events of a decision are part of the status that is stored. The name of an event is made of
//! its number there, so an event that is told again, by this operator or by the next one, is the
//! same object.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use marquee_rollout::{Severity, Status};

use crate::error::{Error, is_status};
use crate::metrics::{OperatorMetrics, RolloutLabels};
use crate::resource::ModelRollout;

/// The name of the controller in events.
const CONTROLLER: &str = "rollouts.marquee.dev/operator";

/// An event that is older is not told any more. The API server forgets events after an hour, so
/// that a new operator would tell them twice.
const LATEST: Duration = Duration::from_secs(20 * 60);

/// The longest text of an event that the API server takes, in bytes.
const LONGEST: usize = 1_024;

/// Something that happened to a rollout.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// Names the event among those of the object.
    pub(crate) id: String,
    /// What happened, for machines.
    pub(crate) reason: &'static str,
    /// One sentence with the figures.
    pub(crate) message: String,
    /// How much it matters.
    pub(crate) severity: Severity,
}

/// Tells about events, each once.
pub(crate) struct Publisher {
    client: Client,
    identity: String,
    metrics: OperatorMetrics,
    /// The number of the last event that was told of each object, by uid.
    told: Mutex<HashMap<String, u64>>,
}

impl Publisher {
    /// A publisher with the name of its operator.
    pub(crate) fn new(client: Client, identity: String, metrics: OperatorMetrics) -> Self {
        Self { client, identity, metrics, told: Mutex::default() }
    }

    /// Tells the events of a status that were not told yet.
    ///
    /// # Errors
    /// The API server did not answer or refused. The events are told in the next round.
    pub(crate) async fn publish(&self, rollout: &ModelRollout, status: &Status) -> Result<(), Error> {
        let uid = rollout.uid().unwrap_or_default();
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&uid).copied().unwrap_or(0);
        let now = marquee_domain::Timestamp::from(std::time::SystemTime::now());
        let mut fresh: Vec<&marquee_rollout::Event> = status.events.iter().filter(|one| one.number > told).collect();
        fresh.sort_by_key(|event| event.number);
        for event in fresh {
            if now.since(event.time) < LATEST {
                let id = event.number.to_string();
                let (reason, message) = (event.reason.as_str(), event.message.clone());
                self.tell(rollout, &Note { id, reason, message, severity: event.severity }).await?;
            }
            self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.clone(), event.number);
        }
        Ok(())
    }

    /// Tells one event. One that was told before is not told again.
    ///
    /// # Errors
    /// The API server did not answer or refused.
    pub(crate) async fn tell(&self, rollout: &ModelRollout, note: &Note) -> Result<(), Error> {
        let labels = RolloutLabels::of(rollout);
        let events: Api<Event> = Api::namespaced(self.client.clone(), &labels.namespace);
        match events.create(&PostParams::default(), &self.event(rollout, note)).await {
            Ok(_) => {
                let Note { reason, message, .. } = note;
                let (namespace, name) = (&labels.namespace, &labels.name);
                match note.severity {
                    Severity::Normal => tracing::info!(namespace, rollout = name, reason, why = message, "event"),
                    Severity::Warning => tracing::warn!(namespace, rollout = name, reason, why = message, "event"),
                }
                self.metrics.event(&labels, reason);
                Ok(())
            }
            // It was told before, or the namespace is being deleted.
            Err(error) if is_status(&error, 404) || is_status(&error, 409) => Ok(()),
            Err(error) => Err(Error::write("an event")(error)),
        }
    }

    fn event(&self, rollout: &ModelRollout, note: &Note) -> Event {
        let uid = rollout.uid().unwrap_or_default();
        let uid: String = uid.chars().filter(|c| c.is_ascii_alphanumeric()).take(8).collect();
        let name: String = rollout.name_any().chars().take(180).collect();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{uid}.{}", dashed(&note.id))),
                namespace: rollout.namespace(),
                ..ObjectMeta::default()
            },
            action: Some("Rollout".to_owned()),
            reason: Some(note.reason.to_owned()),
            note: Some(shortened(&note.message)),
            type_: Some(severity(note.severity).to_owned()),
            event_time: Some(MicroTime(Timestamp::now())),
            regarding: Some(rollout.object_ref(&())),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.identity.clone()),
            ..Event::default()
        }
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    }
}

/// Returns an id with the characters only that names of objects have.
fn dashed(id: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("e{}", id.chars().map(allowed).collect::<String>().trim_end_matches('-'))
}

/// Cuts a text to the longest one that the API server takes, at the end of a character.
fn shortened(text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_only_characters_of_a_name() {
        assert_eq!([dashed("12"), dashed("command-A_b."), dashed("")], ["e12", "ecommand-a-b", "e"]);
    }

    #[test]
    fn a_long_text_is_cut_at_the_end_of_a_character() {
        assert_eq!(shortened("short"), "short");
        let long = "Δ".repeat(LONGEST);
        let cut = shortened(&long);
        assert!(cut.len() <= LONGEST && cut.chars().all(|c| c == 'Δ'));
    }
}
