//! Counts how often unexpected values occur, in the order that Python gives them.

use crate::value::{Incomparable, Value};

/// The most values that are counted.
const MOST: usize = 20;

/// Counts values, or lists of values, and returns the most frequent ones from the most frequent,
/// then from the smallest. `None` if values of the same count have no order.
pub(crate) fn count(values: &[Vec<Value>]) -> Option<Vec<(&[Value], u64)>> {
    let mut counted: Vec<(&[Value], u64)> = Vec::new();
    for value in values {
        match counted.iter_mut().find(|(known, _)| is_same(known, value)) {
            Some((_, count)) => *count += 1,
            None => counted.push((value, 1)),
        }
    }
    // The sort is stable: of the same count, those that came first stay.
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counted.truncate(MOST);
    sort(counted).ok()
}

fn is_same(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
}

/// Returns whether one element is before another: with more occurrences, or else with a smaller
/// value.
fn is_before(a: &(&[Value], u64), b: &(&[Value], u64)) -> Result<bool, Incomparable> {
    if a.1 != b.1 {
        return Ok(a.1 > b.1);
    }
    match a.0.iter().zip(b.0).find(|(a, b)| !a.is_same(b)) {
        Some((a, b)) => a.is_before(b),
        None => Ok(false),
    }
}

/// Sorts as CPython sorts a short list: a run at the start, then binary insertion. With missing
/// numbers, which are before and after nothing, another way gives another order.
fn sort(mut all: Vec<(&[Value], u64)>) -> Result<Vec<(&[Value], u64)>, Incomparable> {
    let mut run = 1;
    if let [first, second, ..] = &all[..] {
        let is_falling = is_before(second, first)?;
        run = 2;
        while let Some([before, next]) = all.get(run - 1..=run) {
            if is_before(next, before)? != is_falling {
                break;
            }
            run += 1;
        }
        if is_falling {
            all[..run].reverse();
        }
    }
    for at in run..all.len() {
        let (mut low, mut high) = (0, at);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(&all[at], &all[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        all[low..=at].rotate_right(1);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use marquee_tables::ColumnType;

    use super::*;

    fn texts(values: &[&str]) -> Vec<Vec<Value>> {
        values.iter().map(|text| vec![Value::Text((*text).to_owned())]).collect()
    }

    #[test]
    fn values_are_counted_from_the_most_frequent_then_from_the_smallest() {
        let values = texts(&["b", "c", "a", "c", "b"]);
        let counted = count(&values).expect("an order");
        let shown: Vec<_> = counted.iter().map(|(value, count)| (value[0].json(), *count)).collect();
        assert_eq!(shown, [("b".into(), 2), ("c".into(), 2), ("a".into(), 1)]);
    }

    #[test]
    fn a_text_and_a_missing_text_have_no_order() {
        let mut values = texts(&["b"]);
        values.push(vec![Value::Missing(ColumnType::Text)]);
        assert_eq!(count(&values), None);
    }

    #[test]
    fn missing_numbers_are_counted_one_by_one() {
        let values = vec![vec![Value::Missing(ColumnType::Float)]; 3];
        assert_eq!(count(&values).map(|counted| counted.len()), Some(3));
    }
}
