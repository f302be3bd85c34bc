//! Tests of the command: its file, what it prints, and a round into the role ingest.

use std::future::pending;

use clap::Parser;
use marquee_cli::{Client, Format, Human, Show as _};
use marquee_kit::settings::Layers;
use marquee_proto::ratings::v1::ListMoviesRequest;

use super::*;
use crate::fleet::Fleet;
use crate::roles::role;
use crate::settings::Settings;

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    args: CollectArgs,
}

fn program(line: &[&str]) -> Program {
    Program::try_parse_from(std::iter::once(&"collect").chain(line)).expect("arguments")
}

async fn collected(line: &[&str]) -> Result<()> {
    let Program { client, args } = program(line);
    super::collect(args, &client, Output::detect(Format::Json)).await
}

/// A file of ratings with a configuration that names it.
struct Shop {
    folder: tempfile::TempDir,
    config: String,
}

impl Shop {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("collect.toml");
        std::fs::write(&path, config).expect("written");
        let log = "user,movie,rating,time\nann,1,4,978300760\nann,2,x,978300760\nbob,1,5,978300761\n";
        std::fs::write(folder.path().join("ratings.csv"), log).expect("written");
        Self { config: path.display().to_string(), folder }
    }
}

const CONFIG: &str = "[sources.shop]\nkind = \"files\"\npaths = [\"ratings.csv\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_file_is_wrong_usage_that_names_the_key_and_the_fix() {
    for (config, more, words) in [
        ("", &[][..], "sources: there is none"),
        ("[sources.shop]\nkind = \"ftp\"", &[], "sources.shop.kind: 'ftp' is no kind of source; give one of postgres"),
        ("[sources.shop]\nkind = \"files\"", &[], "sources.shop.paths: is missing"),
        (&format!("[object]\n{CONFIG}"), &[], "object: is not known"),
        (&format!("[objects]\nfolder = 1\n{CONFIG}"), &[], "objects.folder: is a text"),
        (&format!("[objects]\nurl = \"films\"\n{CONFIG}"), &[], "objects: url"),
        (CONFIG, &["--source", "films"], "--source: "),
    ] {
        let shop = Shop::new(config);
        let line: Vec<&str> = std::iter::once(shop.config.as_str()).chain(more.iter().copied()).collect();
        let error = Error::Other(collected(&line).await.expect_err(words));
        assert!(error.exit_code() == marquee_cli::USAGE && error.to_string().contains(words), "{words}: {error}");
    }
    let error = Error::Other(collected(&["/nowhere/collect.toml"]).await.expect_err("no file"));
    assert!(error.exit_code() == marquee_cli::USAGE && error.to_string().contains("cannot be read"), "{error}");
    for line in [&["a", "--once", "--every", "5m"][..], &["a", "--every", "0s"], &["a", "--dry-run", "--once"], &[]] {
        assert!(Program::try_parse_from(std::iter::once(&"collect").chain(line)).is_err(), "{line:?}");
    }
    assert_eq!(program(&["a", "--every", "5m"]).args.every, Some(Duration::from_secs(300)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_reaches_the_fleet_once() {
    let data = tempfile::tempdir().expect("a folder");
    let flag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let flags = vec![
        flag("data_dir", &format!("{:?}", data.path())),
        flag("backends.isolated", "true"),
        flag("grpc_listen", "\"127.0.0.1:0\""),
        flag("http_listen", "\"127.0.0.1:0\""),
    ];
    let roles = [role("ingest").expect("a role")];
    let settings = Settings::load(&Layers { file: None, flags }, crate::roles::ROLES).expect("valid").settings;
    let fleet = Fleet::start_unless(settings, &roles, pending()).await.expect("started").expect("not stopped");
    let address = format!("http://{}", fleet.grpc_address());

    let shop = Shop::new(CONFIG);
    let metrics = shop.folder.path().join("metrics.prom");
    let line = ["--grpc", &address, &shop.config];
    collected(&[&line[..], &["--dry-run"]].concat()).await.expect("a look");
    assert!(!shop.folder.path().join("collected/objects/collect").exists(), "a look stores nothing");
    let with_metrics = [&line[..], &["--metrics-file", metrics.to_str().expect("UTF-8")]].concat();
    collected(&with_metrics).await.expect("collected");
    let text = std::fs::read_to_string(&metrics).expect("counters");
    for line in [
        "marquee_collect_records_total{source=\"shop\"} 3",
        "marquee_collect_accepted_total{source=\"shop\"} 2",
        "marquee_collect_rejected_total{source=\"shop\",reason=\"UNREADABLE\"} 1",
        "marquee_collect_failures_total{source=\"shop\"} 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    collected(&with_metrics).await.expect("collected");
    let text = std::fs::read_to_string(&metrics).expect("counters");
    assert!(text.contains("marquee_collect_records_total{source=\"shop\"} 0"), "{text}");
    let client = Client::connect(&address).expect("a client");
    let movies = client.call(client.ratings().list_movies(ListMoviesRequest::default())).await.expect("listed").movies;
    assert_eq!(movies.iter().map(|movie| movie.movie_id.as_str()).collect::<Vec<_>>(), ["1"]);
    let raw = shop.folder.path().join("collected/objects/raw/shop");
    let days = std::fs::read_dir(raw).expect("a folder").count();
    assert_eq!(days, 1);
    fleet.shutdown().await;

    // A fleet that is away is told, and nothing counts as collected.
    std::fs::write(shop.folder.path().join("ratings.csv.1"), "").expect("written");
    let other = Shop::new(CONFIG);
    let error = collected(&["--grpc", &address, "--patience", "1s", &other.config]).await.expect_err("away");
    assert!(error.to_string().contains("1 of the sources failed"), "{error}");
}

#[test]
fn what_is_printed_names_what_was_rejected_and_what_changed() {
    let rejection = |number: u64| marquee_collect::Rejection {
        place: format!("line {number}"),
        reason: "OFF_SCALE".to_owned(),
        message: "rating is 9\u{1b}".to_owned(),
    };
    let mut report = Collected { source: "shop".to_owned(), records: 1_200, accepted: 1_190, ..Collected::default() };
    report.rejected = 10;
    report.rejections = (1..=5).map(rejection).collect();
    report.notices = vec!["some rows have no watermark".to_owned()];
    let failed = vec![("b".to_owned(), "source b failed: away".to_owned())];
    let Human::Text(text) = (Round { sources: vec![report], failed }).human() else { panic!("a text") };
    for part in [
        "shop: 1,200 records, 1,190 ratings accepted, 10 rejected",
        "line 1: rating is 9",
        "and 5 more; all are in the rejected topic",
        "some rows have no watermark",
        "failed: source b failed: away",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
