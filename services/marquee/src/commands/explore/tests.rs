//! Tests of the command, on small files.

use clap::Parser;
use marquee_cli::Format;

use super::*;

fn args(line: &[&str]) -> ExploreArgs {
    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: ExploreArgs,
    }
    Program::try_parse_from(std::iter::once(&"explore").chain(line)).expect("arguments").args
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_is_explored_and_has_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let (set, page) = (folder.path().join("a.csv"), folder.path().join("a.html"));
    std::fs::write(&set, "user,movie,rating,time\n1,1,4,978300760\n1,2,x,978300760\n2,1,5,978300761\n")
        .expect("a file");
    let line = [set.to_str().expect("UTF-8"), "--page", page.to_str().expect("UTF-8")];
    run(args(&line), Output::detect(Format::Json)).await.expect("explored");
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(page.contains("What is in a") && page.contains("unreadable for the rating: 1 row"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_explored_is_wrong_usage_that_names_the_argument() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("a.csv");
    std::fs::write(&set, "user,movie,rating\n1,1,x\n").expect("a file");
    let set = set.to_str().expect("UTF-8");
    for (line, words) in [
        (&[set][..], "PATH: a has no ratings, the first problem: line 2: rating "),
        (&[set, "--map-scale", "0..10"], "--map-scale: ratings are explored as they are"),
    ] {
        let error = run(args(line), Output::detect(Format::Json)).await.expect_err(words);
        let Some(Error::Usage(why)) = error.downcast_ref() else { panic!("{error:#}") };
        assert!(why.starts_with(words), "{why}");
    }
}

#[test]
fn what_is_printed_has_the_figures_and_the_findings() {
    use marquee_cli::{Human, Show as _};
    let text = "user,movie,rating,time\n1,1,4,978300760\n1,1,4,978300760\n2,2,5,978300761\n";
    let dataset = marquee_datasets::open_bytes("a.csv", text.into(), marquee_datasets::Options::default());
    let now = Timestamp::from_seconds(1_000_000_000);
    let explored = marquee_explore::explore(&dataset.expect("a set"), now, &()).expect("ratings");
    let Human::Text(shown) = (Explored { page: Some("a.html".into()), explored }).human() else { panic!("no text") };
    for part in [
        "data set   a",
        "ratings    3, 50.000 %",
        "look       in the files twice: 1 rating (33.33 %)",
        "page       a.html",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}
