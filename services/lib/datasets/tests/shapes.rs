//! The shapes in which people have ratings: each with the rows that must come out, the lines that
//! must be refused, and what must be shown as understood.

use std::io::Write;

use marquee_datasets::{Dataset, Field, Options, Row, open_bytes};

/// The time of the first usual row, 2000-07-30T18:45:03Z.
const START: i64 = 964_982_703;

/// A file, and what must come of it.
struct Shape {
    name: &'static str,
    bytes: Vec<u8>,
    options: Options,
    /// User, movie, rating, and seconds since 1970.
    rows: Vec<(&'static str, &'static str, f64, Option<i64>)>,
    /// Lines that are refused, with a part of the reason.
    refused: Vec<(u64, &'static str)>,
    /// Facts that are shown, with a part of their text.
    shown: Vec<(&'static str, &'static str)>,
}

fn shape(name: &'static str, bytes: impl Into<Vec<u8>>) -> Shape {
    let (rows, refused, shown) = Default::default();
    Shape { name, bytes: bytes.into(), options: Options::default(), rows, refused, shown }
}

impl Shape {
    /// The six rows that most shapes hold.
    fn usual(self) -> Self {
        self.timed(|at| Some(START + at))
    }

    fn timed(mut self, time: impl Fn(i64) -> Option<i64>) -> Self {
        let rows =
            [("1", "1", 4.0), ("1", "10", 3.5), ("2", "1", 5.0), ("2", "11", 2.5), ("3", "10", 3.0), ("3", "11", 4.5)];
        self.rows =
            rows.into_iter().zip(0..).map(|((user, movie, rating), at)| (user, movie, rating, time(at))).collect();
        self
    }

    fn rows(mut self, rows: &[(&'static str, &'static str, f64, Option<i64>)]) -> Self {
        self.rows = rows.to_vec();
        self
    }

    fn refused(mut self, refused: &[(u64, &'static str)]) -> Self {
        self.refused = refused.to_vec();
        self
    }

    fn shown(mut self, shown: &[(&'static str, &'static str)]) -> Self {
        self.shown = shown.to_vec();
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    fn open(&self) -> Dataset {
        let opened = open_bytes(self.name, self.bytes.clone().into(), self.options.clone());
        opened.map_err(|error| format!("{}: {error}", self.name)).expect("it opens")
    }

    fn check(&self) {
        let dataset = self.open();
        let name = format!("{} ({:?})", self.name, String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(80)]));
        let (mut rows, mut refused) = (Vec::new(), Vec::new());
        for row in dataset.ratings().expect("open") {
            match row {
                Ok(row) => rows.push(row),
                Err(error) => refused.push((error.line, format!("{} {}", error.field, error.reason))),
            }
        }
        let plain =
            |row: &Row| (row.user.clone(), row.movie.clone(), row.rating, row.rated_at.map(|time| time.seconds()));
        let found: Vec<_> = rows.iter().map(plain).collect();
        let owned = |(user, movie, rating, time): &(&str, &str, f64, Option<i64>)| {
            (user.to_string(), movie.to_string(), *rating, *time)
        };
        let expected: Vec<_> = self.rows.iter().map(owned).collect();
        assert_eq!(found, expected, "{name}: refused {refused:?}");
        assert_eq!(refused.len(), self.refused.len(), "{name}: {refused:?}");
        for ((line, text), (expected, part)) in refused.iter().zip(&self.refused) {
            assert!(line == expected && text.contains(part), "{name}: line {line}: {text}");
        }
        let facts = dataset.dialect().facts();
        for (fact, part) in &self.shown {
            let told = facts.iter().any(|(known, text)| known == fact && text.contains(part));
            assert!(told, "{name}: no {fact} with '{part}' in {facts:?}");
        }
        // An import that continues skips rows.
        for skipped in [1, 3, 100] {
            let mut rest = dataset.ratings().expect("open");
            rest.skip_rows(skipped).expect("readable");
            let items = expected.len() + refused.len();
            assert_eq!(rest.count(), items.saturating_sub(skipped as usize), "{name}: after {skipped} rows");
        }
    }
}

/// The usual rows with a header and a separator.
fn table(separator: &str, header: &[&str], end: &str) -> String {
    lines(separator, Some(header), end, |rating| rating.to_owned(), |at| (START + at).to_string())
}

fn lines(
    separator: &str,
    header: Option<&[&str]>,
    end: &str,
    rating: impl Fn(&str) -> String,
    time: impl Fn(i64) -> String,
) -> String {
    let mut text = header.map(|header| header.join(separator) + end).unwrap_or_default();
    let rows = [
        ("1", "1", "4.0"),
        ("1", "10", "3.5"),
        ("2", "1", "5.0"),
        ("2", "11", "2.5"),
        ("3", "10", "3.0"),
        ("3", "11", "4.5"),
    ];
    for ((user, movie, value), at) in rows.into_iter().zip(0..) {
        text.push_str(&[user, movie, &rating(value), &time(at)].join(separator));
        text.push_str(end);
    }
    text
}

const HEADER: [&str; 4] = ["userId", "movieId", "rating", "timestamp"];

fn usual(separator: &str) -> String {
    table(separator, &HEADER, "\n")
}

fn timed(time: impl Fn(i64) -> String) -> String {
    lines(",", Some(&HEADER), "\n", str::to_owned, time)
}

fn quoted(text: &str) -> String {
    let line = |line: &str| line.split(',').map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(",");
    text.lines().map(|text| line(text) + "\r\n").collect()
}

fn marked(text: &str) -> String {
    format!("\u{feff}{text}")
}

fn utf_16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("written to memory");
    packer.finish().expect("written to memory")
}

fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("written to memory");
    archive.write_all(bytes).expect("written to memory");
    archive.finish().expect("written to memory").into_inner()
}

