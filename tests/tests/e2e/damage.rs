//! Damage: packages and folders that are not what was written. They are refused with a reason that
//! names what is wrong, what is sound goes on serving, and nothing panics.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use marquee::ROLES;
use marquee_e2e::{Clients, DEADLINE, Fleet, Http, World, copy_folder, settings, until};
use marquee_proto::prediction::v1::{ListModelsRequest, LoadModelRequest, ModelState, ModelVersion};
use marquee_proto::training::v1::{Algorithm, Parameters, State};
use tonic::{Code, Status};

/// More bytes than any machine has memory. A sparse file of this length takes no room.
const HUGE: u64 = 1 << 40;

/// A fleet with ratings and this many small versions, the first routed, all of which it keeps
/// loaded.
async fn with_versions(count: u64) -> Result<Fleet> {
    let world = World::new(20, 12, 7);
    let fleet = Fleet::start_with(|settings| settings.role::<marquee_inference::Inference>().keep = 64).await?;
    let clients = fleet.clients();
    clients.add_movies(world.catalogue()).await?;
    let positions = clients.rate_all(world.ratings()).await?.positions;
    clients.user("nobody", &positions).await?;
    for version in 1..=count {
        let training = clients.run(Algorithm::Bias, Parameters::default()).await?;
        assert_eq!((training.version, training.state()), (version, State::Succeeded), "{}", training.message);
    }
    Ok(fleet)
}

async fn load(clients: &Clients, version: u64) -> Result<ModelVersion, Status> {
    let request = LoadModelRequest { model: String::new(), version };
    let answer = clients.models.clone().load_model(request).await?.into_inner();
    answer.version.ok_or_else(|| Status::internal("the answer lacks the version"))
}

async fn versions(clients: &Clients) -> Result<Vec<ModelVersion>> {
    Ok(clients.models.clone().list_models(ListModelsRequest::default()).await?.into_inner().versions)
}

/// Waits until every version is ready or failed. A fleet is ready before that: it answers as soon
/// as the routed versions are warm.
async fn settled(clients: &Clients) -> Result<Vec<ModelVersion>> {
    let settled = async {
        loop {
            let versions = versions(clients).await?;
            if versions.iter().all(|one| matches!(one.state(), ModelState::Ready | ModelState::Failed)) {
                return anyhow::Ok(versions);
            }
        }
    };
    tokio::time::timeout(DEADLINE, settled).await.context("a version stays neither ready nor failed")?
}

/// Waits until the route is effective, and returns the number of predictions in an answer.
async fn answered(clients: &Clients) -> Result<usize> {
    let ask = async || clients.predict("user-1", &["movie-1"], &[]).await.ok();
    Ok(until("no prediction", ask).await?.predictions.len())
}

/// Waits until `/readyz` says this of a check.
async fn readyz(http: &Http, status: u16, words: &str) -> Result<()> {
    let mut last = String::new();
    let asked = async {
        loop {
            let answer = http.get("/readyz").await?;
            last = answer.text();
            if answer.status == status && last.contains(words) {
                return anyhow::Ok(());
            }
        }
    };
    let answered = tokio::time::timeout(DEADLINE, asked).await;
    answered.with_context(|| format!("/readyz never said {status} {words:?}, but {last}"))?
}

/// Where the embedded object store keeps a version.
fn stored(folder: &Path, version: u64) -> PathBuf {
    folder.join(format!("models/objects/models/ratings/{version}"))
}

fn flip(path: &Path) -> Result<()> {
    let mut bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    Ok(fs::write(path, bytes)?)
}

/// Flips a bit of the content of a journal, not of its lengths: a length that leads past the end is
/// read as a write that a crash cut short, which is no damage.
fn flip_content(path: &Path) -> Result<()> {
    const CONTENT: &[u8] = b"user-";
    let mut bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let middle = bytes.len() / 2;
    let places = bytes.windows(CONTENT.len()).enumerate().filter(|(_, window)| *window == CONTENT);
    let nearest = places.map(|(at, _)| at).min_by_key(|at| at.abs_diff(middle));
    bytes[nearest.context("a journal that names no user")?] ^= 1;
    Ok(fs::write(path, bytes)?)
}

fn halve(path: &Path) -> Result<()> {
    let file = File::options().write(true).open(path).with_context(|| format!("open {}", path.display()))?;
    Ok(file.set_len(file.metadata()?.len() / 2)?)
}

fn swell(path: &Path) -> Result<()> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    Ok(file.set_len(HUGE)?)
}

/// Another graph in the encoder's place, and its length and digest in the manifest.
fn replace_and_cover_up(package: &Path) -> Result<()> {
    fs::copy(package.join("scorer.onnx"), package.join("encoder.onnx"))?;
    let path = package.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
    manifest["files"]["encoder.onnx"] = manifest["files"]["scorer.onnx"].clone();
    Ok(fs::write(path, serde_json::to_vec_pretty(&manifest)?)?)
}

