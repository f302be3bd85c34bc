//! Tensors in the typed fields of gRPC (`InferTensorContents`). Smaller integers travel in the
//! fields of larger ones.

use bytes::Bytes;
use marquee_domain::Reason;
use marquee_kit::Failure;
use marquee_onnx::{Element, Kind, Tensor};
use marquee_proto::inference::InferTensorContents;

use super::raw::{MOST_TEXTS, misfit};

/// Reads a tensor.
pub(super) fn read(
    field: &str,
    kind: Kind,
    shape: Vec<usize>,
    contents: InferTensorContents,
) -> Result<Tensor, Failure> {
    let InferTensorContents {
        bool_contents,
        int_contents,
        int64_contents,
        uint_contents,
        uint64_contents,
        fp32_contents,
        fp64_contents,
        bytes_contents,
    } = contents;
    match kind {
        Kind::Bool => tensor(field, shape, bool_contents),
        Kind::I8 => tensor(field, shape, narrow::<_, i8>(field, kind, int_contents)?),
        Kind::I16 => tensor(field, shape, narrow::<_, i16>(field, kind, int_contents)?),
        Kind::I32 => tensor(field, shape, int_contents),
        Kind::I64 => tensor(field, shape, int64_contents),
        Kind::U8 => tensor(field, shape, narrow::<_, u8>(field, kind, uint_contents)?),
        Kind::U16 => tensor(field, shape, narrow::<_, u16>(field, kind, uint_contents)?),
        Kind::U32 => tensor(field, shape, uint_contents),
        Kind::U64 => tensor(field, shape, uint64_contents),
        Kind::F32 => tensor(field, shape, fp32_contents),
        Kind::F64 => tensor(field, shape, fp64_contents),
        Kind::Text => texts(field, shape, bytes_contents),
        Kind::F16 | Kind::Bf16 => {
            let message = "has half precision, for which there is no field; send it in raw_input_contents";
            Err(Failure::field(format!("{field}.contents"), Reason::Malformed, message))
        }
    }
}

fn tensor<T: Element>(field: &str, shape: Vec<usize>, values: Vec<T>) -> Result<Tensor, Failure> {
    Tensor::from_vec(shape, values).map_err(|error| misfit(field, &error))
}

fn texts(field: &str, shape: Vec<usize>, texts: Vec<Bytes>) -> Result<Tensor, Failure> {
    if texts.len() > MOST_TEXTS {
        let message = format!("has {} elements; send at most {MOST_TEXTS} at once", texts.len());
        return Err(Failure::field(field, Reason::TooMany, message));
    }
    Tensor::from_texts(shape, texts).map_err(|error| misfit(field, &error))
}

fn narrow<F, T: TryFrom<F>>(field: &str, kind: Kind, values: Vec<F>) -> Result<Vec<T>, Failure> {
    let narrowed: Result<Vec<T>, _> = values.into_iter().map(T::try_from).collect();
    narrowed.map_err(|_| Failure::field(field, Reason::Malformed, format!("has a value that {kind} does not hold")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_read_from_its_field() {
        let contents = InferTensorContents {
            bool_contents: vec![true],
            int_contents: vec![-3],
            int64_contents: vec![i64::MIN],
            uint_contents: vec![200],
            uint64_contents: vec![u64::MAX],
            fp32_contents: vec![0.5],
            fp64_contents: vec![0.25],
            bytes_contents: vec![Bytes::from_static(b"ann")],
        };
        for kind in Kind::ALL {
            let tensor = read("x", kind, vec![1], contents.clone());
            match kind {
                Kind::F16 | Kind::Bf16 => assert!(tensor.is_err(), "{kind}"),
                _ => assert_eq!(tensor.expect("valid").kind(), kind),
            }
        }
        let bytes = read("x", Kind::U8, vec![1], contents.clone()).expect("valid");
        assert_eq!(bytes.values::<u8>(), Some([200].as_slice()));
        assert!(read("x", Kind::F32, vec![2], contents).is_err(), "the shape holds two values");
    }

    #[test]
    fn integers_that_are_too_large_for_their_type_are_refused() {
        let contents = InferTensorContents { uint_contents: vec![256], ..InferTensorContents::default() };
        let refused = read("x", Kind::U8, vec![1], contents).expect_err("too large");
        assert_eq!(refused.to_string(), "x has a value that uint8 does not hold");
    }
}
