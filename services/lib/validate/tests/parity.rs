//! Compares verdicts and results with those of the real Great Expectations on generated tables.
//! `MARQUEE_GX_PYTHON` names a Python that has the package; `make gx` puts one into the cache.

use std::io::Write as _;
use std::process::{Command, Stdio};

use marquee_tables::{Builder, Cell, ColumnType, Engine, Table};
use marquee_validate::{ResultFormat, Suite, validate};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};

const TABLES: usize = 40;
const PAIRS: usize = 600;

/// A generated table, for both sides.
struct Generated {
    json: Value,
    table: Table,
}

fn some<T: Copy>(random: &mut ChaCha8Rng, of: &[T]) -> T {
    of[random.random_range(0..of.len())]
}

/// Returns a table whose columns have each type, with duplicates, ties and missing values.
fn generate(random: &mut ChaCha8Rng, at: usize) -> Generated {
    let rows = match at {
        0 => 0,
        1 => 1,
        _ => random.random_range(2..120),
    };
    let share = some(random, &[0.0, 0.0, 0.1, 0.4, 1.0]);
    let columns = [
        ("user", ColumnType::Text, "text"),
        ("movie", ColumnType::Int, "int"),
        ("rating", ColumnType::Float, "float"),
        ("count", ColumnType::Int, "int"),
        ("score", ColumnType::Float, "float"),
        ("time", ColumnType::Time, "time"),
        ("seen", ColumnType::Bool, "bool"),
    ];
    let constant = random.random_bool(0.1);
    let mut values: Vec<Vec<Value>> = vec![Vec::new(); columns.len()];
    for _ in 0..rows {
        let is_missing = |random: &mut ChaCha8Rng| random.random_bool(share);
        let texts = ["a", "b", "c", "é", "user 1", "Z9", "", "x.y"];
        let row = [
            if is_missing(random) { Value::Null } else { json!(some(random, &texts)) },
            if random.random_bool(share / 2.0) { Value::Null } else { json!(random.random_range(-3_i64..12)) },
            if is_missing(random) { Value::Null } else { json!(f64::from(random.random_range(0..=12)) / 2.0) },
            json!(if constant { 7 } else { random.random_range(0_i64..1_000) }),
            if is_missing(random) { Value::Null } else { json!(random.random_range(-50.0..50.0_f64)) },
            match is_missing(random) {
                true => Value::Null,
                false => {
                    let (year, day) = (random.random_range(1999..2026), random.random_range(1..28));
                    let fraction = some(random, &["", ".250000"]);
                    json!(format!("{year}-02-{day:02}T10:20:30{fraction}"))
                }
            },
            json!(random.random_bool(0.7)),
        ];
        values.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let names: Vec<(&str, ColumnType)> = columns.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    let mut builder = Builder::new(&names, usize::MAX);
    for row in 0..rows {
        let cells: Vec<Cell<'_>> =
            values.iter().zip(&columns).map(|(column, (_, kind, _))| cell(&column[row], *kind)).collect();
        builder.push(&cells).expect("the row fits");
    }
    let listed: Vec<Value> = columns
        .iter()
        .zip(values)
        .map(|((name, _, kind), values)| json!({"name": name, "type": kind, "values": values}))
        .collect();
    Generated { json: json!({"columns": listed}), table: builder.finish().expect("a table") }
}

fn cell(value: &Value, kind: ColumnType) -> Cell<'_> {
    match (kind, value) {
        (_, Value::Null) => Cell::Missing,
        (ColumnType::Bool, value) => Cell::Bool(value.as_bool().expect("a flag")),
        (ColumnType::Int, value) => Cell::Int(value.as_i64().expect("a whole number")),
        (ColumnType::Float, value) => Cell::Float(value.as_f64().expect("a number")),
        (ColumnType::Text, value) => Cell::Text(value.as_str().expect("a text")),
        (ColumnType::Time, value) => {
            let text = format!("{}Z", value.as_str().expect("a time"));
            Cell::Time(marquee_domain::Timestamp::parse(&text).expect("a time").micros())
        }
    }
}

