//! Whether each answer is one that an effective route gives.
//!
//! Every instance is asked for its effective route all the time. An answer must agree with a route
//! whose revision lies between what the instance had before the request and what it had after the
//! answer. The effective revision of an instance never falls, also over a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use marquee_domain::{Route, UserId};
use marquee_e2e::Clients;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::generator::Answer;
use crate::live::paced;
use crate::shared::{View, view};

/// A report of an instance.
#[derive(Debug)]
pub(super) struct Look {
    asked: Instant,
    answered: Instant,
    view: View,
}

/// The reports of both instances, in the order of time.
#[derive(Debug)]
pub(super) struct Observed([Vec<Look>; 2]);

pub(super) type Observing = [JoinHandle<Vec<Look>>; 2];

/// Starts to ask both instances for their effective routes.
pub(super) fn observe(addresses: &[String; 2], over: &watch::Sender<bool>) -> Result<Observing> {
    let start = |address: &String| anyhow::Ok(tokio::spawn(look(Clients::connect(address)?, over.subscribe())));
    Ok([start(&addresses[0])?, start(&addresses[1])?])
}

async fn look(clients: Clients, over: watch::Receiver<bool>) -> Vec<Look> {
    let (mut looks, mut pace) = (Vec::new(), paced(Duration::from_millis(10)));
    loop {
        // Once more after the end, so that the last answers lie between two reports.
        let is_over = *over.borrow();
        let asked = Instant::now();
        if let Some(view) = view(&clients).await {
            looks.push(Look { asked, answered: Instant::now(), view });
        }
        if is_over {
            return looks;
        }
        pace.tick().await;
    }
}

impl Observed {
    /// Waits for the last reports.
    pub(super) async fn join([one, two]: Observing) -> Result<Self> {
        Ok(Self([one.await?, two.await?]))
    }

    /// Returns the routes that may have been effective while a request was answered.
    fn routes<'a>(&'a self, answer: &Answer, set: &'a [Route]) -> impl Iterator<Item = &'a Route> {
        let looks = &self.0[answer.instance];
        let before = looks.partition_point(|look| look.answered <= answer.sent).saturating_sub(1);
        let after = looks.partition_point(|look| look.asked < answer.received).min(looks.len() - 1);
        let reported = looks[before..=after].iter().map(|look| &look.view.effective);
        let revision = |at: usize| looks[at].view.effective.revision();
        let revisions = revision(before)..=revision(after);
        reported.chain(set.iter().filter(move |route| revisions.contains(&route.revision())))
    }
}

/// Checks every answer, and returns the number of answers by version.
pub(super) fn judge(answers: &[Answer], observed: &Observed, set: &[Route]) -> Result<BTreeMap<u64, usize>> {
    for looks in &observed.0 {
        ensure!(!looks.is_empty(), "an instance never said which route is effective");
        let revisions: Vec<u64> = looks.iter().map(|look| look.view.effective.revision()).collect();
        ensure!(revisions.is_sorted(), "an instance returned to an older route: {revisions:?}");
        println!("an instance reported {} times, {} processes", looks.len(), incarnations(looks));
    }
    let mut by_version = BTreeMap::new();
    for answer in answers {
        let user = UserId::try_new(&answer.user)?;
        let is_given = |route: &Route| {
            let (version, variant) = route.assign(&user);
            (version.0, variant) == (answer.version, answer.variant)
        };
        let mut routes = observed.routes(answer, set);
        ensure!(
            routes.any(is_given),
            "{answer:?} is an answer of none of {:?}",
            observed.routes(answer, set).collect::<Vec<_>>()
        );
        *by_version.entry(answer.version).or_default() += 1;
    }
    Ok(by_version)
}

fn incarnations(looks: &[Look]) -> usize {
    1 + looks.windows(2).filter(|pair| pair[0].view.incarnation != pair[1].view.incarnation).count()
}
