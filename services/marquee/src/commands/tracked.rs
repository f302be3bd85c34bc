//! Tells a tracking server about an evaluation or a search, if the settings name one: one run for
//! the command, and one below it for each fold, seed or trial.
//!
//! **Invariant:** a server that is down or slow changes no result, and delays only the end of the
//! process, by at most [`LAST`] (`a_server_that_is_down_delays_the_end_only`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use marquee_cli::Error;
use marquee_domain::{Clock, ModelName, RunId, RunState, SystemClock, Timestamp};
use marquee_embedded::EmbeddedObjects;
use marquee_kit::Tasks;
use marquee_mlflow::{Delivery, Recorder, Settings};
use marquee_ports::{NoTracker, ObjectStore, TrackedDataset, TrackedRun, Tracker, TrackingEvent};
use marquee_tuning::Snapshot;

/// How long the last events are sent after the result was printed.
const LAST: Duration = Duration::from_secs(3);

/// The name of the model that is judged.
const MODEL: &str = "ratings";

/// A run of a tracking system, and what delivers its events.
pub(super) struct Tracked {
    teller: Teller,
    /// Sends the events until every teller is gone. Nothing runs if nothing is tracked.
    delivery: Tasks,
    /// The recorder reads packages from here. A command publishes none.
    _objects: Option<tempfile::TempDir>,
}

/// Tells of the parts of a run. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    tracker: Arc<dyn Tracker>,
    run: RunId,
    model: ModelName,
    is_on: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) state: RunState,
    pub(super) message: String,
    pub(super) metrics: Vec<(String, f64)>,
}

impl Ended {
    pub(super) fn succeeded(metrics: Vec<(String, f64)>) -> Self {
        Self { state: RunState::Succeeded, message: String::new(), metrics }
    }

    pub(super) fn failed(error: &anyhow::Error, is_canceled: bool) -> Self {
        let state = if is_canceled { RunState::Canceled } else { RunState::Failed };
        Self { state, message: format!("{error:#}"), metrics: Vec::new() }
    }
}

impl Tracked {
    /// Begins a run of a command. Its id has the name of the command and the time. Nothing waits
    /// for the server.
    ///
    /// # Errors
    /// A file that the settings name cannot be used.
    pub(super) fn start(settings: &Settings, command: &str, params: Vec<(&'static str, String)>) -> Result<Self> {
        let model = ModelName::try_new(MODEL).context("name the model")?;
        let number = SystemClock.now().micros();
        let run = RunId::try_new(&format!("{command}-{number}")).context("name the run")?;
        let off = Self {
            teller: Teller { tracker: Arc::new(NoTracker), run, model, is_on: false },
            delivery: Tasks::default(),
            _objects: None,
        };
        if !settings.is_enabled() {
            return Ok(off);
        }
        let folder = tempfile::tempdir().context("create a temporary folder")?;
        let objects: Arc<dyn ObjectStore> = Arc::new(EmbeddedObjects::open(folder.path())?);
        let recorder = Recorder::new(settings, objects).map_err(|error| Error::Usage(error.to_string()))?;
        let (queue, delivery) = Delivery::new(settings, recorder);
        let teller = Teller { tracker: Arc::new(queue), is_on: true, ..off.teller };
        teller.start(&teller.run, None, params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let tasks = Tasks::default();
        tasks.spawn("tracking", async move {
            delivery.run(std::future::pending::<()>()).await;
            Ok::<_, Infallible>(())
        });
        Ok(Self { teller, delivery: tasks, _objects: Some(folder) })
    }

    pub(super) fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Ends the run, and waits a little until the server has taken what waits.
    pub(super) async fn end(self, ended: Ended) {
        let Self { teller, delivery, _objects } = self;
        teller.end(&teller.run, ended);
        // The delivery ends once every teller is gone and the queue is empty.
        drop(teller);
        delivery.join(LAST).await;
    }
}

impl Teller {
    /// Returns whether there is a tracking server.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    fn now() -> Timestamp {
        SystemClock.now()
    }

    fn start(&self, run: &RunId, parent: Option<RunId>, params: BTreeMap<String, String>) {
        let (run, model, at) = (run.clone(), self.model.clone(), Self::now());
        self.tracker.record(TrackingEvent::RunStarted(TrackedRun { run, parent, model, at, params }));
    }

    fn end(&self, run: &RunId, Ended { state, message, metrics }: Ended) {
        let (run, at, metrics) = (run.clone(), Self::now(), metrics.into_iter().collect());
        self.tracker.record(TrackingEvent::RunEnded { run, at, state, message, metrics });
    }

    /// Tells which ratings were read.
    pub(super) fn dataset(&self, name: &str, snapshot: &Snapshot) {
        if !self.is_on {
            return;
        }
        let dataset = TrackedDataset {
            name: name.to_owned(),
            digest: snapshot.digest().to_owned(),
            ratings: snapshot.ratings().len() as u64,
            users: snapshot.users() as u64,
            movies: snapshot.movies() as u64,
        };
        self.tracker.record(TrackingEvent::DatasetRead { run: self.run.clone(), at: Self::now(), dataset });
    }

    /// Tells of a part that has ended, as a run of its own below this one. A part whose name makes
    /// no id is left out.
    pub(super) fn part(
        &self,
        name: &str,
        params: BTreeMap<String, String>,
        metrics: Vec<(String, f64)>,
        state: RunState,
    ) {
        let Ok(part) = RunId::try_new(&format!("{}-{name}", self.run)) else { return };
        if self.is_on {
            self.start(&part, Some(self.run.clone()), params);
            self.end(&part, Ended { state, message: String::new(), metrics });
        }
    }

    /// Tells a file for people.
    pub(super) fn report(&self, file: &'static str, bytes: Bytes) {
        self.tracker.record(TrackingEvent::Reported { run: self.run.clone(), at: Self::now(), file, bytes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_server_nothing_is_told_and_nothing_is_waited_for() {
        let tracked = Tracked::start(&Settings::default(), "tune", Vec::new()).expect("starts");
        assert!(!tracked.teller().is_on() && format!("{:?}", tracked.teller()).contains("NoTracker"));
        tracked.teller().part("f1-t1", BTreeMap::new(), Vec::new(), RunState::Succeeded);
        let began = std::time::Instant::now();
        tracked.end(Ended::succeeded(Vec::new())).await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_down_delays_the_end_only() {
        // Nothing listens there.
        let settings = Settings { url: "http://127.0.0.1:1".to_owned(), ..Settings::default() };
        let began = tokio::time::Instant::now();
        let tracked = Tracked::start(&settings, "evaluate", vec![("seed", "1".to_owned())]).expect("starts");
        for seed in 0..100 {
            let name = format!("folds-s{seed}");
            tracked.teller().part(&name, BTreeMap::new(), vec![("rmse".to_owned(), 0.9)], RunState::Succeeded);
        }
        tracked.teller().report("report.html", Bytes::from_static(b"<html>"));
        assert_eq!(began.elapsed(), Duration::ZERO, "nothing waits while the command works");
        tracked.end(Ended::succeeded(Vec::new())).await;
        assert!(began.elapsed() <= LAST + Tasks::ABORT, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn wrong_settings_are_refused_by_name() {
        let settings = Settings {
            url: "http://127.0.0.1:1".to_owned(),
            token_file: "/nowhere/token".into(),
            ..Settings::default()
        };
        let Err(error) = Tracked::start(&settings, "tune", Vec::new()) else { panic!("the file is missing") };
        assert!(error.to_string().starts_with("tracking.token_file: "), "{error}");
    }
}