/// What is done to a package, and what is said of it.
type Damage = (fn(&Path) -> Result<()>, &'static str);

/// Version 2 and those after it, in this order. Version 1 stays sound.
const DAMAGES: [Damage; 13] = [
    (|package| flip(&package.join("encoder.onnx")), "encoder.onnx is not the file that the manifest lists"),
    (|package| flip(&package.join("scorer.onnx")), "scorer.onnx is not the file that the manifest lists"),
    (|package| flip(&package.join("movies.parquet")), "movies.parquet is not the file that the manifest lists"),
    (|package| flip(&package.join("manifest.json")), "manifest.sig is not the signature of manifest.json"),
    (|package| flip(&package.join("manifest.sig")), "manifest.sig is not the signature of manifest.json"),
    (|package| Ok(fs::remove_file(package.join("manifest.sig"))?), "manifest.sig is missing"),
    (|package| Ok(fs::remove_file(package.join("scorer.onnx"))?), "scorer.onnx is missing"),
    (|package| halve(&package.join("encoder.onnx")), "/encoder.onnx: it has "),
    (
        |package| swell(&package.join("encoder.onnx")),
        "/encoder.onnx: it has 1099511627776 bytes, but its manifest lists ",
    ),
    (|package| swell(&package.join("manifest.json")), "/manifest.json: it has 1099511627776 bytes"),
    (|package| swell(&package.join("manifest.sig")), "/manifest.sig: it has 1099511627776 bytes"),
    (replace_and_cover_up, "manifest.sig is not the signature of manifest.json"),
    // Whole and signed, but of another number.
    (|package| copy_folder(&package.with_file_name("1"), package), "the package says it is ratings 1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn damaged_packages_are_refused_by_name_and_the_sound_ones_go_on_serving() -> Result<()> {
    let foreign = DAMAGES.len() as u64 + 2;
    let swollen = foreign + 1;
    let (fleet, other) = tokio::try_join!(with_versions(swollen), with_versions(1))?;
    let before = fleet.clients().predict("user-1", &["movie-1", "movie-2"], &[]).await?;
    let other = other.stop().await.context("the other fleet's folder")?;
    let mut damaged = PathBuf::new();
    let fleet = fleet
        .restart_after(|folder| {
            for (version, (damage, _)) in (2..).zip(DAMAGES) {
                damage(&stored(folder, version)).with_context(|| format!("damage version {version}"))?;
            }
            copy_folder(&stored(other.path(), 1), &stored(folder, foreign))?;
            // What the manifest does not list is nobody's business.
            swell(&stored(folder, swollen).join("more.bin"))?;
            damaged = stored(folder, 2);
            Ok(())
        })
        .await?;
    let clients = fleet.clients();

    let shown = settled(clients).await?;
    assert_eq!(shown.len() as u64, swollen);
    let by_another_key = (foreign, "manifest.sig is not the signature of manifest.json by key ");
    let expected = (2..).zip(DAMAGES).map(|(version, (_, reason))| (version, reason)).chain([by_another_key]);
    for (version, reason) in expected {
        let one = shown.iter().find(|one| one.version == version).context("a version is not shown")?;
        assert_eq!(one.state(), ModelState::Failed, "version {version} should say {reason:?}");
        assert!(one.reason.contains(reason), "version {version}: {:?} lacks {reason:?}", one.reason);
        let refused = load(clients, version).await.expect_err("a damaged package loads");
        assert_eq!(refused.code(), Code::FailedPrecondition, "version {version}");
        assert!(refused.message().contains(reason), "version {version}: {}", refused.message());
        let refused = clients.route(version, &[]).await.expect_err("a damaged package is routed");
        assert_eq!(refused.code(), Code::FailedPrecondition, "version {version}");
    }
    for version in [1, swollen] {
        let one = shown.iter().find(|one| one.version == version).context("a version is not shown")?;
        assert_eq!((one.state(), one.verified, one.reason.as_str()), (ModelState::Ready, true, ""));
    }
    let after = clients.predict("user-1", &["movie-1", "movie-2"], &[]).await?;
    assert_eq!((after.predictions, after.provenance), (before.predictions, before.provenance));

    // Repaired, it loads when it is asked for.
    flip(&damaged.join("encoder.onnx"))?;
    assert_eq!(load(clients, 2).await?.state(), ModelState::Ready);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_routed_version_is_damaged_says_so_until_another_is_routed() -> Result<()> {
    let fleet = with_versions(2).await?;
    load(fleet.clients(), 2).await?;
    fleet.clients().route(2, &[]).await?;
    let folder = fleet.stop().await.context("the fleet's folder")?;
    flip(&stored(folder.path(), 2).join("scorer.onnx"))?;

    let fleet = marquee::Fleet::start(settings(folder.path()), ROLES).await?;
    let http = Http::new(&format!("http://{}", fleet.http_address()));
    readyz(&http, 503, "version 2 of model 'ratings' was refused").await?;
    assert_eq!(http.get("/livez").await?.status, 200);
    let clients = Clients::new(&fleet.transport()?);
    let refused = clients.predict("user-1", &["movie-1"], &[]).await.expect_err("nothing can answer");
    assert_eq!(refused.code(), Code::Unavailable);
    let states: Vec<ModelState> = settled(&clients).await?.iter().map(ModelVersion::state).collect();
    assert_eq!(states, [ModelState::Ready, ModelState::Failed]);
    // Everything else goes on.
    let rated = clients.rate("user-1", "movie-1", 5.0).await?;
    assert!(!clients.user("user-1", &[rated]).await?.history.is_empty());

    clients.route(1, &[]).await?;
    readyz(&http, 200, "").await?;
    assert_eq!(answered(&clients).await?, 1);
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_folders_stop_the_start_with_a_reason() -> Result<()> {
    let sound = with_versions(0).await?.stop().await.context("the fleet's folder")?;
    let garbage = |path: PathBuf| Ok(fs::write(path, [0xa5; 4_096])?);
    type Break<'a> = &'a dyn Fn(&Path) -> Result<()>;
    let cases: [(&str, Break, &str); 7] = [
        ("the log's journal is cut short", &|folder| halve(&folder.join("log/database/0.jnl")), "0.jnl was cut short"),
        ("the log is gone", &|folder| Ok(fs::remove_dir_all(folder.join("log"))?), "the log was cut short or replaced"),
        ("a bit of the log flipped", &|folder| flip_content(&folder.join("log/database/0.jnl")), "/log: "),
        ("the log is of nobody's version", &|folder| garbage(folder.join("log/database/version")), "/log: "),
        ("a bit of the store flipped", &|folder| flip_content(&folder.join("store/database/0.jnl")), "/store: "),
        ("the store is of nobody's version", &|folder| garbage(folder.join("store/database/version")), "/store: "),
        (
            "a file lies in the place of the models",
            &|folder| {
                fs::remove_dir_all(folder.join("models"))?;
                garbage(folder.join("models"))
            },
            "/models",
        ),
    ];
    for (case, damage, reason) in cases {
        let folder = tempfile::tempdir()?;
        copy_folder(sound.path(), folder.path())?;
        damage(folder.path()).context(case)?;
        // Twice: a start that failed leaves nothing running that owns the folder.
        for _ in 0..2 {
            let started = marquee::Fleet::start(settings(folder.path()), ROLES).await;
            let error = format!("{:#}", started.err().with_context(|| format!("{case}, and the fleet starts"))?);
            assert!(error.contains(reason) && !error.contains("panic"), "{case}: {error}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_log_loses_a_file_takes_no_ratings_and_does_not_start_again() -> Result<()> {
    let folder = with_versions(1).await?.stop().await.context("the fleet's folder")?;
    let fleet = marquee::Fleet::start(settings(folder.path()), ROLES).await?;
    let http = Http::new(&format!("http://{}", fleet.http_address()));
    let clients = Clients::new(&fleet.transport()?);
    clients.rate("user-1", "movie-1", 5.0).await?;
    fs::remove_file(folder.path().join("log/database/0.jnl"))?;
    readyz(&http, 503, "0.jnl is missing").await?;
    let refused = clients.rate("user-1", "movie-1", 4.0).await.expect_err("it would be lost");
    assert_eq!(refused.code(), Code::Unavailable);
    fleet.shutdown().await;
    let started = marquee::Fleet::start(settings(folder.path()), ROLES).await;
    let error = format!("{:#}", started.err().context("the fleet starts without its ratings")?);
    assert!(error.contains("0.jnl is missing") && error.contains("restore the folder from a backup"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_the_place_of_a_manifest_blocks_nothing() -> Result<()> {
    let folder = with_versions(2).await?.stop().await.context("the fleet's folder")?;
    let manifest = stored(folder.path(), 2).join("manifest.json");
    fs::remove_file(&manifest)?;
    let made = std::process::Command::new("mkfifo").arg(&manifest).status()?;
    anyhow::ensure!(made.success(), "no pipe was made");
    let fleet = marquee::Fleet::start(settings(folder.path()), ROLES).await?;
    let http = Http::new(&format!("http://{}", fleet.http_address()));
    readyz(&http, 200, "").await?;
    assert_eq!(http.get("/v1/models").await?.status, 200);
    let clients = Clients::new(&fleet.transport()?);
    assert_eq!(answered(&clients).await?, 1);
    fleet.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_nobodys_do_no_harm() -> Result<()> {
    let fleet = with_versions(1).await?;
    let before = fleet.clients().user("user-1", &[]).await?;
    let litter = |folder: &Path| {
        for place in ["", "log", "log/database", "store", "store/database", "models", "models/objects", "keys"] {
            fs::write(folder.join(place).join("litter.bin"), [0xa5; 4_096])?;
        }
        fs::write(stored(folder, 1).with_file_name("not-a-version"), b"x")?;
        fs::create_dir_all(folder.join("models/objects/models/.hidden/1"))?;
        Ok(fs::write(folder.join("models/objects/models/.hidden/1/manifest.json"), b"{}")?)
    };
    let fleet = fleet.restart_after(litter).await?;
    let clients = fleet.clients();
    assert_eq!(clients.user("user-1", &[]).await?.history, before.history);
    assert_eq!(settled(clients).await?.first().map(ModelVersion::state), Some(ModelState::Ready));
    assert_eq!(answered(clients).await?, 1);
    fleet.stop().await;
    Ok(())
}
