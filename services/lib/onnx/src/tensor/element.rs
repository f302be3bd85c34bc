//! The Rust types of packed values.

use bytemuck::{CheckedBitPattern, NoUninit};
use half::{bf16, f16};

use super::Kind;

/// A Rust type of packed values: numbers, `half::f16`, `half::bf16` and `bool`.
pub trait Element: CheckedBitPattern + NoUninit + Send + sealed::Sealed {
    /// The element type of tensors with these values.
    const KIND: Kind;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($rust:ty => $kind:ident),*) => {
        $(
            impl sealed::Sealed for $rust {}
            impl Element for $rust {
                const KIND: Kind = Kind::$kind;
            }
        )*
    };
}

elements!(
    bool => Bool, u8 => U8, u16 => U16, u32 => U32, u64 => U64, i8 => I8, i16 => I16, i32 => I32, i64 => I64,
    f16 => F16, bf16 => Bf16, f32 => F32, f64 => F64
);

/// Values that are read as bytes.
pub(super) struct Owned<T>(pub(super) Vec<T>);

impl<T: NoUninit> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}
