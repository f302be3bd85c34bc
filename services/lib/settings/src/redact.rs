//! Hides secrets in values and messages: passwords in addresses, for example in
//! `redis://user:password@host`, and values that a name calls secret.

use serde_json::Value;

/// The text in the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Returns whether the name of a setting, or of a parameter of an address, says that its value is a
/// secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    let words = ["password", "passwd", "passphrase", "secret", "token", "credential", "authorization", "signature"];
    // Paths of files with keys, such as `signing_key`, are no secrets.
    words.iter().any(|word| name.contains(word)) && !name.ends_with("_file") || matches!(&*name, "apikey" | "api_key")
}

/// Returns the value of a setting in a form that shows no secret.
pub fn redact_value(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if is_secret(key) && !text.is_empty() => Value::String(HIDDEN.to_owned()),
        Value::Number(_) | Value::Bool(_) if is_secret(key) => Value::String(HIDDEN.to_owned()),
        // A whole value is one address, or a list of them, whatever characters it has.
        Value::String(text) => Value::String(redact_token(text)),
        Value::Array(values) => Value::Array(values.iter().map(|value| redact_value(key, value)).collect()),
        Value::Object(fields) => {
            let shown = |(name, value): (&String, &Value)| (name.clone(), redact_value(name, value));
            Value::Object(fields.iter().map(shown).collect())
        }
        other => other.clone(),
    }
}

/// Returns a message in which the password of every address is hidden. An address ends at a space
/// or a quote. Everything from its first colon to its last `@` counts as a password, so that one
/// with special characters is hidden too.
pub fn redact(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
    text.split_inclusive(is_end).map(redact_token).collect()
}

/// Returns a message about a value in a form that shows no secret, also where the value has spaces
/// or quotes.
pub(crate) fn redact_message(message: &str, value: Option<&Value>) -> String {
    let items = value.into_iter().flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
    let texts = items.filter_map(Value::as_str).filter(|text| !text.is_empty());
    let shown = texts.fold(message.to_owned(), |shown, text| shown.replace(text, &redact_token(text)));
    redact(&shown)
}

/// Hides the passwords of a text that is one address, or several with commas between them.
pub(crate) fn redact_token(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(end) = next_address(rest) {
        shown.push_str(&redact_parameters(&redact_address(&rest[..end])));
        rest = &rest[end..];
    }
    shown.push_str(&redact_parameters(&redact_address(rest)));
    shown
}

/// Returns where the second address of a list begins: behind a comma, with a scheme.
fn next_address(text: &str) -> Option<usize> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-. ".contains(c);
    let mut starts = text.match_indices(',').map(|(comma, _)| comma + 1);
    starts.find(|start| text[*start..].split_once("://").is_some_and(|(scheme, _)| scheme.chars().all(is_scheme)))
}

fn redact_address(text: &str) -> String {
    let start = text.find("://").map_or(0, |scheme| scheme + 3);
    let (scheme, address) = text.split_at(start);
    match address.rfind('@').and_then(|at| Some((address[..at].find(':')?, at))) {
        Some((colon, at)) => format!("{scheme}{}{HIDDEN}{}", &address[..=colon], &address[at..]),
        None => text.to_owned(),
    }
}

/// Hides the parameters of an address whose names say that they are secrets, as in `?token=…`.
fn redact_parameters(text: &str) -> String {
    let mut shown = String::new();
    for part in text.split_inclusive(['?', '&', ';', '#']) {
        match part.split_once('=').filter(|(name, _)| is_secret(name)) {
            Some((name, value)) => {
                let kept = value.trim_start_matches(|c: char| !",?&;#\"'` ".contains(c));
                shown.push_str(&format!("{name}={HIDDEN}{kept}"));
            }
            None => shown.push_str(part),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_in_an_address_is_hidden() {
        for (text, shown) in [
            ("redis://me:hunter2@host:6379", "redis://me:***@host:6379"),
            ("redis://:hunter2@host", "redis://:***@host"),
            ("redis://me:p/a@s:s?@host/0", "redis://me:***@host/0"),
            ("redis://me:a://b@host", "redis://me:***@host"),
            ("found \"redis://me:hunter2@host\", expected", "found \"redis://me:***@host\", expected"),
            ("http://a:1,http://me:secret@b:2", "http://a:1,http://me:***@b:2"),
            ("http://me:se,cret@b:2,https://c", "http://me:***@b:2,https://c"),
            ("'me:hunter2@host:7070' is not an address", "'me:***@host:7070' is not an address"),
            ("http://h:4317/v1?token=abc&x=1", "http://h:4317/v1?token=***&x=1"),
            ("https://h/?X-Amz-Signature=abc, then", "https://h/?X-Amz-Signature=***, then"),
            ("redis://me@host:6379", "redis://me@host:6379"),
            ("http://127.0.0.1:4317/path", "http://127.0.0.1:4317/path"),
            ("not an address: me@host", "not an address: me@host"),
            ("a=b, token", "a=b, token"),
            ("", ""),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn a_message_shows_no_secret_of_its_value() {
        let address = "http://me:hun ter'2@host";
        let message = format!("'{address}' is not an address");
        for value in [json!(address), json!(["http://a", address])] {
            assert_eq!(redact_message(&message, Some(&value)), "'http://me:***@host' is not an address");
        }
        assert_eq!(redact_message("is 0; give 1", Some(&json!(0))), "is 0; give 1");
        assert_eq!(redact_message("is empty", None), "is empty");
    }

    #[test]
    fn a_value_shows_no_secret_whatever_characters_it_has() {
        for (key, value, shown) in [
            ("redis.urls", json!(["redis://me:hun ter\"2@host", 7]), json!(["redis://me:***@host", 7])),
            ("kafka.password", json!("hunter2"), json!("***")),
            ("kafka.password", json!(12_345), json!("***")),
            ("kafka.password", json!(""), json!("")),
            ("s3.session_token", json!("hunter2"), json!("***")),
            (
                "s3",
                json!({"secret_access_key": "hunter2", "url": "s3://x"}),
                json!({"secret_access_key": "***", "url": "s3://x"}),
            ),
            ("trainer.signing_key", json!("/keys/signing.pem"), json!("/keys/signing.pem")),
            ("api.token_file", json!("/run/token"), json!("/run/token")),
        ] {
            assert_eq!(redact_value(key, &value), shown, "{key}");
        }
    }
}
