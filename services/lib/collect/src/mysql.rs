//! Tables of MySQL and MariaDB, read in read-only transactions.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, IsolationLevel, Opts, OptsBuilder, SslOpts, TxOpts, Value as Cell};
use serde_json::{Map, Value};

use crate::invalid::ConfigError;
use crate::source::SourceError;
use crate::sql::{self, Begin, Database, Page, Row, Tables};

/// The longest time for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// What a statement may take beyond its own limit, for the way there and back.
const BEYOND: Duration = Duration::from_secs(10);

/// Errors of a server that may pass: it has too many connections, it shuts down, a lock was not
/// had, two transactions block each other, or a statement or a connection was ended.
const PASSING: [u16; 11] = [1040, 1053, 1129, 1203, 1205, 1213, 1226, 1317, 1927, 1969, 3024];

/// The columns that are added to each row.
const ADDED: usize = 3;

/// The settings of a database.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Settings(sql::Settings);

impl Settings {
    pub(crate) fn checked(self) -> Result<Self, ConfigError> {
        let settings = self.0.checked(&["mysql", "mariadb"])?;
        Opts::from_url(&address(&settings)).map_err(|error| ConfigError::new("url", error.to_string()))?;
        Ok(Self(settings))
    }

    pub(crate) fn identity(&self) -> String {
        self.0.identity()
    }
}

fn address(settings: &sql::Settings) -> String {
    settings.url.replacen("mariadb://", "mysql://", 1)
}

/// A table of MySQL or MariaDB.
pub(crate) type Mysql = Tables<Connection>;

impl Mysql {
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

#[derive(Debug)]
struct Open {
    conn: Conn,
    columns: BTreeMap<String, String>,
    watermark: Column,
    key: Column,
}

/// What a column is compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Time,
    Signed,
    Unsigned,
    Decimal,
    Float,
    Text,
}

#[derive(Debug)]
struct Column {
    name: String,
    class: Class,
}

impl Column {
    /// Returns a parameter with the type of the column. A text would be compared as a
    /// floating-point number, which large numbers do not fit into.
    fn given(&self) -> &'static str {
        match self.class {
            Class::Time => "CAST(? AS DATETIME(6))",
            Class::Signed => "CAST(? AS SIGNED)",
            Class::Unsigned => "CAST(? AS UNSIGNED)",
            Class::Decimal => "CAST(? AS DECIMAL(65, 30))",
            Class::Float => "(? + 0e0)",
            Class::Text => "?",
        }
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn failed(doing: &str, error: mysql_async::Error) -> SourceError {
    let doing = format!("{doing} in MySQL");
    match error {
        mysql_async::Error::Server(error) if !PASSING.contains(&error.code) => {
            SourceError::lasting(doing, format!("{} ({})", error.message, error.code))
        }
        mysql_async::Error::Url(error) => SourceError::lasting(doing, error),
        error => SourceError::passing(doing, error),
    }
}

/// Returns the name of a type.
fn type_name(column: &mysql_async::Column) -> String {
    let name = format!("{:?}", column.column_type()).trim_start_matches("MYSQL_TYPE_").to_ascii_lowercase();
    let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    if is_unsigned && class(column) == Class::Unsigned { format!("{name} unsigned") } else { name }
}

fn class(column: &mysql_async::Column) -> Class {
    use ColumnType as T;
    let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    match column.column_type() {
        T::MYSQL_TYPE_TINY
        | T::MYSQL_TYPE_SHORT
        | T::MYSQL_TYPE_INT24
        | T::MYSQL_TYPE_LONG
        | T::MYSQL_TYPE_LONGLONG
        | T::MYSQL_TYPE_YEAR => {
            if is_unsigned {
                Class::Unsigned
            } else {
                Class::Signed
            }
        }
        T::MYSQL_TYPE_FLOAT | T::MYSQL_TYPE_DOUBLE => Class::Float,
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => Class::Decimal,
        T::MYSQL_TYPE_DATE
        | T::MYSQL_TYPE_NEWDATE
        | T::MYSQL_TYPE_DATETIME
        | T::MYSQL_TYPE_DATETIME2
        | T::MYSQL_TYPE_TIMESTAMP
        | T::MYSQL_TYPE_TIMESTAMP2 => Class::Time,
        _ => Class::Text,
    }
}

/// Returns a value as JSON. Bytes that are no text become hexadecimal digits.
fn json(cell: Cell, class: Class) -> Value {
    match cell {
        Cell::NULL => Value::Null,
        Cell::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) if class == Class::Decimal => text.parse::<f64>().map_or(Value::String(text), Value::from),
            Ok(text) => Value::String(text),
            Err(error) => Value::String(hex::encode(error.as_bytes())),
        },
        Cell::Int(number) => Value::from(number),
        Cell::UInt(number) => Value::from(number),
        Cell::Float(number) => Value::from(number),
        Cell::Double(number) => Value::from(number),
        Cell::Date(year, month, day, hour, minute, second, micros) => {
            let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
            Value::String(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
        }
        Cell::Time(is_negative, days, hours, minutes, seconds, micros) => {
            let sign = if is_negative { "-" } else { "" };
            let hours = u32::from(hours) + days * 24;
            Value::String(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}"))
        }
    }
}

