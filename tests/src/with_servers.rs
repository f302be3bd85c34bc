//! Runs a command beside Kafka, Redis and S3 of its own, which end with it. The command finds them
//! by `MARQUEE__…` in its environment.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use marquee_e2e::servers::Stack;
use tokio::process::Command;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else { bail!("give the command to run beside Kafka, Redis and S3") };
    eprintln!("starting Kafka, Redis and S3");
    let stack = Stack::start().await?;
    let (kafka, redis) = (stack.kafka.bootstrap(), stack.redis.urls().join(" "));
    eprintln!("Kafka {kafka} · Redis {redis} · S3 {}", stack.s3.endpoint());
    let mut command = Command::new(&program);
    command.args(arguments).envs(stack.variables()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("run {}", program.display()))?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            // The terminal has sent it to the command as well: what it does then is its own.
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
    };
    drop(stack);
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
