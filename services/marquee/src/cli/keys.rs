//! `marquee keys`: the Ed25519 pair that signs model packages and the half that verifies them.

use std::fs::File;
use std::io::{Error as IoError, ErrorKind, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use marquee_model::{SigningKey, VerifyingKey};
use serde::Serialize;

use super::output::{Human, Show};
use super::{Error, Output};
use crate::keys::{PRIVATE, PUBLIC};

/// Largest file that is taken for a key.
const LARGEST: u64 = 64 << 10;

/// Arguments of `keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a pair: signing.pem, for the trainer alone, and verifying.pem, for everybody.
    Generate {
        /// Where the files go.
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

pub(crate) fn run(args: KeysArgs, output: Output) -> Result<(), Error> {
    match args.command {
        KeysCommand::Generate { out } => {
            let pair = generate(&out)?;
            output.show(&pair)?;
            output.footer("keep signing.pem secret; give verifying.pem to whoever serves the models");
            Ok(())
        }
        KeysCommand::Fingerprint { file } => output.show(&Fingerprint { fingerprint: fingerprint(&file)? }),
    }
}

/// Writes a new pair, and neither half over a file that exists.
fn generate(folder: &Path) -> Result<Pair, Error> {
    let (signing, verifying) = (folder.join(PRIVATE), folder.join(PUBLIC));
    for path in [&signing, &verifying] {
        if path.exists() {
            let message =
                format!("{} exists: keys are never overwritten; name another folder with --out", path.display());
            return Err(Error::Outcome(message));
        }
    }
    let public = crate::keys::generate(folder).map_err(Error::Fleet)?;
    Ok(Pair { signing, verifying, fingerprint: public.fingerprint() })
}

/// A private key's fingerprint is that of its public half.
fn fingerprint(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let file = File::open(path).map_err(failed("read", path))?;
    let read = file.take(LARGEST + 1).read_to_string(&mut text).map_err(failed("read", path))?;
    if read as u64 > LARGEST {
        return Err(failed("read", path)(IoError::new(ErrorKind::InvalidData, "it is too large to be a key")));
    }
    let doing = format!("{} holds no key that is known", path.display());
    let private = text.contains("PRIVATE KEY");
    let public = if private {
        SigningKey::from_pem(&text).map(|key| key.verifying_key())
    } else {
        VerifyingKey::from_pem(&text)
    };
    Ok(public.map_err(|source| key_error(&doing, source))?.fingerprint())
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(IoError) -> Error {
    move |source| Error::File { doing, path: path.to_owned(), source }
}

fn key_error(doing: &str, source: marquee_model::KeyError) -> Error {
    Error::Key { doing: doing.to_owned(), source: Box::new(source) }
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
