//! Runs a suite on a table. The rows are read at most twice in order, and once more for each column
//! whose values are counted.

use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use marquee_tables::arrow::array::{Array, AsArray, Int64Array};
use marquee_tables::arrow::buffer::BooleanBuffer;
use marquee_tables::arrow::datatypes::{Float64Type, Int64Type, Schema, TimestampMicrosecondType};
use marquee_tables::arrow::row::{RowConverter, SortField};
use marquee_tables::{ColumnType, Engine, Filter, Order, Part, Table};

use crate::arguments::Bounds;
use crate::check::{Body, Domain, Measure, Test};
use crate::condition::Condition;
use crate::error::Error;
use crate::fold::{Fold, Moments, Totals, judge};
use crate::outcome::Outcome;
use crate::report::{Report, ResultFormat, Verdict};
use crate::rows::{Columns, Duplicates, Found, SHORT, Tester, keep};
use crate::structure;
use crate::suite::Suite;
use crate::value::Value;

/// Validates a table.
///
/// # Errors
/// The table cannot be read. A check that the table cannot be judged by is a verdict, not an error.
pub fn validate(
    engine: &Engine,
    set: &str,
    table: &Table,
    suite: &Suite,
    format: ResultFormat,
) -> Result<Report, Error> {
    let mut run = Run::new(engine, table, suite, format);
    run.count()?;
    run.group()?;
    run.find_duplicates()?;
    run.test_rows()?;
    Ok(run.report(set))
}

/// The column and the rows that figures are computed of.
#[derive(Debug, Clone, PartialEq)]
struct Selection<'a> {
    column: usize,
    condition: Option<&'a Condition>,
}

/// Figures of a selection.
#[derive(Debug)]
struct Figures<'a> {
    of: Selection<'a>,
    kind: ColumnType,
    totals: Totals,
    /// What is computed, and the check that wants it.
    folds: Vec<(usize, Fold)>,
    /// The checks that want figures once the totals are known.
    waiting: Vec<(usize, &'a Body)>,
    /// The spread of the values, for z-scores.
    moments: Option<Moments>,
    failed: Option<String>,
}

/// A check of rows.
#[derive(Debug)]
struct RowCheck<'a> {
    at: usize,
    columns: Columns,
    test: &'a Test,
    mostly: f64,
    condition: Option<&'a Condition>,
    duplicates: Option<Duplicates>,
    found: Found,
}

struct Run<'a> {
    engine: &'a Engine,
    table: &'a Table,
    suite: &'a Suite,
    format: ResultFormat,
    outcomes: Vec<Option<Outcome>>,
    figures: Vec<Figures<'a>>,
    row_counts: Vec<(usize, Option<&'a Condition>, &'a Bounds, u64)>,
    row_checks: Vec<RowCheck<'a>>,
}

impl<'a> Run<'a> {
    fn new(engine: &'a Engine, table: &'a Table, suite: &'a Suite, format: ResultFormat) -> Self {
        let outcomes = vec![None; suite.expectations.len()];
        let (figures, row_counts, row_checks) = (Vec::new(), Vec::new(), Vec::new());
        let mut run = Self { engine, table, suite, format, outcomes, figures, row_counts, row_checks };
        for at in 0..suite.expectations.len() {
            if let Err(outcome) = run.plan(at) {
                run.outcomes[at] = Some(outcome);
            }
        }
        run
    }

