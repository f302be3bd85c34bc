//! `marquee keys`: the Ed25519 pair that signs model packages and the half that verifies them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use marquee_model::{SigningKey, VerifyingKey};
use serde::Serialize;

use crate::keys::{PRIVATE, PUBLIC};
use anyhow::{Context, Result, bail, ensure};
use marquee_cli::{Human, Output, Show};

/// Largest file that is read as a key.
const LARGEST: u64 = 64 << 10;

/// Arguments of `keys`.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

/// The commands for keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a pair: signing.pem for the trainer alone, verifying.pem for every process.
    Generate {
        /// The folder for the two files.
        #[arg(long, default_value = ".", value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Print the fingerprint of a key, private or public.
    Fingerprint {
        /// A PEM file.
        file: PathBuf,
    },
}

#[derive(Debug, Serialize)]
struct Pair {
    signing: PathBuf,
    verifying: PathBuf,
    fingerprint: String,
}

#[derive(Debug, Serialize)]
struct Fingerprint {
    fingerprint: String,
}

/// Makes keys or shows a fingerprint.
pub(crate) fn run(args: KeysArgs, output: Output) -> Result<()> {
    match args.command {
        KeysCommand::Generate { out } => {
            output.show(&generate(&out)?)?;
            output.footer("keep signing.pem secret; give verifying.pem to the processes that serve models");
        }
        KeysCommand::Fingerprint { file } => output.show(&Fingerprint { fingerprint: fingerprint(&file)? })?,
    }
    Ok(())
}

/// Writes a new pair. Never overwrites either half.
fn generate(folder: &Path) -> Result<Pair> {
    let (signing, verifying) = (folder.join(PRIVATE), folder.join(PUBLIC));
    for path in [&signing, &verifying] {
        if path.exists() {
            bail!("{} exists: keys are never overwritten; name another folder with --out", path.display());
        }
    }
    let public = crate::keys::generate(folder)?;
    Ok(Pair { signing, verifying, fingerprint: public.fingerprint() })
}

/// Returns the fingerprint of a key. The fingerprint of a private key is that of its public half.
fn fingerprint(path: &Path) -> Result<String> {
    let mut text = String::new();
    let doing = || format!("could not read {}", path.display());
    let file = File::open(path).with_context(doing)?;
    let read = file.take(LARGEST + 1).read_to_string(&mut text).with_context(doing)?;
    ensure!(read as u64 <= LARGEST, "{}: the file is too large to be a key", doing());
    let public = if text.contains("PRIVATE KEY") {
        SigningKey::from_pem(&text).map(|key| key.verifying_key())
    } else {
        VerifyingKey::from_pem(&text)
    };
    let public = public.with_context(|| format!("{} is not an Ed25519 key in PEM form", path.display()))?;
    Ok(public.fingerprint())
}

impl Show for Pair {
    fn human(&self) -> Human {
        let (signing, verifying) = (self.signing.display(), self.verifying.display());
        Human::Text(format!("private      {signing}\npublic       {verifying}\nfingerprint  {}", self.fingerprint))
    }
}

impl Show for Fingerprint {
    fn human(&self) -> Human {
        Human::Text(self.fingerprint.clone())
    }
}
