//! What an expectation of a suite means.

use serde_json::{Map, Value as Json};

use crate::arguments::{Arguments, Bounds, IGNORED, Taken, wrong};
use crate::condition::Condition;
use crate::divergence::{self, Divergence};
use crate::error::Error;

/// An expectation with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) condition: Option<Condition>,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    ColumnsMatchSet {
        names: Option<Vec<String>>,
        is_exact: bool,
    },
    ColumnsMatchList {
        names: Option<Vec<String>>,
    },
    RowCount(Bounds),
    ColumnCount(i64),
    ColumnExists {
        column: String,
        at: Option<i64>,
    },
    /// The column has one of these types. In a list, types are compared as data types are.
    Type {
        column: String,
        types: Option<Vec<String>>,
        is_list: bool,
    },
    /// Each row meets a condition.
    Rows {
        domain: Domain,
        test: Test,
        mostly: f64,
    },
    /// A figure of a column is within limits.
    Measure {
        column: String,
        measure: Measure,
        bounds: Bounds,
    },
    DistinctInSet {
        column: String,
        values: Vec<Json>,
    },
    Quantiles {
        column: String,
        quantiles: Quantiles,
    },
    Divergence {
        column: String,
        divergence: Divergence,
    },
}

/// The columns of an expectation about rows, and which rows are left out.
#[derive(Debug, Clone)]
pub(crate) enum Domain {
    /// Rows whose value is missing are left out.
    Column(String),
    /// No row is left out.
    Missing(String),
    Pair {
        a: String,
        b: String,
        ignore: Ignore,
    },
    Many {
        columns: Vec<String>,
        ignore: Ignore,
    },
}

/// Which rows of several columns are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignore {
    /// Those in which all values are missing.
    All,
    /// Those in which a value is missing.
    Any,
    Never,
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    NotMissing,
    Between(Bounds),
    InSet(Option<Vec<Json>>),
    Regex(String),
    Unique,
    ZScore { threshold: f64, is_double_sided: bool },
    Greater { or_equal: bool },
}

/// A figure of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Mean,
    Deviation,
    Min,
    Max,
    Median,
    Sum,
    UniqueCount,
    UniqueShare,
}

#[derive(Debug, Clone)]
pub(crate) struct Quantiles {
    pub(crate) quantiles: Vec<f64>,
    pub(crate) ranges: Vec<(Option<f64>, Option<f64>)>,
    pub(crate) interpolation: Interpolation,
    /// The quantiles as the suite has them, for the result.
    pub(crate) given: Json,
}

/// What a quantile between two values is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interpolation {
    Linear,
    Lower,
    Higher,
    Midpoint,
    Nearest,
}

/// The types of expectations that are known, in the order of the documentation.
pub(crate) const KNOWN: [&str; 26] = [
    "expect_table_columns_to_match_set",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_row_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_column_to_exist",
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_match_regex",
    "expect_compound_columns_to_be_unique",
    "expect_column_mean_to_be_between",
    "expect_column_stdev_to_be_between",
    "expect_column_min_to_be_between",
    "expect_column_max_to_be_between",
    "expect_column_median_to_be_between",
    "expect_column_sum_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_quantile_values_to_be_between",
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_kl_divergence_to_be_less_than",
];

impl Check {
    /// Reads the arguments of the expectation at a place in a suite.
    pub(crate) fn parse(at: usize, kind: &str, kwargs: &Map<String, Json>) -> Result<Self, Error> {
        let mut arguments = Arguments::new(kwargs);
        let parsed = match body(kind, &mut arguments) {
            None => return Err(Error::UnknownExpectation { at, kind: kind.to_owned(), known: KNOWN.to_vec() }),
            Some(parsed) => parsed,
        };
        let checked = parsed.and_then(|body| {
            // The columns of a table are the same for all rows.
            let is_of_columns = matches!(
                body,
                Body::ColumnsMatchSet { .. }
                    | Body::ColumnsMatchList { .. }
                    | Body::ColumnCount(_)
                    | Body::ColumnExists { .. }
            );
            let condition = if is_of_columns { None } else { Condition::take(&mut arguments)? };
            arguments.ignore(&IGNORED);
            if arguments.take("result_format")?.is_some() {
                return Err(wrong("result_format", "give it to the validation, not to an expectation"));
            }
            arguments.end()?;
            Ok(Self { condition, body })
        });
        checked.map_err(|wrong| Error::Argument {
            at,
            kind: kind.to_owned(),
            argument: wrong.argument,
            reason: wrong.reason,
        })
    }
}