impl Connection {
    async fn connect(&self) -> Result<Open, SourceError> {
        let settings = &self.settings;
        let opts = Opts::from_url(&address(settings)).map_err(|error| SourceError::lasting("read the url", error))?;
        let is_here = settings.is_loopback(opts.ip_or_hostname());
        let mut builder = OptsBuilder::from_opts(opts.clone()).prefer_socket(false);
        let password = settings.password().map_err(|error| SourceError::lasting("find the password", error))?.read()?;
        if let Some(password) = password {
            builder = builder.pass(Some(password.expose().to_owned()));
        }
        // A password must not be sent unencrypted to another machine.
        if settings.ca_file.is_some() || !is_here && !settings.allow_plain {
            let mut tls = SslOpts::default();
            if let Some(path) = &settings.ca_file {
                tls = tls.with_root_certs(vec![path.clone().into()]).with_disable_built_in_roots(true);
            }
            builder = builder.ssl_opts(Some(tls));
        }
        crate::tls::install_provider();
        let connected = tokio::time::timeout(CONNECT, Conn::new(builder)).await;
        let connected =
            connected.map_err(|_| SourceError::passing("connect in MySQL", "there was no answer in time"))?;
        let mut conn = connected.map_err(|error| failed("connect", error))?;
        let limit = settings.statement_timeout;
        let (major, ..) = conn.server_version();
        // MariaDB says 10 or more, and counts in seconds.
        let limit = match major {
            0..10 => format!("SET SESSION max_execution_time = {}", limit.as_millis()),
            _ => format!("SET SESSION max_statement_time = {}", limit.as_secs_f64()),
        };
        for statement in ["SET SESSION time_zone = '+00:00'", &limit] {
            conn.query_drop(statement).await.map_err(|error| failed("begin a session", error))?;
        }
        let statement = format!("SELECT q.* FROM ({}) AS q", settings.statement(quoted));
        let prepared = conn.prep(statement).await.map_err(|error| failed("prepare the statement", error))?;
        let found = prepared.columns();
        let columns = found.iter().map(|column| (column.name_str().into_owned(), type_name(column))).collect();
        let column = |setting: &str, name: &str| {
            let doing = || format!("use `{setting}` = \"{name}\"");
            let column = found.iter().find(|column| column.name_str() == name);
            let class = class(column.ok_or_else(|| SourceError::lasting(doing(), "there is no such column"))?);
            if setting == "watermark" && class == Class::Text {
                return Err(SourceError::lasting(doing(), "it is neither a time nor a number"));
            }
            Ok(Column { name: format!("q.{}", quoted(name)), class })
        };
        let (watermark, key) = (column("watermark", &settings.watermark)?, column("key", &settings.key)?);
        Ok(Open { conn, columns, watermark, key })
    }
}

