//! The element types of tensors.

use std::fmt;

use bytes::Bytes;

use super::element::Owned;

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Booleans, one byte each.
    Bool,
    /// Unsigned 8-bit integers.
    U8,
    /// Unsigned 16-bit integers.
    U16,
    /// Unsigned 32-bit integers.
    U32,
    /// Unsigned 64-bit integers.
    U64,
    /// 8-bit integers.
    I8,
    /// 16-bit integers.
    I16,
    /// 32-bit integers.
    I32,
    /// 64-bit integers.
    I64,
    /// Half precision, IEEE 754 binary16.
    F16,
    /// Half precision with the exponent of single precision (bfloat16).
    Bf16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Texts of any length. ONNX Runtime accepts UTF-8 only.
    Text,
}

impl Kind {
    /// Every element type.
    pub const ALL: [Self; 14] = [
        Self::Bool,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::F16,
        Self::Bf16,
        Self::F32,
        Self::F64,
        Self::Text,
    ];

    /// Returns the number of bytes of a value, or `None` for texts.
    pub const fn size(self) -> Option<usize> {
        match self {
            Self::Bool | Self::U8 | Self::I8 => Some(1),
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text => None,
        }
    }

    /// Returns the same bytes at an address where values of this type can be read. Their number is
    /// a multiple of the size.
    pub(super) fn aligned(self, bytes: Bytes) -> Bytes {
        let size = self.size().unwrap_or(1);
        // The alignment of each of these types is its size, or less.
        if bytes.is_empty() || (bytes.as_ptr() as usize).is_multiple_of(size) {
            return bytes;
        }
        match size {
            2 => copied::<u16>(&bytes),
            4 => copied::<u32>(&bytes),
            _ => copied::<u64>(&bytes),
        }
    }
}

fn copied<T: super::Element + bytemuck::AnyBitPattern>(bytes: &[u8]) -> Bytes {
    Bytes::from_owner(Owned(bytemuck::pod_collect_to_vec::<u8, T>(bytes)))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Text => "string",
        })
    }
}
