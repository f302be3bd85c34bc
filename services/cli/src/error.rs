//! Why a command failed: one line for people, a hint where one helps, and the exit code.

use std::error::Error as _;
use std::fmt::Write as _;
use std::path::PathBuf;

use marquee_domain::Reason;
use marquee_kit::{ConnectError, Failure, Kind};
use thiserror::Error;
use tonic::{Code, Status};

use crate::import::error::Error as ImportError;

/// The header of an answer that names the role of the API that the server does not offer.
pub(crate) const ROLE: &str = "x-marquee-role";

/// Exit code of wrong usage, as in sysexits.h.
pub const USAGE: u8 = 64;

/// Exit code of an import that left rows out, as in sysexits.h.
pub const DATA: u8 = 65;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The command line cannot be carried out.
    #[error("{0}")]
    Usage(String),
    /// The address of the fleet is not valid.
    #[error(transparent)]
    Address(#[from] ConnectError),
    /// No server answered.
    #[error("no answer from {address}")]
    Unreachable {
        /// The address that was called.
        address: String,
        /// The status that the transport returned.
        #[source]
        source: Box<Status>,
    },
    /// The server did not answer in time.
    #[error("no answer from {address} within {seconds} s: try again")]
    Late {
        /// The address that was called.
        address: String,
        /// The time that was waited.
        seconds: u64,
    },
    /// The server does not offer the API that the command calls.
    #[error("the server at {address} does not offer this{}", missing(.role.as_deref()))]
    NotOffered {
        /// The address that was called.
        address: String,
        /// The role that offers it.
        role: Option<String>,
    },
    /// The port does not speak gRPC.
    #[error("{address} does not answer in gRPC")]
    NotGrpc {
        /// The address that was called.
        address: String,
    },
    /// The server refused the call.
    #[error("{}", described(.0))]
    Refused(Failure),
    /// The call succeeded, and its outcome is a failure.
    #[error("{0}")]
    Outcome(String),
    /// The import failed.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] marquee_datasets::Error),
    /// A file cannot be read or written.
    #[error("could not {doing} {path}")]
    File {
        /// The operation, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Standard output cannot be written.
    #[error("could not write the output")]
    Output(#[source] std::io::Error),
    /// A command of another crate failed.
    #[error("{0}")]
    Other(anyhow::Error),
    /// Another error, with a hint for the user.
    #[error("{error}")]
    Hinted {
        /// The error.
        error: Box<Error>,
        /// What the user can do.
        hint: String,
    },
}

fn missing(role: Option<&str>) -> String {
    match role {
        Some(role) => format!(": it does not run the role {role}"),
        None => String::from(": it runs other roles"),
    }
}

/// Describes a refusal in one line: each field with what is wrong, how to fix it, and the stable
/// reason.
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

/// Returns whether the client made this status itself because it could not reach a server.
pub(crate) fn is_transport(status: &Status) -> bool {
    status.source().is_some() && matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled)
}

impl Error {
    /// Converts the status of a failed call to `address`.
    pub(crate) fn from_status(address: &str, status: Status) -> Self {
        if is_transport(&status) {
            return Self::Unreachable { address: address.to_owned(), source: Box::new(status) };
        }
        let message = status.message();
        if message.contains("invalid compression flag") || message.contains("gRPC is served at the address") {
            return Self::NotGrpc { address: address.to_owned() };
        }
        if status.code() == Code::Unimplemented {
            let role = status.metadata().get(ROLE).and_then(|role| role.to_str().ok()).map(str::to_owned);
            return Self::NotOffered { address: address.to_owned(), role };
        }
        Self::Refused(Failure::from_status(&status))
    }

    /// Adds a hint if the server refused the call with one of these kinds.
    #[must_use]
    pub(crate) fn hint_on(self, kinds: &[Kind], hint: &str) -> Self {
        match self {
            Self::Refused(failure) if kinds.contains(&failure.kind()) => {
                Self::Hinted { error: Box::new(Self::Refused(failure)), hint: hint.to_owned() }
            }
            other => other,
        }
    }

    /// Returns 64 for wrong usage, 65 for an import that left rows out, otherwise 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Address(_) => USAGE,
            Self::Import(ImportError::SomeRejected(_)) => DATA,
            Self::Hinted { error, .. } => error.exit_code(),
            Self::Other(error) => error.downcast_ref::<Self>().map_or(1, Self::exit_code),
            _ => 1,
        }
    }

    /// Returns whether the reader of standard output closed it, which is not a failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == std::io::ErrorKind::BrokenPipe,
            Self::Other(error) => error.downcast_ref::<Self>().is_some_and(Self::is_closed_pipe),
            _ => false,
        }
    }

    /// Describes the error and its causes in one line.
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
                // The debug form of a status, with its metadata, is not for people.
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

    /// Returns what the user can do, if something helps.
    pub(crate) fn hint(&self) -> Option<String> {
        const UP: &str = "is the fleet running? start it with `marquee up`, or give its address with --grpc or \
                          MARQUEE_GRPC, or those of its roles with --addresses or MARQUEE_ADDRESSES";
        const OTHER: &str = "`marquee status` lists what this server offers; \
                             give the address of a server that runs the role with --addresses, --grpc or \
                             MARQUEE_GRPC";
        const HTTP: &str = "is this the port of the HTTP API? --grpc takes the address of the gRPC API";
        match self {
            Self::Hinted { hint, .. } => Some(hint.clone()),
            Self::Unreachable { .. } => Some(UP.to_owned()),
            Self::NotOffered { .. } => Some(OTHER.to_owned()),
            Self::NotGrpc { .. } => Some(HTTP.to_owned()),
            Self::Import(error) => error.hint(),
            Self::Other(error) => error.downcast_ref::<Self>().and_then(Self::hint),
            Self::Refused(failure) if failure.violations().iter().any(|v| v.reason == Reason::UnknownMovie) => {
                Some("add movies to the catalog with `marquee import`".to_owned())
            }
            Self::Refused(failure) if failure.kind() == Kind::Unavailable => {
                Some("`marquee status` shows which service is not serving".to_owned())
            }
            _ => None,
        }
    }
}

