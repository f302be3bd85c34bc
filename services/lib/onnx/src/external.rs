//! Finds the files in which an ONNX model keeps weights ("external data" in `onnx.proto`), before
//! ONNX Runtime reads the model. A model may name any path, also one outside of its folder.
//!
//! The scan reads the wire format of protobuf and follows only the fields that lead to tensors.

use std::collections::BTreeSet;

use crate::error::GraphError;

/// How deep graphs may be nested within nodes.
const DEEPEST: usize = 32;

/// A message of `onnx.proto` on the way from a model to its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Sparse,
    Function,
    Training,
    Tensor,
    Entry,
}

impl Message {
    /// Returns the message that a field holds, or `None` if the field leads to no tensor.
    fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Training, 1 | 2) => Self::Graph,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Function, 11) => Self::Attribute,
            (Self::Graph, 5) => Self::Tensor,
            (Self::Graph, 15) => Self::Sparse,
            (Self::Node, 5) => Self::Attribute,
            (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Sparse, 1 | 2) => Self::Tensor,
            (Self::Tensor, 13) => Self::Entry,
            _ => return None,
        })
    }
}

/// Returns the names of the files that hold weights of a model.
///
/// # Errors
/// The bytes are no protobuf, or a name is not that of a file in the model's folder.
pub(crate) fn external_files(model: &[u8]) -> Result<BTreeSet<String>, GraphError> {
    let mut found = BTreeSet::new();
    scan(Message::Model, model, DEEPEST, &mut found).ok_or(GraphError::Malformed)?;
    match found.iter().find(|name| !is_beside(name)) {
        Some(outside) => Err(GraphError::ExternalOutside(outside.chars().take(200).collect())),
        None => Ok(found),
    }
}

/// Returns whether a name is that of a file in the same folder, or below it.
fn is_beside(name: &str) -> bool {
    let is_plain = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    name.split('/').all(is_plain) && !name.contains(['\\', ':', '\0'])
}

fn scan(message: Message, bytes: &[u8], depth: usize, found: &mut BTreeSet<String>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let (mut rest, mut key, mut value) = (bytes, &[][..], &[][..]);
    while !rest.is_empty() {
        let (tag, after) = varint(rest)?;
        rest = after;
        match tag & 7 {
            0 => rest = varint(rest)?.1,
            1 => rest = rest.get(8..)?,
            5 => rest = rest.get(4..)?,
            2 => {
                let (length, after) = varint(rest)?;
                let (content, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
                rest = after;
                match (message, tag >> 3) {
                    (Message::Entry, 1) => key = content,
                    (Message::Entry, 2) => value = content,
                    (_, number) => {
                        if let Some(inner) = message.field(number) {
                            scan(inner, content, depth, found)?;
                        }
                    }
                }
            }
            _ => return None,
        }
    }
    if message == Message::Entry && key == b"location" {
        found.insert(String::from_utf8_lossy(value).into_owned());
    }
    Some(())
}

/// Reads a number, and returns what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).expect("short")];
        bytes.extend_from_slice(content);
        bytes
    }

    /// Returns a model with a tensor, as an initializer or in an attribute of a node.
    fn model(location: &str, in_attribute: bool) -> Vec<u8> {
        let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
        let tensor = [field(8, b"weights"), field(13, &entry)].concat();
        let graph = if in_attribute { field(1, &field(5, &field(5, &tensor))) } else { field(5, &tensor) };
        [vec![8, 8], field(7, &graph)].concat()
    }

    #[test]
    fn weights_in_other_files_are_found_wherever_they_are() {
        for in_attribute in [false, true] {
            let found = external_files(&model("part/weights.bin", in_attribute)).expect("beside the model");
            assert_eq!(found.into_iter().collect::<Vec<_>>(), ["part/weights.bin"]);
        }
        assert!(external_files(&field(7, &field(2, b"name"))).expect("no tensors").is_empty());
    }

    #[test]
    fn files_outside_of_the_folder_are_refused() {
        for outside in ["/etc/passwd", "../weights.bin", "a/../../b", "", "./a", "C:\\a", "a\\b", "a//b"] {
            let refused = external_files(&model(outside, false));
            assert!(matches!(refused, Err(GraphError::ExternalOutside(_))), "{outside}");
        }
    }

    #[test]
    fn what_is_cut_off_or_nested_without_end_is_refused() {
        let whole = model("weights.bin", false);
        for end in 3..whole.len() {
            assert!(matches!(external_files(&whole[..end]), Err(GraphError::Malformed)), "cut at {end}");
        }
        // A graph in an attribute of a node of a graph, and so on.
        let mut nested = Vec::new();
        for _ in 0..12 {
            nested = field(1, &field(5, &field(6, &nested)));
        }
        assert!(matches!(external_files(&field(7, &nested)), Err(GraphError::Malformed)));
    }
}
