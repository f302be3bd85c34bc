//! The output of commands: tables, JSON or CSV on standard output, notes and errors on standard
//! error.

use std::io::{IsTerminal, Write};

use comfy_table::{CellAlignment, presets};
use indicatif::ProgressStyle;
pub use marquee_kit::settings::thousands;
use serde::Serialize;

use crate::error::one_line;
use crate::{Csv, Error};

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for people.
    Human,
    /// JSON for machines.
    Json,
    /// CSV for machines, of commands that print a table.
    Csv,
}

/// Where and how a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    terminal_out: bool,
    color_out: bool,
    color_err: bool,
    live: bool,
}

/// A result that can be printed for people and for machines.
pub trait Show: Serialize {
    /// Returns the form for people, without a newline at the end.
    fn human(&self) -> Human;

    /// Returns the form for `--csv`, or `None` if the result is not a table.
    fn csv(&self) -> Option<Csv> {
        None
    }
}

/// A result in the form for people.
#[derive(Debug)]
pub enum Human {
    /// A table; the first line is its header.
    Table(Box<Table>),
    /// Anything else.
    Text(String),
}

impl Output {
    /// Detects what the terminal can show. Colors and progress bars need a terminal; NO_COLOR turns
    /// colors off (no-color.org).
    pub fn detect(format: Format) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let plain = set("NO_COLOR") || dumb;
        Self {
            format,
            terminal_out: std::io::stdout().is_terminal(),
            color_out: !plain && std::io::stdout().is_terminal(),
            color_err: !plain && std::io::stderr().is_terminal(),
            live: !dumb && std::io::stderr().is_terminal(),
        }
    }

    /// Returns the form of the output.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns whether the output is for people.
    pub fn is_human(&self) -> bool {
        self.format == Format::Human
    }

    /// Returns whether standard error is a terminal that can show progress bars.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Returns whether standard error shows colors.
    pub fn has_color(&self) -> bool {
        self.color_err
    }

    /// Prints a result.
    pub fn show(&self, result: &impl Show) -> Result<(), Error> {
        match self.format {
            Format::Json => self.document(result),
            Format::Csv => match result.csv() {
                Some(table) => self.text(&table.print(self.terminal_out)),
                None => Err(Error::Usage("--csv: the result is not a table; use --json".to_owned())),
            },
            Format::Human => match result.human() {
                Human::Text(text) => self.text(&format!("{text}\n")),
                Human::Table(table) => self.text(&table.print(self.color_out)),
            },
        }
    }

    /// Prints one JSON document.
    pub fn document(&self, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(value).map_err(|error| Error::Output(error.into()))?;
        self.text(&format!("{json}\n"))
    }

    /// Prints one line of a stream of JSON documents.
    pub fn line(&self, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_string(value).map_err(|error| Error::Output(error.into()))?;
        self.text(&format!("{json}\n"))
    }

    /// Prints text unchanged on standard output.
    pub fn text(&self, text: &str) -> Result<(), Error> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Output)
    }

    /// Prints a note for people on standard error.
    pub fn note(&self, text: &str) {
        let text = one_line(text);
        let line = if self.color_err { format!("\x1b[2m{text}\x1b[0m\n") } else { format!("{text}\n") };
        // Nobody can be told when standard error is closed.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    /// Prints the line below a table. It is for people only: machines find the same in the
    /// document.
    pub fn footer(&self, text: &str) {
        if self.is_human() {
            self.note(text);
        }
    }

    /// Prints why a command failed, and a hint.
    pub(crate) fn error(&self, error: &Error) {
        let (red, off) = if self.color_err { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        let mut lines = format!("{red}error:{off} {}\n", error.line());
        if let Some(hint) = error.hint() {
            lines.push_str(&format!("hint: {}\n", one_line(&hint)));
        }
        // Nobody can be told when standard error is closed.
        let _ = std::io::stderr().lock().write_all(lines.as_bytes());
    }
}

/// Columns without borders; numbers are aligned to the right.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
}

impl Table {
    /// Makes a table with these headers. A header that starts with `>` aligns its column to the
    /// right.
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

    /// Prints the table, its header in bold if `color`.
    pub fn print(&self, color: bool) -> String {
        let mut text = String::new();
        for (index, line) in self.inner.lines().enumerate() {
            let line = line.trim_end();
            let header = index == 0 && color;
            text.push_str(&if header { format!("\x1b[1m{line}\x1b[0m\n") } else { format!("{line}\n") });
        }
        text
    }
}

/// Returns the style of a progress bar, or the usual one if the template is wrong.
pub(crate) fn bar_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Draws five stars, filled in proportion to the rating's share of the scale.
pub fn stars(rating: f64, max: f64) -> String {
    let share = if max > 0.0 { (rating / max).clamp(0.0, 1.0) } else { 0.0 };
    let full = (share * 5.0).round() as usize;
    (1..=5).map(|star| if star <= full { '★' } else { '☆' }).collect()
}

/// Formats a number with its noun, for example `1 rating` and `2,000 ratings`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_and_nouns_their_plural() {
        let written = [0, 7, 999, 1_000, 12_345, 1_234_567].map(thousands);
        assert_eq!(written, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!([0, 1, 2_000].map(|count| counted(count, "rating")), ["0 ratings", "1 rating", "2,000 ratings"]);
    }

    #[test]
    fn stars_follow_the_share_of_the_scale_and_stay_within_five() {
        assert_eq!(stars(3.0, 5.0), "★★★☆☆");
        assert_eq!(stars(70.0, 100.0), "★★★★☆");
        assert_eq!([stars(-1.0, 5.0), stars(9.0, 5.0), stars(1.0, 0.0)], ["☆☆☆☆☆", "★★★★★", "☆☆☆☆☆"]);
    }

    #[test]
    fn tables_align_numbers_and_hold_no_control_characters() {
        let mut table = Table::new(&["movie", ">rating"]);
        table.row(["Red\n\u{1b}[31m".to_owned(), "5".to_owned()]);
        table.row(["Heat".to_owned(), "12.25".to_owned()]);
        assert_eq!(table.print(false), "MOVIE      RATING\nRed  [31m       5\nHeat        12.25\n");
        assert!(table.print(true).starts_with("\u{1b}[1mMOVIE"));
    }
}
