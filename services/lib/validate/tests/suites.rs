//! Suites: those that ship, and those that are refused.

use marquee_tables::{Builder, Cell, Engine, Table};
use marquee_validate::{Report, ResultFormat, Suite, page, sets, validate};

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
