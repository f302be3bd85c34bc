//! How much memory the values of a JSON text will take once they are decoded.
//!
//! An object takes two bytes of text and a hundred in memory, so the length of a text says little.
//! The scan counts values without decoding them, and does not check the syntax.

/// The memory of an object, a list or a text, and another value.
const OBJECT: usize = 96;
const LIST: usize = 24;
const TEXT: usize = 24;
const VALUE: usize = 8;

/// Checks that the values of a text take at most `limit` bytes.
///
/// # Errors
/// They take more. The error is the name of the outermost field that is too large, or `body`.
pub(super) fn check(json: &[u8], limit: usize) -> Result<(), String> {
    // No byte takes more than an object.
    if json.len().saturating_mul(OBJECT) <= limit {
        return Ok(());
    }
    let (mut memory, mut depth) = (0_usize, 0_usize);
    // The outermost field that is being read, and the last text.
    let (mut field, mut text) = (0..0, 0..0);
    let mut at = 0;
    while at < json.len() {
        let byte = json[at];
        at += 1;
        match byte {
            b'"' => {
                let end = end_of_text(json, at);
                text = at..end;
                at = end + 1;
                memory += TEXT;
            }
            b'{' => (memory, depth) = (memory + OBJECT, depth + 1),
            b'[' => (memory, depth) = (memory + LIST, depth + 1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' => {
                // The last text was a name and not a value.
                memory = memory.saturating_sub(TEXT);
                if depth == 1 {
                    field = text.clone();
                }
            }
            b',' => memory += VALUE,
            _ => {}
        }
        if memory > limit {
            return Err(name(&json[field]));
        }
    }
    Ok(())
}

/// Returns the position of the quote that ends a text, or the end of the input.
fn end_of_text(json: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < json.len() {
        match json[at] {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// Returns the protobuf name of a field: `movie_ids` for `movieIds`.
fn name(field: &[u8]) -> String {
    let mut name = String::new();
    for byte in field.iter().take(64).filter(|byte| byte.is_ascii_alphanumeric() || **byte == b'_') {
        if byte.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(char::from(byte.to_ascii_lowercase()));
    }
    if name.is_empty() { "body".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_values_are_stopped_and_named_by_their_field() {
        let many = |value: &str| format!(r#"{{"user": "a", "movieIds": [{}0]}}"#, format!("{value},").repeat(100_000));
        for value in ["{}", "\"\"", "0", "[]", "[[[]]]"] {
            assert_eq!(check(many(value).as_bytes(), 100_000), Err("movie_ids".to_owned()), "{value}");
        }
        assert_eq!(check("[".repeat(100_000).as_bytes(), 100_000), Err("body".to_owned()));
    }

    #[test]
    fn long_texts_cost_nothing_and_their_content_is_not_read() {
        let text = "{[,\\\"".repeat(100_000);
        let json = format!(r#"{{"ratings": [{{"userId": "{text}", "rating": 4}}]}}"#);
        assert_eq!(check(json.as_bytes(), 1_000), Ok(()));
        for cut in ["\"", "\"\\", "{\"a\":\"", ""] {
            assert_eq!(check(cut.as_bytes(), 1_000), Ok(()));
        }
    }

    #[test]
    fn a_text_that_is_short_for_the_limit_fits_whatever_it_says() {
        let objects = "{".repeat(1_000);
        assert_eq!(check(objects.as_bytes(), 1_000 * OBJECT), Ok(()));
        assert!(check(objects.as_bytes(), 1_000 * OBJECT - 1).is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = check(&bytes, 100);
        }
    }
}
