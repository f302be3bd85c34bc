//! What MLflow accepts as a name or a value.
//!
//! Keys of metrics, parameters and tags consist of letters, digits, `_`, `-`, `.`, `:`, `/` and
//! spaces. MLflow refuses a whole batch for one wrong key.

/// The longest key of a metric, parameter or tag, in bytes.
const LONGEST_KEY: usize = 250;

/// The longest value of a parameter that every store of MLflow 3 keeps, in letters.
const LONGEST_PARAM: usize = 6_000;

/// The longest value of a tag that every store of MLflow 3 keeps, in letters.
const LONGEST_TAG: usize = 5_000;

/// The longest digest of a data set, in letters.
const LONGEST_DIGEST: usize = 36;

/// Returns a key that MLflow accepts. `@` becomes `_at_`, and another letter that is not allowed
/// becomes `_`.
pub(crate) fn key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '@' => key.push_str("_at_"),
            letter if letter.is_ascii_alphanumeric() || "_-. :/".contains(letter) => key.push(letter),
            _ => key.push('_'),
        }
    }
    key.truncate(LONGEST_KEY);
    // A key is also a path: MLflow refuses an empty one, one that begins with a slash, and `..`.
    let key = key.trim_start_matches('/').replace("..", "_");
    if key.is_empty() { "_".to_owned() } else { key }
}

/// Returns the value of a parameter, shortened to what is stored.
pub(crate) fn param(value: &str) -> String {
    value.chars().take(LONGEST_PARAM).collect()
}

/// Returns the value of a tag, shortened to what is stored.
pub(crate) fn tag(value: &str) -> String {
    value.chars().take(LONGEST_TAG).collect()
}

/// Returns the digest of a data set, shortened to what is stored.
pub(crate) fn digest(digest: &str) -> String {
    digest.chars().take(LONGEST_DIGEST).collect()
}

/// Returns a text as a literal of a filter.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_only_letters_that_mlflow_accepts() {
        assert_eq!(key("precision@10"), "precision_at_10");
        assert_eq!(key("rmse by genre: Film-Noir/holdout 0.1"), "rmse by genre: Film-Noir/holdout 0.1");
        assert_eq!(key("naïve (100%)"), "na_ve _100__");
        assert_eq!(key("/../a"), "_/a");
        assert_eq!(key(""), "_");
        assert_eq!(key(&"é".repeat(300)).len(), 250);
    }

    #[test]
    fn values_are_shortened_between_letters() {
        assert_eq!(param(&"é".repeat(7_000)).chars().count(), 6_000);
        assert_eq!(tag(&"é".repeat(7_000)).chars().count(), 5_000);
        assert_eq!(digest(&"ab".repeat(32)), "ab".repeat(18));
        assert_eq!(literal("it's"), r"'it\'s'");
    }
}
