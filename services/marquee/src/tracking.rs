//! Starts the tracker, if the settings name a tracking server.

use std::convert::Infallible;
use std::sync::Arc;

use marquee_kit::Context;
use marquee_mlflow::{Delivery, Recorder, Settings, StartError};
use marquee_ports::{NoTracker, ObjectStore, Tracker};

/// Returns the tracker that roles tell their events, and starts to deliver them. The server may be
/// away.
///
/// # Errors
/// A file that the settings name cannot be used.
pub(crate) fn start(
    settings: &Settings,
    objects: &Arc<dyn ObjectStore>,
    context: &Context,
) -> Result<Arc<dyn Tracker>, StartError> {
    if !settings.is_enabled() {
        return Ok(Arc::new(NoTracker));
    }
    let (queue, delivery) = Delivery::new(settings, Recorder::new(settings, Arc::clone(objects))?);
    let (counts, metrics) = (delivery.counts(), &context.metrics);
    metrics.register("tracking_delivered", "Events that the tracking server has taken", counts.delivered);
    metrics.register("tracking_dropped", "Events that were not tracked, by reason", counts.dropped);
    let stop = context.stop.clone();
    context.tasks.spawn("tracking", async move {
        delivery.run(stop.cancelled_owned()).await;
        Ok::<_, Infallible>(())
    });
    Ok(Arc::new(queue))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use marquee_embedded::EmbeddedObjects;

    use super::*;

    #[tokio::test]
    async fn the_tracker_is_off_until_a_server_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let objects: Arc<dyn ObjectStore> = Arc::new(EmbeddedObjects::open(folder.path()).expect("opens"));
        let context = Context::default();
        let off = start(&Settings::default(), &objects, &context).expect("starts");
        assert_eq!(format!("{off:?}"), "NoTracker");
        assert!(!context.metrics.text().contains("tracking"));

        // Nothing listens there, and the start does not notice.
        let settings = Settings { url: "http://127.0.0.1:1".to_owned(), ..Settings::default() };
        let on = start(&settings, &objects, &context).expect("starts");
        assert!(format!("{on:?}").starts_with("Queue"));
        assert!(context.metrics.text().contains("marquee_tracking_delivered_total 0"), "{}", context.metrics.text());
        context.stop.cancel();
        context.tasks.join(Duration::from_secs(5)).await;

        let settings = Settings { token_file: folder.path().join("none"), ..settings };
        let error = start(&settings, &objects, &context).expect_err("refused").to_string();
        assert!(error.starts_with("tracking.token_file: "), "{error}");
    }
}
