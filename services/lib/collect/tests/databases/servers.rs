//! PostgreSQL and MariaDB as processes of a test, on loopback ports and in folders of their own.
//! `make servers` puts links to their programs into the user's cache folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Where `tests/servers/prepare.py` puts the programs.
const POSTGRES: &str = "postgresql-13";
const MARIADB: &str = "mariadb-10";

/// The longest start.
const DEADLINE: Duration = Duration::from_secs(60);

/// The password of the user `marquee`.
pub(crate) const PASSWORD: &str = "hunter2";

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mariadb,
}

/// A server that ends with this value.
pub(crate) struct Server {
    kind: Kind,
    child: Option<Child>,
    programs: PathBuf,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the folder of prepared programs. Without it the test is skipped, or fails with
/// `CI=true`.
fn prepared(name: &str) -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).expect("a cache folder");
    let place = cache.join("marquee/servers").join(name);
    if place.join("version").exists() {
        return Some(place);
    }
    let is_ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(!is_ci, "{} is missing: run `make servers`", place.display());
    println!("skipped: {} is missing: run `make servers`", place.display());
    None
}

/// Returns a user who may run a server, if this process is root, which PostgreSQL refuses.
fn other_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)).ok()? != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let id = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    id("postgres").or_else(|| id("nobody"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

impl Server {
    /// Starts a server with the database `shop` and the user `marquee`. `None` if it is not here.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let programs = prepared(if kind == Kind::Postgres { POSTGRES } else { MARIADB })?;
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("password"), PASSWORD).expect("written");
        let mut server = Self { kind, child: None, programs, port: free_port(), folder };
        server.make();
        server.spawn();
        if kind == Kind::Mariadb {
            server.mariadb(
                "root",
                &format!(
                    "CREATE DATABASE shop; CREATE USER marquee@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON shop.* TO \
                     marquee@'%'"
                ),
            );
        } else {
            server.psql("postgres", "CREATE DATABASE shop");
        }
        Some(server)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str) -> Command {
        let program = fs::canonicalize(self.programs.join(name)).expect("a program");
        let mut command = Command::new(program);
        if self.kind == Kind::Postgres
            && let Some((user, group)) = other_user()
        {
            command.uid(user).gid(group);
        }
        // A home of another user, which it may not read, would end `psql`.
        command.current_dir("/").env("HOME", self.folder.path());
        command
    }

    /// Makes the folder of the data.
    fn make(&self) {
        let data = self.path("data");
        fs::create_dir(&data).expect("a folder");
        if self.kind == Kind::Mariadb {
            // Servers that share a folder for temporary tables remove those of each other.
            fs::create_dir(self.path("tmp")).expect("a folder");
            let mut command = self.program("mariadb-install-db");
            command.env("TMPDIR", self.path("tmp"));
            command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
            command.arg(format!("--tmpdir={}", self.path("tmp").display()));
            command.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--user=root"]);
            run(&mut command);
            return;
        }
        if let Some((user, group)) = other_user() {
            for path in [self.folder.path(), &data, &self.path("password")] {
                chown(path, Some(user), Some(group)).expect("given away");
            }
        }
        let mut command = self.program("initdb");
        command.arg("-D").arg(&data).args([
            "-U",
            "marquee",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        ]);
        command.arg(format!("--pwfile={}", self.path("password").display()));
        run(&mut command);
    }

    /// Starts the server, and waits until its log says that it takes connections.
    pub(crate) fn spawn(&mut self) {
        let data = self.path("data");
        let mut command = match self.kind {
            Kind::Postgres => {
                let mut command = self.program("postgres");
                command.arg("-D").arg(&data).args([
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    "unix_socket_directories=",
                ]);
                command.args(["-c", "fsync=off", "-c", &format!("port={}", self.port)]);
                command
            }
            Kind::Mariadb => {
                let mut command = self.program("mariadbd");
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display())).arg("--user=root");
                command.arg(format!("--tmpdir={}", self.path("tmp").display()));
                command.args(["--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve"]);
                command.arg(format!("--port={}", self.port)).arg(format!("--socket={}", self.path("socket").display()));
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let log = BufReader::new(child.stderr.take().expect("a log"));
        self.child = Some(child);
        let ready = match self.kind {
            Kind::Postgres => "ready to accept connections",
            Kind::Mariadb => "ready for connections",
        };
        let (sender, lines) = mpsc::channel();
        // Reads on until the server ends: a full pipe would stop it.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let (started, mut seen) = (Instant::now(), Vec::new());
        while !seen.last().is_some_and(|line: &String| line.contains(ready)) {
            let line = lines.recv_timeout(DEADLINE.saturating_sub(started.elapsed()));
            assert!(line.is_ok(), "it is not ready: {}", seen.join("\n"));
            seen.extend(line);
        }
    }

    /// Ends the server at once, without a clean end; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // After SIGKILL, processes of PostgreSQL would outlive their parent for a moment. SIGQUIT
        // ends all of them, and a start recovers as from a crash.
        let pid = child.id().to_string();
        let is_told = self.kind == Kind::Postgres
            && Command::new("kill").args(["-QUIT", &pid]).status().is_ok_and(|status| status.success());
        if !is_told {
            let _ = child.kill();
        }
        let _ = child.wait();
    }

    fn psql_command(&self, database: &str, sql: &str) -> Command {
        let mut command = self.program("psql");
        command.env("PGPASSWORD", PASSWORD).args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "marquee"]);
        command.args(["-d", database, "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        command
    }

    fn psql(&self, database: &str, sql: &str) -> String {
        run(&mut self.psql_command(database, sql))
    }

    fn mariadb_command(&self, user: &str, sql: &str) -> Command {
        let mut command = self.program("mariadb");
        command.arg("--no-defaults").arg(format!("--socket={}", self.path("socket").display()));
        command.args(["-u", user, "-N", "-e", sql]);
        command
    }

    fn mariadb(&self, user: &str, sql: &str) -> String {
        run(&mut self.mariadb_command(user, sql))
    }

    /// Runs statements in the database.
    pub(crate) fn sql(&self, sql: &str) -> String {
        match self.kind {
            Kind::Postgres => self.psql("shop", sql),
            Kind::Mariadb => self.mariadb("root", &format!("USE shop; SET time_zone = '+00:00'; {sql}")),
        }
    }

    /// Returns the address, without a password.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.kind == Kind::Postgres { "postgres" } else { "mysql" };
        format!("{scheme}://marquee@127.0.0.1:{}/shop", self.port)
    }

    /// Returns the settings of a source.
    pub(crate) fn source(&self, more: &str) -> String {
        let kind = if self.kind == Kind::Postgres { "postgres" } else { "mysql" };
        let (url, password) = (self.url(), self.path("password"));
        format!(
            "[sources.shop]\nkind = \"{kind}\"\nurl = \"{url}\"\npassword_file = {password:?}\nwatermark = \"changed\"\nkey \
             = \"id\"\n{more}"
        )
    }

    /// Lets PostgreSQL encrypt connections with a certificate for 127.0.0.1, and demand it. Returns
    /// the certificate.
    pub(crate) fn encrypt(&mut self) -> PathBuf {
        let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let (certificate, key) = (self.path("data/server.crt"), self.path("data/server.key"));
        fs::write(&certificate, signed.cert.pem()).expect("written");
        fs::write(&key, signed.signing_key.serialize_pem()).expect("written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("private");
        if let Some((user, group)) = other_user() {
            chown(&key, Some(user), Some(group)).expect("given away");
        }
        append(&self.path("data/postgresql.conf"), "ssl = on\n");
        fs::write(self.path("data/pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n").expect("written");
        self.kill();
        self.spawn();
        certificate
    }
}

fn append(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut file = fs::File::options().append(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}
