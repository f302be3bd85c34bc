//! Whether what was seen is what the specifications allow.

use std::fmt;

use anyhow::{Context, Result, ensure};
use marquee_domain::{Route, UserId};

use super::Ended;
use super::watching::{Batch, Watched};

/// What was checked.
#[derive(Debug, Default)]
pub(super) struct Judged {
    routes: usize,
    unseen: u64,
    answers: usize,
    /// Answers that fell into a change of the effective route.
    changing: usize,
    /// Batches during which an instance was killed.
    killed: usize,
    /// How often the users changed sides, on all instances together.
    changes: usize,
    forced: usize,
}

impl fmt::Display for Judged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { routes, unseen, answers, changing, killed, changes, forced } = self;
        write!(formatter, "{routes} routes, {unseen} more were not seen; {answers} answers, each of the version ")?;
        write!(formatter, "that the effective route assigns, {changing} of them while it changed; {killed} batches ")?;
        write!(formatter, "with a kill; users changed sides {changes} times of {forced} that the routes force")
    }
}

/// Checks the routes, and what each instance did with them.
pub(super) fn judge(watched: &Watched, ended: &[Ended]) -> Result<Judged> {
    let routes: Vec<&Route> = watched.routes.values().collect();
    let mut judged = Judged { routes: routes.len(), ..Judged::default() };
    if let (Some(first), Some(last)) = (routes.first(), routes.last()) {
        judged.unseen = last.revision() - first.revision() + 1 - routes.len() as u64;
        ensure!(routes.iter().all(|route| route.salt() == first.salt()), "another salt moves all users");
    }
    keeps_to_steps(routes.iter().copied(), ended).context("in the routing table")?;
    for batches in &watched.batches {
        let seen = batches.iter().flat_map(|batch| [&batch.before.effective, &batch.after.effective]);
        keeps_to_steps(seen, ended).context("on an instance")?;
        for batch in batches {
            judged.check_answers(watched, batch)?;
        }
        judged.check_changes(watched, batches)?;
    }
    Ok(judged)
}

/// Checks that a sequence of routes goes through the rollouts in their order: each weight is one of
/// its steps, weights only grow, and a version that lost its users does not get them back.
fn keeps_to_steps<'a>(routes: impl Iterator<Item = &'a Route>, ended: &[Ended]) -> Result<()> {
    // The rollout whose version is on trial, and the first one that may come next.
    let (mut on_trial, mut next, mut weight) = (None, 0, 0);
    let mut before = None;
    for route in routes.filter(|route| before.replace(*route) != Some(*route)) {
        ensure!(route.candidates().len() + route.shadow().len() <= 1, "more than one version on trial: {route:?}");
        let trial = route.candidates().first().map(|one| (one.version, one.weight.get()));
        let Some((version, points)) = trial.or_else(|| Some((*route.shadow().first()?, 0))) else {
            next = on_trial.take().map_or(next, |at: usize| at + 1);
            continue;
        };
        let is_of = |one: &Ended| one.planned.target == version.0 && one.planned.stable == route.stable().0;
        let at = match on_trial.filter(|at| is_of(&ended[*at])) {
            Some(at) => at,
            None => {
                next = on_trial.map_or(next, |at| at + 1);
                let later = ended.iter().skip(next).position(is_of);
                weight = 0;
                next + later.with_context(|| format!("no rollout from {next} has {route:?}: {ended:#?}"))?
            }
        };
        on_trial = Some(at);
        let mut weights = ended[at].planned.weights();
        ensure!(points == 0 || weights.any(|step| step == Some(points)), "no step has {route:?}: {:?}", ended[at]);
        ensure!(points >= weight, "a weight fell from {weight} to {route:?}");
        weight = points;
    }
    Ok(())
}

