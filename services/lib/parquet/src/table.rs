//! A table in memory: named columns of equal length whose values may be missing.

/// Values of one column; `None` is a missing one.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Text.
    Utf8(Vec<Option<String>>),
    /// Whole numbers; and times in microseconds since 1970, as they are read.
    Int64(Vec<Option<i64>>),
    /// Times in microseconds since 1970, to be written as such; they are read as [`Column::Int64`].
    Timestamp(Vec<Option<i64>>),
    /// Floating point.
    Float64(Vec<Option<f64>>),
    /// Truth values.
    Bool(Vec<Option<bool>>),
}

impl Column {
    /// How many values there are, missing ones included.
    pub fn len(&self) -> usize {
        match self {
            Self::Utf8(values) => values.len(),
            Self::Int64(values) | Self::Timestamp(values) => values.len(),
            Self::Float64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves the values of `other` behind these. Both come from the same column of one file, so their kinds agree.
    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Utf8(values), Self::Utf8(mut more)) => values.append(&mut more),
            (Self::Int64(values), Self::Int64(mut more)) => values.append(&mut more),
            (Self::Timestamp(values), Self::Timestamp(mut more)) => values.append(&mut more),
            (Self::Float64(values), Self::Float64(mut more)) => values.append(&mut more),
            (Self::Bool(values), Self::Bool(mut more)) => values.append(&mut more),
            _ => debug_assert!(false, "one column of one file has one kind"),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Utf8(values) => {
                values.iter().flatten().map(String::capacity).sum::<usize>()
                    + values.len() * size_of::<Option<String>>()
            }
            Self::Int64(values) | Self::Timestamp(values) => values.len() * size_of::<Option<i64>>(),
            Self::Float64(values) => values.len() * size_of::<Option<f64>>(),
            Self::Bool(values) => values.len(),
        }
    }
}

/// Named columns of equal length, in file order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Names and values.
    pub columns: Vec<(String, Column)>,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, column)| column)
    }

    /// Length of the columns; 0 without any.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Moves the rows of `other`, a batch of the same file, behind these.
    pub(crate) fn append(&mut self, other: Self) {
        for ((_, column), (_, more)) in self.columns.iter_mut().zip(other.columns) {
            column.append(more);
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.columns.iter().map(|(_, column)| column.heap_bytes()).sum()
    }
}
