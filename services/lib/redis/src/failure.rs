//! What an error of Redis means for the call that got it.

use marquee_ports::ErrorKind;
use redis::{ErrorKind as Kind, RedisError, ServerErrorKind as Server};

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try again: the server is away, loads its data or fails over, or the cluster is changing.
    Retry,
    /// Try again over a new connection: the protocol state of this one is unknown.
    Reconnect,
    /// The keys of the command are on two servers, because the cluster is moving their slot.
    Split,
    /// Give up, with this kind.
    Fail(ErrorKind),
}

/// Decides what an error means.
pub(crate) fn verdict(error: &RedisError) -> Verdict {
    if error.is_connection_dropped() || error.is_io_error() || error.is_timeout() {
        return Verdict::Reconnect;
    }
    match error.kind() {
        Kind::Server(Server::TryAgain) => Verdict::Split,
        Kind::ClusterConnectionNotFound
        | Kind::Server(
            Server::BusyLoading
            | Server::MasterDown
            | Server::ClusterDown
            | Server::Moved
            | Server::Ask
            | Server::ReadOnly
            | Server::NoScript,
        ) => Verdict::Retry,
        _ => Verdict::Fail(kind_of(error)),
    }
}

fn kind_of(error: &RedisError) -> ErrorKind {
    match error.code() {
        Some("WRONGTYPE") => ErrorKind::Corrupt,
        // Memory or disk is full, replicas are missing, a script runs for long, or a password or a
        // permission has changed. An operator can mend that while Marquee runs.
        Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "NOAUTH" | "WRONGPASS" | "NOPERM") => ErrorKind::Unavailable,
        Some("ERR") if error.detail().is_some_and(|detail| detail.starts_with("max number of clients")) => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error that the client makes of a server's reply.
    fn reply(line: &str) -> RedisError {
        let bytes = format!("-{line}\r\n");
        redis::parse_redis_value(bytes.as_bytes()).and_then(redis::Value::extract_error).expect_err("an error reply")
    }

    #[test]
    fn a_reply_decides_what_is_done_next() {
        let verdicts = [
            ("LOADING Redis is loading the dataset in memory", Verdict::Retry),
            ("CLUSTERDOWN The cluster is down", Verdict::Retry),
            ("READONLY You can't write against a read only replica.", Verdict::Retry),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Verdict::Split),
            ("OOM command not allowed when used memory > 'maxmemory'.", Verdict::Fail(ErrorKind::Unavailable)),
            ("ERR max number of clients reached", Verdict::Fail(ErrorKind::Unavailable)),
            ("ERR unknown command", Verdict::Fail(ErrorKind::Invalid)),
            ("WRONGTYPE Operation against a key holding the wrong kind", Verdict::Fail(ErrorKind::Corrupt)),
            ("NOAUTH Authentication required.", Verdict::Fail(ErrorKind::Unavailable)),
            ("WRONGPASS invalid username-password pair", Verdict::Fail(ErrorKind::Unavailable)),
            ("NOPERM this user has no permissions to run the 'mget' command", Verdict::Fail(ErrorKind::Unavailable)),
        ];
        for (line, expected) in verdicts {
            assert_eq!(verdict(&reply(line)), expected, "{line}");
        }
    }

    #[test]
    fn a_lost_connection_is_made_again() {
        for kind in
            [std::io::ErrorKind::TimedOut, std::io::ErrorKind::BrokenPipe, std::io::ErrorKind::ConnectionRefused]
        {
            let error = RedisError::from(std::io::Error::from(kind));
            assert_eq!(verdict(&error), Verdict::Reconnect, "{kind}");
        }
    }
}
