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
    /// The most memory that one byte of a message may take.
    densest: usize,
}

/// A gRPC method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    /// Its number among the methods of the process, from 0 on.
    pub(super) index: usize,
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

impl Field {
    /// Returns the most memory that one byte of this field may take. Each byte of a packed list may
    /// be a number. Any other value has a tag and at least one more byte.
    fn density(&self) -> usize {
        if self.kind == FieldKind::Number { self.cost } else { self.cost.div_ceil(2) }
    }
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
        let shapes: Vec<Shape> = messages.iter().map(|(_, message)| shape(message, &messages, &by_name)).collect();
        let fields = shapes.iter().flat_map(|shape| shape.fields.iter().flatten());
        let densest = fields.map(Field::density).max().unwrap_or(0);
        let mut methods: HashMap<String, Method> = HashMap::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}{}/{}", prefix(file.package()), service.name(), method.name());
                    let input = by_name.get(method.input_type().trim_start_matches('.'));
                    let Some(&input) = input.filter(|_| !methods.contains_key(&path)) else { continue };
                    let (index, is_streaming) = (methods.len(), method.client_streaming());
                    methods.insert(path, Method { index, input, is_streaming });
                }
            }
        }
        Ok(Self { shapes, by_name, methods, densest })
    }

    /// Returns the number of methods. Their indices are smaller.
    pub(super) fn method_count(&self) -> usize {
        self.methods.len()
    }

    /// Returns whether a message of a length stays within a limit, whatever its bytes are. Such a
    /// message need not be scanned.
    ///
    /// **Invariant:** a scan of such a message never finds it too large
    /// (`a_message_that_fits_by_its_length_is_never_too_large`).
    pub(super) fn fits_by_length(&self, len: usize, limit: usize) -> bool {
        len.saturating_mul(self.densest) <= limit
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
