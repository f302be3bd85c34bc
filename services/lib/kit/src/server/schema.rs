//! The shapes of protobuf messages, and how much memory a message will take once it is decoded.
//!
//! An empty message takes two bytes on the wire and a hundred in memory, so the length of a request
//! says little. A [`Scanner`] reads the fields of a message without decoding it, as its bytes
//! arrive, and stops at a limit.

mod scan;

use std::collections::HashMap;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};

pub(super) use scan::{ScanError, Scanner};

/// The shapes of messages, and the methods that take them.
#[derive(Debug, Default)]
pub(super) struct Schema {
    shapes: Vec<Shape>,
    by_name: HashMap<String, usize>,
    methods: HashMap<String, Method>,
}

/// A gRPC method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    /// The shape of its requests.
    pub(super) input: usize,
    /// Whether one call sends several requests.
    pub(super) is_streaming: bool,
}

/// The largest number of a field that is known. Larger ones are only used by extensions.
const LARGEST_NUMBER: usize = 1_000;

#[derive(Debug, Default)]
struct Shape {
    /// The fields by their numbers.
    fields: Vec<Option<Field>>,
}

impl Shape {
    fn field(&self, number: u32) -> Option<&Field> {
        self.fields.get(number as usize)?.as_ref()
    }
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: FieldKind,
    /// The memory of one more value.
    cost: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldKind {
    Message(usize),
    Text,
    /// Numbers. A byte of packed ones may become a value of eight bytes.
    Number,
}

impl Schema {
    /// Reads the descriptors of the services of a process.
    pub(super) fn read(descriptors: &[u8]) -> Result<Self, prost::DecodeError> {
        let set = FileDescriptorSet::decode(descriptors)?;
        let mut messages = Vec::new();
        for file in &set.file {
            let package = prefix(file.package());
            collect(&package, &file.message_type, &mut messages);
        }
        let by_name: HashMap<String, usize> =
            messages.iter().enumerate().map(|(index, (name, _))| (name.clone(), index)).collect();
        let shapes = messages.iter().map(|(_, message)| shape(message, &messages, &by_name)).collect();
        let mut methods = HashMap::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}{}/{}", prefix(file.package()), service.name(), method.name());
                    let input = by_name.get(method.input_type().trim_start_matches('.'));
                    let is_streaming = method.client_streaming();
                    methods.extend(input.map(|&input| (path, Method { input, is_streaming })));
                }
            }
        }
        Ok(Self { shapes, by_name, methods })
    }

    /// Returns the method at a path.
    pub(super) fn method(&self, path: &str) -> Option<Method> {
        self.methods.get(path).copied()
    }

    /// Returns the shape of a message by its full name.
    pub(super) fn message(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

fn prefix(package: &str) -> String {
    if package.is_empty() { String::new() } else { format!("{package}.") }
}

fn collect<'a>(prefix: &str, messages: &'a [DescriptorProto], into: &mut Vec<(String, &'a DescriptorProto)>) {
    for message in messages {
        let name = format!("{prefix}{}", message.name());
        collect(&format!("{name}."), &message.nested_type, into);
        into.push((name, message));
    }
}

/// The memory of a text or a list without its content.
const HEADER: usize = 24;

/// What an allocation or an entry of a map takes besides its content.
const OVERHEAD: usize = 16;

/// Returns about the size of the struct of a message.
fn size(message: &DescriptorProto) -> usize {
    let of = |field: &prost_types::FieldDescriptorProto| match (field.label(), field.r#type()) {
        (Label::Repeated, _) | (_, Type::String | Type::Bytes) => HEADER,
        (_, Type::Message) => 64,
        _ => 8,
    };
    message.field.iter().map(of).sum::<usize>() + 8
}

fn shape(
    message: &DescriptorProto,
    messages: &[(String, &DescriptorProto)],
    by_name: &HashMap<String, usize>,
) -> Shape {
    let mut fields: Vec<Option<Field>> = Vec::new();
    for field in &message.field {
        let repeated = field.label() == Label::Repeated;
        let inner = by_name.get(field.type_name().trim_start_matches('.')).copied();
        let (kind, cost) = match (field.r#type(), inner) {
            (Type::Message, Some(inner)) => {
                let each = size(messages[inner].1) + OVERHEAD;
                (FieldKind::Message(inner), if repeated { each } else { 0 })
            }
            (Type::String | Type::Bytes, _) => (FieldKind::Text, if repeated { HEADER + OVERHEAD } else { 0 }),
            _ => (FieldKind::Number, if repeated { 8 } else { 0 }),
        };
        let number = field.number().unsigned_abs() as usize;
        if number <= LARGEST_NUMBER {
            fields.resize_with(fields.len().max(number + 1), || None);
            fields[number] = Some(Field { name: field.name().to_owned(), kind, cost });
        }
    }
    Shape { fields }
}
