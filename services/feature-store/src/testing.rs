//! A feature store over memory ports, for unit tests.

use std::sync::Arc;

use marquee_domain::{MovieId, Position, Rating, RatingEvent, Scale, SystemClock, Timestamp, UserId};
use marquee_kit::{CheckState, Context};
use marquee_log::keyed;
use marquee_ports::memory::{Faults, MemoryLog, MemoryStore};
use marquee_ports::{ObjectStore, RatingLog, Topic};

use crate::service::{Dependencies, HEALTH, Service};
use crate::settings::Settings;

/// The ports and the context of one feature store.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) store: MemoryStore,
    pub(crate) objects: Option<Arc<dyn ObjectStore>>,
    /// The faults of the store.
    pub(crate) faults: Faults,
    pub(crate) context: Context,
}

impl World {
    pub(crate) fn new(partitions: u32) -> Self {
        let faults = Faults::default();
        let store = MemoryStore::new(faults.clone());
        Self { log: MemoryLog::new(partitions), store, objects: None, faults, context: Context::default() }
    }

    pub(crate) fn dependencies(&self) -> Dependencies {
        Dependencies {
            log: Arc::new(self.log.clone()),
            store: Arc::new(self.store.clone()),
            objects: self.objects.clone(),
            clock: Arc::new(SystemClock),
            scale: scale(),
        }
    }

    pub(crate) async fn start(&self) -> Service {
        Service::start(Settings::default(), self.dependencies(), &self.context).await.expect("it starts")
    }

    /// Appends a rating.
    pub(crate) async fn rate(&self, user: &str, movie: &str, value: f64) -> Position {
        let rating =
            Rating { user: user_id(user), movie: movie_id(movie), value, rated_at: Timestamp::from_seconds(1) };
        let record = keyed(&RatingEvent::Rated(rating), Timestamp::from_seconds(2));
        self.log.append(Topic::RATINGS, vec![record]).await.expect("appended")[0]
    }

    /// Returns why the feature store is not ready, or `None` if it is.
    pub(crate) fn not_ready(&self) -> Option<String> {
        match &self.context.health.states()[HEALTH] {
            CheckState::Ready => None,
            CheckState::NotReady(why) => Some(why.clone()),
        }
    }
}

pub(crate) fn scale() -> Scale {
    Scale::try_new(1.0, 5.0, 1.0).expect("a scale")
}

pub(crate) fn user_id(text: &str) -> UserId {
    UserId::try_new(text).expect("a user id")
}

pub(crate) fn movie_id(text: &str) -> MovieId {
    MovieId::try_new(text).expect("a movie id")
}
