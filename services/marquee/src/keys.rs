//! The keys of a fleet: named by settings, or a pair that the data folder of the trainer makes at
//! its first start, so that packages are signed by default.
//!
//! **Invariant:** a process that does not run the trainer never reads or makes a private key.

use std::fs::{DirBuilder, File, Metadata};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use marquee_kit::settings::is_set;
use marquee_model::{SigningKey, VerifyingKey};
use marquee_role::Needs;

/// The file of the private key in a folder of keys.
pub const PRIVATE: &str = "signing.pem";

/// The file of the public key in a folder of keys.
pub const PUBLIC: &str = "verifying.pem";

/// The keys that the roles of a process need.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Signs packages.
    pub(crate) signing: Option<SigningKey>,
    /// Verifies packages.
    pub(crate) verifying: Option<VerifyingKey>,
}

/// Returns the folder of the keys that a trainer makes in its data folder.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("keys")
}

/// Returns a path, or `None` if it is empty.
pub(crate) fn not_empty(path: &Path) -> Option<&Path> {
    is_set(path).then_some(path)
}

/// Reads the keys that the roles of a process need. Makes a pair in the data folder if the trainer
/// runs here and no setting names a key.
pub(crate) fn read(data_dir: &Path, verifying_key: &Path, needs: &Needs) -> Result<Keys> {
    let folder = folder(data_dir);
    let public = match not_empty(verifying_key) {
        Some(path) if needs.verify || needs.sign.is_some() => Some(read_public(path).context("verifying_key")?),
        _ => None,
    };
    let signing = match &needs.sign {
        None => None,
        Some(path) => Some(match not_empty(path) {
            Some(path) => read_private(path).context("trainer.signing_key")?,
            None => own(&folder, public.as_ref())?,
        }),
    };
    if let (Some(signing), Some(public)) = (&signing, &public) {
        let signer = signing.verifying_key();
        ensure!(
            signer == *public,
            "verifying_key: is key {}, but trainer.signing_key belongs to key {}; set both to one pair",
            public.fingerprint(),
            signer.fingerprint(),
        );
    }
    let verifying = match (needs.verify, public, &signing) {
        (false, ..) => None,
        (true, Some(public), _) => Some(public),
        (true, None, Some(signing)) => Some(signing.verifying_key()),
        (true, None, None) => Some(from_data_folder(&folder)?),
    };
    Ok(Keys { signing, verifying })
}

/// Returns the private key of the data folder, and makes a pair if there is none.
fn own(folder: &Path, public: Option<&VerifyingKey>) -> Result<SigningKey> {
    let (private, verifying) = (folder.join(PRIVATE), folder.join(PUBLIC));
    if private.exists() {
        let signing = read_private(&private)?;
        if !verifying.exists() {
            write_public(&verifying, &signing.verifying_key())?;
        }
        return Ok(signing);
    }
    if verifying.exists() {
        bail!(
            "{}: the private key is lost, but its public half {} exists; restore the private key from a backup, or \
             move the public key away to make a new pair: inference then refuses the models that the lost key signed, \
             so train them again",
            private.display(),
            verifying.display(),
        );
    }
    if let Some(public) = public {
        bail!(
            "trainer.signing_key: is empty, but verifying_key is key {}; set trainer.signing_key to the private key of \
             that pair, or leave both empty",
            public.fingerprint(),
        );
    }
    generate(folder)?;
    tracing::info!(
        verifying_key = %verifying.display(),
        "made a key pair that signs models; hosts that run inference apart need this verifying_key"
    );
    read_private(&private)
}

/// Returns the public key that the data folder has, for inference without a trainer in its process.
fn from_data_folder(folder: &Path) -> Result<VerifyingKey> {
    let path = folder.join(PUBLIC);
    ensure!(
        path.exists(),
        "verifying_key: is empty, and {} does not exist, so no model could be verified; set verifying_key to a copy of \
         the trainer's public key, which is keys/{PUBLIC} in its data folder",
        path.display(),
    );
    read_public(&path)
}

/// Makes a pair of keys in a folder. Never replaces a file that exists.
///
/// # Errors
/// The folder cannot be written, or one of the files exists.
pub fn generate(folder: &Path) -> Result<VerifyingKey> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).with_context(|| format!("create {}", folder.display()))?;
    let private = folder.join(PRIVATE);
    let key = SigningKey::generate().context("make a signing key")?;
    key.write_private(&private).with_context(|| format!("write {}", private.display()))?;
    let verifying = key.verifying_key();
    write_public(&folder.join(PUBLIC), &verifying)?;
    Ok(verifying)
}

fn write_public(path: &Path, key: &VerifyingKey) -> Result<()> {
    let pem = key.to_pem().context("encode the public key")?;
    let written = File::options().create_new(true).write(true).mode(0o600).open(path);
    written
        .and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()))
        .with_context(|| format!("write {}", path.display()))
}

fn read_private(path: &Path) -> Result<SigningKey> {
    let unreadable = || format!("{}: could not read the private key", path.display());
    let metadata = std::fs::metadata(path).with_context(unreadable)?;
    if let Some(fix) = exposed(&metadata) {
        bail!(
            "{}: other users can read the private key (mode {:04o}); run `chmod {fix} {}`",
            path.display(),
            metadata.mode() & 0o7777,
            path.display(),
        );
    }
    let pem = std::fs::read_to_string(path).with_context(unreadable)?;
    SigningKey::from_pem(&pem)
        .with_context(|| format!("{}: is not a signing key; make one with `marquee keys generate`", path.display()))
}

