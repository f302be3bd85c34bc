//! How a model of the repository is served: what its configuration file says, in the words of
//! Triton's `ModelConfig`. Everything in it is optional.

use std::time::Duration;

use marquee_onnx::{Kind, Port};
use serde_json::Value;

use super::text;

/// The most instances of a model.
const MOST_INSTANCES: u64 = 64;

/// The most rows of a run.
const LARGEST_BATCH: u64 = 65_536;

/// The most requests that a model's queue may hold.
const LONGEST_QUEUE: u64 = 1_000_000;

/// The longest time that a request may wait for others, in microseconds.
const LONGEST_DELAY: u64 = 10_000_000;

/// Which versions of a model are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VersionPolicy {
    /// The newest ones.
    Latest(usize),
    All,
    /// These, as far as they exist.
    Specific(Vec<u64>),
}

impl VersionPolicy {
    /// Returns the versions that are served, of those that exist in ascending order.
    pub(crate) fn choose(&self, versions: &[u64]) -> Vec<u64> {
        match self {
            Self::Latest(count) => versions[versions.len().saturating_sub(*count)..].to_vec(),
            Self::All => versions.to_vec(),
            Self::Specific(wanted) => versions.iter().copied().filter(|version| wanted.contains(version)).collect(),
        }
    }
}

/// What a configuration says of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    name: String,
    kind: Option<Kind>,
}

/// How a model is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelConfig {
    /// `None`: as the settings say.
    pub(crate) policy: Option<VersionPolicy>,
    /// The most rows of a run; 0 or 1: each request runs alone. `None`: as the settings say.
    pub(crate) max_batch_size: Option<usize>,
    /// `None`: as the settings say.
    pub(crate) instances: Option<usize>,
    /// How many requests may wait. `None`: as the settings say.
    pub(crate) queue: Option<usize>,
    /// How long a request may wait for others to share a run while an instance is idle. Zero: it
    /// never waits.
    pub(crate) delay: Duration,
    /// The numbers of rows that a run should have. Empty: any number.
    pub(crate) preferred: Vec<usize>,
    /// How long a request may wait that has no timeout of its own. `None`: as long as it likes.
    pub(crate) timeout: Option<Duration>,
    /// Whether requests may have shorter timeouts.
    pub(crate) may_override_timeout: bool,
    /// The least urgent priority. 0: every number is a priority.
    pub(crate) priority_levels: u32,
    /// The priority of requests without one.
    pub(crate) default_priority: u32,
    /// The name of the file with the model.
    pub(crate) file: String,
    declared: [Vec<Declared>; 2],
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            policy: None,
            max_batch_size: None,
            instances: None,
            queue: None,
            delay: Duration::ZERO,
            preferred: Vec::new(),
            timeout: None,
            may_override_timeout: true,
            priority_levels: 0,
            default_priority: 0,
            file: "model.onnx".to_owned(),
            declared: [Vec::new(), Vec::new()],
        }
    }
}

impl ModelConfig {
    /// Reads `config.pbtxt`.
    pub(super) fn from_text(text: &str, name: &str) -> Result<Self, String> {
        Self::from_value(&text::parse(text)?, name)
    }

    /// Reads a configuration in JSON.
    pub(super) fn from_json(json: &str, name: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(json).map_err(|error| format!("it is not JSON ({error})"))?;
        Self::from_value(&value, name)
    }

