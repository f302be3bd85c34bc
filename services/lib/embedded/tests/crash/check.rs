//! What a folder must contain after a kill: everything acknowledged, whole and once, and nothing in
//! part.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use marquee_domain::{Offset, Partition, Position};
use marquee_embedded::{EmbeddedLog, EmbeddedObjects, EmbeddedStore};
use marquee_ports::{ObjectStore, OnlineStore, RatingLog, Record, Row, RowKey, Topic};

use super::content;
use super::writer::{LONG_RECORD, OBJECT, RECORD, ROWS, SOURCES, key, row, settings};

/// What the writers of a folder acknowledged, and what earlier checks found. Neither may be missing
/// later.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    records: BTreeMap<(Topic, Position), String>,
    markers: BTreeMap<u32, u64>,
    objects: BTreeSet<String>,
    generation: Option<u64>,
}

impl Acknowledged {
    /// Reads a line of a writer.
    pub(super) fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["opening"] => {}
            ["row", source, next] => {
                self.markers.insert(source.parse().expect("a number"), next.parse().expect("a number"));
            }
            ["object", path] => {
                self.objects.insert(path.to_owned());
            }
            ["current", generation] => self.generation = Some(generation.parse().expect("a number")),
            [topic, partition, offset, name] => {
                let topic = *Topic::ALL.iter().find(|known| known.name() == topic).expect("a topic");
                let (partition, offset) =
                    (Partition(partition.parse().expect("a number")), Offset(offset.parse().expect("a number")));
                let before = self.records.insert((topic, Position { partition, offset }), name.to_owned());
                assert_eq!(before, None, "a position is given once: {line}");
            }
            _ => unreachable!("a writer said '{line}'"),
        }
    }

    /// Returns whether there was something of everything to check.
    pub(super) fn something_of_everything(&self) -> bool {
        let topics: BTreeSet<Topic> = self.records.keys().map(|(topic, _)| *topic).collect();
        topics.len() == 2
            && self.markers.len() == SOURCES as usize
            && !self.objects.is_empty()
            && self.generation.is_some()
    }

    /// Opens the folder as the next process would, and checks everything in it.
    pub(super) fn check(&mut self, folder: &Path) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        runtime.block_on(async {
            let log = EmbeddedLog::open(&folder.join("log"), &settings()).expect("opens");
            self.check_ratings(&read_all(&log, Topic::RATINGS).await);
            self.check_movies(&read_all(&log, Topic::MOVIES).await);
            self.check_rows(&EmbeddedStore::open(&folder.join("store")).expect("opens")).await;
            self.check_objects(&EmbeddedObjects::open(&folder.join("objects")).expect("opens")).await;
        });
    }

    fn check_ratings(&mut self, found: &[Record]) {
        let mut next: BTreeMap<Partition, Offset> = BTreeMap::new();
        let mut names = BTreeSet::new();
        for record in found {
            let next = next.entry(record.position.partition).or_default();
            assert_eq!(record.position.offset, *next, "no offset is missing");
            *next = next.next();
            let name = name_of(record);
            assert!(names.insert(name.clone()), "{name} comes twice");
        }
        let found: BTreeMap<Position, String> = found.iter().map(|record| (record.position, name_of(record))).collect();
        for ((topic, position), name) in self.records.iter().filter(|((topic, _), _)| *topic == Topic::RATINGS) {
            assert_eq!(found.get(position), Some(name), "{} {position}", topic.name());
        }
        self.records.extend(found.into_iter().map(|(position, name)| ((Topic::RATINGS, position), name)));
    }

    fn check_movies(&mut self, found: &[Record]) {
        let mut newest: BTreeMap<(Partition, Option<Bytes>), Offset> = BTreeMap::new();
        for record in found {
            let before = newest.insert((record.position.partition, record.key.clone()), record.position.offset);
            assert_eq!(before, None, "the embedded log compacts at once");
        }
        let by_position: BTreeMap<Position, String> =
            found.iter().map(|record| (record.position, name_of(record))).collect();
        let mut replaced = Vec::new();
        for ((topic, position), name) in self.records.iter().filter(|((topic, _), _)| *topic == Topic::MOVIES) {
            match by_position.get(position) {
                Some(found) => assert_eq!(found, name, "{position}"),
                None => replaced.push((*topic, *position)),
            }
        }
        for at in replaced {
            // The key is not known here, but only a newer record of the partition can have replaced
            // this one.
            self.records.remove(&at);
            assert!(
                newest.iter().any(|((partition, _), offset)| *partition == at.1.partition && *offset > at.1.offset),
                "{at:?}"
            );
        }
        self.records.extend(by_position.into_iter().map(|(position, name)| ((Topic::MOVIES, position), name)));
    }

    async fn check_rows(&mut self, store: &EmbeddedStore) {
        for source in 0..SOURCES {
            let marker = store.marker(Partition(source)).await.expect("marker").0;
            let acknowledged = self.markers.insert(source, marker).unwrap_or(0);
            assert!(marker >= acknowledged, "the marker went back from {acknowledged} to {marker}");
            for offset in marker.saturating_sub(ROWS)..marker {
                let (key, value) = row(source, offset);
                let found = store.get(&[RowKey { source: Partition(source), key }]).await.expect("get").remove(0);
                let expected = Some(Row { value, applied: Offset(offset) });
                assert_eq!(found, expected, "rows and marker are of one moment: the marker is {marker}");
            }
        }
    }

    async fn check_objects(&mut self, objects: &EmbeddedObjects) {
        let listed: BTreeSet<String> =
            objects.list(None).await.expect("list").iter().map(|entry| entry.key.to_string()).collect();
        for path in &listed {
            let found = objects.get(&key(path)).await.expect("get").expect("what is listed is there");
            let name = content::name_of(&found.bytes, OBJECT);
            if path == "current" {
                let generation = name.parse().expect("a number");
                assert!(Some(generation) >= self.generation, "{generation} is older than {:?}", self.generation);
                self.generation = Some(generation);
            } else {
                assert_eq!(*path, name);
            }
        }
        assert!(self.objects.is_subset(&listed), "missing: {:?}", self.objects.difference(&listed));
        assert!(self.generation.is_none() || listed.contains("current"));
        self.objects.extend(listed.into_iter().filter(|path| path != "current"));
    }
}

/// Returns the writer's name for a record. Fails when any part of it is not as it was written.
fn name_of(record: &Record) -> String {
    let longest = if record.headers[0].1.windows(3).any(|part| part == b"/b/") { LONG_RECORD } else { RECORD };
    let name = content::name_of(&record.value, longest);
    assert_eq!(record.headers, [("name".to_owned(), Bytes::from(name.clone()))]);
    name
}

/// Reads a whole topic, and checks that nothing is beyond its bounds.
async fn read_all(log: &EmbeddedLog, topic: Topic) -> Vec<Record> {
    let mut all = Vec::new();
    for bounds in log.bounds(topic).await.expect("bounds") {
        let from = Position { partition: bounds.partition, offset: Offset(0) };
        let found = log.read(topic, from, usize::MAX).await.expect("read");
        assert_eq!(found.first().map_or(bounds.end, |first| first.position.offset), bounds.begin);
        assert_eq!(found.last().map_or(bounds.begin, |last| last.position.offset.next()), bounds.end);
        all.extend(found);
    }
    all
}