    /// Plans a check, or judges it at once.
    fn plan(&mut self, at: usize) -> Result<(), Outcome> {
        let schema: &Schema = self.table.schema();
        let (_, check) = &self.suite.expectations[at];
        let condition = check.condition.as_ref();
        let find = |name: &str| {
            let missing = || Outcome::raised(format!("the column \"{name}\" does not exist"));
            schema.index_of(name).map_err(|_| missing())
        };
        for name in condition.map(Condition::columns).unwrap_or_default() {
            find(name)?;
        }
        let names = |names: &'a Option<Vec<String>>| names.as_deref();
        match &check.body {
            Body::ColumnsMatchSet { names: wanted, is_exact } => {
                Err(structure::match_set(schema, names(wanted), *is_exact))
            }
            Body::ColumnsMatchList { names: wanted } => Err(structure::match_list(schema, names(wanted))),
            Body::ColumnExists { column, at } => Err(structure::exists(schema, column, *at)),
            Body::ColumnCount(wanted) => {
                let count = schema.fields().len() as i64;
                Err(Outcome::observed(count == *wanted, count.into()))
            }
            Body::Type { column, types, is_list } => {
                let kind = kind_of(schema, find(column)?);
                Err(structure::of_type(kind, names(types), *is_list))
            }
            Body::RowCount(bounds) => {
                self.row_counts.push((at, condition, bounds, 0));
                Ok(())
            }
            Body::Rows { domain, test, mostly } => {
                let columns = match domain {
                    Domain::Column(column) => Columns::One(find(column)?),
                    Domain::Missing(column) => Columns::Missing(find(column)?),
                    Domain::Pair { a, b, ignore } => Columns::Pair(find(a)?, find(b)?, *ignore),
                    Domain::Many { columns, ignore } => {
                        let columns: Result<Vec<usize>, Outcome> = columns.iter().map(|name| find(name)).collect();
                        Columns::Many(columns?, *ignore)
                    }
                };
                if let (Test::ZScore { .. }, Columns::One(column)) = (test, &columns) {
                    let figures = self.figures_of(*column, condition);
                    figures.moments.get_or_insert_default();
                }
                let names = columns.all().into_iter().map(|column| schema.field(column).name().clone()).collect();
                let found = Found::new(columns.clone(), names, self.format);
                let duplicates = None;
                self.row_checks.push(RowCheck { at, columns, test, mostly: *mostly, condition, duplicates, found });
                Ok(())
            }
            body @ (Body::Measure { column, .. }
            | Body::DistinctInSet { column, .. }
            | Body::Quantiles { column, .. }
            | Body::Divergence { column, .. }) => {
                let column = find(column)?;
                let figures = self.figures_of(column, condition);
                match body {
                    Body::Measure { measure, bounds, .. }
                        if !matches!(measure, Measure::Median | Measure::UniqueCount | Measure::UniqueShare) =>
                    {
                        figures.folds.push((at, Fold::measure(*measure, *bounds, Totals::default())));
                    }
                    body => figures.waiting.push((at, body)),
                }
                Ok(())
            }
        }
    }

