//! Requests and answers of REST: JSON, and behind it the bytes of tensors, one after the other (the
//! binary tensor extension). The header `Inference-Header-Content-Length` holds the length of the
//! JSON then.

mod data;

use bytes::{Bytes, BytesMut};
use marquee_domain::Reason;
use marquee_kit::Failure;
use marquee_onnx::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Parameters, check_tensor_parameter, datatype, raw};
use crate::models::{Answer, Call};
use data::Data;

/// A request as it arrives.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    #[serde(borrow)]
    inputs: Vec<Input<'a>>,
    #[serde(default)]
    outputs: Option<Vec<Output>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

/// Which outputs are sent behind the JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// Those that are not named.
    is_binary: bool,
    named: Vec<(String, bool)>,
}

impl Form {
    fn is_binary(&self, output: &str) -> bool {
        let named = self.named.iter().find(|(name, _)| name == output);
        named.map_or(self.is_binary, |(_, is_binary)| *is_binary)
    }
}

/// A request that was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) call: Call,
    id: Option<String>,
    form: Form,
}

/// Reads a request. `length` is that of the JSON, or `None` if there is nothing behind it.
pub(super) fn read(
    body: &Bytes,
    length: Option<usize>,
    (name, version): (String, Option<u64>),
) -> Result<Read, Failure> {
    let malformed = |message: String| Failure::field("body", Reason::Malformed, message);
    let length = length.unwrap_or(body.len());
    let Some(json) = body.get(..length) else {
        let message = format!("has {} bytes, but its JSON should have {length}", body.len());
        return Err(malformed(message));
    };
    let request: Request<'_> = serde_json::from_slice(json)
        .map_err(|error| malformed(format!("is not valid JSON for this request ({error}); check names and values")))?;
    let mut parameters = Parameters::default();
    for (name, value) in request.parameters.iter().flatten() {
        parameters.note(name, value.as_u64())?;
        parameters.is_binary |= name == "binary_data_output" && *value == Value::Bool(true);
    }
    let mut behind = body.slice(length..);
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for (at, input) in request.inputs.into_iter().enumerate() {
        inputs.push(tensor(&format!("inputs[{at}]"), input, &mut behind)?);
    }
    if !behind.is_empty() {
        return Err(malformed(format!("has {} bytes behind the last input; check binary_data_size", behind.len())));
    }
    let mut form = Form { is_binary: parameters.is_binary, named: Vec::new() };
    for (at, output) in request.outputs.into_iter().flatten().enumerate() {
        let field = format!("outputs[{at}]");
        let parameters = output.parameters.unwrap_or_default();
        parameters.keys().try_for_each(|name| check_tensor_parameter(&field, name))?;
        let is_binary = match parameters.get("binary_data") {
            None => form.is_binary,
            Some(value) => *value == Value::Bool(true),
        };
        form.named.push((output.name, is_binary));
    }
    let outputs = form.named.iter().map(|(name, _)| name.clone()).collect();
    let Parameters { priority, timeout, .. } = parameters;
    let call = Call { name, version, inputs, outputs, priority, timeout };
    Ok(Read { call, id: request.id, form })
}

/// Reads an input, and takes its bytes if they are behind the JSON.
fn tensor(field: &str, input: Input<'_>, behind: &mut Bytes) -> Result<(String, Tensor), Failure> {
    let parameters = input.parameters.unwrap_or_default();
    parameters.keys().try_for_each(|name| check_tensor_parameter(field, name))?;
    let kind = datatype::parse(field, &input.datatype)?;
    let shape = raw::shape(field, &input.shape)?;
    let wrong = |what: String| Err(Failure::field(field, Reason::Malformed, what));
    let tensor = match (parameters.get("binary_data_size"), input.data) {
        (Some(size), None) => match size.as_u64().and_then(|size| usize::try_from(size).ok()) {
            Some(size) if size <= behind.len() => raw::read(field, kind, shape, behind.split_to(size))?,
            _ => return wrong(format!("has a binary_data_size of {size}, but {} bytes are left", behind.len())),
        },
        (None, Some(data)) => data::read(field, kind, shape, data)?,
        (None, None) => return wrong("has neither data nor binary_data_size; send one of them".to_owned()),
        (Some(_), Some(_)) => return wrong("has data and binary_data_size; send one of them".to_owned()),
    };
    Ok((input.name, tensor))
}

/// An answer as it is sent.
#[derive(Serialize)]
struct Response<'a> {
    model_name: &'a str,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Written<'a>>,
}

#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct Size {
    binary_data_size: usize,
}

/// Writes the answer to a request. Returns the body, and the length of its JSON if something is
/// behind it.
pub(super) fn write(read: (Option<String>, String), form: &Form, answer: &Answer) -> (Bytes, Option<usize>) {
    let (id, name) = read;
    let raws: Vec<Option<Bytes>> =
        answer.outputs.iter().map(|(name, tensor)| form.is_binary(name).then(|| raw::write(tensor))).collect();
    let outputs = answer.outputs.iter().zip(&raws).map(|((name, tensor), raw)| Written {
        name,
        datatype: datatype::name(tensor.kind()),
        shape: tensor.shape(),
        parameters: raw.as_ref().map(|raw| Size { binary_data_size: raw.len() }),
        data: raw.is_none().then_some(Data(tensor)),
    });
    let response = Response {
        model_name: &name,
        model_version: answer.version.map(|version| version.to_string()).unwrap_or_default(),
        id: id.as_deref(),
        outputs: outputs.collect(),
    };
    // Nothing in it can fail: names are texts, and a number that is not finite becomes null.
    let json = serde_json::to_vec(&response).unwrap_or_default();
    if raws.iter().all(Option::is_none) {
        return (json.into(), None);
    }
    let length = json.len();
    let mut body = BytesMut::from(Bytes::from(json));
    body.reserve(raws.iter().flatten().map(Bytes::len).sum());
    raws.iter().flatten().for_each(|raw| body.extend_from_slice(raw));
    (body.freeze(), Some(length))
}

impl Read {
    /// Returns what the model needs, and what the answer needs.
    pub(super) fn into_parts(self) -> (Call, Option<String>, Form) {
        (self.call, self.id, self.form)
    }
}

#[cfg(test)]
mod tests;
