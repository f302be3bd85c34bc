//! Copies a block out of row-major values.

/// Returns the block of `shape` that begins at row `from` and at the start of all other axes.
/// `whole` are the dimensions of the values and the places that one value takes. Returns `None` if
/// the values do not have the block.
pub(super) fn block<T: Clone>(
    values: &[T],
    (whole, width): (&[usize], usize),
    from: usize,
    shape: &[usize],
) -> Option<Vec<T>> {
    let (inner, wanted) = (whole.get(1..)?, shape.get(1..)?);
    if inner.len() != wanted.len() || wanted.iter().zip(inner).any(|(wanted, length)| wanted > length) {
        return None;
    }
    let row: usize = inner.iter().product::<usize>() * width;
    let values = values.get(from.checked_mul(row)?..)?;
    if inner == wanted {
        return Some(values.get(..shape.first()?.checked_mul(row)?)?.to_vec());
    }
    let (whole, shape) = ([whole, &[width]].concat(), [shape, &[width]].concat());
    let mut taken = Vec::with_capacity(shape.iter().product());
    take(values, &whole, &shape, &mut taken)?;
    Some(taken)
}

/// Appends the leading corner of `shape` of the values. The inner dimensions of the values are
/// those of `whole`.
fn take<T: Clone>(values: &[T], whole: &[usize], shape: &[usize], taken: &mut Vec<T>) -> Option<()> {
    let (&count, inner) = shape.split_first()?;
    let step: usize = whole.get(1..)?.iter().product();
    if *inner == whole[1..] {
        taken.extend_from_slice(values.get(..count * step)?);
        return Some(());
    }
    for at in 0..count {
        take(values.get(at * step..)?, &whole[1..], inner, taken)?;
    }
    Some(())
}
