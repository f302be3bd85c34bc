//! Decides which models are unloaded so that another one fits into the memory limit. Has no side
//! effects.

use marquee_domain::Timestamp;

/// A loaded model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resident {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// When it answered last, or was loaded.
    pub(super) used_at: Timestamp,
    /// Whether it may be unloaded: no request uses it, and the next request can load it again.
    pub(super) is_idle: bool,
}

/// Returns the models that are unloaded so that `need` more bytes fit into `limit`: the idle ones
/// that were not used for the longest time, and no more than necessary.
///
/// # Errors
/// There is not enough room without all idle models either. The error is the number of bytes that
/// the others take.
pub(super) fn victims(residents: &[Resident], need: u64, limit: u64) -> Result<Vec<String>, u64> {
    let sum = |residents: &mut dyn Iterator<Item = &Resident>| -> u64 {
        residents.fold(0, |sum, resident| sum.saturating_add(resident.bytes))
    };
    let held = sum(&mut residents.iter().filter(|resident| !resident.is_idle));
    if held.saturating_add(need) > limit {
        return Err(held);
    }
    let mut idle: Vec<&Resident> = residents.iter().filter(|resident| resident.is_idle).collect();
    idle.sort_by(|a, b| (a.used_at, &a.name).cmp(&(b.used_at, &b.name)));
    let mut used = sum(&mut residents.iter());
    let mut victims = Vec::new();
    for resident in idle {
        if used.saturating_add(need) <= limit {
            break;
        }
        used -= resident.bytes;
        victims.push(resident.name.clone());
    }
    Ok(victims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resident(name: &str, bytes: u64, used_at: i64, is_idle: bool) -> Resident {
        Resident { name: name.to_owned(), bytes, used_at: Timestamp::from_micros(used_at), is_idle }
    }

    #[test]
    fn the_models_that_were_not_used_for_the_longest_time_leave_first() {
        let all = [resident("a", 10, 3, true), resident("b", 10, 1, true), resident("c", 10, 2, true)];
        assert_eq!(victims(&all, 5, 35), Ok(vec![]));
        assert_eq!(victims(&all, 5, 30), Ok(vec!["b".to_owned()]));
        assert_eq!(victims(&all, 15, 30), Ok(vec!["b".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn models_in_use_stay_and_nothing_leaves_in_vain() {
        let all = [resident("a", 10, 1, false), resident("b", 10, 2, true)];
        assert_eq!(victims(&all, 10, 20), Ok(vec!["b".to_owned()]));
        assert_eq!(victims(&all, 11, 20), Err(10));
        assert_eq!(victims(&all, u64::MAX, 20), Err(10));
    }
}
