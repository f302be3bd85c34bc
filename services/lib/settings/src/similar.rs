//! Finds the known name that a misspelled one most likely means.

/// Returns the known name that is nearest to a misspelled one, or `None` when no name is near.
pub(crate) fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let found = plain(found);
    let distances = known.into_iter().map(|name| (distance(&found, &plain(name)), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= found.chars().count().div_ceil(4)).then_some(name)
}

/// Returns the number of letters to insert, delete, replace or swap with their neighbor between two
/// names.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_finds_the_one_that_was_meant() {
        let known = ["max_batch", "max_in_flight", "stream_in_flight", "refresh", "log"];
        for (found, expected) in [
            ("maxbatch", Some("max_batch")),
            ("max-batch", Some("max_batch")),
            ("max_bacth", Some("max_batch")),
            ("refesh", Some("refresh")),
            ("MaxBatch", Some("max_batch")),
            ("lgo", Some("log")),
            ("nope", None),
            ("", None),
        ] {
            assert_eq!(nearest(found, known), expected, "{found}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
