//! A process that is killed loses nothing that it acknowledged.
//!
//! The parent runs this test binary as a writer, reads what it acknowledges, kills it with SIGKILL
//! at a random instant and checks the folder. Then the next writer goes on in the same folder. An
//! instant is a random number of acknowledgements and a short spin, so that kills also fall between
//! two of them, and some into the opening. `CRASH_SEED` repeats the choices of a run, and
//! `CRASH_KILLS` makes it longer.

mod check;
mod content;
mod writer;

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use check::Acknowledged;

/// The variable that names the folder. It is set in children only.
const FOLDER: &str = "MARQUEE_CRASH_FOLDER";

/// The variable with the number of the writer.
const RUN: &str = "MARQUEE_CRASH_RUN";

/// The number of kills without `CRASH_KILLS`.
const KILLS: u64 = 12;

/// The process that the parent kills. Without a parent it does nothing.
#[test]
fn child() {
    if let (Some(folder), Ok(run)) = (std::env::var_os(FOLDER), std::env::var(RUN)) {
        writer::write_until_killed(Path::new(&folder), run.parse().expect("a number"));
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Returns the random choices of a test, and prints how to repeat them.
fn choices() -> ChaCha8Rng {
    let seed = number("CRASH_SEED").unwrap_or_else(|| RandomState::new().hash_one("any seed"));
    println!("CRASH_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let mut random = choices();
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut acknowledged = Acknowledged::default();
    for run in 0..number("CRASH_KILLS").unwrap_or(KILLS) {
        // Some are killed while they open: the first line says that the writer is about to open.
        let (lines, longest) = if run % 4 == 3 { (1, 60_000) } else { (random.random_range(2..60), 3_000) };
        let spin = Duration::from_micros(random.random_range(0..longest));
        let said = write_and_kill(folder.path(), run, lines, spin);
        println!("run {run}: {} lines, killed {spin:?} after {lines} that are of no row", said.len());
        said.iter().for_each(|line| acknowledged.note(line));
        acknowledged.check(folder.path());
    }
    assert!(acknowledged.something_of_everything(), "the writers were killed too early: {acknowledged:?}");
}

#[test]
fn a_folder_whose_making_was_cut_short_opens_again() {
    let mut random = choices();
    for run in 0..number("CRASH_KILLS").unwrap_or(2 * KILLS) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let spin = Duration::from_micros(random.random_range(0..25_000));
        let said = write_and_kill(folder.path(), run, 1, spin);
        println!("run {run}: {} lines, killed {spin:?} after the first", said.len());
        let mut acknowledged = Acknowledged::default();
        said.iter().for_each(|line| acknowledged.note(line));
        acknowledged.check(folder.path());
    }
}

/// Kills the child when it is dropped.
struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        // This is SIGKILL. After the wait the locks of the folder are free.
        self.0.kill().expect("kills");
        self.0.wait().expect("waits");
    }
}

/// Runs a writer and kills it `spin` after line number `lines`, not counting lines about rows.
/// Returns everything that it printed.
fn write_and_kill(folder: &Path, run: u64, lines: usize, spin: Duration) -> Vec<String> {
    let child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "crash::child", "--nocapture"])
        .env(FOLDER, folder)
        .env(RUN, run.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the writer starts");
    let mut writer = Writer(child);
    let mut output = BufReader::new(writer.0.stdout.take().expect("a pipe"));
    // The test runner writes to the same pipe.
    let mut next = move || loop {
        let mut line = String::new();
        output.read_line(&mut line).expect("reads a line");
        let whole = line.strip_suffix('\n')?;
        if let Some(said) = whole.strip_prefix(writer::SAYS) {
            return Some(said.to_owned());
        }
    };
    let (mut said, mut synced) = (Vec::new(), 0);
    while synced < lines {
        let line = next().expect("the writer ended by itself");
        // Rows do not wait for the disk, so there may be thousands of them before anything else.
        synced += usize::from(!line.starts_with("row"));
        said.push(line);
    }
    let read = Instant::now();
    while read.elapsed() < spin {
        std::hint::spin_loop();
    }
    drop(writer);
    // What is still in the pipe was acknowledged too.
    said.extend(std::iter::from_fn(next));
    said
}
