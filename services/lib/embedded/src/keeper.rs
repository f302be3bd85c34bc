//! The thread that watches a database: it opens the engine again after a failed write, notices a
//! full disk and lost files, and keeps the manifest.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fjall::PersistMode;

use crate::OpenError;
use crate::bell::Signal;
use crate::engine::{Handles, Shared};
use crate::folder::free_bytes;
use crate::segments::{self, Journals, Manifest, Segment, journal_name};

/// Time between two checks.
const INTERVAL: Duration = Duration::from_millis(500);

/// Time between two checkpoints of a database that is written to.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// Nothing is written while the file system has fewer free bytes, so that the engine itself does
/// not meet a full disk.
const RESERVE: u64 = 4 << 20;

/// The free bytes that the engine needs to be opened again. The number doubles each time the engine
/// fails soon after it was opened, up to the second one.
const ROOM: (u64, u64) = (RESERVE, 256 << 20);

/// Bytes that are written to find out whether there is room: quotas are not in the number of free
/// bytes.
const PROBE: usize = 1 << 20;

/// An engine that has run for this long has recovered.
const RECOVERED: Duration = Duration::from_secs(60);

/// How many checks in a row must miss files before these count as lost. The engine removes files
/// itself, and a check may fall between two of its steps, which take long on a busy machine.
const CHECKS: usize = 3;