/// Returns limits of numbers, at least one, and sometimes strict.
fn limits(random: &mut ChaCha8Rng, kwargs: &mut Map<String, Value>, low: f64, high: f64, is_whole: bool) {
    let number = |value: f64| if is_whole { json!(value as i64) } else { json!((value * 4.0).round() / 4.0) };
    let middle = random.random_range(low..high);
    let which = random.random_range(0..3);
    if which != 1 {
        kwargs.insert("min_value".to_owned(), number(middle));
    }
    if which != 0 {
        kwargs.insert("max_value".to_owned(), number(random.random_range(middle..=high)));
    }
    for strict in ["strict_min", "strict_max"] {
        if random.random_bool(0.2) {
            kwargs.insert(strict.to_owned(), json!(true));
        }
    }
}

fn condition(random: &mut ChaCha8Rng, depth: u32) -> Value {
    let compare = |column: &str, operator: &str, parameter: Value| json!({"type": "comparison", "column": {"name": column}, "operator": operator, "parameter": parameter});
    let operator = some(random, &["==", "!=", "<", "<=", ">", ">="]);
    match random.random_range(0..if depth == 0 { 8 } else { 5 }) {
        0 => compare("rating", operator, json!(f64::from(random.random_range(0..=12)) / 2.0)),
        1 => compare("count", operator, json!(random.random_range(0..1_000))),
        2 => compare("user", some(random, &["==", "!="]), json!(some(random, &["a", "b", "zz"]))),
        3 => compare("count", some(random, &["IN", "NOT_IN"]), json!([1, 7, 400, 500])),
        4 => json!({"type": "nullity", "column": {"name": some(random, &["user", "rating", "time"])},
                    "is_null": random.random_bool(0.3)}),
        5 => json!({"type": "and", "conditions": [condition(random, 1), condition(random, 1)]}),
        _ => json!({"type": "or", "conditions": [condition(random, 1), condition(random, 1)]}),
    }
}

const NUMBERS: [&str; 4] = ["movie", "rating", "count", "score"];
const ALL: [&str; 7] = ["user", "movie", "rating", "count", "score", "time", "seen"];

