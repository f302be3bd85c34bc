//! Clients of other projects against the product: a Python producer of Kafka, DuckDB, Polars and
//! pandas on the archive, Feast on the features, Triton's clients and its load generator on the
//! predictions, and DVC on versions of data.
//!
//! `make clients`, `make dvc` and `make perf-analyzer` put them into the user's cache folder.

#[path = "foreign/analysts.rs"]
mod analysts;
#[path = "foreign/dvc.rs"]
mod dvc;
#[path = "foreign/feast.rs"]
mod feast;
#[path = "foreign/hostile.rs"]
mod hostile;
#[path = "foreign/open_inference.rs"]
mod open_inference;
#[path = "foreign/perf_analyzer.rs"]
mod perf_analyzer;
#[path = "foreign/producers.rs"]
mod producers;

use std::ffi::{OsStr, OsString};
use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use marquee_e2e::DEADLINE;
use tokio::process::Command;

/// Returns what a variable names if it is as asked. Otherwise says which target makes it, which
/// `CI=true` does not forgive.
fn named_or_skip(variable: &str, (what, target): (&str, &str), is_there: impl Fn(&Path) -> bool) -> Option<OsString> {
    let named = std::env::var_os(variable).filter(|named| is_there(Path::new(named)));
    if named.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{variable} names the {what} of `make {target}`");
        println!("skipped: {variable} names no {what}: run `make {target}`");
    }
    named
}

/// A Python that has other people's clients.
pub(crate) struct Python(OsString);

impl Python {
    /// None, and a line that says so, where no variable names one, which `CI=true` does not
    /// forgive.
    pub(crate) fn or_skip() -> Option<Self> {
        Self::of("MARQUEE_CLIENTS_PYTHON", "clients")
    }

    /// The same for the Python that `make TARGET` makes.
    fn of(variable: &str, target: &str) -> Option<Self> {
        named_or_skip(variable, ("Python", target), |_| true).map(Self)
    }

    /// Returns the command of a script, named by its path from this crate's folder.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg("-I").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).kill_on_drop(true);
        command
    }

    /// Runs a script, named by its path from this crate's folder, to its end.
    async fn run<S: AsRef<OsStr>>(
        &self,
        script: &str,
        arguments: impl IntoIterator<Item = S>,
        input: &[u8],
    ) -> Result<Output> {
        // A file takes any length of input at once: a pipe would have to be filled while the output
        // is read.
        let mut stdin = tempfile::tempfile()?;
        stdin.write_all(input)?;
        stdin.rewind()?;
        let mut command = self.command(script);
        command.args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = tokio::time::timeout(DEADLINE, command.output()).await;
        output.with_context(|| format!("{script} did not end"))?.with_context(|| format!("run {script}"))
    }

    /// The same, and what it printed; it has to end well.
    async fn ask<S: AsRef<OsStr>>(
        &self,
        script: &str,
        arguments: impl IntoIterator<Item = S>,
        input: &[u8],
    ) -> Result<String> {
        let output = self.run(script, arguments, input).await?;
        ensure!(output.status.success(), "{script} failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }
}
