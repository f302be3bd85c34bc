//! Feature stores that answer what a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use marquee_domain::{Position, UserId};

use crate::rating::{Entry, Features, FeaturesError, HistoryRead};

type Outcome = Result<HistoryRead, FeaturesError>;

/// Answers in the scripted order; afterwards always the last answer. Clones share the script.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeFeatures(Arc<Script>);

#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<Outcome>>,
    known: Mutex<Vec<u64>>,
}

impl FakeFeatures {
    /// Adds an answer.
    pub(crate) fn answer(&self, answer: Outcome) {
        self.0.answers.lock().unwrap().push_back(answer);
    }

    /// Returns feature stores that always answer with this history, at version 1.
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let features = Self::default();
        features.answer(Ok(HistoryRead { version: 1, entries: Some(entries), freshness: None }));
        features
    }

    /// Returns the versions that the reads named.
    pub(crate) fn known(&self) -> Vec<u64> {
        self.0.known.lock().unwrap().clone()
    }

    pub(crate) fn shared(&self) -> Arc<dyn Features> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl Features for FakeFeatures {
    async fn history(&self, _: &UserId, known: u64, _: &[Position]) -> Outcome {
        self.0.known.lock().unwrap().push(known);
        let mut answers = self.0.answers.lock().unwrap();
        match answers.len() {
            0 => panic!("no answer is scripted"),
            1 => answers[0].clone(),
            _ => answers.pop_front().expect("there are two"),
        }
    }
}
