//! A session of ONNX Runtime: the inputs and outputs of a graph, and single runs of it. It is
//! synchronous; [`crate::Graph`] gives it a thread.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use bytes::Bytes;
use half::{bf16, f16};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session as Engine, SessionInputValue};
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, TensorRef, ValueType};

use crate::error::{EngineError, GraphError, RunError};
use crate::external::external_files;
use crate::runtime::Runtime;
use crate::tensor::{Axis, Element, Kind, Tensor};

/// Number of threads that share one operator. 1 is right for small graphs that serve many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(pub usize);

impl Default for Threads {
    fn default() -> Self {
        Self(1)
    }
}

/// A serialized ONNX model, and the files beside it.
#[derive(Clone, Copy)]
pub struct ModelFile<'a> {
    /// The model.
    pub bytes: &'a [u8],
    /// Returns a file of the model's folder, for models that keep their weights in other files. The
    /// instances of a model share its content.
    pub beside: &'a (dyn Fn(&str) -> Option<Arc<[u8]>> + Sync),
}

impl<'a> ModelFile<'a> {
    /// Returns a model without other files.
    pub fn alone(bytes: &'a [u8]) -> Self {
        Self { bytes, beside: &|_| None }
    }
}

impl Debug for ModelFile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelFile").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// One input or output of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Name of the input or output.
    pub name: String,
    /// Element type.
    pub kind: Kind,
    /// Dimensions, outermost first.
    pub axes: Vec<Axis>,
}

impl Port {
    /// Checks that a tensor has the type and shape of this input.
    pub(crate) fn check(&self, tensor: &Tensor) -> Result<(), RunError> {
        if tensor.kind() != self.kind {
            let (found, expected) = (tensor.kind(), self.kind);
            return Err(RunError::WrongKind { name: self.name.clone(), found, expected });
        }
        let fits = |(axis, &length): (&Axis, &usize)| match axis {
            Axis::Fixed(expected) => *expected == length,
            Axis::Dynamic(_) => length > 0,
        };
        let shape = tensor.shape();
        if shape.len() == self.axes.len() && self.axes.iter().zip(shape).all(fits) {
            return Ok(());
        }
        Err(RunError::WrongShape { name: self.name.clone(), found: shape.to_vec(), expected: self.axes.clone() })
    }
}

/// A loaded graph.
pub(crate) struct Session {
    engine: Engine,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

impl Session {
    pub(crate) fn load(runtime: &Runtime, model: &ModelFile<'_>, threads: Threads) -> Result<Self, GraphError> {
        let external = external_files(model.bytes)?;
        // ort panics on types that it does not know. A graph comes from outside, so it may contain
        // them.
        let attempt = panic::catch_unwind(AssertUnwindSafe(|| open(runtime, model, &external, threads)));
        let engine = attempt
            .unwrap_or_else(|_| Err(GraphError::Load(EngineError::new("an input or output has an unknown type"))))?;
        let ports = |outlets: &[ort::value::Outlet]| outlets.iter().map(port).collect::<Result<Vec<_>, _>>();
        let (inputs, outputs) = (ports(engine.inputs())?, ports(engine.outputs())?);
        Ok(Self { engine, inputs, outputs })
    }

    /// Checks that each input is given once and fits, and returns the tensors in the graph's order.
    pub(crate) fn arrange(inputs: &[Port], mut given: Vec<(String, Tensor)>) -> Result<Vec<Tensor>, RunError> {
        let mut arranged = Vec::with_capacity(inputs.len());
        for port in inputs {
            let at = given.iter().position(|(name, _)| *name == port.name);
            let (_, tensor) = given.swap_remove(at.ok_or_else(|| RunError::MissingInput(port.name.clone()))?);
            port.check(&tensor)?;
            arranged.push(tensor);
        }
        if let Some((name, _)) = given.into_iter().next() {
            return Err(RunError::UnknownInput(name));
        }
        agree(inputs, &arranged)?;
        Ok(arranged)
    }

