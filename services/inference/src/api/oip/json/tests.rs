//! Requests and answers with and without bytes behind the JSON.

use std::time::Duration;

use half::f16;
use marquee_onnx::Kind;
use serde_json::json;

use super::*;

fn read_json(value: &Value) -> Result<Read, Failure> {
    read(&Bytes::from(value.to_string()), None, ("rate".to_owned(), None))
}

fn input(datatype: &str, shape: &[i64], data: &Value) -> Value {
    json!({"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data}]})
}

#[test]
fn values_in_json_are_read_for_every_type() {
    let whole = json!([[1, 2], [3, 4]]);
    for kind in Kind::ALL {
        let data = match kind {
            Kind::Bool => json!([true, false, 1, 0]),
            Kind::Text => json!([["ann", "bob"], ["", "ü"]]),
            _ => whole.clone(),
        };
        let read = read_json(&input(datatype::name(kind), &[2, 2], &data)).expect("valid");
        let (name, tensor) = &read.call.inputs[0];
        assert_eq!((name.as_str(), tensor.kind(), tensor.shape()), ("x", kind, &[2, 2][..]));
        // What is written is read again.
        let written = serde_json::to_value(Data(tensor)).expect("writes");
        let again = read_json(&input(datatype::name(kind), &[2, 2], &written)).expect("valid");
        assert_eq!(again.call.inputs[0].1, *tensor, "{written}");
    }
    let halves = read_json(&input("FP16", &[2], &json!([0.5, 70_000.0]))).expect("valid");
    assert_eq!(halves.call.inputs[0].1.values::<f16>(), Some([f16::from_f32(0.5), f16::INFINITY].as_slice()));
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    for (request, message) in [
        (json!([]), "body is not valid JSON for this request ("),
        (json!({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32"}]}), "inputs[0] has neither data nor binary"),
        (input("FP32", &[1], &json!([1, 2])), "inputs[0].data is not valid for float32: it has more than the 1 values"),
        (input("FP32", &[3], &json!([1, 2])), "inputs[0] does not fit its values: shape [3] does not hold 2 values"),
        (input("FP32", &[1], &json!(["1"])), "inputs[0].data is not valid for float32: the type does not have the "),
        (
            input("UINT8", &[1], &json!([256])),
            "inputs[0].data is not valid for uint8: the type does not have the value",
        ),
        (
            input("INT32", &[1], &json!([0.5])),
            "inputs[0].data is not valid for int32: the type does not have the value",
        ),
        (input("BOOL", &[1], &json!([2])), "inputs[0].data is not valid for bool: "),
        (input("BYTES", &[1], &json!([1])), "inputs[0].data is not valid for string: "),
        (input("FP32", &[1], &json!({})), "inputs[0].data is not valid for float32: invalid type: map"),
        (input("FP32", &[i64::MAX, 3], &json!([])), "inputs[0].shape has more values than can be counted"),
        (input("FP32", &[1 << 62], &json!([])), "inputs[0] does not fit its values: "),
    ] {
        let refused = read_json(&request).expect_err(message).to_string();
        assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
    }
}

/// Returns a request with two inputs behind the JSON.
fn binary(sizes: [u64; 2], behind: &[u8]) -> Result<Read, Failure> {
    let input = |name: &str, datatype: &str, size: u64| json!({"name": name, "shape": [1], "datatype": datatype, "parameters": {"binary_data_size": size}});
    let json = json!({
        "id": "7",
        "parameters": {"binary_data_output": true, "priority": 2, "timeout": 9},
        "inputs": [input("x", "FP32", sizes[0]), input("y", "BYTES", sizes[1])],
        "outputs": [{"name": "a"}, {"name": "b", "parameters": {"binary_data": false}}],
    });
    let json = json.to_string();
    let length = json.len();
    read(&Bytes::from([json.as_bytes(), behind].concat()), Some(length), ("rate".to_owned(), Some(1)))
}

#[test]
fn bytes_behind_the_json_are_inputs_in_their_order() {
    let found = binary([4, 7], b"\0\0\x80\x3f\x03\0\0\0ann").expect("valid");
    assert_eq!(found.call.inputs[0].1.as_f32(), Some([1.0].as_slice()));
    assert_eq!(found.call.inputs[1].1.as_texts(), Some([Bytes::from_static(b"ann")].as_slice()));
    assert_eq!((found.call.priority, found.call.timeout), (2, Some(Duration::from_micros(9))));
    assert_eq!(found.call.outputs, ["a", "b"]);
    assert!(found.form.is_binary("a") && !found.form.is_binary("b"));
    for (sizes, message) in [
        ([4, 8], "inputs[1] has a binary_data_size of 8, but 7 bytes are left"),
        ([4, u64::MAX], "inputs[1] has a binary_data_size of 18446744073709551615, but 7 bytes are left"),
        ([4, 6], "inputs[1] ends within an element, at element 0"),
        ([3, 8], "inputs[0] does not fit its values: shape [1] of float32 does not hold 3 bytes"),
    ] {
        let refused = binary(sizes, b"\0\0\x80\x3f\x03\0\0\0ann").expect_err(message).to_string();
        assert_eq!(refused, message);
    }
    let more = binary([4, 7], b"\0\0\x80\x3f\x03\0\0\0ann!").expect_err("one more").to_string();
    assert!(more.starts_with("body has 1 bytes behind the last input"), "{more}");
    let short = read(&Bytes::from_static(b"{}"), Some(3), ("rate".to_owned(), None)).expect_err("too long").to_string();
    assert_eq!(short, "body has 2 bytes, but its JSON should have 3");
}

#[test]
fn an_answer_has_its_values_where_the_request_wants_them() {
    let outputs = vec![
        ("a".to_owned(), Tensor::from_vec(vec![1], vec![1.0_f32]).expect("fits")),
        ("b".to_owned(), Tensor::from_vec(vec![2], vec![f32::NAN, 2.5]).expect("fits")),
    ];
    let answer = Answer { version: Some(3), outputs, ..Answer::default() };
    let (_, id, form) = binary([4, 7], b"\0\0\x80\x3f\x03\0\0\0ann").expect("valid").into_parts();
    let (body, length) = write((id, "rate".to_owned()), &form, &answer);
    let length = length.expect("something is behind the JSON");
    let json: Value = serde_json::from_slice(&body[..length]).expect("JSON");
    assert_eq!(body[length..], 1.0_f32.to_le_bytes());
    let expected = json!({
        "model_name": "rate",
        "model_version": "3",
        "id": "7",
        "outputs": [
            {"name": "a", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}},
            {"name": "b", "datatype": "FP32", "shape": [2], "data": [null, 2.5]},
        ],
    });
    assert_eq!(json, expected);
    let plain = Form { is_binary: false, named: Vec::new() };
    assert_eq!(write((None, "rate".to_owned()), &plain, &answer).1, None);
}
