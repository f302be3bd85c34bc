//! A small builder of ONNX graphs.
//!
//! The builder writes nodes in the order of the calls and names each node after its output tensor,
//! so that equal calls produce equal bytes. It does not infer shapes. The caller adds notes about
//! shapes where they help a reader.

use prost::Message;

use super::proto;
use crate::signature::{Dim, Dtype, GraphSignature, TensorSpec};

/// IR version 8 and operator set 17. Every ONNX Runtime since 1.12 reads this pair, and the graphs
/// need nothing newer.
const IR_VERSION: i64 = 8;
const OPERATOR_SET: i64 = 17;

/// A tensor of the graph, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value(String);

/// Collects the nodes of one graph.
#[derive(Debug)]
pub(crate) struct GraphBuilder {
    graph: proto::Graph,
    signature: GraphSignature,
}

impl GraphBuilder {
    pub(crate) fn new(name: &str, doc: &str) -> Self {
        let graph =
            proto::Graph { name: Some(name.to_owned()), doc_string: Some(doc.to_owned()), ..proto::Graph::default() };
        Self { graph, signature: GraphSignature::default() }
    }

    /// Declares an input.
    pub(crate) fn input(&mut self, spec: TensorSpec, doc: &str) -> Value {
        self.graph.input.push(value_info(&spec, doc));
        let value = Value(spec.name.clone());
        self.signature.inputs.push(spec);
        value
    }

    /// Declares an output. A node must already produce a tensor with the name in `spec`.
    pub(crate) fn output(&mut self, spec: TensorSpec, doc: &str) {
        self.graph.output.push(value_info(&spec, doc));
        self.signature.outputs.push(spec);
    }

    /// Adds a constant of floats. The product of `dims` is the number of values.
    pub(crate) fn floats(
        &mut self,
        name: &str,
        dims: &[usize],
        values: impl IntoIterator<Item = f64>,
        doc: &str,
    ) -> Value {
        let raw: Vec<u8> = values.into_iter().flat_map(|value| (value as f32).to_le_bytes()).collect();
        debug_assert_eq!(raw.len(), 4 * dims.iter().product::<usize>(), "a constant fills its shape");
        self.constant(name, dims, Dtype::Float32, raw, doc)
    }

    /// Adds a constant vector of integers.
    pub(crate) fn integers(&mut self, name: &str, values: &[i64], doc: &str) -> Value {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, &[values.len()], Dtype::Int64, raw, doc)
    }

    /// Adds a constant integer without dimensions.
    pub(crate) fn integer(&mut self, name: &str, value: i64) -> Value {
        self.constant(name, &[], Dtype::Int64, value.to_le_bytes().to_vec(), "")
    }

    /// Adds a constant, unless there is one of that name, which then has the same values.
    fn constant(&mut self, name: &str, dims: &[usize], dtype: Dtype, raw: Vec<u8>, doc: &str) -> Value {
        if let Some(known) = self.graph.initializer.iter().find(|known| known.name.as_deref() == Some(name)) {
            debug_assert_eq!(known.raw_data.as_ref(), Some(&raw), "{name} has one value");
            return Value(name.to_owned());
        }
        self.graph.initializer.push(proto::Tensor {
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: Some(element_type(dtype)),
            name: Some(name.to_owned()),
            raw_data: Some(raw),
            doc_string: Some(doc.to_owned()),
        });
        Value(name.to_owned())
    }

    /// Adds a node without attributes. `name` is the name of its output.
    pub(crate) fn node(&mut self, operator: &str, name: &str, inputs: &[&Value]) -> Value {
        self.node_with(operator, name, inputs, Vec::new())
    }

    /// Adds a node with attributes. `name` is the name of its output.
    pub(crate) fn node_with(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&Value],
        attribute: Vec<proto::Attribute>,
    ) -> Value {
        self.graph.node.push(proto::Node {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.to_owned()],
            name: Some(format!("{operator}:{name}")),
            op_type: Some(operator.to_owned()),
            attribute,
            doc_string: None,
        });
        Value(name.to_owned())
    }

    /// Records the shape of the newest node's output, for people who open the graph in a viewer.
    pub(crate) fn note(&mut self, shape: &str) {
        if let Some(node) = self.graph.node.last_mut() {
            node.doc_string = Some(shape.to_owned());
        }
    }

    /// Returns the bytes of the finished model and its signature.
    pub(crate) fn finish(self) -> (Vec<u8>, GraphSignature) {
        let doc = self.graph.doc_string.clone();
        let model = proto::Model {
            ir_version: Some(IR_VERSION),
            producer_name: Some("marquee".to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            doc_string: doc,
            graph: Some(self.graph),
            opset_import: vec![proto::OperatorSet { domain: Some(String::new()), version: Some(OPERATOR_SET) }],
        };
        (model.encode_to_vec(), self.signature)
    }
}

/// Returns an integer attribute.
pub(crate) fn int(name: &str, value: i64) -> proto::Attribute {
    proto::Attribute {
        name: Some(name.to_owned()),
        i: Some(value),
        ints: Vec::new(),
        kind: Some(proto::AttributeKind::Int as i32),
    }
}

/// Returns an attribute with a list of integers.
pub(crate) fn ints(name: &str, values: &[i64]) -> proto::Attribute {
    proto::Attribute {
        name: Some(name.to_owned()),
        i: None,
        ints: values.to_vec(),
        kind: Some(proto::AttributeKind::Ints as i32),
    }
}

/// Returns the number of the type in `TensorProto.DataType`.
fn element_type(dtype: Dtype) -> i32 {
    match dtype {
        Dtype::Float32 => 1,
        Dtype::Int64 => 7,
    }
}

fn value_info(spec: &TensorSpec, doc: &str) -> proto::ValueInfo {
    let dim = spec
        .dims
        .iter()
        .map(|dim| {
            let extent = match dim {
                Dim::Fixed(length) => proto::Extent::Value(i64::try_from(*length).unwrap_or(i64::MAX)),
                Dim::Named(name) => proto::Extent::Param(name.clone()),
            };
            proto::Dimension { extent: Some(extent) }
        })
        .collect();
    let tensor = proto::TensorKind { elem_type: Some(element_type(spec.dtype)), shape: Some(proto::Shape { dim }) };
    proto::ValueInfo {
        name: Some(spec.name.clone()),
        kind: Some(proto::ValueKind { tensor: Some(tensor) }),
        doc_string: Some(doc.to_owned()),
    }
}
