//! Decides which waiting requests run next, and whether it is worth to wait for more. Has no side
//! effects.

use super::plan::{Group, Plan};
use crate::tensor::Tensor;

/// Requests that share the next run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Their places in the queue, in ascending order. The first one is 0.
    pub(super) at: Vec<usize>,
    /// Whether they run even if the settings allow to wait for more: they have a preferred number
    /// of rows, they cannot become more, or a request that cannot join them waits.
    pub(super) is_ripe: bool,
}

/// Chooses the first request and those behind it that can join it, in their order. If some of them
/// have a preferred number of rows together, the others are left for the next run. Returns `None`
/// if no request waits.
pub(super) fn choose<'a>(
    plan: &Plan,
    preferred: &[usize],
    requests: impl Iterator<Item = &'a [Tensor]>,
) -> Option<Choice> {
    let mut requests = requests.enumerate();
    let mut group = Group::new(plan, requests.next()?.1);
    let mut at = vec![0];
    let mut best = preferred.contains(&group.rows()).then_some(1);
    let mut is_any_left = false;
    for (place, request) in requests {
        if !group.admit(request) {
            is_any_left = true;
            continue;
        }
        at.push(place);
        if preferred.contains(&group.rows()) {
            best = Some(at.len());
        }
    }
    if let Some(best) = best {
        at.truncate(best);
        return Some(Choice { at, is_ripe: true });
    }
    let is_past_all = !preferred.is_empty() && preferred.iter().all(|rows| group.rows() > *rows);
    Some(Choice { at, is_ripe: is_any_left || is_past_all || !group.can_grow() })
}

#[cfg(test)]
mod tests {
    use super::super::BatchSettings;
    use super::*;
    use crate::session::Port;
    use crate::tensor::{Axis, Kind};

    /// Chooses among requests with these numbers of rows, of at most 8 together.
    fn chosen(preferred: &[usize], rows: &[usize]) -> Option<(usize, bool)> {
        let port = |name: &str| {
            let axes = vec![Axis::Dynamic("rows".to_owned()), Axis::Fixed(2)];
            Port { name: name.to_owned(), kind: Kind::F32, axes }
        };
        let settings = BatchSettings { max_rows: 8, ..BatchSettings::default() };
        let plan = Plan::new(&[port("x")], &[port("y")], &settings);
        let requests: Vec<[Tensor; 1]> =
            rows.iter().map(|rows| [Tensor::zeros::<f32>(vec![*rows, 2]).expect("fits")]).collect();
        let choice = choose(&plan, preferred, requests.iter().map(|request| request.as_slice()))?;
        let together: Vec<usize> = (0..choice.at.len()).collect();
        assert!(choice.at == together || choice.is_ripe, "{choice:?}");
        Some((choice.at.len(), choice.is_ripe))
    }

    #[test]
    fn without_preferred_sizes_all_that_fit_run_and_may_wait_for_more() {
        assert_eq!(chosen(&[], &[]), None);
        assert_eq!(chosen(&[], &[1, 2]), Some((2, false)));
        assert_eq!(chosen(&[], &[4, 4]), Some((2, true)), "it is full");
        assert_eq!(chosen(&[], &[6, 4]), Some((1, true)), "the second one does not fit");
        assert_eq!(chosen(&[], &[9]), Some((1, true)));
    }

    #[test]
    fn the_largest_preferred_size_that_the_queue_allows_is_taken() {
        assert_eq!(chosen(&[2, 4], &[1]), Some((1, false)));
        assert_eq!(chosen(&[2, 4], &[1, 1]), Some((2, true)));
        assert_eq!(chosen(&[2, 4], &[1, 1, 1]), Some((2, true)), "the third one waits for the next run");
        assert_eq!(chosen(&[2, 4], &[1, 1, 1, 1, 1]), Some((4, true)));
        assert_eq!(chosen(&[2, 4], &[3, 3]), Some((2, true)), "no preferred size can be reached any more");
        assert_eq!(chosen(&[4], &[3]), Some((1, false)));
    }
}
