//! The suite of the object store.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Fixture, check_sequences, runtime};
use crate::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition, Tag};

type Objects = dyn ObjectStore;

/// Runs all cases, one after another.
pub async fn suite(fixture: &impl Fixture<Objects>) {
    an_object_comes_back_as_it_was(fixture).await;
    another_content_has_another_tag(fixture).await;
    a_conditional_write_holds_its_condition(fixture).await;
    of_many_writers_of_an_absent_object_one_wins(fixture).await;
    of_many_writers_that_saw_one_tag_one_wins(fixture).await;
    a_reader_sees_one_whole_content(fixture).await;
    a_listing_is_in_path_order_and_below_its_folder(fixture).await;
    deleting_is_final_and_may_be_repeated(fixture).await;
    a_path_is_free_once_nothing_is_below_it(fixture).await;
    objects_survive_a_reopen(fixture).await;
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::try_new(text).expect("a path of an object")
}

async fn put(objects: &Arc<Objects>, path: &str, content: &str, when: Precondition) -> Result<Tag, Error> {
    objects.put(&key(path), content.to_owned().into(), when).await
}

async fn write(objects: &Arc<Objects>, path: &str, content: &str) -> Tag {
    put(objects, path, content, Precondition::None).await.expect("put")
}

async fn read(objects: &Arc<Objects>, path: &str) -> Option<String> {
    let object = objects.get(&key(path)).await.expect("get")?;
    Some(String::from_utf8(object.bytes.to_vec()).expect("text"))
}

async fn list(objects: &Arc<Objects>, folder: Option<&str>) -> Vec<(String, u64)> {
    let folder = folder.map(key);
    let entries = objects.list(folder.as_ref()).await.expect("list");
    entries.into_iter().map(|entry| (entry.key.to_string(), entry.size)).collect()
}

/// This holds for empty and for large contents.
pub async fn an_object_comes_back_as_it_was(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    assert_eq!(objects.get(&key("models/a/1/manifest.json")).await.expect("get"), None);
    let large: Bytes = (0..3_000_000u32).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
    for (path, bytes) in
        [("empty", Bytes::new()), ("models/a/1/encoder.onnx", large), ("_.-=@", Bytes::from_static(b"\0\xff"))]
    {
        let tag = objects.put(&key(path), bytes.clone(), Precondition::None).await.expect("put");
        let object = objects.get(&key(path)).await.expect("get").expect("there");
        assert_eq!((object.bytes, object.tag), (bytes, tag), "{path}");
    }
}

/// The same content of one object has the same tag.
pub async fn another_content_has_another_tag(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    let (one, two) = (write(&objects, "a", "one").await, write(&objects, "a", "two").await);
    assert_ne!(one, two);
    assert_eq!(objects.get(&key("a")).await.expect("get").expect("there").tag, two);
}

/// The conditions are absent, matching and mismatching. The object exists or does not exist.
pub async fn a_conditional_write_holds_its_condition(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    let conflict = |result: Result<Tag, Error>| result.expect_err("a conflict").kind() == ErrorKind::Conflict;
    let stray = write(&objects, "stray", "stray").await;
    assert!(conflict(put(&objects, "a", "1", Precondition::Matches(stray.clone())).await));
    assert_eq!(read(&objects, "a").await, None);
    let one = put(&objects, "a", "1", Precondition::Absent).await.expect("absent");
    assert!(conflict(put(&objects, "a", "2", Precondition::Absent).await));
    assert!(conflict(put(&objects, "a", "2", Precondition::Matches(stray)).await));
    assert_eq!(read(&objects, "a").await.as_deref(), Some("1"));
    let two = put(&objects, "a", "2", Precondition::Matches(one.clone())).await.expect("matches");
    assert!(conflict(put(&objects, "a", "3", Precondition::Matches(one)).await));
    assert_eq!(read(&objects, "a").await.as_deref(), Some("2"));
    objects.delete(&key("a")).await.expect("delete");
    assert!(conflict(put(&objects, "a", "3", Precondition::Matches(two)).await));
    put(&objects, "a", "4", Precondition::Absent).await.expect("absent again");
}

