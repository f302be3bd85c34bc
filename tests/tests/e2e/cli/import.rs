//! `import`: every format, wrong rows, files that are none, and an import that was interrupted.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use marquee_e2e::{Clients, DEADLINE, Fleet};
use marquee_proto::ratings::v1::{ListMoviesRequest, Movie, Position};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Cli, PROGRAM, fails, stderr};

fn write(folder: &Path, name: &str, contents: &[u8]) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
    std::fs::write(&path, contents)?;
    Ok(path)
}

fn zipped(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, contents) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default())?;
        archive.write_all(contents)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// A user's movies and ratings, once all that an import wrote is applied.
async fn history(clients: &Clients, user: &str, imported: &Value) -> Result<Vec<(String, f64)>> {
    let written = imported["positions"].as_object().expect("positions").iter();
    let position = |(partition, offset): (&String, &Value)| {
        anyhow::Ok(Position { partition: partition.parse()?, offset: offset.as_u64().expect("an offset") })
    };
    let after = written.map(position).collect::<Result<Vec<_>>>()?;
    let history = clients.user(user, &after).await?.history;
    let mut pairs: Vec<_> = history.into_iter().map(|entry| (entry.movie_id, entry.rating)).collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(pairs)
}

async fn titles(clients: &Clients) -> Result<Vec<(String, String)>> {
    let movies = clients.ratings.clone().list_movies(ListMoviesRequest::default()).await?.into_inner().movies;
    Ok(movies.into_iter().map(|movie| (movie.movie_id, movie.title)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_imported_and_movies_that_nobody_lists_are_added_bare() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let pairs = |pairs: &[(&str, f64)]| pairs.iter().map(|&(id, value)| (id.to_owned(), value)).collect::<Vec<_>>();

    // A CSV that knows no titles must not take those away that are there.
    let fleet = Fleet::start().await?;
    let (cli, clients) = (Cli::of(&fleet)?, fleet.clients());
    let known = Movie { movie_id: "1".to_owned(), title: "Toy Story".to_owned(), year: 1995, genres: vec![] };
    clients.add_movies(vec![known]).await?;
    let csv = "userId,movieId,rating,timestamp\nann,1,4.0,964982703\nann,2,2,964982704\nbob,\"a,b\",5,964982705\n";
    let file = write(folder.path(), "some.csv", csv.as_bytes())?;
    let imported = cli.json(&["import", &file.display().to_string()]).await?;
    let counts = ["dataset", "movies", "accepted", "rejected", "resumed_at", "reconnects"].map(|key| &imported[key]);
    assert_eq!(json!(counts), json!(["some", 2, 3, 0, 0, 0]));
    assert_eq!(history(clients, "ann", &imported).await?, pairs(&[("1", 4.0), ("2", 2.0)]));
    assert_eq!(titles(clients).await?, [("1", "Toy Story"), ("2", ""), ("a,b", "")].map(owned));

    // A list of movies beside it says more.
    let movies = "movieId,title,genres\n2,\"Jumanji (1995)\",Adventure|Children\n";
    let movies = write(folder.path(), "list.csv", movies.as_bytes())?.display().to_string();
    let ndjson = "{\"user\": \"ann\", \"item_id\": 2, \"rating\": 3, \"rated_at\": \"2001-01-01T00:00:00Z\"}\n";
    let file = write(folder.path(), "more.ndjson", ndjson.as_bytes())?.display().to_string();
    let imported = cli.json(&["import", &file, "--movies", &movies]).await?;
    assert_eq!((&imported["movies"], &imported["accepted"]), (&json!(1), &json!(1)));
    assert_eq!(history(clients, "ann", &imported).await?, pairs(&[("1", 4.0), ("2", 3.0)]));
    assert!(titles(clients).await?[1].1.starts_with("Jumanji"));
    // Standard output says the same to people.
    let text = cli.text(&["import", &file, "--movies", &movies, "--restart"]).await?;
    assert!(text.contains("more: 1 movie, 1 rating accepted, 0 rejected"), "{text}");
    fleet.stop().await;

    // MovieLens 100K as a folder, in Latin-1, and 1M as a zip.
    let fleet = Fleet::start().await?;
    let (cli, clients) = (Cli::of(&fleet)?, fleet.clients());
    let flags = |names: [u8; 19]| names.map(|flag| flag.to_string()).join("|");
    let mut comedy = [0; 19];
    comedy[5] = 1;
    let mut item = b"1|Caf\xe9 (1995)|01-Jan-1995||http://x|".to_vec();
    item.extend_from_slice(flags(comedy).as_bytes());
    write(folder.path(), "ml-100k/u.item", &item)?;
    write(folder.path(), "ml-100k/u.data", b"196\t1\t3\t881250949\n")?;
    let imported = cli.json(&["import", &folder.path().join("ml-100k").display().to_string()]).await?;
    assert_eq!((&imported["dataset"], &imported["accepted"]), (&json!("ml-100k"), &json!(1)));
    assert_eq!(history(clients, "196", &imported).await?, pairs(&[("1", 3.0)]));
    let movies = clients.ratings.clone().list_movies(ListMoviesRequest::default()).await?.into_inner().movies;
    assert!(movies[0].title.starts_with("Café"), "{movies:?}");
    assert_eq!((movies[0].year, &movies[0].genres[..]), (1995, &["Comedy".to_owned()][..]));

    let (ratings, movies) =
        (b"7::20::5::978300760\n7::21::1::978300761\n", b"20::Heat (1995)::Action\n21::Ran (1985)::Drama\n");
    let archive = zipped(&[("ml-1m/ratings.dat", ratings), ("ml-1m/movies.dat", movies), ("ml-1m/README", b"x")])?;
    let file = write(folder.path(), "ml-1m.zip", &archive)?.display().to_string();
    let imported = cli.json(&["import", &file]).await?;
    assert_eq!((&imported["movies"], &imported["accepted"]), (&json!(2), &json!(2)));
    assert_eq!(history(clients, "7", &imported).await?, pairs(&[("20", 5.0), ("21", 1.0)]));
    fleet.stop().await;
    Ok(())
}

fn owned(pair: (&str, &str)) -> (String, String) {
    (pair.0.to_owned(), pair.1.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rows_are_named_by_line_and_reason_and_the_others_count() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let fleet = Fleet::start().await?;
    let (cli, clients) = (Cli::of(&fleet)?, fleet.clients());
    let csv = "user,movie,rating,timestamp\nann,1,4,964982703\nann,2,9,964982703\nann,3,3.5,964982703\nann,4,many,964982703\n\
               ann,5\n,6,4,964982703\nann,7,2,32503680000\nann,8,1,964982703\n";
    let file = write(folder.path(), "some.csv", csv.as_bytes())?.display().to_string();
    // Batches of two: what is told of a row must not depend on how rows travel.
    let output = cli.run(&["import", &file, "--batch", "2", "--json"]).await?;
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
    assert!(stderr(&output).contains("6 rows were rejected; the other rows were imported"), "{}", stderr(&output));
    let imported: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((&imported["accepted"], &imported["rejected"]), (&json!(2), &json!(6)), "{imported}");
    assert_eq!(imported["reasons"]["OFF_SCALE"], 1, "{imported}");
    let reasons: u64 = imported["reasons"].as_object().expect("reasons").values().filter_map(Value::as_u64).sum();
    assert_eq!(reasons, 6);
    let told = imported["rejections"].as_array().expect("a list");
    assert_eq!(told.len(), 5, "the first few are enough to see what is wrong");
    let line = |line: u64| told.iter().find(|one| one["line"] == line).unwrap_or_else(|| panic!("{imported}"));
    let says = |number: u64, reason: &str, part: &str| {
        let one = line(number);
        assert_eq!(one["reason"], reason, "{one}");
        assert!(one["message"].as_str().is_some_and(|message| message.contains(part)), "{one}");
    };
    says(3, "OFF_SCALE", "rating is 9");
    says(4, "OFF_STEP", "rating is 3.5");
    says(5, "UNREADABLE", "rating");
    says(6, "UNREADABLE", "");
    assert_eq!(history(clients, "ann", &imported).await?.len(), 2);

    let output = cli.run(&["import", &file]).await?;
    assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout)?;
    for part in ["2 ratings accepted, 6 rejected", "rejected as OFF_SCALE: 1", "  line 3: rating is 9"] {
        assert!(text.contains(part), "no '{part}' in: {text}");
    }

    // Not one good row is a failure, and so is a file that is none.
    let file = write(folder.path(), "none.csv", b"user,movie,rating\nann,1,99\nann,2,-1\n")?.display().to_string();
    let output = cli.run(&["import", &file]).await?;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no row was accepted: all 2 were rejected"), "{}", stderr(&output));
    let archive = zipped(&[("ml-1m/ratings.dat", b"7::20::5::978300760\n")])?;
    let cases: [(&str, &[u8], &str); 6] = [
        ("empty.csv", b"", "column"),
        ("headless.csv", b"1,2,3,4\n", "column for the user"),
        ("cut.zip", &archive[..archive.len() - 30], "not a readable zip"),
        ("junk.zip", b"PK\x03\x04 and so on", "not a readable zip"),
        ("junk.parquet", b"PAR1junkPAR1", "junk.parquet"),
        ("photo.jpeg", b"\xff\xd8\xff", "not a known data set"),
    ];
    for (name, contents, part) in cases {
        let file = write(folder.path(), name, contents)?.display().to_string();
        fails(&cli.run(&["import", &file]).await?, 1, &[part]);
    }
    fails(&cli.run(&["import", "/nowhere"]).await?, 1, &["/nowhere"]);
    fleet.stop().await;
    Ok(())
}

/// The checkpoint that an import keeps while it goes on.
fn checkpoint(state: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(state.join("marquee/imports")).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|found| found == "json"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on_where_it_was() -> Result<()> {
    const USERS: usize = 30;
    const MOVIES: usize = 400;
    let folder = tempfile::tempdir()?;
    let fleet = Fleet::start().await?;
    let cli = Cli::of(&fleet)?;
    let mut csv = "user,movie,rating,timestamp\n".to_owned();
    for row in 0..USERS * MOVIES {
        csv.push_str(&format!("u{},{},{},{}\n", row % USERS, row / USERS, row % 5 + 1, 964_982_703 + row));
    }
    let file = write(folder.path(), "long.csv", csv.as_bytes())?.display().to_string();

    // A rating a message takes long enough to be killed in the middle.
    let mut command = Command::new(PROGRAM);
    command.args(["import", &file, "--batch", "1", "--grpc", &cli.address]).env("XDG_STATE_HOME", cli.state.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let begun = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while checkpoint(cli.state.path()).is_none() {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, begun).await?;
    assert!(child.try_wait()?.is_none(), "the import was over before it could be killed: give it more rows");
    child.kill().await?;

    let imported = cli.json(&["import", &file]).await?;
    let (resumed, accepted) = (imported["resumed_at"].as_u64(), imported["accepted"].as_u64());
    let (resumed, accepted) = (resumed.expect("a count"), accepted.expect("a count"));
    assert!(resumed > 0, "{imported}");
    assert_eq!(resumed + accepted, (USERS * MOVIES) as u64, "{imported}");
    for user in ["u0", "u7", "u29"] {
        let history = history(fleet.clients(), user, &imported).await?;
        assert_eq!(history.len(), MOVIES, "each of {user}'s ratings counts, and once");
    }

    // A finished import is forgotten: the same file is imported again from its start and changes
    // nothing.
    assert_eq!(checkpoint(cli.state.path()), None);
    let again = cli.json(&["import", &file]).await?;
    assert_eq!((&again["resumed_at"], again["accepted"].as_u64()), (&json!(0), Some((USERS * MOVIES) as u64)));
    assert_eq!(history(fleet.clients(), "u7", &again).await?.len(), MOVIES);
    fleet.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_times_keep_their_order_and_a_second_import_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let fleet = Fleet::start().await?;
    let (cli, clients) = (Cli::of(&fleet)?, fleet.clients());
    let rows: String = (0..300).map(|row| format!("u{},m{},{}\n", row % 20, row / 20, 1 + (row * 7) % 5)).collect();
    let file = write(folder.path(), "ratings.csv", format!("user_id,movie_id,rating\n{rows}").as_bytes())?;
    let titled: String = (0..15).map(|movie| format!("m{movie},Movie {movie} (2001),Drama\n")).collect();
    write(folder.path(), "movies.csv", format!("movieId,title,genres\n{titled}").as_bytes())?;
    let file = file.display().to_string();
    let output = cli.run(&["import", &file]).await?;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("movies ").count(), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("movies   15 from movies.csv"), "{}", stderr(&output));
    assert_eq!(titles(clients).await?[0].1, "Movie 0");
    let first = clients.user("u3", &[]).await?.history;

    let again = cli.json(&["import", &file]).await?;
    assert_eq!((&again["accepted"], &again["without_time"]), (&json!(300), &json!(300)));
    history(clients, "u3", &again).await?;
    let second = clients.user("u3", &[]).await?.history;
    assert_eq!((second.len(), &second[..first.len()]), (15, &first[..]), "the same times");
    let seconds: Vec<_> = second.iter().filter_map(|entry| entry.rated_at.as_ref()).map(|time| time.seconds).collect();
    assert!(seconds.len() == 15 && seconds.is_sorted_by(|a, b| a < b), "{second:?}");

    // A model is judged on the rows at the end of the file.
    let trained = cli.text(&["train", "--algorithm", "bias", "--json"]).await?;
    let last: Value = serde_json::from_str(trained.lines().last().expect("a line"))?;
    assert_eq!((&last["state"], &last["metrics"]["holdout_ratings"]), (&json!("succeeded"), &json!(30)), "{last}");
    assert!(last["metrics"]["rmse"].as_f64().is_some_and(|rmse| rmse > 0.0), "{last}");
    fleet.stop().await;
    Ok(())
}
