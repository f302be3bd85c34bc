//! The decoder of the checkpoints of imports, for its fuzz target. Only tests and `cargo fuzz`
//! build it.

use super::{Answered, Content};

/// Reads a checkpoint, notes that more rows were refused, and writes it again.
///
/// # Panics
/// A checkpoint does not survive being written.
pub fn check_checkpoint(json: &[u8]) {
    let Some(mut content) = Content::decode(json) else { return };
    assert!(content.refused.rows() <= content.rows, "more rows were refused than answered");
    let (rows, positions) = (content.rows..content.rows.saturating_add(10), content.positions.clone());
    content.note(&Answered { rows, refused: true, accepted: None, positions: &positions });
    let written = serde_json::to_vec(&content).expect("a checkpoint is JSON");
    let again = Content::decode(&written).expect("what was written is read");
    assert_eq!((&again.file, again.rows, &again.refused), (&content.file, content.rows, &content.refused));
    assert_eq!((&again.positions, again.accepted.len()), (&content.positions, content.accepted.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKPOINT: &str = r#"{"file": "a1b2", "rows": 90, "refused": [[0, 10], [20, 30]],
        "positions": {"0": 7, "11": 9}, "accepted": [{"user": "ann", "movie": "m-1", "rating": 4.5}],
        "x": {"y": [1]}}"#;

    #[test]
    fn a_checkpoint_with_any_changed_byte_is_refused_or_survives() {
        assert!(Content::decode(CHECKPOINT.as_bytes()).is_some());
        for at in 0..CHECKPOINT.len() {
            for byte in [0, b'"', b'0', b'9', b'-', b'e', b'{', b'}', b',', b'n', 0xff] {
                let mut bytes = CHECKPOINT.as_bytes().to_vec();
                bytes[at] = byte;
                check_checkpoint(&bytes);
            }
            check_checkpoint(&CHECKPOINT.as_bytes()[..at]);
        }
    }
}
