//! A small builder of ONNX graphs.
//!
//! It writes nodes in the order they are asked for and names each node after the tensor that it makes, so that equal calls give equal bytes.
//! It does not infer shapes: whoever calls it states them where a reader needs them.

use prost::Message;

use super::proto;
use crate::signature::{Dim, Dtype, GraphSignature, TensorSpec};

/// IR version 8 with operator set 17: the newest pair that every ONNX Runtime since 1.12 reads, and all that the graphs need.
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

    /// Declares a tensor that was made under the spec's name as an output.
    pub(crate) fn output(&mut self, spec: TensorSpec, doc: &str) {
        self.graph.output.push(value_info(&spec, doc));
        self.signature.outputs.push(spec);
    }

    /// Adds a constant of floats; `dims` multiply to the number of values.
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

    fn constant(&mut self, name: &str, dims: &[usize], dtype: Dtype, raw: Vec<u8>, doc: &str) -> Value {
        self.graph.initializer.push(proto::Tensor {
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: Some(element_type(dtype)),
            name: Some(name.to_owned()),
            raw_data: Some(raw),
            doc_string: Some(doc.to_owned()),
        });
        Value(name.to_owned())
    }

    /// Adds a node without attributes; its output has the given name.
    pub(crate) fn node(&mut self, operator: &str, name: &str, inputs: &[&Value]) -> Value {
        self.node_with(operator, name, inputs, Vec::new())
    }

    /// Adds a node with attributes; its output has the given name.
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

    /// Says the shape of the tensor made last, for people who open the graph in a viewer.
    pub(crate) fn note(&mut self, shape: &str) {
        if let Some(node) = self.graph.node.last_mut() {
            node.doc_string = Some(shape.to_owned());
        }
    }

    /// The finished model and its signature.
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

/// An integer attribute.
pub(crate) fn int(name: &str, value: i64) -> proto::Attribute {
    proto::Attribute {
        name: Some(name.to_owned()),
        i: Some(value),
        ints: Vec::new(),
        kind: Some(proto::AttributeKind::Int as i32),
    }
}

/// An attribute that lists integers.
pub(crate) fn ints(name: &str, values: &[i64]) -> proto::Attribute {
    proto::Attribute {
        name: Some(name.to_owned()),
        i: None,
        ints: values.to_vec(),
        kind: Some(proto::AttributeKind::Ints as i32),
    }
}

/// `TensorProto.DataType`.
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
