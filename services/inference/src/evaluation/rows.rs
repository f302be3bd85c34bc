//! User states of several users in one, row by row.

use std::sync::Arc;

use marquee_onnx::Tensor;

use crate::model::State;

/// Joins states into one, with their rows in order. The states come from one encoder, so their
/// tensors have the same names and types. Returns `None` if they do not fit together, or if there
/// are none.
pub(super) fn join(states: &[State]) -> Option<State> {
    let (first, others) = states.split_first()?;
    if others.is_empty() {
        return Some(Arc::clone(first));
    }
    let join = |(index, (name, _)): (usize, &(String, Tensor))| {
        let tensors: Option<Vec<&Tensor>> = states.iter().map(|state| Some(&state.get(index)?.1)).collect();
        Some((name.clone(), Tensor::concat(&tensors?)?))
    };
    first.iter().enumerate().map(join).collect::<Option<Vec<_>>>().map(Arc::new)
}

/// Returns one row of a state. `None` if it does not have the row.
pub(super) fn row(state: &State, row: usize) -> Option<State> {
    let cut = |(name, tensor): &(String, Tensor)| Some((name.clone(), tensor.rows(row..row + 1)?));
    state.iter().map(cut).collect::<Option<Vec<_>>>().map(Arc::new)
}

/// Replaces rows of a state with states of one row. Returns `None` if they do not fit together.
pub(super) fn replace(state: State, replaced: &[(usize, State)]) -> Option<State> {
    if replaced.is_empty() {
        return Some(state);
    }
    let rows = state.first().and_then(|(_, tensor)| tensor.shape().first().copied())?;
    let mut all: Vec<State> = (0..rows).map(|index| row(&state, index)).collect::<Option<_>>()?;
    for (index, new) in replaced {
        *all.get_mut(*index)? = Arc::clone(new);
    }
    join(&all)
}

/// Returns whether all numbers of a state are finite.
pub(super) fn is_finite(state: &State) -> bool {
    state.iter().all(|(_, tensor)| tensor.is_finite())
}

/// Returns the first rows of a state.
pub(super) fn first(state: State, rows: usize) -> State {
    if state.iter().all(|(_, tensor)| tensor.shape().first().is_none_or(|length| *length <= rows)) {
        return state;
    }
    let shorten = |(name, tensor): &(String, Tensor)| {
        let length = tensor.shape().first().map_or(0, |length| rows.min(*length));
        (name.clone(), tensor.rows(0..length).unwrap_or_else(|| tensor.clone()))
    };
    Arc::new(state.iter().map(shorten).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(rows: &[f32]) -> State {
        let shape = || vec![rows.len(), 2];
        let floats: Vec<f32> = rows.iter().flat_map(|&value| [value, -value]).collect();
        let integers: Vec<i64> = rows.iter().flat_map(|&value| [value as i64, 7]).collect();
        let (floats, integers) = (Tensor::from_vec(shape(), floats), Tensor::from_vec(shape(), integers));
        Arc::new(vec![("a".to_owned(), floats.expect("fits")), ("b".to_owned(), integers.expect("fits"))])
    }

    #[test]
    fn states_are_joined_and_cut_by_rows() {
        let joined = join(&[state(&[1.0]), state(&[2.0, 3.0]), state(&[4.0])]).expect("they fit");
        assert_eq!(joined, state(&[1.0, 2.0, 3.0, 4.0]));
        assert_eq!(first(Arc::clone(&joined), 3), state(&[1.0, 2.0, 3.0]));
        assert_eq!(first(Arc::clone(&joined), 9), joined);
        assert_eq!(join(&[]), None);
        assert_eq!((row(&joined, 1), row(&joined, 4)), (Some(state(&[2.0])), None));
        let replaced = replace(Arc::clone(&joined), &[(3, state(&[8.0])), (0, state(&[9.0]))]);
        assert_eq!(replaced, Some(state(&[9.0, 2.0, 3.0, 8.0])));
        assert_eq!(replace(Arc::clone(&joined), &[(4, state(&[1.0]))]), None);
        assert_eq!(replace(Arc::clone(&joined), &[]), Some(joined));
        let wide = Tensor::from_vec(vec![1, 3], vec![0.0_f32; 3]).expect("fits");
        assert_eq!(join(&[state(&[1.0]), Arc::new(vec![("a".to_owned(), wide)])]), None);
    }

    #[test]
    fn a_state_with_a_number_that_is_not_finite_is_told() {
        assert!(is_finite(&state(&[1.0, -2.0])));
        assert!(!is_finite(&state(&[1.0, f32::NAN])) && !is_finite(&state(&[f32::INFINITY, 1.0])));
    }
}