/// Runs all writers at once with the same condition. Returns the contents that were written.
async fn race(objects: &Arc<Objects>, path: &'static str, when: &Precondition) -> Vec<String> {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let (objects, when) = (Arc::clone(objects), when.clone());
        writers.spawn(async move {
            let content = format!("writer {writer}");
            match put(&objects, path, &content, when).await {
                Ok(_) => Some(content),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Conflict);
                    None
                }
            }
        });
    }
    writers.join_all().await.into_iter().flatten().collect()
}

/// So taking a name is exclusive.
pub async fn of_many_writers_of_an_absent_object_one_wins(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    for path in ["a", "deep/in/a/folder", "b"] {
        let winners = race(&objects, path, &Precondition::Absent).await;
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(read(&objects, path).await.as_ref(), winners.first());
    }
}

/// So no update is lost.
pub async fn of_many_writers_that_saw_one_tag_one_wins(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    let mut tag = write(&objects, "a", "start").await;
    for _ in 0..3 {
        let winners = race(&objects, "a", &Precondition::Matches(tag)).await;
        assert_eq!(winners.len(), 1, "{winners:?}");
        let object = objects.get(&key("a")).await.expect("get").expect("there");
        assert_eq!(object.bytes, winners[0]);
        tag = object.tag;
        // The next round must not meet the same content, and so the same tag, again.
        tag = put(&objects, "a", "between", Precondition::Matches(tag)).await.expect("matches");
    }
}

/// The object is replaced again and again meanwhile.
pub async fn a_reader_sees_one_whole_content(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    let content = |n: u8| Bytes::from(vec![n; 100_000 + usize::from(n)]);
    objects.put(&key("a"), content(0), Precondition::None).await.expect("put");
    let writer = async {
        for n in 1..20 {
            objects.put(&key("a"), content(n), Precondition::None).await.expect("put");
        }
    };
    let reader = async {
        for _ in 0..40 {
            let found = objects.get(&key("a")).await.expect("get").expect("always there");
            assert_eq!(found.bytes, content(found.bytes[0]));
            let listed = list(&objects, None).await;
            assert_eq!(listed.len(), 1, "{listed:?}");
            assert!((100_000..100_020).contains(&listed[0].1), "{listed:?}");
        }
    };
    tokio::join!(writer, reader);
}

/// The order is that of the bytes of the whole path. A folder does not contain the objects of a
/// sibling whose name only begins with its name.
pub async fn a_listing_is_in_path_order_and_below_its_folder(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    assert_eq!(list(&objects, None).await, []);
    for path in ["m/2/x", "m/10/x", "m-old", "m.txt", "z", "m/1", "A", "m2/x"] {
        write(&objects, path, path).await;
    }
    let entry = |path: &str| (path.to_owned(), path.len() as u64);
    assert_eq!(list(&objects, None).await, ["A", "m-old", "m.txt", "m/1", "m/10/x", "m/2/x", "m2/x", "z"].map(entry));
    assert_eq!(list(&objects, Some("m")).await, ["m/1", "m/10/x", "m/2/x"].map(entry));
    assert_eq!(list(&objects, Some("m/2")).await, ["m/2/x"].map(entry));
    for nothing in ["m/1", "none", "m/2/x/y", "z/z"] {
        assert_eq!(list(&objects, Some(nothing)).await, [], "{nothing}");
    }
}

/// A deleted object is in no listing. Deleting an object that does not exist succeeds.
pub async fn deleting_is_final_and_may_be_repeated(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    for path in ["a", "b/c", "b/d"] {
        write(&objects, path, "x").await;
    }
    for path in ["b/c", "b/c", "none", "b", "a/below", "b/d/below"] {
        objects.delete(&key(path)).await.expect("delete");
    }
    assert_eq!(list(&objects, None).await, [("a".to_owned(), 1), ("b/d".to_owned(), 1)]);
    assert_eq!(read(&objects, "b/c").await, None);
    assert_eq!(read(&objects, "b").await, None);
    assert_eq!(read(&objects, "a/below").await, None);
}

/// A folder exists only as long as an object is in it.
pub async fn a_path_is_free_once_nothing_is_below_it(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    write(&objects, "a/b/c", "below").await;
    objects.delete(&key("a/b/c")).await.expect("delete");
    put(&objects, "a", "an object", Precondition::Absent).await.expect("free");
    objects.delete(&key("a")).await.expect("delete");
    write(&objects, "a/b", "below again").await;
    assert_eq!(list(&objects, None).await, [("a/b".to_owned(), 11)]);
}