/// The thread. Dropping it waits until the engine is closed.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(shared: Arc<Shared>, manifest: Manifest) -> std::io::Result<Self> {
        let mut watch = Watch::new(Arc::clone(&shared), manifest);
        watch.check();
        let thread = std::thread::Builder::new().name("database-keeper".to_owned()).spawn(move || watch.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.bell.set(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread knows.
struct Watch {
    shared: Arc<Shared>,
    manifest: Manifest,
    /// The lengths at the last look. The engine never shortens a journal while it runs.
    journals: Journals,
    /// Files are lost. Only a new start, after a user has decided what to do, ends this.
    lost: bool,
    /// The number of checks in a row that missed files.
    missed: usize,
    /// The free bytes that the engine needs to be opened again.
    room: u64,
    opened: Instant,
    /// The engine's number of changes at the last checkpoint, and its time.
    checkpoint: Option<(u64, Instant)>,
}

impl Watch {
    fn new(shared: Arc<Shared>, manifest: Manifest) -> Self {
        let opened = Instant::now();
        Self {
            shared,
            manifest,
            journals: Journals::new(),
            lost: false,
            missed: 0,
            room: ROOM.0,
            opened,
            checkpoint: None,
        }
    }

    fn run(mut self) {
        while self.shared.bell.wait(INTERVAL) {
            self.check();
        }
        self.close();
    }

    /// Looks at everything once, and reports what it found.
    fn check(&mut self) {
        if self.lost {
            return;
        }
        let missing = self.missing();
        self.missed = if missing.is_some() { self.missed + 1 } else { 0 };
        if let Some(what) = missing {
            if self.missed < CHECKS {
                return;
            }
            self.lost = true;
            // With the lengths that the journals had, so that the next start notices the loss too.
            self.manifest.journals = list(&self.journals, None);
            self.write_manifest(false);
            let folder = self.shared.folder.display();
            tracing::error!(folder = %folder, what, "files of the database were removed or changed while it is open");
            let why = format!("files in {folder} were removed or changed: {what}; {}", self.shared.how.way_out);
            self.report(Some(why));
        } else if self.has_failed() {
            self.recover();
        } else {
            let trouble = self.no_room();
            let is_sound = trouble.is_none();
            self.report(trouble);
            if is_sound {
                self.keep_manifest();
            }
        }
    }

    fn report(&self, trouble: Option<String>) {
        self.shared.trouble.send_if_modified(|reported| {
            let is_new = *reported != trouble;
            if is_new {
                match &trouble {
                    Some(why) => tracing::error!(why, "the database accepts no writes"),
                    None => tracing::info!(folder = %self.shared.folder.display(), "the database accepts writes again"),
                }
            }
            *reported = trouble;
            is_new
        });
    }

    /// Returns whether the engine accepts no writes any more.
    fn has_failed(&self) -> bool {
        let handles = self.shared.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.as_ref().is_none_or(|handles| handles.engine.persist(PersistMode::Buffer).is_err())
    }

    fn no_room(&self) -> Option<String> {
        let free = free_bytes(&self.shared.folder)?;
        let folder = self.shared.folder.display();
        (free < RESERVE).then(|| {
            format!(
                "the disk of {folder} is full: {} KiB are free and {} KiB are needed; writes go on once there is room",
                free >> 10,
                RESERVE >> 10
            )
        })
    }

    /// Opens the engine again if there is room.
    fn recover(&mut self) {
        if self.shared.trouble.borrow().is_none() {
            let failure = self.shared.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let failure = failure.unwrap_or_else(|| "the engine could not store its changes".to_owned());
            let folder = self.shared.folder.display();
            self.report(Some(format!("writing to {folder} failed: {failure}; writes go on once there is room")));
        }
        if !self.has_room() {
            return;
        }
        match self.reopen() {
            Ok(true) => {
                tracing::info!(folder = %self.shared.folder.display(), "the database was opened again");
                *self.shared.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.opened = Instant::now();
                self.room = (self.room * 2).min(ROOM.1);
                self.report(None);
            }
            // A write or a read goes on. The next check tries again.
            Ok(false) => {}
            Err(error) => {
                self.lost |= matches!(error, OpenError::Lost { .. });
                let why = match std::error::Error::source(&error) {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                self.report(Some(why));
            }
        }
    }

    fn has_room(&self) -> bool {
        let folder = &self.shared.folder;
        let probe = || {
            let mut file = tempfile::tempfile_in(folder)?;
            file.write_all(&[0xa5; PROBE])?;
            file.sync_all()
        };
        free_bytes(folder).is_none_or(|free| free >= self.room) && probe().is_ok()
    }

    /// Closes the engine and opens it. Returns `false` while its handles are in use.
    fn reopen(&mut self) -> Result<bool, OpenError> {
        let shared = Arc::clone(&self.shared);
        let Ok(mut slot) = shared.handles.try_write() else { return Ok(false) };
        // The old engine must be gone before the new one opens the files.
        drop(slot.take());
        let (handles, manifest) = shared.open_engine()?;
        // Until then the engine may halt a write, and a write that is halted keeps the handles.
        let failed = |source| OpenError::Database { path: shared.folder.clone(), source };
        handles.settle().map_err(failed)?;
        if let Some(reopened) = shared.reopened.get() {
            reopened(&handles).map_err(|error| OpenError::Reopened { path: shared.folder.clone(), source: error })?;
        }
        *slot = Some(handles);
        shared.generation.fetch_add(1, Ordering::AcqRel);
        (self.manifest, self.checkpoint, self.journals) = (manifest, None, Journals::new());
        Ok(true)
    }

    /// Returns which files are missing or were cut short.
    fn missing(&mut self) -> Option<String> {
        if !self.shared.lock.is_in_place() {
            return Some("the folder was removed or replaced".to_owned());
        }
        let handles = self.shared.handles.read().unwrap_or_else(PoisonError::into_inner);
        let handles = handles.as_ref()?;
        missing_journals(handles, &self.shared, &mut self.journals).or_else(|| missing_tables(handles))
    }

    /// Stores a checkpoint if changes were written, and writes the manifest when it is out of date.
    fn keep_manifest(&mut self) {
        if self.opened.elapsed() > RECOVERED {
            self.room = ROOM.0;
        }
        let shared = Arc::clone(&self.shared);
        let handles = shared.handles.read().unwrap_or_else(PoisonError::into_inner);
        let Some(handles) = handles.as_ref() else { return };
        let is_due = self
            .checkpoint
            .is_none_or(|(changes, at)| at.elapsed() >= CHECKPOINT && changes != handles.engine.visible_seqno());
        let is_due = is_due && shared.how.checkpoints;
        if is_due && let Err(error) = self.store_checkpoint(handles) {
            tracing::warn!(%error, "the database could not store a checkpoint");
            return self.shared.bell.ring();
        }
        let journals = list(&self.journals, self.journals.keys().next_back().copied());
        if is_due || journals != self.manifest.journals {
            self.manifest.journals = journals;
            self.write_manifest(false);
        }
    }

    fn store_checkpoint(&mut self, handles: &Handles) -> Result<(), fjall::Error> {
        let changes = handles.engine.visible_seqno();
        let checkpoint = handles.checkpoint()?.max(self.manifest.checkpoint) + 1;
        handles.store_checkpoint(checkpoint)?;
        self.manifest.checkpoint = checkpoint;
        // A change that came in between is not in this checkpoint, and makes the next one due.
        let own = changes + 1;
        let is_alone = handles.engine.visible_seqno() == own;
        self.checkpoint = Some((if is_alone { own } else { changes }, Instant::now()));
        Ok(())
    }

    fn write_manifest(&mut self, closed: bool) {
        self.manifest.closed = closed;
        if let Err(error) = self.manifest.write(&self.shared.folder) {
            tracing::warn!(%error, "the manifest of the database could not be written");
        }
    }

    /// Closes the engine, and stores what it had.
    ///
    /// When files are lost, the manifest stays as it is, so that the next start is refused.
    fn close(&mut self) {
        let is_sound = !self.lost && self.missing().is_none() && !self.has_failed();
        let shared = Arc::clone(&self.shared);
        let handles = shared.handles.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(handles) = handles else { return };
        let changes = handles.engine.visible_seqno();
        let is_new = self.checkpoint.is_none_or(|(known, _)| known != changes);
        let is_wanted = is_new && shared.how.checkpoints;
        let is_stored = is_sound && (!is_wanted || self.store_checkpoint(&handles).is_ok());
        drop(handles);
        if is_stored && let Ok(journals) = segments::journals(&shared.place()) {
            self.manifest.journals = list(&journals, None);
            self.write_manifest(true);
        }
    }
}

/// Lists journals with their lengths, except the one that is written to.
fn list(journals: &Journals, written: Option<u64>) -> Vec<Segment> {
    let segment = |(&id, &length): (&u64, &u64)| Segment { id, length: (Some(id) != written).then_some(length) };
    journals.iter().map(segment).collect()
}

/// Looks at the journals once. Returns what is missing, or else updates `last`.
fn missing_journals(handles: &Handles, shared: &Shared, last: &mut Journals) -> Option<String> {
    let before = handles.engine.journal_count();
    let present = match segments::journals(&shared.place()) {
        Ok(present) => present,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Some("the folder 'database' is missing".to_owned());
        }
        // Not a sign of a loss: too many files are open, for example.
        Err(_) => return None,
    };
    let after = handles.engine.journal_count();
    for (&id, &length) in &present {
        if let Some(known) = last.get(&id).filter(|known| length < **known) {
            return Some(format!("{} was cut short: it has {length} of {known} bytes", journal_name(id)));
        }
    }
    if before == after && present.len() < after {
        let names: Vec<String> =
            last.keys().filter(|id| !present.contains_key(id)).map(|id| journal_name(*id)).collect();
        let names = if names.is_empty() { "a journal".to_owned() } else { names.join(", ") };
        return Some(format!("{names} is missing"));
    }
    *last = present;
    None
}

/// Looks at the files of all tables once.
fn missing_tables(handles: &Handles) -> Option<String> {
    handles.tables().find_map(|table| {
        let before = table.table_count();
        let found = match fs::read_dir(table.path().join("tables")) {
            Ok(entries) => entries.count(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(_) => return None,
        };
        let missing = table.table_count().saturating_sub(found);
        (before == table.table_count() && missing > 0)
            .then(|| format!("{missing} of {before} files of table '{}' are missing", table.name()))
    })
}
