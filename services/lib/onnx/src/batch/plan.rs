//! Decides which requests can share a run, joins their tensors, and cuts the outputs. Has no side
//! effects.

use std::collections::BTreeMap;

use super::BatchSettings;
use crate::session::Port;
use crate::tensor::{Axis, Tensor};

/// Padding may at most double the number of values in a batch.
const LARGEST_PADDING_FACTOR: usize = 2;

/// What the inputs and outputs of a graph allow.
#[derive(Debug)]
pub(super) struct Plan {
    /// The largest number of rows in one run.
    max_rows: usize,
    /// The largest product of rows and of a padded axis in one run.
    max_area: usize,
    batchable: bool,
    /// For each input and axis, the name of the axis if it may be padded.
    inputs: Vec<Vec<Option<String>>>,
    /// For each output and axis, the name of the axis if it must be cut back.
    outputs: Vec<Vec<Option<String>>>,
}

impl Plan {
    pub(super) fn new(inputs: &[Port], outputs: &[Port], settings: &BatchSettings) -> Self {
        let mut rows = inputs.iter().chain(outputs).map(|port| match port.axes.first() {
            Some(Axis::Dynamic(name)) => Some(name),
            _ => None,
        });
        let first = rows.next().flatten();
        // An axis with another name may have another length, so that rows do not belong together.
        let batchable = !inputs.is_empty() && first.is_some() && rows.all(|name| name == first);
        let padded = |axis: (usize, &Axis)| match axis {
            (1.., Axis::Dynamic(name)) if settings.padded.contains(name) => Some(name.clone()),
            _ => None,
        };
        let names =
            |ports: &[Port]| ports.iter().map(|port| port.axes.iter().enumerate().map(padded).collect()).collect();
        Self {
            max_rows: settings.max_rows,
            max_area: settings.max_area,
            batchable,
            inputs: names(inputs),
            outputs: names(outputs),
        }
    }

    pub(super) fn is_batchable(&self) -> bool {
        self.batchable
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
                answer.push(output.block(from, shape)?);
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
        Self { plan, shapes, values: first.iter().map(|tensor| tensor.len()).sum() }
    }

    /// Returns the number of rows so far.
    pub(super) fn rows(&self) -> usize {
        self.shapes.first().and_then(|shape| shape.first()).copied().unwrap_or(0)
    }

    /// Returns whether a further request could fit.
    pub(super) fn can_grow(&self) -> bool {
        self.plan.batchable && self.rows() < self.plan.max_rows
    }

    /// Adds a request to the batch if it fits and the padding stays within its limit. Returns
    /// whether it was added.
    pub(super) fn admit(&mut self, request: &[Tensor]) -> bool {
        if !self.plan.batchable || request.len() != self.shapes.len() {
            return false;
        }
        // The axis may have no name, and then nothing has compared its lengths.
        let own = rows(request);
        let is_even = |length: Option<&usize>, rows: usize| length == Some(&rows);
        let has_even_rows = request.iter().all(|tensor| is_even(tensor.shape().first(), own))
            && self.shapes.iter().all(|shape| is_even(shape.first(), self.shapes[0][0]));
        if !has_even_rows {
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
        let values = self.values + request.iter().map(|tensor| tensor.len()).sum::<usize>();
        let padded: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        let rows = shapes.first().and_then(|shape| shape.first()).copied().unwrap_or(0);
        let lengths = shapes.iter().zip(&self.plan.inputs).flat_map(|(shape, names)| shape.iter().zip(names));
        let longest = lengths.filter_map(|(length, name)| name.as_ref().map(|_| *length)).max().unwrap_or(1);
        let is_large = rows > self.plan.max_rows || rows.saturating_mul(longest) > self.plan.max_area;
        if is_large || padded > LARGEST_PADDING_FACTOR * values {
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
    let first = parts.first()?;
    let mut shape = first.shape().to_vec();
    for part in &parts[1..] {
        if part.shape().len() != shape.len() || part.kind() != first.kind() {
            return None;
        }
        for (at, (length, other)) in shape.iter_mut().zip(part.shape()).enumerate() {
            *length = if at == 0 { *length + other } else { (*length).max(*other) };
        }
    }
    let inner = shape.get(1..)?;
    match first.kind().size() {
        Some(size) => {
            let joined = stack(parts, inner, size, |tensor| tensor.as_bytes().map(AsRef::as_ref))?;
            Tensor::from_bytes(first.kind(), shape, joined.into()).ok()
        }
        None => {
            let joined = stack(parts, inner, 1, Tensor::as_texts)?;
            Tensor::from_texts(shape, joined).ok()
        }
    }
}

/// Joins values that take `width` places each.
fn stack<T: Clone + Default>(
    parts: &[&Tensor],
    inner: &[usize],
    width: usize,
    values: impl Fn(&Tensor) -> Option<&[T]>,
) -> Option<Vec<T>> {
    let row: usize = inner.iter().product::<usize>() * width;
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.shape()[0] * row).sum());
    for part in parts {
        let values = values(part)?;
        if part.shape()[1..] == *inner {
            joined.extend_from_slice(values);
        } else {
            let (own, inner) = ([part.shape(), &[width]].concat(), [inner, &[width]].concat());
            pad(values, &own, &inner, &mut joined);
        }
    }
    Some(joined)
}

/// Appends blocks of shape `own`, padded with zeros at the end so that their inner dimensions are
/// `inner`.
fn pad<T: Clone + Default>(values: &[T], own: &[usize], inner: &[usize], joined: &mut Vec<T>) {
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

#[cfg(test)]
mod tests;
