//! One loaded version of a model of the repository.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use marquee_domain::{Clock, Timestamp};
use marquee_onnx::{Axis, BatchSettings, Batcher, Graph, Kind, ModelFile, Port, Priority, Runtime, Tensor, Threads};
use tokio::time::{Instant, timeout_at};

use super::config::{ModelConfig, VersionPolicy};
use super::error::{Error, LoadError};
use super::statistics::{Counters, Statistic};
use super::{Answer, Call, Description, Scheduling};
use crate::background::Background;

/// The priority of requests of models without levels that name none: every number is more urgent.
const LEAST_URGENT: Priority = Priority(u32::MAX);

/// The most values of an input with which a model is warmed.
const LARGEST_WARMING: usize = 1 << 20;

/// What the settings say of models whose configuration says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    pub(crate) policy: VersionPolicy,
    pub(crate) instances: usize,
    pub(crate) threads: usize,
    pub(crate) queue: usize,
    pub(crate) max_batch: usize,
}

/// A loaded version. Its graphs are dropped on a blocking thread.
#[derive(Debug)]
pub(crate) struct RawModel {
    name: String,
    pub(super) version: u64,
    config: Arc<ModelConfig>,
    scheduling: Scheduling,
    batcher: Background<Batcher>,
    counters: Counters,
    clock: Arc<dyn Clock>,
    bytes: u64,
    loaded_at: Timestamp,
}

/// What a version is made from.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) version: u64,
    pub(super) config: Arc<ModelConfig>,
    /// The files of the version's folder, by their paths in it.
    pub(super) files: BTreeMap<String, Bytes>,
    /// How much memory the version takes, as an estimate.
    pub(super) bytes: u64,
}

