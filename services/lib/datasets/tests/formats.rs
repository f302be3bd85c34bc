//! Reads every format, from a few rows in memory or in a temporary folder.

use std::io::Write;

use bytes::Bytes;
use marquee_datasets::{Error, Field, Format, Options, Row, RowError, open, open_bytes};
use marquee_domain::Timestamp;
use marquee_parquet::{Column, Table};
use zip::write::SimpleFileOptions;

const SECONDS: i64 = 964_982_703;

fn read(name: &str, bytes: impl Into<Bytes>) -> Vec<Result<Row, RowError>> {
    open_bytes(name, bytes.into(), Options::default()).expect("a data set").ratings().expect("a data set").collect()
}

fn row(line: u64, user: &str, movie: &str, rating: f64) -> Row {
    let rated_at = Some(Timestamp::from_seconds(SECONDS));
    Row { line, user: user.to_owned(), movie: movie.to_owned(), rating, rated_at }
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, contents) in files {
        archive.start_file(*name, SimpleFileOptions::default()).expect("written to memory");
        archive.write_all(contents).expect("written to memory");
    }
    archive.finish().expect("written to memory").into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("written to memory");
    packer.finish().expect("written to memory")
}

#[test]
fn every_format_gives_the_same_rows() {
    let csv = "userId,movieId,rating,timestamp\n1,10,4.0,964982703\nada,\"a,b\",2.5,2000-07-30T18:45:03Z\n";
    let dat = "1::10::4::964982703\nada::a,b::2.5::964982703\n";
    let data = "1\t10\t4\t964982703\r\nada\ta,b\t2.5\t964982703\r\n";
    let ndjson = concat!(
        "{\"user_id\": 1, \"movieId\": \"10\", \"rating\": 4, \"timestamp\": 964982703}\n",
        "{\"user\": \"ada\", \"item_id\": \"a,b\", \"rating\": 2.5, \"rated_at\": \"2000-07-30T18:45:03Z\", \"x\": [{}]}\n",
    );
    for (name, bytes, first) in [
        ("some.csv", csv.as_bytes().to_vec(), 2),
        ("some.csv.gz", gzipped(csv.as_bytes()), 2),
        ("ratings.dat", dat.as_bytes().to_vec(), 1),
        ("u.data", data.as_bytes().to_vec(), 1),
        ("some.ndjson", ndjson.as_bytes().to_vec(), 1),
        ("ml-1m.zip", zipped(&[("ml-1m/ratings.dat", dat.as_bytes())]), 1),
        ("ml-25m.zip", zipped(&[("deep/er/ratings.csv", b"x"), ("ml-25m/ratings.csv", csv.as_bytes())]), 2),
    ] {
        let expected = [Ok(row(first, "1", "10", 4.0)), Ok(row(first + 1, "ada", "a,b", 2.5))];
        assert_eq!(read(name, bytes), expected, "{name}");
    }
}

#[test]
fn columns_of_parquet_may_hold_text_numbers_and_times() {
    let columns = |movies, times| Table {
        columns: vec![
            ("rating".to_owned(), Column::Float64(vec![Some(4.0), None])),
            ("timestamp".to_owned(), times),
            ("userId".to_owned(), Column::Int64(vec![Some(1), Some(2)])),
            ("movie_id".to_owned(), movies),
        ],
    };
    let text = Column::Utf8(vec![Some("10".to_owned()), None]);
    let numbers = Column::Int64(vec![Some(10), Some(11)]);
    for (movies, times) in [
        (text, Column::Int64(vec![Some(SECONDS), Some(SECONDS)])),
        (numbers.clone(), Column::Utf8(vec![Some("2000-07-30T18:45:03Z".to_owned()), None])),
        (numbers, Column::Float64(vec![Some(SECONDS as f64), None])),
    ] {
        let rows = read("some.parquet", marquee_parquet::write(&columns(movies, times)).unwrap());
        assert_eq!(rows[0], Ok(row(1, "1", "10", 4.0)));
        assert!(matches!(&rows[1], Err(RowError { line: 2, fatal: false, .. })), "{rows:?}");
        assert_eq!(rows.len(), 2);
    }
}

