//! A fleet of roles that do nothing: each is one line in a table.

use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use marquee_kit::Context;
use marquee_kit::settings::{Invalid, Layers, Validate};
use marquee_role::{Cause, Endpoints, Granted, Role};
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoopSettings {
    needs_the_log: bool,
    asks_for_the_log: bool,
    marker: PathBuf,
}

impl Validate for NoopSettings {
    fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(self.marker != Path::new("/forbidden"), "marker", "is forbidden; give another path")
    }
}

/// Writes a marker file when it starts, and removes it when its work ends.
struct Noop;

#[async_trait]
impl Role for Noop {
    const NAME: &'static str = "no-op";
    const SECTION: &'static str = "no_op";
    const HEALTH: &'static str = "marquee.test.v1.Noop";
    const ABOUT: &'static str = "Does nothing";

    type Settings = NoopSettings;

    fn needs(settings: &NoopSettings) -> Needs {
        Needs { log: settings.needs_the_log, ..Needs::default() }
    }

    async fn start(settings: NoopSettings, granted: Granted, context: &Context) -> Result<Endpoints, Cause> {
        if settings.asks_for_the_log {
            granted.log()?;
        }
        std::fs::write(&settings.marker, "")?;
        let stop = context.stop.clone();
        context.tasks.spawn("no-op", async move {
            stop.cancelled().await;
            std::fs::remove_file(&settings.marker)
        });
        context.health.check(Self::HEALTH).ready();
        Ok(Endpoints::default())
    }
}

