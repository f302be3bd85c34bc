//! The settings of the tracker.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use marquee_settings::{Invalid, Validate, is_set};
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// The longest wait for an answer.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(300);

/// How long an event is tried.
const PATIENCE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);

/// The longest name of an experiment that MLflow stores, in bytes.
const LONGEST_NAME: usize = 256;

/// Settings of the tracker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The address of an MLflow 3 tracking server, as `http://HOST:PORT` or `https://HOST`, with a
    /// path if the server has a prefix. Empty, the default: nothing is tracked.
    pub url: String,
    /// The experiment that has the training runs. It is made if it is missing. Default `marquee`.
    pub experiment: String,
    /// A file with the token that is sent with each call (Bearer). It is read before each call, so
    /// it may be replaced. Empty, the default: no token.
    pub token_file: PathBuf,
    /// The user, on a server that asks for a user and a password (Basic). Default empty.
    pub username: String,
    /// A file with the password of the user. It is read before each call. Default empty.
    pub password_file: PathBuf,
    /// A file of certificates (PEM) to trust instead of those of the system. Default empty.
    pub ca_file: PathBuf,
    /// The longest wait for one answer, from `100ms` to `5m`. An upload has a second more for each
    /// MiB. Default `10s`.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long one event is tried while the server fails, from `1s` to `24h`. After that it is
    /// dropped and counted. Default `10m`.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// The number of events that wait for the server, from 16 to 1,000,000. What finds the queue
    /// full is dropped and counted. Default 4,096.
    pub queue: usize,
    /// The largest package in bytes that is logged as a model, from 1 MiB to 1 TiB. Default 512
    /// MiB.
    pub largest_package: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            experiment: "marquee".to_owned(),
            token_file: PathBuf::new(),
            username: String::new(),
            password_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            timeout: Duration::from_secs(10),
            patience: Duration::from_secs(600),
            queue: 4_096,
            largest_package: 512 << 20,
        }
    }
}

impl Settings {
    /// Returns whether events are tracked.
    pub fn is_enabled(&self) -> bool {
        !self.url.is_empty()
    }

    /// Returns the address of the server.
    ///
    /// # Errors
    /// The address is empty or not that of an HTTP server.
    pub(crate) fn address(&self) -> Result<Url, Invalid> {
        // The text is not repeated where it may contain a password.
        let refused = |message: &str| Err(Invalid::new("url", message));
        let Ok(url) = Url::parse(&self.url) else {
            return refused("is not an address; expected http://HOST:PORT or https://HOST");
        };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return refused("is not the address of an HTTP server; expected http://HOST:PORT or https://HOST");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("has a user or a password in it; give tracking.username and tracking.password_file");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("has a part after ? or #; give the address without it");
        }
        Ok(url)
    }
}

/// Returns whether an address is on this machine. A proxy cannot reach it.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        if self.is_enabled() {
            self.address()?;
        }
        let is_name =
            matches!(self.experiment.trim().len(), 1..=LONGEST_NAME) && !self.experiment.contains(char::is_control);
        Invalid::unless(is_name, "experiment", format!("is not a name; give 1 to {LONGEST_NAME} visible letters"))?;
        let has_password = is_set(&self.password_file);
        let message = "is empty, but password_file is set; give the user of the password";
        Invalid::unless(!self.username.is_empty() || !has_password, "username", message)?;
        let message = "is empty; give a file with the password of username";
        Invalid::unless(self.username.is_empty() || has_password, "password_file", message)?;
        let message = "contains a colon, which ends a user in HTTP; give a user without one";
        Invalid::unless(!self.username.contains([':', '\r', '\n']), "username", message)?;
        let message = "is set, and username too; give a token or a user with a password";
        Invalid::unless(self.username.is_empty() || !is_set(&self.token_file), "token_file", message)?;
        Invalid::unless_time_in(TIMEOUT, "timeout", self.timeout)?;
        Invalid::unless_time_in(PATIENCE, "patience", self.patience)?;
        Invalid::unless_in(16..=1_000_000, "queue", self.queue as u64)?;
        Invalid::unless_in(1 << 20..=1 << 40, "largest_package", self.largest_package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_off_and_valid_and_every_wrong_value_is_named() {
        assert_eq!(Settings::default().validate(), Ok(()));
        assert!(!Settings::default().is_enabled());
        type Change = fn(&mut Settings);
        let wrong: [(&str, Change); 15] = [
            ("url", |settings| settings.url = "mlflow:5000".to_owned()),
            ("url", |settings| settings.url = "mlflow".to_owned()),
            ("url", |settings| settings.url = "ftp://mlflow".to_owned()),
            ("url", |settings| settings.url = "http://ann:secret@mlflow".to_owned()),
            ("url", |settings| settings.url = "http://mlflow/?a=b".to_owned()),
            ("experiment", |settings| settings.experiment = " ".to_owned()),
            ("experiment", |settings| settings.experiment = "a\nb".to_owned()),
            ("username", |settings| settings.password_file = "/run/password".into()),
            ("password_file", |settings| settings.username = "ann".to_owned()),
            ("token_file", |settings| {
                settings.username = "ann".to_owned();
                settings.password_file = "/run/password".into();
                settings.token_file = "/run/token".into();
            }),
            ("timeout", |settings| settings.timeout = Duration::ZERO),
            ("patience", |settings| settings.patience = Duration::MAX),
            ("queue", |settings| settings.queue = 0),
            ("queue", |settings| settings.queue = usize::MAX),
            ("largest_package", |settings| settings.largest_package = 0),
        ];
        for (key, change) in wrong {
            let mut settings = Settings::default();
            change(&mut settings);
            let error = settings.validate().expect_err("wrong");
            assert_eq!(error.key(), key);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for url in ["http://127.0.0.1:5000", "https://mlflow.example.com/prefix/", "http://mlflow.mlops.svc:5000"] {
            let settings = Settings { url: url.to_owned(), ..Settings::default() };
            assert_eq!(settings.validate(), Ok(()));
            assert!(settings.is_enabled());
        }
    }

    #[test]
    fn an_address_on_this_machine_is_told_from_others() {
        let loopback = |url| is_loopback(&Url::parse(url).expect("an address"));
        assert!(loopback("http://127.0.0.1:1") && loopback("http://localhost") && loopback("https://[::1]:5000"));
        assert!(!loopback("http://mlflow:5000") && !loopback("http://192.0.2.1"));
    }
}
