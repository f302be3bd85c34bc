//! Tensors: the inputs and outputs of a graph. Values are kept as bytes, so that a tensor can be
//! made from a part of a network message, and written to one, without a copy.

mod axis;
mod block;
mod element;
mod error;
mod kind;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use half::{bf16, f16};

pub use axis::Axis;
pub use element::Element;
pub use error::TensorError;
pub use kind::Kind;

use block::block;
use element::Owned;

/// The values of a tensor, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    /// Numbers and booleans in the byte order of the machine.
    Packed(Bytes),
    Texts(Arc<[Bytes]>),
}

/// A dense tensor whose shape fits its values. Clones share the values.
///
/// **Invariant:** packed values are aligned for their type, and a boolean is 0 or 1
/// (`tensor::tests::values_are_copied_only_where_they_are_not_aligned`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    kind: Kind,
    shape: Vec<usize>,
    values: Values,
}

impl Tensor {
    /// Creates a tensor from a shape and its values, without a copy.
    ///
    /// # Errors
    /// The number of values is not the product of the dimensions.
    pub fn from_vec<T: Element>(shape: Vec<usize>, values: Vec<T>) -> Result<Self, TensorError> {
        check_count(&shape, values.len())?;
        let values = if values.is_empty() { Bytes::new() } else { Bytes::from_owner(Owned(values)) };
        Ok(Self { kind: T::KIND, shape, values: Values::Packed(values) })
    }

    /// Creates a tensor from a shape and its values in the byte order of the machine. Copies them
    /// only if they are not aligned for their type.
    ///
    /// # Errors
    /// The number of bytes is not that of the shape, the values are texts, or a boolean is neither
    /// 0 nor 1.
    pub fn from_bytes(kind: Kind, shape: Vec<usize>, bytes: Bytes) -> Result<Self, TensorError> {
        let size = kind.size().ok_or(TensorError::Texts)?;
        let holds = count(&shape).and_then(|count| count.checked_mul(size));
        if holds != Some(bytes.len()) {
            return Err(TensorError::Bytes { kind, shape, found: bytes.len() });
        }
        if kind == Kind::Bool && bytes.iter().any(|&byte| byte > 1) {
            return Err(TensorError::NotBool);
        }
        Ok(Self { kind, shape, values: Values::Packed(kind.aligned(bytes)) })
    }

    /// Creates a tensor of zeros.
    ///
    /// # Errors
    /// The product of the dimensions is larger than this machine can address.
    pub fn zeros<T: Element + Default>(shape: Vec<usize>) -> Result<Self, TensorError> {
        let bytes =
            |count: &usize| count.checked_mul(size_of::<T>()).is_some_and(|bytes| isize::try_from(bytes).is_ok());
        match count(&shape).filter(bytes) {
            Some(count) => Self::from_vec(shape, vec![T::default(); count]),
            None => Err(TensorError::Bytes { kind: T::KIND, shape, found: 0 }),
        }
    }

    /// Creates a tensor of texts.
    ///
    /// # Errors
    /// The number of texts is not the product of the dimensions.
    pub fn from_texts(shape: Vec<usize>, texts: Vec<Bytes>) -> Result<Self, TensorError> {
        check_count(&shape, texts.len())?;
        Ok(Self { kind: Kind::Text, shape, values: Values::Texts(texts.into()) })
    }

    /// Returns the dimensions, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the same values in another shape.
    ///
    /// # Errors
    /// The number of values is not the product of the dimensions.
    pub fn reshaped(self, shape: Vec<usize>) -> Result<Self, TensorError> {
        check_count(&shape, self.len())?;
        Ok(Self { shape, ..self })
    }

