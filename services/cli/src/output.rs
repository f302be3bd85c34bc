//! What people and machines get to see: tables or JSON on standard output, notes and errors on standard error.

use std::io::{IsTerminal, Write};

use comfy_table::{CellAlignment, presets};
use serde::Serialize;

use crate::Error;
use crate::error::one_line;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for people.
    Human,
    /// JSON for machines.
    Json,
}

/// Where and how a command speaks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    colour_out: bool,
    colour_err: bool,
    live: bool,
}

/// A result that can be shown either way.
pub trait Show: Serialize {
    /// The same for people, without a last line end.
    fn human(&self) -> Human;
}

/// What people read.
#[derive(Debug)]
pub enum Human {
    /// A table; the first line is its header.
    Table(Box<Table>),
    /// Anything else.
    Text(String),
}

impl Output {
    /// Colours and moving bars only on a terminal, and no colours with NO_COLOR (no-color.org).
    pub fn detect(format: Format) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let plain = set("NO_COLOR") || dumb;
        Self {
            format,
            colour_out: !plain && std::io::stdout().is_terminal(),
            colour_err: !plain && std::io::stderr().is_terminal(),
            live: !dumb && std::io::stderr().is_terminal(),
        }
    }

    /// For whom.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Tables, not JSON.
    pub fn is_human(&self) -> bool {
        self.format == Format::Human
    }

    /// Whether standard error is a terminal on which bars may move.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Shows a result.
    pub fn show(&self, result: &impl Show) -> Result<(), Error> {
        match self.format {
            Format::Json => self.document(result),
            Format::Human => match result.human() {
                Human::Text(text) => self.text(&format!("{text}\n")),
                Human::Table(table) => self.text(&table.print(self.colour_out)),
            },
        }
    }

    /// One JSON document.
    pub fn document(&self, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(value).map_err(|error| Error::Output(error.into()))?;
        self.text(&format!("{json}\n"))
    }

    /// One line of a stream of JSON documents.
    pub fn line(&self, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string(value).map_err(|error| Error::Output(error.into()))?;
        self.text(&format!("{json}\n"))
    }

    /// Text as it is, on standard output.
    pub fn text(&self, text: &str) -> Result<(), Error> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
    }

    /// A remark for people, on standard error.
    pub fn note(&self, text: &str) {
        let text = one_line(text);
        let line = if self.colour_err { format!("\x1b[2m{text}\x1b[0m\n") } else { format!("{text}\n") };
        // Nobody is left to tell if standard error is closed.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    /// The line under a table: for people only, since machines find the same in the document.
    pub fn footer(&self, text: &str) {
        if self.is_human() {
            self.note(text);
        }
    }

    /// Why a command failed, and what helps.
    pub(crate) fn error(&self, error: &Error) {
        let (red, off) = if self.colour_err { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        let mut lines = format!("{red}error:{off} {}\n", error.line());
        if let Some(hint) = error.hint() {
            lines.push_str(&format!("hint: {}\n", one_line(&hint)));
        }
        // Nobody is left to tell if standard error is closed.
        let _ = std::io::stderr().lock().write_all(lines.as_bytes());
    }
}

/// Columns without borders; numbers are aligned to the right.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
}

impl Table {
    /// Headers; one that starts with `>` has its column to the right.
    pub fn new(headers: &[&str]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(presets::NOTHING);
        inner
            .set_header(headers.iter().map(|header| header.trim_start_matches('>').to_uppercase()).collect::<Vec<_>>());
        for (index, header) in headers.iter().enumerate() {
            if let Some(column) = inner.column_mut(index) {
                column.set_padding((0, 2));
                if header.starts_with('>') {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        Self { inner }
    }

    /// Adds a row. Control characters become spaces.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.inner.add_row(cells.map(|cell| one_line(&cell)));
    }

    /// Prints the table, its header in bold if `colour`.
    pub fn print(&self, colour: bool) -> String {
        let mut text = String::new();
        for (index, line) in self.inner.lines().enumerate() {
            let line = line.trim_end();
            let header = index == 0 && colour;
            text.push_str(&if header { format!("\x1b[1m{line}\x1b[0m\n") } else { format!("{line}\n") });
        }
        text
    }
}

/// Five stars, as many of them full as the rating's share of the scale.
pub fn stars(rating: f64, max: f64) -> String {
    let share = if max > 0.0 { (rating / max).clamp(0.0, 1.0) } else { 0.0 };
    let full = (share * 5.0).round() as usize;
    (1..=5).map(|star| if star <= full { '★' } else { '☆' }).collect()
}

/// A count with thousands separated.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