fn user(options: &mut Options) {
    options.user = Some("me".to_owned());
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_name_or_an_id() {
    let dat = lines("::", None, "\n", str::to_owned, |at| (START + at).to_string());
    let data = lines("\t", None, "\n", str::to_owned, |at| (START + at).to_string());
    let json = "{\"userId\": \"1\", \"movieId\": 1, \"rating\": 4, \"timestamp\": 964982703}\n";
    for shape in [
        shape("ratings.csv", marked(&quoted(&usual(","))))
            .usual()
            .shown(&[("encoding", "UTF-8 with a byte order mark")]),
        shape("ratings.dat", marked(&dat)).usual().shown(&[("header", "none"), ("separator", "`::`")]),
        shape("u.data", marked(&data)).usual().shown(&[("separator", "tab")]),
        shape("a.ndjson", marked(json)).rows(&[("1", "1", 4.0, Some(START))]),
        shape("a.csv", utf_16(&usual("\t"))).usual().shown(&[("encoding", "UTF-16LE"), ("separator", "tab")]),
    ] {
        shape.check();
    }
}

#[test]
fn separators_quotes_and_line_ends_are_recognized() {
    let blanks = usual(",").replace(',', ", ");
    let blank_quoted = "userId, movieId, rating, timestamp\n1, \"1\", 4.0, 964982703\n1, \"1,0\", 3.5, 964982704\n";
    let several = "user,movie,rating,text\n1,7,4,\"one\ntwo \"\"three\"\"\n\n\"\n1,8,3,none\n";
    let blanks_only = lines(" ", None, "\n", str::to_owned, |at| (START + at).to_string());
    for shape in [
        shape("a.csv", usual(";")).usual().shown(&[("separator", "semicolon")]),
        shape("a.csv", format!("sep=;\r\n{}", table(";", &HEADER, "\r\n"))).usual().shown(&[("header", "line 2")]),
        shape("a.txt", usual("\t")).usual().shown(&[("separator", "tab")]),
        shape("a.csv", usual("|")).usual().shown(&[("separator", "`|`")]),
        shape("a.csv", table(",", &HEADER, "\r")).usual().shown(&[("line ends", "carriage returns")]),
        shape("a.csv", quoted(&usual(","))).usual(),
        shape("a.csv", blanks).usual(),
        shape("a.csv", blank_quoted).rows(&[("1", "1", 4.0, Some(START)), ("1", "1,0", 3.5, Some(START + 1))]),
        shape("a.csv", several).rows(&[("1", "7", 4.0, None), ("1", "8", 3.0, None)]),
        shape("out.movielens", format!("% bip weighted\n{blanks_only}")).usual().shown(&[("separator", "blanks")]),
        shape("a.csv", format!("My ratings\n\n{}", usual(","))).usual().shown(&[("header", "line 3")]),
    ] {
        shape.check();
    }
}

#[test]
fn text_of_another_encoding_is_read_beyond_the_first_block() {
    for length in [1, 7, 300] {
        let user = "é".repeat(length);
        let rows: String = (0..20_000).map(|row| format!("{user}{row},m{},4\n", row % 9)).collect();
        let dataset = open_bytes("a.csv", utf_16(&format!("user,movie,rating\n{rows}")).into(), Options::default());
        let rows: Vec<_> = dataset.unwrap().ratings().unwrap().map(Result::unwrap).collect();
        assert_eq!((rows.len(), rows[19_999].user.clone()), (20_000, format!("{user}19999")), "{length}");
    }
}

#[test]
fn lines_that_end_with_returns_are_read_beyond_the_first_block() {
    let rows: String = (0..6_000).map(|row| format!("u{row},m{},4,{}\r", row % 9, START + row)).collect();
    let dataset = open_bytes("large.csv", format!("user,movie,rating,timestamp\r{rows}").into(), Options::default());
    assert_eq!(dataset.unwrap().ratings().unwrap().filter(|row| row.is_ok()).count(), 6_000);
}

#[test]
fn a_decimal_comma_is_no_separator() {
    let comma = |value: &str| value.replace('.', ",");
    let time = |at: i64| (START + at).to_string();
    let quoted = |value: &str| format!("\"{}\"", value.replace('.', ","));
    for shape in [
        shape("a.csv", lines(";", Some(&HEADER), "\n", comma, time)).usual().shown(&[("decimal sign", "comma")]),
        shape("a.csv", lines(",", Some(&HEADER), "\n", quoted, time)).usual().shown(&[("decimal sign", "comma")]),
        shape("a.tsv", lines("\t", Some(&HEADER), "\n", comma, time)).usual(),
        shape("a.csv", lines(",", Some(&HEADER), "\n", comma, time)).refused(&[
            (2, "5 values instead of 4"),
            (3, "5 values"),
            (4, "5 values"),
            (5, "quotes"),
            (6, ""),
            (7, ""),
        ]),
    ] {
        shape.check();
    }
}

#[test]
fn times_are_recognized_in_every_form() {
    let day = |at: i64| format!("2000-07-{:02}", 30 - at);
    let naive = |at: i64| format!("2000-07-30 18:45:{:02}", 3 + at);
    let british = |at: i64| format!("{:02}/07/2000 18:45:{:02}", 30, 3 + at);
    for shape in [
        shape("a.csv", timed(|at| format!("{}.0", START + at))).usual(),
        shape("a.csv", timed(|at| format!("{:e}", (START + at) as f64))).usual(),
        shape("a.csv", timed(|at| format!("{}000", START + at)))
            .usual()
            .shown(&[("times", "milliseconds since 1970, by their size")]),
        shape("a.csv", timed(|at| format!("{}000000", START + at))).usual().shown(&[("times", "microseconds")]),
        shape("a.csv", timed(naive)).usual().shown(&[("times", "ISO 8601, taken as UTC")]),
        shape("a.csv", timed(british)).usual().shown(&[("times", "%d/%m/%Y %H:%M:%S")]),
        shape("a.csv", timed(day)).timed(|at| Some(964_915_200 - at * 86_400)),
        shape("a.csv", timed(|at| if at % 2 == 0 { (START + at).to_string() } else { String::new() }))
            .timed(|at| (at % 2 == 0).then_some(START + at)),
        shape("a.csv", timed(|at| format!("0{}/0{}/2000", at + 1, at + 2)))
            .with(|options| options.time_format = "%d/%m/%Y".parse().ok())
            .timed(|at| Some([10_988, 11_018, 11_050, 11_081, 11_113, 11_144][at as usize] * 86_400)),
        shape("a.csv", timed(|_| "soon".to_owned()))
            .with(|options| options.time_format = "none".parse().ok())
            .timed(|_| None),
    ] {
        shape.check();
    }
    let swapped = timed(|at| format!("0{}/0{}/2000", at + 1, at + 2));
    let error = open_bytes("a.csv", swapped.into(), Options::default()).unwrap_err().to_string();
    assert!(error.contains("%d/%m/%Y or %m/%d/%Y") && error.contains("--time-format"), "{error}");
}

#[test]
fn ids_that_became_floating_point_are_the_same_ids() {
    let plain = usual(",");
    let text = plain.lines().map(|line| {
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        if fields[0] != "userId" {
            fields[0].push_str(".0");
            fields[1].push_str(".0");
        }
        fields.join(",") + "\n"
    });
    let text: String = text.collect();
    shape("a.csv", text).usual().shown(&[("note", "user ids like 1.0"), ("note", "movie ids like 1.0")]).check();
    let json =
        "{\"user_id\": 1.0, \"movie_id\": 2.0, \"rating\": 3}\n{\"user_id\": 1.5, \"movie_id\": 2, \"rating\": 3}\n";
    shape("a.ndjson", json).rows(&[("1", "2", 3.0, None)]).refused(&[(2, "user is neither")]).check();
}

#[test]
fn where_two_columns_name_a_field_the_id_counts() {
    let csv = "user,user_id,item,item_id,rating,timestamp\nAnn 1,1,\"Toy Story (1995)\",10,4.0,964982703\n";
    let both =
        "{\"user_id\": \"1\", \"userId\": \"1\", \"movie_id\": \"10\", \"rating\": 4.0, \"timestamp\": 964982703}\n";
    let nested = "{\"user_id\": \"1\", \"user\": {\"login\": \"ann\"}, \"movie_id\": \"10\", \"movie\": {\"ids\": {\"imdb\": \"tt1\"}}, \
                  \"rating\": 4.0, \"rated_at\": \"2000-07-30T18:45:03Z\"}\n";
    for (name, text) in [("a.csv", csv), ("a.ndjson", both), ("a.ndjson", nested)] {
        shape(name, text).rows(&[("1", "10", 4.0, Some(START))]).check();
    }
}

#[test]
fn packed_files_are_told_by_their_content() {
    let text = usual(",").into_bytes();
    let (first, second) = text.split_at(60);
    let zst = zstd::encode_all(&text[..], 1).unwrap();
    for (name, bytes, packed) in [
        ("a.csv", gzipped(&text), "packed with gzip"),
        ("a.csv.gz", text.clone(), "text"),
        ("a.csv.gz", gzipped(&gzipped(&text)), "packed with gzip in gzip"),
        ("a.csv.gz", [gzipped(first), gzipped(second)].concat(), "gzip"),
        ("a.csv.gz", [gzipped(&text), vec![0; 512]].concat(), "gzip"),
        ("a.csv.zst", zst.clone(), "zstd"),
        ("a.csv", zst, "zstd"),
        ("archive.zip", zipped("Some Ratings.csv", &text), "text"),
        ("archive", zipped("ratings.csv.gz", &gzipped(&text)), "gzip"),
    ] {
        shape(name, bytes).usual().shown(&[("format", packed)]).check();
    }
    for (bytes, part) in [(b"BZh91AY&SY".to_vec(), "bzip2"), (b"\xfd7zXZ\x00\x00".to_vec(), "xz")] {
        let error = open_bytes("a.csv.gz", bytes.into(), Options::default()).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("unpack"), "{error}");
    }
}

