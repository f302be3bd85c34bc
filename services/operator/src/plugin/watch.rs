//! `kubectl marquee watch`: the live view on a terminal, plain lines elsewhere, one line of JSON
//! for each change for machines.
//!
//! The live view takes the whole terminal, from its first row, as that of `watch` does.

use std::io::IsTerminal as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::Api;
use kube::runtime::{WatchStreamExt as _, watcher};
use marquee_cli::rollout::outcome;
use marquee_cli::{Error, Output};

use super::show;
use crate::commands;
use crate::resource::ModelRollout;

/// The time between two drawings of the live view, for durations that grow.
const REDRAW: Duration = Duration::from_secs(1);

/// Follows a rollout until it ends. One that follows the newest version is followed until the
/// command is interrupted.
///
/// # Errors
/// The rollout does not exist, was deleted, or was stopped.
pub(super) async fn run(rollouts: &Api<ModelRollout>, name: &str, output: Output) -> Result<(), Error> {
    show::get(rollouts, name).await?;
    let mut screen = Screen::new(output);
    let mut states = std::pin::pin!(watcher::watch_object(rollouts.clone(), name).default_backoff());
    let mut last: Option<ModelRollout> = None;
    loop {
        let state = tokio::select! {
            state = states.next() => state,
            () = tokio::time::sleep(REDRAW), if last.is_some() && screen.is_live => {
                screen.draw(last.as_ref())?;
                continue;
            }
        };
        match state {
            Some(Ok(Some(rollout))) => {
                screen.show(&rollout)?;
                if let Some(ended) = ended(&rollout)? {
                    screen.end(&rollout)?;
                    return ended;
                }
                last = Some(rollout);
            }
            Some(Ok(None)) | None => return Err(show::gone(name)),
            // The watch begins again by itself, after a pause.
            Some(Err(_)) => {}
        }
    }
}

/// Returns how a rollout ended, or `None` if there is more to come.
fn ended(rollout: &ModelRollout) -> Result<Option<Result<(), Error>>, Error> {
    let observed = rollout.status.as_ref().and_then(|status| status.observed_generation);
    let is_current = observed == rollout.metadata.generation && commands::pending(rollout).is_empty();
    let follows = rollout.read_spec().is_ok_and(|spec| spec.follow.is_some());
    if !is_current || follows {
        return Ok(None);
    }
    Ok(outcome(&show::status(rollout)?))
}

/// What is shown of a rollout that is followed.
struct Screen {
    output: Output,
    /// The view is drawn again and again, because standard output is a terminal.
    is_live: bool,
    /// The last plain line.
    last: String,
}

impl Screen {
    fn new(output: Output) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_live = output.is_human() && !is_dumb && std::io::stdout().is_terminal();
        Self { output, is_live, last: String::new() }
    }

    /// Shows a state. Where nothing can be drawn again, each change is a line.
    fn show(&mut self, rollout: &ModelRollout) -> Result<(), Error> {
        if !self.output.is_human() {
            return self.output.line(&rollout.status);
        }
        if self.is_live {
            return self.draw(Some(rollout));
        }
        let line = show::headline(rollout)?;
        if line != self.last {
            self.output.text(&format!("{line}\n"))?;
            self.last = line;
        }
        Ok(())
    }

    /// Draws the live view.
    fn draw(&self, rollout: Option<&ModelRollout>) -> Result<(), Error> {
        let Some(rollout) = rollout else { return Ok(()) };
        self.output.text(&frame(&show::text(rollout, self.output.has_color())?))
    }

    /// Replaces the live view by the whole text, which stays.
    fn end(&self, rollout: &ModelRollout) -> Result<(), Error> {
        if !self.is_live {
            return Ok(());
        }
        let text = show::text(rollout, self.output.has_color())?;
        self.output.text(&format!("{TOP}{text}"))
    }
}

/// Moves the cursor to the first row and clears the terminal.
const TOP: &str = "\x1b[H\x1b[J";

/// Returns what draws a text over the whole terminal, whatever its size is. Each line has a row of
/// its own and is cut at the right edge, because the terminal does not wrap meanwhile. Lines below
/// the last row are drawn over that row, which is then cleared. Nothing scrolls.
fn frame(text: &str) -> String {
    let mut frame = String::from("\x1b[?7l");
    let mut row = 1;
    for line in text.lines() {
        frame.push_str(&format!("\x1b[{row};1H\x1b[K{line}"));
        row += 1;
    }
    frame.push_str(&format!("\x1b[{row};1H\x1b[J\x1b[?7h"));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal of this size, with what the escape sequences of a frame make of it.
    fn drawn(frame: &str, (rows, columns): (usize, usize), mut screen: Vec<String>) -> Vec<String> {
        let (mut row, mut column, mut wraps) = (0, 0, true);
        screen.resize(rows, String::new());
        let mut rest = frame;
        while let Some(next) = rest.chars().next() {
            rest = &rest[next.len_utf8()..];
            if next != '\x1b' {
                assert!(!wraps && next != '\n', "a line wraps, or the terminal scrolls");
                let mut line: Vec<char> = screen[row].chars().collect();
                line.resize(line.len().max(column + 1), ' ');
                line[column] = next;
                screen[row] = line.into_iter().collect();
                column = (column + 1).min(columns - 1);
                continue;
            }
            let end = rest.find(|c: char| c.is_ascii_alphabetic()).expect("the end of a sequence");
            let (sequence, after) = rest.split_at(end + 1);
            rest = after;
            match sequence {
                "[?7l" => wraps = false,
                "[?7h" => wraps = true,
                "[K" => screen[row] = screen[row].chars().take(column).collect(),
                "[J" => {
                    screen[row] = screen[row].chars().take(column).collect();
                    screen[row + 1..].fill(String::new());
                }
                place => {
                    let place = place.strip_prefix('[').and_then(|place| place.strip_suffix(";1H"));
                    let wanted: usize = place.and_then(|place| place.parse().ok()).expect("a row");
                    (row, column) = (wanted.clamp(1, rows) - 1, 0);
                }
            }
        }
        assert!(wraps, "the terminal wraps again");
        screen
    }

    #[test]
    fn a_view_that_is_too_wide_is_cut_and_replaces_the_one_before() {
        let size = (4, 8);
        let first = drawn(&frame("a long line\nanother long line\nthird\n"), size, Vec::new());
        assert_eq!(first, ["a long e", "anothere", "third", ""]);
        assert_eq!(drawn(&frame("short\nB\n"), size, first), ["short", "B", "", ""]);
    }

    #[test]
    fn a_view_that_is_taller_than_the_terminal_can_be_drawn_again() {
        let tall = |mark: char| (0..9).map(|line| format!("{mark}{line}\n")).collect::<String>();
        let first = drawn(&frame(&tall('a')), (4, 8), Vec::new());
        assert_eq!(first, ["a0", "a1", "a2", ""]);
        assert_eq!(drawn(&frame(&tall('b')), (4, 8), first), ["b0", "b1", "b2", ""]);
    }
}
