//! Reads the text format of protobuf, in which Triton's `config.pbtxt` is written, as the JSON that
//! means the same. A field that occurs several times becomes a list.

use serde_json::{Map, Value};

/// How deep messages may be nested.
const DEEPEST: usize = 32;

/// Reads a message.
///
/// # Errors
/// The text is not in the format. The error names the line.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text, text };
    let message = reader.message(None, DEEPEST)?;
    Ok(Value::Object(message))
}

struct Reader<'a> {
    rest: &'a str,
    text: &'a str,
}

impl<'a> Reader<'a> {
    /// Reads fields up to the end, or up to the sign that closes the message.
    fn message(&mut self, end: Option<char>, depth: usize) -> Result<Map<String, Value>, String> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.wrong("is nested too deep"))?;
        let mut fields = Map::new();
        loop {
            self.skip();
            match (self.peek(), end) {
                (None, None) => return Ok(fields),
                (found, Some(end)) if found == Some(end) => {
                    self.take();
                    return Ok(fields);
                }
                (None, Some(end)) => return Err(self.wrong(&format!("ends before '{end}'"))),
                _ => {}
            }
            let name = self.word();
            if name.is_empty() {
                return Err(self.wrong("has no name of a field where one is expected"));
            }
            let name = name.to_owned();
            self.skip();
            if self.peek() == Some(':') {
                self.take();
                self.skip();
            }
            let value = self.value(depth)?;
            add(&mut fields, name, value);
            self.skip();
            if matches!(self.peek(), Some(',' | ';')) {
                self.take();
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        match self.peek() {
            Some('{') => {
                self.take();
                self.message(Some('}'), depth).map(Value::Object)
            }
            Some('<') => {
                self.take();
                self.message(Some('>'), depth).map(Value::Object)
            }
            Some('[') => {
                self.take();
                self.list(depth)
            }
            Some(quote @ ('"' | '\'')) => {
                let mut text = String::new();
                // Texts that follow each other are one.
                while self.peek() == Some(quote) {
                    self.take();
                    self.quoted(quote, &mut text)?;
                    self.skip();
                }
                Ok(Value::String(text))
            }
            _ => self.scalar(),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.wrong("is nested too deep"))?;
        let mut values = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                None => return Err(self.wrong("ends before ']'")),
                Some(']') => {
                    self.take();
                    return Ok(Value::Array(values));
                }
                Some(',') => self.take(),
                Some(_) => values.push(self.value(depth)?),
            }
        }
    }

    fn quoted(&mut self, quote: char, text: &mut String) -> Result<(), String> {
        loop {
            let Some(next) = self.peek() else { return Err(self.wrong("has a text without an end")) };
            self.take();
            match next {
                '\n' => return Err(self.wrong("has a text without an end")),
                '\\' => {
                    let escaped = self.peek().unwrap_or('\\');
                    self.take();
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        other => other,
                    });
                }
                _ if next == quote => return Ok(()),
                _ => text.push(next),
            }
        }
    }

    fn scalar(&mut self) -> Result<Value, String> {
        let word = self.word();
        if let Ok(number) = word.parse::<i64>() {
            return Ok(number.into());
        }
        match word {
            "" => Err(self.wrong("has no value where one is expected")),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => match word.parse::<f64>() {
                Ok(number) => Ok(number.into()),
                // The name of a constant.
                Err(_) => Ok(Value::String(word.to_owned())),
            },
        }
    }

    /// Takes a name or a number.
    fn word(&mut self) -> &'a str {
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-' | '+');
        let end = self.rest.find(|char| !is_part(char)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// Skips blanks and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix('#') else { return };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn wrong(&self, what: &str) -> String {
        let read = &self.text[..self.text.len() - self.rest.len()];
        format!("line {} {what}", read.lines().count().max(1))
    }
}

fn add(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        Some(Value::Array(values)) => match value {
            Value::Array(more) => values.extend(more),
            one => values.push(one),
        },
        Some(first) => {
            let first = first.take();
            fields.insert(name, Value::Array(vec![first, value]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_of_triton_is_read() {
        let text = r#"
            # A comment.
            name: "rate"
            max_batch_size: 8
            input [ { name: "user" data_type: TYPE_FP32 dims: [ 64 ] }, { name: 'item', dims: -1 } ]
            output { name: "a" }
            output < name: "b" >
            dynamic_batching { }
            parameters { key: "a" value: { string_value: "b\n" "c" } }
        "#;
        let expected = serde_json::json!({
            "name": "rate",
            "max_batch_size": 8,
            "input": [{"name": "user", "data_type": "TYPE_FP32", "dims": [64]}, {"name": "item", "dims": -1}],
            "output": [{"name": "a"}, {"name": "b"}],
            "dynamic_batching": {},
            "parameters": {"key": "a", "value": {"string_value": "b\nc"}},
        });
        assert_eq!(parse(text).expect("the text format"), expected);
    }

    #[test]
    fn what_is_not_in_the_format_is_refused_by_its_line() {
        for (text, message) in [
            ("a: {", "line 1 ends before '}'"),
            ("a: 1\nb: [1", "line 2 ends before ']'"),
            ("a: \"b", "line 1 has a text without an end"),
            ("a: }", "line 1 has no value where one is expected"),
            ("{", "line 1 has no name of a field where one is expected"),
        ] {
            assert_eq!(parse(text).expect_err(text), message, "{text}");
        }
        assert!(parse(&"a {".repeat(100)).expect_err("deep").contains("nested too deep"));
        assert!(parse(&format!("a: {}", "[".repeat(100))).expect_err("deep").contains("nested too deep"));
    }
}
