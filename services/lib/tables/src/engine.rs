//! Groups the rows of a table by their values, within a limit of memory.
//!
//! Groups are kept by their keys in an encoding that sorts like the values. What does not fit into
//! memory is written to a temporary file as a sorted run, and runs are merged at the end.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array};
use arrow_buffer::BooleanBuffer;
use arrow_row::{RowConverter, SortField};
use arrow_schema::SortOptions;
use arrow_select::filter::filter_record_batch;

use crate::{Error, Part, Table};

/// Selects rows of a part, or all of them with `None`. The error says why it cannot.
pub type Filter = Arc<dyn Fn(&Part) -> Result<Option<BooleanBuffer>, String> + Send + Sync>;

/// The groups that are handed on at once.
const BATCH: usize = 8192;

/// What a group takes in memory besides its key, about.
const GROUP_BYTES: usize = 64;

/// The order of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// No order: the quickest.
    Any,
    /// By the keys, from the smallest. A missing key is the last.
    Keys,
}

/// Some groups of rows with equal keys.
#[derive(Debug)]
pub struct Groups {
    /// The columns of the keys.
    pub keys: Vec<ArrayRef>,
    /// The number of rows of each group.
    pub counts: Int64Array,
    /// The number of the first row of each group, from 0.
    pub first_rows: Int64Array,
}

/// Runs queries.
#[derive(Debug)]
pub struct Engine {
    memory: usize,
}

/// The rows of a group: how many there are, and the first.
type Group = (i64, i64);

/// A group with its key, as it is merged.
type Keyed = (Box<[u8]>, Group);

impl Engine {
    /// Returns an engine whose queries use about `memory` bytes, and temporary files beyond that.
    pub const fn new(memory: usize) -> Self {
        Self { memory }
    }

    /// Groups the selected rows by columns, and hands the groups to `each`. Missing keys are equal.
    ///
    /// # Errors
    /// A temporary file cannot be written or read, or the filter fails.
    pub fn groups(
        &self,
        table: &Table,
        keys: &[usize],
        filter: Option<&Filter>,
        order: Order,
        mut each: impl FnMut(&Groups) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let options = SortOptions { descending: false, nulls_first: false };
        let fields = keys.iter().map(|key| table.schema().field(*key).data_type().clone());
        let fields = fields.map(|kind| SortField::new_with_options(kind, options)).collect();
        let converter = RowConverter::new(fields)?;
        let mut grouping = Grouping::default();
        for part in table.scan()? {
            let part = part?;
            grouping.push(&part, keys, filter, &converter)?;
            if grouping.bytes > self.memory {
                grouping.spill()?;
            }
        }
        let mut waiting: Vec<Keyed> = Vec::with_capacity(BATCH);
        grouping.merge(order, |group| {
            waiting.push(group);
            if waiting.len() < BATCH {
                return Ok(());
            }
            each(&decode(&converter, &waiting)?)?;
            waiting.clear();
            Ok(())
        })?;
        if waiting.is_empty() { Ok(()) } else { each(&decode(&converter, &waiting)?) }
    }
}

/// Returns groups in columns.
fn decode(converter: &RowConverter, groups: &[Keyed]) -> Result<Groups, Error> {
    let parser = converter.parser();
    let keys = converter.convert_rows(groups.iter().map(|(key, _)| parser.parse(key)))?;
    let counts = groups.iter().map(|(_, (count, _))| *count);
    let first_rows = groups.iter().map(|(_, (_, first))| *first);
    Ok(Groups {
        keys,
        counts: Int64Array::from_iter_values(counts),
        first_rows: Int64Array::from_iter_values(first_rows),
    })
}

/// Groups that are being collected.
#[derive(Default)]
struct Grouping {
    groups: HashMap<Box<[u8]>, Group>,
    bytes: usize,
    runs: Vec<BufReader<File>>,
}

impl fmt::Debug for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grouping").field("runs", &self.runs.len()).finish_non_exhaustive()
    }
}