impl Open {
    /// Returns the statement of a page, and its parameters.
    fn statement(&self, settings: &sql::Settings, from: &Begin, most: usize) -> (String, Vec<Cell>) {
        let Self { watermark, key, .. } = self;
        let text = |text: &String| Cell::Bytes(text.clone().into_bytes());
        let (wanted, parameters) = match from {
            Begin::Start => (format!("{} IS NOT NULL", watermark.name), Vec::new()),
            Begin::Overlap(newest) => {
                let back = match watermark.class {
                    Class::Time => {
                        format!("INTERVAL {} MICROSECOND", settings.time_overlap().unwrap_or_default().as_micros())
                    }
                    // Unsigned numbers do not go below 0.
                    Class::Unsigned => format!("LEAST({}, {})", watermark.given(), overlap(settings, watermark)),
                    _ => overlap(settings, watermark).to_string(),
                };
                let first = format!("{} - {back}", watermark.given());
                let times = first.matches('?').count();
                (format!("{} >= {first}", watermark.name), vec![text(newest); times])
            }
            Begin::After(newest, last) => {
                let (w, k) = (&watermark.name, &key.name);
                let wanted = format!("({w} > {0} OR {w} = {0} AND {k} > {1})", watermark.given(), key.given());
                (wanted, vec![text(newest), text(newest), text(last)])
            }
        };
        let order = match watermark.class {
            Class::Time => format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {}) / 1e6", watermark.name),
            _ => watermark.name.clone(),
        };
        let (of, watermark, key) = (settings.statement(quoted), &watermark.name, &key.name);
        let statement = format!(
            "SELECT q.*, CAST({watermark} AS CHAR), CAST({key} AS CHAR), ({order}) + 0e0 FROM ({of}) AS q WHERE {wanted} \
             AND {key} IS NOT NULL ORDER BY {watermark}, {key} LIMIT {most}"
        );
        (statement, parameters)
    }

    async fn page(&mut self, settings: &sql::Settings, from: &Begin, most: usize) -> Result<Page, mysql_async::Error> {
        let (statement, parameters) = self.statement(settings, from, most);
        let mut options = TxOpts::default();
        options.with_readonly(true).with_isolation_level(IsolationLevel::ReadCommitted);
        let mut transaction = self.conn.start_transaction(options).await?;
        let found: Vec<mysql_async::Row> = transaction.exec(statement, parameters).await?;
        transaction.commit().await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            let columns = row.columns();
            let mut cells = row.unwrap();
            let added = cells.split_off(cells.len().saturating_sub(ADDED));
            let mut object = Map::new();
            for (column, cell) in columns.iter().zip(cells) {
                object.insert(column.name_str().into_owned(), json(cell, class(column)));
            }
            let mut added = added.into_iter();
            let mut text = || match added.next() {
                Some(Cell::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                _ => String::new(),
            };
            let (watermark, key) = (text(), text());
            let order = match added.next() {
                Some(Cell::Double(number)) => number,
                Some(Cell::Float(number)) => f64::from(number),
                Some(Cell::Bytes(bytes)) => String::from_utf8_lossy(&bytes).parse().unwrap_or_default(),
                _ => 0.0,
            };
            rows.push(Row { json: Value::Object(object).to_string(), watermark, key, order });
        }
        let overlap = overlap(settings, &self.watermark);
        Ok(Page { columns: self.columns.clone(), rows, overlap, has_nulls: None })
    }

    /// Returns whether some rows have no watermark or no key. `None` if that takes too long.
    async fn has_nulls(&mut self, settings: &sql::Settings) -> Option<bool> {
        let (of, watermark, key) = (settings.statement(quoted), &self.watermark.name, &self.key.name);
        let statement = format!("SELECT 1 FROM ({of}) AS q WHERE {watermark} IS NULL OR {key} IS NULL LIMIT 1");
        self.conn.query_first::<i64, _>(statement).await.ok().map(|row| row.is_some())
    }
}

/// Returns the overlap in the unit of [`Row::order`].
fn overlap(settings: &sql::Settings, watermark: &Column) -> f64 {
    match watermark.class {
        Class::Time => settings.time_overlap().unwrap_or_default().as_secs_f64(),
        _ => settings.number_overlap().unwrap_or_default(),
    }
}

#[async_trait]
impl Database for Connection {
    fn close(&mut self) {
        self.open = None;
    }

    async fn page(&mut self, from: &Begin, most: usize) -> Result<Page, SourceError> {
        let limit = self.settings.statement_timeout + BEYOND + CONNECT;
        let work = async {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.connect().await?,
            };
            let page = open.page(&self.settings, from, most).await;
            let mut page = page.map_err(|error| failed("read a page", error))?;
            if !self.has_looked {
                page.has_nulls = open.has_nulls(&self.settings).await;
                self.has_looked = true;
            }
            self.open = Some(open);
            Ok(page)
        };
        match tokio::time::timeout(limit, work).await {
            Ok(page) => page,
            Err(_) => Err(SourceError::passing("read a page in MySQL", "there was no answer in time")),
        }
    }
}