    fn from_value(value: &Value, name: &str) -> Result<Self, String> {
        if !value.is_object() {
            return Err("it is not an object".to_owned());
        }
        refuse_foreign(value, name)?;
        let mut config = Self { policy: policy(value)?, ..Self::default() };
        if let Some(size) = number(value, "max_batch_size")? {
            config.max_batch_size = Some(within(size, LARGEST_BATCH, "max_batch_size")?);
        }
        let groups = list(value, "instance_group");
        if !groups.is_empty() {
            let counts: Result<Vec<u64>, String> =
                groups.iter().map(|group| Ok(number(group, "count")?.unwrap_or(1).max(1))).collect();
            let count = counts?.into_iter().fold(0, u64::saturating_add);
            config.instances = Some(within(count, MOST_INSTANCES, "instance_group.count")?);
            if groups.iter().any(|group| text_of(group, "kind") == Some("KIND_GPU")) {
                return Err("instance_group.kind is KIND_GPU; expected KIND_CPU: models run on processors".to_owned());
            }
        }
        if let Some(batching) = field(value, "dynamic_batching") {
            config.read_batching(batching)?;
        }
        if let Some(file) = text_of(value, "default_model_filename").filter(|file| !file.is_empty()) {
            if file.contains(['/', '\\']) || file.starts_with('.') {
                return Err(format!("default_model_filename is '{file}'; expected the name of a file"));
            }
            config.file = file.to_owned();
        }
        for (at, key) in ["input", "output"].into_iter().enumerate() {
            config.declared[at] = list(value, key).into_iter().map(declared).collect::<Result<_, _>>()?;
        }
        Ok(config)
    }

    fn read_batching(&mut self, batching: &Value) -> Result<(), String> {
        let level = |key| Ok::<_, String>(number(batching, key)?.map(|level| u32::try_from(level).unwrap_or(u32::MAX)));
        self.priority_levels = level("priority_levels")?.unwrap_or(0);
        self.default_priority = level("default_priority_level")?.unwrap_or(0);
        if let Some(delay) = number(batching, "max_queue_delay_microseconds")? {
            let delay = within(delay, LONGEST_DELAY, "max_queue_delay_microseconds")?;
            self.delay = Duration::from_micros(delay as u64);
        }
        let sizes = list(batching, "preferred_batch_size").into_iter();
        self.preferred = sizes.map(preferred).collect::<Result<_, _>>()?;
        let Some(queue) = field(batching, "default_queue_policy") else { return Ok(()) };
        if let Some(size) = number(queue, "max_queue_size")?.filter(|size| *size > 0) {
            self.queue = Some(within(size, LONGEST_QUEUE, "max_queue_size")?);
        }
        let timeout = number(queue, "default_timeout_microseconds")?.filter(|timeout| *timeout > 0);
        self.timeout = timeout.map(Duration::from_micros);
        self.may_override_timeout = field(queue, "allow_timeout_override") == Some(&Value::Bool(true));
        Ok(())
    }

    /// Checks that a graph has the inputs and outputs that the configuration names.
    pub(super) fn check(&self, inputs: &[Port], outputs: &[Port]) -> Result<(), String> {
        let [first, second] = &self.declared;
        for (side, declared, ports) in [("input", first, inputs), ("output", second, outputs)] {
            for one in declared {
                let Some(port) = ports.iter().find(|port| port.name == one.name) else {
                    return Err(format!("the graph has no {side} '{}'", one.name));
                };
                if let Some(kind) = one.kind.filter(|kind| *kind != port.kind) {
                    return Err(format!("{side} '{}' is {}, not {kind}", one.name, port.kind));
                }
            }
        }
        Ok(())
    }
}

/// Refuses what would have to be served in another way.
fn refuse_foreign(value: &Value, name: &str) -> Result<(), String> {
    if let Some(other) = text_of(value, "name").filter(|other| !other.is_empty() && *other != name) {
        return Err(format!("name is '{other}', but the folder is '{name}'"));
    }
    for (key, expected) in [("platform", "onnxruntime_onnx"), ("backend", "onnxruntime")] {
        if let Some(other) = text_of(value, key).filter(|other| !other.is_empty() && *other != expected) {
            return Err(format!("{key} is '{other}'; expected '{expected}'"));
        }
    }
    for key in ["sequence_batching", "ensemble_scheduling"] {
        if field(value, key).is_some() {
            return Err(format!("{key} is not supported; remove it"));
        }
    }
    let decoupled = field(value, "model_transaction_policy").and_then(|policy| field(policy, "decoupled"));
    if decoupled == Some(&Value::Bool(true)) {
        return Err("model_transaction_policy.decoupled is not supported; remove it".to_owned());
    }
    Ok(())
}

