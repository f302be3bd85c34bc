//! A folder of rollout files over an object store in memory, polled one time after the other.

use std::path::Path;

use marquee_domain::{ManualClock, Timestamp};
use marquee_ports::ErrorKind;
use marquee_ports::memory::{Fault, MemoryObjects};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::store::Store;

const SHADOW: &str = "model = \"ratings\"\nversion = 2\nsteps = [{ shadow = {} }]\n";
const WEIGHT: &str = "model = \"ratings\"\nversion = 2\nsteps = [{ setWeight = 20 }]\n";

/// A deployment with a folder of rollout files.
struct World {
    folder: TempDir,
    state: TempDir,
    objects: MemoryObjects,
    rollouts: Arc<Rollouts>,
    states: FileStates,
}

impl World {
    fn new() -> Self {
        let objects = MemoryObjects::default();
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_764_000_000)));
        let store = Store::new(Arc::new(objects.clone()), Arc::clone(&clock) as _);
        let rollouts = Arc::new(Rollouts::new(store, clock, 10));
        let folder = || tempfile::tempdir().expect("a folder");
        Self { folder: folder(), state: folder(), objects, rollouts, states: FileStates::default() }
    }

    fn files(&self) -> Files {
        let (folder, state_dir) = (self.folder.path().to_owned(), self.state.path().join("rollouts"));
        let settings = FolderSettings { folder, state_dir, limit: 3, interval: Duration::from_secs(1) };
        Files::new(settings, Arc::clone(&self.rollouts), self.states.clone())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// Returns the generation and the specification of the rollout of a model.
    async fn stored(&self, model: &str) -> Option<(u64, Value)> {
        let model = ModelName::try_new(model).expect("valid");
        let rollout = self.rollouts.get(&model).await.expect("answers")?;
        Some((rollout.document.generation, rollout.document.spec.clone()))
    }

    async fn generation(&self) -> Option<u64> {
        self.stored("ratings").await.map(|(generation, _)| generation)
    }

    fn error(&self, name: &str) -> String {
        let states = self.states.list();
        let state = states.iter().find(|state| state.name == name).unwrap_or_else(|| panic!("no {name}: {states:?}"));
        state.error.clone().unwrap_or_default()
    }
}

async fn poll_twice(files: &mut Files) {
    files.poll().await;
    files.poll().await;
}

#[tokio::test]
async fn a_file_is_started_once_two_polls_have_read_it() {
    let world = World::new();
    let mut files = world.files();
    world.write("ratings.toml", "model = \"ratings\"\nversion = 2\n");
    files.poll().await;
    assert_eq!(world.generation().await, None, "the file may still be written");
    world.write("ratings.toml", SHADOW);
    files.poll().await;
    assert_eq!(world.generation().await, None, "it was");
    files.poll().await;
    let (generation, spec) = world.stored("ratings").await.expect("started");
    assert_eq!((generation, &spec["steps"]), (1, &json!([{"shadow": {}}])));
    let model = ModelName::try_new("ratings").ok();
    assert_eq!(world.states.list(), [FileState { name: "ratings.toml".to_owned(), model, error: None }]);
}

#[tokio::test]
async fn a_file_that_is_read_again_starts_nothing_also_after_a_restart() {
    let world = World::new();
    world.write("ratings.toml", SHADOW);
    let mut files = world.files();
    poll_twice(&mut files).await;
    // A caller replaces what the file started.
    let model = ModelName::try_new("ratings").expect("valid");
    world.rollouts.start(&model, json!({"model": "ratings", "version": 3})).await.expect("stored");
    poll_twice(&mut files).await;
    drop(files);
    let mut files = world.files();
    poll_twice(&mut files).await;
    assert_eq!(world.generation().await, Some(2), "what the caller started stays");
    // The same content by other means is no change either.
    world.write("ratings.toml", &format!("# a comment\n{SHADOW}"));
    poll_twice(&mut files).await;
    assert_eq!(world.generation().await, Some(2));
    world.write("ratings.toml", WEIGHT);
    poll_twice(&mut files).await;
    let (generation, spec) = world.stored("ratings").await.expect("stored");
    assert_eq!((generation, &spec["steps"]), (3, &json!([{"setWeight": 20}])), "a file that changed is started");
}

