//! The decoders of stored routes, for their fuzz target. Only tests and `cargo fuzz` build it.

use super::mirror::parse;
use super::stored::StoredRoute;

/// Reads a route of the object store, replaces it, and writes it again.
///
/// # Panics
/// A route does not survive being written.
pub fn check_route(json: &[u8]) {
    let Ok(stored) = serde_json::from_slice::<StoredRoute>(json) else { return };
    let Ok(route) = stored.route() else { return };
    let written = serde_json::to_vec(&stored.replaced_by(&route)).expect("a route is JSON");
    let again: StoredRoute = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(again.route().expect("a route stays a route"), route);
}

/// Reads a mirror of the routing table.
pub fn check_mirror(json: &[u8]) {
    for stored in parse(json).unwrap_or_default() {
        let _ = stored.route();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &str = r#"{"format": 2, "model": "ratings", "stable": 1, "candidates": [{"version": 2, "weight": 2000}],
        "shadow": [3], "salt": "ratings", "revision": 7, "x": {"y": [1]}}"#;

    #[test]
    fn a_route_with_any_changed_byte_is_refused_or_survives() {
        for at in 0..ROUTE.len() {
            for byte in [0, b'"', b'0', b'9', b'-', b'e', b'{', b'}', b',', b'n', 0xff] {
                let mut bytes = ROUTE.as_bytes().to_vec();
                bytes[at] = byte;
                check_route(&bytes);
                check_mirror(&[b"[", &bytes[..], b"]"].concat());
            }
            check_route(&ROUTE.as_bytes()[..at]);
        }
    }
}
