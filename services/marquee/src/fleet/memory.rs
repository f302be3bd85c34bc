//! The most memory that the caches, queues and buffers of a process take, as its settings say. An
//! operator compares their sum with the memory of the machine. Models and what one request takes
//! while it is answered come on top.

use marquee_embedded::{EmbeddedLog, EmbeddedStore};
use marquee_feature_store::FeatureStore;
use marquee_inference::Inference;
use marquee_kit::settings::thousands;
use marquee_monitor::Monitor;
use marquee_role::{Entry, Role};
use marquee_trainer::Trainer;

use super::needs;
use crate::backends::{LogBackend, StoreBackend};
use crate::settings::Settings;

/// The name of a part of the process, and the most bytes that it takes.
type Bound = (&'static str, u64);

/// Logs the bound of each part in MiB, and their sum.
pub(super) fn report(settings: &Settings, roles: &[Entry]) {
    let (parts, mebibytes) = described(&bounds(settings, roles));
    tracing::info!(mebibytes, parts, "most memory that caches, queues and buffers use together");
}

/// Returns the parts that run, with their bounds. Parts whose bound is 0 are left out.
fn bounds(settings: &Settings, roles: &[Entry]) -> Vec<Bound> {
    let needs = needs(settings, roles);
    let mut bounds = vec![
        ("server.body_budget", u64::from(settings.server.body_budget)),
        ("server.answer_budget", settings.server.answer_budget as u64),
    ];
    if let Some(inference) = running::<Inference>(settings, roles) {
        bounds.push(("inference.cache_bytes", inference.cache_bytes as u64));
        bounds.push(("inference.evaluation.cache_bytes", inference.evaluation.cache_bytes as u64));
    }
    if let Some(monitor) = running::<Monitor>(settings, roles) {
        bounds.push(("monitor.join_bytes", monitor.join_bytes as u64));
    }
    match settings.backends.log {
        LogBackend::Kafka if needs.log || needs.optional_log => {
            // Each consumer of the ratings and each reader of a range has a client that reads
            // ahead.
            let consumers = [
                running::<FeatureStore>(settings, roles).is_some(),
                running::<Monitor>(settings, roles).is_some(),
                running::<Trainer>(settings, roles).is_some_and(|trainer| trainer.archive.enabled),
            ];
            let consumers = consumers.into_iter().map(u64::from).sum::<u64>();
            let readers = if needs.log { u64::from(settings.kafka.readers) } else { 0 };
            bounds.push(("kafka.in_flight_bytes", settings.kafka.in_flight_bytes));
            let ahead = settings.kafka.read_ahead_bytes().saturating_mul(consumers + readers);
            bounds.push(("what Kafka clients read ahead (kafka.prefetch_bytes, kafka.readers)", ahead));
        }
        LogBackend::Embedded if needs.log => bounds.push(("the embedded log", EmbeddedLog::memory_bytes())),
        LogBackend::Kafka | LogBackend::Embedded => {}
    }
    if settings.backends.store == StoreBackend::Embedded {
        let stores = [(needs.store, "the embedded store"), (needs.monitor_store, "the monitor's embedded store")];
        let opened = stores.into_iter().filter(|(is_needed, _)| *is_needed);
        bounds.extend(opened.map(|(_, name)| (name, EmbeddedStore::memory_bytes())));
    }
    bounds.retain(|(_, bytes)| *bytes > 0);
    bounds
}

/// Returns the settings of a role if it is one of those that run.
fn running<'a, R: Role>(settings: &'a Settings, roles: &[Entry]) -> Option<&'a R::Settings> {
    let runs = roles.iter().any(|role| role.section == R::SECTION);
    settings.roles.get::<R>().filter(|_| runs)
}

/// Returns the parts as text, and the sum in MiB, rounded up.
fn described(bounds: &[Bound]) -> (String, u64) {
    let parts = bounds.iter().map(|(name, bytes)| format!("{name} {} MiB", thousands(mebibytes(*bytes))));
    let sum = bounds.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    (parts.collect::<Vec<_>>().join(", "), mebibytes(sum))
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::{ROLES, role};

    #[test]
    fn the_bounds_of_the_roles_that_run_are_named_and_added_up() {
        let mut settings = Settings::default();
        let (parts, sum) = described(&bounds(&settings, ROLES));
        for part in [
            "server.body_budget 64 MiB",
            "server.answer_budget 256 MiB",
            "inference.cache_bytes 512 MiB",
            "inference.evaluation.cache_bytes 64 MiB",
            "monitor.join_bytes 256 MiB",
            "the embedded log",
            "the embedded store",
            "the monitor's embedded store",
        ] {
            assert!(parts.contains(part), "{part} is not in {parts}");
        }
        let embedded = EmbeddedLog::memory_bytes() + 2 * EmbeddedStore::memory_bytes();
        assert_eq!(sum, mebibytes(embedded + ((64 + 256 + 512 + 64 + 256) << 20)), "{parts}");

        settings.role::<Inference>().evaluation.cache_bytes = 0;
        let inference = role("inference").expect("in the table");
        let (parts, sum) = described(&bounds(&settings, &[inference]));
        let server = "server.body_budget 64 MiB, server.answer_budget 256 MiB";
        assert_eq!((parts, sum), (format!("{server}, inference.cache_bytes 512 MiB"), 832));
    }

    #[test]
    fn on_kafka_what_is_under_way_and_what_is_read_ahead_count_too() {
        let mut settings = Settings::default();
        settings.backends.log = LogBackend::Kafka;
        settings.backends.store = StoreBackend::Redis;
        let of = |settings: &Settings, name: &str| described(&bounds(settings, &[role(name).expect("in the table")]));
        // Four readers, and the consumer of the archive.
        let (parts, sum) = of(&settings, "trainer");
        let one = settings.kafka.read_ahead_bytes();
        let ahead = mebibytes(5 * one);
        let kafka = format!(
            "kafka.in_flight_bytes 64 MiB, what Kafka clients read ahead (kafka.prefetch_bytes, kafka.readers) {ahead} MiB"
        );
        let server = "server.body_budget 64 MiB, server.answer_budget 256 MiB";
        assert_eq!((parts, sum), (format!("{server}, {kafka}"), 384 + ahead));
        settings.role::<Trainer>().archive.enabled = false;
        assert_eq!(of(&settings, "trainer").1, mebibytes((384 << 20) + 4 * one));
        // A feature store has the readers too, and a consumer of the ratings.
        assert_eq!(of(&settings, "feature-store").1, mebibytes((384 << 20) + 5 * one));
        // Inference only writes what it has served.
        assert!(!of(&settings, "inference").0.contains("prefetch"));
        assert!(of(&settings, "inference").0.contains("kafka.in_flight_bytes"));
    }
}
