//! Shapes, alignment and rows.

use half::{bf16, f16};

use super::*;

#[test]
fn a_shape_holds_exactly_its_values() {
    assert!(Tensor::from_vec(vec![2, 3], vec![0.0_f32; 6]).is_ok());
    assert!(Tensor::from_vec(vec![], vec![7_i64]).is_ok());
    let empty = Tensor::from_vec(vec![0, 3], Vec::<f64>::new()).expect("fits");
    assert_eq!((empty.len(), empty.as_f64()), (0, Some([].as_slice())));
    let error = Tensor::from_vec(vec![2, 3], vec![0.0_f32; 5]).expect_err("one short");
    assert_eq!(error.to_string(), "shape [2, 3] does not hold 5 values");
    let error = Tensor::from_bytes(Kind::F16, vec![3], Bytes::from_static(&[0; 5])).expect_err("one short");
    assert_eq!(error.to_string(), "shape [3] of float16 does not hold 5 bytes");
    assert!(Tensor::from_texts(vec![2], vec![Bytes::from_static(b"a")]).is_err());
}

#[test]
fn a_shape_that_overflows_is_refused() {
    assert!(Tensor::from_vec(vec![usize::MAX, 2, 0], Vec::<f32>::new()).is_err());
    assert!(Tensor::from_bytes(Kind::F64, vec![usize::MAX / 4], Bytes::new()).is_err());
    assert!(Tensor::from_bytes(Kind::F64, vec![1 << 61], Bytes::new()).is_err(), "its bytes overflow to 0");
    assert!(Tensor::zeros::<f64>(vec![1 << 61]).is_err() && Tensor::zeros::<f64>(vec![1 << 60]).is_err());
    assert_eq!(Tensor::zeros::<f32>(vec![1, 2]).expect("fits").as_f32(), Some([0.0; 2].as_slice()));
}

#[test]
fn values_are_copied_only_where_they_are_not_aligned() {
    let values: Vec<u64> = vec![1, 2, 3];
    let whole = Tensor::from_vec(vec![3], values).expect("fits").as_bytes().expect("packed").clone();
    for (kind, from) in [(Kind::F64, 8), (Kind::I32, 4), (Kind::Bf16, 2), (Kind::U8, 1)] {
        let size = kind.size().expect("packed");
        let aligned = whole.slice(from..from + 2 * size);
        let tensor = Tensor::from_bytes(kind, vec![2], aligned.clone()).expect("fits");
        assert_eq!(tensor.as_bytes().expect("packed").as_ptr(), aligned.as_ptr(), "{kind}");
        if size > 1 {
            let moved = whole.slice(from - 1..from - 1 + 2 * size);
            let tensor = Tensor::from_bytes(kind, vec![2], moved.clone()).expect("fits");
            let copy = tensor.as_bytes().expect("packed");
            assert_eq!(copy, &moved, "{kind}");
            assert_eq!(copy.as_ptr() as usize % size, 0, "{kind}");
        }
    }
    let wrong = Tensor::from_bytes(Kind::Bool, vec![2], Bytes::from_static(&[1, 2]));
    assert_eq!(wrong, Err(TensorError::NotBool));
    let bools = Tensor::from_bytes(Kind::Bool, vec![2], Bytes::from_static(&[1, 0])).expect("fits");
    assert_eq!(bools.values::<bool>(), Some([true, false].as_slice()));
    assert_eq!(bools.values::<u8>(), None);
}

#[test]
fn rows_are_joined_and_cut() {
    let halves = |values: &[f32]| {
        let values = values.iter().map(|&value| f16::from_f32(value)).collect();
        Tensor::from_vec(vec![2, 1], values).expect("fits")
    };
    let joined = Tensor::concat(&[&halves(&[1.0, 2.0]), &halves(&[3.0, 4.0])]).expect("joins");
    assert_eq!(joined.shape(), [4, 1]);
    assert_eq!(joined.rows(2..4), Some(halves(&[3.0, 4.0])));
    assert_eq!((joined.rows(3..5), Tensor::concat(&[])), (None, None));
    let text =
        |text: &'static str| Tensor::from_texts(vec![1], vec![Bytes::from_static(text.as_bytes())]).expect("fits");
    let texts = Tensor::concat(&[&text("a"), &text("b")]).expect("joins");
    assert_eq!(texts.rows(1..2), Some(text("b")));
    assert_eq!(Tensor::concat(&[&text("a"), &joined]), None);
}

#[test]
fn numbers_that_are_not_finite_are_told() {
    let wrong = [
        Tensor::from_vec(vec![1], vec![f32::NAN]),
        Tensor::from_vec(vec![1], vec![f64::INFINITY]),
        Tensor::from_vec(vec![1], vec![f16::NAN]),
        Tensor::from_vec(vec![1], vec![bf16::NEG_INFINITY]),
    ];
    assert!(wrong.into_iter().all(|tensor| !tensor.expect("fits").is_finite()));
    assert!(Tensor::from_vec(vec![1], vec![1.0_f32]).expect("fits").is_finite());
    assert!(Tensor::from_vec(vec![1], vec![i64::MAX]).expect("fits").is_finite());
}
