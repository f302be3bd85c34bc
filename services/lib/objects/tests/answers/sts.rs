//! A stub of Amazon's STS, which gives keys for a web identity. It speaks TLS, because the client
//! sends an identity over nothing else.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The certificate of `localhost`, signed by its own key, for the years 2020 to 2119.
pub(crate) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUc9vepm4EwBSMmHUpk8orSP2nUeQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMTkxMjMx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQzmngEoDBfYaY6n2uSXiMqNiJJWZCG04AiW4HuO5e42XGvwu1RVPF4
expfL+pGObECU3e8gcTaFfN5f2yLklpao0UwQzAMBgNVHRMBAf8EAjAAMBQGA1Ud
EQQNMAuCCWxvY2FsaG9zdDAdBgNVHQ4EFgQUwK4YVSoK45YpUOwnm9+ixVIkus8w
CgYIKoZIzj0EAwIDSAAwRQIgPc7vW/JcBMxHAOJOJ40tqsJiRplhMAyp1lHR6U5p
O/ECIQCkgNsEP2uGBrylhrdoLaUKlS+kRNKUtfxCCZrw6nVlqw==
-----END CERTIFICATE-----
";

/// The key of the certificate, in PKCS #8 and hexadecimal. Only the client of a test trusts it.
const KEY: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420\
                   d2dd24dec4c278a8b3a9dc08143986f2abd8172459a0fa1ce1e54a992701d2b8\
                   a14403420004339a7804a0305f61a63a9f6b925e232a362249599086d380225b81ee3b97b8d9\
                   71afc2ed5154f1787b1a5f2fea4639b1025377bc81c4da15f3797f6c8b925a5a";

/// A running stub, which answers one request.
pub(crate) struct Sts {
    endpoint: String,
    asked: JoinHandle<String>,
}

impl Sts {
    /// Starts a stub that answers with a body.
    pub(crate) fn start(body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("https://localhost:{}", listener.local_addr().expect("bound").port());
        let config = config();
        let asked = thread::spawn(move || answer(&listener, config, body));
        Self { endpoint, asked }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the method and the target of the request.
    pub(crate) fn asked(self) -> String {
        self.asked.join().expect("no panic")
    }
}

fn config() -> Arc<ServerConfig> {
    let byte = |at: usize| u8::from_str_radix(&KEY[at..at + 2], 16).expect("a hexadecimal number");
    let key: Vec<u8> = (0..KEY.len()).step_by(2).map(byte).collect();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate");
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions of TLS").with_no_client_auth();
    let config = builder.with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key).into());
    Arc::new(config.expect("a key and its certificate"))
}

/// Answers one request, and returns its method and target.
fn answer(listener: &TcpListener, config: Arc<ServerConfig>, body: &str) -> String {
    let (stream, _) = listener.accept().expect("a client");
    let mut stream = StreamOwned::new(ServerConnection::new(config).expect("a connection"), stream);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("the head of a request");
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).expect("a client that reads");
    stream.conn.send_close_notify();
    // The client may have closed the connection already.
    let _ = stream.flush();
    let line = head.lines().next().unwrap_or_default();
    line.trim_end_matches(" HTTP/1.1").to_owned()
}
