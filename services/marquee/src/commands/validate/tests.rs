//! Tests of the command, in temporary folders.

use clap::Parser;
use marquee_cli::{Format, USAGE};

use super::*;

async fn validated(line: &[&str]) -> Result<()> {
    #[derive(Debug, Parser)]
    struct Program {
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        args: ValidateArgs,
    }
    let Program { json: _, args } = Program::try_parse_from(std::iter::once(&"validate").chain(line))?;
    run(args, Output::detect(Format::Json)).await
}

fn code(result: Result<()>) -> u8 {
    result.map_or_else(|error| Error::Other(error).exit_code(), |()| 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_written_and_an_unmet_expectation_fails_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let rows = "userId,movieId,rating,timestamp\n1,10,4.5,964982703\n1,20,3.0,964982704\n2,10,1.5,964982705\n";
    std::fs::write(path("ratings.csv"), rows).expect("written");
    std::fs::write(path("movies.csv"), "movieId,title,genres\n10,Heat (1995),Action\n20,Casino (1995),Drama\n")
        .expect("written");
    let (set, json, page) = (path("ratings.csv"), path("result.json"), path("page.html"));
    assert_eq!(code(validated(&[&set, &json, "--json", "--page", &page]).await), 0);
    assert_eq!(code(validated(&[&set, &json, "--json", "--movies"]).await), 0);

    let suite = path("suite.json");
    let high = r#"{"name": "high", "expectations": [{"type": "expect_column_values_to_be_between",
        "kwargs": {"column": "rating", "min_value": 2}}]}"#;
    std::fs::write(&suite, high).expect("written");
    let line = [&set[..], &json, "--json", "--suite", &suite, "--result-format", "COMPLETE"];
    assert_eq!(code(validated(&line).await), 1);
    let result = std::fs::read_to_string(&json).expect("a result");
    let result: serde_json::Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(result["results"][0]["result"]["unexpected_index_list"], serde_json::json!([2]));
    assert!(std::fs::read_to_string(&page).expect("a page").contains("expect_compound_columns_to_be_unique"));

    std::fs::write(&suite, high.replace("min_value", "least")).expect("written");
    assert_eq!(code(validated(&line).await), USAGE);
}
