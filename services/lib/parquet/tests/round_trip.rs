//! A table that was written is read back unchanged, whole or in batches, and is written as the same
//! bytes every time.

use bytes::Bytes;
use marquee_parquet::{Batches, Column, ColumnInfo, Error, Kind, Options, Table, read, write};
use proptest::prelude::*;

fn table(rows: usize) -> Table {
    let some = |row: usize| !row.is_multiple_of(3);
    let rows = 0..rows;
    Table {
        columns: vec![
            ("title".to_owned(), Column::Utf8(rows.clone().map(|row| some(row).then(|| format!("№ {row}"))).collect())),
            ("year".to_owned(), Column::Int64(rows.clone().map(|row| some(row + 1).then_some(row as i64)).collect())),
            ("mean".to_owned(), Column::Float64(rows.clone().map(|row| Some(row as f64 / 7.0)).collect())),
            ("seen".to_owned(), Column::Bool(rows.map(|row| Some(row % 5 == 0)).collect())),
        ],
    }
}

#[test]
fn a_table_comes_back_and_equal_tables_give_equal_bytes() {
    for rows in [0, 1, 2, 10_000] {
        let bytes = write(&table(rows)).unwrap();
        assert_eq!(bytes, write(&table(rows)).unwrap());
        assert_eq!(read(Bytes::from(bytes)).unwrap(), table(rows), "{rows} rows");
    }
}

#[test]
fn batches_of_selected_columns_cover_every_row_once() {
    let bytes = Bytes::from(write(&table(10_000)).unwrap());
    let options = Options { columns: Some(vec!["mean".to_owned(), "title".to_owned()]), batch_rows: 999 };
    let mut batches = Batches::open(bytes, options).unwrap();
    assert_eq!(batches.rows(), 10_000);
    assert_eq!(batches.columns()[0], ColumnInfo { name: "title".to_owned(), kind: Kind::Utf8 });
    batches.skip_rows(1_500).unwrap();
    let mut rows = 1_500;
    for batch in &mut batches {
        let batch = batch.unwrap();
        assert_eq!(batch.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["mean", "title"]);
        let Some(Column::Float64(means)) = batch.column("mean") else { panic!("a column of floats") };
        assert_eq!(means[0], Some(f64::from(rows) / 7.0));
        rows += batch.rows() as i32;
    }
    assert_eq!((rows, batches.rows_read()), (10_000, 10_000));
}

#[test]
fn whole_row_groups_are_passed_over() {
    let rows = (1 << 20) + 10;
    let table = Table { columns: vec![("n".to_owned(), Column::Int64((0..rows).map(Some).collect()))] };
    let mut batches = Batches::open(Bytes::from(write(&table).unwrap()), Options::default()).unwrap();
    batches.skip_rows((1 << 20) + 3).unwrap();
    let last = batches.next().unwrap().unwrap();
    assert_eq!(last.column("n"), Some(&Column::Int64(((1 << 20) + 3..rows).map(Some).collect())));
    assert!(batches.next().is_none());
}

#[test]
fn a_table_that_is_not_valid_is_refused() {
    let one = || Column::Bool(vec![None]);
    let ragged = Table { columns: vec![("a".to_owned(), one()), ("b".to_owned(), Column::Bool(vec![]))] };
    assert!(matches!(write(&ragged), Err(Error::Ragged { column, rows: 0, expected: 1 }) if column == "b"));
    let twice = Table { columns: vec![("a".to_owned(), one()), ("a".to_owned(), one())] };
    assert!(matches!(write(&twice), Err(Error::Names)));
    assert!(matches!(write(&Table::default()), Err(Error::Names)));
    let bytes = Bytes::from(write(&table(1)).unwrap());
    let options = Options { columns: Some(vec!["plot".to_owned()]), ..Options::default() };
    assert!(matches!(Batches::open(bytes, options), Err(Error::NoSuchColumn(name)) if name == "plot"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_table_comes_back(
        rows in prop::collection::vec((any::<Option<String>>(), any::<Option<i64>>(), any::<Option<bool>>()), 0..200),
        floats in prop::collection::vec(prop::option::of(-1e300..1e300), 200),
    ) {
        let table = Table {
            columns: vec![
                ("text".to_owned(), Column::Utf8(rows.iter().map(|row| row.0.clone()).collect())),
                ("whole".to_owned(), Column::Int64(rows.iter().map(|row| row.1).collect())),
                ("truth".to_owned(), Column::Bool(rows.iter().map(|row| row.2).collect())),
                ("float".to_owned(), Column::Float64(floats[..rows.len()].to_vec())),
            ],
        };
        prop_assert_eq!(read(Bytes::from(write(&table).unwrap())).unwrap(), table);
    }
}
