//! The settings of the monitor.

use std::time::Duration;

use marquee_domain::ModelName;
use marquee_ports::MAX_GROUP;
use marquee_settings::{Invalid, Validate};
use serde::{Deserialize, Serialize};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Settings of the monitor role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Consumer group that shares the rating topic's partitions. Default `marquee-monitor`.
    pub group: String,
    /// The models whose versions are compared, 1 to 16. Default `ratings`.
    pub models: Vec<String>,
    /// Most ratings of a history, 1 to 10,000. Versions must predict from the history that they are
    /// served with, so the default is `feature_store.history`, and another value is refused where
    /// both roles run. A monitor in a process of its own needs the value of the feature store.
    pub history: usize,
    /// Most events that are compared and learned at once. Default 1,024.
    pub batch: usize,
    /// How long ratings wait while no inference instance answers, or while no version is warm.
    /// Later ones are learned without a prediction until one answers again. Default `1m`.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// The longest time of one call of inference. Default `10s`.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// How long a prediction that a user was shown is kept for a rating of the user. Default `7d`.
    #[serde(with = "humantime_serde")]
    pub join_window: Duration,
    /// How long a rating waits for a prediction that was made before it and comes to the monitor
    /// after it. Later predictions are not joined with it. Default `1m`.
    #[serde(with = "humantime_serde")]
    pub late: Duration,
    /// Most bytes that predictions take that wait for a rating. The oldest ones are dropped first.
    /// Default 268,435,456.
    pub join_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            group: "marquee-monitor".to_owned(),
            models: vec!["ratings".to_owned()],
            history: 500,
            batch: 1_024,
            patience: Duration::from_secs(60),
            deadline: Duration::from_secs(10),
            join_window: 7 * DAY,
            late: Duration::from_secs(60),
            join_bytes: 256 << 20,
        }
    }
}

impl Settings {
    /// Returns the names of the models, each once.
    pub(crate) fn model_names(&self) -> Result<Vec<ModelName>, Invalid> {
        let name = |text: &String| {
            ModelName::try_new(text).map_err(|error| Invalid::new("models", format!("'{text}' {error}")))
        };
        let mut names = self.models.iter().map(name).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        let fits = (1..=MAX_GROUP).contains(&self.group.len());
        Invalid::unless(fits, "group", format!("expected 1 to {MAX_GROUP} bytes"))?;
        Invalid::unless_in(1..=16, "models", self.models.len() as u64)?;
        self.model_names()?;
        Invalid::unless_in(1..=10_000, "history", self.history as u64)?;
        Invalid::unless_in(1..=65_536, "batch", self.batch as u64)?;
        Invalid::unless_time_in(Duration::ZERO..=24 * HOUR, "patience", self.patience)?;
        Invalid::unless_time_in(Duration::from_millis(1)..=HOUR, "deadline", self.deadline)?;
        Invalid::unless_time_in(Duration::from_secs(1)..=365 * DAY, "join_window", self.join_window)?;
        Invalid::unless_time_in(Duration::ZERO..=DAY, "late", self.late)?;
        Invalid::unless_in(1 << 20..=1 << 40, "join_bytes", self.join_bytes as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused_by_key() {
        type Change = fn(&mut Settings);
        let cases: [(Change, &str); 10] = [
            (|settings| settings.group = String::new(), "group: "),
            (|settings| settings.models = Vec::new(), "models: is 0"),
            (|settings| settings.models = vec!["No Model".to_owned()], "models: 'No Model' is not a model name"),
            (|settings| settings.history = 0, "history: is 0; give a number from 1 to 10,000"),
            (|settings| settings.batch = 1 << 20, "batch: is "),
            (|settings| settings.patience = 25 * HOUR, "patience: is "),
            (|settings| settings.deadline = Duration::ZERO, "deadline: is 0s"),
            (|settings| settings.join_window = Duration::ZERO, "join_window: is 0s"),
            (|settings| settings.late = 2 * DAY, "late: is "),
            (|settings| settings.join_bytes = 0, "join_bytes: is 0"),
        ];
        for (change, message) in cases {
            let mut settings = Settings::default();
            change(&mut settings);
            let refused = settings.validate().expect_err(message).to_string();
            assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
        }
        assert_eq!(Settings::default().validate(), Ok(()));
    }

    #[test]
    fn a_model_is_compared_once() {
        let models = ["b", "a", "b"].map(str::to_owned).to_vec();
        let names = Settings { models, ..Settings::default() }.model_names().expect("valid");
        assert_eq!(names.iter().map(ModelName::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }
}
