//! Wakes the thread that watches a database, or ends it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Wakes the keeper, or ends it.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<Signal>,
    changed: Condvar,
}

/// What the keeper is asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    #[default]
    Quiet,
    Check,
    Stop,
}

impl Bell {
    /// Asks for a check now.
    pub(crate) fn ring(&self) {
        self.set(Signal::Check);
    }

    pub(crate) fn set(&self, signal: Signal) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state != Signal::Stop {
            *state = signal;
        }
        self.changed.notify_all();
    }

    /// Waits until the bell rings or the time is over. Returns `false` when the keeper must end.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, time, |state| *state == Signal::Quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match *state {
            Signal::Stop => false,
            Signal::Quiet | Signal::Check => {
                *state = Signal::Quiet;
                true
            }
        }
    }
}
