//! `make abuse`: what hostile and broken clients cost a fleet, beside the limits that the README
//! states. It runs on loopback, against a process of its own, and fails if a limit does not hold.

#[path = "abuse/clients.rs"]
mod clients;
#[path = "abuse/table.rs"]
mod table;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clients::Flood;
use futures_util::future::try_join_all;
use marquee_e2e::Process;
use marquee_e2e::wire::frame;
use marquee_proto::ratings::v1::{GetScaleRequest, Movie};
use table::{Row, Table};

/// The most memory that one kind of request may add.
const MEMORY: f64 = 64.0;

/// The budget of answers.
const ANSWERS: f64 = 256.0;

/// Memory for each byte of an answer that waits: the answer, its parts on the way to the socket,
/// and what the allocator keeps of them. Runs differ between 1.5 and 2.2.
const PER_BYTE: f64 = 2.5;

/// The unread answers that a connection may have.
const UNREAD: f64 = 8.0;

/// How soon an ordinary call is answered, during an attack and after it.
const ANSWER: f64 = 1_000.0;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|first| first == "up") {
        return marquee::main();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(Box::pin(abuse())));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: a limit did not hold");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every kind of abuse. Returns whether all limits held.
async fn abuse() -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let program = std::env::current_exe()?;
    let program = program.to_str().context("a program whose path is UTF-8")?;
    let settings = ["server.body_timeout=5s", "server.header_timeout=2s", "server.answer_timeout=5s"];
    let process = Process::start(program, folder.path(), &settings).await?;
    // Here connections are old soon, which would end the attacks on the other one.
    let other = tempfile::tempdir()?;
    let aging = ["server.max_connection_age=1s", "server.max_connection_age_grace=1s"];
    let aging = Process::start(program, other.path(), &aging).await?;
    let target = Target { process, aging, table: Table::default() };
    target.run().await
}

/// The fleet under attack.
struct Target {
    process: Process,
    /// A fleet whose connections reach their age after a second, and are closed a second later.
    aging: Process,
    table: Table,
}

impl Target {
    async fn run(mut self) -> Result<bool> {
        let movie = |n: usize| Movie {
            movie_id: format!("movie-{n:05}"),
            title: format!("The title of a movie with the number {n}, long enough to count"),
            year: 1990,
            genres: vec!["Comedy".to_owned(), "Drama".to_owned()],
        };
        self.process.clients()?.add_movies((0..10_000).map(movie).collect()).await?;
        self.entries().await?;
        self.bodies_in_flight().await?;
        self.refused_by_length().await?;
        self.refused_bodies().await?;
        self.unread_pages().await?;
        self.unread_pages_of_many().await?;
        self.idle_connections(b"").await?;
        self.idle_connections(b"GET /livez HTTP/1.1\r\nhost: loc").await?;
        self.backlog().await?;
        self.old_connections().await?;
        self.table.print();
        let held = self.table.holds();
        ensure!(self.process.stop().await? == Some(0), "the fleet did not end well");
        ensure!(self.aging.stop().await? == Some(0), "the fleet with old connections did not end well");
        Ok(held)
    }

    /// Requests with millions of empty entries, two at once.
    async fn entries(&mut self) -> Result<()> {
        let json = format!("{{\"ratings\": [{}{{}}]}}", "{},".repeat(4_800_000));
        let call = frame(0, &[0x0a, 0].repeat(8_000_000))?;
        let memory = Memory::reset(&self.process)?;
        let flood = self.flood();
        let answers = tokio::try_join!(flood.post(json.clone().into()), flood.post(json.into()))?;
        ensure!(answers == (400, 400), "refused as {answers:?}");
        self.row("2 × 14 MB of JSON {}", "memory added", memory.added(&self.process)?, MEMORY, "MiB").await?;
        let memory = Memory::reset(&self.process)?;
        let codes = tokio::try_join!(flood.call(call.clone()), flood.call(call))?;
        ensure!(codes == (3, 3), "refused as {codes:?}");
        self.row("2 × 16 MB of empty messages", "memory added", memory.added(&self.process)?, MEMORY, "MiB").await
    }

    /// Bodies that claim 16 MiB and never end.
    async fn bodies_in_flight(&mut self) -> Result<()> {
        let memory = Memory::reset(&self.process)?;
        let held = self.flood().hold_bodies(48, 15 << 20).await?;
        let during = self.answer_time_for(Duration::from_secs(4)).await?;
        let added = memory.added(&self.process)?;
        let ended = held.until_open(0, Duration::from_secs(30)).await;
        // The byte budget, and what the kernel and the windows hold for each.
        self.row("48 bodies of 15 of 16 MiB", "memory added", added, 2.0 * MEMORY, "MiB").await?;
        self.row("48 bodies of 15 of 16 MiB", "a call meanwhile", during, ANSWER, "ms").await?;
        self.row("48 bodies of 15 of 16 MiB", "still open", ended, 0.0, "").await
    }

    /// A body that is declared too long.
    async fn refused_by_length(&mut self) -> Result<()> {
        let sent = self.flood().bytes_until_refused(64 << 20).await?;
        self.row("a body of 64 MiB", "sent before 413", sent as f64 / 1_048_576.0, 0.1, "MiB").await
    }