    fn figures_of(&mut self, column: usize, condition: Option<&'a Condition>) -> &mut Figures<'a> {
        let of = Selection { column, condition };
        let kind = kind_of(self.table.schema(), column);
        let place = self.figures.iter().position(|figures| figures.of == of).unwrap_or_else(|| {
            let (totals, folds, waiting) = (Totals::default(), Vec::new(), Vec::new());
            self.figures.push(Figures { of, kind, totals, folds, waiting, moments: None, failed: None });
            self.figures.len() - 1
        });
        &mut self.figures[place]
    }

    /// Counts rows, and computes what needs no order of the values.
    fn count(&mut self) -> Result<(), Error> {
        let is_unique = |check: &RowCheck<'_>| matches!(check.test, Test::Unique) && check.condition.is_some();
        if self.figures.is_empty() && self.row_counts.is_empty() && !self.row_checks.iter().any(is_unique) {
            return Ok(());
        }
        for part in self.table.scan()? {
            let part = part?;
            for (at, condition, _, count) in &mut self.row_counts {
                match keep(*condition, &part.batch) {
                    Ok(kept) => *count += kept.count_set_bits() as u64,
                    Err(reason) => self.outcomes[*at] = Some(Outcome::raised(reason)),
                }
            }
            for figures in self.figures.iter_mut().filter(|figures| figures.failed.is_none()) {
                figures.failed = figures.push(&part).err();
            }
            // A query does not tell its own failures from those of a condition.
            for check in self.row_checks.iter().filter(|check| is_unique(check)) {
                if let Err(reason) = keep(check.condition, &part.batch) {
                    self.outcomes[check.at] = Some(Outcome::raised(reason));
                }
            }
        }
        let outcomes = &self.outcomes;
        self.row_checks.retain(|check| outcomes[check.at].is_none());
        for (at, _, bounds, count) in &self.row_counts {
            let judged = judge(bounds, i64::try_from(*count).ok().map(Value::Int));
            self.outcomes[*at].get_or_insert(judged);
        }
        Ok(())
    }

    /// Computes what needs the values in order.
    fn group(&mut self) -> Result<(), Error> {
        for figures in &mut self.figures {
            let Selection { column, condition } = figures.of.clone();
            if let Some(reason) = &figures.failed {
                let wanting = figures.folds.iter().map(|(at, _)| at).chain(figures.waiting.iter().map(|(at, _)| at));
                wanting.for_each(|at| self.outcomes[*at] = Some(Outcome::raised(reason)));
                continue;
            }
            for (at, fold) in std::mem::take(&mut figures.folds) {
                self.outcomes[at] = Some(fold.finish(figures.kind, figures.totals));
            }
            let mut folds: Vec<(usize, Fold)> =
                figures.waiting.iter().filter_map(|(at, body)| Some((*at, fold_of(body, figures.totals)?))).collect();
            if folds.is_empty() {
                continue;
            }
            let filter = filter(Columns::One(column), condition);
            self.engine.groups(self.table, &[column], Some(&filter), Order::Keys, |groups| {
                let Some(keys) = groups.keys.first() else { return Ok(()) };
                each_value(keys, None, Some(&groups.counts), &mut |value, count| {
                    folds.iter_mut().for_each(|(_, fold)| fold.push(value, count));
                });
                Ok(())
            })?;
            for (at, fold) in folds {
                self.outcomes[at] = Some(fold.finish(figures.kind, figures.totals));
            }
        }
        Ok(())
    }

    /// Finds values that occur in several rows.
    fn find_duplicates(&mut self) -> Result<(), Error> {
        let most = match self.format {
            ResultFormat::BooleanOnly => 0,
            ResultFormat::Basic | ResultFormat::Summary => SHORT,
            // All rows are listed, so the values need no more room than the result.
            ResultFormat::Complete => usize::MAX,
        };
        for check in self.row_checks.iter_mut().filter(|check| matches!(check.test, Test::Unique)) {
            let columns = check.columns.all();
            let fields = columns.iter().map(|column| self.table.schema().field(*column).data_type().clone());
            let converter =
                RowConverter::new(fields.map(SortField::new).collect()).map_err(marquee_tables::Error::from)?;
            let mut count = 0;
            let mut first: BinaryHeap<(i64, Box<[u8]>)> = BinaryHeap::new();
            let filter = filter(check.columns.clone(), check.condition);
            self.engine.groups(self.table, &columns, Some(&filter), Order::Any, |groups| {
                let several = (0..groups.counts.len()).filter(|at| groups.counts.value(*at) > 1);
                let several: Vec<usize> = several.collect();
                if several.is_empty() {
                    return Ok(());
                }
                count += several.iter().map(|at| groups.counts.value(*at)).sum::<i64>();
                let keys = converter.convert_columns(&groups.keys)?;
                for at in several {
                    let row = groups.first_rows.value(at);
                    let is_early = first.len() < most || first.peek().is_some_and(|(last, _)| row < *last);
                    if is_early && most > 0 {
                        first.push((row, keys.row(at).as_ref().into()));
                        if first.len() > most {
                            first.pop();
                        }
                    }
                }
                Ok(())
            })?;
            let values: HashSet<Box<[u8]>> = first.into_iter().map(|(_, row)| row).collect();
            let count = u64::try_from(count).unwrap_or_default();
            check.duplicates = Some(Duplicates { columns, count, converter, values });
        }
        Ok(())
    }

    /// Tests each row.
    fn test_rows(&mut self) -> Result<(), Error> {
        let schema = self.table.schema();
        let mut running = Vec::new();
        for mut check in std::mem::take(&mut self.row_checks) {
            let figures = |column: usize| {
                let of = Selection { column, condition: check.condition };
                self.figures.iter().find(|figures| figures.of == of)
            };
            let tester = match (&check.columns, check.duplicates.take(), check.test) {
                (_, Some(duplicates), _) => Ok(Tester::Duplicates(duplicates)),
                (Columns::Pair(a, b, _), None, Test::Greater { or_equal }) => Ok(Tester::Greater(*a, *b, *or_equal)),
                (Columns::One(column) | Columns::Missing(column), None, test) if !matches!(test, Test::Unique) => {
                    let moments = figures(*column).and_then(|figures| figures.moments.as_ref());
                    Tester::new(test, *column, kind_of(schema, *column), moments)
                }
                _ => Err("the test does not fit its columns".to_owned()),
            };
            match tester {
                Ok(tester) => running.push((check, tester, None)),
                Err(reason) => self.outcomes[check.at] = Some(Outcome::raised(reason)),
            }
        }
        if running.is_empty() {
            return Ok(());
        }
        for part in self.table.scan()? {
            let part = part?;
            for (check, tester, failed) in running.iter_mut().filter(|(_, _, failed)| failed.is_none()) {
                *failed = check.found.push(&part, check.condition, tester).err();
            }
        }
        for (check, _, failed) in running {
            let judged = failed.map_or_else(|| check.found.finish(check.mostly), Outcome::raised);
            self.outcomes[check.at] = Some(judged);
        }
        Ok(())
    }

    fn report(self, set: &str) -> Report {
        let judged = self.suite.expectations.iter().zip(self.outcomes);
        let verdicts = judged.map(|((expectation, _), outcome)| {
            let mut outcome = outcome.unwrap_or_else(|| Outcome::raised("was not judged"));
            if self.format == ResultFormat::BooleanOnly {
                outcome.result.clear();
            }
            Verdict { expectation: expectation.clone(), outcome }
        });
        let verdicts = verdicts.collect();
        Report { suite: self.suite.name.clone(), set: set.to_owned(), rows: self.table.rows(), verdicts }
    }
}

impl Figures<'_> {
    /// Takes some rows. The error says why a condition cannot be applied.
    fn push(&mut self, part: &Part) -> Result<(), String> {
        let kept = keep(self.of.condition, &part.batch)?;
        let present = Columns::One(self.of.column).consider(&part.batch, &kept);
        self.totals.rows += kept.count_set_bits() as u64;
        self.totals.present += present.count_set_bits() as u64;
        if self.folds.is_empty() && self.moments.is_none() {
            return Ok(());
        }
        let (folds, moments) = (&mut self.folds, &mut self.moments);
        each_value(part.batch.column(self.of.column), Some(&present), None, &mut |value, count| {
            folds.iter_mut().for_each(|(_, fold)| fold.push(value, count));
            if let (Some(moments), Some(number)) = (moments.as_mut(), value.number()) {
                moments.push(number, count);
            }
        });
        Ok(())
    }
}

