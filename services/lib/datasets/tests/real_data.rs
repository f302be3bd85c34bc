//! Reads the real data sets, if they are on this machine.

use std::collections::HashSet;
use std::path::PathBuf;

use marquee_datasets::{Dataset, Options, ROW_ORDER_START, Row, open};
use marquee_domain::{Movie, Timestamp};

/// Returns the folder of a data set. A test without its data is skipped, except in CI, where the
/// data must be in the shared folder.
fn folder(name: &str) -> Option<PathBuf> {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let root = std::env::var_os("MARQUEE_TEST_DATA").map_or_else(|| shared.clone(), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(!(shared.is_dir() && std::env::var("CI").is_ok_and(|ci| ci == "true")), "data set {name} not found");
    println!("skipped: data set {name} not found");
    None
}

fn rows(dataset: &Dataset) -> Vec<Row> {
    dataset.ratings().expect("a file without a wrong row").map(|row| row.expect("a file without a wrong row")).collect()
}

fn movie<'a>(movies: &'a [Movie], id: &str) -> &'a Movie {
    movies.iter().find(|movie| movie.id.as_str() == id).expect("in the catalog")
}

/// Checks that each movie with a rating is in the catalog, and that each value is on the scale.
fn check(dataset: &Dataset, rows: &[Row], movies: &[Movie]) {
    let known: HashSet<&str> = movies.iter().map(|movie| movie.id.as_str()).collect();
    let scale = dataset.scale.expect("a scale that is known");
    for row in rows {
        assert!(known.contains(row.movie.as_str()), "{row:?}");
        assert_eq!(scale.check(row.rating), Ok(row.rating), "{row:?}");
        assert!(row.time() >= Timestamp::from_seconds(0), "{row:?}");
    }
}

#[test]
fn movielens_100k_is_read_as_it_ships() {
    let Some(folder) = folder("ml-100k") else { return };
    let dataset = open(&folder, Options::default()).unwrap();
    let (rows, movies) = (rows(&dataset), dataset.movies().unwrap());
    assert_eq!((dataset.name.as_str(), rows.len(), movies.len()), ("ml-100k", 100_000, 1_682));
    check(&dataset, &rows, &movies);
    let first = Row {
        line: 1,
        user: "196".to_owned(),
        movie: "242".to_owned(),
        rating: 3.0,
        rated_at: Some(Timestamp::from_seconds(881_250_949)),
    };
    assert_eq!(rows[0], first);
    let toy_story = movie(&movies, "1");
    assert_eq!((toy_story.title.as_str(), toy_story.year), ("Toy Story", Some(1995)));
    assert_eq!(toy_story.genres, ["Animation", "Children's", "Comedy"]);
    assert_eq!(movie(&movies, "543").title, "Misérables, Les");
    assert!(movie(&movies, "267").genres.is_empty(), "an unknown genre is none");
}

#[test]
fn movielens_1m_without_times_is_read_in_row_order() {
    let Some(folder) = folder("ml-1m") else { return };
    let dataset = open(&folder, Options::default()).unwrap();
    let (rows, movies) = (rows(&dataset), dataset.movies().unwrap());
    assert_eq!((dataset.name.as_str(), rows.len(), movies.len()), ("ml-1m", 1_000_209, 3_883));
    check(&dataset, &rows, &movies);
    assert_eq!((rows[0].rated_at, rows[0].time()), (None, ROW_ORDER_START));
    let estimate = dataset.rating_count.expect("a size that is known") as f64;
    // The first lines are shorter than the average, because ids grow with the file.
    assert!((estimate / 1_000_209.0 - 1.0).abs() < 0.25, "{estimate}");
    assert_eq!(rows[1_000_208].time(), Timestamp::from_seconds(ROW_ORDER_START.seconds() + 1_000_208));
}

#[test]
fn movielens_latest_small_is_read_as_it_ships() {
    let Some(folder) = folder("ml-latest-small") else { return };
    let dataset = open(&folder, Options::default()).unwrap();
    let (rows, movies) = (rows(&dataset), dataset.movies().unwrap());
    assert_eq!((dataset.name.as_str(), rows.len(), movies.len()), ("ml-latest-small", 100_836, 9_742));
    check(&dataset, &rows, &movies);
    let estimate = dataset.rating_count.expect("a size that is known") as f64;
    assert!((estimate / 100_836.0 - 1.0).abs() < 0.1, "{estimate}");
    let president = movie(&movies, "11");
    assert_eq!((president.title.as_str(), president.year), ("American President, The", Some(1995)));
    assert!(movie(&movies, "114335").genres.is_empty(), "(no genres listed) is none");
}

#[test]
fn the_parquet_edition_holds_the_same_ratings_and_movies_as_the_original() {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    let cached = cache.unwrap_or_default().join("marquee/movielens-100k");
    if !cached.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "run `make movielens`");
        println!("skipped: data set movielens-100k not found");
        return;
    }
    let dataset = open(&cached, Options::default()).unwrap();
    let (mut parquet, movies) = (rows(&dataset), dataset.movies().unwrap());
    assert_eq!((parquet.len(), dataset.rating_count, movies.len()), (100_000, Some(100_000), 1_682));
    check(&dataset, &parquet, &movies);
    let Some(folder) = folder("ml-100k") else { return };
    let original = open(&folder, Options::default()).unwrap();
    let mut text = rows(&original);
    for rows in [&mut parquet, &mut text] {
        rows.sort_by(|a, b| (&a.user, &a.movie).cmp(&(&b.user, &b.movie)));
        rows.iter_mut().for_each(|row| row.line = 0);
    }
    assert_eq!(parquet, text);
    let of_original = original.movies().unwrap();
    for movie in &movies {
        let twin = self::movie(&of_original, movie.id.as_str());
        assert_eq!((movie.year, &movie.genres), (twin.year, &twin.genres), "{}", movie.title);
    }
}
