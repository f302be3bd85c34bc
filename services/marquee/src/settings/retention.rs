//! The retention of the embedded log: the archive must have ratings before the log removes them. On
//! Kafka, `marquee-kafka` checks the same rule on the topics of the cluster.

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use marquee_embedded::RetentionSettings;
use marquee_kit::settings::Invalid;
use marquee_ports::{Retention, Topic};
use marquee_trainer::Trainer;

use super::Settings;
use crate::backends::LogBackend;

/// Checks that the embedded log removes no record of an archived topic before it is archived.
///
/// # Errors
/// An entry of `log.retention` limits the bytes of such a topic, or its age while no archive is
/// written, or to a time that is too short for the archive.
pub(super) fn check(settings: &Settings) -> Result<(), Invalid> {
    if settings.backends.log != LogBackend::Embedded {
        return Ok(());
    }
    let interval = archive_interval(settings);
    for topic in Topic::ALL.iter().filter(|topic| topic.spec().archived) {
        let Some(retention) = settings.log.retention.get(topic.name()) else { continue };
        if let Some(problem) = problem(retention, interval) {
            return Err(Invalid::new(format!("log.retention.{}", topic.name()), problem));
        }
    }
    Ok(())
}

/// Returns how often the archive copies ratings out of the log, or `None` if no archive is written.
pub(crate) fn archive_interval(settings: &Settings) -> Option<Duration> {
    let archive = &settings.roles.get::<Trainer>()?.archive;
    archive.enabled.then_some(archive.every)
}

/// Returns why a limit could lose records that are not archived, and what to set instead.
/// `interval` is that of the archive, or `None` if no archive is written.
fn problem(retention: &RetentionSettings, interval: Option<Duration>) -> Option<String> {
    if retention.bytes.is_some() {
        let fix = "limits bytes, which may remove records before they are archived; remove bytes, and give age instead";
        return Some(fix.to_owned());
    }
    let age = retention.age?;
    let Some(interval) = interval else {
        let fix = "limits age, but no archive keeps what is removed; set trainer.archive.enabled=true, or remove age";
        return Some(fix.to_owned());
    };
    let least = Retention::least_archived_age(interval);
    let [kept, needed] = [age, least].map(format_duration);
    let fix = || format!("keeps records for {kept}, which may end before they are archived; set age={needed} or more");
    (age < least).then(fix)
}

#[cfg(test)]
mod tests {
    use marquee_kit::settings::Validate as _;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3_600);

    /// Returns the refusal of settings with a retention of a topic. `every` is the interval of the
    /// archive, or `None` if it is not enabled.
    fn refused(topic: Topic, limits: (Option<Duration>, Option<u64>), every: Option<Duration>) -> Option<String> {
        let mut settings = Settings::default();
        let (age, bytes) = limits;
        settings.log.retention.insert(topic.name().to_owned(), RetentionSettings { age, bytes });
        let archive = &mut settings.role::<Trainer>().archive;
        archive.enabled = every.is_some();
        archive.every = every.unwrap_or(archive.every);
        settings.validate().err().map(|invalid| invalid.to_string())
    }

    #[test]
    fn a_retention_that_would_lose_ratings_is_refused_with_the_setting_that_mends_it() {
        let minute = Some(Duration::from_secs(60));
        let unfit = [
            ((Some(DAY), None), None, "set trainer.archive.enabled=true"),
            ((Some(DAY - Duration::from_secs(1)), None), minute, "set age=1day or more"),
            ((Some(DAY), None), Some(DAY), "set age=10days or more"),
            ((None, Some(1 << 40)), minute, "remove bytes"),
            ((Some(DAY), Some(1 << 40)), minute, "remove bytes"),
        ];
        for (limits, every, fix) in unfit {
            let refusal = refused(Topic::RATINGS, limits, every).expect(fix);
            assert!(refusal.starts_with("log.retention.marquee.ratings.v1: "), "{refusal}");
            assert!(refusal.contains(fix), "{refusal}");
        }
        assert_eq!(refused(Topic::RATINGS, (Some(DAY), None), minute), None);
        assert_eq!(refused(Topic::RATINGS, (None, None), None), None);
        // Other topics are not archived.
        assert_eq!(refused(Topic::REJECTED, (Some(Duration::from_secs(1)), Some(1)), None), None);
    }

    #[test]
    fn the_embedded_log_is_not_checked_where_kafka_is_the_log() {
        let mut settings = Settings::default();
        let retention = RetentionSettings { age: None, bytes: Some(1) };
        settings.log.retention.insert(Topic::RATINGS.name().to_owned(), retention);
        assert!(check(&settings).is_err());
        settings.backends.log = LogBackend::Kafka;
        assert_eq!(check(&settings), Ok(()));
    }
}
