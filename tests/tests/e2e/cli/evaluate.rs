//! `marquee evaluate` and `marquee tune`, which call no fleet.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use super::{fails, run_with, stderr};

/// Returns the ratings of 30 users and 20 movies as CSV.
fn ratings() -> String {
    let mut text = "userId,movieId,rating,timestamp\n".to_owned();
    for number in 0..400_u32 {
        let (user, movie) = (number * 7 % 30, (number * 11 + number / 30) % 20);
        let _ = writeln!(text, "{user},{movie},{},{}", 1 + (user * movie + number) % 5, 1_000 + number * 37);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_set_is_judged_and_tuned_and_both_leave_a_report() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (set, json, report, out) = (path("ratings.csv"), path("result.json"), path("report"), path("tuned"));
    std::fs::write(&set, ratings())?;
    let quick = ["--algorithm", "map", "--factors", "2", "--sweeps", "4", "--seeds", "2"];
    let table = run_with(&[], &[&["evaluate", &set, "--report", &report][..], &quick].concat()).await?;
    assert_eq!(table.status.code(), Some(0), "{}", stderr(&table));
    let text = String::from_utf8(table.stdout.clone())?;
    for part in ["ARM", "prequential, strict", "retrained every", "temporal", "5 random folds", " ± "] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(stderr(&table).contains("fit        1 of "), "{}", stderr(&table));
    let page = std::fs::read_to_string(path("report/report.html"))?;
    assert!(page.starts_with("<!doctype html>") && page.len() < 1_000_000);
    let written = run_with(&[], &[&["evaluate", &set, &json, "--json"][..], &quick].concat()).await?;
    assert!(written.status.success() && written.stdout.is_empty(), "{}", stderr(&written));
    let result: Value = serde_json::from_str(&std::fs::read_to_string(&json)?)?;
    assert_eq!(result["arms"][0]["arm"], "prequential");
    let tuned = run_with(&[], &["tune", &set, "--trials", "2", "--inner", "1", "--out", &out, "--json"]).await?;
    assert!(tuned.status.success(), "{}", stderr(&tuned));
    let outcome: Value = serde_json::from_slice(&tuned.stdout)?;
    assert_eq!(outcome["by_fold"][0]["trials"]["complete"], 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_ends_with_64_and_names_the_argument() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let set = folder.path().join("ratings.csv").display().to_string();
    std::fs::write(&set, "userId,movieId,rating\n1,1,4\n1,2,5\n2,1,3\n2,2,4\n")?;
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--arms", "temporal"], &["--arms", "ratings with times"]),
        (&["--factors", "500"], &["--factors", "1 to 128"]),
        (&["--holdout", "0.9"], &["--holdout", "at most 0.5"]),
        (&["--folds", "9", "--arms", "folds"], &["--folds", "at most as many as ratings"]),
    ];
    for (arguments, parts) in cases {
        fails(&run_with(&[], &[&["evaluate", &set][..], arguments].concat()).await?, 64, parts);
    }
    Ok(())
}