#[test]
fn a_bad_row_names_line_and_field_and_the_rest_goes_on() {
    let csv = "user,movie,rating,timestamp\n1,10\n\n1,10,four,964982703\n1,10,4,soon\n\"1,10,4,5\n1,10,4.0,964982703";
    let rows = read("a.csv", csv);
    let faults: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).map(|e| (e.line, e.field)).collect();
    assert_eq!(faults, [(2, "rating"), (4, "rating"), (5, "timestamp"), (6, "line")]);
    assert_eq!(rows.last(), Some(&Ok(row(7, "1", "10", 4.0))));
    let ndjson = "{\"user\":1,\"rating\":4}\nnonsense\n{\"user\":[],\"movie\":2,\"rating\":4}\n{\"user\":1,\"movie\":2,\"rating\":true}";
    let faults: Vec<_> = read("a.jsonl", ndjson).into_iter().map(|row| row.unwrap_err()).collect();
    assert_eq!(faults.iter().map(|e| e.field).collect::<Vec<_>>(), ["movie", "line", "user", "rating"]);
    assert!(faults[0].to_string().contains("line 1: movie is missing"), "{}", faults[0]);
}

#[test]
fn values_off_any_scale_and_absent_times_pass_through() {
    let rows = read("a.csv", "user,movie,rating\n1,10,NaN\n1,10,99\n");
    assert!(rows[0].as_ref().is_ok_and(|row| row.rating.is_nan() && row.rated_at.is_none()));
    assert!(rows[1].as_ref().is_ok_and(|row| row.rating == 99.0));
}

#[test]
fn rows_without_times_keep_the_order_of_the_file_in_every_format() {
    let column = |values: [i64; 3]| Column::Int64(values.into_iter().map(Some).collect());
    let parquet = marquee_parquet::write(&Table {
        columns: vec![
            ("user".to_owned(), column([1, 2, 1])),
            ("movie".to_owned(), column([7, 7, 8])),
            ("rating".to_owned(), column([3, 4, 5])),
        ],
    });
    let ndjson = "{\"user\":1,\"movie\":7,\"rating\":3}\n{\"user\":2,\"movie\":7,\"rating\":4,\"timestamp\":null}\n{\"user\":1,\"movie\":8,\"rating\":5}";
    for (name, bytes) in [
        ("a.csv", Bytes::from("user,movie,rating\n1,7,3\n2,7,4\n1,8,5\n")),
        ("a.ndjson", Bytes::from(ndjson)),
        ("ratings.dat", Bytes::from("1::7::3\n2::7::4\n1::8::5\n")),
        ("u.data", Bytes::from("1\t7\t3\n2\t7\t4\n1\t8\t5\n")),
        ("a.parquet", Bytes::from(parquet.unwrap())),
    ] {
        let dataset = open_bytes(name, bytes, Options::default()).unwrap();
        let times = || dataset.ratings().unwrap().map(|row| row.unwrap().time()).collect::<Vec<_>>();
        assert_eq!(times().len(), 3, "{name}");
        assert!(times().windows(2).all(|pair| pair[0] < pair[1]), "{name}: {:?}", times());
        assert_eq!(times(), times(), "{name} is read alike again");
        let mut rest = dataset.ratings().unwrap();
        rest.skip_rows(2).unwrap();
        assert_eq!(rest.next().unwrap().unwrap().time(), times()[2], "{name} is read alike from the middle");
    }
}