impl Judged {
    /// Checks that every answer is that of a route which was effective meanwhile.
    fn check_answers(&mut self, watched: &Watched, batch: &Batch) -> Result<()> {
        let Batch { before, after, answers } = batch;
        if before.incarnation != after.incarnation {
            self.killed += 1;
            return Ok(());
        }
        let (first, last) = (before.effective.revision(), after.effective.revision());
        ensure!(first <= last, "an instance returned to an older route: {before:?}, {after:?}");
        let between = watched.routes.range(first..=last).map(|(_, route)| route);
        // While the effective route stays, there is only one.
        let is_same = before.effective == after.effective;
        let routes: Vec<&Route> =
            [&before.effective, &after.effective].into_iter().chain(between.filter(|_| !is_same)).collect();
        for (user, answer) in watched.users.iter().zip(answers) {
            let Some(answer) = answer else { continue };
            let is_given = |route: &&Route| assigned(route, user) == *answer;
            ensure!(routes.iter().any(is_given), "{user} is answered by {answer:?}, not by one of {routes:?}");
            self.answers += 1;
            self.changing += usize::from(!is_same);
        }
        Ok(())
    }

    /// Checks that no user changed sides on an instance more often than in the routing table.
    fn check_changes(&mut self, watched: &Watched, batches: &[Batch]) -> Result<()> {
        for (number, user) in watched.users.iter().enumerate() {
            let forced = changes(watched.routes.values().map(|route| route.assign(user).0.0));
            let answers = batches.iter().filter_map(|batch| batch.answers[number].as_ref());
            let changes = changes(answers.map(|(version, _)| *version));
            ensure!(changes <= forced, "{user} changed sides {changes} times, {forced} are forced");
            self.changes += changes;
            self.forced += forced;
        }
        Ok(())
    }
}

fn assigned(route: &Route, user: &UserId) -> (u64, String) {
    let (version, variant) = route.assign(user);
    (version.0, variant.as_str().to_owned())
}

/// Returns how often a value differs from the one before it.
fn changes(values: impl Iterator<Item = u64>) -> usize {
    let values: Vec<u64> = values.collect();
    values.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[cfg(test)]
mod tests {
    use marquee_domain::{BasisPoints, Candidate, ModelName, RouteSpec, Salt, Version};
    use serde_json::json;

    use super::super::course::{Course, Planned};
    use super::*;

    fn route(revision: u64, stable: u64, candidates: &[(u64, u32)]) -> Route {
        let candidate = |&(version, points)| Candidate {
            version: Version(version),
            weight: BasisPoints::try_new(points).expect("fits"),
        };
        let spec = RouteSpec {
            model: ModelName::try_new("ratings").expect("valid"),
            stable: Version(stable),
            candidates: candidates.iter().map(candidate).collect(),
            shadow: Vec::new(),
            salt: Salt::try_new("s").expect("valid"),
            revision,
        };
        Route::try_new(spec).expect("valid")
    }

    /// A rollout from version 1 to 2 that was aborted, and one to version 3 that completed.
    fn ended() -> Vec<Ended> {
        let one = |target, outcome: &str| Ended {
            planned: Planned {
                course: Course::Plain,
                target,
                stable: 1,
                spec: json!({"steps": [{"setWeight": 5}, {"setWeight": 20}]}),
                abort_after: None,
            },
            outcome: outcome.to_owned(),
            reason: String::new(),
        };
        vec![one(2, "Aborted"), one(3, "Completed")]
    }

    fn check(routes: &[Route]) -> Result<()> {
        keeps_to_steps(routes.iter(), &ended())
    }

    #[test]
    fn routes_that_do_not_keep_to_the_steps_are_found() {
        let (start, small, large) = (route(1, 1, &[]), route(2, 1, &[(2, 500)]), route(3, 1, &[(2, 2_000)]));
        let (back, next, over) = (route(4, 1, &[]), route(5, 1, &[(3, 500)]), route(6, 3, &[]));
        let good = [&start, &small, &large, &back, &next, &over].map(Clone::clone);
        check(&good).expect("as the steps say");
        check(&[start.clone(), large.clone(), next.clone()]).expect("an instance may miss routes");
        check(&[start.clone(), route(2, 1, &[(2, 3_000)])]).expect_err("no step has this weight");
        check(&[start, large.clone(), small.clone()]).expect_err("a weight fell");
        check(&[small.clone(), back.clone(), small]).expect_err("a failed version has users again");
        check(&[next, back, large]).expect_err("a failed version has users in the next rollout");
        check(&[route(2, 4, &[(2, 500)])]).expect_err("another stable version");
        assert_eq!(ended()[0].planned.limit(0), 500);
        assert_eq!(ended()[0].planned.limit(1), 2_000);
    }
}
