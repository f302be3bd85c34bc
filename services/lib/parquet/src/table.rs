//! A table in memory: named columns of equal length, whose values may be missing.

/// The values of one column. `None` is a missing value.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Text.
    Utf8(Vec<Option<String>>),
    /// Whole numbers. Times are read as microseconds since 1970.
    Int64(Vec<Option<i64>>),
    /// Times in microseconds since 1970, only for writing. They are read as [`Column::Int64`].
    Timestamp(Vec<Option<i64>>),
    /// Floating-point numbers.
    Float64(Vec<Option<f64>>),
    /// Booleans.
    Bool(Vec<Option<bool>>),
    /// Lists of texts, only for reading.
    List(Vec<Option<Vec<String>>>),
}

impl Column {
    /// Returns the number of values, including missing ones.
    pub fn len(&self) -> usize {
        match self {
            Self::Utf8(values) => values.len(),
            Self::Int64(values) | Self::Timestamp(values) => values.len(),
            Self::Float64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::List(values) => values.len(),
        }
    }

    /// Returns whether the column has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the values of `other`. Both must come from the same column of one file, so that
    /// their types agree.
    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Utf8(values), Self::Utf8(mut more)) => values.append(&mut more),
            (Self::Int64(values), Self::Int64(mut more)) => values.append(&mut more),
            (Self::Timestamp(values), Self::Timestamp(mut more)) => values.append(&mut more),
            (Self::Float64(values), Self::Float64(mut more)) => values.append(&mut more),
            (Self::Bool(values), Self::Bool(mut more)) => values.append(&mut more),
            (Self::List(values), Self::List(mut more)) => values.append(&mut more),
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
            Self::List(values) => {
                let texts = values.iter().flatten().flatten().map(|text| text.capacity() + size_of::<String>());
                texts.sum::<usize>() + values.len() * size_of::<Option<Vec<String>>>()
            }
        }
    }
}

/// Named columns of equal length, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The name and the values of each column.
    pub columns: Vec<(String, Column)>,
}

impl Table {
    /// Returns the column with a name, or `None` when there is no such column.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, column)| column)
    }

    /// Returns the length of the columns, or 0 when there are no columns.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Appends the rows of `other`, which is a batch of the same file.
    pub(crate) fn append(&mut self, other: Self) {
        for ((_, column), (_, more)) in self.columns.iter_mut().zip(other.columns) {
            column.append(more);
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.columns.iter().map(|(_, column)| column.heap_bytes()).sum()
    }
}
