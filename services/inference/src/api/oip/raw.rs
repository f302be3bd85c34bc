//! Tensors as little-endian bytes, row-major: `raw_input_contents` of gRPC and the binary extension
//! of REST. An element of BYTES has its length before it, in four bytes.
//!
//! The values of other types are used where they are: the byte order of all machines that Marquee
//! is built for is little-endian.

use bytes::{BufMut, Bytes, BytesMut};
use marquee_domain::Reason;
use marquee_kit::Failure;
use marquee_onnx::{Kind, Tensor, TensorError};

/// The most elements of an input of BYTES. Each takes some memory besides its bytes.
pub(super) const MOST_TEXTS: usize = 1 << 20;

/// The bytes of the length before an element.
const HEAD: usize = 4;

/// Returns a shape as the graph needs it. `field` names the input in errors.
pub(super) fn shape(field: &str, dims: &[i64]) -> Result<Vec<usize>, Failure> {
    let parse = |dim: &i64| usize::try_from(*dim);
    dims.iter().map(parse).collect::<Result<_, _>>().map_err(|_| {
        let message = format!("is {dims:?}; expected lengths of at least 0");
        Failure::field(format!("{field}.shape"), Reason::Malformed, message)
    })
}

/// Returns the number of values of a shape.
pub(super) fn count(field: &str, shape: &[usize]) -> Result<usize, Failure> {
    let count = shape.iter().try_fold(1_usize, |count, &length| count.checked_mul(length));
    count
        .ok_or_else(|| Failure::field(format!("{field}.shape"), Reason::TooMany, "has more values than can be counted"))
}

/// Reads a tensor.
pub(super) fn read(field: &str, kind: Kind, shape: Vec<usize>, bytes: Bytes) -> Result<Tensor, Failure> {
    let tensor = match kind {
        Kind::Text => {
            let texts = texts(field, count(field, &shape)?, bytes)?;
            Tensor::from_texts(shape, texts)
        }
        kind => Tensor::from_bytes(kind, shape, bytes),
    };
    tensor.map_err(|error| misfit(field, &error))
}

/// Returns the failure of values that are not the tensor that a request declares.
pub(super) fn misfit(field: &str, error: &TensorError) -> Failure {
    Failure::field(field, Reason::Malformed, format!("does not fit its values: {error}"))
}

fn texts(field: &str, count: usize, mut bytes: Bytes) -> Result<Vec<Bytes>, Failure> {
    let refused = |what: String| Err(Failure::field(field, Reason::Malformed, what));
    if count > MOST_TEXTS {
        let message = format!("has {count} elements; send at most {MOST_TEXTS} at once");
        return Err(Failure::field(field, Reason::TooMany, message));
    }
    // Each element takes its length at least.
    let mut texts = Vec::with_capacity(count.min(bytes.len() / HEAD));
    while !bytes.is_empty() {
        let Some(head) = bytes.first_chunk::<HEAD>() else {
            return refused(format!("ends within the length of element {}", texts.len()));
        };
        let length = u32::from_le_bytes(*head) as usize;
        let _head = bytes.split_to(HEAD);
        if length > bytes.len() || texts.len() == count {
            let what = if texts.len() == count { "has more elements than its shape" } else { "ends within an element" };
            return refused(format!("{what}, at element {}", texts.len()));
        }
        texts.push(bytes.split_to(length));
    }
    Ok(texts)
}

/// Writes a tensor. Copies only elements of BYTES.
pub(super) fn write(tensor: &Tensor) -> Bytes {
    if let Some(bytes) = tensor.as_bytes() {
        return bytes.clone();
    }
    let texts = tensor.as_texts().unwrap_or_default();
    let mut written = BytesMut::with_capacity(texts.iter().map(|text| HEAD + text.len()).sum());
    for text in texts {
        // No text of an answer is longer than an answer may be.
        written.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
        written.put_slice(text);
    }
    written.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_come_back_as_they_were_sent() {
        let texts = vec![Bytes::from_static(b"ann"), Bytes::new(), Bytes::from_static(&[0xff, 0])];
        let tensor = Tensor::from_texts(vec![3, 1], texts).expect("fits");
        let written = write(&tensor);
        assert_eq!(&written[..7], b"\x03\0\0\0ann");
        assert_eq!(read("inputs[0]", Kind::Text, vec![3, 1], written).expect("reads"), tensor);
    }

    #[test]
    fn values_that_do_not_fit_their_shape_are_refused() {
        let read =
            |kind, shape: &[usize], bytes: &'static [u8]| read("x", kind, shape.to_vec(), Bytes::from_static(bytes));
        let cases: [(Kind, &[usize], &'static [u8], &str); 9] = [
            (Kind::F32, &[2], &[0; 7], "x does not fit its values: shape [2] of float32 does not hold 7 bytes"),
            (Kind::F64, &[1 << 61, 8], &[], "x does not fit its values: "),
            (Kind::Bool, &[1], &[7], "x does not fit its values: a boolean is neither 0 nor 1"),
            (Kind::Text, &[1], b"\x05\0\0\0ann", "x ends within an element, at element 0"),
            (Kind::Text, &[1], b"\x01\0\0", "x ends within the length of element 0"),
            (Kind::Text, &[1], b"\0\0\0\0\0\0\0\0", "x has more elements than its shape, at element 1"),
            (Kind::Text, &[2], b"\0\0\0\0", "x does not fit its values: shape [2] does not hold 1 values"),
            (Kind::Text, &[1 << 40], b"", "x has 1099511627776 elements; send at most 1048576 at once"),
            (Kind::Text, &[usize::MAX, 2], b"", "x.shape has more values than can be counted"),
        ];
        for (kind, shape, bytes, message) in cases {
            let refused = read(kind, shape, bytes).expect_err(message).to_string();
            assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
        }
        assert!(shape("x", &[2, -1]).expect_err("negative").to_string().starts_with("x.shape is [2, -1]; expected"));
    }

    proptest! {
        /// Whatever is declared and sent, reading neither panics nor allocates by the declaration.
        #[test]
        fn arbitrary_bytes_are_read_or_refused(
            kind in 0..Kind::ALL.len(),
            dims in prop::collection::vec(any::<i64>(), 0..4),
            bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Ok(shape) = shape("x", &dims) {
                let whole = Bytes::from(bytes);
                if let Ok(tensor) = read("x", Kind::ALL[kind], shape, whole.clone()) {
                    prop_assert_eq!(write(&tensor), whole);
                }
            }
        }
    }
}
