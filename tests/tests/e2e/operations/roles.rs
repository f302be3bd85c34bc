//! Roles in processes of their own: inference over another process's feature store. The embedded back-ends belong to one process, so inference
//! has its own copy of the model store here, and the public key alone to check it with.

use std::path::Path;

use anyhow::{Context, Result};
use marquee_e2e::{Launch, World, marquee, until};
use marquee_kit::{Failure, Kind};
use marquee_proto::ratings::v1::Position;
use marquee_proto::training::v1::Algorithm;
use tonic::Code;

use super::PROGRAM;

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, target) = (entry?, to);
        let target = target.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            std::fs::copy(entry.path(), target).map(drop)?
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn inference_alone_predicts_from_another_processs_features_and_outlives_it() -> Result<()> {
    let world = World::new(20, 12, 54);
    let fleet = crate::spine::trained(&world, Algorithm::Map).await?;
    let (user, stranger) = (world.user(1), "stranger");
    let whole = fleet.clients().predict(&user, &["movie-1", "movie-2"], &[]).await?;
    let folder = fleet.stop().await.expect("a folder of its own");

    let mut features = Launch::new(PROGRAM, folder.path()).role("feature-store").start().await?;
    let own = tempfile::tempdir()?;
    copy(&folder.path().join("models/objects"), &own.path().join("models/objects"))?;
    // Nobody listens at the first of them.
    let addresses = format!("features_address=\"http://127.0.0.1:1,{}\"", features.addresses().grpc);
    let key = format!("verifying_key={:?}", folder.path().join("keys/verifying.pem"));
    let inference = Launch::new(PROGRAM, own.path()).role("inference").set(addresses).set(key).start().await?;
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
    assert_eq!(shown.status.code(), Some(1), "{error}");
    assert!(error.contains("not serving: ingest, feature-store, trainer"), "{error}");
    assert!(said.contains("absent") && said.contains("serving"), "{said}");

    // The feature store dies: who is remembered is answered from that, who is not as anybody would be, and both are told so.
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
async fn inference_without_a_feature_store_says_what_to_set() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = format!("data_dir={:?}", folder.path());
    let ports = ["grpc_listen=127.0.0.1:0", "http_listen=127.0.0.1:0"];
    let mut arguments = vec!["inference", "--set", &data, "--set", ports[0], "--set", ports[1]];
    let output = marquee(PROGRAM, arguments.clone()).await?;
    let error = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("set features_address"), "{error}");
    arguments.extend(["--set", "features_address=somewhere"]);
    let output = marquee(PROGRAM, arguments).await?;
    let error = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("'somewhere' is no address"), "{error}");
    Ok(())
}
