//! Hides passwords in addresses, for example in `redis://user:password@host`.

/// The text in the place of a password.
const HIDDEN: &str = "***";

/// Returns a JSON value whose texts show no password.
pub(crate) fn redact_json(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(redact(text)),
        Value::Array(values) => Value::Array(values.iter().map(redact_json).collect()),
        other => other.clone(),
    }
}

/// Returns a text in which the password of every address is hidden. An address begins at `://` and
/// ends at a space or a quote. Everything from its first colon to its last `@` counts as a
/// password, so that one with special characters is hidden too.
pub(crate) fn redact(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("://");
        let end = part.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')).unwrap_or(part.len());
        let (address, rest) = part.split_at(end);
        match address.rfind('@').and_then(|at| Some((address[..at].find(':')?, at))) {
            Some((colon, at)) => {
                shown.push_str(&address[..=colon]);
                shown.push_str(HIDDEN);
                shown.push_str(&address[at..]);
            }
            None => shown.push_str(address),
        }
        shown.push_str(rest);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_hidden() {
        for (text, shown) in [
            ("redis://me:hunter2@host:6379", "redis://me:***@host:6379"),
            ("redis://:hunter2@host", "redis://:***@host"),
            ("redis://me:p/a@s:s?@host/0", "redis://me:***@host/0"),
            ("found \"redis://me:hunter2@host\", expected", "found \"redis://me:***@host\", expected"),
            ("http://a:1,http://me:secret@b:2", "http://a:1,http://me:***@b:2"),
            ("redis://me@host:6379", "redis://me@host:6379"),
            ("http://127.0.0.1:4317/path", "http://127.0.0.1:4317/path"),
            ("not an address: me@host", "not an address: me@host"),
            ("", ""),
        ] {
            assert_eq!(redact(text), shown);
        }
        let list = serde_json::json!(["redis://me:hunter2@host", 7]);
        assert_eq!(redact_json(&list), serde_json::json!(["redis://me:***@host", 7]));
    }
}