fn policy(value: &Value) -> Result<Option<VersionPolicy>, String> {
    let Some(policy) = field(value, "version_policy") else { return Ok(None) };
    if let Some(latest) = field(policy, "latest") {
        let count = number(latest, "num_versions")?.unwrap_or(1).max(1);
        return Ok(Some(VersionPolicy::Latest(usize::try_from(count).unwrap_or(usize::MAX))));
    }
    if let Some(specific) = field(policy, "specific") {
        let versions = list(specific, "versions").into_iter().map(|version| as_number(version, "versions"));
        return Ok(Some(VersionPolicy::Specific(versions.collect::<Result<_, _>>()?)));
    }
    match field(policy, "all") {
        Some(_) => Ok(Some(VersionPolicy::All)),
        None => Err("version_policy is empty; expected latest, all or specific".to_owned()),
    }
}

fn declared(value: &Value) -> Result<Declared, String> {
    let name = text_of(value, "name").ok_or("an input or output has no name")?.to_owned();
    let kind = match text_of(value, "data_type") {
        None | Some("TYPE_INVALID") => None,
        Some(text) => Some(kind(text).ok_or_else(|| format!("data_type of '{name}' is '{text}', which is unknown"))?),
    };
    if field(value, "reshape").is_some() {
        return Err(format!("reshape of '{name}' is not supported; remove it"));
    }
    Ok(Declared { name, kind })
}

fn kind(text: &str) -> Option<Kind> {
    Some(match text {
        "TYPE_BOOL" => Kind::Bool,
        "TYPE_UINT8" => Kind::U8,
        "TYPE_UINT16" => Kind::U16,
        "TYPE_UINT32" => Kind::U32,
        "TYPE_UINT64" => Kind::U64,
        "TYPE_INT8" => Kind::I8,
        "TYPE_INT16" => Kind::I16,
        "TYPE_INT32" => Kind::I32,
        "TYPE_INT64" => Kind::I64,
        "TYPE_FP16" => Kind::F16,
        "TYPE_BF16" => Kind::Bf16,
        "TYPE_FP32" => Kind::F32,
        "TYPE_FP64" => Kind::F64,
        "TYPE_STRING" => Kind::Text,
        _ => return None,
    })
}

fn preferred(value: &Value) -> Result<usize, String> {
    match as_number(value, "preferred_batch_size")? {
        0 => Err("preferred_batch_size is 0; expected at least 1".to_owned()),
        size => within(size, LARGEST_BATCH, "preferred_batch_size"),
    }
}

/// Returns a field by its name, in snake case or in camel case.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let camel = || {
        let mut parts = name.split('_');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + &part[..1].to_ascii_uppercase() + &part[1..])
    };
    value.get(name).or_else(|| value.get(camel())).filter(|value| !value.is_null())
}

/// Returns the entries of a repeated field. A single one need not be in a list.
fn list<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match field(value, name) {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(one) => vec![one],
    }
}

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    field(value, name)?.as_str()
}

fn number(value: &Value, name: &str) -> Result<Option<u64>, String> {
    field(value, name).map(|number| as_number(number, name)).transpose()
}

/// Returns a number, which JSON may hold as text.
fn as_number(value: &Value, name: &str) -> Result<u64, String> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| format!("{name} is {value}; expected a whole number of at least 0"))
}

