//! Expectations about each row: which rows are unexpected, and what a result says about them.

use std::collections::HashSet;

use marquee_tables::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use marquee_tables::arrow::buffer::BooleanBuffer;
use marquee_tables::arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use marquee_tables::arrow::row::RowConverter;
use marquee_tables::{ColumnType, Part};
use regex::Regex;
use serde_json::{Map, Value as Json, json};

use crate::arguments::{Bound, Bounds};
use crate::check::{Ignore, Test};
use crate::condition::Condition;
use crate::counts;
use crate::fold::Moments;
use crate::outcome::Outcome;
use crate::report::ResultFormat;
use crate::value::{Value, python};

/// The most values of a result, and those of its short lists.
const MOST: usize = 200;
pub(crate) const SHORT: usize = 20;

/// The columns of a check by their place in the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Columns {
    One(usize),
    /// One column whose missing values count like others.
    Missing(usize),
    Pair(usize, usize, Ignore),
    Many(Vec<usize>, Ignore),
}

impl Columns {
    pub(crate) fn all(&self) -> Vec<usize> {
        match self {
            Self::One(column) | Self::Missing(column) => vec![*column],
            Self::Pair(a, b, _) => vec![*a, *b],
            Self::Many(columns, _) => columns.clone(),
        }
    }

    /// Selects the rows that a check is about among those that its condition selects.
    pub(crate) fn consider(&self, batch: &RecordBatch, kept: &BooleanBuffer) -> BooleanBuffer {
        let present = |column: usize| batch.column(column).nulls().map(|nulls| nulls.inner().clone());
        let every = |columns: &[usize]| {
            columns.iter().filter_map(|column| present(*column)).fold(kept.clone(), |all, one| &all & &one)
        };
        let some = |columns: &[usize]| {
            let masks: Option<Vec<BooleanBuffer>> = columns.iter().map(|column| present(*column)).collect();
            let Some(masks) = masks else { return kept.clone() };
            let any = masks.iter().fold(BooleanBuffer::new_unset(kept.len()), |any, one| &any | one);
            &any & kept
        };
        match self {
            Self::Missing(_) => kept.clone(),
            Self::One(column) => every(&[*column]),
            Self::Pair(_, _, Ignore::Never) | Self::Many(_, Ignore::Never) => kept.clone(),
            Self::Pair(a, b, Ignore::Any) => every(&[*a, *b]),
            Self::Pair(a, b, Ignore::All) => some(&[*a, *b]),
            Self::Many(columns, Ignore::Any) => every(columns),
            Self::Many(columns, Ignore::All) => some(columns),
        }
    }
}

/// Selects the rows of a batch that a condition is met by.
pub(crate) fn keep(condition: Option<&Condition>, batch: &RecordBatch) -> Result<BooleanBuffer, String> {
    match condition {
        None => Ok(BooleanBuffer::new_set(batch.num_rows())),
        Some(condition) => condition.select(batch),
    }
}

/// A test of rows that is ready for a table.
pub(crate) enum Tester {
    NotMissing(usize),
    Numbers(usize, Box<dyn Fn(f64) -> bool>),
    Texts(usize, Box<dyn Fn(&str) -> bool>),
    Times(usize, Box<dyn Fn(i64) -> bool>),
    Always(bool),
    Greater(usize, usize, bool),
    Duplicates(Duplicates),
    /// No value can be tested. Without a value, there is nothing to test.
    Unfit(String),
}

impl std::fmt::Debug for Tester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tester").finish_non_exhaustive()
    }
}

/// The rows that have the same values as others: how many there are, and the values of the first.
#[derive(Debug)]
pub(crate) struct Duplicates {
    pub(crate) columns: Vec<usize>,
    pub(crate) count: u64,
    pub(crate) converter: RowConverter,
    /// The values in the encoding of the converter.
    pub(crate) values: HashSet<Box<[u8]>>,
}

impl Tester {
    /// Prepares a test of one column. The error says why the column cannot be tested.
    pub(crate) fn new(test: &Test, column: usize, kind: ColumnType, moments: Option<&Moments>) -> Result<Self, String> {
        let is_number = matches!(kind, ColumnType::Bool | ColumnType::Int | ColumnType::Float);
        match test {
            Test::NotMissing => Ok(Self::NotMissing(column)),
            Test::Between(bounds) => between(*bounds, column, kind),
            Test::InSet(None) => Ok(Self::Always(true)),
            Test::InSet(Some(values)) => Ok(in_set(values, column, kind)),
            Test::Regex(regex) => matching(regex, column, kind),
            Test::ZScore { threshold, is_double_sided } if is_number => {
                let (mean, deviation) =
                    moments.and_then(|moments| moments.mean().zip(moments.deviation())).unwrap_or((0.0, 0.0));
                let (threshold, is_double) = (*threshold, *is_double_sided);
                Ok(Self::Numbers(
                    column,
                    Box::new(move |value| {
                        let score = (value - mean) / deviation;
                        deviation == 0.0
                            || score.is_nan()
                            || if is_double { score.abs() < threshold.abs() } else { score < threshold }
                    }),
                ))
            }
            Test::ZScore { .. } => Err("only numbers have z-scores".to_owned()),
            Test::Unique | Test::Greater { .. } => Err("the test is of several columns".to_owned()),
        }
    }

