//! Producers of other projects, which write to the rating topic all the time, and what must be true
//! of their records afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::pin;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use marquee_e2e::{Clients, DEADLINE, read_topic};
use marquee_log::event_anywhere;
use marquee_ports::{Record, Topic};
use marquee_proto::features::v1::{GetUsersRequest, UserQuery, UserView};
use serde::Deserialize;
use tokio::sync::watch;

use super::verdict::{self, Evidence, Truth};
use crate::foreign::Python;

const STORM: &str = "tests/e2e/foreign/storm.py";

/// Begins the names of the users of these producers.
const USERS: &str = "foreign-";

/// What the producers know of their records. A rating is written as its user and its movie.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Foreign {
    /// Ratings that brokers acknowledged, or whose transaction was committed.
    delivered: BTreeSet<String>,
    /// Ratings of transactions that were aborted.
    aborted: BTreeSet<String>,
    /// Acknowledged records that are no ratings.
    junk: usize,
    /// Records that brokers refused for their size.
    refused: u64,
}

/// Writes foreign records until it is over. Returns `None` where no Python has the client.
pub(super) async fn write(bootstrap: String, mut over: watch::Receiver<bool>) -> Result<Option<Foreign>> {
    let Some(python) = Python::or_skip() else {
        over.wait_for(|over| *over).await?;
        return Ok(None);
    };
    let mut command = python.command(STORM);
    command.arg(bootstrap).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("run {STORM}"))?;
    let input = child.stdin.take();
    let mut ended = pin!(child.wait_with_output());
    let output = tokio::select! {
        // It ended early; what it wrote says why.
        output = &mut ended => output?,
        told = async { over.wait_for(|over| *over).await.map(drop) } => {
            told?;
            drop(input);
            tokio::time::timeout(DEADLINE, ended).await.context("the foreign producers did not end")??
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{STORM} failed: {errors}");
    Ok(Some(serde_json::from_slice(&output.stdout).with_context(|| format!("read the output of {STORM}: {errors}"))?))
}

/// What was found of foreign records.
pub(super) struct Accounted {
    ratings: usize,
    moved: usize,
    rejected: BTreeMap<String, usize>,
    aborted: usize,
    refused: u64,
    users: usize,
}

impl fmt::Display for Accounted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ratings, moved, rejected, aborted, refused, users } = self;
        let reasons: Vec<String> = rejected.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        write!(formatter, "{ratings} ratings delivered and counted for {users} users, {moved} of them moved; ")?;
        write!(formatter, "rejected: {}; {aborted} aborted and absent; {refused} too large", reasons.join(", "))
    }
}

/// Checks that every foreign rating that was delivered counts, and that every record of the rating
/// topic which is not an event is in the rejected topic with a reason, or was moved to the
/// partition of its user.
pub(super) async fn account(evidence: &Evidence, foreign: &Foreign) -> Result<Accounted> {
    let Evidence { log, records, truth } = evidence;
    let known: BTreeSet<String> = truth.pairs().map(|(user, movie)| format!("{user} {movie}")).collect();
    let lost: Vec<&String> = foreign.delivered.difference(&known).take(5).collect();
    assert!(lost.is_empty(), "foreign ratings that were acknowledged do not count: {lost:?}");
    let undone: Vec<&String> = foreign.aborted.intersection(&known).take(5).collect();
    assert!(undone.is_empty(), "ratings of aborted transactions count: {undone:?}");

    let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    let moved: BTreeSet<String> = records.iter().map(|record| text(record.header("moved-from"))).collect();
    let rejected = read_topic(log, Topic::REJECTED).await?;
    let rejected: BTreeMap<String, &Record> =
        rejected.iter().map(|record| (text(record.header("source-position")), record)).collect();
    let mut accounted = Accounted {
        ratings: foreign.delivered.len(),
        moved: 0,
        rejected: BTreeMap::new(),
        aborted: foreign.aborted.len(),
        refused: foreign.refused,
        users: users(truth).len(),
    };
    for record in records.iter().filter(|record| verdict::event(record).is_none()) {
        let position = record.position.to_string();
        if event_anywhere(record, &verdict::decoder().scale).is_ok() {
            assert!(moved.contains(&position), "a rating in a wrong partition was not moved: {position}");
            accounted.moved += 1;
            continue;
        }
        let copy = rejected.get(&position).with_context(|| format!("the record at {position} was not rejected"))?;
        let reason = text(copy.header("reason"));
        assert!(!reason.is_empty() && copy.header("message").is_some(), "no reason is given for {position}");
        *accounted.rejected.entry(reason).or_default() += 1;
    }
    let all: usize = accounted.rejected.values().sum();
    assert!(all >= foreign.junk, "{} records that are no ratings were delivered, {all} were rejected", foreign.junk);
    let numbers = [accounted.ratings, accounted.moved, all, accounted.aborted, usize::from(foreign.refused > 0)];
    assert!(numbers.iter().all(|number| *number > 0), "some kinds of records were never written: {accounted}");
    Ok(accounted)
}

/// The foreign users whose ratings count.
fn users(truth: &Truth) -> BTreeSet<&str> {
    truth.pairs().map(|(user, _)| user).filter(|user| user.starts_with(USERS)).collect()
}

/// Checks that a feature store serves the foreign users as the log says.
pub(super) async fn serves(clients: &Clients, truth: &Truth) -> Result<()> {
    let users: Vec<&str> = users(truth).into_iter().collect();
    for users in users.chunks(50) {
        let query = |user: &&str| UserQuery { user_id: (*user).to_owned(), known_version: 0 };
        let request = GetUsersRequest {
            users: users.iter().map(query).collect(),
            views: vec![UserView::History as i32],
            ..GetUsersRequest::default()
        };
        for user in clients.features.clone().get_users(request).await?.into_inner().users {
            verdict::history_is_right(&user, &truth.counted(|who, _| who == user.user_id));
        }
    }
    Ok(())
}
