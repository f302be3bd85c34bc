//! For tests: small ONNX models, written field by field, and ONNX Runtime if it is installed.

use std::path::PathBuf;

use crate::runtime::Runtime;
use crate::tensor::Kind;

/// An input or output of a model: its name, type and dimensions. A dimension that is no number is
/// one of any length.
pub type Declared<'a> = (&'a str, Kind, &'a [&'a str]);

/// A node of a model: its operator, inputs and outputs.
pub type Node<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

/// Returns ONNX Runtime from `ORT_DYLIB_PATH` or the cache, or `None` if it is not installed.
///
/// # Panics
/// It is not installed, and `CI` is `true`.
pub fn runtime() -> Option<Runtime> {
    let explicit = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    match Runtime::load(explicit.as_deref()) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            println!("skipped: {error}");
            None
        }
    }
}

/// Returns a model in the format of `onnx.proto`, of operator set 17.
pub fn model(inputs: &[Declared<'_>], nodes: &[Node<'_>], outputs: &[Declared<'_>]) -> Vec<u8> {
    model_of(17, inputs, nodes, outputs, &[])
}

/// Returns a model of an operator set, with initializers that are encoded already.
pub fn model_of(
    opset: u64,
    inputs: &[Declared<'_>],
    nodes: &[Node<'_>],
    outputs: &[Declared<'_>],
    initializers: &[Vec<u8>],
) -> Vec<u8> {
    let mut graph = Vec::new();
    for (operator, from, to) in nodes {
        let mut node = Vec::new();
        from.iter().for_each(|name| bytes(&mut node, 1, name.as_bytes()));
        to.iter().for_each(|name| bytes(&mut node, 2, name.as_bytes()));
        bytes(&mut node, 4, operator.as_bytes());
        bytes(&mut graph, 1, &node);
    }
    bytes(&mut graph, 2, b"test");
    initializers.iter().for_each(|initializer| bytes(&mut graph, 5, initializer));
    inputs.iter().for_each(|input| bytes(&mut graph, 11, &declaration(input)));
    outputs.iter().for_each(|output| bytes(&mut graph, 12, &declaration(output)));
    let mut set = Vec::new();
    number(&mut set, 2, opset);
    let mut model = Vec::new();
    number(&mut model, 1, 8);
    bytes(&mut model, 7, &graph);
    bytes(&mut model, 8, &set);
    model
}

/// Returns an initializer of single precision whose values are in another file.
pub fn external(name: &str, length: u64, location: &str) -> Vec<u8> {
    let mut entry = Vec::new();
    bytes(&mut entry, 1, b"location");
    bytes(&mut entry, 2, location.as_bytes());
    let mut tensor = Vec::new();
    number(&mut tensor, 1, length);
    number(&mut tensor, 2, element(Kind::F32));
    bytes(&mut tensor, 8, name.as_bytes());
    bytes(&mut tensor, 13, &entry);
    number(&mut tensor, 14, 1);
    tensor
}

fn declaration((name, kind, dims): &Declared<'_>) -> Vec<u8> {
    let mut shape = Vec::new();
    for dim in *dims {
        let mut message = Vec::new();
        match dim.parse() {
            Ok(length) => number(&mut message, 1, length),
            Err(_) => bytes(&mut message, 2, dim.as_bytes()),
        }
        bytes(&mut shape, 1, &message);
    }
    let (mut tensor, mut of, mut value) = (Vec::new(), Vec::new(), Vec::new());
    number(&mut tensor, 1, element(*kind));
    bytes(&mut tensor, 2, &shape);
    bytes(&mut of, 1, &tensor);
    bytes(&mut value, 1, name.as_bytes());
    bytes(&mut value, 2, &of);
    value
}

/// Returns the number of a type in `onnx.proto`.
fn element(kind: Kind) -> u64 {
    match kind {
        Kind::F32 => 1,
        Kind::U8 => 2,
        Kind::I8 => 3,
        Kind::U16 => 4,
        Kind::I16 => 5,
        Kind::I32 => 6,
        Kind::I64 => 7,
        Kind::Text => 8,
        Kind::Bool => 9,
        Kind::F16 => 10,
        Kind::F64 => 11,
        Kind::U32 => 12,
        Kind::U64 => 13,
        Kind::Bf16 => 16,
    }
}

fn bytes(message: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(message, field << 3 | 2);
    varint(message, content.len() as u64);
    message.extend_from_slice(content);
}

fn number(message: &mut Vec<u8>, field: u64, value: u64) {
    varint(message, field << 3);
    varint(message, value);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}
