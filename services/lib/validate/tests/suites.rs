//! Suites: those that ship, and those that are refused. Data sets as tables.

use std::io::Write as _;

use marquee_datasets::{Options, open_bytes};
use marquee_tables::{Builder, Cell, Engine, Table};
use marquee_validate::{Error, Report, ResultFormat, Suite, page, sets, validate};

fn ratings(rows: &[(&str, &str, f64)]) -> Table {
    let mut builder = Builder::new(&sets::RATINGS, usize::MAX);
    for (user, movie, rating) in rows {
        let time = Cell::Time(1_600_000_000_000_000);
        builder.push(&[Cell::Text(user), Cell::Text(movie), Cell::Float(*rating), time]).expect("a row");
    }
    builder.finish().expect("a table")
}

fn judged(table: &Table, suite: &Suite) -> Report {
    let engine = Engine::new(64 << 20);
    validate(&engine, "<set>", table, suite, ResultFormat::Summary).expect("a report")
}

#[test]
fn the_suites_that_ship_accept_good_data_and_find_faults() {
    assert_eq!(Suite::of_movies().expect("a suite").len(), 7);
    let suite = Suite::of_ratings().expect("a suite");
    let good = judged(&ratings(&[("1", "10", 4.5), ("1", "20", 3.0), ("2", "10", 1.5)]), &suite);
    assert!(good.is_met(), "{:?}", good.verdicts.iter().find(|verdict| !verdict.is_met()));
    let twice = judged(&ratings(&[("1", "10", 4.5), ("1", "10", 11.0)]), &suite);
    let unmet: Vec<&str> = twice.verdicts.iter().filter(|verdict| !verdict.is_met()).map(|one| one.kind()).collect();
    let wanted = [
        "expect_column_values_to_be_between",
        "expect_compound_columns_to_be_unique",
        "expect_column_unique_value_count_to_be_between",
    ];
    assert_eq!(unmet, wanted);
    let html = page::html(&twice, marquee_domain::Timestamp::from_seconds(1_600_000_000));
    assert!(html.contains("&lt;set&gt;") && !html.contains("<set>") && !html.contains("<script"));
    let json = twice.json(marquee_domain::Timestamp::from_seconds(1_600_000_000));
    assert_eq!(json["statistics"]["unsuccessful_expectations"], 3);
    assert_eq!(json["meta"]["run_id"]["run_time"], "2020-09-13T12:26:40+00:00");
}

#[test]
fn ratings_and_movies_are_tables_without_the_rows_that_cannot_be_read() {
    let text = "user,movie,rating,time,title,genres\n1,10,4,978300760,Heat (1995),Crime|Action\n1,x,y,978300761,,\n";
    let dataset = open_bytes("a.csv", text.into(), Options::default()).expect("a data set");
    let ratings = sets::ratings(&dataset, usize::MAX).expect("a table");
    assert_eq!((ratings.table.rows(), ratings.left_out), (1, 1));
    assert!(ratings.first_fault.expect("a fault").starts_with("line 3: rating "));
    let movies = sets::movies(&dataset, usize::MAX).expect("a table");
    assert!(judged(&movies.table, &Suite::of_movies().expect("a suite")).verdicts[0].is_met());
    let part = movies.table.scan().expect("a scan").next().expect("a part").expect("rows");
    let first: Vec<String> = part.batch.columns().iter().map(|column| format!("{:?}", column.slice(0, 1))).collect();
    for (column, value) in first.iter().zip(["\"10\"", "\"Heat\"", "1995", "\"Action|Crime\""]) {
        assert!(column.contains(value), "{column}");
    }
}

#[test]
fn a_file_that_ends_too_early_is_an_error_and_no_smaller_data_set() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writeln!(packed, "user,movie,rating,time").expect("written");
    for row in 0..60_000_u64 {
        writeln!(packed, "{},{},{},{}", row % 97, row * row % 3_001, row % 5 + 1, 978_300_760 + row).expect("written");
    }
    let mut bytes = packed.finish().expect("packed");
    bytes.truncate(bytes.len() / 2);
    let dataset = open_bytes("a.csv.gz", bytes.into(), Options::default()).expect("a data set");
    let cut = sets::ratings(&dataset, usize::MAX).expect_err("no end");
    assert!(matches!(cut, Error::Cut(_)), "{cut:?}");
}

#[test]
fn an_empty_table_is_judged() {
    let report = judged(&ratings(&[]), &Suite::of_ratings().expect("a suite"));
    assert!(report.verdicts.iter().all(|verdict| verdict.exception().is_none()));
}

#[test]
fn a_suite_that_is_not_understood_is_refused_by_name() {
    let suite = |kind: &str, kwargs: &str| {
        format!(r#"{{"name": "s", "expectations": [{{"type": "{kind}", "kwargs": {kwargs}}}]}}"#)
    };
    let between = "expect_column_values_to_be_between";
    let known = [
        (suite("expect_rain", "{}"), "expectations[0].type: expect_rain is not supported"),
        (suite(between, r#"{"column": "r", "min_value": 1, "wrong": 2}"#), "kwargs.wrong: is not supported"),
        (suite(between, r#"{"column": "r"}"#), "kwargs.min_value: give min_value, max_value or both"),
        (suite(between, r#"{"min_value": 1}"#), "kwargs.column: is missing"),
        (suite(between, r#"{"column": "r", "min_value": 1, "mostly": 2}"#), "kwargs.mostly: give a share from 0 to 1"),
        (suite(between, r#"{"column": "r", "min_value": {"$PARAMETER": "low"}}"#), "parameters of suites"),
        (suite(between, r#"{"column": "r", "min_value": 1, "row_condition": "r > 2"}"#), "is a text of pandas"),
        (suite("expect_column_values_to_match_regex", r#"{"column": "r", "regex": "(?=a)"}"#), "kwargs.regex"),
        (suite("expect_compound_columns_to_be_unique", r#"{"column_list": ["r"]}"#), "at least two columns"),
        (suite(between, "3"), "expectations[0].kwargs"),
        (r#"{"name": "s", "expectations": [], "other": 1}"#.to_owned(), "unknown field `other`"),
        (r#"{"name": "s", "expectations": [{"expectation_type": "x", "kwargs": {}}]}"#.to_owned(), "expectation_type"),
        ("[]".to_owned(), "suite: "),
    ];
    for (json, message) in known {
        let error = Suite::parse(&json).expect_err(&json).to_string();
        assert!(error.contains(message), "{json}: {error}");
    }
}

#[test]
fn a_check_that_does_not_fit_the_table_is_a_verdict_with_its_reason() {
    let suite = r#"{"name": "s", "expectations": [
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "absent", "min_value": 1}},
        {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "user_id", "min_value": 1}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "user_id", "row_condition":
            {"type": "comparison", "column": {"name": "rating"}, "operator": ">", "parameter": "a"}}}]}"#;
    let report = judged(&ratings(&[("1", "10", 4.5)]), &Suite::parse(suite).expect("a suite"));
    let reasons: Vec<&str> = report.verdicts.iter().filter_map(|verdict| verdict.exception()).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].contains("absent") && reasons[1].contains("no mean"));
}