    /// Runs the graph on inputs in its order. Returns the outputs in its order.
    pub(crate) fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let mut values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        for (port, tensor) in self.inputs.iter().zip(inputs) {
            values.push((Cow::Borrowed(&port.name), borrow(tensor).map_err(RunError::Engine)?));
        }
        let outputs = self.engine.run(values).map_err(|error| RunError::Engine(error.into()))?;
        outputs.values().map(|value| copy(&value)).collect()
    }
}

/// Checks that axes with the same name have the same length. ONNX Runtime does not check this; it
/// would broadcast a length of 1 without an error.
fn agree(inputs: &[Port], tensors: &[Tensor]) -> Result<(), RunError> {
    let mut known: Vec<(&str, usize)> = Vec::new();
    for (port, tensor) in inputs.iter().zip(tensors) {
        for (axis, &second) in port.axes.iter().zip(tensor.shape()) {
            let Axis::Dynamic(name) = axis else { continue };
            match known.iter().find(|(known, _)| known == name) {
                Some(&(_, first)) if first != second => {
                    return Err(RunError::UnequalLengths { axis: name.clone(), first, second });
                }
                None if !name.is_empty() => known.push((name, second)),
                _ => {}
            }
        }
    }
    Ok(())
}

fn open(
    runtime: &Runtime,
    model: &ModelFile<'_>,
    external: &BTreeSet<String>,
    threads: Threads,
) -> Result<Engine, GraphError> {
    let builder = || {
        let builder = Engine::builder(runtime.environment())?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads.0)?
            // Threads that spin while they wait would use the cores that request handlers need.
            .with_intra_op_spinning(false)?
            // A memory pattern is useful for one fixed shape. The shapes here differ from call to
            // call.
            .with_memory_pattern(false)?;
        Ok::<_, EngineError>(builder)
    };
    let mut builder = builder().map_err(GraphError::Load)?;
    for name in external {
        let content = (model.beside)(name).ok_or_else(|| GraphError::ExternalMissing(name.clone()))?;
        builder = builder
            .with_external_initializer_file_in_memory(name, content)
            .map_err(|error| GraphError::Load(error.into()))?;
    }
    builder.commit_from_memory(model.bytes).map_err(|error| GraphError::Load(error.into()))
}

fn port(outlet: &ort::value::Outlet) -> Result<Port, GraphError> {
    let unsupported = || GraphError::Unsupported { name: outlet.name().to_owned(), found: outlet.dtype().to_string() };
    let ValueType::Tensor { ty, shape, dimension_symbols } = outlet.dtype() else { return Err(unsupported()) };
    let kind = kind(*ty).ok_or_else(unsupported)?;
    let axes = shape.iter().enumerate().map(|(at, &length)| match usize::try_from(length) {
        Ok(length) => Axis::Fixed(length),
        Err(_) => Axis::Dynamic(dimension_symbols.get(at).cloned().unwrap_or_default()),
    });
    Ok(Port { name: outlet.name().to_owned(), kind, axes: axes.collect() })
}

fn kind(element: TensorElementType) -> Option<Kind> {
    Some(match element {
        TensorElementType::Bool => Kind::Bool,
        TensorElementType::Uint8 => Kind::U8,
        TensorElementType::Uint16 => Kind::U16,
        TensorElementType::Uint32 => Kind::U32,
        TensorElementType::Uint64 => Kind::U64,
        TensorElementType::Int8 => Kind::I8,
        TensorElementType::Int16 => Kind::I16,
        TensorElementType::Int32 => Kind::I32,
        TensorElementType::Int64 => Kind::I64,
        TensorElementType::Float16 => Kind::F16,
        TensorElementType::Bfloat16 => Kind::Bf16,
        TensorElementType::Float32 => Kind::F32,
        TensorElementType::Float64 => Kind::F64,
        TensorElementType::String => Kind::Text,
        _ => return None,
    })
}

