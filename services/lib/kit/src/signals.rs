//! The signals that end a process: SIGTERM, SIGINT and SIGHUP. The first one asks for an orderly
//! end, and a second one ends the process at once.
//!
//! Signals are watched on a thread of their own, so that a process ends in time even if every
//! thread of its runtime is busy or blocked.

use std::io::{self, Write};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Stop;

/// The numbers and names of the signals. SIGHUP ends a process as well: settings are read once, so
/// there is nothing to load again.
const SIGNALS: [(i32, &str); 3] = [(libc::SIGTERM, "SIGTERM"), (libc::SIGINT, "SIGINT"), (libc::SIGHUP, "SIGHUP")];

/// The bit of a signal that a process ignores is in this line of `/proc/self/status`.
const IGNORED: &str = "SigIgn:";

struct Watch {
    signals: Vec<(i32, &'static str, Signal)>,
    stop: Stop,
    longest: Duration,
}

/// Watches for signals until the process ends. Returns a token that the first signal cancels.
/// After it, the process ends within `longest`, whatever still runs. A caller that ends for another
/// reason cancels the token itself; then the next signal counts as the second one.
///
/// # Errors
/// The system does not let the process watch for signals.
pub fn watch(longest: Duration) -> io::Result<Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = Stop::new();
    let signals = {
        let _entered = runtime.enter();
        let is_ours = |(number, _): &(i32, &str)| *number != libc::SIGHUP || !ignores_hangups();
        SIGNALS.into_iter().filter(is_ours).map(open).collect::<io::Result<_>>()?
    };
    let watch = Watch { signals, stop: stop.clone(), longest };
    let run = move || runtime.block_on(watch.run());
    std::thread::Builder::new().name("signals".to_owned()).spawn(run)?;
    Ok(stop)
}

fn open((number, name): (i32, &'static str)) -> io::Result<(i32, &'static str, Signal)> {
    Ok((number, name, signal(SignalKind::from_raw(number))?))
}

impl Watch {
    async fn run(mut self) {
        let (number, name) = next(&mut self.signals).await;
        if self.stop.is_cancelled() {
            tracing::warn!(signal = name, "signal during the shutdown: ending at once");
            exit_at_once(128 + number);
        }
        tracing::info!(signal = name, "told to stop");
        self.stop.cancel();
        tokio::select! {
            (number, name) = next(&mut self.signals) => {
                tracing::warn!(signal = name, "second signal: ending at once");
                exit_at_once(128 + number);
            }
            () = tokio::time::sleep(self.longest) => {
                tracing::error!(longest = ?self.longest, "the shutdown takes too long: ending at once");
                exit_at_once(1);
            }
        }
    }
}

/// Waits for the next signal.
async fn next(signals: &mut [(i32, &'static str, Signal)]) -> (i32, &'static str) {
    let waits = signals.iter_mut().map(|(number, name, signal)| {
        Box::pin(async move {
            if signal.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
            (*number, *name)
        })
    });
    futures_util::future::select_all(waits).await.0
}

/// Returns whether this process was started with SIGHUP ignored, as `nohup` does. What it starts
/// ignores it then too.
pub fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores(&status, libc::SIGHUP)
}

fn ignores(status: &str, number: i32) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix(IGNORED));
    let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (number - 1) & 1 == 1
}

/// Ends the process without running destructors of libraries, which other threads may still use.
#[allow(unsafe_code, reason = "the standard library can only end a process with its exit handlers")]
pub fn exit_at_once(code: i32) -> ! {
    // What cannot be written now is lost.
    let _ = io::stdout().flush();
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_known_by_its_bit() {
        let status = "Name:\tmarquee\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(ignores(status, libc::SIGHUP) && ignores(status, libc::SIGPIPE));
        assert!(!ignores(status, libc::SIGTERM) && !ignores("", libc::SIGHUP));
    }
}
