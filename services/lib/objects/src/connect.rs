//! Makes a client and checks once that it works. So wrong keys, a wrong bucket or a wrong server
//! fail at the start, with a message that says what to do.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use marquee_settings::{Validate as _, is_set};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider, S3ConditionalPut};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Certificate, ClientOptions, ObjectStore as _, ObjectStoreExt as _};
use object_store::{PutMode, PutOptions, UpdateVersion};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::Settings;
use crate::address::Address;
use crate::environment::{Environment, Keys};
use crate::error::{ConnectError, Source};
use crate::failure::{Cause, Message};
use crate::profile::ProfileKeys;
use crate::retry::Retry;

/// How long a request for keys is repeated, and how long all of them may take.
const KEYS_PATIENCE: Duration = Duration::from_secs(3);
const KEYS_DEADLINE: Duration = Duration::from_secs(10);

/// A tag that no object has: no content with this MD5 is known.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

/// Returns a client that has passed the checks.
pub(crate) async fn connect(settings: &Settings, address: &Address) -> Result<AmazonS3, ConnectError> {
    settings.validate().map_err(ConnectError::Settings)?;
    let environment = Environment::of_process();
    let store = client(settings, address, &environment).await?;
    let folder = address.folder(None).map(|prefix| format!("{prefix}/"));
    let one = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
    let listed = store.list_paginated(folder.as_deref(), one).await;
    listed.map_err(|error| ConnectError::about(address, &error))?;
    check_conditions(&store, address).await?;
    Ok(store)
}

/// Makes a client whose keys were found.
async fn client(settings: &Settings, address: &Address, environment: &Environment) -> Result<AmazonS3, ConnectError> {
    // This sets the only TLS provider that is compiled in. The call fails if it is already set,
    // which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = with_keys(settings, environment).await?;
    if let Some(endpoint) = address.client_endpoint() {
        // The environment may have set the other form of the option, which would take precedence.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, &endpoint).with_endpoint(endpoint);
    }
    if !settings.region.is_empty() {
        builder = builder.with_region(&settings.region);
    }
    let mut options = ClientOptions::new()
        .with_allow_http(address.is_unencrypted())
        .with_connect_timeout(settings.connect_timeout)
        .with_timeout(settings.request_timeout);
    if address.is_unencrypted() && !settings.access_key_id.is_empty() {
        // Without encryption no certificates are needed. So a machine without certificates, such as
        // a minimal container, must work.
        options = options.with_no_system_certificates(true);
    }
    for certificate in certificates(settings)? {
        options = options.with_root_certificate(certificate);
    }
    let builder = builder
        .with_bucket_name(&address.bucket)
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // Objects are deleted one at a time, with a request that every server supports.
        .with_disable_bulk_delete(true)
        .with_client_options(options);
    let keys = find_keys(&builder).await?;
    build(builder.with_credentials(keys).with_retry(Retry(settings.patience).of_requests()))
}

/// Returns a builder with the keys of the settings, or with those of the environment.
async fn with_keys(settings: &Settings, environment: &Environment) -> Result<AmazonS3Builder, ConnectError> {
    if !settings.access_key_id.is_empty() {
        if settings.session_token.is_empty() && environment.get("AWS_SESSION_TOKEN").is_some() {
            warn!(
                "AWS_SESSION_TOKEN is not used, because the settings have keys; set s3.session_token if they are \
                 temporary"
            );
        }
        let keys = AmazonS3Builder::new().with_access_key_id(&settings.access_key_id);
        let keys = keys.with_secret_access_key(settings.secret_access_key.expose());
        return Ok(match settings.session_token.expose() {
            "" => keys,
            token => keys.with_token(token),
        });
    }
    let builder = environment.builder();
    let found = environment.find().await.map_err(|reason| ConnectError::NoKeys(Source::from(reason)))?;
    Ok(match found {
        Keys::Client => builder,
        Keys::Profile(files, region) => {
            debug!(%files, "the keys of S3 come from a profile");
            let has_region = builder.get_config_value(&AmazonS3ConfigKey::Region).is_some();
            let builder = builder.with_credentials(Arc::new(ProfileKeys::new(files)));
            region.filter(|_| !has_region).map_or(builder.clone(), |region| builder.with_region(region))
        }
    })
}

