//! Why a command failed, in one line that says what to do, and the exit code.

use marquee_domain::Reason;
use std::error::Error as _;
use std::fmt::Write as _;
use std::path::PathBuf;

use marquee_kit::{ConnectError, Failure, Kind};
use thiserror::Error;
use tonic::{Code, Status};

use crate::import;

/// Exit code of wrong usage, as in sysexits.h.
pub const USAGE: u8 = 64;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Error {
    /// What was typed cannot be done.
    #[error("{0}")]
    Usage(String),
    /// The address is none.
    #[error(transparent)]
    Address(#[from] ConnectError),
    /// Nobody answers there.
    #[error("no answer from {address}")]
    Unreachable {
        /// Where the call went.
        address: String,
        /// What the transport says.
        #[source]
        source: Box<Status>,
    },
    /// The answer takes too long.
    #[error("no answer from {address} within {seconds} s: try again")]
    Late {
        /// Where the call went.
        address: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The server says no.
    #[error("{}", described(.0))]
    Refused(Failure),
    /// It went through, with an outcome that is a failure.
    #[error("{0}")]
    Outcome(String),
    /// The import did not end well.
    #[error(transparent)]
    Import(#[from] import::Error),
    /// The data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] marquee_datasets::Error),
    /// A file cannot be read or written.
    #[error("could not {doing} {path}")]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
    /// Standard output is gone.
    #[error("could not write the output")]
    Output(#[source] std::io::Error),
    /// A command of another crate failed.
    #[error("{0}")]
    Other(anyhow::Error),
    /// One of the above, and what helps.
    #[error("{error}")]
    Hinted {
        /// What happened.
        error: Box<Error>,
        /// What helps.
        hint: String,
    },
}

/// A server's refusal in one line: every field with what is wrong, how to mend it and the stable reason.
fn described(failure: &Failure) -> String {
    if failure.violations().is_empty() {
        let message = failure.message();
        return if message.is_empty() {
            format!("the server answered {}", failure.kind().name())
        } else {
            message.to_owned()
        };
    }
    let mut line = String::new();
    for violation in failure.violations() {
        let separator = if line.is_empty() { "" } else { "; " };
        let _ = write!(line, "{separator}{} {}", violation.field, violation.description);
        if violation.reason != Reason::Unspecified {
            let _ = write!(line, " [{}]", violation.reason);
        }
    }
    line
}

/// Whether a status was made on this side, because no server could be reached.
pub(crate) fn is_transport(status: &Status) -> bool {
    status.source().is_some() && matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled)
}

impl Error {
    /// What a call to `address` met.
    pub(crate) fn from_status(address: &str, status: Status) -> Self {
        if is_transport(&status) {
            return Self::Unreachable { address: address.to_owned(), source: Box::new(status) };
        }
        Self::Refused(Failure::from_status(&status))
    }

    /// Adds what helps, if the server refused with one of these kinds.
    #[must_use]
    pub(crate) fn hint_on(self, kinds: &[Kind], hint: &str) -> Self {
        match self {
            Self::Refused(failure) if kinds.contains(&failure.kind()) => {
                Self::Hinted { error: Box::new(Self::Refused(failure)), hint: hint.to_owned() }
            }
            other => other,
        }
    }

    /// 64 where the usage was wrong, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Address(_) => USAGE,
            Self::Hinted { error, .. } => error.exit_code(),
            Self::Other(error) => error.downcast_ref::<Self>().map_or(1, Self::exit_code),
            _ => 1,
        }
    }

    /// Whoever read the output has had enough: no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == std::io::ErrorKind::BrokenPipe,
            Self::Other(error) => error.downcast_ref::<Self>().is_some_and(Self::is_closed_pipe),
            _ => false,
        }
    }

    /// What happened, with its causes, in one line.
    pub(crate) fn line(&self) -> String {
        let mut line = match self {
            Self::Other(error) => return one_line(&format!("{error:#}")),
            other => other.to_string(),
        };
        let mut cause = match self {
            Self::Hinted { error, .. } => error.source(),
            other => other.source(),
        };
        while let Some(error) = cause {
            let boxed = || error.downcast_ref::<Box<Status>>().map(|status| &**status);
            let text = match error.downcast_ref::<Status>().or_else(boxed) {
                // The whole of a status is nothing for people.
                Some(status) => status.message().to_owned(),
                None => error.to_string(),
            };
            // Some sources repeat what their error says.
            if !text.is_empty() && !line.ends_with(&text) {
                let _ = write!(line, ": {text}");
            }
            cause = error.source();
        }
        one_line(&line)
    }

    /// What helps, where something does.
    pub(crate) fn hint(&self) -> Option<String> {
        const UP: &str =
            "is the fleet running? start it with `marquee up`, or name its address with --grpc or MARQUEE_GRPC";
        match self {
            Self::Hinted { hint, .. } => Some(hint.clone()),
            Self::Unreachable { .. } => Some(UP.to_owned()),
            Self::Import(error) => error.hint(),
            Self::Other(error) => error.downcast_ref::<Self>().and_then(Self::hint),
            Self::Refused(failure) if failure.violations().iter().any(|v| v.reason == Reason::UnknownMovie) => {
                Some("movies enter the catalogue with `marquee import`".to_owned())
            }
            Self::Refused(failure) if failure.kind() == Kind::Unavailable => {
                Some("`marquee status` shows which service is away".to_owned())
            }
            _ => None,
        }
    }
}

/// What a server sent must not break the line or steer the terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
