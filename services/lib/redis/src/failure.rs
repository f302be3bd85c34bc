//! What an error of Redis means for the call that got it.

use marquee_ports::ErrorKind;
use redis::{ErrorKind as Kind, RedisError};

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try again over the same connection: the cluster is changing, or a script is missing.
    Retry,
    /// Try again over a new connection: the protocol state of this one is unknown, or its server is
    /// not the one to ask. After a failover the old primary may stay as a replica. It answers for
    /// ever over the open connection, while its name leads to the new primary.
    Reconnect,
    /// The keys of the command are on two servers, because the cluster is moving their slot.
    Split,
    /// Give up, with this kind.
    Fail(ErrorKind),
}

/// The codes of a server that is not the primary, or not yet.
const OTHER_SERVER: [&str; 3] = ["READONLY", "LOADING", "MASTERDOWN"];

/// Decides what an error means.
pub(crate) fn verdict(error: &RedisError) -> Verdict {
    if error.is_connection_dropped() || error.is_io_error() || error.is_timeout() {
        return Verdict::Reconnect;
    }
    match error.kind() {
        Kind::Parse | Kind::MasterNameNotFoundBySentinel => return Verdict::Reconnect,
        Kind::ClusterConnectionNotFound => return Verdict::Retry,
        _ => {}
    }
    match code_of(error) {
        Some(code) if OTHER_SERVER.contains(&code) => Verdict::Reconnect,
        Some("CLUSTERDOWN" | "MOVED" | "ASK" | "NOSCRIPT") => Verdict::Retry,
        Some("TRYAGAIN") => Verdict::Split,
        code => Verdict::Fail(kind_of(error, code)),
    }
}

/// Returns the code of a server's reply. If a command inside a script failed, older servers put the
/// code of the command into the message: `ERR Error running script (…): … -READONLY …`.
pub(crate) fn code_of(error: &RedisError) -> Option<&str> {
    let code = error.code()?;
    let inner = || {
        let (_, rest) = error.detail()?.split_once(" -")?;
        let word = rest.split(' ').next()?;
        (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(word)
    };
    if code == "ERR" { inner().or(Some(code)) } else { Some(code) }
}

fn kind_of(error: &RedisError, code: Option<&str>) -> ErrorKind {
    let says = |words: &str| error.detail().is_some_and(|detail| detail.contains(words));
    match code {
        Some("WRONGTYPE") => ErrorKind::Corrupt,
        // Memory or disk is full, replicas are missing, a script runs for long, or a password or a
        // permission has changed. An operator can mend that while Marquee runs.
        Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "NOAUTH" | "WRONGPASS" | "NOPERM") => ErrorKind::Unavailable,
        Some("ERR") if says("max number of clients") => ErrorKind::Unavailable,
        // The permissions of a user are also checked inside a script.
        Some("ERR") if says("ACL failure in script") || says("The user executing the script") => ErrorKind::Unavailable,
        _ if error.kind() == Kind::AuthenticationFailed => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

/// Returns whether the server refused a command that this user may not run, or does not know it.
/// Managed servers rename or remove commands.
pub(crate) fn is_forbidden(error: &marquee_ports::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<RedisError>());
    source.is_some_and(|error| {
        code_of(error) == Some("NOPERM")
            || code_of(error) == Some("ERR") && error.detail().is_some_and(|detail| detail.contains("unknown command"))
    })
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
    fn a_server_that_is_not_the_primary_is_left() {
        for line in [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "READONLY You can't write against a read only replica. script: 1f, on @user_script:3.",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "ERR Error running script (call to f_1f): @user_script:3: @user_script: 3: -READONLY You can't write",
        ] {
            assert_eq!(verdict(&reply(line)), Verdict::Reconnect, "{line}");
        }
    }

    #[test]
    fn a_reply_decides_what_is_done_next() {
        let verdicts = [
            ("CLUSTERDOWN The cluster is down", Verdict::Retry),
            ("CLUSTERDOWN Hash slot not served", Verdict::Retry),
            ("MOVED 3999 127.0.0.1:6381", Verdict::Retry),
            ("ASK 3999 127.0.0.1:6381", Verdict::Retry),
            ("NOSCRIPT No matching script. Please use EVAL.", Verdict::Retry),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Verdict::Split),
            ("OOM command not allowed when used memory > 'maxmemory'.", Verdict::Fail(ErrorKind::Unavailable)),
            ("OOM command not allowed. script: 1f, on @user_script:2.", Verdict::Fail(ErrorKind::Unavailable)),
            ("NOREPLICAS Not enough good replicas to write.", Verdict::Fail(ErrorKind::Unavailable)),
            ("MISCONF Redis is configured to save RDB snapshots", Verdict::Fail(ErrorKind::Unavailable)),
            ("ERR max number of clients reached", Verdict::Fail(ErrorKind::Unavailable)),
            ("ERR unknown command", Verdict::Fail(ErrorKind::Invalid)),
            ("ERR value - is not an integer", Verdict::Fail(ErrorKind::Invalid)),
            ("WRONGTYPE Operation against a key holding the wrong kind", Verdict::Fail(ErrorKind::Corrupt)),
            ("NOAUTH Authentication required.", Verdict::Fail(ErrorKind::Unavailable)),
            ("WRONGPASS invalid username-password pair", Verdict::Fail(ErrorKind::Unavailable)),
            ("NOPERM this user has no permissions to run the 'mget' command", Verdict::Fail(ErrorKind::Unavailable)),
            ("ERR ACL failure in script: NOPERM of 'hset'", Verdict::Fail(ErrorKind::Unavailable)),
        ];
        for (line, expected) in verdicts {
            assert_eq!(verdict(&reply(line)), expected, "{line}");
        }
        let changed = RedisError::from((Kind::AuthenticationFailed, "Password authentication failed"));
        assert_eq!(verdict(&changed), Verdict::Fail(ErrorKind::Unavailable), "a password may change while it runs");
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
