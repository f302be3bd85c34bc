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
mod resources;
mod roles;
mod settings;

use std::process::ExitCode;

pub use backends::{Backends, LogBackend, ObjectsBackend, StoreBackend};
pub use fleet::{Addresses, Fleet};
pub use roles::{ROLES, role};
pub use settings::Settings;

/// Reads the command line, starts the runtime, runs the command, and returns the exit code: 0 done,
/// 1 failed, 64 wrong usage.
pub fn main() -> ExitCode {
    let cli: cli::Cli = match marquee_cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let output = cli.client.output();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => marquee_cli::finish(runtime.block_on(cli::run(cli)), output),
        Err(error) => {
            eprintln!("error: could not start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
