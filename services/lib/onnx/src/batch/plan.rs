//! Decides which requests can share a run, joins their tensors, and cuts the outputs. Has no side
//! effects.

use std::collections::BTreeMap;

use super::BatchSettings;
use crate::session::Port;
use crate::tensor::{Axis, Data, Tensor};

/// Padding may at most double the number of values in a batch.
const LARGEST_PADDING_FACTOR: usize = 2;

/// What the inputs and outputs of a graph allow.
#[derive(Debug)]
pub(super) struct Plan {
    /// The largest number of rows in one run.
    max_rows: usize,
    batchable: bool,
    /// For each input and axis, the name of the axis if it may be padded.
    inputs: Vec<Vec<Option<String>>>,
    /// For each output and axis, the name of the axis if it must be cut back.
    outputs: Vec<Vec<Option<String>>>,
}

impl Plan {
    pub(super) fn new(inputs: &[Port], outputs: &[Port], settings: &BatchSettings) -> Self {
        let rows = |port: &Port| matches!(port.axes.first(), Some(Axis::Dynamic(_)));
        let batchable = !inputs.is_empty() && inputs.iter().chain(outputs).all(rows);
        let padded = |axis: (usize, &Axis)| match axis {
            (1.., Axis::Dynamic(name)) if settings.padded.contains(name) => Some(name.clone()),
            _ => None,
        };
        let names =
            |ports: &[Port]| ports.iter().map(|port| port.axes.iter().enumerate().map(padded).collect()).collect();
        Self { max_rows: settings.max_rows, batchable, inputs: names(inputs), outputs: names(outputs) }
    }

    /// Joins the inputs of several requests along axis 0 and pads them with zeros. Returns `None`
    /// if they do not fit together.
    pub(super) fn join(&self, requests: &[&[Tensor]]) -> Option<Vec<Tensor>> {
        (0..self.inputs.len())
            .map(|input| {
                let parts: Option<Vec<&Tensor>> = requests.iter().map(|request| request.get(input)).collect();
                concatenate(&parts?)
            })
            .collect()
    }

    /// Cuts the outputs of a joined run into the outputs of each request. Returns `None` if the
    /// outputs do not have the shape that the inputs imply.
    pub(super) fn split(&self, outputs: &[Tensor], requests: &[&[Tensor]]) -> Option<Vec<Vec<Tensor>>> {
        let total: usize = requests.iter().map(|request| rows(request)).sum();
        let mut from = 0;
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            let own = self.padded_lengths(request);
            let mut answer = Vec::with_capacity(outputs.len());
            for (output, names) in outputs.iter().zip(&self.outputs) {
                if output.shape().first() != Some(&total) || output.shape().len() != names.len() {
                    return None;
                }
                let mut shape = output.shape().to_vec();
                shape[0] = rows(request);
                for (length, name) in shape.iter_mut().zip(names) {
                    if let Some(own) = name.as_ref().and_then(|name| own.get(name.as_str())) {
                        *length = (*length).min(*own);
                    }
                }
                answer.push(cut(output, from, shape)?);
            }
            from += rows(request);
            answers.push(answer);
        }
        Some(answers)
    }

    /// Returns the lengths of a request's padded axes, by name.
    fn padded_lengths<'a>(&'a self, request: &[Tensor]) -> BTreeMap<&'a str, usize> {
        let mut lengths = BTreeMap::new();
        for (tensor, names) in request.iter().zip(&self.inputs) {
            for (length, name) in tensor.shape().iter().zip(names) {
                if let Some(name) = name {
                    lengths.insert(name.as_str(), *length);
                }
            }
        }
        lengths
    }
}

/// A batch under construction: the shapes that its inputs will have.
#[derive(Debug)]
pub(super) struct Group<'a> {
    plan: &'a Plan,
    shapes: Vec<Vec<usize>>,
    /// Number of values of all requests so far, without padding.
    values: usize,
}

impl<'a> Group<'a> {
    pub(super) fn new(plan: &'a Plan, first: &[Tensor]) -> Self {
        let shapes = first.iter().map(|tensor| tensor.shape().to_vec()).collect();
        Self { plan, shapes, values: first.iter().map(|tensor| tensor.data().len()).sum() }
    }

