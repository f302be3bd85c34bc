//! The gRPC service `inference.GRPCInferenceService`.

use std::collections::HashMap;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use marquee_domain::Reason;
use marquee_kit::Failure;
use marquee_proto::inference as pb;
use marquee_proto::inference::grpc_inference_service_server::GrpcInferenceService;
use pb::infer_parameter::ParameterChoice;
use pb::model_infer_request::InferInputTensor;
use pb::model_infer_response::InferOutputTensor;
use tonic::{Request, Response, Status, Streaming};

use super::{EXTENSIONS, LONG, Parameters, SERVER, check_tensor_parameter, datatype, describe, raw, typed, version};
use crate::api::Service;
use crate::models::{Answer, Call, Given, State};

/// How many requests of one stream run at the same time.
const STREAMED: usize = 16;

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(&self, _: Request<pb::ServerLiveRequest>) -> Result<Response<pb::ServerLiveResponse>, Status> {
        Ok(Response::new(pb::ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<pb::ServerReadyRequest>,
    ) -> Result<Response<pb::ServerReadyResponse>, Status> {
        Ok(Response::new(pb::ServerReadyResponse { ready: self.is_oip_ready() }))
    }

    async fn model_ready(
        &self,
        request: Request<pb::ModelReadyRequest>,
    ) -> Result<Response<pb::ModelReadyResponse>, Status> {
        let pb::ModelReadyRequest { name, version: wanted } = request.into_inner();
        let ready = self.0.models.is_ready(&name, version(&wanted)?).map_err(Failure::from)?;
        Ok(Response::new(pb::ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<pb::ServerMetadataRequest>,
    ) -> Result<Response<pb::ServerMetadataResponse>, Status> {
        Ok(Response::new(pb::ServerMetadataResponse {
            name: SERVER.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<pb::ModelMetadataRequest>,
    ) -> Result<Response<pb::ModelMetadataResponse>, Status> {
        let pb::ModelMetadataRequest { name, version: wanted } = request.into_inner();
        let model = self.0.models.describe(&name, version(&wanted)?).await.map_err(Failure::from)?;
        Ok(Response::new(describe::metadata(&model)))
    }

    async fn model_infer(
        &self,
        request: Request<pb::ModelInferRequest>,
    ) -> Result<Response<pb::ModelInferResponse>, Status> {
        Ok(Response::new(self.grpc_infer(request.into_inner()).await?))
    }

    type ModelStreamInferStream = Pin<Box<dyn Stream<Item = Result<pb::ModelStreamInferResponse, Status>> + Send>>;

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<pb::ModelInferRequest>>,
    ) -> Result<Response<Self::ModelStreamInferStream>, Status> {
        let service = self.clone();
        let answers = request.into_inner().map(move |request| {
            let service = service.clone();
            async move {
                let request = request?;
                let (id, model_name) = (request.id.clone(), request.model_name.clone());
                Ok(match service.grpc_infer(request).await {
                    Ok(answer) => {
                        pb::ModelStreamInferResponse { error_message: String::new(), infer_response: Some(answer) }
                    }
                    Err(failure) => pb::ModelStreamInferResponse {
                        error_message: failure.message().to_owned(),
                        // So that the client finds the request that failed.
                        infer_response: Some(pb::ModelInferResponse {
                            id,
                            model_name,
                            ..pb::ModelInferResponse::default()
                        }),
                    },
                })
            }
        });
        Ok(Response::new(Box::pin(answers.buffered(STREAMED))))
    }

    async fn model_config(
        &self,
        request: Request<pb::ModelConfigRequest>,
    ) -> Result<Response<pb::ModelConfigResponse>, Status> {
        let pb::ModelConfigRequest { name, version: wanted } = request.into_inner();
        let model = self.0.models.describe(&name, version(&wanted)?).await.map_err(Failure::from)?;
        Ok(Response::new(pb::ModelConfigResponse { config: Some(describe::config(&model)) }))
    }

    async fn model_statistics(
        &self,
        request: Request<pb::ModelStatisticsRequest>,
    ) -> Result<Response<pb::ModelStatisticsResponse>, Status> {
        let pb::ModelStatisticsRequest { name, version: wanted } = request.into_inner();
        let statistics = self.0.models.statistics(&name, version(&wanted)?).map_err(Failure::from)?;
        let model_stats = statistics.iter().map(describe::statistic).collect();
        Ok(Response::new(pb::ModelStatisticsResponse { model_stats }))
    }

    async fn repository_index(
        &self,
        request: Request<pb::RepositoryIndexRequest>,
    ) -> Result<Response<pb::RepositoryIndexResponse>, Status> {
        let only_ready = request.into_inner().ready;
        let entries = self.0.models.index().into_iter().filter(|entry| !only_ready || entry.state == State::Ready);
        Ok(Response::new(pb::RepositoryIndexResponse { models: entries.map(describe::entry).collect() }))
    }

    async fn repository_model_load(
        &self,
        request: Request<pb::RepositoryModelLoadRequest>,
    ) -> Result<Response<pb::RepositoryModelLoadResponse>, Status> {
        let pb::RepositoryModelLoadRequest { model_name, parameters, .. } = request.into_inner();
        let given = given(parameters)?;
        self.0.models.load(&model_name, given).await.map_err(Failure::from)?;
        Ok(Response::new(pb::RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<pb::RepositoryModelUnloadRequest>,
    ) -> Result<Response<pb::RepositoryModelUnloadResponse>, Status> {
        let name = request.into_inner().model_name;
        self.0.models.unload(&name).await.map_err(Failure::from)?;
        Ok(Response::new(pb::RepositoryModelUnloadResponse {}))
    }
}

impl Service {
    async fn grpc_infer(&self, request: pb::ModelInferRequest) -> Result<pb::ModelInferResponse, Failure> {
        let (id, name) = (request.id.clone(), request.model_name.clone());
        let bytes = request.raw_input_contents.iter().fold(0_usize, |bytes, raw| bytes.saturating_add(raw.len()));
        let is_long = bytes >= LONG || request.inputs.iter().any(|input| input.contents.is_some());
        let call = self.0.compute.run_if(is_long, move || call(request)).await?;
        let found = self.oip_infer(call, &id).await?;
        Ok(answer(id, name, found))
    }
}

/// Returns the files and the configuration of a request to load.
fn given(parameters: HashMap<String, pb::ModelRepositoryParameter>) -> Result<Given, Failure> {
    use pb::model_repository_parameter::ParameterChoice;
    let mut given = Given::default();
    for (name, parameter) in parameters {
        let wrong = |what: &str| Err(Failure::field(format!("parameters.{name}"), Reason::Malformed, what));
        match (name.strip_prefix("file:"), parameter.parameter_choice) {
            (Some(path), Some(ParameterChoice::BytesParam(bytes))) => {
                given.files.insert(path.to_owned(), bytes);
            }
            (Some(_), _) => return wrong("is not bytes_param; send the content of the file"),
            (None, Some(ParameterChoice::StringParam(config))) if name == "config" => given.config = Some(config),
            (None, _) if name == "config" => return wrong("is not string_param; send the configuration as JSON"),
            (None, _) => {}
        }
    }
    Ok(given)
}

/// Reads a request.
fn call(request: pb::ModelInferRequest) -> Result<Call, Failure> {
    let mut parameters = Parameters::default();
    for (name, parameter) in &request.parameters {
        parameters.note(name, number(parameter))?;
    }
    let raws = request.raw_input_contents;
    if !raws.is_empty() && raws.len() != request.inputs.len() {
        let message = format!("has {} entries for {} inputs; send one for each", raws.len(), request.inputs.len());
        return Err(Failure::field("raw_input_contents", Reason::Malformed, message));
    }
    let mut raws = raws.into_iter();
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for (at, input) in request.inputs.into_iter().enumerate() {
        inputs.push(tensor(&format!("inputs[{at}]"), input, raws.next())?);
    }
    let mut outputs = Vec::with_capacity(request.outputs.len());
    for (at, output) in request.outputs.into_iter().enumerate() {
        let field = format!("outputs[{at}]");
        output.parameters.keys().try_for_each(|name| check_tensor_parameter(&field, name))?;
        outputs.push(output.name);
    }
    Ok(Call {
        name: request.model_name,
        version: version(&request.model_version)?,
        inputs,
        outputs,
        priority: parameters.priority,
        timeout: parameters.timeout,
    })
}

/// Returns a parameter as a number, or `None` if it is none of at least 0.
fn number(parameter: &pb::InferParameter) -> Option<u64> {
    match parameter.parameter_choice.as_ref()? {
        ParameterChoice::Int64Param(number) => u64::try_from(*number).ok(),
        ParameterChoice::Uint64Param(number) => Some(*number),
        _ => None,
    }
}

fn tensor(field: &str, input: InferInputTensor, raw: Option<Bytes>) -> Result<(String, marquee_onnx::Tensor), Failure> {
    input.parameters.keys().try_for_each(|name| check_tensor_parameter(field, name))?;
    let kind = datatype::parse(field, &input.datatype)?;
    let shape = raw::shape(field, &input.shape)?;
    let tensor = match (raw, input.contents) {
        (Some(raw), None) => raw::read(field, kind, shape, raw)?,
        (None, contents) => typed::read(field, kind, shape, contents.unwrap_or_default())?,
        (Some(_), Some(_)) => {
            let message = "has contents, and the request has raw_input_contents; send one of them";
            return Err(Failure::field(field, Reason::Malformed, message));
        }
    };
    Ok((input.name, tensor))
}

/// Writes an answer, without a copy of its values.
fn answer(id: String, model_name: String, answer: Answer) -> pb::ModelInferResponse {
    let mut response = pb::ModelInferResponse {
        model_name,
        model_version: answer.version.map(|version| version.to_string()).unwrap_or_default(),
        id,
        ..pb::ModelInferResponse::default()
    };
    for (name, tensor) in answer.outputs {
        response.outputs.push(InferOutputTensor {
            name,
            datatype: datatype::name(tensor.kind()).to_owned(),
            shape: tensor.shape().iter().map(|length| i64::try_from(*length).unwrap_or(i64::MAX)).collect(),
            ..InferOutputTensor::default()
        });
        response.raw_output_contents.push(raw::write(&tensor));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use marquee_onnx::Tensor;

    use super::*;

    fn request() -> pb::ModelInferRequest {
        pb::ModelInferRequest {
            model_name: "rate".to_owned(),
            inputs: vec![InferInputTensor {
                name: "x".to_owned(),
                datatype: "FP32".to_owned(),
                shape: vec![2],
                ..InferInputTensor::default()
            }],
            raw_input_contents: vec![Bytes::from_static(&[0, 0, 128, 63, 0, 0, 0, 64])],
            ..pb::ModelInferRequest::default()
        }
    }

    fn parameter(choice: ParameterChoice) -> pb::InferParameter {
        pb::InferParameter { parameter_choice: Some(choice) }
    }

    #[test]
    fn a_request_is_read_with_its_parameters() {
        let mut request = request();
        request.model_version = "3".to_owned();
        request.parameters.insert("priority".to_owned(), parameter(ParameterChoice::Uint64Param(2)));
        request.parameters.insert("timeout".to_owned(), parameter(ParameterChoice::Int64Param(5)));
        request
            .outputs
            .push(pb::model_infer_request::InferRequestedOutputTensor { name: "y".to_owned(), ..Default::default() });
        let call = call(request).expect("valid");
        assert_eq!(
            (call.name.as_str(), call.version, call.outputs.as_slice()),
            ("rate", Some(3), &["y".to_owned()][..])
        );
        assert_eq!((call.priority, call.timeout), (2, Some(Duration::from_micros(5))));
        assert_eq!(call.inputs[0].1.as_f32(), Some([1.0, 2.0].as_slice()));
    }

    #[test]
    fn what_is_wrong_with_a_request_is_named() {
        type Change = fn(&mut pb::ModelInferRequest);
        let cases: [(Change, &str); 7] = [
            (|request| request.raw_input_contents.push(Bytes::new()), "raw_input_contents has 2 entries for 1 inputs"),
            (
                |request| request.inputs[0].contents = Some(Default::default()),
                "inputs[0] has contents, and the request",
            ),
            (|request| request.inputs[0].datatype = "FLOAT".to_owned(), "inputs[0].datatype is 'FLOAT'; expected"),
            (|request| request.inputs[0].shape = vec![-2], "inputs[0].shape is [-2]; expected"),
            (|request| request.inputs[0].shape = vec![i64::MAX, 2], "inputs[0] does not fit its values: "),
            (|request| request.raw_input_contents.clear(), "inputs[0] does not fit its values: shape [2] does not"),
            (|request| request.model_version = "v1".to_owned(), "model_version is 'v1'; expected a number"),
        ];
        for (change, message) in cases {
            let mut request = request();
            change(&mut request);
            let refused = call(request).expect_err(message).to_string();
            assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
        }
        let mut shared = request();
        shared.inputs[0].parameters.insert("shared_memory_region".to_owned(), pb::InferParameter::default());
        assert!(call(shared).is_err());
    }

    #[test]
    fn an_answer_is_raw() {
        let outputs = vec![("y".to_owned(), Tensor::from_vec(vec![1, 2], vec![1_i16, -1]).expect("fits"))];
        let response =
            answer("7".to_owned(), "rate".to_owned(), Answer { version: Some(3), outputs, ..Answer::default() });
        assert_eq!((response.id.as_str(), response.model_version.as_str()), ("7", "3"));
        assert_eq!((response.outputs[0].datatype.as_str(), &response.outputs[0].shape[..]), ("INT16", &[1, 2][..]));
        assert!(response.outputs[0].contents.is_none());
        assert_eq!(response.raw_output_contents, [Bytes::from_static(&[1, 0, 255, 255])]);
    }

    #[test]
    fn files_and_a_configuration_come_with_a_load() {
        use pb::model_repository_parameter::ParameterChoice;
        let parameter = |choice| pb::ModelRepositoryParameter { parameter_choice: Some(choice) };
        let file = parameter(ParameterChoice::BytesParam(Bytes::from_static(b"onnx")));
        let config = parameter(ParameterChoice::StringParam("{}".to_owned()));
        let both = HashMap::from([("file:1/model.onnx".to_owned(), file.clone()), ("config".to_owned(), config)]);
        let given = super::given(both).expect("valid");
        assert_eq!((given.config.as_deref(), &given.files["1/model.onnx"][..]), (Some("{}"), b"onnx".as_slice()));
        assert!(super::given(HashMap::from([("config".to_owned(), file)])).is_err());
    }
}
