//! Tensors as plain vectors: the inputs and outputs of a graph.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// 64-bit integers.
    I64,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I64 => "int64",
        })
    }
}

/// One dimension of an input or output, as the graph declares it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The dimension always has this length.
    Fixed(usize),
    /// The caller chooses the length. Dimensions with the same name must have the same length. The
    /// name is empty if the graph declares none.
    Dynamic(String),
}

/// Values of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// 64-bit integers.
    I64(Vec<i64>),
}

impl Data {
    /// Returns the element type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::F32(_) => Kind::F32,
            Self::F64(_) => Kind::F64,
            Self::I64(_) => Kind::I64,
        }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Returns whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A shape that does not fit the number of values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("shape {shape:?} does not hold {found} values")]
pub struct TensorError {
    shape: Vec<usize>,
    found: usize,
}

/// A dense tensor whose shape fits its values. Clones share the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Arc<Data>,
}

impl Tensor {
    /// Creates a tensor from a shape and its values.
    ///
    /// # Errors
    /// The number of values is not the product of the dimensions.
    pub fn try_new(shape: Vec<usize>, data: Data) -> Result<Self, TensorError> {
        let holds = shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
        if holds != Some(data.len()) {
            return Err(TensorError { found: data.len(), shape });
        }
        Ok(Self { shape, data: Arc::new(data) })
    }

    /// Returns the dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the values, row-major.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Returns the element type.
    pub fn kind(&self) -> Kind {
        self.data.kind()
    }

    /// Returns the values, or `None` if they are not single precision.
    pub fn as_f32(&self) -> Option<&[f32]> {
        if let Data::F32(values) = &*self.data { Some(values) } else { None }
    }

    /// Returns the values, or `None` if they are not double precision.
    pub fn as_f64(&self) -> Option<&[f64]> {
        if let Data::F64(values) = &*self.data { Some(values) } else { None }
    }

    /// Returns the values, or `None` if they are not integers.
    pub fn as_i64(&self) -> Option<&[i64]> {
        if let Data::I64(values) = &*self.data { Some(values) } else { None }
    }

    /// Returns the shape and the values. Copies the values if other clones share them.
    pub fn into_parts(self) -> (Vec<usize>, Data) {
        (self.shape, Arc::unwrap_or_clone(self.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_holds_exactly_its_values() {
        assert!(Tensor::try_new(vec![2, 3], Data::F32(vec![0.0; 6])).is_ok());
        assert!(Tensor::try_new(vec![], Data::I64(vec![7])).is_ok());
        assert!(Tensor::try_new(vec![0, 3], Data::F64(vec![])).is_ok());
        let error = Tensor::try_new(vec![2, 3], Data::F32(vec![0.0; 5])).expect_err("one short");
        assert_eq!(error.to_string(), "shape [2, 3] does not hold 5 values");
    }

    #[test]
    fn a_shape_that_overflows_is_refused() {
        assert!(Tensor::try_new(vec![usize::MAX, 2, 0], Data::F32(vec![])).is_err());
    }
}
