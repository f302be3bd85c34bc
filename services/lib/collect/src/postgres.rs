//! Tables of PostgreSQL, read in read-only transactions. The server turns rows into JSON.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config};

use crate::invalid::ConfigError;
use crate::source::SourceError;
use crate::sql::{self, Begin, Database, Page, Row, Tables};
use crate::tls::PostgresTls;

/// The longest time for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// What a statement may take beyond its own limit, for the way there and back.
const BEYOND: Duration = Duration::from_secs(10);

/// Classes of errors (SQLSTATE) that may pass: connections, conflicts, a lack of resources, objects
/// that are not in the right state, and an operator who intervenes.
const PASSING: [&str; 5] = ["08", "40", "53", "55", "57"];

/// The settings of a database.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Settings(sql::Settings);

impl Settings {
    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        let settings = self.0.checked(&["postgres", "postgresql"])?;
        Config::from_str(&settings.url).map_err(|error| ConfigError::new("url", error.to_string()))?;
        Ok(Self(settings))
    }

    pub(crate) fn identity(&self) -> String {
        self.0.identity()
    }
}

/// A table of PostgreSQL.
pub(crate) type Postgres = Tables<Connection>;

impl Postgres {
    pub(crate) fn of(Settings(settings): Settings) -> Self {
        let query = settings.statement(quoted);
        Self::new(Connection { settings, open: None, has_looked: false }, query)
    }
}

/// A connection, once it is needed.
#[derive(Debug)]
pub(crate) struct Connection {
    settings: sql::Settings,
    open: Option<Open>,
    /// Whether rows without a watermark were looked for.
    has_looked: bool,
}

/// Moves the bytes of a connection. It is polled while a call waits for them.
type Driver = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

struct Open {
    driver: Driver,
    session: Session,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("session", &self.session).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Session {
    client: Client,
    columns: BTreeMap<String, String>,
    watermark: Column,
    key: Column,
}

/// Polls a connection until a call over it is done.
async fn driven<T>(
    driver: &mut Driver,
    doing: &str,
    call: impl Future<Output = Result<T, tokio_postgres::Error>> + Send,
) -> Result<T, SourceError> {
    tokio::select! {
        biased;
        done = call => done.map_err(|error| failed(doing, error)),
        ended = driver => Err(match ended {
            Err(error) => failed(doing, error),
            Ok(()) => SourceError::passing(format!("{doing} in PostgreSQL"), "the server closed the connection"),
        }),
    }
}

/// A column, with its name and its type as statements write them.
#[derive(Debug)]
struct Column {
    name: String,
    kind: String,
    is_time: bool,
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn failed(doing: &str, error: tokio_postgres::Error) -> SourceError {
    let doing = format!("{doing} in PostgreSQL");
    match error.as_db_error() {
        None => SourceError::passing(doing, error),
        Some(found) => {
            let code = found.code().code().to_owned();
            let reason = format!("{} ({code})", found.message());
            let may_pass = PASSING.iter().any(|class| code.starts_with(class));
            if may_pass { SourceError::passing(doing, reason) } else { SourceError::lasting(doing, reason) }
        }
    }
}

impl Open {
    async fn connect(settings: &sql::Settings) -> Result<Self, SourceError> {
        let mut config =
            Config::from_str(&settings.url).map_err(|error| SourceError::lasting("read the url", error))?;
        let password = settings.password().map_err(|error| SourceError::lasting("find the password", error))?.read()?;
        if let Some(password) = password {
            config.password(password.expose());
        }
        let is_here = config.get_hosts().iter().all(|host| match host {
            Host::Tcp(host) => settings.is_loopback(host),
            Host::Unix(_) => true,
        });
        // A server on this machine needs no encryption, and often has a certificate that nobody
        // vouches for. To another one, a password must not be sent without it.
        if config.get_ssl_mode() == SslMode::Prefer {
            let is_plain = is_here && settings.ca_file.is_none() || settings.allow_plain;
            config.ssl_mode(if is_plain { SslMode::Disable } else { SslMode::Require });
        }
        let options = format!(
            "-c statement_timeout={} -c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO",
            settings.statement_timeout.as_millis()
        );
        config.connect_timeout(CONNECT).application_name("marquee collect").options(options);
        let tls = PostgresTls::new(settings.ca_file.as_deref())?;
        let (client, connection) = config.connect(tls).await.map_err(|error| failed("connect", error))?;
        let mut driver: Driver = Box::pin(connection);
        let statement = format!("SELECT * FROM ({}) AS q", settings.statement(quoted));
        let prepared = driven(&mut driver, "prepare the statement", client.prepare(&statement)).await?;
        let columns: BTreeMap<String, String> =
            prepared.columns().iter().map(|one| (one.name().to_owned(), one.type_().name().to_owned())).collect();
        let column = |setting: &str, name: &str| {
            let doing = || format!("use `{setting}` = \"{name}\"");
            let found = prepared.columns().iter().find(|column| column.name() == name);
            let kind = found.ok_or_else(|| SourceError::lasting(doing(), "there is no such column"))?.type_().clone();
            let is_time = [Type::DATE, Type::TIMESTAMP, Type::TIMESTAMPTZ].contains(&kind);
            let numbers = [Type::INT2, Type::INT4, Type::INT8, Type::NUMERIC, Type::FLOAT4, Type::FLOAT8];
            if setting == "watermark" && !is_time && !numbers.contains(&kind) {
                return Err(SourceError::lasting(doing(), format!("{kind} is neither a time nor a number")));
            }
            let kind = format!("{}.{}", quoted(kind.schema()), quoted(kind.name()));
            Ok(Column { name: format!("q.{}", quoted(name)), kind, is_time })
        };
        let (watermark, key) = (column("watermark", &settings.watermark)?, column("key", &settings.key)?);
        Ok(Self { driver, session: Session { client, columns, watermark, key } })
    }
}

impl Session {
    /// Returns the statement of a page, and its parameters.
    fn statement(&self, settings: &sql::Settings, from: &Begin, most: usize) -> (String, Vec<String>) {
        let Self { watermark, key, .. } = self;
        let given = |number: usize, column: &Column| format!("CAST(${number}::text AS {})", column.kind);
        let (wanted, parameters) = match from {
            Begin::Start => (format!("{} IS NOT NULL", watermark.name), Vec::new()),
            Begin::Overlap(newest) => {
                let first = match watermark.is_time {
                    true => {
                        let seconds = settings.time_overlap().unwrap_or_default().as_secs_f64();
                        format!("{} - make_interval(secs => {seconds})", given(1, watermark))
                    }
                    false => format!("{} - {}", given(1, watermark), settings.number_overlap().unwrap_or_default()),
                };
                (format!("{} >= {first}", watermark.name), vec![newest.clone()])
            }
            Begin::After(newest, last) => {
                let columns = format!("({}, {})", watermark.name, key.name);
                let wanted = format!("{columns} > ({}, {})", given(1, watermark), given(2, key));
                (wanted, vec![newest.clone(), last.clone()])
            }
        };
        let order = match watermark.is_time {
            true => format!("extract(epoch FROM {})", watermark.name),
            false => watermark.name.clone(),
        };
        let (of, watermark, key) = (settings.statement(quoted), &watermark.name, &key.name);
        let statement = format!(
            "SELECT row_to_json(q)::text, {watermark}::text, {key}::text, ({order})::float8 FROM ({of}) AS q WHERE \
             {wanted} AND {key} IS NOT NULL ORDER BY {watermark}, {key} LIMIT {most}"
        );
        (statement, parameters)
    }

