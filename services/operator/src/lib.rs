//! The Kubernetes operator of rollouts, and its kubectl plugin.
//!
//! The operator drives the state machine of `marquee-rollout` from `ModelRollout` objects. It finds
//! inference instances and the monitor by EndpointSlices, and changes the routing table through an
//! instance, like every other client. It is not on the path of any request: while it, the API
//! server or the object store is away, instances answer with the last effective route.
//!
//! This is the only crate that names `kube`.

mod commands;
mod controller;
mod crd;
mod error;
mod events;
mod leader;
mod metrics;
mod plugin;
mod reconcile;
mod resource;
mod run;
mod settings;

use std::process::ExitCode;

use settings::{Command, Program};

pub use plugin::main as plugin_main;

/// Runs `marquee-operator`: reads the command line and carries it out. Returns 0 after an orderly
/// end, 1 after a failure, 64 for wrong usage.
pub fn main() -> ExitCode {
    let program = match parse::<Program>() {
        Ok(program) => program,
        Err(code) => return code,
    };
    let args = match program.command {
        Command::Crd => {
            print!("{}", crd::yaml());
            return ExitCode::SUCCESS;
        }
        Command::Run(args) => args,
    };
    match runtime().map(|runtime| runtime.block_on(run::run(&args))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error.into()),
    }
}

/// Reads the command line. Help and version are printed and end with 0, mistakes with 64.
fn parse<P: clap::Parser>() -> Result<P, ExitCode> {
    P::try_parse().map_err(|error| marquee_cli::explain_usage(&error))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
