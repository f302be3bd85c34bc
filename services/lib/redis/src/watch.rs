//! Asks the server every few seconds whether it keeps what is written, and whether it is the
//! primary.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use marquee_ports::{Error, ErrorKind};
use redis::Value;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use crate::failure::is_forbidden;
use crate::link::Link;

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(5);

/// How often a server that evicts rows is asked.
const SOON: Duration = Duration::from_millis(200);

/// How long a call waits for the answer.
const LONGEST: Duration = Duration::from_millis(500);

const POLICY: &str = "maxmemory_policy:";

/// What the server last said about itself.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the server was asked.
    asked: Option<Instant>,
    /// The policy by which the server evicts rows.
    evicts: Option<String>,
    /// Whether the user may not ask. The warning is logged once.
    is_blind: bool,
    /// The policy that was logged last.
    policy: String,
}

impl Watch {
    /// Asks the server if it is due, and fails if the server evicts rows.
    ///
    /// A user who may not ask has no protection against a wrong policy. That is a warning and not
    /// an error, because rows that are lost are noticed anyway.
    pub(crate) async fn check(&self, link: &Link) -> Result<(), Error> {
        if self.begin() {
            // The calls beside this one fail too, and say so.
            match timeout(LONGEST, self.ask(link)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(%error, "the memory policy of Redis was not read"),
                Err(_) => debug!("the memory policy of Redis was not read in time"),
            }
        }
        match self.evicting_policy() {
            None => Ok(()),
            Some(policy) => {
                let doing = format!(
                    "use Redis: it evicts rows when its memory is full ({policy}); set its maxmemory-policy to \
                     noeviction"
                );
                Err(Error::bare(ErrorKind::Unavailable, doing))
            }
        }
    }

    /// Returns the policy of a server that evicts rows.
    pub(crate) fn evicting_policy(&self) -> Option<String> {
        self.state().evicts.clone()
    }

    /// Reads what the server says about itself.
    pub(crate) async fn ask(&self, link: &Link) -> Result<(), Error> {
        let reply: Value = match link.query("read the memory policy", &redis::cmd("INFO")).await {
            Ok(reply) => reply,
            Err(error) if is_forbidden(&error) => {
                if !std::mem::replace(&mut self.state().is_blind, true) {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    warn!(
                        cause,
                        "this user of Redis may not run INFO, so its memory policy is not checked; allow it (+info), \
                         or make sure that maxmemory-policy is noeviction"
                    );
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut policies = Vec::new();
        let mut is_replica = false;
        each_text(&reply, &mut |text| {
            policies.extend(text.lines().filter_map(|line| line.trim().strip_prefix(POLICY)).map(str::to_owned));
            is_replica |= text.lines().any(|line| line.trim() == "role:slave");
        });
        self.remember(&policies);
        // A cluster finds its primaries by itself.
        if is_replica && !link.is_cluster() {
            info!("this server of Redis is a replica now; connecting again");
            link.leave();
        }
        Ok(())
    }

    fn remember(&self, policies: &[String]) {
        let evicting = policies.iter().find(|policy| policy.starts_with("allkeys")).cloned();
        let mut state = self.state();
        if let Some(policy) = evicting.as_ref().or(policies.first())
            && *policy != state.policy
        {
            match &evicting {
                Some(policy) => warn!(policy, "Redis evicts rows when its memory is full; set noeviction"),
                None => info!(policy, "memory policy of Redis"),
            }
            state.policy.clone_from(policy);
        }
        state.evicts = evicting;
    }

    /// Returns whether the caller must ask now. A server that evicts is asked more often, so that
    /// Marquee goes on soon after it is mended.
    fn begin(&self) -> bool {
        let mut state = self.state();
        let every = if state.evicts.is_some() { SOON } else { EVERY };
        let is_due = state.asked.is_none_or(|asked| asked.elapsed() >= every);
        if is_due {
            state.asked = Some(Instant::now());
        }
        is_due
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls a function for each text of a reply, of one server or of each server.
fn each_text(reply: &Value, found: &mut impl FnMut(&str)) {
    match reply {
        Value::BulkString(bytes) => found(&String::from_utf8_lossy(bytes)),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => found(text),
        Value::Array(all) => all.iter().for_each(|one| each_text(one, found)),
        Value::Map(all) => all.iter().for_each(|(_, one)| each_text(one, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(policies: &[&str]) -> Option<String> {
        let watch = Watch::default();
        watch.remember(&policies.iter().map(|&policy| policy.to_owned()).collect::<Vec<_>>());
        watch.evicting_policy()
    }

    #[test]
    fn only_a_policy_that_evicts_rows_is_refused() {
        for policy in ["noeviction", "volatile-lru", "volatile-lfu", "volatile-ttl", "volatile-random"] {
            assert_eq!(policy_of(&[policy]), None, "rows never expire, so {policy} keeps them");
        }
        for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
            assert_eq!(policy_of(&[policy]).as_deref(), Some(policy));
            assert_eq!(policy_of(&["noeviction", policy]).as_deref(), Some(policy), "one server of a cluster");
        }
        assert_eq!(policy_of(&[]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_is_asked_again_after_a_while_and_soon_while_it_evicts() {
        let watch = Watch::default();
        assert!(watch.begin() && !watch.begin());
        tokio::time::advance(EVERY).await;
        assert!(watch.begin() && !watch.begin());
        watch.remember(&["allkeys-lru".to_owned()]);
        tokio::time::advance(SOON).await;
        assert!(watch.begin() && !watch.begin());
        watch.remember(&["noeviction".to_owned()]);
        assert!(!watch.begin());
    }

    #[test]
    fn the_texts_of_all_servers_are_read() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let reply = Value::Map(vec![(text("a"), text("one")), (text("b"), Value::Array(vec![text("two")]))]);
        let mut found = Vec::new();
        each_text(&reply, &mut |text| found.push(text.to_owned()));
        assert_eq!(found, ["one", "two"]);
    }
}