impl Grouping {
    fn push(
        &mut self,
        part: &Part,
        keys: &[usize],
        filter: Option<&Filter>,
        converter: &RowConverter,
    ) -> Result<(), Error> {
        let selected = filter.map(|filter| filter(part)).transpose().map_err(Error::Filter)?.flatten();
        let mut batch = part.batch.project(keys)?;
        let mut rows: Option<Vec<usize>> = None;
        if let Some(selected) = selected {
            rows = Some(selected.set_indices().collect());
            batch = filter_record_batch(&batch, &BooleanArray::new(selected, None))?;
        }
        let encoded = converter.convert_columns(batch.columns())?;
        let first = i64::try_from(part.first).unwrap_or(i64::MAX);
        for (at, key) in encoded.iter().enumerate() {
            let key = key.as_ref();
            if let Some((count, _)) = self.groups.get_mut(key) {
                *count += 1;
                continue;
            }
            let row = rows.as_ref().and_then(|rows| rows.get(at)).copied().unwrap_or(at);
            self.bytes += key.len() + GROUP_BYTES;
            self.groups.insert(key.into(), (1, first + row as i64));
        }
        Ok(())
    }

    fn sorted(&mut self) -> Vec<Keyed> {
        let mut groups: Vec<Keyed> = std::mem::take(&mut self.groups).into_iter().collect();
        groups.sort_unstable();
        groups
    }

    /// Writes the groups to a temporary file.
    fn spill(&mut self) -> Result<(), Error> {
        let mut writer = BufWriter::new(tempfile::tempfile().map_err(Error::Disk)?);
        let written = self.sorted().into_iter().try_for_each(|(key, (count, first))| {
            writer.write_all(&(key.len() as u64).to_le_bytes())?;
            writer.write_all(&key)?;
            writer.write_all(&count.to_le_bytes())?;
            writer.write_all(&first.to_le_bytes())
        });
        written.map_err(Error::Disk)?;
        let mut file = writer.into_inner().map_err(|error| Error::Disk(error.into_error()))?;
        file.rewind().map_err(Error::Disk)?;
        self.runs.push(BufReader::new(file));
        self.bytes = 0;
        Ok(())
    }

    /// Hands all groups on.
    fn merge(mut self, order: Order, mut each: impl FnMut(Keyed) -> Result<(), Error>) -> Result<(), Error> {
        if self.runs.is_empty() {
            return match order {
                Order::Any => self.groups.into_iter().try_for_each(each),
                Order::Keys => self.sorted().into_iter().try_for_each(each),
            };
        }
        self.spill()?;
        let mut heads = BinaryHeap::new();
        for (run, reader) in self.runs.iter_mut().enumerate() {
            heads.extend(read(reader)?.map(|(key, group)| Reverse((key, run, group))));
        }
        let mut current: Option<Keyed> = None;
        while let Some(Reverse((key, run, (count, first)))) = heads.pop() {
            if let Some(reader) = self.runs.get_mut(run) {
                heads.extend(read(reader)?.map(|(key, group)| Reverse((key, run, group))));
            }
            match &mut current {
                Some((known, group)) if *known == key => *group = (group.0 + count, group.1.min(first)),
                _ => {
                    if let Some(group) = current.replace((key, (count, first))) {
                        each(group)?;
                    }
                }
            }
        }
        current.map_or(Ok(()), each)
    }
}

/// Reads the next group of a run.
fn read(run: &mut BufReader<File>) -> Result<Option<Keyed>, Error> {
    let mut number = [0; 8];
    match run.read_exact(&mut number) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read.map_err(Error::Disk)?,
    }
    let length = usize::try_from(u64::from_le_bytes(number)).unwrap_or_default();
    let mut key = vec![0; length];
    let mut values = [0; 16];
    run.read_exact(&mut key).and_then(|()| run.read_exact(&mut values)).map_err(Error::Disk)?;
    let [count, first] = [0, 8].map(|start| {
        let mut number = [0; 8];
        number.copy_from_slice(&values[start..start + 8]);
        i64::from_le_bytes(number)
    });
    Ok(Some((key.into(), (count, first))))
}