#[test]
fn exports_of_programs_and_publishers_are_recognized() {
    let imdb = "Const,Your Rating,Date Rated,Title,Original Title,URL,IMDb Rating,Year,Genres\n\
                tt0114709,9,2019-09-15,Toy Story,Toy Story,https://x,8.3,1995,\"Animation, Comedy\"\n";
    let letterboxd = "Date,Name,Year,Letterboxd URI,Rating\n2024-02-29,Toy Story,1995,https://boxd.it/2aHc,4.5\n\
                      2024-03-01,\"Good, the Bad and the Ugly, The\",1966,https://boxd.it/2aXy,5\n2024-03-02,Nothing,2001,https://boxd.it/2aZz,0\n";
    let trakt = "[\n {\n  \"rated_at\": \"2000-07-30T18:45:03.000Z\",\n  \"rating\": 9,\n  \"type\": \"movie\",\n  \"movie\": {\n   \
                 \"title\": \"Toy Story\",\n   \"year\": 1995,\n   \"ids\": {\"trakt\": 1, \"slug\": \"toy-story\", \"imdb\": \"tt0114709\"}\n  }\n }\n]";
    let amazon_2018 = "{\"overall\": 5.0, \"reviewTime\": \"09 13, 2009\", \"reviewerID\": \"A2\", \"asin\": \"0013\", \
                       \"reviewText\": \"fine\", \"unixReviewTime\": 964982703}\n";
    let amazon_2023 = "{\"rating\": 5.0, \"title\": \"Good\", \"images\": [], \"asin\": \"B1\", \"parent_asin\": \"B0\", \"user_id\": \"A\", \"timestamp\": 964982703123}\n\
                       {\"rating\": 3.0, \"title\": \"Old\", \"asin\": \"B2\", \"parent_asin\": \"B2\", \"user_id\": \"A\", \"timestamp\": -62135596800000}\n";
    let mut book_crossing = b"\"User-ID\";\"ISBN\";\"Book-Rating\"\r\n\"276725\";\"034545104X\";\"0\"\r\n\"276726\";\"0155061224\";\"5\"\r\n\"276727\";\"3404921038\\\"\";\"8\"\r\n".to_vec();
    book_crossing.extend(b"\"276730\";\"caf\xe9\";\"7\"\r\n");
    let netflix = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n2059652,4,2005-09-05\n";
    let recbole = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t4.0\t964982703\n";
    let tweets = "1::0114508::8::964982703\n2::0208092::5::964982704\n";
    let jester = |rated: &[(usize, &str)]| {
        let mut row = vec!["99"; 101];
        let count = rated.len().to_string();
        row[0] = &count;
        rated.iter().for_each(|(joke, value)| row[*joke] = value);
        row.join(",") + "\n"
    };
    let jester = [jester(&[(1, "-7.82"), (100, "8.79")]), jester(&[(5, "0.5")])].concat();
    let day = |days: i64| Some(days * 86_400);
    for shape in [
        shape("ratings.csv", imdb).with(user).rows(&[("me", "tt0114709", 9.0, day(18_154))]).shown(&[
            ("recognized as", "IMDb"),
            ("user", "always me"),
            ("rating", "`Your Rating`"),
        ]),
        shape("ratings.csv", letterboxd)
            .with(user)
            .rows(&[
                ("me", "Toy Story (1995)", 4.5, day(19_782)),
                ("me", "Good, the Bad and the Ugly, The (1966)", 5.0, day(19_783)),
            ])
            .shown(&[("recognized as", "Letterboxd"), ("movie", "title and year")]),
        shape("ratings-movies.json", trakt)
            .with(user)
            .rows(&[("me", "tt0114709", 9.0, Some(START))])
            .shown(&[("recognized as", "Trakt")]),
        shape("a.jsonl", amazon_2018)
            .rows(&[("A2", "0013", 5.0, Some(START))])
            .shown(&[("recognized as", "2018"), ("timestamp", "`unixReviewTime`")]),
        shape("a.jsonl", amazon_2023)
            .rows(&[("A", "B0", 5.0, Some(START)), ("A", "B2", 3.0, None)])
            .shown(&[("recognized as", "2023"), ("times", "milliseconds")]),
        shape("BX-Book-Ratings.csv", book_crossing)
            .rows(&[
                ("276726", "0155061224", 5.0, None),
                ("276727", "3404921038\"", 8.0, None),
                ("276730", "café", 7.0, None),
            ])
            .shown(&[("recognized as", "Book-Crossing"), ("encoding", "windows-1252")]),
        shape("ratings.csv", "user_id,book_id,rating\n1,258,5\n2,4081,4\n")
            .rows(&[("1", "258", 5.0, None), ("2", "4081", 4.0, None)])
            .shown(&[("recognized as", "goodbooks")]),
        shape("combined_data_1.txt", netflix)
            .rows(&[
                ("1488844", "1", 3.0, day(13_032)),
                ("822109", "1", 5.0, day(12_916)),
                ("2059652", "2", 4.0, day(13_031)),
            ])
            .shown(&[("recognized as", "Netflix Prize")]),
        shape("ml-100k.inter", recbole).rows(&[("1", "10", 4.0, Some(START))]).shown(&[("recognized as", "RecBole")]),
        shape("ratings.dat", tweets)
            .rows(&[("1", "0114508", 8.0, Some(START)), ("2", "0208092", 5.0, Some(START + 1))])
            .shown(&[("recognized as", "MovieTweetings")]),
        shape("jester-data-1.csv", jester)
            .rows(&[("1", "1", -7.82, None), ("1", "100", 8.79, None), ("2", "5", 0.5, None)])
            .shown(&[("recognized as", "Jester")]),
        shape("kaggle.csv", table(",", &["User ID", "Movie ID", "Rating", "Time Stamp"], "\n")).usual(),
        shape(
            "index.csv",
            usual(",")
                .lines()
                .zip(-1..)
                .map(|(line, row)| if row < 0 { format!(",{line}\n") } else { format!("{row},{line}\n") })
                .collect::<String>(),
        )
        .usual(),
        shape("headless.csv", lines(",", None, "\n", str::to_owned, |at| (START + at).to_string()))
            .usual()
            .shown(&[("header", "none"), ("user", "column 1")]),
        shape("own.csv", "who;what;points\nann;m7;4\n")
            .with(|options| {
                options.columns = [(Field::User, "who"), (Field::Movie, "what"), (Field::Rating, "points")]
                    .map(|(field, name)| (field, name.to_owned()))
                    .to_vec()
            })
            .rows(&[("ann", "m7", 4.0, None)]),
    ] {
        shape.check();
    }
    let error = open_bytes("ratings.csv", imdb.into(), Options::default()).unwrap_err().to_string();
    assert!(
        error.contains("no column for the user") && error.contains("export of IMDb") && error.contains("--user"),
        "{error}"
    );
}

