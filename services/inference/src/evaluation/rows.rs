//! User states of several users in one, row by row.

use std::sync::Arc;

use marquee_onnx::{Data, Tensor};

use crate::model::State;

/// Joins states into one, with their rows in order. The states come from one encoder, so their
/// tensors have the same names and types. Returns `None` if they do not fit together, or if there
/// are none.
pub(super) fn join(states: &[State]) -> Option<State> {
    let (first, others) = states.split_first()?;
    if others.is_empty() {
        return Some(Arc::clone(first));
    }
    let join = |(index, (name, tensor)): (usize, &(String, Tensor))| {
        let tensors: Option<Vec<&Tensor>> = states.iter().map(|state| Some(&state.get(index)?.1)).collect();
        Some((name.clone(), stack(tensor, &tensors?)?))
    };
    first.iter().enumerate().map(join).collect::<Option<Vec<_>>>().map(Arc::new)
}

/// Joins tensors along axis 0. All have the type and the other dimensions of the first one.
fn stack(first: &Tensor, tensors: &[&Tensor]) -> Option<Tensor> {
    let values = tensors.iter().map(|tensor| tensor.data().len()).sum();
    let mut data = match first.data() {
        Data::F32(_) => Data::F32(Vec::with_capacity(values)),
        Data::F64(_) => Data::F64(Vec::with_capacity(values)),
        Data::I64(_) => Data::I64(Vec::with_capacity(values)),
    };
    let mut shape = first.shape().to_vec();
    *shape.first_mut()? = 0;
    for tensor in tensors {
        let (rows, inner) = tensor.shape().split_first()?;
        if *inner != shape[1..] || !append(&mut data, tensor.data()) {
            return None;
        }
        shape[0] += rows;
    }
    Tensor::try_new(shape, data).ok()
}

/// Returns one row of a state. `None` if it does not have the row.
pub(super) fn row(state: &State, row: usize) -> Option<State> {
    let cut = |(name, tensor): &(String, Tensor)| {
        let mut shape = tensor.shape().to_vec();
        let length: usize = shape.get(1..)?.iter().product();
        shape[0] = 1;
        let range = row * length..(row + 1) * length;
        let data = match tensor.data() {
            Data::F32(values) => Data::F32(values.get(range)?.to_vec()),
            Data::F64(values) => Data::F64(values.get(range)?.to_vec()),
            Data::I64(values) => Data::I64(values.get(range)?.to_vec()),
        };
        Some((name.clone(), Tensor::try_new(shape, data).ok()?))
    };
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
    // Without an early end, so that the loop takes several numbers at a time.
    state.iter().all(|(_, tensor)| match tensor.data() {
        Data::F32(values) => values.iter().fold(true, |all, value| all & value.is_finite()),
        Data::F64(values) => values.iter().fold(true, |all, value| all & value.is_finite()),
        Data::I64(_) => true,
    })
}

/// Returns the first rows of a state.
pub(super) fn first(state: State, rows: usize) -> State {
    if state.iter().all(|(_, tensor)| tensor.shape().first().is_none_or(|length| *length <= rows)) {
        return state;
    }
    let shorten = |(name, tensor): (String, Tensor)| {
        let (mut shape, mut data) = tensor.into_parts();
        let row: usize = shape.iter().skip(1).product();
        shape[0] = shape[0].min(rows);
        match &mut data {
            Data::F32(values) => values.truncate(rows * row),
            Data::F64(values) => values.truncate(rows * row),
            Data::I64(values) => values.truncate(rows * row),
        }
        (name, Tensor::try_new(shape, data).expect("the data was cut like the shape"))
    };
    Arc::new(Arc::unwrap_or_clone(state).into_iter().map(shorten).collect())
}

/// Appends values of the same type. Returns whether they have the same type.
fn append(data: &mut Data, more: &Data) -> bool {
    match (data, more) {
        (Data::F32(values), Data::F32(more)) => values.extend_from_slice(more),
        (Data::F64(values), Data::F64(more)) => values.extend_from_slice(more),
        (Data::I64(values), Data::I64(more)) => values.extend_from_slice(more),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(rows: &[f32]) -> State {
        let tensor = |data| Tensor::try_new(vec![rows.len(), 2], data).expect("fits");
        let floats = rows.iter().flat_map(|&value| [value, -value]).collect();
        let integers = rows.iter().flat_map(|&value| [value as i64, 7]).collect();
        Arc::new(vec![("a".to_owned(), tensor(Data::F32(floats))), ("b".to_owned(), tensor(Data::I64(integers)))])
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
        let wide = Tensor::try_new(vec![1, 3], Data::F32(vec![0.0; 3])).expect("fits");
        assert_eq!(join(&[state(&[1.0]), Arc::new(vec![("a".to_owned(), wide)])]), None);
    }

    #[test]
    fn a_state_with_a_number_that_is_not_finite_is_told() {
        assert!(is_finite(&state(&[1.0, -2.0])));
        assert!(!is_finite(&state(&[1.0, f32::NAN])) && !is_finite(&state(&[f32::INFINITY, 1.0])));
    }
}