/// Returns the type and the arguments of an expectation.
fn expectation(random: &mut ChaCha8Rng) -> (&'static str, Value) {
    let mut kwargs = Map::new();
    let column = |random: &mut ChaCha8Rng, of: &[&str], kwargs: &mut Map<String, Value>| {
        // Now and then a column that does not exist, or one of another type.
        let name = match random.random_range(0..40) {
            0 => "absent",
            1 => some(random, &ALL),
            _ => some(random, of),
        };
        kwargs.insert("column".to_owned(), json!(name));
        name.to_owned()
    };
    let mut is_of_rows = false;
    let kind = match random.random_range(0..30) {
        0 => {
            let names: Vec<&str> = (0..random.random_range(5..9)).map(|_| some(random, &ALL)).collect();
            kwargs.insert("column_set".to_owned(), if random.random_bool(0.3) { json!(ALL) } else { json!(names) });
            if random.random_bool(0.4) {
                kwargs.insert("exact_match".to_owned(), json!(false));
            }
            "expect_table_columns_to_match_set"
        }
        1 => {
            let mut names = ALL.to_vec();
            names.truncate(random.random_range(5..=7));
            if random.random_bool(0.5) {
                names.push("other");
            }
            kwargs.insert("column_list".to_owned(), json!(names));
            "expect_table_columns_to_match_ordered_list"
        }
        2 => {
            limits(random, &mut kwargs, 0.0, 150.0, true);
            "expect_table_row_count_to_be_between"
        }
        3 => {
            kwargs.insert("value".to_owned(), json!(random.random_range(6..9)));
            "expect_table_column_count_to_equal"
        }
        4 => {
            column(random, &ALL, &mut kwargs);
            if random.random_bool(0.6) {
                kwargs.insert("column_index".to_owned(), json!(random.random_range(1..9)));
            }
            "expect_column_to_exist"
        }
        5 => {
            is_of_rows = true;
            column(random, &ALL, &mut kwargs);
            "expect_column_values_to_not_be_null"
        }
        6 | 7 => {
            is_of_rows = true;
            if random.random_bool(0.25) {
                kwargs.insert("column".to_owned(), json!("time"));
                let year = random.random_range(2000..2025);
                kwargs.insert("min_value".to_owned(), json!(format!("{year}-02-10T00:00:00")));
            } else {
                let name = column(random, &["movie", "rating", "count", "score", "seen"], &mut kwargs);
                let high = if name == "count" { 1_000.0 } else { 10.0 };
                limits(random, &mut kwargs, -5.0, high, false);
            }
            "expect_column_values_to_be_between"
        }
        8 | 9 => {
            is_of_rows = true;
            let name = column(random, &ALL, &mut kwargs);
            let set = match name.as_str() {
                "user" => json!(["a", "b", "é", "user 1"]),
                "seen" => json!([true]),
                "rating" => json!([0.5, 1, 1.5, 2, 3, 3.5, 4]),
                _ => json!([1, 2, 3, 4, 5, 6, 7, 8.0, 250]),
            };
            kwargs.insert("value_set".to_owned(), set);
            "expect_column_values_to_be_in_set"
        }
        10 => {
            column(random, &ALL, &mut kwargs);
            let names = ["int64", "int", "float64", "float", "str", "bool", "datetime64", "object", "nothing"];
            kwargs.insert("type_".to_owned(), json!(some(random, &names)));
            "expect_column_values_to_be_of_type"
        }
        11 => {
            column(random, &ALL, &mut kwargs);
            let names = ["int64", "float64", "str", "bool", "datetime64[us]", "object", "int"];
            kwargs.insert("type_list".to_owned(), json!([some(random, &names), some(random, &names)]));
            "expect_column_values_to_be_in_type_list"
        }
        12 | 13 => {
            is_of_rows = true;
            column(random, &ALL, &mut kwargs);
            "expect_column_values_to_be_unique"
        }
        14 => {
            is_of_rows = true;
            column(random, &["user", "user", "movie", "rating", "count", "score", "seen"], &mut kwargs);
            let regexes = ["^[a-c]$", "\\d", "^\\w+$", "5$", "^-?\\d+$", "[.]0$", "e|T", "^.{1,3}$"];
            kwargs.insert("regex".to_owned(), json!(some(random, &regexes)));
            "expect_column_values_to_match_regex"
        }
        15 | 16 => {
            is_of_rows = true;
            let lists: [&[&str]; 5] = [
                &["user", "movie"],
                &["rating", "seen"],
                &["user", "time"],
                &["rating", "movie", "seen"],
                &["count", "score"],
            ];
            let list = some(random, &lists);
            kwargs.insert("column_list".to_owned(), json!(list));
            if random.random_bool(0.6) {
                let ignore = some(random, &["any_value_is_missing", "never"]);
                kwargs.insert("ignore_row_if".to_owned(), json!(ignore));
            }
            "expect_compound_columns_to_be_unique"
        }
        17..=20 => {
            let kinds = ["mean", "stdev", "min", "max", "median", "sum"];
            let figure = some(random, &kinds);
            let name = column(random, &["movie", "rating", "count", "score", "seen"], &mut kwargs);
            let high = if name == "count" { 1_000.0 } else { 10.0 };
            limits(random, &mut kwargs, -5.0, high, false);
            match figure {
                "mean" => "expect_column_mean_to_be_between",
                "stdev" => "expect_column_stdev_to_be_between",
                "min" => "expect_column_min_to_be_between",
                "max" => "expect_column_max_to_be_between",
                "median" => "expect_column_median_to_be_between",
                _ => "expect_column_sum_to_be_between",
            }
        }
        21 => {
            kwargs.insert("column".to_owned(), json!("time"));
            kwargs.insert("max_value".to_owned(), json!("2020-02-10T00:00:00"));
            some(random, &["expect_column_min_to_be_between", "expect_column_max_to_be_between"])
        }
        22 => {
            column(random, &ALL, &mut kwargs);
            limits(random, &mut kwargs, 0.0, 40.0, true);
            "expect_column_unique_value_count_to_be_between"
        }
        23 => {
            column(random, &ALL, &mut kwargs);
            limits(random, &mut kwargs, 0.0, 1.0, false);
            "expect_column_proportion_of_unique_values_to_be_between"
        }
        24 => {
            let name = column(random, &ALL, &mut kwargs);
            let set = match name.as_str() {
                "user" => json!(["a", "b", "é", "user 1"]),
                "time" => json!(["2001-02-03T10:20:30"]),
                _ => json!([0, 1, 2, 3, 4, 5, 6, 7, 2.5, true]),
            };
            kwargs.insert("value_set".to_owned(), set);
            "expect_column_distinct_values_to_be_in_set"
        }
        25 => {
            column(random, &NUMBERS, &mut kwargs);
            let quantiles = json!([0.0, 0.05, 0.25, 0.5, 0.77, 1.0]);
            let ranges = json!([[null, 1], [0, 300], [-3, 2.5], [2, 4], [3, null], [null, null]]);
            kwargs.insert("quantile_ranges".to_owned(), json!({"quantiles": quantiles, "value_ranges": ranges}));
            if random.random_bool(0.6) {
                let kinds = ["linear", "lower", "higher", "midpoint", "nearest"];
                kwargs.insert("allow_relative_error".to_owned(), json!(some(random, &kinds)));
            }
            "expect_column_quantile_values_to_be_between"
        }
        26 | 27 => {
            is_of_rows = true;
            let (a, b) =
                some(random, &[("movie", "rating"), ("score", "rating"), ("count", "movie"), ("user", "count")]);
            kwargs.insert("column_A".to_owned(), json!(a));
            kwargs.insert("column_B".to_owned(), json!(b));
            if random.random_bool(0.4) {
                kwargs.insert("or_equal".to_owned(), json!(true));
            }
            if random.random_bool(0.6) {
                let ignore = some(random, &["either_value_is_missing", "neither"]);
                kwargs.insert("ignore_row_if".to_owned(), json!(ignore));
            }
            "expect_column_pair_values_a_to_be_greater_than_b"
        }
        28 => {
            is_of_rows = true;
            column(random, &NUMBERS, &mut kwargs);
            kwargs.insert("threshold".to_owned(), json!(some(random, &[0.5, 1.0, 1.5, 2.0])));
            kwargs.insert("double_sided".to_owned(), json!(random.random_bool(0.5)));
            "expect_column_value_z_scores_to_be_less_than"
        }
        _ => {
            kwargs.insert("threshold".to_owned(), json!(some(random, &[0.05, 0.3, 1.0])));
            match random.random_range(0..4) {
                0 => {
                    column(random, &["movie", "rating", "user"], &mut kwargs);
                    kwargs.insert("bucketize_data".to_owned(), json!(false));
                }
                1 => {
                    kwargs.insert("column".to_owned(), json!("user"));
                    kwargs.insert(
                        "partition_object".to_owned(),
                        json!({"values": ["b", "a", "zz"], "weights": [0.25, 0.5, 0.25]}),
                    );
                    if random.random_bool(0.7) {
                        kwargs.insert("tail_weight_holdout".to_owned(), json!(0.2));
                    }
                }
                which => {
                    column(random, &["movie", "rating", "score"], &mut kwargs);
                    let mut partition = json!({"bins": [-50, 0, 1.5, 3, 10], "weights": [0.25, 0.0, 0.25, 0.5]});
                    if which == 2 {
                        partition["weights"] = json!([0.25, 0.25, 0.125, 0.125]);
                        partition["tail_weights"] = json!([0.125, 0.125]);
                    } else {
                        kwargs.insert("tail_weight_holdout".to_owned(), json!(0.1));
                        kwargs.insert("internal_weight_holdout".to_owned(), json!(0.05));
                    }
                    kwargs.insert("partition_object".to_owned(), partition);
                }
            }
            "expect_column_kl_divergence_to_be_less_than"
        }
    };
    if is_of_rows && random.random_bool(0.4) {
        kwargs.insert("mostly".to_owned(), json!(some(random, &[0.25, 0.5, 0.75, 0.9, 0.95])));
    }
    let is_of_columns = kind.starts_with("expect_table_col") || kind == "expect_column_to_exist";
    let is_of_type = kind.ends_with("type") || kind.ends_with("type_list");
    if !is_of_columns && !is_of_type && random.random_bool(0.25) {
        kwargs.insert("row_condition".to_owned(), condition(random, 0));
    }
    (kind, Value::Object(kwargs))
}