    /// Long bodies of the wrong form, whose clients send on without reading the answer.
    async fn refused_bodies(&mut self) -> Result<()> {
        let memory = Memory::reset(&self.process)?;
        let flood = self.flood();
        let sending = tokio::spawn(async move { flood.send_refused(16, 256 << 20).await });
        let during = self.answer_time_for(Duration::from_secs(2)).await?;
        let sent = sending.await?? as f64 / 1_048_576.0;
        let added = memory.added(&self.process)?;
        // Some MiB more are on their way in the kernel.
        self.row("16 refused bodies of 256 MiB", "taken of one", sent, 32.0, "MiB").await?;
        self.row("16 refused bodies of 256 MiB", "memory added", added, MEMORY, "MiB").await?;
        self.row("16 refused bodies of 256 MiB", "a call meanwhile", during, ANSWER, "ms").await
    }

    /// Pages of movies that nobody reads, 200 on each of ten connections.
    async fn unread_pages(&mut self) -> Result<()> {
        let (added, during) = self.unread_pages_on(10).await?;
        // A page is encoded into a buffer that may have twice its length.
        self.row("10 × 200 unread pages", "memory added", added, PER_BYTE * 10.0 * UNREAD, "MiB").await?;
        self.row("10 × 200 unread pages", "a call meanwhile", during, ANSWER, "ms").await
    }

    /// Pages of movies that nobody reads, on more connections than the budget of the process has
    /// room for.
    async fn unread_pages_of_many(&mut self) -> Result<()> {
        let (added, during) = self.unread_pages_on(128).await?;
        self.row("128 × 200 unread pages", "memory added", added, PER_BYTE * ANSWERS, "MiB").await?;
        self.row("128 × 200 unread pages", "a call meanwhile", during, ANSWER, "ms").await
    }

    /// Leaves 200 pages unread on each of some connections at once. Returns the memory that was
    /// added, and the longest time of an ordinary call meanwhile.
    async fn unread_pages_on(&self, connections: usize) -> Result<(f64, f64)> {
        let memory = Memory::reset(&self.process)?;
        let flood = self.flood();
        let unread = try_join_all((0..connections).map(|_| flood.leave_pages_unread(200))).await?;
        let during = self.answer_time_for(Duration::from_secs(3)).await?;
        let added = memory.added(&self.process)?;
        drop(unread);
        Ok((added, during))
    }

    /// Connections that outlive their age.
    async fn old_connections(&mut self) -> Result<()> {
        let held = flood(&self.aging).connect(500, b"").await?;
        let open = held.until_open(0, Duration::from_secs(10)).await;
        self.row("500 old connections", "open after 10 s", open, 0.0, "").await
    }

    /// Connections that say nothing, or not enough.
    async fn idle_connections(&mut self, said: &'static [u8]) -> Result<()> {
        let name = if said.is_empty() { "4,000 silent connections" } else { "4,000 half heads" };
        let memory = Memory::reset(&self.process)?;
        let held = self.flood().connect(4_000, said).await?;
        let during = self.answer_time().await?;
        let added = memory.added(&self.process)?;
        let open = held.until_open(2_048, Duration::from_secs(2)).await;
        self.row(name, "memory added", added, MEMORY, "MiB").await?;
        self.row(name, "held open", open, 2_048.0, "").await?;
        self.row(name, "a call meanwhile", during, ANSWER, "ms").await?;
        if !said.is_empty() {
            let left = held.until_open(0, Duration::from_secs(10)).await;
            self.row(name, "open after 10 s", left, 0.0, "").await?;
        }
        Ok(())
    }

    /// Many clients that connect at once.
    async fn backlog(&mut self) -> Result<()> {
        let start = Instant::now();
        let held = self.flood().connect(1_000, b"").await?;
        let time = start.elapsed().as_secs_f64() * 1e3;
        drop(held);
        self.row("1,000 connects at once", "time", time, 2_000.0, "ms").await
    }

    fn flood(&self) -> Flood {
        flood(&self.process)
    }

    /// Adds a row, after an ordinary call was answered.
    async fn row(
        &mut self,
        attack: &'static str,
        what: &'static str,
        value: f64,
        limit: f64,
        unit: &'static str,
    ) -> Result<()> {
        let recovered = self.answer_time().await?;
        ensure!(recovered < 10.0 * ANSWER, "no recovery after {attack}");
        self.table.add(Row { attack, what, value, limit, unit, recovered });
        Ok(())
    }

    /// Returns the longest time of ordinary calls, which are sent one after another for this long.
    async fn answer_time_for(&self, length: Duration) -> Result<f64> {
        let start = Instant::now();
        let mut longest = 0.0_f64;
        while start.elapsed() < length {
            longest = longest.max(self.answer_time().await?);
        }
        Ok(longest)
    }

    /// Returns how many milliseconds an ordinary call over a new connection takes.
    async fn answer_time(&self) -> Result<f64> {
        let start = Instant::now();
        let mut ratings = self.process.clients()?.ratings;
        let call = ratings.get_scale(GetScaleRequest {});
        tokio::time::timeout(Duration::from_secs(20), call).await.context("an ordinary call was not answered")??;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    }
}

/// Returns the clients that attack a fleet.
fn flood(process: &Process) -> Flood {
    let addresses = process.addresses();
    Flood { grpc: addresses.grpc.clone(), http: addresses.http.clone() }
}

/// The memory of the fleet before an attack.
struct Memory(f64);

impl Memory {
    /// Forgets the peak so far.
    fn reset(process: &Process) -> Result<Self> {
        std::fs::write(format!("/proc/{}/clear_refs", process.addresses().pid), "5").context("forget the peak")?;
        peak(process).map(Self)
    }

    /// Returns how many MiB the fleet had more at its peak.
    fn added(&self, process: &Process) -> Result<f64> {
        Ok((peak(process)? - self.0).max(0.0))
    }
}

fn peak(process: &Process) -> Result<f64> {
    Ok(process.peak_memory().context("the memory of the fleet")? as f64 / 1_048_576.0)
}