/// Returns the mode that a private key should have, or `None` if no other user can read it. For a
/// process that is not root, a file of root may be readable by its group: Kubernetes mounts secrets
/// like this.
fn exposed(metadata: &Metadata) -> Option<&'static str> {
    let is_mounted = metadata.uid() == 0 && !rustix::process::geteuid().is_root();
    let (allowed, fix) = if is_mounted { (0o740, "0640") } else { (0o700, "0600") };
    (metadata.mode() & 0o777 & !allowed != 0).then_some(fix)
}

fn read_public(path: &Path) -> Result<VerifyingKey> {
    let pem = std::fs::read_to_string(path)
        .with_context(|| format!("{}: could not read the verifying key", path.display()))?;
    VerifyingKey::from_pem(&pem)
        .with_context(|| format!("{}: is not a verifying key; expected SPKI PEM", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn trainer() -> Needs {
        Needs { sign: Some(PathBuf::new()), ..Needs::default() }
    }

    fn inference() -> Needs {
        Needs { verify: true, ..Needs::default() }
    }

    /// Returns the message of a refusal, with its causes.
    fn refused(data: &Path, verifying_key: &Path, needs: &Needs) -> String {
        format!("{:#}", read(data, verifying_key, needs).expect_err("refused"))
    }

    #[test]
    fn the_whole_fleet_makes_its_own_pair_and_keeps_it() {
        let data = tempfile::tempdir().expect("a folder");
        let fleet = trainer().union(inference());
        let first = read(data.path(), Path::new(""), &fleet).expect("a new pair");
        let verifying = first.verifying.expect("needed");
        assert_eq!(first.signing.expect("needed").verifying_key(), verifying);
        let mode = |path: &str| fs::metadata(data.path().join(path)).expect("made").permissions().mode() & 0o777;
        assert_eq!((mode("keys"), mode("keys/signing.pem"), mode("keys/verifying.pem")), (0o700, 0o600, 0o600));

        // After a crash between the two files, the public one is made again from the private one.
        fs::remove_file(data.path().join("keys/verifying.pem")).expect("removed");
        assert_eq!(read(data.path(), Path::new(""), &fleet).expect("the pair").verifying, Some(verifying.clone()));
        assert_eq!(read_public(&data.path().join("keys/verifying.pem")).expect("made again"), verifying);
    }

    #[test]
    fn the_private_key_reaches_the_trainer_alone() {
        let data = tempfile::tempdir().expect("a folder");
        let signing = read(data.path(), Path::new(""), &trainer()).expect("a new pair");
        assert!(signing.signing.is_some() && signing.verifying.is_none());
        // Inference does not even read it.
        fs::write(data.path().join("keys/signing.pem"), "not a key").expect("written");
        let keys = read(data.path(), Path::new(""), &inference()).expect("the public half");
        assert!(keys.signing.is_none() && keys.verifying.is_some());
        let neither = read(data.path(), Path::new(""), &Needs::default()).expect("nothing");
        assert!(neither.signing.is_none() && neither.verifying.is_none());
    }

    #[test]
    fn inference_without_a_key_names_the_setting_and_makes_none() {
        let data = tempfile::tempdir().expect("a folder");
        let error = refused(data.path(), Path::new(""), &inference());
        assert!(error.starts_with("verifying_key: is empty") && error.contains("trainer's public key"), "{error}");
        assert!(!data.path().join("keys").exists());
    }

    #[test]
    fn a_host_verifies_with_the_key_that_the_settings_name() {
        let (trainer_host, host) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let public = generate(&trainer_host.path().join("keys")).expect("a pair");
        let path = trainer_host.path().join("keys/verifying.pem");
        assert_eq!(read(host.path(), &path, &inference()).expect("read").verifying, Some(public));
        // A trainer that would sign with another key is refused.
        let error = refused(host.path(), &path, &trainer());
        assert!(error.starts_with("trainer.signing_key: is empty"), "{error}");
        generate(&host.path().join("keys")).expect("another pair");
        let error = refused(host.path(), &path, &trainer());
        assert!(error.starts_with("verifying_key: is key") && error.contains("one pair"), "{error}");
    }

    #[test]
    fn a_lost_private_key_is_named_with_the_way_out() {
        let data = tempfile::tempdir().expect("a folder");
        generate(&data.path().join("keys")).expect("a pair");
        fs::remove_file(data.path().join("keys/signing.pem")).expect("removed");
        let error = refused(data.path(), Path::new(""), &trainer());
        for part in ["signing.pem: the private key is lost", "verifying.pem exists", "backup", "train them again"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!data.path().join("keys/signing.pem").exists());
    }

    #[test]
    fn a_private_key_that_others_can_read_is_refused() {
        let data = tempfile::tempdir().expect("a folder");
        generate(&data.path().join("keys")).expect("a pair");
        let path = data.path().join("keys/signing.pem");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        let error = refused(data.path(), Path::new(""), &trainer());
        assert!(error.contains("other users can read") && error.contains("0644") && error.contains("chmod"), "{error}");
        for mode in [0o640, 0o604, 0o660, 0o440] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
            let error = refused(data.path(), Path::new(""), &trainer());
            assert!(error.contains("run `chmod 0600 "), "{mode:o}: {error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("changed");
        assert!(read(data.path(), Path::new(""), &trainer()).is_ok());
    }

    #[test]
    fn a_file_that_is_not_a_key_is_named() {
        let data = tempfile::tempdir().expect("a folder");
        let error = refused(data.path(), Path::new("/dev/null"), &inference());
        assert!(error.contains("/dev/null: is not a verifying key"), "{error}");
        let needs = Needs { sign: Some(PathBuf::from("/nowhere.pem")), ..Needs::default() };
        let error = refused(data.path(), Path::new(""), &needs);
        assert!(error.starts_with("trainer.signing_key: /nowhere.pem: could not read"), "{error}");
    }
}