/// Returns `None` for an expectation that is not known.
fn body(kind: &str, arguments: &mut Arguments<'_>) -> Option<Taken<Body>> {
    Some(match kind {
        "expect_table_columns_to_match_set" => columns_match_set(arguments),
        "expect_table_columns_to_match_ordered_list" => {
            arguments.texts("column_list").map(|names| Body::ColumnsMatchList { names })
        }
        "expect_table_row_count_to_be_between" => arguments.wholes().map(Body::RowCount),
        "expect_table_column_count_to_equal" => {
            let value = arguments.whole("value");
            value.and_then(|value| value.map(Body::ColumnCount).ok_or_else(|| wrong("value", "is missing")))
        }
        "expect_column_to_exist" => column_exists(arguments),
        "expect_column_values_to_not_be_null" => rows(arguments, true, |_| Ok(Test::NotMissing)),
        "expect_column_values_to_be_between" => rows(arguments, false, |arguments| {
            let bounds = arguments.bounds()?;
            match (bounds.min, bounds.max) {
                (None, None) => Err(wrong("min_value", "give min_value, max_value or both")),
                _ => Ok(Test::Between(bounds)),
            }
        }),
        "expect_column_values_to_be_in_set" => {
            rows(arguments, false, |arguments| Ok(Test::InSet(arguments.list("value_set")?.map(<[Json]>::to_vec))))
        }
        "expect_column_values_to_be_of_type" => type_of(arguments, false),
        "expect_column_values_to_be_in_type_list" => type_of(arguments, true),
        "expect_column_values_to_be_unique" => rows(arguments, false, |_| Ok(Test::Unique)),
        "expect_column_values_to_match_regex" => rows(arguments, false, |arguments| {
            let regex = arguments.text("regex")?;
            regex::Regex::new(&regex).map_err(|error| wrong("regex", format!("is not supported: {error}")))?;
            Ok(Test::Regex(regex))
        }),
        "expect_column_value_z_scores_to_be_less_than" => rows(arguments, false, |arguments| {
            let threshold = arguments.number("threshold")?.ok_or_else(|| wrong("threshold", "is missing"))?;
            let is_double_sided = arguments.take("double_sided")?.and_then(Json::as_bool);
            let is_double_sided = is_double_sided.ok_or_else(|| wrong("double_sided", "give true or false"))?;
            Ok(Test::ZScore { threshold, is_double_sided })
        }),
        "expect_compound_columns_to_be_unique" => compound(arguments),
        "expect_column_pair_values_a_to_be_greater_than_b" => pair(arguments),
        "expect_column_mean_to_be_between" => figure(arguments, Measure::Mean),
        "expect_column_stdev_to_be_between" => figure(arguments, Measure::Deviation),
        "expect_column_min_to_be_between" => figure(arguments, Measure::Min),
        "expect_column_max_to_be_between" => figure(arguments, Measure::Max),
        "expect_column_median_to_be_between" => figure(arguments, Measure::Median),
        "expect_column_sum_to_be_between" => figure(arguments, Measure::Sum),
        "expect_column_unique_value_count_to_be_between" => figure(arguments, Measure::UniqueCount),
        "expect_column_proportion_of_unique_values_to_be_between" => figure(arguments, Measure::UniqueShare),
        "expect_column_distinct_values_to_be_in_set" => distinct_in_set(arguments),
        "expect_column_quantile_values_to_be_between" => quantiles(arguments),
        "expect_column_kl_divergence_to_be_less_than" => {
            let column = arguments.text("column");
            column.and_then(|column| Ok(Body::Divergence { column, divergence: divergence::take(arguments)? }))
        }
        _ => return None,
    })
}

