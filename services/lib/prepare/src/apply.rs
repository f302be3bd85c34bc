//! Carries out a step, and counts what it dropped and why.

use crate::Error;
use crate::plan::Step;
use crate::report::{Applied, Reason};
use crate::set::Set;
use crate::steps::Effect;

/// The ratings that are shown of those that were dropped for one reason.
const SHOWN: usize = 3;

/// Carries a step out, and reports it.
pub(crate) fn apply(step: &Step, set: &mut Set) -> Result<Applied, Error> {
    let before = set.count();
    let Effect { marks, reasons, notes, problem } = step.apply.apply(set);
    if let Some(problem) = problem {
        return Err(Error::Unfit { number: step.number, name: step.name.clone(), problem });
    }
    let dropped = reasons.into_iter().zip(1..).filter_map(|(reason, number)| tally(set, &marks, reason, number));
    let dropped = dropped.collect();
    if !marks.is_empty() {
        let mut marks = marks.into_iter();
        set.ratings.retain(|_| marks.next() == Some(0));
    }
    let after = set.count();
    if after.ratings == 0 {
        return Err(Error::NothingLeft { number: step.number, name: step.name.clone(), rows: before.ratings });
    }
    Ok(Applied {
        name: step.name.clone(),
        does: step.kind.does,
        about: step.kind.about,
        why: step.why.clone(),
        parameters: step.parameters.clone(),
        before,
        after,
        dropped,
        notes,
    })
}

/// Counts the ratings that are dropped for a reason, or returns `None` if there is none.
fn tally(set: &Set, marks: &[u8], reason: String, number: u8) -> Option<Reason> {
    let (mut ratings, mut examples) = (0, Vec::new());
    let mut seen = vec![false; set.users.len()];
    for (rating, _) in set.ratings.iter().zip(marks).filter(|(_, mark)| **mark == number) {
        ratings += 1;
        seen[rating.user as usize] = true;
        if examples.len() < SHOWN {
            let (user, movie) = (&set.users.names()[rating.user as usize], &set.movies.names()[rating.movie as usize]);
            examples.push([user.to_string(), movie.to_string()]);
        }
    }
    let users = seen.into_iter().filter(|seen| *seen).count() as u64;
    (ratings > 0).then_some(Reason { reason, ratings, users, examples })
}