    /// Returns which rows of a batch pass.
    fn pass(&self, batch: &RecordBatch, considered: &BooleanBuffer) -> Result<BooleanBuffer, String> {
        let rows = batch.num_rows();
        Ok(match self {
            Self::Always(passes) => {
                if *passes {
                    BooleanBuffer::new_set(rows)
                } else {
                    BooleanBuffer::new_unset(rows)
                }
            }
            Self::NotMissing(column) => match batch.column(*column).nulls() {
                Some(nulls) => nulls.inner().clone(),
                None => BooleanBuffer::new_set(rows),
            },
            Self::Numbers(column, test) => numbers(batch.column(*column), test.as_ref()),
            Self::Texts(column, test) => texts(batch.column(*column), test.as_ref()),
            Self::Times(column, test) => {
                let times = batch.column(*column).as_primitive::<TimestampMicrosecondType>();
                BooleanBuffer::collect_bool(rows, |row| test(times.value(row)))
            }
            Self::Unfit(reason) if considered.count_set_bits() > 0 => return Err(reason.clone()),
            Self::Unfit(_) => BooleanBuffer::new_set(rows),
            Self::Greater(a, b, or_equal) => greater(batch.column(*a), batch.column(*b), *or_equal, considered)?,
            Self::Duplicates(duplicates) => {
                let keys = batch.project(&duplicates.columns).map_err(|error| error.to_string())?;
                let keys = duplicates.converter.convert_columns(keys.columns()).map_err(|error| error.to_string())?;
                BooleanBuffer::collect_bool(rows, |row| {
                    !(considered.value(row) && duplicates.values.contains(keys.row(row).as_ref()))
                })
            }
        })
    }
}

fn numbers(array: &ArrayRef, test: &dyn Fn(f64) -> bool) -> BooleanBuffer {
    let rows = array.len();
    match ColumnType::of(array.data_type()) {
        Some(ColumnType::Bool) => {
            let (no, yes) = (test(0.0), test(1.0));
            let flags = array.as_boolean();
            BooleanBuffer::collect_bool(rows, |row| if flags.value(row) { yes } else { no })
        }
        Some(ColumnType::Int) => {
            let values = array.as_primitive::<Int64Type>().values();
            BooleanBuffer::collect_bool(rows, |row| test(values[row] as f64))
        }
        _ => {
            let values = array.as_primitive::<Float64Type>().values();
            BooleanBuffer::collect_bool(rows, |row| test(values[row]))
        }
    }
}

/// Tests values as Python writes them.
fn texts(array: &ArrayRef, test: &dyn Fn(&str) -> bool) -> BooleanBuffer {
    let rows = array.len();
    match ColumnType::of(array.data_type()) {
        Some(ColumnType::Text) => {
            let values = array.as_string::<i32>();
            BooleanBuffer::collect_bool(rows, |row| test(values.value(row)))
        }
        Some(ColumnType::Int) => {
            let values = array.as_primitive::<Int64Type>().values();
            BooleanBuffer::collect_bool(rows, |row| test(&values[row].to_string()))
        }
        Some(ColumnType::Bool) => {
            let (no, yes) = (test("False"), test("True"));
            let flags = array.as_boolean();
            BooleanBuffer::collect_bool(rows, |row| if flags.value(row) { yes } else { no })
        }
        _ => {
            let values = array.as_primitive::<Float64Type>().values();
            BooleanBuffer::collect_bool(rows, |row| test(&python(values[row])))
        }
    }
}

fn between(bounds: Bounds, column: usize, kind: ColumnType) -> Result<Tester, String> {
    let is_falling = match (bounds.min, bounds.max) {
        (Some(Bound::Number(min)), Some(Bound::Number(max))) => min > max,
        (Some(Bound::Time(min)), Some(Bound::Time(max))) => min > max,
        (Some(_), Some(_)) => return Err("min_value and max_value have different types".to_owned()),
        _ => false,
    };
    if is_falling {
        return Err("min_value cannot be greater than max_value".to_owned());
    }
    let is_of_times = matches!(bounds.min.or(bounds.max), Some(Bound::Time(_)));
    match (kind, is_of_times) {
        (ColumnType::Time, true) => {
            Ok(Tester::Times(column, Box::new(move |time| bounds.hold(Bound::Time(time)) == Some(true))))
        }
        (ColumnType::Bool | ColumnType::Int | ColumnType::Float, false) => {
            Ok(Tester::Numbers(column, Box::new(move |number| bounds.hold(Bound::Number(number)) == Some(true))))
        }
        _ => Ok(Tester::Unfit("the values of the column and the limits must be of the same type".to_owned())),
    }
}

