//! The one binary: every role, the whole fleet, and the command line.
//!
//! [`Fleet`] is the composition root and the only place where roles and adapters meet. The commands
//! that call a fleet come from `marquee-cli`. `demo` uses both, as a newcomer would.

mod arguments;
mod backends;
mod cli;
mod commands;
mod demo;
mod fleet;
pub mod keys;
mod late;
mod movielens;
mod resources;
mod roles;
mod settings;
mod storage;
mod tracking;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub use backends::{Backends, LogBackend, ObjectsBackend, StoreBackend};
pub use fleet::{Addresses, Fleet};
pub use roles::{ROLES, role};
pub use settings::Settings;

/// The longest time that blocking calls, for example to a broker that does not answer, may keep a
/// process that has ended its work.
const LINGER: Duration = Duration::from_millis(300);

/// Reads the command line, starts the runtime, runs the command, and returns the exit code: 0 done,
/// 1 failed, 64 wrong usage or settings.
pub fn main() -> ExitCode {
    let cli: cli::Cli = match marquee_cli::parse(std::env::args_os(), &cli::silent()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let output = cli.client.output();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: could not start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    // The panic itself is reported where it happens.
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(cli::run(cli)).map_err(Box::new)))
        .unwrap_or_else(|_| Err(Box::new(marquee_cli::Error::Outcome("the command panicked".to_owned()))))
        .map_err(|error| *error);
    let code = ended.as_ref().map_or_else(marquee_cli::Error::exit_code, |()| 0);
    let exit = marquee_cli::finish(ended, output);
    let started = Instant::now();
    runtime.shutdown_timeout(LINGER);
    if started.elapsed() >= LINGER {
        marquee_kit::signals::exit_at_once(i32::from(code));
    }
    exit
}
