//! The one binary: every role, the whole fleet, and the command line.
//!
//! [`Fleet`] is the composition root and the only place where roles and adapters meet; [`cli`] is a client of public APIs; `demo` is both at once,
//! as a newcomer would use them.

pub mod cli;
mod commands;
mod demo;
mod fleet;
pub mod keys;
mod settings;

use std::process::ExitCode;

pub use commands::Commands;
pub use fleet::{Addresses, Fleet, Role};
pub use settings::{Backends, LogBackend, ObjectsBackend, Settings, StoreBackend};

/// Reads the command line, starts the runtime, does what was asked, and gives the exit code: 0 done, 1 failed, 64 wrong usage.
pub fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli::run(cli, Commands)),
        Err(error) => {
            eprintln!("error: could not start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