fn in_set(values: &[Json], column: usize, kind: ColumnType) -> Tester {
    match kind {
        ColumnType::Text => {
            let set: HashSet<String> = values.iter().filter_map(Json::as_str).map(str::to_owned).collect();
            Tester::Texts(column, Box::new(move |text| set.contains(text)))
        }
        // pandas finds no time in a set of texts or numbers.
        ColumnType::Time => Tester::Always(false),
        _ => {
            let number =
                |value: &Json| value.as_f64().or_else(|| value.as_bool().map(|flag| f64::from(u8::from(flag))));
            // Adding zero turns a negative zero into zero.
            let set: HashSet<u64> = values.iter().filter_map(number).map(|number| (number + 0.0).to_bits()).collect();
            Tester::Numbers(column, Box::new(move |number| set.contains(&number.to_bits())))
        }
    }
}

fn matching(regex: &str, column: usize, kind: ColumnType) -> Result<Tester, String> {
    if kind == ColumnType::Time {
        return Ok(Tester::Unfit("a time cannot be matched with a regular expression".to_owned()));
    }
    let regex = Regex::new(regex).map_err(|error| error.to_string())?;
    Ok(Tester::Texts(column, Box::new(move |text| regex.is_match(text))))
}

/// Returns where the first value is greater. A missing value is neither greater nor less.
fn greater(a: &ArrayRef, b: &ArrayRef, or_equal: bool, considered: &BooleanBuffer) -> Result<BooleanBuffer, String> {
    let rows = a.len();
    let is_met = |order: std::cmp::Ordering| order.is_gt() || (or_equal && order.is_eq());
    let met = |order: &dyn Fn(usize) -> Option<std::cmp::Ordering>| {
        BooleanBuffer::collect_bool(rows, |row| !a.is_null(row) && !b.is_null(row) && order(row).is_some_and(is_met))
    };
    let number = |array: &ArrayRef, row: usize| match ColumnType::of(array.data_type()) {
        Some(ColumnType::Bool) => f64::from(u8::from(array.as_boolean().value(row))),
        Some(ColumnType::Int) => array.as_primitive::<Int64Type>().value(row) as f64,
        _ => array.as_primitive::<Float64Type>().value(row),
    };
    let kinds = (ColumnType::of(a.data_type()), ColumnType::of(b.data_type()));
    let is_number = |kind| matches!(kind, Some(ColumnType::Bool | ColumnType::Int | ColumnType::Float));
    match kinds {
        (Some(ColumnType::Text), Some(ColumnType::Text)) => {
            let (a, b) = (a.as_string::<i32>(), b.as_string::<i32>());
            Ok(met(&|row| Some(a.value(row).cmp(b.value(row)))))
        }
        (Some(ColumnType::Time), Some(ColumnType::Time)) => {
            let times = |array: &ArrayRef, row| array.as_primitive::<TimestampMicrosecondType>().value(row);
            Ok(met(&|row| Some(times(a, row).cmp(&times(b, row)))))
        }
        (one, other) if is_number(one) && is_number(other) => {
            Ok(met(&|row| number(a, row).partial_cmp(&number(b, row))))
        }
        _ if considered.set_indices().all(|row| a.is_null(row) || b.is_null(row)) => Ok(BooleanBuffer::new_unset(rows)),
        _ => Err("values of different types cannot be compared".to_owned()),
    }
}

/// What was found of a check so far.
#[derive(Debug)]
pub(crate) struct Found {
    columns: Columns,
    names: Vec<String>,
    elements: u64,
    considered: u64,
    unexpected: u64,
    values: Vec<Vec<Value>>,
    rows: Vec<u64>,
    format: ResultFormat,
}

impl Found {
    pub(crate) const fn new(columns: Columns, names: Vec<String>, format: ResultFormat) -> Self {
        Self { columns, names, elements: 0, considered: 0, unexpected: 0, values: Vec::new(), rows: Vec::new(), format }
    }

