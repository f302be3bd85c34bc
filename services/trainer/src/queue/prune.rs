//! Removes old runs, so that the folders that every trainer lists each second do not grow without
//! end.

use marquee_domain::RunId;
use marquee_ports::ObjectKey;

use super::{Queue, QueueError, key_of};

/// The most runs that are removed in one round, which delays the work of the trainer.
const AT_ONCE: usize = 10;

impl Queue {
    /// Removes the oldest runs that have ended, as far as there are more than `keep`, and the
    /// cancellations of runs that have ended. Only the holder of the lease may call it.
    ///
    /// **Invariant:** a run that has not ended stays (`only_the_oldest_runs_that_have_ended_go`).
    pub(crate) async fn prune(&self, keep: usize) -> Result<(), QueueError> {
        let late = std::mem::take(&mut *self.late_cancellations());
        // Those that are left are listed again.
        for cancellation in late.iter().take(AT_ONCE) {
            self.remove(cancellation).await?;
        }
        for id in self.oldest_beyond(keep) {
            self.remove(&key_of(&id)?).await?;
            self.lock().remove(&id);
        }
        Ok(())
    }

    /// Returns the oldest ended runs beyond a number, at most as many as one round removes.
    fn oldest_beyond(&self, keep: usize) -> Vec<RunId> {
        let runs = self.lock();
        let ended: Vec<&RunId> =
            runs.iter().filter(|(_, entry)| !entry.working && entry.run.has_ended()).map(|(id, _)| id).collect();
        let beyond = ended.len().saturating_sub(keep).min(AT_ONCE);
        ended.into_iter().take(beyond).cloned().collect()
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), QueueError> {
        self.objects.delete(key).await.map_err(QueueError::Store)
    }
}