    /// Returns the element type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Packed(bytes) => bytes.len() / self.kind.size().unwrap_or(1),
            Values::Texts(texts) => texts.len(),
        }
    }

    /// Returns whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the values in the byte order of the machine, or `None` if they are texts.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        if let Values::Packed(bytes) = &self.values { Some(bytes) } else { None }
    }

    /// Returns the texts, or `None` if the values are of another type.
    pub fn as_texts(&self) -> Option<&[Bytes]> {
        if let Values::Texts(texts) = &self.values { Some(texts) } else { None }
    }

    /// Returns the values, or `None` if they are of another type.
    pub fn values<T: Element>(&self) -> Option<&[T]> {
        if self.kind != T::KIND {
            return None;
        }
        // No values need no alignment.
        let bytes = self.as_bytes()?;
        if bytes.is_empty() { Some(&[]) } else { bytemuck::checked::try_cast_slice(&bytes[..]).ok() }
    }

    /// Returns the values, or `None` if they are not single precision.
    pub fn as_f32(&self) -> Option<&[f32]> {
        self.values()
    }

    /// Returns the values, or `None` if they are not double precision.
    pub fn as_f64(&self) -> Option<&[f64]> {
        self.values()
    }

    /// Returns the values, or `None` if they are not 64-bit integers.
    pub fn as_i64(&self) -> Option<&[i64]> {
        self.values()
    }

    /// Joins tensors along axis 0. Returns `None` if there are none, or if their types or their
    /// other dimensions differ.
    pub fn concat(parts: &[&Self]) -> Option<Self> {
        let (kind, inner) = parts.first().and_then(|first| Some((first.kind, first.shape.get(1..)?)))?;
        let mut rows = 0_usize;
        for part in parts {
            let (own, dims) = part.shape.split_first()?;
            if part.kind != kind || dims != inner {
                return None;
            }
            rows = rows.checked_add(*own)?;
        }
        let shape = [&[rows][..], inner].concat();
        let packed: Option<Vec<&[u8]>> = parts.iter().map(|part| part.as_bytes().map(AsRef::as_ref)).collect();
        match packed {
            Some(packed) => Self::from_bytes(kind, shape, packed.concat().into()).ok(),
            None => {
                Self::from_texts(shape, parts.iter().flat_map(|part| part.as_texts()).flatten().cloned().collect()).ok()
            }
        }
    }

    /// Returns a copy of some rows: the values at these places of axis 0. Returns `None` if the
    /// tensor does not have them. A copy, because a part would keep the memory of the whole.
    pub fn rows(&self, rows: Range<usize>) -> Option<Self> {
        let (own, inner) = self.shape.split_first()?;
        let count = rows.end.checked_sub(rows.start).filter(|_| rows.end <= *own)?;
        self.block(rows.start, [&[count][..], inner].concat())
    }

    /// Returns a copy of the block of `shape` that begins at row `from` and at the start of all
    /// other axes. Returns `None` if the tensor does not have it.
    pub(crate) fn block(&self, from: usize, shape: Vec<usize>) -> Option<Self> {
        match &self.values {
            Values::Packed(bytes) => {
                let taken = block(bytes, (&self.shape, self.kind.size()?), from, &shape)?;
                Self::from_bytes(self.kind, shape, taken.into()).ok()
            }
            Values::Texts(texts) => {
                let taken = block(texts, (&self.shape, 1), from, &shape)?;
                Self::from_texts(shape, taken).ok()
            }
        }
    }

    /// Returns whether all values are finite. Values that are no floating-point numbers are.
    pub fn is_finite(&self) -> bool {
        // Without an early end, so that the loop takes several numbers at a time.
        match self.kind {
            Kind::F32 => self.as_f32().unwrap_or_default().iter().fold(true, |all, value| all & value.is_finite()),
            Kind::F64 => self.as_f64().unwrap_or_default().iter().fold(true, |all, value| all & value.is_finite()),
            Kind::F16 => {
                self.values::<f16>().unwrap_or_default().iter().fold(true, |all, value| all & value.is_finite())
            }
            Kind::Bf16 => {
                let values = self.values::<bf16>().unwrap_or_default();
                values.iter().fold(true, |all, value| all & value.is_finite())
            }
            _ => true,
        }
    }
}

/// Returns the number of values that a shape holds, or `None` if it cannot be counted.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))
}

fn check_count(shape: &[usize], found: usize) -> Result<(), TensorError> {
    if count(shape) == Some(found) { Ok(()) } else { Err(TensorError::Count { shape: shape.to_vec(), found }) }
}

#[cfg(test)]
mod tests;
