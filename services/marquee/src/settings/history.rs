//! The length of histories, which the feature store and the monitor must agree about: versions are
//! compared on the histories that they are served with.

use marquee_feature_store::FeatureStore;
use marquee_kit::settings::{Error, Invalid, Source};
use marquee_monitor::Monitor;
use marquee_role::{Entry, Role};

use super::Settings;

/// The origin of a value that no layer names.
const DEFAULT: &str = "default";

/// The key of the monitor.
const KEY: &str = "monitor.history";

/// Lets the monitor's length follow that of the feature store, unless a layer names the monitor's.
pub(super) fn follow(settings: &mut Settings, source: &Source) -> Result<(), Error> {
    let has_both = settings.roles.get::<FeatureStore>().is_some() && settings.roles.get::<Monitor>().is_some();
    let values = source.effective(&settings.to_json()?);
    let is_named = values.iter().any(|value| value.key == KEY && value.origin != DEFAULT);
    if has_both && !is_named {
        let served = settings.role::<FeatureStore>().history;
        settings.role::<Monitor>().history = served;
    }
    Ok(())
}

/// Checks that the roles of a process agree.
///
/// # Errors
/// The feature store and the monitor run here with different lengths.
pub(crate) fn check_equal(settings: &Settings, roles: &[Entry]) -> Result<(), Invalid> {
    let runs = |section: &str| roles.iter().any(|role| role.section == section);
    if !runs(FeatureStore::SECTION) || !runs(Monitor::SECTION) {
        return Ok(());
    }
    let served = settings.roles.get::<FeatureStore>().map(|settings| settings.history);
    let compared = settings.roles.get::<Monitor>().map(|settings| settings.history);
    match (served, compared) {
        (Some(served), Some(compared)) if served != compared => {
            let message = format!(
                "is {compared}, but feature_store.history is {served}; leave {KEY} out, or give both the same number"
            );
            Err(Invalid::new(KEY, message))
        }
        _ => Ok(()),
    }
}