/// Defines a role that needs nothing, by its name and by how it starts.
macro_rules! role {
    ($(#[$doc:meta])* $role:ident, $name:literal, $settings:pat => $start:expr) => {
        $(#[$doc])*
        struct $role;

        #[async_trait]
        impl Role for $role {
            const NAME: &'static str = $name;
            const SECTION: &'static str = $name;
            const HEALTH: &'static str = concat!("marquee.test.v1.", stringify!($role));
            const ABOUT: &'static str = $name;

            type Settings = NoopSettings;

            fn needs(_: &NoopSettings) -> Needs {
                Needs::default()
            }

            async fn start($settings: NoopSettings, _: Granted, _: &Context) -> Result<Endpoints, Cause> {
                $start
            }
        }
    };
}

/// Writes the niceness of its task into the file, which gives way.
struct Modest;

#[async_trait]
impl Role for Modest {
    const NAME: &'static str = "modest";
    const SECTION: &'static str = "modest";
    const HEALTH: &'static str = "marquee.test.v1.Modest";
    const ABOUT: &'static str = "Gives way";
    const IS_LOW_PRIORITY: bool = true;

    type Settings = NoopSettings;

    fn needs(_: &NoopSettings) -> Needs {
        Needs::default()
    }

    async fn start(settings: NoopSettings, _: Granted, _: &Context) -> Result<Endpoints, Cause> {
        let niceness = tokio::spawn(async { rustix::process::getpriority_process(None) }).await??;
        std::fs::write(&settings.marker, niceness.to_string())?;
        Ok(Endpoints::default())
    }
}

role!(
    /// Never starts.
    Broken, "broken", _ => Err("as the test wants".into())
);
role!(
    /// Writes a file that stays, and fails to start.
    Fails, "fails", settings => {
        std::fs::write(&settings.marker, "")?;
        Err("as the test wants".into())
    }
);
role!(
    /// Panics while it starts.
    Panics, "panics", settings => {
        assert!(settings.needs_the_log, "for the test");
        Ok(Endpoints::default())
    }
);
role!(
    /// Waits for ever while it starts, as for a server that does not answer.
    Hangs, "hangs", _ => std::future::pending().await
);

const TABLE: &[Entry] = &[Entry::of::<Noop>()];

const BROKEN: &[Entry] = &[Entry::of::<Noop>(), Entry::of::<Broken>()];

const FAILS: &[Entry] = &[Entry::of::<Noop>(), Entry::of::<Fails>()];

const PANICS: &[Entry] = &[Entry::of::<Noop>(), Entry::of::<Panics>()];

const HANGS: &[Entry] = &[Entry::of::<Noop>(), Entry::of::<Hangs>()];

fn settings(folder: &Path, roles: &[Entry], flags: &[(&str, &str)]) -> Settings {
    let text = |path: &Path| format!("{:?}", path.display().to_string());
    let mut all = vec![
        ("data_dir".to_owned(), text(&folder.join("data"))),
        ("grpc_listen".to_owned(), "127.0.0.1:0".to_owned()),
        ("http_listen".to_owned(), "127.0.0.1:0".to_owned()),
        ("drain_delay".to_owned(), "0s".to_owned()),
    ];
    if roles.iter().any(|role| role.section == Noop::SECTION) {
        all.push(("no_op.marker".to_owned(), text(&folder.join("marker"))));
    }
    all.extend(flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Settings::load(&Layers { file: None, flags: all }, roles).expect("valid settings").settings
}

#[tokio::test]
async fn a_role_is_one_line_in_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let fleet = Fleet::start(settings(folder.path(), TABLE, &[]), TABLE).await.expect("it starts");
    tokio::time::timeout(Duration::from_secs(10), fleet.ready()).await.expect("in time").expect("ready");
    assert!(folder.path().join("marker").exists());
    // Nothing was opened that the role did not ask for: not even the data folder exists.
    assert!(!folder.path().join("data").exists());
    fleet.shutdown().await;
    assert!(!folder.path().join("marker").exists());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_role_of_low_priority_gives_way_to_others_and_to_nobody_when_alone() {
    const ALONE: &[Entry] = &[Entry::of::<Modest>()];
    const BESIDE: &[Entry] = &[Entry::of::<Noop>(), Entry::of::<Modest>()];
    let own: i32 = rustix::process::getpriority_process(None).expect("a niceness");
    for (roles, expected) in [(ALONE, own), (BESIDE, own.max(10))] {
        let folder = tempfile::tempdir().expect("a folder");
        let written = folder.path().join("niceness");
        let settings = settings(folder.path(), roles, &[("modest.marker", &format!("{written:?}"))]);
        let fleet = Fleet::start(settings, roles).await.expect("it starts");
        let niceness: i32 = std::fs::read_to_string(written).expect("written").parse().expect("a number");
        assert_eq!(niceness, expected);
        fleet.shutdown().await;
    }
}

#[tokio::test]
async fn roles_that_started_end_when_another_one_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = Fleet::start(settings(folder.path(), BROKEN, &[]), BROKEN).await.expect_err("it fails");
    assert_eq!(format!("{error:#}"), "role broken: could not start: as the test wants");
    assert!(!folder.path().join("marker").exists(), "the no-op role has started and ended");
}

/// Returns a port that was free a moment ago.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Asserts that a start has left nothing: no task, no listener, and a folder that is free.
#[track_caller]
fn assert_nothing_is_left(folder: &Path, address: &str) {
    assert!(!folder.join("marker").exists(), "the task of the no-op role has ended");
    std::net::TcpListener::bind(address).expect("the port is free");
    let log = marquee_embedded::EmbeddedLog::open(&folder.join("data/log"), &marquee_embedded::LogSettings::default());
    log.expect("the folder is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_start_leaves_nothing_running() {
    for (roles, expected) in
        [(BROKEN, "role broken: could not start"), (PANICS, "role panics: could not start: its start panicked")]
    {
        let (folder, address) = (tempfile::tempdir().expect("a folder"), free_port());
        let flags = [("no_op.needs_the_log", "true"), ("grpc_listen", &address)];
        let error = Fleet::start(settings(folder.path(), roles, &flags), roles).await.expect_err("it fails");
        assert!(format!("{error:#}").starts_with(expected), "{error:#}");
        assert_nothing_is_left(folder.path(), &address);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_start_ends_soon_and_leaves_nothing_running() {
    let (folder, address) = (tempfile::tempdir().expect("a folder"), free_port());
    let flags = [("no_op.needs_the_log", "true"), ("grpc_listen", &address)];
    let marker = folder.path().join("marker");
    let mut interrupted = None;
    let until_the_first_role_runs = async {
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while !marker.exists() {
            looks.tick().await;
        }
        interrupted = Some(std::time::Instant::now());
    };
    let settings = settings(folder.path(), HANGS, &flags);
    let started = Fleet::start_unless(settings, HANGS, until_the_first_role_runs).await.expect("no error");
    assert!(started.is_none());
    assert!(interrupted.expect("it was interrupted").elapsed() < Duration::from_secs(2));
    assert_nothing_is_left(folder.path(), &address);
}

#[tokio::test]
async fn a_start_that_fails_as_it_is_interrupted_ends_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let (failed, marker) = (folder.path().join("failed"), format!("{:?}", folder.path().join("failed")));
    let settings = || settings(folder.path(), FAILS, &[("fails.marker", &marker)]);
    // The signal is known when the role has failed, and not yet when the start was asked last.
    let interrupted = std::future::poll_fn(|_| if failed.exists() { Poll::Ready(()) } else { Poll::Pending });
    let started = Fleet::start_unless(settings(), FAILS, interrupted).await.expect("no error");
    assert!(started.is_none());
    assert!(!folder.path().join("marker").exists(), "the no-op role has started and ended");
    let error = Fleet::start_unless(settings(), FAILS, std::future::pending()).await.expect_err("it fails");
    assert_eq!(format!("{error:#}"), "role fails: could not start: as the test wants");
}

#[tokio::test]
async fn a_signal_before_the_start_opens_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let started = Fleet::start_unless(settings(folder.path(), TABLE, &[]), TABLE, std::future::ready(())).await;
    assert!(started.expect("no error").is_none());
    assert!(!folder.path().join("marker").exists() && !folder.path().join("data").exists());
}

#[tokio::test]
async fn a_role_that_uses_more_than_its_needs_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(folder.path(), TABLE, &[("no_op.asks_for_the_log", "true")]);
    let error = Fleet::start(settings, TABLE).await.expect_err("it fails");
    assert!(format!("{error:#}").contains("role no-op: uses the rating log without asking for it"), "{error:#}");
}

#[test]
fn settings_of_a_table_have_the_sections_of_its_roles_and_no_others() {
    let load = |key: &str, value: &str| {
        let flags = vec![(key.to_owned(), value.to_owned())];
        Settings::load(&Layers { file: None, flags }, TABLE).map(|loaded| loaded.values.len())
    };
    assert!(load("no_op.marker", "/tmp/x").is_ok());
    let error = load("no_op.marker", "/forbidden").expect_err("refused").to_string();
    assert_eq!(error, "no_op.marker: is forbidden; give another path (from flag)");
    assert!(load("ingest.max_batch", "1").expect_err("unknown").to_string().contains("'ingest'"));
}

#[test]
fn the_signing_key_is_opened_for_the_trainer_alone() {
    use crate::roles::{ROLES, role};
    let settings = Settings::default();
    let of = |name: &str| role(name).expect("in the table").needs(&settings.roles);
    for role in ROLES {
        assert_eq!(role.needs(&settings.roles).sign.is_some(), role.name == "trainer", "{}", role.name);
    }
    assert!(of("inference").verify && !of("inference").log);
    assert_eq!(of("ingest"), Needs { log: true, ..Needs::default() });
    let all = needs(&settings, ROLES);
    assert!(all.log && all.store && all.objects && all.onnx && all.verify && all.features);
}
