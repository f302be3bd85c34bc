//! Tests of the output: its files, their bytes, and that they are read again as they were.

use std::collections::BTreeMap;
use std::path::Path;

use marquee_datasets::{Options, open};
use proptest::prelude::*;

use crate::set::tests::{dataset, shown};
use crate::{Error, Plan, Prepared, prepare, set};

fn plan(text: &str) -> Plan {
    Plan::parse(&format!("version = 1\n{text}")).unwrap_or_else(|error| panic!("{error}"))
}

fn prepared(lines: &str, text: &str) -> Prepared {
    prepare(&dataset(lines), plan(text), &()).expect("prepared")
}

/// Returns every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(inner) = waiting.pop() {
        for entry in std::fs::read_dir(&inner).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").display().to_string();
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

const LINES: &str = "a,1,4,1000000000\n\"b, c\",2,3.5,1000000001\na,2,1,\nd,1,5,1000000002\n";

const KEEP: &str = "[[steps]]\ndoes = 'deduplicate'\n";

#[test]
fn both_formats_are_read_again_as_they_were_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    for format in ["parquet", "csv"] {
        let out = folder.path().join(format);
        let text = format!("output = {{ format = '{format}', part_rows = 3 }}\n{KEEP}");
        let report = prepared(LINES, &text).write(&out, false, &()).expect("written");
        let paths: Vec<(&str, u64)> = report.files.iter().map(|file| (file.path.as_str(), file.rows)).collect();
        let part = |number: u32| format!("ratings/part-0000{number}.{format}");
        assert_eq!(paths, [(part(0).as_str(), 3), (part(1).as_str(), 1)]);
        let again = set::read(&open(&out, Options::default()).expect("a set"), &()).expect("ratings").0;
        let before = set::read(&dataset(LINES), &()).expect("ratings").0;
        assert_eq!((shown(&again), &again.ratings), (shown(&before), &before.ratings), "{format}");
        let json: serde_json::Value = serde_json::from_slice(&files(&out)["_report.json"]).expect("the report is JSON");
        assert_eq!(json["files"][1]["rows"], 1);
        assert_eq!(json["steps"][0]["after"]["ratings"], 4);
    }
}

#[test]
fn movies_and_features_have_columns_and_a_split_has_folders() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("in");
    std::fs::create_dir(&input).expect("made");
    let write = |name: &str, text: &str| std::fs::write(input.join(name), text).expect("written");
    write("ratings.csv", &format!("userId,movieId,rating,timestamp\n{LINES}"));
    write(
        "movies.csv",
        "movieId,title,genres\n1,\"Heat, The (1995)\",Crime|Drama\n2,Casino (1995) [DVD],Drama\n9,X,\n",
    );
    let text = "output = { format = 'csv', movies = 'rated' }\n[[steps]]\ndoes = 'derive'\n\
                features = ['year', 'genres', 'rating_age']\n[[steps]]\ndoes = 'split'\nby = 'time'\n\
                parts = [{ name = 'train', share = 0.5 }, { name = 'test', share = 0.5 }]\n";
    let set = open(&input, Options::default()).expect("a set");
    let out = folder.path().join("out");
    let report = prepare(&set, plan(text), &()).expect("prepared").write(&out, false, &()).expect("written");
    let files = files(&out);
    let text = |name: &str| String::from_utf8(files[name].clone()).expect("UTF-8");
    assert_eq!(
        text("movies.csv"),
        "movie_id,title,year,genres,genre_Crime,genre_Drama\n1,\"Heat, The\",1995,Crime|Drama,1,1\n\
         2,Casino (1995) [DVD],1995,Drama,0,1\n"
    );
    assert_eq!(
        text("ratings/split=train/part-00000.csv"),
        "user_id,movie_id,rating,rated_at,rating_age\na,1,4,2001-09-09T01:46:40Z,0.000023148148148148147\na,2,1,,\n"
    );
    assert!(text("ratings/split=test/part-00000.csv").contains("\"b, c\",2,3.5,2001-09-09T01:46:41Z"));
    assert_eq!(report.steps[1].notes[0], "test starts at 2001-09-09T01:46:41Z");
    let markdown = text("_report.md");
    for part in ["| 2. split | split | 4 | 4 | 0 | 3 | 2 |", "- train has 2 ratings, 50.00 %", "| movies.csv | 2 |"] {
        assert!(markdown.contains(part), "{part} is not in\n{markdown}");
    }
    // The whole is one set with its movies, and so is each part.
    let whole = open(&out, Options::default()).expect("a set");
    assert_eq!((whole.ratings().expect("ratings").count(), whole.movies().expect("movies").len()), (4, 2));
    let train = open(&out.join("ratings/split=train"), Options::default()).expect("a part");
    assert_eq!(train.ratings().expect("ratings").count(), 2);
}