impl RawModel {
    /// Loads a version. Blocks: call it off the async threads.
    pub(super) fn open(
        plan: Plan,
        defaults: &Defaults,
        runtime: &Runtime,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoadError> {
        let Plan { name, version, config, mut files, bytes } = plan;
        let Some(model) = files.remove(&config.file) else {
            return Err(LoadError::Missing(format!("{version}/{}", config.file)));
        };
        // The instances share them.
        let beside: BTreeMap<String, Arc<[u8]>> =
            files.into_iter().map(|(path, bytes)| (path, Arc::from(&*bytes))).collect();
        let model = ModelFile { bytes: &model, beside: &|path| beside.get(path).cloned() };
        let instances = config.instances.unwrap_or(defaults.instances).max(1);
        let load = || Graph::load_model(runtime, &model, Threads(defaults.threads)).map_err(LoadError::Graph);
        let first = load()?;
        config.check(first.inputs(), first.outputs()).map_err(LoadError::Mismatch)?;
        let others = (1..instances).map(|_| load()).collect::<Result<_, _>>()?;
        let max_rows = config.max_batch_size.unwrap_or(defaults.max_batch);
        let queue = config.queue.unwrap_or(defaults.queue);
        if let Some(size) = config.preferred.iter().find(|size| **size > max_rows.max(1)) {
            let problem = format!("preferred_batch_size is {size}, more than max_batch_size, which is {max_rows}");
            return Err(LoadError::Mismatch(problem));
        }
        let settings = BatchSettings {
            max_rows: max_rows.max(1),
            queue,
            padded: Vec::new(),
            max_area: usize::MAX,
            delay: config.delay,
            preferred: config.preferred.clone(),
        };
        let batcher = Batcher::with_instances(first, others, &settings);
        let max_batch_size = if batcher.is_batchable() { max_rows } else { 0 };
        if config.max_batch_size.is_some_and(|size| size > 0) && !batcher.is_batchable() {
            let problem =
                "max_batch_size is not 0, but not all inputs and outputs begin with one dimension of any length";
            return Err(LoadError::Mismatch(problem.to_owned()));
        }
        let scheduling = Scheduling { max_batch_size, instances, queue };
        let batcher = Background::new(batcher);
        let (counters, loaded_at) = (Counters::default(), clock.now());
        Ok(Self { name, version, config, scheduling, batcher, counters, clock, bytes, loaded_at })
    }

    /// Estimates how many bytes of memory the version takes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns when the version answered last, or when it was loaded.
    pub(super) fn used_at(&self) -> Timestamp {
        self.counters.last().map_or(self.loaded_at, |last| last.max(self.loaded_at))
    }

    /// Runs the model once with zeros, so that the first request finds memory and code ready. A
    /// model may refuse zeros, so a failure means nothing.
    pub(super) async fn warm(&self) {
        let inputs: Option<Vec<_>> =
            self.batcher.inputs().iter().map(|port| Some((port.name.clone(), zeros(port)?))).collect();
        if let Some(inputs) = inputs
            && let Err(error) = self.batcher.warm(&inputs, 1).await
        {
            tracing::debug!(
                model = self.name,
                version = self.version,
                error = marquee_kit::chain(&error),
                "model not warmed"
            );
        }
    }

    pub(super) fn describe(&self, versions: Vec<u64>) -> Description {
        Description {
            name: self.name.clone(),
            versions,
            platform: "onnxruntime_onnx",
            backend: "onnxruntime",
            inputs: self.batcher.inputs().to_vec(),
            outputs: self.batcher.outputs().to_vec(),
            scheduling: self.scheduling,
            config: Arc::clone(&self.config),
        }
    }

    pub(super) fn statistic(&self) -> Statistic {
        self.counters.read_batched(&self.name, self.version, self.batcher.stats())
    }

    /// Runs the model.
    pub(super) async fn infer(&self, call: Call) -> Result<Answer, Error> {
        let begin = Instant::now();
        let rows = call.inputs.first().and_then(|(_, tensor)| tensor.shape().first()).copied().unwrap_or(1);
        let outputs = self.run(call, begin).await;
        self.counters.count(outputs.is_ok().then_some(rows as u64), begin.elapsed(), self.clock.now());
        outputs.map(|outputs| Answer { version: Some(self.version), outputs, ..Answer::default() })
    }

    async fn run(&self, call: Call, begin: Instant) -> Result<Vec<(String, Tensor)>, Error> {
        check_outputs(&call.outputs, |name| self.batcher.outputs().iter().any(|port| port.name == name))?;
        let running = self.batcher.run_by(call.inputs, self.priority(call.priority));
        let outputs = match self.timeout(call.timeout).and_then(|timeout| begin.checked_add(timeout)) {
            // Dropping the run takes it out of the queue, so that it is not computed.
            Some(end) => timeout_at(end, running).await.map_err(|_| Error::TimedOut)?,
            None => running.await,
        };
        let outputs = outputs.map_err(|error| Error::of_run(&self.name, error))?;
        Ok(chosen(outputs, &call.outputs))
    }

    fn timeout(&self, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked.filter(|_| self.config.may_override_timeout);
        match (asked, self.config.timeout) {
            (Some(asked), Some(most)) => Some(asked.min(most)),
            (asked, most) => asked.or(most),
        }
    }

    fn priority(&self, asked: u32) -> Priority {
        let ModelConfig { priority_levels, default_priority, .. } = *self.config;
        let is_level = asked > 0 && (priority_levels == 0 || asked <= priority_levels);
        match (is_level, default_priority) {
            (true, _) => Priority(asked),
            (false, 0) => LEAST_URGENT,
            (false, level) => Priority(level),
        }
    }
}

/// Refuses outputs that the model does not have.
pub(super) fn check_outputs(asked: &[String], has: impl Fn(&str) -> bool) -> Result<(), Error> {
    let unknown = asked.iter().find(|name| !has(name));
    unknown.map_or(Ok(()), |name| Err(Error::UnknownOutput(name.clone())))
}

/// Returns the outputs that were asked for, in that order, or all of them.
pub(super) fn chosen(mut outputs: Vec<(String, Tensor)>, asked: &[String]) -> Vec<(String, Tensor)> {
    if asked.is_empty() {
        return outputs;
    }
    let mut take = |name: &String| Some(outputs.swap_remove(outputs.iter().position(|(output, _)| output == name)?));
    asked.iter().filter_map(&mut take).collect()
}

/// Returns zeros for an input, with a length of 1 where any is allowed.
fn zeros(port: &Port) -> Option<Tensor> {
    let length = |axis: &Axis| if let Axis::Fixed(length) = axis { *length } else { 1 };
    let shape: Vec<usize> = port.axes.iter().map(length).collect();
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length))?;
    if count > LARGEST_WARMING {
        return None;
    }
    match port.kind {
        Kind::Text => Tensor::from_texts(shape, vec![Bytes::new(); count]).ok(),
        kind => Tensor::from_bytes(kind, shape, vec![0; count * kind.size()?].into()).ok(),
    }
}
