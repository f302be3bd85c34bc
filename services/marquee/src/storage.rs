//! Reports embedded back-ends that cannot be written to in the health of the process.

use std::convert::Infallible;

use marquee_embedded::Trouble;
use marquee_kit::{Check, Context};

/// The health check of the embedded log.
pub(crate) const LOG: &str = "storage.log";

/// The health check of the embedded online store.
pub(crate) const STORE: &str = "storage.store";

/// The health check of the monitor's embedded store.
pub(crate) const MONITOR: &str = "storage.monitor";

/// Adds a health check for a back-end when it cannot be written to for the first time. From then on
/// the check is ready while the back-end can be written to.
pub(crate) fn report(context: &Context, name: &'static str, mut trouble: Trouble) {
    let (health, stop) = (context.health.clone(), context.stop.clone());
    context.tasks.spawn(name, async move {
        let mut check: Option<Check> = None;
        loop {
            let why = trouble.borrow_and_update().clone();
            if let Some(why) = why {
                check.get_or_insert_with(|| health.check(name)).not_ready(why);
            } else if let Some(check) = &check {
                check.ready();
            }
            tokio::select! {
                changed = trouble.changed() => if changed.is_err() { break },
                () = stop.cancelled() => break,
            }
        }
        Ok::<_, Infallible>(())
    });
}

#[cfg(test)]
mod tests {
    use marquee_kit::CheckState;
    use tokio::sync::watch;

    use super::*;

    #[tokio::test]
    async fn the_process_is_not_ready_while_a_back_end_cannot_be_written_to() {
        let context = Context::default();
        let sender = watch::Sender::new(None);
        report(&context, LOG, sender.subscribe());
        context.health.ready().await;
        sender.send_replace(Some("the disk is full".to_owned()));
        wait(&context, false).await;
        assert_eq!(context.health.states()[LOG], CheckState::NotReady("the disk is full".to_owned()));
        sender.send_replace(None);
        wait(&context, true).await;
        sender.send_replace(Some("a journal is missing".to_owned()));
        wait(&context, false).await;
    }

    async fn wait(context: &Context, ready: bool) {
        while context.health.is_ready() != ready {
            tokio::task::yield_now().await;
        }
    }
}
