//! Certificates for servers and clients on the loopback interface, made by `openssl`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::Missing;

/// A key on a curve that every TLS library knows, without a passphrase.
const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// An authority and certificates that it signed, as PEM files in a folder.
#[derive(Debug, Clone)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes an authority, and one certificate for servers and clients at 127.0.0.1 and localhost.
    pub async fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).context("make the folder of certificates")?;
        let names = "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n\
                     extendedKeyUsage=serverAuth,clientAuth\n";
        std::fs::write(folder.join("names"), names).context("write the names")?;
        let authority = ["-days", "2", "-subj", "/CN=test-authority", "-keyout", "ca.key", "-out", "ca.pem"];
        openssl(folder, &[&["req", "-x509"][..], &NEW_KEY, &authority].concat()).await?;
        let request = ["-subj", "/CN=localhost", "-keyout", "node.key", "-out", "node.csr"];
        openssl(folder, &[&["req", "-new"][..], &NEW_KEY, &request].concat()).await?;
        let signed = ["-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "node.pem"];
        let sign = ["x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key"];
        openssl(folder, &[&sign[..], &signed].concat()).await?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The certificate of the authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The certificate of the server or client.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("node.pem")
    }

    /// The private key of that certificate.
    pub fn key(&self) -> PathBuf {
        self.folder.join("node.key")
    }
}

async fn openssl(folder: &Path, words: &[&str]) -> Result<()> {
    let output = Command::new("openssl").args(words).current_dir(folder).kill_on_drop(true).output().await;
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Missing { what: "openssl".to_owned() }.into());
        }
        output => output.context("run openssl")?,
    };
    ensure!(output.status.success(), "openssl {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(())
}