    async fn page(
        &mut self,
        settings: &sql::Settings,
        from: &Begin,
        most: usize,
    ) -> Result<Page, tokio_postgres::Error> {
        let (statement, parameters) = self.statement(settings, from, most);
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|text| text as &(dyn ToSql + Sync)).collect();
        let overlap = match self.watermark.is_time {
            true => settings.time_overlap().unwrap_or_default().as_secs_f64(),
            false => settings.number_overlap().unwrap_or_default(),
        };
        let transaction = self.client.build_transaction().read_only(true).start().await?;
        let found = transaction.query(&statement, &parameters).await?;
        transaction.commit().await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            rows.push(Row {
                json: row.try_get(0)?,
                watermark: row.try_get(1)?,
                key: row.try_get(2)?,
                order: row.try_get(3)?,
            });
        }
        Ok(Page { columns: self.columns.clone(), rows, overlap, has_nulls: None })
    }

    /// Returns whether some rows have no watermark or no key.
    async fn has_nulls(&self, settings: &sql::Settings) -> Result<bool, tokio_postgres::Error> {
        let (of, watermark, key) = (settings.statement(quoted), &self.watermark.name, &self.key.name);
        let statement = format!("SELECT 1 FROM ({of}) AS q WHERE {watermark} IS NULL OR {key} IS NULL LIMIT 1");
        Ok(self.client.query_opt(&statement, &[]).await?.is_some())
    }
}

#[async_trait]
impl Database for Connection {
    fn close(&mut self) {
        self.open = None;
    }

    async fn page(&mut self, from: &Begin, most: usize) -> Result<Page, SourceError> {
        let limit = self.settings.statement_timeout + BEYOND;
        let work = async {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => Open::connect(&self.settings).await?,
            };
            let Open { driver, session } = &mut open;
            let mut page = driven(driver, "read a page", session.page(&self.settings, from, most)).await?;
            if !self.has_looked {
                // It may take too long, and is only good to know.
                page.has_nulls = driven(driver, "look for rows", session.has_nulls(&self.settings)).await.ok();
                self.has_looked = true;
            }
            // A connection that has ended must not be polled again.
            let is_closed = open.session.client.is_closed();
            self.open = Some(open).filter(|_| !is_closed);
            Ok(page)
        };
        match tokio::time::timeout(limit + CONNECT, work).await {
            Ok(page) => page,
            Err(_) => Err(SourceError::passing("read a page in PostgreSQL", "there was no answer in time")),
        }
    }
}