/// Asks for the keys once, without the patience of other requests: a machine that has no role does
/// not answer at all.
async fn find_keys(builder: &AmazonS3Builder) -> Result<AwsCredentialProvider, ConnectError> {
    let keys = Arc::clone(build(builder.clone().with_retry(Retry(KEYS_PATIENCE).of_requests()))?.credentials());
    let no_keys = |source| Err(ConnectError::NoKeys(source));
    match timeout(KEYS_DEADLINE, keys.get_credential()).await {
        Ok(Ok(_)) => Ok(keys),
        Ok(Err(error)) => no_keys(Source::from(Message::of(&error))),
        Err(_) => no_keys(Source::from("no keys arrived in time")),
    }
}

fn build(builder: AmazonS3Builder) -> Result<AmazonS3, ConnectError> {
    builder.build().map_err(|error| ConnectError::Client(Source::from(Message::of(&error))))
}

fn certificates(settings: &Settings) -> Result<Vec<Certificate>, ConnectError> {
    if !is_set(&settings.ca_file) {
        return Ok(Vec::new());
    }
    let unreadable = |source| ConnectError::Certificates { path: settings.ca_file.clone(), source };
    let pem = fs::read(&settings.ca_file).map_err(|error| unreadable(Source::from(error)))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(Source::from(Message::of(&error))))?;
    if found.is_empty() {
        return Err(unreadable(Source::from("the file contains no certificate")));
    }
    Ok(found)
}

/// Tries a write whose condition cannot hold. A server with conditional writes refuses it and stays
/// unchanged.
async fn check_conditions(store: &AmazonS3, address: &Address) -> Result<(), ConnectError> {
    let path = address.folder(None).unwrap_or_default().join("marquee-never-written");
    let version = UpdateVersion { e_tag: Some(NO_TAG.to_owned()), version: None };
    let options = PutOptions::from(PutMode::Update(version));
    let server = || address.server().to_owned();
    match store.put_opts(&path, "conditions were ignored".into(), options).await {
        Ok(_) => {
            remove(store, &path).await;
            Err(ConnectError::NoConditions { server: server() })
        }
        Err(error) => match Cause::of(&error) {
            Cause::Condition | Cause::NoObject => Ok(()),
            Cause::Unsupported => Err(ConnectError::NoConditions { server: server() }),
            Cause::Refused => {
                // Keys that may only read are enough for a process that only reads.
                debug!(bucket = address.bucket, "these keys may not write");
                Ok(())
            }
            _ => Err(ConnectError::about(address, &error)),
        },
    }
}

async fn remove(store: &AmazonS3, path: &Path) {
    if let Err(error) = store.delete(path).await {
        debug!(%path, %error, "probe left behind");
    }
}

#[cfg(test)]
#[expect(dead_code, reason = "the tests of the crate use the rest")]
#[path = "../tests/answers/server.rs"]
mod server;

#[cfg(test)]
#[path = "../tests/answers/sts.rs"]
mod sts;

#[cfg(test)]
mod tests {
    use super::server::{Answer, Request, Server};
    use super::sts::{self, Sts};
    use super::*;

    /// Returns the id, the secret and the token of the keys that are found with these variables.
    async fn keys(variables: &[(&str, &str)]) -> Result<(String, String, Option<String>), ConnectError> {
        keys_with(&Settings::default(), variables).await
    }

