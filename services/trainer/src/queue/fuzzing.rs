//! The decoder of stored runs, for its fuzz target. Only tests and `cargo fuzz` build it.

use super::document::RunDocument;

/// Reads a document, changes it as a trainer does, and writes it again.
///
/// # Panics
/// A run does not survive being written.
pub fn check_run(json: &[u8]) {
    let Ok(mut document) = RunDocument::decode(json) else { return };
    let Ok(run) = document.run() else { return };
    document.update(&run);
    let written = document.encode().expect("a run is JSON");
    let again = RunDocument::decode(&written).expect("what was written is read");
    let again = again.run().expect("a run stays a run");
    assert_eq!((&again.id, again.state, again.version), (&run.id, run.state, run.version));
    assert_eq!((again.gates.len(), again.created_at), (run.gates.len(), run.created_at));
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = r#"{"trainingId": "run-1", "model": "ratings", "algorithm": "ALGORITHM_MAP", "state": "STATE_QUEUED",
        "parameters": {"seed": "7", "holdout": 0.1}, "stage": "STAGE_FIT", "progress": 0.5, "createdAt": "2026-11-25T00:00:00Z",
        "version": "3", "metrics": {"rmse": null}, "gates": [{"name": "a", "value": 1, "bound": 2}], "x": {"y": [1]}}"#;

    #[test]
    fn a_run_with_any_changed_byte_is_refused_or_survives() {
        for at in 0..RUN.len() {
            for byte in [0, b'"', b'0', b'9', b'-', b'e', b'{', b'}', b',', b'n', 0xff] {
                let mut bytes = RUN.as_bytes().to_vec();
                bytes[at] = byte;
                check_run(&bytes);
            }
            check_run(&RUN.as_bytes()[..at]);
        }
    }
}
