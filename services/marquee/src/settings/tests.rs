//! Every setting of every crate: what is refused, in which words, and what is not shown.

use std::collections::BTreeSet;

use humantime_serde::re::humantime::parse_duration;
use serde_json::Value;

use super::*;

fn load(flags: &[(&str, &str)]) -> Result<Loaded<Settings>, Error> {
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::load(&Layers { file: None, flags }, ROLES)
}

/// Returns every setting with its default.
fn defaults() -> Vec<(String, Value)> {
    let values = load(&[]).expect("the defaults are valid").values;
    values.into_iter().map(|value| (value.key, serde_json::from_str(&value.value).expect("JSON"))).collect()
}

#[test]
fn defaults_are_valid_and_every_role_has_its_section() {
    let loaded = load(&[]).expect("the defaults are valid");
    for role in ROLES {
        let prefix = format!("{}.", role.section);
        assert!(loaded.values.iter().any(|value| value.key.starts_with(&prefix)), "{prefix}");
    }
}

#[test]
fn a_section_of_a_role_is_read_from_its_layers() {
    let mut loaded = load(&[("ingest.max_batch", "11"), ("shutdown", "3s")]).expect("valid");
    assert_eq!(loaded.settings.role::<marquee_ingest::Ingest>().max_batch, 11);
    assert_eq!(loaded.settings.shutdown, Duration::from_secs(3));
    let batch = loaded.values.iter().find(|value| value.key == "ingest.max_batch").expect("listed");
    assert_eq!((batch.value.as_str(), batch.origin.as_str()), ("11", "flag"));
}

/// Asserts that a value is refused under its key, in words for people.
#[track_caller]
fn assert_refused(key: &str, value: &str) {
    let error = load(&[(key, value)]).err().unwrap_or_else(|| panic!("{key}={value} is accepted")).to_string();
    let group = key.rsplit_once('.').map_or(key, |(group, _)| group);
    assert!(error.starts_with(key) || error.starts_with(&format!("{group}: ")), "{key}={value}: {error}");
    assert!(error.ends_with("(from flag)"), "{key}={value}: {error}");
    for word in
        ["usize", "u32", "u64", "f64", "struct", "enum", "untagged", "Option", "invalid type", "variant", "nonzero"]
    {
        assert!(!error.contains(word), "{key}={value} is refused in the words of the program: {error}");
    }
}

#[test]
fn a_setting_that_makes_a_role_useless_is_refused_by_its_dotted_key() {
    for (key, values) in [
        ("data_dir", &["", "/dev/null"][..]),
        ("admin_listen", &["localhost:7090", "7090", "127.0.0.1"]),
        ("grpc_listen", &["", "localhost:7070", "7070", "127.0.0.1", "127.0.0.1:70000"]),
        ("features_address", &["somewhere", "ftp://host:1", "http://", "http://a:1,nowhere"]),
        ("inference_address", &["somewhere", "http://"]),
        ("scale.min", &["9"]),
        ("scale.step", &["-1", "0.4", "0.0001"]),
        ("ingest.max_in_flight", &["0"]),
        ("ingest.max_batch", &["0"]),
        ("ingest.stream_in_flight", &["0"]),
        ("ingest.quota.clients", &["0", "4000000000"]),
        ("ingest.unknown_movies", &["rejct"]),
        ("inference.refresh", &["0s", "1ms", "2h"]),
        ("inference.default_model", &["A/B", ""]),
        ("inference.state_dir", &["/dev/null"]),
        ("inference.keep", &["0"]),
        ("inference.repository.instances", &["0"]),
        ("trainer.holdout", &["0", "0.9", "nan"]),
        ("trainer.queue", &["0"]),
        ("trainer.lease", &["0s"]),
        ("trainer.archive.rows", &["0"]),
        ("trainer.archive.group", &[""]),
        ("trainer.archive.compact", &["1"]),
        ("trainer.gates.parity", &["0", "-1"]),
        ("feature_store.history", &["0"]),
        ("feature_store.group", &[""]),
        ("feature_store.windows", &["[]", "0", "7,x"]),
        ("feature_store.batch", &["0"]),
        ("monitor.group", &[""]),
        ("monitor.models", &["[]", "A/B"]),
        ("monitor.history", &["0"]),
        ("monitor.patience", &["2days"]),
        ("monitor.deadline", &["0s"]),
        ("monitor.join_window", &["0s"]),
        ("monitor.join_bytes", &["1"]),
        ("kafka.bootstrap", &["", " "]),
        ("kafka.partitions", &["0"]),
        ("redis.urls", &["[]", "", "somewhere"]),
        ("redis.deadline", &["0s"]),
        ("s3.url", &["", "films"]),
        ("s3.part_size", &["0"]),
        ("tracking.url", &["somewhere", "http://"]),
        ("tracking.queue", &["0"]),
        ("telemetry.log", &["very=loud", "inof", "info,dbeug", "in_fo"]),
        ("telemetry.otlp_endpoint", &["somewhere", "http://"]),
        ("log.partitions", &["0", "100000"]),
        ("log.queue", &["0"]),
        ("log.retention", &["{nothing = {age = \"1d\"}}", "5"]),
        ("server.answer_budget", &["0", "1048576"]),
        ("server.max_message", &["1048576", "33554432"]),
        ("server.max_connection_age", &["2days"]),
        ("server.max_connection_age_grace", &["0s", "2days"]),
        ("shutdown", &["0s"]),
        ("backends.log", &["kafak"]),
    ] {
        for value in values {
            assert_refused(key, value);
        }
    }
}