    /// Adds a request to the batch if it fits and the padding stays within its limit. Returns
    /// whether it was added.
    pub(super) fn admit(&mut self, request: &[Tensor]) -> bool {
        if !self.plan.batchable || request.len() != self.shapes.len() {
            return false;
        }
        let mut shapes = self.shapes.clone();
        for ((shape, tensor), names) in shapes.iter_mut().zip(request).zip(&self.plan.inputs) {
            if shape.len() != tensor.shape().len() || shape.len() != names.len() {
                return false;
            }
            for (at, ((length, other), name)) in shape.iter_mut().zip(tensor.shape()).zip(names).enumerate() {
                if at == 0 {
                    *length += other;
                } else if name.is_some() {
                    *length = (*length).max(*other);
                } else if length != other {
                    return false;
                }
            }
        }
        let values = self.values + request.iter().map(|tensor| tensor.data().len()).sum::<usize>();
        let padded: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        let rows = shapes.first().and_then(|shape| shape.first()).copied().unwrap_or(0);
        if rows > self.plan.max_rows || padded > LARGEST_PADDING_FACTOR * values {
            return false;
        }
        (self.shapes, self.values) = (shapes, values);
        true
    }
}

fn rows(request: &[Tensor]) -> usize {
    request.first().and_then(|tensor| tensor.shape().first()).copied().unwrap_or(0)
}

/// Joins tensors of one rank and type along axis 0. Shorter tensors are padded with zeros at the
/// end of each axis.
fn concatenate(parts: &[&Tensor]) -> Option<Tensor> {
    let mut shape = parts.first()?.shape().to_vec();
    for part in &parts[1..] {
        if part.shape().len() != shape.len() {
            return None;
        }
        for (at, (length, other)) in shape.iter_mut().zip(part.shape()).enumerate() {
            *length = if at == 0 { *length + other } else { (*length).max(*other) };
        }
    }
    let inner = shape.get(1..)?;
    let data = match parts.first()?.data() {
        Data::F32(_) => Data::F32(stack(parts, inner, Tensor::as_f32)?),
        Data::F64(_) => Data::F64(stack(parts, inner, Tensor::as_f64)?),
        Data::I64(_) => Data::I64(stack(parts, inner, Tensor::as_i64)?),
    };
    Tensor::try_new(shape, data).ok()
}

fn stack<T: Copy + Default>(parts: &[&Tensor], inner: &[usize], values: fn(&Tensor) -> Option<&[T]>) -> Option<Vec<T>> {
    let mut joined =
        Vec::with_capacity(parts.iter().map(|part| part.shape()[0] * inner.iter().product::<usize>()).sum());
    for part in parts {
        let values = values(part)?;
        if part.shape()[1..] == *inner {
            joined.extend_from_slice(values);
        } else {
            pad(values, part.shape(), inner, &mut joined);
        }
    }
    Some(joined)
}

/// Appends blocks of shape `own`, padded with zeros at the end so that their inner dimensions are
/// `inner`.
fn pad<T: Copy + Default>(values: &[T], own: &[usize], inner: &[usize], joined: &mut Vec<T>) {
    let Some((&target, rest)) = inner.split_first() else {
        joined.extend_from_slice(values);
        return;
    };
    let (blocks, own) = (own[0], &own[1..]);
    let step = values.len() / blocks.max(1);
    for block in values.chunks_exact(step.max(1)) {
        let start = joined.len();
        pad(block, own, rest, joined);
        joined.resize(start + target * rest.iter().product::<usize>(), T::default());
    }
}

/// Returns the block of `shape` that begins at row `from` and at the start of all other axes.
fn cut(tensor: &Tensor, from: usize, shape: Vec<usize>) -> Option<Tensor> {
    let data = match tensor.data() {
        Data::F32(values) => Data::F32(block(values, tensor.shape(), from, &shape)?),
        Data::F64(values) => Data::F64(block(values, tensor.shape(), from, &shape)?),
        Data::I64(values) => Data::I64(block(values, tensor.shape(), from, &shape)?),
    };
    Tensor::try_new(shape, data).ok()
}

fn block<T: Copy>(values: &[T], whole: &[usize], from: usize, shape: &[usize]) -> Option<Vec<T>> {
    let row: usize = whole.get(1..)?.iter().product();
    let mut taken = Vec::with_capacity(shape.iter().product());
    take(values.get(from * row..)?, whole, shape, &mut taken)?;
    Some(taken)
}

/// Appends the leading corner of `shape` of the values. The inner dimensions of the values are
/// those of `whole`.
fn take<T: Copy>(values: &[T], whole: &[usize], shape: &[usize], taken: &mut Vec<T>) -> Option<()> {
    let Some((&count, inner)) = shape.split_first() else {
        taken.push(*values.first()?);
        return Some(());
    };
    let step: usize = whole.get(1..)?.iter().product();
    if *inner == whole[1..] {
        taken.extend_from_slice(values.get(..count * step)?);
        return Some(());
    }
    for at in 0..count {
        take(values.get(at * step..)?, &whole[1..], inner, taken)?;
    }
    Some(())
}

#[cfg(test)]
mod tests;
