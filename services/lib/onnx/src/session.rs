//! A session of ONNX Runtime: the inputs and outputs of a graph, and single runs of it. It is
//! synchronous; [`crate::Graph`] gives it a thread.

use std::borrow::Cow;
use std::panic::{self, AssertUnwindSafe};

use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session as Engine, SessionInputValue};
use ort::value::{DynValue, TensorElementType, TensorRef, ValueType};

use crate::error::{EngineError, GraphError, RunError};
use crate::runtime::Runtime;
use crate::tensor::{Axis, Data, Kind, Tensor};

/// Number of threads that share one operator. 1 is right for small graphs that serve many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(pub usize);

impl Default for Threads {
    fn default() -> Self {
        Self(1)
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
    pub(crate) fn load(runtime: &Runtime, bytes: &[u8], threads: Threads) -> Result<Self, GraphError> {
        // ort panics on types that it does not know. A graph comes from outside, so it may contain
        // them.
        let attempt = panic::catch_unwind(AssertUnwindSafe(|| open(runtime, bytes, threads)));
        let engine = attempt
            .unwrap_or_else(|_| Err(EngineError::new("an input or output has an unknown type")))
            .map_err(GraphError::Load)?;
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

fn open(runtime: &Runtime, bytes: &[u8], threads: Threads) -> Result<Engine, EngineError> {
    let engine = Engine::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads.0)?
        // Threads that spin while they wait would use the cores that request handlers need.
        .with_intra_op_spinning(false)?
        // A memory pattern is useful for one fixed shape. The shapes here differ from call to call.
        .with_memory_pattern(false)?
        .commit_from_memory(bytes)?;
    Ok(engine)
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
    match element {
        TensorElementType::Float32 => Some(Kind::F32),
        TensorElementType::Float64 => Some(Kind::F64),
        TensorElementType::Int64 => Some(Kind::I64),
        _ => None,
    }
}

fn borrow(tensor: &Tensor) -> Result<SessionInputValue<'_>, EngineError> {
    let shape = tensor.shape();
    Ok(match tensor.data() {
        Data::F32(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        Data::F64(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
        Data::I64(values) => TensorRef::from_array_view((shape, values.as_slice()))?.into(),
    })
}

fn copy(value: &DynValue) -> Result<Tensor, RunError> {
    let refused = |message: &str| RunError::Engine(EngineError::new(message));
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return Err(refused("an output is not a tensor")) };
    let shape: Option<Vec<usize>> = shape.iter().map(|&length| usize::try_from(length).ok()).collect();
    let shape = shape.ok_or_else(|| refused("an output has a negative dimension"))?;
    let empty = shape.contains(&0);
    let engine = |error: ort::Error| RunError::Engine(error.into());
    let data = match kind(*ty) {
        // An empty tensor may have a null address, from which no slice can be made.
        Some(Kind::F32) if empty => Data::F32(Vec::new()),
        Some(Kind::F64) if empty => Data::F64(Vec::new()),
        Some(Kind::I64) if empty => Data::I64(Vec::new()),
        Some(Kind::F32) => Data::F32(value.try_extract_tensor::<f32>().map_err(engine)?.1.to_vec()),
        Some(Kind::F64) => Data::F64(value.try_extract_tensor::<f64>().map_err(engine)?.1.to_vec()),
        Some(Kind::I64) => Data::I64(value.try_extract_tensor::<i64>().map_err(engine)?.1.to_vec()),
        None => return Err(refused("an output has an unsupported type")),
    };
    Tensor::try_new(shape, data).map_err(|error| refused(&error.to_string()))
}