#[test]
fn a_folder_that_cannot_be_replaced_stays_as_it_is() {
    struct Ended;
    impl crate::Watch for Ended {
        fn canceled(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("deep/out");
    let (one, two) = (prepared(LINES, KEEP), prepared("a,1,4,10\n", KEEP));
    one.write(&out, false, &()).expect("written");
    let before = files(&out);
    let refused = two.write(&out, false, &()).expect_err("it exists").to_string();
    assert!(refused.ends_with("has a prepared set: give another folder, or --replace"), "{refused}");
    assert!(matches!(two.write(&out, true, &Ended), Err(Error::Canceled)));
    assert_eq!(files(&out), before);
    two.write(&out, true, &()).expect("replaced");
    assert_ne!(files(&out), before);
    let other = folder.path().join("deep");
    let refused = two.write(&other, true, &()).expect_err("not prepared").to_string();
    assert!(refused.ends_with("has files that were not prepared: give another folder"), "{refused}");
    let names: Vec<_> =
        std::fs::read_dir(&other).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(names, ["out"], "nothing is left behind");
}

#[test]
fn a_step_that_leaves_nothing_is_an_error_that_names_it() {
    let text = "[[steps]]\nname = 'enough'\ndoes = 'minimum_counts'\nusers = 9\n";
    let error = prepare(&dataset(LINES), plan(text), &()).expect_err("nothing is left").to_string();
    assert_eq!(error, "step 1 (enough): no rating is left of 4: change the step");
}

/// Every kind of step, with limits that small sets reach.
const ALL: &str = "output.part_rows = 7\n\
    [[steps]]\ndoes = 'keep_times'\nfrom = 2001-01-01\nto = 2001-01-03\n\
    [[steps]]\ndoes = 'deduplicate'\n\
    [[steps]]\ndoes = 'map_scale'\nfrom = '0..10'\nto = { min = 0, max = 5, step = 0.5 }\n\
    [[steps]]\ndoes = 'drop_bursts'\nratings = 3\nseconds = 9000\ndrop = 'ratings'\n\
    [[steps]]\ndoes = 'drop_outlier_users'\nof = 'ratings'\nmethod = 'iqr'\n\
    [[steps]]\ndoes = 'drop_outlier_ratings'\nof = 'rating'\nmethod = 'z_score'\nlimit = 1.5\nwithin = 'movie'\nat_least = 3\n\
    [[steps]]\ndoes = 'minimum_counts'\nusers = 2\nmovies = 2\n\
    [[steps]]\ndoes = 'derive'\nfeatures = ['rating_age']\n\
    [[steps]]\ndoes = 'split'\nby = 'random'\nparts = [{ name = 'a', share = 0.7 }, { name = 'b', share = 0.3 }]\n";

/// Lines of ratings of a few users and movies, some without times or of impossible values.
fn lines() -> impl Strategy<Value = String> {
    let row = (0..9_u32, 0..7_u32, 0..13_u32, 0..300_000_u32).prop_map(|(user, movie, rating, time)| {
        let time = if time % 11 == 0 { String::new() } else { (978_300_000 + time).to_string() };
        format!("u{user},m{movie},{rating},{time}\n")
    });
    proptest::collection::vec(row, 1..150).prop_map(|rows| rows.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_input_and_plan_give_the_same_bytes(lines in lines()) {
        let folder = tempfile::tempdir().expect("a folder");
        let run = |name: &str| {
            let out = folder.path().join(name);
            match prepare(&dataset(&lines), plan(ALL), &()) {
                Ok(prepared) => {
                    prepared.write(&out, false, &()).expect("written");
                    Ok(files(&out))
                }
                Err(error) => Err(error.to_string()),
            }
        };
        prop_assert_eq!(run("one"), run("another/one"));
    }

    #[test]
    fn every_rating_is_kept_or_counted(lines in lines()) {
        let Ok(prepared) = prepare(&dataset(&lines), plan(ALL), &()) else { return Ok(()) };
        let report = prepared.report();
        let dropped: u64 = report.steps.iter().flat_map(|step| &step.dropped).map(|reason| reason.ratings).sum();
        prop_assert_eq!(report.read.kept.ratings, report.left().ratings + dropped);
        for step in &report.steps {
            let of_step: u64 = step.dropped.iter().map(|reason| reason.ratings).sum();
            prop_assert_eq!(of_step, step.lost(), "{}", step.name);
        }
        let mut before = report.read.kept;
        for step in &report.steps {
            prop_assert_eq!(step.before, before);
            before = step.after;
        }
    }
}
