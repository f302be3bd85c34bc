//! Roles in processes of their own: inference over another process's feature store. The embedded
//! back-ends belong to one process, so inference has its own copy of the model store here, and the
//! public key alone to check it with.

use std::path::Path;

use anyhow::{Context, Result};
use marquee_e2e::{Launch, World, copy_folder, marquee, until};
use marquee_kit::{Failure, Kind};
use marquee_proto::ratings::v1::Position;
use marquee_proto::training::v1::Algorithm;
use tonic::Code;

use super::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn inference_alone_predicts_from_another_processs_features_and_outlives_it() -> Result<()> {
    let world = World::new(20, 12, 54);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let (user, stranger) = (world.user(1), "stranger");
    let whole = fleet.clients().predict(&user, &["movie-1", "movie-2"], &[]).await?;
    let folder = fleet.stop().await.expect("a folder of its own");

    let apart = |role: &str, folder: &Path| Launch::new(PROGRAM, folder).role(role).set("backends.isolated=true");
    let mut features = apart("feature-store", folder.path()).start().await?;
    let own = tempfile::tempdir()?;
    copy_folder(&folder.path().join("models/objects"), &own.path().join("models/objects"))?;
    // Nobody listens at the first of them.
    let addresses = format!("features_address=\"http://127.0.0.1:1,{}\"", features.addresses().grpc);
    let key = format!("verifying_key={:?}", folder.path().join("keys/verifying.pem"));
    let inference = apart("inference", own.path()).set(addresses).set(key).start().await?;
    let clients = inference.clients()?;
    let apart = clients.predict(&user, &["movie-1", "movie-2"], &[]).await?;
    assert_eq!(apart, whole, "two processes answer as one does");

    // Each serves its own part and no other.
    let status = clients.rate(&user, "movie-1", 4.0).await.expect_err("no ingest here");
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(!features.clients()?.user(&user, &[]).await?.history.is_empty());
    let status = features.clients()?.predict(&user, &["movie-1"], &[]).await.expect_err("no inference here");
    assert_eq!(status.code(), Code::Unimplemented);
    let shown = marquee(PROGRAM, ["status", "--grpc", &inference.addresses().grpc]).await?;
    let (said, error) = (String::from_utf8(shown.stdout)?, String::from_utf8(shown.stderr)?);
    assert_eq!(shown.status.code(), Some(0), "{error}");
    assert!(said.contains("inference") && said.contains("serving"), "{said}");
    assert!(!said.contains("ingest") && !said.contains("trainer"), "the server has no such services: {said}");

    // The feature store dies. A remembered user is answered from the cached history and an unknown
    // one without history; both answers say that they are degraded.
    features.kill().await?;
    let degraded = clients.predict(&user, &["movie-1", "movie-2"], &[]).await?;
    assert_eq!(degraded.predictions, whole.predictions);
    assert!(degraded.provenance.context("provenance")?.degraded);
    let nobody = clients.predict(stranger, &["movie-1"], &[]).await?;
    let provenance = nobody.provenance.context("provenance")?;
    assert!(provenance.degraded && provenance.history_version == 0 && nobody.predictions[0].rating > 0.0);
    // A caller that needs its own writes back is not given less.
    let own = Position { partition: 0, offset: 0 };
    let status = clients.predict(stranger, &["movie-1"], &[own]).await.expect_err("nothing is known");
    assert_eq!(Failure::from_status(&status).kind(), Kind::Unavailable, "{status}");

    // It is back, on the same port, and nothing is degraded any more.
    features.restart().await?;
    let again = until("inference has found it again", async || {
        let answer = clients.predict(&user, &["movie-1", "movie-2"], &[]).await.ok()?;
        answer.provenance.as_ref().is_some_and(|provenance| !provenance.degraded).then_some(answer)
    });
    assert_eq!(again.await?, whole);
    assert_eq!(clients.predict(stranger, &["movie-1"], &[]).await?.predictions.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_alone_says_which_settings_it_lacks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = format!("data_dir={:?}", folder.path());
    let ports = ["grpc_listen=127.0.0.1:0", "http_listen=127.0.0.1:0"];
    let refused = async |role: &str, code: i32, settings: &[&str]| -> Result<String> {
        let sets = [data.as_str()].into_iter().chain(ports).chain(settings.iter().copied());
        let arguments = std::iter::once(role).chain(sets.flat_map(|set| ["--set", set]));
        let output = marquee(PROGRAM, arguments).await?;
        let error = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(code), "{error}");
        Ok(error)
    };
    // No other process can read embedded back-ends.
    let error = refused("ingest", 64, &[]).await?;
    assert!(error.contains("backends.log: is embedded") && error.contains("backends.log=kafka"), "{error}");
    let error = refused("inference", 64, &[]).await?;
    assert!(error.contains("backends.objects=s3"), "{error}");

    let isolated = "backends.isolated=true";
    let error = refused("inference", 1, &[isolated]).await?;
    assert!(error.contains("verifying_key: is empty") && error.contains("the trainer's public key"), "{error}");
    assert!(!folder.path().join("keys").exists(), "inference makes no key");
    let made =
        marquee(PROGRAM, ["keys", "generate", "--out", &folder.path().join("keys").display().to_string()]).await?;
    assert!(made.status.success());
    let error = refused("inference", 64, &[isolated]).await?;
    assert!(error.contains("features_address: is empty"), "{error}");
    let error = refused("inference", 64, &[isolated, "features_address=somewhere"]).await?;
    assert!(error.contains("features_address: ") && error.contains("'somewhere'"), "{error}");
    Ok(())
}
