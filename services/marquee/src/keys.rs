//! The keys of a fleet: given by settings, or made by the data folder for itself at the first start, so that packages are signed by default.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use marquee_model::{SigningKey, VerifyingKey};

use crate::fleet::given;
use crate::settings::Settings;

/// File of the private key in a folder of keys.
pub const PRIVATE: &str = "signing.pem";

/// File of the public key in a folder of keys.
pub const PUBLIC: &str = "verifying.pem";

/// What packages are signed with, and what their signature is checked against.
pub(crate) fn for_fleet(settings: &Settings) -> Result<(Option<SigningKey>, Option<VerifyingKey>)> {
    let signing = match given(&settings.trainer.signing_key) {
        Some(path) => Some(read_private(path)?),
        None if given(&settings.verifying_key).is_some() => None,
        None => {
            let folder = settings.data_dir.join("keys");
            let private = folder.join(PRIVATE);
            if !private.exists() {
                generate(&folder)?;
            }
            Some(read_private(&private)?)
        }
    };
    let verifying = match given(&settings.verifying_key) {
        Some(path) => Some(read_public(path)?),
        None => signing.as_ref().map(SigningKey::verifying_key),
    };
    Ok((signing, verifying))
}

/// Makes a pair of keys in a folder; never replaces one that is there.
pub fn generate(folder: &Path) -> Result<VerifyingKey> {
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let (private, public) = (folder.join(PRIVATE), folder.join(PUBLIC));
    let key = SigningKey::generate().context("make a signing key")?;
    key.write_private(&private).with_context(|| format!("write {}", private.display()))?;
    let verifying = key.verifying_key();
    let pem = verifying.to_pem().context("encode the public key")?;
    let written = std::fs::File::options().create_new(true).write(true).open(&public);
    written
        .and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()))
        .with_context(|| format!("write {}", public.display()))?;
    Ok(verifying)
}

fn read_private(path: &Path) -> Result<SigningKey> {
    let pem = std::fs::read_to_string(path).with_context(|| format!("read the signing key {}", path.display()))?;
    SigningKey::from_pem(&pem)
        .with_context(|| format!("{} is no signing key: make one with `marquee keys generate`", path.display()))
}

fn read_public(path: &Path) -> Result<VerifyingKey> {
    let pem = std::fs::read_to_string(path).with_context(|| format!("read the verifying key {}", path.display()))?;
    VerifyingKey::from_pem(&pem).with_context(|| format!("{} is no verifying key (SPKI PEM)", path.display()))
}
