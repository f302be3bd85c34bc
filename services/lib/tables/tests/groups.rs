//! Tables and groups, in memory and on the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use marquee_tables::arrow::array::{Array as _, AsArray as _};
use marquee_tables::arrow::buffer::BooleanBuffer;
use marquee_tables::arrow::datatypes::Int64Type;
use marquee_tables::{Builder, Cell, ColumnType, Engine, Filter, Order, Table};

const ROWS: i64 = 200_000;

/// Returns a table of users with many ratings each, and of times that are all different.
fn table(memory: usize) -> Table {
    let mut builder = Builder::new(&[("user", ColumnType::Text), ("time", ColumnType::Int)], memory);
    for row in 0..ROWS {
        let user = format!("user {}", row * 7 % 1_000);
        let user = if row % 1_000 == 0 { Cell::Missing } else { Cell::Text(&user) };
        builder.push(&[user, Cell::Int(row * 7_919 % ROWS)]).expect("a row");
    }
    builder.finish().expect("a table")
}

/// Returns the keys of all groups with the count and the first row.
fn grouped(engine: &Engine, table: &Table, key: usize, order: Order) -> Vec<(String, i64, i64)> {
    let mut all = Vec::new();
    let ended = engine.groups(table, &[key], None, order, |groups| {
        for at in 0..groups.counts.len() {
            let keys = &groups.keys[0];
            let key = match keys.as_string_opt::<i32>() {
                _ if keys.is_null(at) => "none".to_owned(),
                Some(texts) => texts.value(at).to_owned(),
                None => format!("{:06}", keys.as_primitive::<Int64Type>().value(at)),
            };
            all.push((key, groups.counts.value(at), groups.first_rows.value(at)));
        }
        Ok(())
    });
    ended.expect("groups");
    all
}

#[test]
fn groups_of_a_table_on_disk_with_little_memory_are_those_in_memory() {
    let (large, small) = (table(usize::MAX), table(1 << 20));
    assert!(!large.is_on_disk() && small.is_on_disk());
    let (rich, poor) = (Engine::new(1 << 30), Engine::new(6 << 20));
    for key in [0, 1] {
        let groups = grouped(&rich, &large, key, Order::Keys);
        assert_eq!(groups, grouped(&poor, &small, key, Order::Keys));
        let total: i64 = groups.iter().map(|(_, count, _)| count).sum();
        assert_eq!(total, ROWS);
        // A missing key is the last group.
        let present = if key == 0 { groups.len() - 1 } else { groups.len() };
        assert!(groups[..present].is_sorted());
        let mut any = grouped(&poor, &small, key, Order::Any);
        any.sort_unstable();
        let mut sorted = groups;
        sorted.sort_unstable();
        assert_eq!(any, sorted);
    }
}

#[test]
fn groups_have_the_rows_that_a_filter_selects() {
    let table = table(usize::MAX);
    let engine = Engine::new(64 << 20);
    let even: Filter =
        Arc::new(|part| Ok(Some(BooleanBuffer::collect_bool(part.batch.num_rows(), |row| row.is_multiple_of(2)))));
    let mut counts = BTreeMap::new();
    let ended = engine.groups(&table, &[0], Some(&even), Order::Any, |groups| {
        for at in 0..groups.counts.len() {
            *counts.entry(groups.first_rows.value(at)).or_insert(0) += groups.counts.value(at);
        }
        Ok(())
    });
    ended.expect("groups");
    assert_eq!(counts.values().sum::<i64>(), ROWS / 2);
    assert!(counts.keys().all(|first| first % 2 == 0));
    let failing: Filter = Arc::new(|_| Err("no reason".to_owned()));
    let failed = engine.groups(&table, &[0], Some(&failing), Order::Any, |_| Ok(()));
    assert!(failed.is_err());
}

#[test]
fn whole_numbers_with_missing_values_become_floats_also_on_the_disk() {
    for memory in [usize::MAX, 1] {
        let mut builder = Builder::new(&[("year", ColumnType::Int), ("id", ColumnType::Int)], memory);
        for row in 0..20_000 {
            let year = if row == 19_999 { Cell::Missing } else { Cell::Int(row) };
            builder.push(&[year, Cell::Int(row)]).expect("a row");
        }
        let table = builder.finish().expect("a table");
        let kinds: Vec<_> = table.schema().fields().iter().map(|field| ColumnType::of(field.data_type())).collect();
        assert_eq!(kinds, [Some(ColumnType::Float), Some(ColumnType::Int)]);
        let mut rows = 0;
        for part in table.scan().expect("a scan") {
            let part = part.expect("a part");
            assert_eq!((part.first, part.batch.schema()), (rows, Arc::clone(table.schema())));
            rows += part.batch.num_rows() as u64;
        }
        assert_eq!(rows, table.rows());
    }
}

#[test]
fn scans_of_a_table_on_disk_do_not_disturb_each_other() {
    let table = table(1 << 20);
    assert!(table.is_on_disk());
    let one = table.scan().expect("a scan");
    let mut other = table.scan().expect("a scan");
    // A scan keeps the file.
    let rows = table.rows();
    drop(table);
    let mut read = 0;
    for part in one {
        let (part, same) = (part.expect("a part"), other.next().expect("a part").expect("a part"));
        assert_eq!((part.first, &part.batch), (read, &same.batch));
        read += part.batch.num_rows() as u64;
    }
    assert_eq!(read, rows);
}

#[test]
fn a_row_that_does_not_fit_is_refused_by_name() {
    let mut builder = Builder::new(&[("year", ColumnType::Int)], usize::MAX);
    let wrong = builder.push(&[Cell::Text("1995")]).expect_err("a text");
    assert_eq!(wrong.to_string(), "column year: a cell has another type than the column");
    assert!(builder.push(&[]).is_err());
}
