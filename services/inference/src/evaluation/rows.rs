//! User states of several users in one, row by row.

use std::sync::Arc;

use marquee_onnx::{Data, Tensor};

use crate::model::State;

/// Joins states into one, with their rows in order. The states come from one encoder, so their
/// tensors have the same names and types. Returns `None` if they do not fit together, or if there
/// are none.
pub(super) fn join(states: Vec<State>) -> Option<State> {
    let mut states = states.into_iter();
    let first = states.next()?;
    let Some(second) = states.next() else { return Some(first) };
    let mut parts: Vec<(String, Vec<usize>, Data)> = Vec::with_capacity(first.len());
    for (name, tensor) in Arc::unwrap_or_clone(first) {
        let (shape, data) = tensor.into_parts();
        parts.push((name, shape, data));
    }
    for state in std::iter::once(second).chain(states) {
        for ((_, shape, data), (_, tensor)) in parts.iter_mut().zip(state.iter()) {
            if shape.get(1..) != tensor.shape().get(1..) || !append(data, tensor.data()) {
                return None;
            }
            shape[0] += tensor.shape()[0];
        }
    }
    let joined = parts.into_iter().map(|(name, shape, data)| Some((name, Tensor::try_new(shape, data).ok()?)));
    joined.collect::<Option<Vec<_>>>().map(Arc::new)
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
        let joined = join(vec![state(&[1.0]), state(&[2.0, 3.0]), state(&[4.0])]).expect("they fit");
        assert_eq!(joined, state(&[1.0, 2.0, 3.0, 4.0]));
        assert_eq!(first(Arc::clone(&joined), 3), state(&[1.0, 2.0, 3.0]));
        assert_eq!(first(Arc::clone(&joined), 9), joined);
        assert_eq!(join(Vec::new()), None);
        let wide = Tensor::try_new(vec![1, 3], Data::F32(vec![0.0; 3])).expect("fits");
        assert_eq!(join(vec![state(&[1.0]), Arc::new(vec![("a".to_owned(), wide)])]), None);
    }
}
