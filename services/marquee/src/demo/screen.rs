//! What people see of the demonstration: a heading a step, lines, and checks that hold or do not.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// Where the demonstration is shown: standard output, or standard error where that belongs to a machine.
#[derive(Debug)]
pub(super) struct Screen {
    machine: bool,
    colour: bool,
    failures: Cell<u32>,
}

impl Screen {
    pub(super) fn new(machine: bool) -> Self {
        let terminal = if machine { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { machine, colour: terminal && !plain, failures: Cell::new(0) }
    }

    /// Checks that did not hold.
    pub(super) fn failures(&self) -> u32 {
        self.failures.get()
    }

    pub(super) fn heading(&self, step: u32, what: &str) {
        let (bold, off) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.text(&format!("\n{bold}{step}. {what}{off}"));
    }

    pub(super) fn line(&self, text: &str) {
        self.text(&format!("   {text}"));
    }

    /// Something that must hold.
    pub(super) fn check(&self, what: &str, holds: bool) {
        let (mark, colour) = if holds { ("✓", "\x1b[32m") } else { ("✗", "\x1b[1;31m") };
        let (colour, off) = if self.colour { (colour, "\x1b[0m") } else { ("", "") };
        self.text(&format!("   {colour}{mark}{off} {what}"));
        if !holds {
            self.failures.set(self.failures.get() + 1);
        }
    }

    /// Text as it is. Nobody is left to tell if the stream is closed.
    pub(super) fn text(&self, text: &str) {
        let _ = if self.machine {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            writeln!(std::io::stdout().lock(), "{text}")
        };
    }
}