/// Returns whether two results are equal, numbers but for the last digits.
fn equal(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap_or(f64::NAN), theirs.as_f64().unwrap_or(f64::NAN));
            ours == theirs || (ours - theirs).abs() <= 1e-12 * ours.abs().max(theirs.abs()).max(1.0)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| equal(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, ours)| theirs.get(name).is_some_and(|theirs| equal(ours, theirs)))
        }
        (ours, theirs) => ours == theirs,
    }
}

/// Returns what is compared of a result: not the wording of exceptions, nor the name of the batch.
fn compared(mut result: Value) -> Value {
    let info = &result["exception_info"];
    // The package has an entry for each metric that failed, or one flag.
    let raised = match info.get("raised_exception").and_then(Value::as_bool) {
        Some(raised) => raised,
        None => info.as_object().is_some_and(|info| !info.is_empty()),
    };
    result["exception_info"] = json!(raised);
    if let Some(kwargs) = result["expectation_config"]["kwargs"].as_object_mut() {
        kwargs.remove("batch_id");
    }
    result
}

/// Returns whether a test that is left out counts as failed.
fn is_ci() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}

#[test]
fn verdicts_and_results_equal_those_of_great_expectations() {
    let Some(python) = std::env::var_os("MARQUEE_GX_PYTHON") else {
        assert!(!is_ci(), "MARQUEE_GX_PYTHON names a Python with Great Expectations");
        println!("skipped: MARQUEE_GX_PYTHON names no Python with Great Expectations: run `make gx`");
        return;
    };
    let mut random = ChaCha8Rng::seed_from_u64(15);
    let tables: Vec<Generated> = (0..TABLES).map(|at| generate(&mut random, at)).collect();
    let formats = ResultFormat::ALL;
    let pairs: Vec<(usize, &str, Value, &str, ResultFormat)> = (0..PAIRS)
        .map(|_| {
            let (kind, kwargs) = expectation(&mut random);
            let (name, format) = formats[random.random_range(0..formats.len())];
            (random.random_range(0..TABLES), kind, kwargs, name, format)
        })
        .collect();
    let listed: Vec<Value> = pairs
        .iter()
        .map(|(table, kind, kwargs, format, _)| json!({"table": table, "type": kind, "kwargs": kwargs, "format": format}))
        .collect();
    let frames: Vec<&Value> = tables.iter().map(|table| &table.json).collect();
    let given = json!({"tables": frames, "pairs": listed}).to_string();

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity.py");
    let mut command = Command::new(python);
    command.args(["-I", script]).env("GX_ANALYTICS_ENABLED", "false").env("TQDM_DISABLE", "1");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("Python starts");
    let mut stdin = child.stdin.take().expect("an input");
    let writer = std::thread::spawn(move || stdin.write_all(given.as_bytes()));
    let output = child.wait_with_output().expect("Python ends");
    writer.join().expect("a thread").expect("the input is read");
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("is older than 3") && !is_ci() {
        println!("skipped: {errors}");
        return;
    }
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let theirs: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(theirs.len(), PAIRS);

    let engine = Engine::new(64 << 20);
    let mut wrong = Vec::new();
    let mut met = 0;
    for ((table, kind, kwargs, name, format), theirs) in pairs.iter().zip(theirs) {
        let suite = json!({"name": "generated", "expectations": [{"type": kind, "kwargs": kwargs}]});
        let suite = Suite::parse(&suite.to_string()).expect("a suite");
        let report = validate(&engine, "set", &tables[*table].table, &suite, *format).expect("a report");
        let (ours, theirs) = (compared(report.verdicts[0].json()), compared(theirs));
        met += usize::from(theirs["success"] == json!(true));
        if !equal(&ours, &theirs) {
            wrong.push(format!("table {table}, {kind}, {name}\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    assert!(met > PAIRS / 4 && met < PAIRS * 3 / 4, "{met} of {PAIRS} are met: the pairs say little");
    let shown: Vec<&str> = wrong.iter().take(8).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {PAIRS} differ:\n{}", wrong.len(), shown.join("\n"));
    println!("{PAIRS} pairs are equal, {met} of them met");
}
