//! The stored form of the status.

use serde_json::json;

use super::*;
use crate::Value;

#[test]
fn an_empty_document_is_the_status_before_the_first_decision() {
    assert_eq!(serde_json::from_value::<Status>(json!({})).expect("read"), Status::default());
}

#[test]
fn fields_of_newer_releases_are_kept() {
    let stored = json!({
        "format": 9, "phase": "Completed", "stable": 4, "next": { "deep": [1, null] },
        "history": [{
            "number": 1, "attempt": 1, "target": 4, "kind": "Steps", "outcome": "Completed", "weight": 100,
            "reason": "RolloutCompleted", "message": "", "startedAt": "2026-11-26T00:00:00Z",
            "finishedAt": "2026-11-26T00:10:00.5Z", "by": "ada",
        }],
    });
    let status: Status = serde_json::from_value(stored).expect("read");
    assert_eq!(status.history[0].unknown.get("by"), Some(&Value::Text("ada".to_owned())));
    let written = serde_json::to_value(&status).expect("written");
    assert_eq!(written["next"], json!({ "deep": [1, null] }));
    assert_eq!((&written["format"], &written["history"][0]["by"]), (&json!(9), &json!("ada")));
    assert_eq!(written["history"][0]["finishedAt"], json!("2026-11-26T00:10:00.500000Z"));
}

#[test]
fn names_are_those_that_are_stored() {
    for phase in [Phase::Pending, Phase::Progressing, Phase::Paused, Phase::Degraded, Phase::Completed] {
        assert_eq!(serde_json::to_value(phase).expect("written"), json!(phase.as_str()));
    }
    for kind in ConditionType::ALL {
        assert_eq!(serde_json::to_value(kind).expect("written"), json!(kind.as_str()));
    }
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_value(reason).expect("written"), json!(reason.as_str()));
    }
}
