//! What models are, in the messages of the protocol. The same messages are written as JSON for
//! REST, with the names of their fields, because clients read those.

use marquee_onnx::{Axis, Port};
use marquee_proto::inference as pb;
use serde_json::{Value, json};

use super::datatype;
use crate::models::{Description, Entry, ModelConfig, State, Statistic, Timed, VersionPolicy};

/// Returns the inputs and outputs of a model.
pub(super) fn metadata(model: &Description) -> pb::ModelMetadataResponse {
    let tensor = |port: &Port| pb::model_metadata_response::TensorMetadata {
        name: port.name.clone(),
        datatype: datatype::name(port.kind).to_owned(),
        shape: dims(&port.axes),
    };
    pb::ModelMetadataResponse {
        name: model.name.clone(),
        versions: model.versions.iter().map(u64::to_string).collect(),
        platform: model.platform.to_owned(),
        inputs: model.inputs.iter().map(tensor).collect(),
        outputs: model.outputs.iter().map(tensor).collect(),
    }
}

pub(super) fn metadata_json(model: &Description) -> Value {
    let pb::ModelMetadataResponse { name, versions, platform, inputs, outputs } = metadata(model);
    let tensors = |tensors: Vec<pb::model_metadata_response::TensorMetadata>| -> Vec<Value> {
        let tensor = |tensor: pb::model_metadata_response::TensorMetadata| json!({"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape});
        tensors.into_iter().map(tensor).collect()
    };
    json!({
        "name": name,
        "versions": versions,
        "platform": platform,
        "inputs": tensors(inputs),
        "outputs": tensors(outputs),
    })
}

fn dims(axes: &[Axis]) -> Vec<i64> {
    let dim = |axis: &Axis| match axis {
        Axis::Fixed(length) => i64::try_from(*length).unwrap_or(i64::MAX),
        Axis::Dynamic(_) => -1,
    };
    axes.iter().map(dim).collect()
}

/// Returns how a model is served.
pub(super) fn config(model: &Description) -> pb::ModelConfig {
    let size = model.scheduling.max_batch_size;
    // The dimension of the batch is left out.
    let dims = |port: &Port| dims(if size > 0 { port.axes.get(1..).unwrap_or_default() } else { &port.axes });
    let kind = |port: &Port| datatype::configured(port.kind) as i32;
    let input = |port: &Port| pb::ModelInput { name: port.name.clone(), data_type: kind(port), dims: dims(port) };
    let output = |port: &Port| pb::ModelOutput { name: port.name.clone(), data_type: kind(port), dims: dims(port) };
    let ModelConfig {
        timeout, may_override_timeout, priority_levels, default_priority, file, delay, preferred, ..
    } = &*model.config;
    let queue = pb::ModelQueuePolicy {
        default_timeout_microseconds: timeout
            .map_or(0, |timeout| u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX)),
        allow_timeout_override: *may_override_timeout,
        max_queue_size: u32::try_from(model.scheduling.queue).unwrap_or(u32::MAX),
    };
    let batching = pb::ModelDynamicBatching {
        priority_levels: u64::from(*priority_levels),
        default_priority_level: u64::from(*default_priority),
        default_queue_policy: Some(queue),
        preferred_batch_size: preferred.iter().map(|size| i32::try_from(*size).unwrap_or(i32::MAX)).collect(),
        max_queue_delay_microseconds: u64::try_from(delay.as_micros()).unwrap_or(u64::MAX),
    };
    let group = pb::ModelInstanceGroup {
        name: model.name.clone(),
        count: i32::try_from(model.scheduling.instances).unwrap_or(i32::MAX),
        kind: pb::model_instance_group::Kind::Cpu as i32,
    };
    pb::ModelConfig {
        name: model.name.clone(),
        platform: model.platform.to_owned(),
        version_policy: Some(policy(model.config.policy.as_ref(), &model.versions)),
        max_batch_size: i32::try_from(size).unwrap_or(i32::MAX),
        input: model.inputs.iter().map(input).collect(),
        output: model.outputs.iter().map(output).collect(),
        instance_group: vec![group],
        default_model_filename: file.clone(),
        dynamic_batching: (size > 0).then_some(batching),
        backend: model.backend.to_owned(),
        model_transaction_policy: Some(pb::ModelTransactionPolicy { decoupled: false }),
    }
}

/// Returns the policy of a model. Without one, the versions that are served.
fn policy(policy: Option<&VersionPolicy>, served: &[u64]) -> pb::ModelVersionPolicy {
    use pb::model_version_policy::{All, Latest, PolicyChoice, Specific};
    let specific = |versions: &[u64]| {
        let versions = versions.iter().map(|version| i64::try_from(*version).unwrap_or(i64::MAX));
        PolicyChoice::Specific(Specific { versions: versions.collect() })
    };
    let choice = match policy {
        Some(VersionPolicy::Latest(count)) => {
            PolicyChoice::Latest(Latest { num_versions: u32::try_from(*count).unwrap_or(u32::MAX) })
        }
        Some(VersionPolicy::All) => PolicyChoice::All(All {}),
        Some(VersionPolicy::Specific(versions)) => specific(versions),
        None => specific(served),
    };
    pb::ModelVersionPolicy { policy_choice: Some(choice) }
}

pub(super) fn config_json(model: &Description) -> Value {
    use pb::model_version_policy::PolicyChoice;
    let config = config(model);
    let kind = |kind: i32| pb::DataType::try_from(kind).unwrap_or_default().as_str_name();
    let input = |one: &pb::ModelInput| {
        json!({
            "name": one.name, "data_type": kind(one.data_type), "format": "FORMAT_NONE", "dims": one.dims,
            "is_shape_tensor": false, "allow_ragged_batch": false, "optional": false,
        })
    };
    let output = |one: &pb::ModelOutput| {
        json!({
            "name": one.name, "data_type": kind(one.data_type), "dims": one.dims, "label_filename": "",
            "is_shape_tensor": false,
        })
    };
    let group =
        |one: &pb::ModelInstanceGroup| json!({"name": one.name, "kind": "KIND_CPU", "count": one.count, "gpus": []});
    let policy = match config.version_policy.and_then(|policy| policy.policy_choice) {
        Some(PolicyChoice::Latest(latest)) => json!({"latest": {"num_versions": latest.num_versions}}),
        Some(PolicyChoice::Specific(specific)) => json!({"specific": {"versions": specific.versions}}),
        Some(PolicyChoice::All(_)) | None => json!({"all": {}}),
    };
    let mut value = json!({
        "name": config.name,
        "platform": config.platform,
        "backend": config.backend,
        "version_policy": policy,
        "max_batch_size": config.max_batch_size,
        "input": config.input.iter().map(input).collect::<Vec<_>>(),
        "output": config.output.iter().map(output).collect::<Vec<_>>(),
        "instance_group": config.instance_group.iter().map(group).collect::<Vec<_>>(),
        "default_model_filename": config.default_model_filename,
        "model_transaction_policy": {"decoupled": false},
    });
    if let Some(batching) = config.dynamic_batching {
        let queue = batching.default_queue_policy.unwrap_or_default();
        value["dynamic_batching"] = json!({
            "preferred_batch_size": batching.preferred_batch_size,
            "max_queue_delay_microseconds": batching.max_queue_delay_microseconds,
            "preserve_ordering": false,
            "priority_levels": batching.priority_levels,
            "default_priority_level": batching.default_priority_level,
            "default_queue_policy": {
                "timeout_action": "REJECT",
                "default_timeout_microseconds": queue.default_timeout_microseconds,
                "allow_timeout_override": queue.allow_timeout_override,
                "max_queue_size": queue.max_queue_size,
            },
        });
    }
    value
}

/// Returns the counters of a version.
pub(super) fn statistic(one: &Statistic) -> pb::ModelStatistics {
    let timed = |timed: Timed| Some(pb::StatisticDuration { count: timed.count, ns: timed.nanos });
    pb::ModelStatistics {
        name: one.name.clone(),
        version: one.version.to_string(),
        last_inference: one.last.map_or(0, |last| u64::try_from(last.micros() / 1_000).unwrap_or(0)),
        inference_count: one.rows,
        execution_count: one.runs,
        inference_stats: Some(pb::InferStatistics {
            success: timed(one.success),
            fail: timed(one.fail),
            queue: timed(one.queue),
            compute_input: timed(one.compute_input),
            compute_infer: timed(one.compute_infer),
            compute_output: timed(one.compute_output),
            cache_hit: timed(Timed::default()),
            cache_miss: timed(Timed::default()),
        }),
    }
}

pub(super) fn statistic_json(one: &Statistic) -> Value {
    let timed = |timed: Timed| json!({"count": timed.count, "ns": timed.nanos});
    let message = statistic(one);
    json!({
        "name": message.name,
        "version": message.version,
        "last_inference": message.last_inference,
        "inference_count": message.inference_count,
        "execution_count": message.execution_count,
        "inference_stats": {
            "success": timed(one.success),
            "fail": timed(one.fail),
            "queue": timed(one.queue),
            "compute_input": timed(one.compute_input),
            "compute_infer": timed(one.compute_infer),
            "compute_output": timed(one.compute_output),
            "cache_hit": timed(Timed::default()),
            "cache_miss": timed(Timed::default()),
        },
        "batch_stats": [],
        "memory_usage": [],
        "response_stats": {},
    })
}

fn state(state: State) -> &'static str {
    match state {
        State::Ready => "READY",
        State::Loading => "LOADING",
        State::Unavailable => "UNAVAILABLE",
    }
}

/// Returns a line of the index.
pub(super) fn entry(entry: Entry) -> pb::repository_index_response::ModelIndex {
    pb::repository_index_response::ModelIndex {
        name: entry.name,
        version: entry.version.map(|version| version.to_string()).unwrap_or_default(),
        state: state(entry.state).to_owned(),
        reason: entry.reason,
    }
}

pub(super) fn entry_json(one: Entry) -> Value {
    let message = entry(one);
    let mut value = json!({"name": message.name, "state": message.state, "reason": message.reason});
    if !message.version.is_empty() {
        value["version"] = message.version.into();
    }
    value
}
