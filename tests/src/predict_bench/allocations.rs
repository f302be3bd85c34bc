//! An allocator that counts, and how a fleet with it tells its counts to another process.
//!
//! Counting takes time, so a fleet whose allocations are counted is not the one that is timed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// The variable of the environment that names the socket on which a fleet tells its counts.
pub(crate) const SOCKET: &str = "MARQUEE_BENCH_ALLOCATIONS";

static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The allocator of the system, which counts what is allocated.
#[derive(Debug)]
pub(crate) struct Counting;

#[expect(unsafe_code, reason = "the trait of allocators is unsafe; every call is passed on as it is")]
// SAFETY: the allocator of the system keeps the contract, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this function, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the memory is from the allocator of the system.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size.saturating_sub(layout.size()) as u64, Ordering::Relaxed);
        // SAFETY: the memory is from the allocator of the system.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What a process has allocated since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allocations {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// Tells the counts of this process to each client of a socket, from a thread of its own.
pub(crate) fn tell(socket: &Path) -> Result<()> {
    let listener = UnixListener::bind(socket).with_context(|| format!("listen on {}", socket.display()))?;
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let counts = [COUNT.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed)].map(u64::to_le_bytes);
            // A client that is gone asks again.
            let _ = client.write_all(counts.as_flattened());
        }
    });
    Ok(())
}

/// Asks a process what it has allocated.
pub(crate) async fn ask(socket: &Path) -> Result<Allocations> {
    let mut stream = UnixStream::connect(socket).await.with_context(|| format!("connect to {}", socket.display()))?;
    Ok(Allocations { count: stream.read_u64_le().await?, bytes: stream.read_u64_le().await? })
}
