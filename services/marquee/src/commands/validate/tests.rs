//! Tests of the command, in temporary folders.

use clap::Parser;
use marquee_cli::{Format, USAGE};
use serde_json::{Value, json};

use super::*;

fn args(line: &[&str]) -> ValidateArgs {
    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: ValidateArgs,
    }
    Program::try_parse_from(std::iter::once(&"validate").chain(line)).expect("arguments").args
}

/// Runs the command, and returns its exit code and what it says about a failure.
async fn ended(line: &[&str]) -> (u8, String) {
    match run(args(line), Output::detect(Format::Json)).await {
        Ok(()) => (0, String::new()),
        Err(error) => {
            let why = format!("{error:#}");
            (Error::Other(error).exit_code(), why)
        }
    }
}

const RATINGS: &str = "userId,movieId,rating,timestamp\n1,10,4.5,964982703\n1,20,3.0,964982704\n2,10,1.5,964982705\n";

/// A suite with one expectation, which the last of the ratings does not meet.
const HIGH: &str = r#"{"name": "high", "expectations": [{"type": "expect_column_values_to_be_between",
    "kwargs": {"column": "rating", "min_value": 2}}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_expectation_that_is_not_met_fails_the_command_and_is_on_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("set")).expect("made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name).display().to_string();
        std::fs::write(&path, text).expect("written");
        path
    };
    let (set, suite, page) = (file("set/ratings.csv", RATINGS), file("suite.json", HIGH), file("page.html", ""));
    file("set/movies.csv", "movieId,title,genres\n10,Heat (1995),Action\n20,Casino (1995),Drama\n");
    assert_eq!(ended(&[&set, "--page", &page]).await, (0, String::new()));
    assert!(std::fs::read_to_string(&page).expect("a page").contains("expect_compound_columns_to_be_unique"));
    let whole = folder.path().join("set").display().to_string();
    assert_eq!(ended(&[&whole, "--of", "movies"]).await, (0, String::new()));

    let (code, why) = ended(&[&set, "--suite", &suite, "--page", &page]).await;
    assert_eq!((code, why.as_str()), (1, "1 of 1 expectations are not met"));
    assert!(std::fs::read_to_string(&page).expect("a page").contains("does not meet its expectations"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_validated_names_the_argument() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [set, bad, unknown] = ["ratings.csv", "bad.json", "unknown.json"].map(path);
    let [no_suite, no_set] = ["absent.json", "absent.csv"].map(path);
    std::fs::write(&set, RATINGS).expect("written");
    std::fs::write(&bad, HIGH.replace("2}", "2, \"least\": 1}")).expect("written");
    std::fs::write(&unknown, HIGH.replace("to_be_between", "to_rain")).expect("written");
    let [set, bad, unknown, no_suite, no_set] = [&set, &bad, &unknown, &no_suite, &no_set].map(String::as_str);
    for (line, code, words) in [
        (&[set, "--suite", bad][..], USAGE, "expectations[0].kwargs.least: is not supported"),
        (&[set, "--suite", unknown], USAGE, "expectations[0].type: expect_column_values_to_rain is not supported"),
        (&[set, "--suite", no_suite], 1, "could not read the suite"),
        (&[set, "--map-scale", "0..10"], USAGE, "--map-scale: "),
        (&[no_set], 1, "absent.csv"),
    ] {
        let (ended, why) = ended(line).await;
        assert!(ended == code && why.contains(words), "{line:?}: {ended}, {why}");
    }
}

#[test]
fn options_of_the_readers_hold_and_rows_that_cannot_be_read_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("odd.csv");
    std::fs::write(&set, "who;movie;stars\na;10;4\nb;10;x\nb;20;5\n").expect("written");
    let set = set.display().to_string();
    let ValidateArgs { paths, of, result_format, reading, .. } =
        args(&[&set, "--column", "user=who", "--column", "rating=stars", "--result-format", "complete"]);
    let suite = Suite::parse(&HIGH.replace('2', "5")).expect("a suite");
    let judged = judge(&paths, reading.options(None), of, &suite, result_format.into());
    let (report, unreadable) = judged.expect("judged");
    let result = Value::Object(report.verdicts[0].result().clone());
    assert_eq!((report.rows, &result["unexpected_index_list"]), (2, &json!([0])));
    let unreadable = unreadable.expect("a row");
    assert!(unreadable.to_string().starts_with("1 row cannot be read, the first: line 3: rating"), "{unreadable}");
    let json =
        serde_json::to_value(Validated { report, unreadable: Some(unreadable), now: Timestamp::from_seconds(0) });
    assert_eq!(json.expect("JSON")["meta"]["unreadable_rows"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_fail_the_command_and_warnings_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [set, warning] = ["ratings.csv", "warning.json"].map(path);
    std::fs::write(&set, RATINGS.replace("3.0", "x")).expect("written");
    std::fs::write(&warning, HIGH.replace("}}]", "}, \"severity\": \"warning\"}]")).expect("written");
    let (code, why) = ended(&[&set]).await;
    assert!(code == 1 && why.contains("1 row cannot be read") && why.contains("--allow-unreadable"), "{code} {why}");
    assert_eq!(ended(&[&set, "--allow-unreadable", "1"]).await, (0, String::new()));
    assert_eq!(ended(&[&set, "--allow-unreadable", "1", "--suite", &warning]).await, (0, String::new()));
}

#[test]
fn what_is_printed_has_each_verdict_with_its_severity() {
    let suite = Suite::parse(HIGH).expect("a suite");
    let text = RATINGS.into();
    let dataset = marquee_datasets::open_bytes("a.csv", text, Options::default()).expect("a set");
    let set = sets::ratings(&dataset, MEMORY).expect("a table");
    let report = validate(&Engine::new(MEMORY), "a", &set.table, &suite, ResultFormat::Summary).expect("a report");
    let Human::Table(table) = (Validated { report, unreadable: None, now: Timestamp::from_seconds(0) }).human() else {
        panic!("no table")
    };
    let printed = table.print(false);
    for part in ["not met (critical)", "expect_column_values_to_be_between", "min_value = 2", "1 of 3 rows"] {
        assert!(printed.contains(part), "{part} is not in\n{printed}");
    }
}
