//! The rollouts as objects: `rollouts/<model>.json`, one for each model.
//!
//! Every controller may change them: the one with the lease by decisions, all of them by calls.
//!
//! **Invariant:** a controller never overwrites what another one wrote. Every write names the
//! content that it replaces (`of_two_changes_none_is_lost`).

mod document;

use std::sync::Arc;

use marquee_domain::{Clock, ModelName};
use marquee_ports::{Error, ErrorKind, ObjectKey, ObjectStore, Precondition, Tag};
use thiserror::Error as ThisError;

pub(crate) use document::{Document, DocumentError, StoredCommand, StoredEvent};

/// The folder of the rollouts.
const FOLDER: &str = "rollouts";

/// How often a change is tried while others change the same rollout.
const TRIES: usize = 10;

/// A rollout was not read or written.
#[derive(Debug, ThisError)]
pub(crate) enum StoreError {
    #[error("another controller has changed the rollout")]
    Superseded,
    #[error("read the stored rollout of model '{0}'")]
    Document(ModelName, #[source] DocumentError),
    #[error("reach the rollouts in the object store")]
    Store(#[source] Error),
}

/// A change was not made.
#[derive(Debug, ThisError)]
pub(crate) enum ChangeError<E> {
    /// The change itself refuses.
    #[error("{0}")]
    Refused(E),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A rollout and the content that it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) document: Document,
    tag: Tag,
}

/// The rollouts of a deployment.
#[derive(Debug)]
pub(crate) struct Store {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
}

impl Store {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Self {
        Self { objects, clock }
    }

    /// Returns the models that have a rollout.
    pub(crate) async fn models(&self) -> Result<Vec<ModelName>, StoreError> {
        let folder = key(FOLDER)?;
        let entries = self.objects.list(Some(&folder)).await.map_err(StoreError::Store)?;
        let model = |key: &ObjectKey| {
            let name = key.as_str().strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".json")?;
            ModelName::try_new(name).ok()
        };
        Ok(entries.iter().filter_map(|entry| model(&entry.key)).collect())
    }

    /// Returns the rollout of a model, or `None` if it never had one.
    pub(crate) async fn read(&self, model: &ModelName) -> Result<Option<Stored>, StoreError> {
        let Some(object) = self.objects.get(&key_of(model)?).await.map_err(StoreError::Store)? else {
            return Ok(None);
        };
        let document = Document::decode(&object.bytes, model);
        let document = document.map_err(|error| StoreError::Document(model.clone(), error))?;
        Ok(Some(Stored { document, tag: object.tag }))
    }

    /// Writes a rollout over the one that was read, or as the first one of its model. Fails as
    /// superseded if another controller was first.
    pub(crate) async fn write(&self, mut new: Document, over: Option<&Stored>) -> Result<Stored, StoreError> {
        let json = new.encode(over.map_or(0, |stored| stored.document.revision), self.clock.now());
        let json = json.map_err(|error| StoreError::Document(new.model.clone(), error))?;
        let precondition = over.map_or(Precondition::Absent, |stored| Precondition::Matches(stored.tag.clone()));
        match self.objects.put(&key_of(&new.model)?, json, precondition).await {
            Ok(tag) => Ok(Stored { document: new, tag }),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                // It may be this controller's own write, whose answer was lost.
                let present = self.read(&new.model).await?;
                present.filter(|stored| stored.document == new).ok_or(StoreError::Superseded)
            }
            Err(error) => Err(StoreError::Store(error)),
        }
    }

    /// Removes the rollout of a model.
    pub(crate) async fn delete(&self, model: &ModelName) -> Result<(), StoreError> {
        self.objects.delete(&key_of(model)?).await.map_err(StoreError::Store)
    }

    /// Changes a rollout as it is now. The change is made again if another controller was first.
    pub(crate) async fn change<E>(
        &self,
        model: &ModelName,
        change: impl Fn(Option<Document>) -> Result<Document, E>,
    ) -> Result<Stored, ChangeError<E>> {
        for _ in 0..TRIES {
            let present = self.read(model).await?;
            let new = change(present.as_ref().map(|stored| stored.document.clone())).map_err(ChangeError::Refused)?;
            if let Some(present) = present.as_ref().filter(|present| present.document.says_the_same(&new)) {
                return Ok(present.clone());
            }
            match self.write(new, present.as_ref()).await {
                Err(StoreError::Superseded) => {}
                written => return Ok(written?),
            }
        }
        Err(StoreError::Superseded.into())
    }
}

fn key(path: &str) -> Result<ObjectKey, StoreError> {
    let invalid = |error| StoreError::Store(Error::new(ErrorKind::Invalid, "name a rollout", error));
    ObjectKey::try_new(path).map_err(invalid)
}

fn key_of(model: &ModelName) -> Result<ObjectKey, StoreError> {
    key(&format!("{FOLDER}/{model}.json"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use marquee_domain::{ManualClock, Timestamp};
    use marquee_ports::memory::{Fault, MemoryObjects, Step};
    use serde_json::json;

    use super::*;

    fn model() -> ModelName {
        ModelName::try_new("ratings").expect("valid")
    }

    fn store(objects: &MemoryObjects) -> Store {
        Store::new(Arc::new(objects.clone()), Arc::new(ManualClock::new(Timestamp::from_seconds(1_764_000_000))))
    }

    fn first() -> Document {
        Document::new(model(), json!({"model": "ratings"}), Timestamp::EPOCH)
    }

    fn ask(verb: &str) -> impl Fn(Option<Document>) -> Result<Document, Infallible> {
        let verb = verb.to_owned();
        move |present| {
            let mut document = present.unwrap_or_else(first);
            document.ask(&verb, Timestamp::EPOCH);
            Ok(document)
        }
    }

    #[tokio::test]
    async fn of_two_changes_none_is_lost() {
        let objects = MemoryObjects::default();
        let (one, other) = (store(&objects), store(&objects));
        let read = one.write(first(), None).await.expect("written");
        other.change(&model(), ask("pause")).await.expect("changed");
        let mut late = read.document.clone();
        late.generation = 9;
        let refused = one.write(late, Some(&read)).await.expect_err("another controller was first");
        assert!(matches!(refused, StoreError::Superseded), "{refused}");
        one.change(&model(), ask("resume")).await.expect("changed");
        let stored = other.read(&model()).await.expect("answers").expect("stored").document;
        let verbs: Vec<&str> = stored.commands.iter().map(|command| command.verb.as_str()).collect();
        assert_eq!((verbs, stored.generation), (vec!["pause", "resume"], 1));
        assert_eq!(one.models().await.expect("answers"), [model()]);
    }

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_is_known_again() {
        let objects = MemoryObjects::default();
        let store = store(&objects);
        objects.faults().add(Step::on("put", 1, Fault::FailAfter(ErrorKind::Unavailable)));
        let lost = store.write(first(), None).await.expect_err("no answer");
        assert!(matches!(lost, StoreError::Store(_)), "{lost}");
        let again = store.write(first(), None).await.expect("it is stored already");
        assert_eq!(again.document.generation, 1);
    }

    #[tokio::test]
    async fn an_object_that_is_no_rollout_is_named() {
        let objects = MemoryObjects::default();
        let key = ObjectKey::try_new("rollouts/ratings.json").expect("valid");
        objects.put(&key, "{".into(), Precondition::None).await.expect("written");
        let error = store(&objects).read(&model()).await.expect_err("not JSON");
        assert_eq!(error.to_string(), "read the stored rollout of model 'ratings'");
    }
}
