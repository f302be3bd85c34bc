//! Values that take long to drop: a loaded graph joins its thread, a cache generation frees
//! thousands of entries.

use std::fmt;
use std::ops::Deref;

/// Owns a value and drops it on a blocking thread, wherever the owner is dropped.
///
/// **Invariant:** an async thread never runs the value's destructor while its runtime can take it
/// (`tests::a_value_is_dropped_on_another_thread`).
pub(crate) struct Background<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Background<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Send + 'static> Deref for Background<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("only the destructor takes the value out")
    }
}

impl<T: Send + 'static> Drop for Background<T> {
    fn drop(&mut self) {
        let Some(value) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Nobody waits for the end of it.
            drop(runtime.spawn_blocking(move || drop(value)));
        }
    }
}

impl<T: Send + fmt::Debug + 'static> fmt::Debug for Background<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use super::*;

    struct Reports(mpsc::Sender<ThreadId>);

    impl Drop for Reports {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }

    #[tokio::test]
    async fn a_value_is_dropped_on_another_thread() {
        let (send, receive) = mpsc::channel();
        drop(Background::new(Reports(send)));
        let dropped_on = tokio::task::spawn_blocking(move || receive.recv().expect("dropped")).await.expect("joined");
        assert_ne!(dropped_on, thread::current().id());
    }

    #[test]
    fn without_a_runtime_a_value_is_dropped_in_place() {
        let (send, receive) = mpsc::channel();
        drop(Background::new(Reports(send)));
        assert_eq!(receive.recv().expect("dropped"), thread::current().id());
    }
}