#[test]
fn a_rating_file_uses_the_movies_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let movies = |name: &str| open(&folder.path().join(name), Options::default()).unwrap().movies().unwrap().len();
    write("ratings.csv", "userId,movieId,rating,timestamp\n1,2,3,964982703\n");
    write("other.ndjson", "{\"user\":1,\"movie\":7,\"rating\":3}\n");
    write("u.data", "1\t7\t3\t964982703\n");
    assert_eq!([movies("ratings.csv"), movies("other.ndjson"), movies("u.data")], [0; 3]);
    write("movies.csv", "movieId,title,genres\n2,Heat (1995),Action\n");
    assert_eq!([movies("ratings.csv"), movies("other.ndjson"), movies("u.data")], [1, 0, 0]);
    write("u.item", "7|Ran (1985)|01-Jan-1985||x|0\n");
    assert_eq!([movies("ratings.csv"), movies("other.ndjson"), movies("u.data")], [1, 0, 1]);
}

#[test]
fn a_file_that_changed_has_another_fingerprint_also_at_the_same_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let write = |middle: &str, seconds| {
        let edge = "1,2,3,964982703\n".repeat(10_000);
        std::fs::write(&path, format!("user,movie,rating,timestamp\n{edge}{middle}\n{edge}")).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        open(&path, Options::default()).unwrap().fingerprint().unwrap()
    };
    let first = write("1,2,9,964982703", 1_000);
    assert_eq!(first, write("1,2,9,964982703", 1_000));
    assert_ne!(first, write("1,2,4,964982703", 2_000));
}

#[test]
fn skipping_rows_goes_on_where_reading_stopped() {
    let csv: String = (0..10_000).map(|row| format!("{row},7,{},964982703\n", row % 5)).collect();
    let csv = format!("user,movie,rating,timestamp\n{csv}");
    let column = |values: std::ops::Range<i64>| Column::Int64(values.map(Some).collect());
    let parquet = marquee_parquet::write(&Table {
        columns: vec![
            ("user".to_owned(), column(0..10_000)),
            ("movie".to_owned(), Column::Int64(vec![Some(7); 10_000])),
            ("rating".to_owned(), Column::Int64((0..10_000).map(|row| Some(row % 5)).collect())),
        ],
    })
    .unwrap();
    for (name, bytes) in [("a.csv", Bytes::from(csv)), ("a.parquet", Bytes::from(parquet))] {
        let dataset = open_bytes(name, bytes, Options::default()).unwrap();
        let all: Vec<_> = dataset.ratings().unwrap().collect();
        assert_eq!(all.len(), 10_000);
        for (before, skipped) in [(0, 0), (0, 9_999), (3, 5_000), (8_192, 1), (0, 20_000)] {
            let mut ratings = dataset.ratings().unwrap();
            assert_eq!((&mut ratings).take(before).count(), before);
            ratings.skip_rows(skipped).unwrap();
            let rest: Vec<_> = (&mut ratings).collect();
            assert_eq!(rest, all[(before + skipped as usize).min(10_000)..], "{name}: {before} + {skipped}");
            assert_eq!(ratings.bytes_read(), ratings.total_bytes(), "{name}");
        }
    }
}

#[test]
fn names_and_scales_of_known_sets_are_told_from_their_files() {
    let header = b"userId,movieId,rating,timestamp\n".as_slice();
    let movies =
        "movieId,title,genres\n1,\"American President, The (1995)\",Comedy|Drama\n2,Nameless,(no genres listed)\n";
    for (name, files, known, step) in [
        (
            "ml-32m.zip",
            vec![("ml-32m/ratings.csv", header), ("ml-32m/movies.csv", movies.as_bytes())],
            "ml-32m",
            Some(0.5),
        ),
        ("x.zip", vec![("r/ratings.dat", b"1::2::3::4\n".as_slice())], "ml-1m", Some(1.0)),
        ("x.zip", vec![("r/ratings.dat", b"1::2::3::4\n"), ("r/tags.dat", b"")], "ml-10m", Some(0.5)),
        ("x.zip", vec![("ratings.csv", header)], "x", None),
    ] {
        let dataset = open_bytes(name, zipped(&files).into(), Options::default()).unwrap();
        assert_eq!((dataset.name.as_str(), dataset.scale.map(|scale| scale.step())), (known, step));
        let titles: Vec<_> = dataset.movies().unwrap().into_iter().map(|movie| (movie.title, movie.year)).collect();
        if files.len() == 2 && known == "ml-32m" {
            assert_eq!(titles, [("American President, The".to_owned(), Some(1995)), ("Nameless".to_owned(), None)]);
        }
    }
}