/// Replaces control characters: text from a server must not break the line or control the terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use marquee_proto::ratings::v1::GetScaleRequest;
    use tonic::service::Routes;

    use super::*;
    use crate::testing::Server;
    use crate::{Client, Output};

    fn usage() -> Error {
        Error::Usage("RATING: missing".to_owned())
    }

    #[test]
    fn wrong_usage_is_64_through_every_wrapper_and_all_else_is_1() {
        let hinted = Error::Hinted { error: Box::new(usage()), hint: "type a number".to_owned() };
        let other = Error::Other(anyhow::Error::from(usage()).context("read the command line"));
        assert_eq!([usage(), hinted, other].map(|error| error.exit_code()), [USAGE; 3]);
        let refused = Error::Refused(Failure::new(Kind::NotFound, "no such model"));
        let other = Error::Other(anyhow::anyhow!("the fleet failed"));
        assert_eq!([refused, other, Error::Outcome("failed".to_owned())].map(|error| error.exit_code()), [1; 3]);
    }

    #[test]
    fn a_closed_output_is_not_a_failure_also_from_another_crate() {
        let closed = || Error::Output(std::io::ErrorKind::BrokenPipe.into());
        assert!(closed().is_closed_pipe() && Error::Other(closed().into()).is_closed_pipe());
        assert!(!Error::Output(std::io::ErrorKind::StorageFull.into()).is_closed_pipe());
        // `ExitCode` has no equality; its debug form is all that can be compared.
        let ended = crate::finish(Err(closed()), Output::detect(crate::Format::Human));
        assert_eq!(format!("{ended:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
    }

    #[test]
    fn an_error_is_one_line_with_its_causes_and_no_control_characters() {
        let source = std::io::Error::other("disk\nfull\u{1b}[31m");
        let error = Error::File { doing: "write", path: "/tmp/a".into(), source };
        assert_eq!(error.line(), "could not write /tmp/a: disk full [31m");
    }

    #[test]
    fn a_hint_is_added_only_for_its_kinds() {
        let refused = || Error::Refused(Failure::new(Kind::NotFound, "no such model"));
        assert_eq!(refused().hint_on(&[Kind::NotFound], "train one").hint().as_deref(), Some("train one"));
        assert_eq!(refused().hint_on(&[Kind::Aborted], "train one").hint(), None);
    }

    #[tokio::test]
    async fn a_server_without_the_service_is_not_an_internal_error() {
        let server = Server::start(Routes::default()).await;
        let client = server.client();
        let error = client.call(client.ratings().get_scale(GetScaleRequest {})).await.expect_err("no such service");
        assert!(error.line().ends_with("does not offer this: it does not run the role ingest"), "{}", error.line());
        assert!(error.hint().is_some_and(|hint| hint.contains("marquee status")), "{:?}", error.hint());
    }

    #[test]
    fn the_port_of_another_protocol_is_named() {
        let status = Status::internal("protocol error: received message with invalid compression flag: 123");
        let error = Error::from_status("http://a:1", status);
        assert_eq!(error.line(), "http://a:1 does not answer in gRPC");
        assert!(error.hint().is_some_and(|hint| hint.contains("HTTP API")), "{:?}", error.hint());
    }

    #[test]
    fn an_import_that_left_rows_out_has_an_exit_code_of_its_own() {
        let some = Error::from(ImportError::SomeRejected(1));
        assert_eq!(
            (some.exit_code(), some.line().as_str()),
            (DATA, "1 row was rejected; the other rows were imported")
        );
        assert_eq!(Error::from(ImportError::NothingAccepted(4)).exit_code(), 1);
    }

    #[tokio::test]
    async fn a_port_without_a_server_is_unreachable_and_the_hint_says_how_to_start_one() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
        let client = Client::connect(&format!("http://127.0.0.1:{port}")).expect("a client");
        let error = client.call(client.ratings().get_scale(GetScaleRequest {})).await.expect_err("no server");
        assert!(error.line().starts_with(&format!("no answer from http://127.0.0.1:{port}: ")), "{}", error.line());
        assert!(error.hint().is_some_and(|hint| hint.contains("marquee up") && hint.contains("--grpc")));
    }
}