    async fn keys_with(
        settings: &Settings,
        variables: &[(&str, &str)],
    ) -> Result<(String, String, Option<String>), ConnectError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment = Environment::from_variables(variables.iter().map(owned));
        let address = Address::try_new(settings).map_err(ConnectError::Settings)?;
        let store = client(settings, &address, &environment).await?;
        let keys = store.credentials().get_credential().await.expect("they were found");
        Ok((keys.key_id.clone(), keys.secret_key.clone(), keys.token.clone()))
    }

    fn found(id: &str, secret: &str, token: &str) -> (String, String, Option<String>) {
        (id.to_owned(), secret.to_owned(), Some(token.to_owned()))
    }

    #[tokio::test]
    async fn temporary_keys_come_from_variables_and_from_a_profile() {
        let variables =
            [("AWS_ACCESS_KEY_ID", "ASIAONE"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_SESSION_TOKEN", "token")];
        assert_eq!(keys(&variables).await.expect("variables"), found("ASIAONE", "secret", "token"));
        let path = std::env::temp_dir().join(format!("marquee-objects-chain-{}", std::process::id()));
        let text = "[work]\naws_access_key_id=ASIATWO\naws_secret_access_key=s\naws_session_token=t\n";
        fs::write(&path, text).expect("a file");
        let file = path.display().to_string();
        let variables = [("AWS_PROFILE", "work"), ("AWS_SHARED_CREDENTIALS_FILE", &file)];
        assert_eq!(keys(&variables).await.expect("a profile"), found("ASIATWO", "s", "t"));
        fs::remove_file(&path).expect("removed");
        let error = keys(&variables).await.expect_err("the profile is gone");
        let source = std::error::Error::source(&error).expect("a reason").to_string();
        assert!(error.to_string().contains("AWS_PROFILE") && source.contains("profile work"), "{error}: {source}");
    }

    /// Answers as the metadata service of a machine that has a role.
    fn metadata(request: &Request) -> Answer {
        let role = "/latest/meta-data/iam/security-credentials/";
        match request.target.as_str() {
            "/latest/api/token" => Answer::ok("session"),
            target if target == role => Answer::ok("reader"),
            target if target.starts_with(role) => Answer::ok(
                r#"{"AccessKeyId": "ASIATHREE", "SecretAccessKey": "s", "Token": "t",
                "Expiration": "2999-01-01T00:00:00Z",
                "Code": "Success", "LastUpdated": "2024-01-01T00:00:00Z", "Type": "AWS-HMAC"}"#,
            ),
            _ => Answer::error(404, "NotFound"),
        }
    }

    #[tokio::test]
    async fn keys_come_from_the_role_of_a_machine() {
        let server = Server::start(metadata).await;
        let variables = [("AWS_METADATA_ENDPOINT", server.endpoint())];
        assert_eq!(keys(&variables).await.expect("a role"), found("ASIATHREE", "s", "t"));
    }

    const IDENTITY: &str = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
        <AccessKeyId>ASIAFOUR</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
        <Expiration>2999-01-01T00:00:00Z</Expiration>\
        </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

    #[tokio::test]
    async fn keys_come_from_a_web_identity() {
        let sts = Sts::start(IDENTITY);
        let folder = std::env::temp_dir().join(format!("marquee-objects-identity-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (token, ca_file) = (folder.join("token"), folder.join("ca.pem"));
        fs::write(&token, "who-it-is").expect("a file");
        fs::write(&ca_file, sts::CERTIFICATE).expect("a file");
        let (token, settings) = (token.display().to_string(), Settings { ca_file, ..Settings::default() });
        let variables = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
            ("AWS_ROLE_ARN", "reader"),
            ("AWS_ENDPOINT_URL_STS", sts.endpoint()),
        ];
        assert_eq!(keys_with(&settings, &variables).await.expect("an identity"), found("ASIAFOUR", "s", "t"));
        let asked = sts.asked();
        for part in ["POST /?", "Action=AssumeRoleWithWebIdentity", "RoleArn=reader", "WebIdentityToken=who-it-is"] {
            assert!(asked.contains(part), "no {part} in {asked}");
        }
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[tokio::test]
    async fn a_web_identity_is_not_sent_without_encryption() {
        let server = Server::start(|_| Answer::ok(IDENTITY)).await;
        let path = std::env::temp_dir().join(format!("marquee-objects-token-{}", std::process::id()));
        fs::write(&path, "who-it-is").expect("a file");
        let token = path.display().to_string();
        let variables = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
            ("AWS_ROLE_ARN", "reader"),
            ("AWS_ENDPOINT_URL_STS", server.endpoint()),
        ];
        let error = keys(&variables).await.expect_err("it is not sent");
        assert!(matches!(error, ConnectError::NoKeys(_)), "{error}");
        assert_eq!(server.requests(), Vec::<String>::new());
        fs::remove_file(&path).expect("removed");
    }

    #[tokio::test]
    async fn a_machine_without_keys_is_told_soon_where_to_put_them() {
        let server = Server::start(|_| Answer::error(404, "NotFound")).await;
        let started = std::time::Instant::now();
        let error = keys(&[("AWS_METADATA_ENDPOINT", server.endpoint())]).await.expect_err("no role");
        assert!(matches!(error, ConnectError::NoKeys(_)), "{error}");
        assert!(started.elapsed() < KEYS_DEADLINE * 2);
    }
}
