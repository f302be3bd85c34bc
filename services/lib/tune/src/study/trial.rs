//! A trial while its objective is computed.

use super::file::Event;
use super::{Study, StudyError};
use crate::value::{Value, Values};

/// Why an objective has no value.
#[derive(Debug)]
pub enum Stop {
    /// The pruner ends the trial.
    Prune,
    /// The objective cannot be computed, for this reason. Other trials go on.
    Fail(String),
    /// The whole search must stop. The trial does not count.
    Cancel,
    /// The study file cannot be written.
    Study(StudyError),
}

/// A trial that is running. A trial that is dropped without an end counts as interrupted.
#[derive(Debug)]
pub struct Trial<'a> {
    study: &'a Study,
    number: u64,
    values: Values,
    has_ended: bool,
}

impl<'a> Trial<'a> {
    pub(super) fn new(study: &'a Study, number: u64, values: Values) -> Self {
        Self { study, number, values, has_ended: false }
    }

    /// Returns the number, from 0 on.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the values to try.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Returns the value of a parameter, or `None` if it has none in this trial.
    pub fn value(&self, parameter: &str) -> Option<&Value> {
        self.values.get(parameter)
    }

    /// Stores the value of the objective after a step. Steps grow with the resource that was spent.
    ///
    /// # Errors
    /// [`Stop::Prune`] if the pruner ends the trial, and [`Stop::Study`] if the value cannot be
    /// stored. An objective passes both on.
    pub fn report(&mut self, step: u64, value: f64) -> Result<(), Stop> {
        match self.study.report(self.number, step, value) {
            Ok(false) => Ok(()),
            Ok(true) => Err(Stop::Prune),
            Err(error) => Err(Stop::Study(error)),
        }
    }

    /// Ends the trial with the result of its objective. A value that is not finite is a failure.
    ///
    /// # Errors
    /// The study file cannot be written, now or when the objective reported a step.
    pub fn end(mut self, result: Result<f64, Stop>) -> Result<(), StudyError> {
        self.has_ended = true;
        let (event, error) = match result {
            Ok(value) if value.is_finite() => (Event::complete(value), None),
            Ok(value) => (Event::failed(&format!("the objective is {value}, not a finite number"), false), None),
            Err(Stop::Prune) => (Event::pruned(), None),
            Err(Stop::Fail(reason)) => (Event::failed(&reason, false), None),
            Err(Stop::Cancel) => (Event::failed("canceled", true), None),
            Err(Stop::Study(error)) => (Event::failed("the study file could not be written", true), Some(error)),
        };
        let stored = self.study.lock().apply(self.number, event);
        error.map_or(stored, Err)
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let event = Event::failed("the trial was dropped without a result", true);
            // If this cannot be stored, the next process finds the trial running and marks it.
            let _ = self.study.lock().apply(self.number, event);
        }
    }
}
