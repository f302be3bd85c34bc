//! Limits of what reading may allocate.
//!
//! Sizes in a file are untrusted input. Each is checked against one of these limits before memory
//! is allocated.

/// The largest footer in bytes. It holds the schema and the positions of all column chunks.
pub const FOOTER_BYTES: usize = 64 << 20;

/// The largest page in bytes after decompression. Writers aim at 1 MiB, but some put a whole row
/// group into one page.
pub const PAGE_BYTES: usize = 256 << 20;

/// The largest page header in bytes. It holds at most two sample values of the page.
pub const PAGE_HEADER_BYTES: usize = 64 << 10;

/// The most bytes of text in one column of one batch of [`crate::Batches`]. With a dictionary, a
/// small file can repeat a long text many times.
pub const BATCH_TEXT_BYTES: usize = 256 << 20;

/// The largest table in bytes that [`crate::read`] returns.
pub const TABLE_BYTES: usize = 2 << 30;

/// The most rows in a batch of [`crate::Batches`].
pub const BATCH_ROWS: usize = 1 << 20;

/// The deepest nesting of a schema or of a structure in the footer. The structures of the format
/// itself nest about eight levels deep.
pub const DEPTH: usize = 32;

/// The most values of a list column for each row, on average over a row group.
pub const LIST_VALUES: i64 = 1_000;