fn within(number: u64, most: u64, name: &str) -> Result<usize, String> {
    match usize::try_from(number) {
        Ok(number) if number as u64 <= most => Ok(number),
        _ => Err(format!("{name} is {number}; expected at most {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_configuration_say_the_same() {
        let text = r#"
            name: "rate"
            backend: "onnxruntime"
            max_batch_size: 16
            version_policy: { specific { versions: [1, 3] } }
            instance_group [ { count: 2 kind: KIND_CPU } ]
            dynamic_batching {
              preferred_batch_size: [4, 8]
              max_queue_delay_microseconds: 100
              priority_levels: 3
              default_priority_level: 2
              default_queue_policy { max_queue_size: 5 default_timeout_microseconds: 1000 allow_timeout_override: true }
            }
            input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }
        "#;
        let json = r#"{"maxBatchSize": "16", "versionPolicy": {"specific": {"versions": ["1", 3]}},
            "instanceGroup": [{"count": 2}], "input": [{"name": "x", "dataType": "TYPE_FP32"}],
            "dynamicBatching": {"preferredBatchSize": [4, "8"], "maxQueueDelayMicroseconds": "100",
            "priorityLevels": 3, "defaultPriorityLevel": 2, "defaultQueuePolicy":
            {"maxQueueSize": 5, "defaultTimeoutMicroseconds": "1000", "allowTimeoutOverride": true}}}"#;
        let config = ModelConfig::from_text(text, "rate").expect("valid");
        assert_eq!(config, ModelConfig::from_json(json, "rate").expect("valid"));
        assert_eq!(config.policy, Some(VersionPolicy::Specific(vec![1, 3])));
        assert_eq!((config.max_batch_size, config.instances, config.queue), (Some(16), Some(2), Some(5)));
        assert_eq!((config.timeout, config.may_override_timeout), (Some(Duration::from_millis(1)), true));
        assert_eq!((config.priority_levels, config.default_priority), (3, 2));
        assert_eq!((config.delay, config.preferred.as_slice()), (Duration::from_micros(100), [4, 8].as_slice()));
        assert_eq!(ModelConfig::from_text("", "rate").expect("valid"), ModelConfig::default());
    }

    #[test]
    fn what_cannot_be_served_is_refused_by_its_key() {
        for (json, message) in [
            ("[]", "it is not an object"),
            ("{", "it is not JSON"),
            (r#"{"name": "other"}"#, "name is 'other', but the folder is 'rate'"),
            (r#"{"platform": "pytorch_libtorch"}"#, "platform is 'pytorch_libtorch'; expected 'onnxruntime_onnx'"),
            (r#"{"backend": "python"}"#, "backend is 'python'; expected 'onnxruntime'"),
            (r#"{"sequence_batching": {}}"#, "sequence_batching is not supported"),
            (r#"{"max_batch_size": -1}"#, "max_batch_size is -1; expected a whole number"),
            (r#"{"max_batch_size": 100000}"#, "max_batch_size is 100000; expected at most 65536"),
            (r#"{"instance_group": [{"count": 60}, {"count": 5}]}"#, "instance_group.count is 65; expected at most 64"),
            (r#"{"instance_group": [{"kind": "KIND_GPU"}]}"#, "instance_group.kind is KIND_GPU"),
            (
                r#"{"dynamic_batching": {"preferred_batch_size": [4, 0]}}"#,
                "preferred_batch_size is 0; expected at least 1",
            ),
            (
                r#"{"dynamic_batching": {"max_queue_delay_microseconds": 99000000}}"#,
                "max_queue_delay_microseconds is 99000000; expected at most 10000000",
            ),
            (r#"{"version_policy": {}}"#, "version_policy is empty"),
            (r#"{"default_model_filename": "../a"}"#, "default_model_filename is '../a'"),
            (r#"{"input": [{"name": "x", "data_type": "FP32"}]}"#, "data_type of 'x' is 'FP32', which is unknown"),
        ] {
            let refused = ModelConfig::from_json(json, "rate").expect_err(json);
            assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
        }
    }

    #[test]
    fn a_policy_chooses_versions() {
        let versions = [1, 2, 7];
        assert_eq!(VersionPolicy::Latest(2).choose(&versions), [2, 7]);
        assert_eq!(VersionPolicy::Latest(9).choose(&versions), versions);
        assert_eq!(VersionPolicy::All.choose(&versions), versions);
        assert_eq!(VersionPolicy::Specific(vec![2, 3]).choose(&versions), [2]);
    }
}