/// What no setting of a type takes, by the type of its default.
fn nonsense(default: &Value) -> &'static [&'static str] {
    match default {
        Value::Bool(_) => &["maybe", "", "1"],
        Value::Number(number) if number.is_f64() => &["many", "", "nan", "1e999"],
        Value::Number(_) => &["many", "", "-1", "1.5", "18446744073709551615", "99999999999999999999"],
        Value::String(text) if parse_duration(text).is_ok() => {
            &["soon", "", "5", "-1s", "1000years", "99999999999999999999s"]
        }
        Value::Object(_) => &["5", "x"],
        _ => &[],
    }
}

#[test]
fn every_number_and_time_is_bounded_and_every_value_has_its_form() {
    let all = defaults();
    assert!(all.len() > 60, "{all:?}");
    for (key, default) in &all {
        nonsense(default).iter().for_each(|value| assert_refused(key, value));
    }
    // Choices are refused with what may be chosen.
    for (key, value) in [
        ("backends.log", "kafka"),
        ("backends.store", "redis"),
        ("backends.objects", "s3"),
        ("telemetry.format", "json"),
        ("ingest.unknown_movies", "accept"),
        ("kafka.security", "plaintext"),
        ("kafka.compression", "lz4"),
    ] {
        assert!(all.iter().any(|(known, _)| known == key), "{key}");
        let error = load(&[(key, "nope")]).expect_err(key).to_string();
        assert!(error.contains("'nope'") && error.contains(value), "{error}");
    }
}

#[test]
fn two_listeners_need_two_ports() {
    let error = load(&[("grpc_listen", "127.0.0.1:7080")]).expect_err("the same").to_string();
    assert!(error.starts_with("http_listen: is 127.0.0.1:7080, as grpc_listen"), "{error}");
    let error = load(&[("admin_listen", "127.0.0.1:7070")]).expect_err("the same").to_string();
    assert!(error.starts_with("admin_listen: is 127.0.0.1:7070, as grpc_listen"), "{error}");
    let any = [("grpc_listen", "127.0.0.1:0"), ("http_listen", "127.0.0.1:0"), ("admin_listen", "127.0.0.1:0")];
    let loaded = load(&any).expect("any ports");
    assert_eq!(loaded.settings.admin_listen, Some(([127, 0, 0, 1], 0).into()));
    assert_eq!(load(&[("admin_listen", "")]).expect("no such listener").settings.admin_listen, None);
    let open = load(&[("admin_listen", "0.0.0.0:7090")]).expect_err("open to everybody").to_string();
    assert!(open.starts_with("admin_listen: 0.0.0.0:7090 is not a loopback address"), "{open}");
}

#[test]
fn an_unknown_key_is_refused_at_every_level_with_the_name_that_was_meant() {
    for (key, part) in [
        ("ingest.maxbatch", "did you mean 'max_batch'?"),
        ("nope.deep", "data_dir"),
        ("kafka.nope", "bootstrap"),
        ("data-dir", "did you mean 'data_dir'?"),
        ("max_batch", "did you mean 'inference.max_batch'?"),
        ("kafka.bootstrap_servers", "bootstrap"),
    ] {
        let error = load(&[(key, "1")]).expect_err(key).to_string();
        assert!(error.contains(part) && error.contains("flag"), "{key}: {error}");
    }
}