#[test]
fn movies_that_the_ratings_describe_are_the_catalog() {
    let imdb = "Const,Your Rating,Title,Year,Genres\ntt1,9,Toy Story,1995,\"Animation, Comedy\"\ntt1,8,Other,1996,\n";
    let opened = shape("ratings.csv", imdb).with(user).open();
    let catalog = opened.catalog().unwrap();
    let movie = &catalog.movies[0];
    assert_eq!(
        (catalog.movies.len(), movie.id.as_str(), movie.title.as_str(), movie.year),
        (1, "tt1", "Toy Story", Some(1995))
    );
    assert_eq!(movie.genres, ["Animation", "Comedy"]);
}

#[test]
fn one_odd_movie_is_named_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ratings.csv"), usual(",")).unwrap();
    let long = "x".repeat(70);
    for (movies, kept, fault) in [
        ("movieId,title,genres\n1,Toy Story (1995),Animation\n,Nobody knows (1999),Drama\n".to_owned(), 1, "line 3: movie is empty"),
        (format!("movieId,title,genres\n1,Toy Story (1995),{long}\n10,GoldenEye (1995),Action|Thriller\n"), 1, "line 2: genres"),
        (
            "movieId,title,genres\n1,A,Comedy\n10,B,\"[{'id': 12, 'name': 'Adventure'}, {'id': 28, 'name': 'Action'}, {'id': 53, 'name': 'Thriller'}]\"\n11,C,Comedy\n".to_owned(),
            2,
            "line 3: genres",
        ),
        ("movieId,title,genres\n1,\"A,Comedy\n10,B,Comedy\n".to_owned(), 1, "line 2: line has quotes"),
    ] {
        std::fs::write(folder.path().join("movies.csv"), &movies).unwrap();
        let catalog = marquee_datasets::open(folder.path(), Options::default()).unwrap().catalog().unwrap();
        let faults: Vec<String> = catalog.faults.iter().map(ToString::to_string).collect();
        assert_eq!((catalog.movies.len(), catalog.left_out), (kept, 1), "{movies}: {faults:?}");
        assert!(faults[0].starts_with(&format!("movies.csv, {fault}")), "{faults:?}");
    }
}