fn rows(
    arguments: &mut Arguments<'_>,
    counts_missing: bool,
    test: impl FnOnce(&mut Arguments<'_>) -> Taken<Test>,
) -> Taken<Body> {
    let column = arguments.text("column")?;
    let mostly = arguments.mostly()?;
    let domain = if counts_missing { Domain::Missing(column) } else { Domain::Column(column) };
    Ok(Body::Rows { domain, test: test(arguments)?, mostly })
}

fn columns_match_set(arguments: &mut Arguments<'_>) -> Taken<Body> {
    Ok(Body::ColumnsMatchSet { names: arguments.texts("column_set")?, is_exact: arguments.flag("exact_match", true)? })
}

fn column_exists(arguments: &mut Arguments<'_>) -> Taken<Body> {
    Ok(Body::ColumnExists { column: arguments.text("column")?, at: arguments.whole("column_index")? })
}

fn type_of(arguments: &mut Arguments<'_>, is_list: bool) -> Taken<Body> {
    let column = arguments.text("column")?;
    let types = match is_list {
        true => arguments.texts("type_list")?,
        false => Some(vec![arguments.text("type_")?]),
    };
    arguments.mostly()?;
    Ok(Body::Type { column, types, is_list })
}

fn compound(arguments: &mut Arguments<'_>) -> Taken<Body> {
    let columns = arguments.texts("column_list")?.filter(|columns| columns.len() >= 2);
    let columns = columns.ok_or_else(|| wrong("column_list", "give at least two columns"))?;
    let ignore = match arguments.optional_text("ignore_row_if")? {
        None | Some("all_values_are_missing") => Ignore::All,
        Some("any_value_is_missing") => Ignore::Any,
        Some("never") => Ignore::Never,
        Some(_) => {
            return Err(wrong("ignore_row_if", "give all_values_are_missing, any_value_is_missing or never"));
        }
    };
    let domain = Domain::Many { columns, ignore };
    Ok(Body::Rows { domain, test: Test::Unique, mostly: arguments.mostly()? })
}

fn pair(arguments: &mut Arguments<'_>) -> Taken<Body> {
    let (a, b) = (arguments.text("column_A")?, arguments.text("column_B")?);
    let ignore = match arguments.optional_text("ignore_row_if")? {
        None | Some("both_values_are_missing") => Ignore::All,
        Some("either_value_is_missing") => Ignore::Any,
        Some("neither") => Ignore::Never,
        Some(_) => {
            return Err(wrong("ignore_row_if", "give both_values_are_missing, either_value_is_missing or neither"));
        }
    };
    let or_equal = arguments.flag("or_equal", false)?;
    let domain = Domain::Pair { a, b, ignore };
    Ok(Body::Rows { domain, test: Test::Greater { or_equal }, mostly: arguments.mostly()? })
}

fn figure(arguments: &mut Arguments<'_>, measure: Measure) -> Taken<Body> {
    let column = arguments.text("column")?;
    let bounds = match measure {
        Measure::Deviation | Measure::UniqueShare => arguments.numbers()?,
        Measure::UniqueCount => arguments.wholes()?,
        _ => arguments.bounds()?,
    };
    Ok(Body::Measure { column, measure, bounds })
}

fn distinct_in_set(arguments: &mut Arguments<'_>) -> Taken<Body> {
    let column = arguments.text("column")?;
    let values = arguments.list("value_set")?.filter(|values| !values.is_empty());
    let values = values.ok_or_else(|| wrong("value_set", "give at least one value"))?.to_vec();
    Ok(Body::DistinctInSet { column, values })
}

fn quantiles(arguments: &mut Arguments<'_>) -> Taken<Body> {
    const NAME: &str = "quantile_ranges";
    let column = arguments.text("column")?;
    let expected = || wrong(NAME, "give {\"quantiles\": [0.5, …], \"value_ranges\": [[2, 4], …]} of the same length");
    let ranges = arguments.take(NAME)?.ok_or_else(|| wrong(NAME, "is missing"))?;
    let given = ranges.get("quantiles").cloned().ok_or_else(expected)?;
    let quantiles: Option<Vec<f64>> = given.as_array().ok_or_else(expected)?.iter().map(Json::as_f64).collect();
    let quantiles = quantiles.filter(|all| all.iter().all(|one| (0.0..=1.0).contains(one))).ok_or_else(expected)?;
    let bound = |value: &Json| if value.is_null() { Some(None) } else { value.as_f64().map(Some) };
    let pairs = ranges.get("value_ranges").and_then(Json::as_array).ok_or_else(expected)?;
    let pairs: Option<Vec<_>> = pairs
        .iter()
        .map(|pair| match pair.as_array().map(Vec::as_slice) {
            Some([low, high]) => bound(low).zip(bound(high)),
            _ => None,
        })
        .collect();
    let ranges = pairs.filter(|pairs| pairs.len() == quantiles.len()).ok_or_else(expected)?;
    let interpolation = match arguments.take("allow_relative_error")? {
        None | Some(Json::Bool(false)) => Interpolation::Nearest,
        Some(Json::String(name)) => match name.as_str() {
            "linear" => Interpolation::Linear,
            "lower" => Interpolation::Lower,
            "higher" => Interpolation::Higher,
            "midpoint" => Interpolation::Midpoint,
            "nearest" => Interpolation::Nearest,
            _ => return Err(wrong("allow_relative_error", "give linear, lower, higher, midpoint or nearest")),
        },
        Some(_) => return Err(wrong("allow_relative_error", "give linear, lower, higher, midpoint or nearest")),
    };
    Ok(Body::Quantiles { column, quantiles: Quantiles { quantiles, ranges, interpolation, given } })
}
