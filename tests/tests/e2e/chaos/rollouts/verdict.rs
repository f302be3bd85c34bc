//! Whether what was seen is what the specifications allow.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, ensure};
use marquee_domain::{Route, UserId};

use super::Ended;
use super::watching::{Batch, Watched};
use crate::shared::View;

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
        let views: Vec<&View> = batches.iter().flat_map(|batch| [&batch.before, &batch.after]).collect();
        follows_the_table(&views, &watched.routes, ended).context("on an instance")?;
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

/// Checks that each route that answers on an instance is one of the routing table, or a part of it.
///
/// An instance on which the versions of the wanted route are not warm goes on with an older route,
/// in which no candidate has more users than the wanted one gives it. The wanted route may belong
/// to a later rollout of the same candidate from another stable version. Then the weight is one of
/// the later rollout, in a route of the earlier one.
fn follows_the_table(views: &[&View], routes: &BTreeMap<u64, Route>, ended: &[Ended]) -> Result<()> {
    for (at, view) in views.iter().enumerate() {
        let route = &view.effective;
        let later = views.get(at + 1).filter(|later| later.incarnation == view.incarnation);
        let Some(whole) = routes.get(&route.revision()) else {
            // Changes that follow each other at once are not all seen in the table.
            ensure!(is_within_a_rollout(route, ended), "no rollout has {route:?}: {ended:#?}");
            continue;
        };
        ensure!(is_part(route, whole), "{route:?} is no part of {whole:?}");
        // The instance names the wanted route before the effective one, so a newer one may be
        // missing until it is asked again.
        let is_old = later.is_none_or(|later| later.wanted.revision() > route.revision());
        ensure!(route == whole || is_old, "{route:?} is a part of {whole:?}, and nothing newer is wanted");
        let does_not_return = later.is_none_or(|later| later.effective.revision() >= route.revision());
        ensure!(does_not_return, "an instance returned to an older route: {view:?}, {later:?}");
    }
    Ok(())
}

/// Returns whether a route gives no version more users than another one of the same stable version.
fn is_part(route: &Route, whole: &Route) -> bool {
    let mut candidates = route.candidates().iter();
    route.stable() == whole.stable()
        && route.salt() == whole.salt()
        && candidates.all(|one| one.weight.get() <= whole.weight(one.version))
        && route.shadow().iter().all(|version| whole.shadow().contains(version))
}

/// Returns whether a rollout has the versions of a route, and a step with at least its weight.
fn is_within_a_rollout(route: &Route, ended: &[Ended]) -> bool {
    let trial = route.candidates().first().map(|one| (one.version, one.weight.get()));
    let Some((version, points)) = trial.or_else(|| Some((*route.shadow().first()?, 0))) else { return true };
    ended.iter().any(|one| {
        let is_of = one.planned.target == version.0 && one.planned.stable == route.stable().0;
        is_of && (points == 0 || one.planned.weights().flatten().any(|step| points <= step))
    })
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
    fn an_instance_may_go_on_with_a_part_of_an_older_route_only() {
        let (start, small, large) = (route(1, 1, &[]), route(2, 1, &[(2, 500)]), route(3, 1, &[(2, 2_000)]));
        // The version returns in a later rollout from another stable version.
        let later = route(8, 3, &[(2, 1_000)]);
        let table: BTreeMap<u64, Route> =
            [&start, &small, &large, &later].map(|route| (route.revision(), route.clone())).into();
        let view = |incarnation: &str, wanted: &Route, effective: &Route| View {
            incarnation: incarnation.to_owned(),
            wanted: wanted.clone(),
            effective: effective.clone(),
            warm: Vec::new(),
        };
        let check = |views: &[View]| follows_the_table(&views.iter().collect::<Vec<_>>(), &table, &ended());
        let part = route(3, 1, &[(2, 1_000)]);
        check(&[view("a", &small, &small), view("a", &large, &large)]).expect("it follows the table");
        check(&[view("a", &large, &large), view("a", &later, &part), view("a", &later, &later)])
            .expect("an older route keeps the users that the wanted one leaves it");
        check(&[view("a", &large, &part), view("a", &later, &part)]).expect("the wanted route was named first");
        check(&[view("a", &large, &part), view("a", &large, &part)]).expect_err("the wanted route has more");
        check(&[view("a", &later, &route(3, 1, &[(2, 3_000)]))]).expect_err("more users than the route has");
        check(&[view("a", &later, &route(3, 3, &[(2, 1_000)]))]).expect_err("another stable version");
        check(&[view("a", &large, &large), view("a", &large, &small)]).expect_err("it returns to an older route");
        check(&[view("a", &large, &large), view("b", &large, &small)]).expect("its copy may be older after a kill");
        check(&[view("a", &later, &route(5, 1, &[(3, 500)]))]).expect("a revision that nobody has seen");
        check(&[view("a", &later, &route(5, 1, &[(3, 3_000)]))]).expect_err("no rollout has this weight");
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
