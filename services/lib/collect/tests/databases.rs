//! Collectors of real PostgreSQL and MariaDB servers.

#[path = "databases/servers.rs"]
mod servers;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use marquee_collect::{Answer, Collected, Collector, Config, Destination, DestinationError, Error, NewRating, Setup};
use marquee_domain::{Movie, Scale, SystemClock, Timestamp};
use marquee_embedded::EmbeddedObjects;
use marquee_ports::ObjectStore;
use marquee_ports::memory::MemoryObjects;
use servers::{Kind, Server};

/// The values of ratings, by what identifies them.
type Ratings = BTreeMap<(String, String, Timestamp), f64>;

/// Keeps ratings.
#[derive(Debug, Clone, Default)]
struct Fleet {
    ratings: Arc<Mutex<Ratings>>,
    sent: Arc<Mutex<usize>>,
    /// Also writes them there, one on each line, and prints when.
    file: Option<PathBuf>,
}

impl Fleet {
    fn len(&self) -> usize {
        self.ratings.lock().expect("whole").len()
    }

    fn value(&self, user: &str) -> Option<f64> {
        let ratings = self.ratings.lock().expect("whole");
        ratings.iter().rev().find(|((known, ..), _)| known == user).map(|(_, value)| *value)
    }

    fn time(&self, user: &str) -> Option<Timestamp> {
        let ratings = self.ratings.lock().expect("whole");
        ratings.keys().rev().find(|(known, ..)| known == user).map(|(_, _, time)| *time)
    }
}

#[async_trait]
impl Destination for Fleet {
    async fn scale(&self) -> Result<Scale, DestinationError> {
        Ok(Scale::try_new(0.5, 5.0, 0.5)?)
    }

    async fn known_movies(&self) -> Result<HashSet<String>, DestinationError> {
        Ok(HashSet::new())
    }

    async fn add_movies(&self, _: Vec<Movie>) -> Result<(), DestinationError> {
        Ok(())
    }

    async fn add_ratings(&self, ratings: Vec<NewRating>) -> Result<Answer, DestinationError> {
        let accepted = ratings.len() as u64;
        *self.sent.lock().expect("whole") += ratings.len();
        let mut lines = String::new();
        for rating in ratings {
            let (Some(value), Some(time)) = (rating.rating, rating.rated_at) else { continue };
            lines.push_str(&format!("{} {} {} {value}\n", rating.user, rating.movie, time.micros()));
            self.ratings.lock().expect("whole").insert((rating.user, rating.movie, time), value);
        }
        if let Some(path) = &self.file {
            println!("{SENDING}");
            std::fs::File::options().append(true).create(true).open(path)?.write_all(lines.as_bytes())?;
            println!("{SENT}");
        }
        Ok(Answer { accepted, refused: Vec::new() })
    }
}

fn collector(config: &str, objects: Arc<dyn ObjectStore>, fleet: &Fleet, patience: Duration) -> Collector {
    let config = Config::parse(config, Path::new("/")).expect("valid").sources.remove(0);
    let (destination, clock) = (Arc::new(fleet.clone()), Arc::new(SystemClock));
    Collector::new(config, Setup { objects, destination, clock, patience }).expect("a collector")
}

/// A database with a collector of it.
struct Shop {
    server: Server,
    objects: MemoryObjects,
    fleet: Fleet,
}

impl Shop {
    fn start(kind: Kind) -> Option<Self> {
        let server = Server::start(kind)?;
        let (serial, time) = match kind {
            Kind::Postgres => ("bigserial PRIMARY KEY", "timestamptz"),
            Kind::Mariadb => ("bigint unsigned AUTO_INCREMENT PRIMARY KEY", "datetime(6) NULL"),
        };
        server.sql(&format!(
            "CREATE TABLE ratings (id {serial}, customer varchar(40), film int, stars decimal(3, 1), changed {time}); \
             CREATE INDEX by_change ON ratings (changed, id)"
        ));
        Some(Self { server, objects: MemoryObjects::default(), fleet: Fleet::default() })
    }