#[test]
fn a_folder_with_two_parquet_files_is_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let whole = |name: &str, value| (name.to_owned(), Column::Int64(vec![Some(value)]));
    let ratings = Table { columns: vec![whole("user_id", 1), whole("movie_id", 2), whole("rating", 3)] };
    let text = |name: &str, value: &str| (name.to_owned(), Column::Utf8(vec![Some(value.to_owned())]));
    let items = Table {
        columns: vec![
            whole("movie_id", 2),
            text("movie_title", "Heat"),
            text("release_date", "15-Dec-1995"),
            whole("Action", 1),
            whole("Drama", 0),
            whole("votes", 7),
        ],
    };
    std::fs::write(folder.path().join("ratings.parquet"), marquee_parquet::write(&ratings).unwrap()).unwrap();
    std::fs::write(folder.path().join("items.parquet"), marquee_parquet::write(&items).unwrap()).unwrap();
    let dataset = open(folder.path(), Options::default()).unwrap();
    assert_eq!((dataset.format, dataset.rating_count), (Format::Parquet, Some(1)));
    let movies = dataset.movies().unwrap();
    assert_eq!((movies[0].title.as_str(), movies[0].year), ("Heat", Some(1995)));
    assert_eq!(movies[0].genres, ["Action"]);
    assert_eq!(dataset.fingerprint().unwrap(), dataset.fingerprint().unwrap());
    let alone = open(&folder.path().join("ratings.parquet"), Options::default()).unwrap();
    assert_eq!((alone.movie_file(), alone.movies().unwrap()), (Some("items.parquet"), movies), "it lies beside");
    let options = Options { movies: Some(folder.path().join("items.parquet")), ..Options::default() };
    assert_eq!(open(&folder.path().join("ratings.parquet"), options).unwrap().movies().unwrap().len(), 1);
}

#[test]
fn folders_of_hive_and_spark_give_the_columns_that_their_files_lack() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("_SUCCESS", b"");
    write("rating=4.5/part-00000.csv", b"userId,movieId,timestamp\n1,10,964982703\n2,20,964982704\n");
    write("rating=2.0/part-00000.csv", b"userId,movieId,timestamp\n1,20,964982705\n");
    let dataset = open(folder.path(), Options::default()).unwrap();
    let shown = dataset.dialect();
    assert!(shown.columns.contains(&(Field::Rating, "`rating` of the folder".to_owned())), "{:?}", shown.columns);
    let mut rows: Vec<_> = dataset.ratings().unwrap().map(|row| row.unwrap()).collect();
    rows.sort_by_key(|row| row.rated_at);
    let found: Vec<_> = rows.iter().map(|row| (row.user.as_str(), row.movie.as_str(), row.rating)).collect();
    assert_eq!(found, [("1", "10", 4.5), ("2", "20", 4.5), ("1", "20", 2.0)]);

    let users = tempfile::tempdir().unwrap();
    let ratings = Table {
        columns: vec![
            ("item".to_owned(), Column::Int64(vec![Some(1), Some(2)])),
            ("rating".to_owned(), Column::Float64(vec![Some(4.0), None])),
        ],
    };
    for user in ["Ann%20B", "Zoë"] {
        let inner = users.path().join(format!("user_id={user}"));
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("data.parquet"), marquee_parquet::write(&ratings).unwrap()).unwrap();
    }
    let rows: Vec<_> = open(users.path(), Options::default()).unwrap().ratings().unwrap().collect();
    let found: Vec<_> = rows.iter().flatten().map(|row| (row.user.as_str(), row.movie.as_str())).collect();
    assert_eq!(found, [("Ann B", "1"), ("Zoë", "1")]);
    assert_eq!(rows.iter().filter(|row| row.is_err()).count(), 2, "a rating without a value is an error of its row");
}