fn fold_of(body: &Body, totals: Totals) -> Option<Fold> {
    match body {
        Body::Measure { measure, bounds, .. } => Some(Fold::measure(*measure, *bounds, totals)),
        Body::DistinctInSet { values, .. } => Some(Fold::not_in_set(values.clone())),
        Body::Quantiles { quantiles, .. } => Some(Fold::quantiles(quantiles.clone(), totals)),
        Body::Divergence { divergence, .. } => Some(Fold::divergence(divergence.clone())),
        _ => None,
    }
}

fn kind_of(schema: &Schema, column: usize) -> ColumnType {
    ColumnType::of(schema.field(column).data_type()).unwrap_or(ColumnType::Text)
}

/// Selects the rows that a check is about.
fn filter(columns: Columns, condition: Option<&Condition>) -> Filter {
    let condition = condition.cloned();
    Arc::new(move |part: &Part| {
        let kept = keep(condition.as_ref(), &part.batch)?;
        Ok(Some(columns.consider(&part.batch, &kept)))
    })
}

/// Calls a function with each value that is there and selected, and its count.
fn each_value(
    column: &dyn Array,
    selected: Option<&BooleanBuffer>,
    counts: Option<&Int64Array>,
    each: &mut dyn FnMut(&Value, u64),
) {
    let count = |row: usize| counts.map_or(1, |counts| u64::try_from(counts.value(row)).unwrap_or_default());
    let rows = (0..column.len()).filter(|row| match selected {
        Some(selected) => selected.value(*row),
        None => column.is_valid(*row),
    });
    match ColumnType::of(column.data_type()) {
        Some(ColumnType::Int) => {
            let values = column.as_primitive::<Int64Type>();
            rows.for_each(|row| each(&Value::Int(values.value(row)), count(row)));
        }
        Some(ColumnType::Float) => {
            let values = column.as_primitive::<Float64Type>();
            rows.for_each(|row| each(&Value::Float(values.value(row)), count(row)));
        }
        Some(ColumnType::Time) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            rows.for_each(|row| each(&Value::Time(values.value(row)), count(row)));
        }
        _ => rows.for_each(|row| each(&Value::at(column, row), count(row))),
    }
}