    /// Tests some rows. The error says why they cannot be tested.
    pub(crate) fn push(&mut self, part: &Part, condition: Option<&Condition>, tester: &Tester) -> Result<(), String> {
        let batch = &part.batch;
        let kept = keep(condition, batch)?;
        let considered = self.columns.consider(batch, &kept);
        self.elements += kept.count_set_bits() as u64;
        self.considered += considered.count_set_bits() as u64;
        let (values, rows) = match self.format {
            ResultFormat::BooleanOnly => (0, 0),
            ResultFormat::Basic => (SHORT, 0),
            ResultFormat::Summary => (SHORT, SHORT),
            ResultFormat::Complete => (MOST, usize::MAX),
        };
        if let Tester::Duplicates(duplicates) = tester {
            // The groups have said how many there are; what is left to find are the first ones.
            self.unexpected = duplicates.count;
            let is_full = self.values.len() >= values && self.rows.len() >= rows;
            if duplicates.values.is_empty() || is_full {
                return Ok(());
            }
        }
        let unexpected = &considered & &!&tester.pass(batch, &considered)?;
        if !matches!(tester, Tester::Duplicates(_)) {
            self.unexpected += unexpected.count_set_bits() as u64;
        }
        for row in unexpected.set_indices() {
            if self.values.len() < values {
                let of_row = self.columns.all();
                self.values.push(of_row.into_iter().map(|column| Value::at(batch.column(column), row)).collect());
            } else if self.rows.len() >= rows {
                break;
            }
            if self.rows.len() < rows {
                self.rows.push(part.first + row as u64);
            }
        }
        Ok(())
    }

    /// Judges the check.
    pub(crate) fn finish(self, mostly: f64) -> Outcome {
        let met = (self.considered - self.unexpected) as f64 / self.considered as f64;
        let success = self.considered == 0 || met >= mostly;
        let mut result = Map::new();
        if self.format == ResultFormat::BooleanOnly {
            return Outcome::new(success, result);
        }
        let percent = |part: u64, of: u64| if of == 0 { Json::Null } else { json!(part as f64 / of as f64 * 100.0) };
        let of_all = percent(self.unexpected, self.elements);
        let of_considered = percent(self.unexpected, self.considered);
        result.insert("element_count".to_owned(), json!(self.elements));
        result.insert("unexpected_count".to_owned(), json!(self.unexpected));
        let values: Vec<Json> = self.values.iter().map(|values| self.json(values)).collect();
        let short = values.get(..SHORT).unwrap_or(&values).to_vec();
        result.insert("partial_unexpected_list".to_owned(), Json::Array(short));
        if matches!(self.columns, Columns::Missing(_)) {
            result.insert("unexpected_percent".to_owned(), of_all);
        } else {
            let missing = self.elements - self.considered;
            result.insert("unexpected_percent".to_owned(), of_considered.clone());
            result.insert("missing_count".to_owned(), json!(missing));
            result.insert("missing_percent".to_owned(), percent(missing, self.elements));
            result.insert("unexpected_percent_total".to_owned(), of_all);
            result.insert("unexpected_percent_nonmissing".to_owned(), of_considered);
        }
        if self.format == ResultFormat::Basic {
            return Outcome::new(success, result);
        }
        if let Some(counted) = counts::count(&self.values) {
            let counted = counted.into_iter();
            let counted = counted.map(|(values, count)| json!({"value": self.counted(values), "count": count}));
            result.insert("partial_unexpected_counts".to_owned(), Json::Array(counted.collect()));
        }
        let first = self.rows.get(..SHORT).unwrap_or(&self.rows);
        result.insert("partial_unexpected_index_list".to_owned(), json!(first));
        if self.format == ResultFormat::Complete {
            let listed: Vec<String> = self.rows.iter().map(u64::to_string).collect();
            let query = format!("df.filter(items=[{}], axis=0)", listed.join(", "));
            result.insert("unexpected_list".to_owned(), Json::Array(values));
            result.insert("unexpected_index_list".to_owned(), json!(self.rows));
            result.insert("unexpected_index_query".to_owned(), json!(query));
        }
        Outcome::new(success, result)
    }

    /// Returns the values of a row as a result lists them.
    fn json(&self, values: &[Value]) -> Json {
        match &self.columns {
            Columns::One(_) | Columns::Missing(_) => values.first().map_or(Json::Null, Value::json),
            Columns::Pair(..) => values.iter().map(in_pair).collect(),
            Columns::Many(..) => {
                self.names.iter().cloned().zip(values.iter().map(Value::json)).collect::<Map<_, _>>().into()
            }
        }
    }

    /// Returns the values of a row as a result counts them.
    fn counted(&self, values: &[Value]) -> Json {
        match &self.columns {
            Columns::Many(..) => values.iter().map(Value::json).collect(),
            _ => self.json(values),
        }
    }
}

/// Pairs have times as NumPy writes them, always with microseconds.
fn in_pair(value: &Value) -> Json {
    match (value, value.json()) {
        (Value::Time(_), Json::String(text)) if !text.contains('.') => json!(format!("{text}.000000")),
        (_, json) => json,
    }
}
