//! The output of the demonstration for people: a heading for each step, lines, and checks.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// Prints to standard output, or to standard error if standard output is JSON.
#[derive(Debug)]
pub(super) struct Screen {
    machine: bool,
    color: bool,
    failures: Cell<u32>,
}

impl Screen {
    pub(super) fn new(machine: bool) -> Self {
        let terminal = if machine { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { machine, color: terminal && !plain, failures: Cell::new(0) }
    }

    /// Returns the number of failed checks.
    pub(super) fn failures(&self) -> u32 {
        self.failures.get()
    }

    pub(super) fn heading(&self, step: u32, what: &str) {
        let (bold, off) = if self.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.text(&format!("\n{bold}{step}. {what}{off}"));
    }

    pub(super) fn line(&self, text: &str) {
        self.text(&format!("   {text}"));
    }

    /// Prints a check, and counts it if it failed.
    pub(super) fn check(&self, what: &str, holds: bool) {
        let (mark, color) = if holds { ("✓", "\x1b[32m") } else { ("✗", "\x1b[1;31m") };
        let (color, off) = if self.color { (color, "\x1b[0m") } else { ("", "") };
        self.text(&format!("   {color}{mark}{off} {what}"));
        if !holds {
            self.failures.set(self.failures.get() + 1);
        }
    }

    /// Prints text unchanged. Nobody can be told when the stream is closed.
    pub(super) fn text(&self, text: &str) {
        let _ = if self.machine {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            writeln!(std::io::stdout().lock(), "{text}")
        };
    }
}