#[tokio::test]
async fn a_wrong_file_is_named_with_its_field_and_stops_no_other() {
    let world = World::new();
    let mut files = world.files();
    world.write("a-weight.toml", "model = \"films\"\nversion = 2\nsteps = [{ setWeight = 101 }]\n");
    world.write("b-broken.json", "{");
    world.write("ratings.json", &json!({"model": "ratings", "version": 2}).to_string());
    poll_twice(&mut files).await;
    assert_eq!(world.generation().await, Some(1));
    assert!(world.error("a-weight.toml").contains("steps[0].setWeight"), "{}", world.error("a-weight.toml"));
    assert!(world.error("b-broken.json").starts_with("is not JSON"), "{}", world.error("b-broken.json"));
    assert_eq!(world.error("ratings.json"), "");
    world.write("z-over-the-limit.toml", SHADOW);
    poll_twice(&mut files).await;
    assert!(world.error("z-over-the-limit.toml").contains("rollouts.limit"));
    // A file that is corrected is started.
    world.write("a-weight.toml", "model = \"films\"\nversion = 2\n");
    poll_twice(&mut files).await;
    assert!(world.stored("films").await.is_some());
}

#[tokio::test]
async fn a_file_that_is_removed_leaves_its_rollout() {
    let world = World::new();
    let mut files = world.files();
    world.write("ratings.toml", SHADOW);
    poll_twice(&mut files).await;
    std::fs::remove_file(world.folder.path().join("ratings.toml")).expect("removed");
    poll_twice(&mut files).await;
    assert_eq!((world.generation().await, world.states.list()), (Some(1), Vec::new()));
    world.write("again.toml", SHADOW);
    poll_twice(&mut files).await;
    assert_eq!(world.generation().await, Some(1), "the same content is not started again");
}

#[tokio::test]
async fn of_two_files_of_one_model_the_first_counts() {
    let world = World::new();
    let mut files = world.files();
    world.write("one.toml", SHADOW);
    world.write("two.toml", WEIGHT);
    poll_twice(&mut files).await;
    poll_twice(&mut files).await;
    let (generation, spec) = world.stored("ratings").await.expect("started");
    assert_eq!((generation, &spec["steps"]), (1, &json!([{"shadow": {}}])));
    assert!(world.error("two.toml").contains("'one.toml'"), "{}", world.error("two.toml"));
}

#[tokio::test]
async fn what_is_no_rollout_file_is_passed_over() {
    let world = World::new();
    let mut files = world.files();
    world.write("notes.txt", "model = 1");
    world.write(".ratings.toml.swp", "x");
    world.write(".ratings.toml", WEIGHT);
    std::fs::create_dir(world.folder.path().join("folder.toml")).expect("made");
    world.write("large.toml", &"#".repeat((1 << 20) + 1));
    poll_twice(&mut files).await;
    let names: Vec<String> = world.states.list().into_iter().map(|state| state.name).collect();
    assert_eq!(names, ["folder.toml", "large.toml"]);
    assert!(world.error("large.toml").contains("1 MiB") && world.error("folder.toml").contains("regular file"));
    assert_eq!(world.generation().await, None);
}

#[tokio::test]
async fn a_folder_or_a_store_that_is_away_is_waited_for() {
    let world = World::new();
    let mut files = world.files();
    let elsewhere = world.folder.path().with_extension("away");
    std::fs::rename(world.folder.path(), &elsewhere).expect("moved");
    poll_twice(&mut files).await;
    assert!(world.error("").contains("read the folder"), "{}", world.error(""));
    std::fs::rename(&elsewhere, world.folder.path()).expect("moved back");
    world.write("ratings.toml", SHADOW);
    files.poll().await;
    world.objects.faults().add_next(Fault::Fail(ErrorKind::Unavailable));
    files.poll().await;
    assert!(world.error("ratings.toml").contains("object store"), "{}", world.error("ratings.toml"));
    files.poll().await;
    assert_eq!((world.generation().await, world.error("ratings.toml").as_str()), (Some(1), ""));
}

#[tokio::test]
async fn what_a_newer_version_noted_is_kept() {
    let world = World::new();
    let (path, folder) = (world.state.path().join("rollouts/files.json"), world.state.path().join("rollouts"));
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(&path, json!({"format": 9, "started": {}, "later": true}).to_string()).expect("written");
    world.write("ratings.toml", SHADOW);
    poll_twice(&mut world.files()).await;
    let noted: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    assert_eq!((&noted["format"], &noted["later"]), (&json!(9), &json!(true)));
    assert_eq!(noted["started"]["ratings"]["version"], 2);
    assert!(!Path::new(&folder.join("files.json.tmp")).exists());
}
