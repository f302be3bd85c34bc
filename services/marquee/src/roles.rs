//! The table of roles. The command line, the settings, `marquee status` and the fleet iterate over
//! it.

use marquee_role::Entry;

/// Every role, in the order in which they start: the feature store before the roles that read
/// features.
pub const ROLES: &[Entry] = &[
    Entry::of::<marquee_ingest::Ingest>(),
    Entry::of::<marquee_feature_store::FeatureStore>(),
    Entry::of::<marquee_trainer::Trainer>(),
    Entry::of::<marquee_inference::Inference>(),
    Entry::of::<marquee_monitor::Monitor>(),
    Entry::of::<marquee_controller::Controller>(),
];

/// Returns the role with a name.
pub fn role(name: &str) -> Option<Entry> {
    ROLES.iter().copied().find(|role| role.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn roles_have_names_sections_and_health_checks_of_their_own() {
        for names in [|role: &Entry| role.name, |role: &Entry| role.section, |role: &Entry| role.health] {
            let all: BTreeSet<_> = ROLES.iter().map(names).collect();
            assert_eq!(all.len(), ROLES.len(), "{all:?}");
        }
        assert!(role("trainer").is_some_and(|role| role.health == "marquee.training.v1.Trainer"));
        assert!(role("nothing").is_none());
    }
}
