//! The most that reading may allocate, whatever a file claims. Sizes in a file are input: each is checked against one of these first.

/// The footer: schema and positions of all column chunks.
pub const FOOTER_BYTES: usize = 64 << 20;

/// One page once decompressed. Writers aim at 1 MiB; some put a whole row group into one page.
pub const PAGE_BYTES: usize = 256 << 20;

/// The header of one page; it holds two sample values of the page at most.
pub const PAGE_HEADER_BYTES: usize = 64 << 10;

/// The text of one column in one batch of [`crate::Batches`]: a dictionary repeats a long text at no cost to the file.
pub const BATCH_TEXT_BYTES: usize = 256 << 20;

/// A whole table in [`crate::read`].
pub const TABLE_BYTES: usize = 2 << 30;

/// Rows of a batch of [`crate::Batches`].
pub const BATCH_ROWS: usize = 1 << 20;

/// How deep a schema or a structure of the footer may nest; the format's own go to about eight.
pub const DEPTH: usize = 32;
