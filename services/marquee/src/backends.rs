//! The settings that choose the back-ends, which hold the data.

use marquee_kit::settings::Invalid;
use marquee_role::Needs;
use serde::{Deserialize, Serialize};

/// Which back-ends hold the data. Embedded ones keep it in the data folder of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backends {
    /// Holds ratings, rejected ratings and movies: `embedded`, the default, or `kafka`.
    pub log: LogBackend,
    /// Holds features: `embedded`, the default, or `redis`.
    pub store: StoreBackend,
    /// Holds models, the routing table, training runs and the archive: `embedded`, the default, or
    /// `s3`.
    pub objects: ObjectsBackend,
    /// Lets a process that runs only some of the roles use embedded back-ends, although no other
    /// process can read them. For tests, and for work on a copy of a data folder. Default false.
    pub isolated: bool,
}

/// Back-ends of the rating log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogBackend {
    /// In the data folder.
    #[default]
    Embedded,
    /// Topics of Kafka.
    Kafka,
}

/// Back-ends of the online store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreBackend {
    /// In the data folder.
    #[default]
    Embedded,
    /// Redis 7, one server or a cluster.
    Redis,
}

/// Back-ends of the object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectsBackend {
    /// In the data folder.
    #[default]
    Embedded,
    /// A bucket of S3, or of a server with the same API.
    S3,
}

impl Backends {
    /// Checks that other processes can reach what a process with only some of the roles needs.
    ///
    /// # Errors
    /// A back-end that is needed is embedded, and `backends.isolated` is not set.
    pub(crate) fn check_shared(&self, needs: &Needs) -> Result<(), Invalid> {
        let embedded = [
            ("backends.log", needs.log && self.log == LogBackend::Embedded, "kafka"),
            ("backends.store", (needs.store || needs.monitor_store) && self.store == StoreBackend::Embedded, "redis"),
            ("backends.objects", needs.objects && self.objects == ObjectsBackend::Embedded, "s3"),
        ];
        let Some((key, ..)) = embedded.iter().find(|(_, embedded, _)| *embedded) else { return Ok(()) };
        if self.isolated {
            return Ok(());
        }
        let fixes: Vec<_> = embedded.iter().filter(|one| one.1).map(|(key, _, to)| format!("{key}={to}")).collect();
        Err(Invalid::new(
            *key,
            format!(
                "is embedded, so the roles in other processes cannot read what this role writes; set {}, or run the \
                 whole fleet in one process with `marquee up`",
                fixes.join(" and ")
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_alone_is_refused_on_embedded_back_ends_that_it_needs() {
        let needs = Needs { log: true, objects: true, ..Needs::default() };
        let error = Backends::default().check_shared(&needs).expect_err("embedded").to_string();
        assert!(error.starts_with("backends.log: is embedded"), "{error}");
        assert!(error.contains("backends.log=kafka and backends.objects=s3") && !error.contains("store"), "{error}");

        let shared = Backends { log: LogBackend::Kafka, objects: ObjectsBackend::S3, ..Backends::default() };
        assert_eq!(shared.check_shared(&needs), Ok(()));
        assert_eq!(Backends { isolated: true, ..Backends::default() }.check_shared(&needs), Ok(()));
        assert_eq!(Backends::default().check_shared(&Needs::default()), Ok(()));

        let optional = Needs { optional_objects: true, ..Needs::default() };
        assert_eq!(Backends::default().check_shared(&optional), Ok(()));
    }
}