#[test]
fn no_genre_is_no_genre_in_every_notation() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ratings.ndjson"), "{\"userId\": 1, \"movieId\": 1, \"rating\": 4}\n").unwrap();
    let movies = "\u{feff}{\"movieId\": 1, \"title\": \"A\", \"genres\": [\"(no genres listed)\"]}\n\
                  {\"movieId\": 2, \"title\": \"B\", \"genres\": \"(no genres listed)\"}\n{\"movieId\": \"3\", \"title\": \"C\", \"genres\": [\"\", \"War\"]}\n";
    std::fs::write(folder.path().join("movies.ndjson"), movies).unwrap();
    let movies = marquee_datasets::open(folder.path(), Options::default()).unwrap().movies().unwrap();
    assert_eq!(movies.iter().map(|movie| movie.genres.join("|")).collect::<Vec<_>>(), ["", "", "War"]);
}

#[test]
fn folders_of_parts_are_one_set() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("_SUCCESS", "");
    write(".part-00000.csv.crc", "crc");
    write("year=2000/part-00000-a1.csv", "user,movie,rating\n1,7,4\n1,8,3\n");
    write("year=2000/part-00001-a1.csv", "user,movie,rating\n");
    write("year=2001/part-00000-b2.csv", "user,movie,rating\n2,7,five\n2,8,1\n");
    let dataset = marquee_datasets::open(folder.path(), Options::default()).unwrap();
    let mut ratings = dataset.ratings().unwrap();
    let places = ratings.places();
    let rows: Vec<_> = ratings.by_ref().collect();
    let users: Vec<_> = rows.iter().flatten().map(|row| (row.user.as_str(), row.movie.as_str())).collect();
    assert_eq!(users, [("1", "7"), ("1", "8"), ("2", "8")]);
    let refused = rows.iter().find_map(|row| row.as_ref().err()).unwrap();
    assert_eq!(places.locate(refused.line), (Some("part-00000-b2.csv".to_owned()), 2));
    let times: Vec<_> = rows.iter().flatten().map(Row::time).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "rows keep their order over parts");
    for skipped in 0..5 {
        let mut rest = dataset.ratings().unwrap();
        rest.skip_rows(skipped).unwrap();
        assert_eq!(rest.collect::<Vec<_>>(), rows[skipped as usize..], "after {skipped}");
    }
    assert_eq!(ratings.bytes_read(), ratings.total_bytes());
}

#[test]
fn several_files_are_one_set_and_a_file_of_movies_is_its_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("a.csv"), "user,movie,rating\n1,7,4\n").unwrap();
    std::fs::write(path("b.csv"), "rating;movie;user\n3,5;7;2\n").unwrap();
    std::fs::write(path("movies.csv"), "movieId,title\n7,Heat (1995)\n").unwrap();
    let paths = [path("a.csv"), path("b.csv"), path("movies.csv")];
    let dataset = marquee_datasets::open_all(&paths, Options::default()).unwrap();
    let rows: Vec<_> = dataset.ratings().unwrap().map(|row| row.unwrap()).map(|row| (row.user, row.rating)).collect();
    assert_eq!(rows, [("1".to_owned(), 4.0), ("2".to_owned(), 3.5)], "each file has its own layout");
    assert_eq!(dataset.movies().unwrap()[0].title, "Heat");
}