fn borrow(tensor: &Tensor) -> Result<SessionInputValue<'_>, EngineError> {
    match tensor.kind() {
        Kind::Bool => view::<bool>(tensor),
        Kind::U8 => view::<u8>(tensor),
        Kind::U16 => view::<u16>(tensor),
        Kind::U32 => view::<u32>(tensor),
        Kind::U64 => view::<u64>(tensor),
        Kind::I8 => view::<i8>(tensor),
        Kind::I16 => view::<i16>(tensor),
        Kind::I32 => view::<i32>(tensor),
        Kind::I64 => view::<i64>(tensor),
        Kind::F16 => view::<f16>(tensor),
        Kind::Bf16 => view::<bf16>(tensor),
        Kind::F32 => view::<f32>(tensor),
        Kind::F64 => view::<f64>(tensor),
        Kind::Text => {
            // ONNX Runtime copies them, and takes owned ones only.
            let texts = tensor.as_texts().unwrap_or_default().iter().map(|text| String::from_utf8(text.to_vec()));
            let texts: Vec<String> =
                texts.collect::<Result<_, _>>().map_err(|_| EngineError::new("a text is not UTF-8"))?;
            Ok(ort::value::Tensor::from_string_array((tensor.shape(), texts.as_slice()))?.into())
        }
    }
}

/// Lends the values of a tensor to ONNX Runtime, without a copy.
fn view<T>(tensor: &Tensor) -> Result<SessionInputValue<'_>, EngineError>
where
    T: Element + PrimitiveTensorElementType + Clone + Debug + 'static,
{
    Ok(TensorRef::from_array_view((tensor.shape(), tensor.values::<T>().unwrap_or_default()))?.into())
}

fn copy(value: &DynValue) -> Result<Tensor, RunError> {
    let refused = |message: &str| RunError::Engine(EngineError::new(message));
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return Err(refused("an output is not a tensor")) };
    let shape: Option<Vec<usize>> = shape.iter().map(|&length| usize::try_from(length).ok()).collect();
    let shape = shape.ok_or_else(|| refused("an output has a negative dimension"))?;
    let kind = kind(*ty).ok_or_else(|| refused("an output has an unsupported type"))?;
    match kind {
        Kind::Bool => values::<bool>(value, shape),
        Kind::U8 => values::<u8>(value, shape),
        Kind::U16 => values::<u16>(value, shape),
        Kind::U32 => values::<u32>(value, shape),
        Kind::U64 => values::<u64>(value, shape),
        Kind::I8 => values::<i8>(value, shape),
        Kind::I16 => values::<i16>(value, shape),
        Kind::I32 => values::<i32>(value, shape),
        Kind::I64 => values::<i64>(value, shape),
        Kind::F16 => values::<f16>(value, shape),
        Kind::Bf16 => values::<bf16>(value, shape),
        Kind::F32 => values::<f32>(value, shape),
        Kind::F64 => values::<f64>(value, shape),
        Kind::Text => {
            let texts = value.try_extract_strings().map_err(EngineError::from)?.1;
            Ok(Tensor::from_texts(shape, texts.into_iter().map(Bytes::from).collect()).map_err(EngineError::from)?)
        }
    }
}

/// Copies an output out of the memory of ONNX Runtime.
fn values<T>(value: &DynValue, shape: Vec<usize>) -> Result<Tensor, RunError>
where
    T: Element + PrimitiveTensorElementType,
{
    // An empty tensor may have a null address, from which no slice can be made.
    let values = match shape.contains(&0) {
        true => Vec::new(),
        false => value.try_extract_tensor::<T>().map_err(EngineError::from)?.1.to_vec(),
    };
    Ok(Tensor::from_vec(shape, values).map_err(EngineError::from)?)
}

#[cfg(test)]
mod tests;
