//! Members that are leaving their consumer groups.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// Members that are leaving their groups, each on a thread. Dropping this waits for the threads.
#[derive(Debug, Default)]
pub(crate) struct LeavingMembers(Mutex<Vec<JoinHandle<()>>>);

impl LeavingMembers {
    pub(crate) fn add(&self, thread: JoinHandle<()>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|thread| !thread.is_finished());
        all.push(thread);
    }
}

impl Drop for LeavingMembers {
    fn drop(&mut self) {
        for thread in std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner)) {
            let _ = thread.join();
        }
    }
}