/// This holds for contents, tags and deletions.
pub async fn objects_survive_a_reopen(fixture: &impl Fixture<Objects>) {
    let objects = fixture.empty().await;
    let tag = write(&objects, "a/b", "one").await;
    write(&objects, "gone", "x").await;
    objects.delete(&key("gone")).await.expect("delete");
    let objects = fixture.reopen(objects).await;
    assert_eq!(list(&objects, None).await, [("a/b".to_owned(), 3)]);
    put(&objects, "a/b", "two", Precondition::Matches(tag)).await.expect("matches");
    let objects = fixture.reopen(objects).await;
    assert_eq!(read(&objects, "a/b").await.as_deref(), Some("two"));
}

/// Paths of the random sequences: folders, and siblings that sort before and after the slash.
const PATHS: [&str; 7] = ["a", "b-", "b.x", "b/one", "b/two", "b/c/three", "c/four"];

#[derive(Debug, Clone)]
enum When {
    Always,
    Absent,
    /// The tag of the object's newest content.
    Newest,
    /// A tag of an earlier content, if there is one.
    Stale,
}

#[derive(Debug, Clone)]
enum Step {
    Put(usize, When),
    Get(usize),
    Delete(usize),
    List(Option<&'static str>),
    Reopen,
}

/// Compares random writes, reads, listings and reopens with a map. Call it outside any runtime.
pub fn random_operations_follow_the_model(fixture: &impl Fixture<Objects>, cases: u32) {
    let runtime = runtime();
    let when = prop::sample::select(vec![When::Always, When::Absent, When::Newest, When::Stale]);
    let folder = prop::sample::select(vec![None, Some("a"), Some("b"), Some("b/c"), Some("d")]);
    let step = prop_oneof![
        6 => (0..PATHS.len(), when).prop_map(|(path, when)| Step::Put(path, when)),
        3 => (0..PATHS.len()).prop_map(Step::Get),
        2 => (0..PATHS.len()).prop_map(Step::Delete),
        2 => folder.prop_map(Step::List),
        1 => Just(Step::Reopen),
    ];
    check_sequences(cases, &prop::collection::vec(step, 1..25), |steps| runtime.block_on(follow(fixture, steps)));
}

async fn follow(fixture: &impl Fixture<Objects>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut objects = fixture.empty().await;
    let mut model: BTreeMap<&str, String> = BTreeMap::new();
    let mut tags: BTreeMap<&str, Vec<Tag>> = BTreeMap::new();
    for (index, step) in steps.into_iter().enumerate() {
        match step {
            Step::Put(path, when) => {
                let path = PATHS[path];
                let known = tags.entry(path).or_default();
                let (when, holds) = match when {
                    When::Always => (Precondition::None, true),
                    When::Absent => (Precondition::Absent, !model.contains_key(path)),
                    When::Newest => match known.last() {
                        Some(tag) => (Precondition::Matches(tag.clone()), model.contains_key(path)),
                        None => continue,
                    },
                    When::Stale => match known.split_last() {
                        Some((_, [.., tag])) => (Precondition::Matches(tag.clone()), false),
                        _ => continue,
                    },
                };
                // Every content differs, so that every tag does.
                let content = format!("content {index}");
                match put(&objects, path, &content, when).await {
                    Ok(tag) => {
                        prop_assert!(holds, "step {index} should have met a conflict");
                        known.push(tag);
                        model.insert(path, content);
                    }
                    Err(error) => {
                        prop_assert!(!holds, "step {index} failed: {error:?}");
                        prop_assert_eq!(error.kind(), ErrorKind::Conflict);
                    }
                }
            }
            Step::Get(path) => {
                let stored = read(&objects, PATHS[path]).await;
                prop_assert_eq!(stored.as_ref(), model.get(PATHS[path]));
            }
            Step::Delete(path) => {
                objects.delete(&key(PATHS[path])).await.expect("delete");
                model.remove(PATHS[path]);
            }
            Step::List(folder) => {
                let below = |path: &str| folder.is_none_or(|folder| path.starts_with(&format!("{folder}/")));
                let wanted: Vec<_> = model
                    .iter()
                    .filter(|(path, _)| below(path))
                    .map(|(path, content)| ((*path).to_owned(), content.len() as u64))
                    .collect();
                prop_assert_eq!(list(&objects, folder).await, wanted);
            }
            Step::Reopen => objects = fixture.reopen(objects).await,
        }
    }
    Ok(())
}
