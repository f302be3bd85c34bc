//! Reads a file one batch of rows at a time.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{Length, SerializedPageReader};
use parquet::schema::types::ColumnDescPtr;

use crate::pages::Unpacked;
use crate::source::Sized;
use crate::{ColumnInfo, Error, Kind, Source, Table, footer, limit, values};

/// Selects what to read from a file.
#[derive(Debug, Clone)]
pub struct Options {
    /// The names of the columns to read, in this order. `None` reads all columns in the order of
    /// the file. An empty list reads none, to look at the schema only.
    pub columns: Option<Vec<String>>,
    /// The number of rows in a batch, limited to 1 up to [`limit::BATCH_ROWS`]. Default 8,192.
    pub batch_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { columns: None, batch_rows: 8_192 }
    }
}

/// The rows of a file, one [`Table`] for each batch. The iterator ends after an error.
pub struct Batches {
    source: Arc<Sized>,
    metadata: ParquetMetaData,
    columns: Vec<ColumnInfo>,
    selected: Vec<usize>,
    batch_rows: usize,
    row_groups: VecDeque<usize>,
    open: Option<RowGroup>,
    rows: u64,
    rows_read: u64,
}

/// The row group that is being read.
struct RowGroup {
    columns: Vec<(ColumnDescPtr, ColumnReader)>,
    rows_left: u64,
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("columns", &self.columns).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Batches {
    /// Opens a file: reads and checks its footer.
    ///
    /// # Errors
    /// The bytes are not a Parquet file, or a selected column is missing or has an unsupported
    /// type.
    pub fn open(source: impl Into<Source>, options: Options) -> Result<Self, Error> {
        let source = Sized::new(source.into())?;
        let Options { columns, batch_rows } = options;
        guarded(|| Self::try_open(source, columns.as_deref(), batch_rows))
    }

    fn try_open(source: Sized, names: Option<&[String]>, batch_rows: usize) -> Result<Self, Error> {
        let metadata = footer::metadata(&source)?;
        let schema = metadata.file_metadata().schema_descr();
        let mut columns: Vec<ColumnInfo> = schema.columns().iter().map(|column| values::describe(column)).collect();
        unlist_structures(&mut columns);
        let selected = select(&columns, names)?;
        let mut rows = 0_u64;
        for row_group in metadata.row_groups() {
            let more = u64::try_from(row_group.num_rows()).map_err(|_| Error::Malformed("a row count is negative"))?;
            rows = rows.checked_add(more).ok_or(Error::Malformed("its row counts are too large"))?;
            if row_group.columns().len() != columns.len() {
                return Err(Error::Malformed("a row group lacks columns"));
            }
        }
        Ok(Self {
            source: Arc::new(source),
            row_groups: (0..metadata.num_row_groups()).collect(),
            metadata,
            columns,
            selected,
            batch_rows: batch_rows.clamp(1, limit::BATCH_ROWS),
            open: None,
            rows,
            rows_read: 0,
        })
    }

    /// Returns all columns of the file, selected or not.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// Returns the number of rows in the file, as its footer states it.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the number of rows that were read or skipped.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// Returns a table with the selected columns and no rows.
    pub fn empty(&self) -> Table {
        let column = |index: &usize| self.columns.get(*index).map(|info| (info.name.clone(), values::empty(info.kind)));
        Table { columns: self.selected.iter().filter_map(column).collect() }
    }

    /// Skips the next `rows` rows. Skipping a whole row group costs nothing.
    ///
    /// # Errors
    /// The file cannot be read. Skipping beyond the end of the file is not an error.
    pub fn skip_rows(&mut self, rows: u64) -> Result<(), Error> {
        let mut left = rows;
        while left > 0 {
            if self.open.is_none()
                && let Some(next) = self.row_groups.front()
                && let Some(size) = self.metadata.row_groups().get(*next).map(|group| group.num_rows() as u64)
                && size <= left
            {
                self.row_groups.pop_front();
                self.rows_read += size;
                left -= size;
                continue;
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(self.batch_rows);
            match self.batch(most)? {
                Some(batch) => left -= batch.rows() as u64,
                None => break,
            }
        }
        Ok(())
    }

    fn batch(&mut self, most: usize) -> Result<Option<Table>, Error> {
        let batch = guarded(|| self.try_batch(most));
        if batch.is_err() {
            // After a failure the state of the reader is unknown, so it is dropped.
            self.open = None;
            self.row_groups.clear();
        }
        batch
    }

    fn try_batch(&mut self, most: usize) -> Result<Option<Table>, Error> {
        let mut group = loop {
            if let Some(group) = self.open.take().filter(|group| group.rows_left > 0) {
                break group;
            }
            let Some(next) = self.row_groups.pop_front() else {
                return Ok(None);
            };
            self.open = Some(self.open_row_group(next)?);
        };
        let rows = usize::try_from(group.rows_left).unwrap_or(usize::MAX).min(most);
        let mut columns = Vec::with_capacity(group.columns.len());
        for (column, reader) in &mut group.columns {
            columns.push((values::describe(column).name, values::read(column, reader, rows)?));
        }
        group.rows_left -= rows as u64;
        self.rows_read += rows as u64;
        self.open = Some(group);
        Ok(Some(Table { columns }))
    }

    fn open_row_group(&self, index: usize) -> Result<RowGroup, Error> {
        let gone = Error::Malformed("a row group lacks columns");
        let Some(group) = self.metadata.row_groups().get(index) else {
            return Err(gone);
        };
        let rows = group.num_rows();
        let mut columns = Vec::with_capacity(self.selected.len());
        for &index in &self.selected {
            let Some(chunk) = group.columns().get(index) else {
                return Err(gone);
            };
            check_chunk(chunk, rows, self.source.len())?;
            let plain = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build();
            let plain = plain.map_err(Error::Decode)?;
            let pages = SerializedPageReader::new(Arc::clone(&self.source), &plain, rows as usize, None);
            let column = chunk.column_descr_ptr();
            let levels = (column.max_rep_level(), column.max_def_level());
            let pages = pages.map_err(Error::Decode)?;
            let pages = Unpacked::try_new(pages, chunk.compression(), chunk.column_type(), levels)?;
            columns.push((Arc::clone(&column), get_column_reader(column, Box::new(pages))));
        }
        Ok(RowGroup { columns, rows_left: rows as u64 })
    }
}

impl Iterator for Batches {
    type Item = Result<Table, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch(self.batch_rows).transpose()
    }
}

fn select(columns: &[ColumnInfo], names: Option<&[String]>) -> Result<Vec<usize>, Error> {
    let selected: Vec<usize> = match names {
        None => (0..columns.len()).collect(),
        Some(names) => names
            .iter()
            .map(|name| {
                let found = columns.iter().position(|column| column.name == *name);
                found.ok_or_else(|| Error::NoSuchColumn(name.clone()))
            })
            .collect::<Result<_, _>>()?,
    };
    for column in selected.iter().filter_map(|index| columns.get(*index)) {
        if let Kind::Unsupported(found) = column.kind {
            return Err(Error::Unsupported { column: column.name.clone(), found });
        }
    }
    Ok(selected)
}

/// Several lists below one name are lists of structures, which are not supported.
fn unlist_structures(columns: &mut [ColumnInfo]) {
    // A hostile file may have any number of columns, so they are not compared with each other.
    let mut names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    names.sort_unstable();
    for column in columns.iter_mut().filter(|column| column.kind == Kind::List) {
        // Its own name is among them, so a second one stands right behind it.
        let own = names.partition_point(|name| *name < column.name);
        let has_twin = names.get(own + 1) == Some(&column.name);
        let prefix = format!("{}.", column.name);
        let inside = names.partition_point(|name| *name < prefix);
        if has_twin || names.get(inside).is_some_and(|name| name.starts_with(&prefix)) {
            column.kind = Kind::Unsupported("lists of structures");
        }
    }
}

fn check_chunk(chunk: &ColumnChunkMetaData, rows: i64, file_bytes: u64) -> Result<(), Error> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let (start, length) = (u64::try_from(start), u64::try_from(chunk.compressed_size()));
    let inside = matches!((start, length), (Ok(start), Ok(length)) if start.checked_add(length).is_some_and(|end| end <= file_bytes));
    if !inside {
        return Err(Error::Malformed("a column lies outside the file"));
    }
    let is_list = chunk.column_descr().max_rep_level() > 0;
    let most = if is_list { rows.saturating_mul(limit::LIST_VALUES) } else { rows };
    if !(rows..=most).contains(&chunk.num_values()) {
        return Err(Error::Malformed("a column and its row group differ in length"));
    }
    Ok(())
}

/// Runs the decoder and turns a panic into an error. The decoder indexes and asserts with numbers
/// from the file, so a damaged file can make it panic. After a panic, nothing that the closure used
/// is used again.
fn guarded<T>(decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Error::Contradictory))
}