#[test]
fn packed_parquet_files_and_those_of_an_archive_are_read() {
    let texts = |texts: [&str; 2]| Column::Utf8(texts.map(|text| Some(text.to_owned())).into());
    let ratings = Table {
        columns: vec![
            ("user_id".to_owned(), texts(["ann", "bob"])),
            ("movie_id".to_owned(), Column::Int64(vec![Some(1), Some(2)])),
            ("rating".to_owned(), Column::Float64(vec![Some(4.5), Some(2.0)])),
        ],
    };
    let movies = Table {
        columns: vec![
            ("movie_id".to_owned(), Column::Int64(vec![Some(1), Some(2)])),
            ("title".to_owned(), texts(["Toy Story (1995)", "GoldenEye (1995)"])),
        ],
    };
    let (ratings, movies) = (marquee_parquet::write(&ratings).unwrap(), marquee_parquet::write(&movies).unwrap());
    let archive = zipped(&[("set/ratings.parquet", &ratings), ("set/movies.parquet", &movies)]);
    let dataset = open_bytes("set.zip", archive.clone().into(), Options::default()).unwrap();
    assert_eq!((dataset.rating_count, dataset.movies().unwrap().len()), (Some(2), 2));
    assert_eq!(dataset.movies().unwrap()[0].title, "Toy Story");
    let packed = gzipped(&ratings);
    for (name, bytes) in [("set.zip", archive), ("ratings.parquet.gz", packed.clone()), ("export", packed)] {
        let rows: Vec<_> = read(name, bytes).into_iter().map(|row| row.unwrap()).collect();
        let shown: Vec<_> = rows.iter().map(|row| (row.user.as_str(), row.movie.as_str(), row.rating)).collect();
        assert_eq!(shown, [("ann", "1", 4.5), ("bob", "2", 2.0)], "{name}");
    }
    // The footer is at the end, so a file that is cut off says what it is not.
    let cut = gzipped(&ratings[..ratings.len() - 9]);
    assert!(matches!(open_bytes("a.parquet.gz", cut.into(), Options::default()), Err(Error::Parquet { .. })));
}

#[test]
fn what_is_no_data_set_is_an_error_that_says_what_to_give() {
    let unknown = open_bytes("letter.txt", Bytes::new(), Options::default()).unwrap_err();
    assert!(unknown.to_string().contains("expected a MovieLens folder or zip"), "{unknown}");
    let empty = zipped(&[("readme.md", b"")]);
    assert!(matches!(open_bytes("a.zip", empty.into(), Options::default()), Err(Error::Unknown { .. })));
    let headed = open_bytes("a.csv", "user,thing,rating\n".into(), Options::default()).unwrap_err();
    assert!(matches!(headed, Error::NoColumn { field: "movie", .. }), "{headed}");
    assert!(
        headed.to_string().contains("among user, thing, rating; ") && headed.to_string().contains("--column movie=")
    );
}

#[test]
fn an_archive_that_unpacks_to_far_more_than_it_takes_is_refused() {
    let bomb = zipped(&[("ratings.dat", &vec![b'1'; 8 << 20])]);
    assert!(bomb.len() < 20_000);
    let refused = open_bytes("bomb.zip", bomb.into(), Options::default()).unwrap_err();
    let source = std::error::Error::source(&refused).expect("the reason").to_string();
    assert!(source.contains("unpacks to far more"), "{source}");
}

#[test]
fn a_damaged_member_ends_with_a_fatal_error_and_not_as_if_it_were_complete() {
    let row = "1::2::3::964982703\n".repeat(20_000);
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("ratings.dat", options).unwrap();
    archive.write_all(row.as_bytes()).unwrap();
    let mut bytes = archive.finish().unwrap().into_inner();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    let rows = read("a.zip", bytes);
    let last = rows.last().unwrap().as_ref().unwrap_err();
    assert!(last.fatal && last.reason.contains("checksum"), "{last:?}");
}
