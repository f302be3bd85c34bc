//! Writes panics to the log, like everything else that a fleet reports, and ends a fleet that has
//! lost a thread.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use marquee_kit::Stop;

/// Replaces the panic message of the standard library, which is no log line, for the whole process.
/// Returns a token that is canceled when a thread panics that nothing starts again, such as the one
/// that writes the log: what is left could not do its work and would look healthy.
pub(super) fn watch() -> Stop {
    let lost = Stop::new();
    let told = lost.clone();
    std::panic::set_hook(Box::new(move |info| {
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        let location = info.location().map(ToString::to_string);
        let current = std::thread::current();
        let thread = current.name().unwrap_or("unnamed");
        tracing::error!(what = message(info), location, thread, backtrace, "panic");
        if !is_supervised(thread) {
            told.cancel();
        }
    }));
    lost
}

/// Returns whether a panic on a thread is noticed elsewhere: by the supervisor of a task, or by the
/// caller of a blocking call.
fn is_supervised(thread: &str) -> bool {
    thread == "main" || thread.starts_with("tokio-")
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    info.payload_as_str().unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn threads_of_the_runtime_are_supervised_and_others_are_not() {
        let name = || std::thread::current().name().map(str::to_owned);
        let worker = tokio::spawn(async move { name() }).await.expect("no panic");
        let blocking = tokio::task::spawn_blocking(name).await.expect("no panic");
        for thread in [worker, blocking] {
            assert!(is_supervised(thread.as_deref().expect("a name")));
        }
        assert!(["log-writer", "onnx-graph", "unnamed"].into_iter().all(|thread| !is_supervised(thread)));
    }
}