    fn insert(&self, rows: &[(&str, i32, f64, &str)]) {
        let row = |(customer, film, stars, changed): &(&str, i32, f64, &str)| {
            format!("('{customer}', {film}, {stars}, '2024-05-01 {changed}')")
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        self.server.sql(&format!("INSERT INTO ratings (customer, film, stars, changed) VALUES {}", rows.join(", ")));
    }

    fn collector(&self, more: &str) -> Collector {
        let columns =
            "columns = { user = \"customer\", movie = \"film\", rating = \"stars\", timestamp = \"changed\" }";
        let source = if more.contains("query") { String::new() } else { "table = \"ratings\"".to_owned() };
        let config = self.server.source(&format!("{source}\n{columns}\n{more}"));
        collector(&config, Arc::new(self.objects.clone()), &self.fleet, Duration::ZERO)
    }

    async fn round(&self, more: &str) -> Result<Collected, Error> {
        let mut report = Collected::default();
        self.collector(more).round(&mut report).await.map(|()| report)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", chain(cause)))
}

/// What both servers must do.
async fn follows_a_table(kind: Kind) {
    let Some(shop) = Shop::start(kind) else { return };
    // More rows of one instant than a page has.
    let mut rows = vec![("ann", 1, 4.0, "10:00:00"), ("bob", 1, 3.5, "10:00:01.25")];
    let many: Vec<String> = (0..23).map(|number| format!("u{number}")).collect();
    rows.extend(many.iter().map(|user| (user.as_str(), 2, 2.0, "11:00:00")));
    shop.insert(&rows);
    let report = shop.round("batch = 5").await.map_err(|error| chain(&error)).expect("collected");
    assert_eq!((report.records, report.accepted, report.rejected, shop.fleet.len()), (25, 25, 0, 25));
    assert_eq!((shop.fleet.value("bob"), shop.fleet.value("u22")), (Some(3.5), Some(2.0)));
    let instant = Timestamp::parse("2024-05-01T10:00:01.25Z").expect("a time");
    assert_eq!(shop.fleet.time("bob"), Some(instant), "times are UTC with their fractions");

    // Nothing is new; the overlap is read again and left out.
    let report = shop.round("batch = 5").await.expect("collected");
    assert_eq!((report.records, report.repeated, shop.fleet.len()), (0, 23, 25));
    // A transaction that began earlier ends later: within the overlap it is found.
    shop.insert(&[("late", 3, 1.0, "10:56:00"), ("new", 3, 5.0, "11:00:01")]);
    let report = shop.round("batch = 5").await.expect("collected");
    assert_eq!((report.records, report.accepted, report.repeated), (2, 2, 23));
    // A row that changes comes again.
    shop.server.sql("UPDATE ratings SET stars = 4.5, changed = '2024-05-01 11:00:02' WHERE customer = 'ann'");
    let report = shop.round("").await.expect("collected");
    assert_eq!((report.accepted, shop.fleet.value("ann")), (1, Some(4.5)));

    // The schema changes.
    shop.server.sql("ALTER TABLE ratings ADD device varchar(9); INSERT INTO ratings (customer) VALUES ('never')");
    shop.insert(&[("cy", 1, 3.0, "11:00:03")]);
    let report = shop.round("").await.expect("collected");
    let drift: Vec<String> = report.drift.iter().map(ToString::to_string).collect();
    assert!(drift.len() == 1 && drift[0].starts_with("column device is new"), "{drift:?}");
    assert!(report.notices.len() == 1 && report.notices[0].contains("no watermark"), "{report:?}");
    let wider = match kind {
        Kind::Postgres => "ALTER TABLE ratings ALTER film TYPE bigint",
        Kind::Mariadb => "ALTER TABLE ratings MODIFY film bigint",
    };
    shop.server.sql(wider);
    let report = shop.round("").await.expect("collected");
    assert!(report.drift.len() == 1 && report.drift[0].column == "film", "{:?}", report.drift);
    match kind {
        Kind::Postgres => shop.server.sql("ALTER TABLE ratings RENAME stars TO points"),
        Kind::Mariadb => shop.server.sql("ALTER TABLE ratings CHANGE stars points decimal(3, 1)"),
    };
    shop.insert_points("dan", "11:00:04");
    let error = shop.round("").await.expect_err("gone");
    assert!(matches!(&error, Error::Gone { field, .. } if field == "rating"), "{}", chain(&error));
    assert_eq!(shop.fleet.value("dan"), None, "nothing is taken");
}

impl Shop {
    fn insert_points(&self, customer: &str, changed: &str) {
        self.server.sql(&format!(
            "INSERT INTO ratings (customer, film, points, changed) VALUES ('{customer}', 1, 3, '2024-05-01 {changed}')"
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_postgresql_is_followed() {
    follows_a_table(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_mariadb_is_followed() {
    follows_a_table(Kind::Mariadb).await;
}

/// A number as the watermark, and a statement instead of a table.
async fn follows_numbers(kind: Kind) {
    let Some(shop) = Shop::start(kind) else { return };
    shop.insert(&[("ann", 1, 4.0, "10:00:00"), ("bob", 1, 3.0, "10:00:01"), ("cy", 1, 3.0, "10:00:02")]);
    let more = "query = \"SELECT id, customer, film, stars, changed AS at, id AS changed FROM ratings WHERE customer <> \
                'bob'\"\nbatch = 1\noverlap = 0";
    let columns = more.replace("changed AS at, id AS changed", "changed AS rated_at, id AS changed");
    let config = shop.server.source(&format!(
        "{columns}\ncolumns = {{ user = \"customer\", movie = \"film\", rating = \"stars\", timestamp = \"rated_at\" }}"
    ));
    let round = async || {
        let mut report = Collected::default();
        let mut collector = collector(&config, Arc::new(shop.objects.clone()), &shop.fleet, Duration::ZERO);
        collector.round(&mut report).await.map(|()| report).map_err(|error| chain(&error)).expect("collected")
    };
    assert_eq!(round().await.accepted, 2);
    assert_eq!(round().await.repeated, 1, "the newest row is read again");
    shop.insert(&[("dan", 1, 4.0, "10:00:00")]);
    assert_eq!((round().await.accepted, shop.fleet.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_statements_are_followed_in_postgresql() {
    follows_numbers(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_statements_are_followed_in_mariadb() {
    follows_numbers(Kind::Mariadb).await;
}

/// Nothing is written, statements end in time, and mistakes are named.
async fn keeps_limits(kind: Kind) {
    let Some(mut shop) = Shop::start(kind) else { return };
    shop.insert(&[("ann", 1, 4.0, "10:00:00")]);
    let slow = match kind {
        Kind::Postgres => "SELECT *, pg_sleep(20)::text AS s FROM ratings",
        Kind::Mariadb => "SELECT *, SLEEP(20) AS s FROM ratings",
    };
    let began = Instant::now();
    let error = shop.round(&format!("query = \"{slow}\"\nstatement_timeout = \"300ms\"")).await.expect_err("too slow");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}: {}", began.elapsed(), chain(&error));
    let error = chain(&shop.round("query = \"SELECT * FROM nothing\"").await.expect_err("no table"));
    assert!(error.contains("nothing"), "{error}");
    let error = chain(&shop.round("query = \"SELECT customer, id FROM ratings\"").await.expect_err("no column"));
    assert!(error.contains("`watermark` = \"changed\"") && error.contains("no such column"), "{error}");
    if kind == Kind::Postgres {
        shop.server.sql(
            "CREATE FUNCTION w() RETURNS int LANGUAGE sql AS $$ INSERT INTO ratings (customer) VALUES ('x') RETURNING 1 $$",
        );
        let error = chain(&shop.round("query = \"SELECT *, w() FROM ratings\"").await.expect_err("a write"));
        assert!(error.contains("read-only"), "{error}");
    }
    std::fs::write(shop.server.path("password"), "wrong").expect("written");
    let error = chain(&shop.round("").await.expect_err("refused"));
    assert!(error.contains("connect") && !error.contains("wrong"), "{error}");
    std::fs::write(shop.server.path("password"), servers::PASSWORD).expect("written");
    shop.server.kill();
    let error = shop.round("").await.expect_err("it is gone");
    assert!(matches!(&error, Error::Source { source, .. } if source.is_passing()), "{}", chain(&error));
    shop.server.spawn();
    assert_eq!(shop.round("").await.expect("it is back").accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_mistakes_are_told_by_postgresql() {
    keeps_limits(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_mistakes_are_told_by_mariadb() {
    keeps_limits(Kind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_postgresql_is_encrypted_and_its_certificate_is_verified() {
    let Some(mut shop) = Shop::start(Kind::Postgres) else { return };
    shop.insert(&[("ann", 1, 4.0, "10:00:00")]);
    let certificate = shop.server.encrypt();
    let trusted = format!("ca_file = {certificate:?}");
    let report = shop.round(&trusted).await.map_err(|error| chain(&error)).expect("collected");
    assert_eq!(report.accepted, 1);
    let error = chain(&shop.round("").await.expect_err("unencrypted"));
    assert!(error.contains("no encryption"), "{error}");
    let columns = "columns = { user = \"customer\", movie = \"film\", rating = \"stars\", timestamp = \"changed\" }";
    let config =
        shop.server.source(&format!("table = \"ratings\"\n{columns}")).replace("/shop\"", "/shop?sslmode=require\"");
    let mut collector = collector(&config, Arc::new(shop.objects.clone()), &shop.fleet, Duration::ZERO);
    let error = chain(&collector.round(&mut Collected::default()).await.expect_err("nobody vouches for it"));
    assert!(error.contains("certificate") || error.contains("UnknownIssuer"), "{error}");
}

/// Names what the child of a test works on.
const CHILD: &str = "MARQUEE_COLLECT_CHILD";

/// What a child prints before and after it writes ratings, and after a round.
const SENDING: &str = "sending";
const SENT: &str = "sent";
const ROUND: &str = "round";

/// A collector in a process of its own, which the tests below kill. It collects once for each line
/// of its input. Alone it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let folder = PathBuf::from(folder);
    let config = std::fs::read_to_string(folder.join("config.toml")).expect("a configuration");
    let objects = EmbeddedObjects::open(&folder.join("objects")).expect("a store");
    let fleet = Fleet { file: Some(folder.join("ratings")), ..Fleet::default() };
    let mut collector = collector(&config, Arc::new(objects), &fleet, Duration::from_secs(30));
    for line in std::io::stdin().lines() {
        line.expect("a line");
        let mut report = Collected::default();
        collector.round(&mut report).await.map_err(|error| chain(&error)).expect("collected");
        println!("{ROUND}");
    }
}

/// A process of [`child`], and what it prints.
struct Running(Child, Lines<BufReader<ChildStdout>>);

impl Running {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.args(["--exact", "child", "--nocapture"]).env(CHILD, folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().expect("it runs");
        let lines = BufReader::new(process.stdout.take().expect("an output")).lines();
        Self(process, lines)
    }

    /// Lets it collect once.
    fn collect(&mut self) {
        self.0.stdin.as_mut().expect("an input").write_all(b"\n").expect("written");
    }

    /// Waits until it has printed a word that is asked for, the last of `count`.
    fn wait(&mut self, count: usize, words: &[&str]) {
        for _ in 0..count {
            // The test's own name may come before it.
            let mut lines = self.1.by_ref().map(|line| line.expect("a line"));
            assert!(lines.any(|line| words.iter().any(|word| line.ends_with(word))), "the child ended");
        }
    }

    fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

/// Kills a collector at many instants, while rows come, and compares what arrived with the table.
async fn survives_kills(kind: Kind) {
    let Some(shop) = Shop::start(kind) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let columns = "columns = { user = \"customer\", movie = \"film\", rating = \"stars\", timestamp = \"changed\" }";
    let config = shop.server.source(&format!("table = \"ratings\"\n{columns}\nbatch = 7"));
    std::fs::write(folder.path().join("config.toml"), config).expect("written");
    let arrived = || {
        let text = std::fs::read_to_string(folder.path().join("ratings")).unwrap_or_default();
        // A line that a kill cut off has no end.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        whole.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut count = 0;
    for kill in 1..=12 {
        let mut child = Running::start(folder.path());
        let rows: Vec<String> = (count..count + 40)
            .map(|number| {
                format!(
                    "('u{number}', {}, {}, '2024-05-01 10:{:02}:{:02}')",
                    number % 9,
                    number % 5 + 1,
                    number / 60,
                    number % 60
                )
            })
            .collect();
        count += 40;
        shop.server.sql(&format!("INSERT INTO ratings (customer, film, stars, changed) VALUES {}", rows.join(", ")));
        // 40 rows are 6 batches. It is killed as it writes one of them or just after, another each
        // time.
        child.collect();
        child.wait(kill, &[SENDING, SENT]);
        child.kill();
    }
    let mut child = Running::start(folder.path());
    child.collect();
    child.wait(1, &[ROUND]);
    child.kill();
    let unique = || arrived().into_iter().collect::<HashSet<_>>();
    let users: HashSet<String> = unique().iter().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect();
    assert_eq!((unique().len(), users.len()), (count, count), "nothing is lost, and nothing has two identities");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_of_postgresql_that_is_killed_goes_on_without_loss_or_duplicates() {
    survives_kills(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_of_mariadb_that_is_killed_goes_on_without_loss_or_duplicates() {
    survives_kills(Kind::Mariadb).await;
}