/// Names that say that a value is a secret.
const SECRET: [&str; 5] = ["password", "secret", "token", "passphrase", "credential"];

#[test]
fn no_secret_is_shown_wherever_it_is() {
    let hidden = "hunter2";
    let address = format!("http://me:{hunter}@host:7070", hunter = hidden);
    let all = defaults();
    let secrets: BTreeSet<&str> = all
        .iter()
        .map(|(key, _)| key.as_str())
        .filter(|key| SECRET.iter().any(|word| key.rsplit('.').next().is_some_and(|name| name.contains(word))))
        .filter(|key| !key.ends_with("_file"))
        .collect();
    for expected in ["kafka.password", "redis.password", "s3.secret_access_key"] {
        assert!(secrets.contains(expected), "{secrets:?}");
    }
    let texts =
        all.iter().filter(|(_, default)| default.is_string() || default.is_array()).map(|(key, _)| key.as_str());
    let values = texts.flat_map(|key| {
        let value = if secrets.contains(key) { hidden.to_owned() } else { address.clone() };
        [(key, value.clone()), (key, format!("[\"{value}\"]"))]
    });
    for (key, value) in values {
        // Whether the value is shown, logged or refused: the secret is in none of it.
        let shown = match load(&[(key, &value)]) {
            Ok(Loaded { settings, values }) if secrets.contains(key) => {
                format!(
                    "{settings:?} {values:?} {:?} {:?}",
                    settings.roles,
                    (&settings.kafka, &settings.redis, &settings.s3)
                )
            }
            Ok(Loaded { settings, values }) => format!("{settings:?} {values:?} {:?}", settings.telemetry),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains(hidden), "{key}: {shown}");
    }
    let loaded = load(&[("features_address", &address)]).expect("valid");
    let shown = loaded.values.iter().find(|value| value.key == "features_address").expect("listed");
    assert_eq!(shown.value, r#""http://me:***@host:7070""#);
}

#[test]
fn a_password_of_digits_is_a_password() {
    let loaded = load(&[("redis.password", "0042")]).expect("valid");
    assert_eq!(loaded.settings.redis.password.expose(), "0042");
}

#[test]
fn the_settings_files_of_this_project_are_valid() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kafka-redis-s3.toml");
    let layers = Layers { file: Some(PathBuf::from(file)), flags: Vec::new() };
    Settings::load(&layers, ROLES).expect("valid");
}

#[test]
fn a_listener_for_other_machines_needs_to_know_who_writes() {
    let error = load(&[("grpc_listen", "0.0.0.0:7070")]).expect_err("open to everybody").to_string();
    assert!(error.starts_with("grpc_listen: 0.0.0.0:7070 is not a loopback address"), "{error}");
    for (key, value) in [("server.token_file", "/run/token"), ("server.allow_unauthenticated", "true")] {
        load(&[("grpc_listen", "[::]:7070"), (key, value)]).expect(key);
    }
    load(&[("grpc_listen", "127.0.0.2:7070"), ("http_listen", "[::1]:7080")]).expect("loopback");
}

#[test]
fn the_monitor_keeps_histories_as_long_as_those_that_are_served() {
    let histories = |flags: &[(&str, &str)]| {
        let loaded = load(flags).expect("valid");
        let shown = loaded.values.iter().find(|value| value.key == "monitor.history").expect("listed").value.clone();
        let mut settings = loaded.settings;
        let length = settings.role::<marquee_monitor::Monitor>().history;
        assert_eq!(shown, length.to_string());
        (length, check_histories(&settings, ROLES).map_err(|error| error.to_string()), settings)
    };
    assert_eq!(histories(&[]).0, 500);
    let (length, checked, _) = histories(&[("feature_store.history", "800")]);
    assert_eq!((length, checked), (800, Ok(())), "the default follows");
    let (_, checked, _) = histories(&[("feature_store.history", "800"), ("monitor.history", "800")]);
    assert_eq!(checked, Ok(()));
    for flags in [&[("feature_store.history", "800"), ("monitor.history", "500")][..], &[("monitor.history", "800")]] {
        let (_, checked, settings) = histories(flags);
        let error = checked.expect_err("both run in one process");
        assert!(error.starts_with("monitor.history: is ") && error.contains("feature_store.history"), "{error}");
        // A monitor in a process of its own needs the number of a feature store elsewhere.
        let monitor = crate::roles::role("monitor").expect("in the table");
        assert_eq!(check_histories(&settings, &[monitor]), Ok(()));
    }
}
