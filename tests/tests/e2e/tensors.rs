//! Models of the repository over the Open Inference Protocol: long messages, changes under load.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{HeaderName, Method};
use marquee_e2e::Fleet;
use marquee_inference::Inference;
use marquee_kit::Transport;
use marquee_onnx::Kind;
use marquee_onnx::testing::{model, runtime};
use marquee_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use marquee_proto::inference::model_infer_request::InferInputTensor;
use marquee_proto::inference::model_repository_parameter::ParameterChoice;
use marquee_proto::inference::{
    ModelInferRequest, ModelInferResponse, ModelRepositoryParameter, RepositoryModelLoadRequest,
    RepositoryModelUnloadRequest,
};
use tokio::sync::Notify;
use tonic::{Code, Status};

/// The name of the model.
const NAME: &str = "step";

/// How many clients ask at the same time.
const CLIENTS: usize = 4;

type Client = GrpcInferenceServiceClient<Transport>;

/// Returns a model of an operator on `x` and `x`, for any number of rows of one number.
fn step(operator: &str) -> Vec<u8> {
    let row = &["n", "1"][..];
    model(&[("x", Kind::F32, row)], &[(operator, &["x", "x"], &["y"])], &[("y", Kind::F32, row)])
}

fn write(repository: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let version = repository.join(name).join("1");
    std::fs::create_dir_all(&version)?;
    Ok(std::fs::write(version.join("model.onnx"), bytes)?)
}

/// Returns a request with so many rows of a number.
fn request(rows: usize, value: f32) -> ModelInferRequest {
    let values = Bytes::from(value.to_le_bytes().repeat(rows));
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![i64::try_from(rows).expect("few rows"), 1],
        ..InferInputTensor::default()
    };
    ModelInferRequest {
        model_name: NAME.to_owned(),
        inputs: vec![input],
        raw_input_contents: vec![values],
        ..ModelInferRequest::default()
    }
}

/// Returns the first number of an answer.
fn first(answer: &ModelInferResponse) -> Option<f32> {
    let bytes = answer.raw_output_contents.first()?.first_chunk::<4>()?;
    Some(f32::from_le_bytes(*bytes))
}

fn client(fleet: &Fleet) -> Result<Client> {
    let client = GrpcInferenceServiceClient::new(Transport::connect(&fleet.address())?);
    Ok(client.max_decoding_message_size(64 << 20).max_encoding_message_size(64 << 20))
}

/// Starts a fleet with a repository that has the model, which adds a number to itself.
async fn fleet(repository: &Path, longest: u32) -> Result<Fleet> {
    write(repository, NAME, &step("Add"))?;
    let folder = repository.to_owned();
    Fleet::start_with(move |settings| {
        settings.role::<Inference>().repository.folder = folder;
        settings.server.max_message = longest;
        settings.server.body_budget = 3 * longest.max(32 << 20);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_as_long_as_the_settings_say() -> Result<()> {
    if runtime().is_none() {
        return Ok(());
    }
    let repository = tempfile::tempdir()?;
    let rows = (17 << 20) / size_of::<f32>();
    let asked = request(rows, 1.5);
    let json = format!(
        r#"{{"inputs":[{{"name":"x","shape":[{rows},1],"datatype":"FP32","parameters":{{"binary_data_size":{}}}}}],
           "outputs":[{{"name":"y","parameters":{{"binary_data":true}}}}]}}"#,
        asked.raw_input_contents[0].len()
    );
    let length = json.len().to_string();
    let body = Bytes::from([json.as_bytes(), &asked.raw_input_contents[0]].concat());
    let path = format!("/v2/models/{NAME}/infer");
    let heads = [(HeaderName::from_static("inference-header-content-length"), length.as_str())];

    let long = fleet(repository.path(), 24 << 20).await?;
    let answer = client(&long)?.model_infer(asked.clone()).await?.into_inner();
    assert_eq!((first(&answer), answer.raw_output_contents[0].len()), (Some(3.0), rows * size_of::<f32>()));
    let answer = long.http().send_with(Method::POST, &path, &heads, body.clone()).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.body.ends_with(&3.0_f32.to_le_bytes()));
    long.stop().await;

    let short = fleet(repository.path(), 16 << 20).await?;
    let refused = client(&short)?.model_infer(asked).await.expect_err("too long");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("the limit is: 16777216 bytes"), "{refused}");
    let refused = short.http().send_with(Method::POST, &path, &heads, body).await?;
    assert_eq!(refused.status, 413, "{}", refused.text());
    // Nothing is left of it in the way of the next.
    let answer = client(&short)?.model_infer(request(1, 4.0)).await?.into_inner();
    assert_eq!(first(&answer), Some(8.0));
    short.stop().await;
    Ok(())
}

/// Clients that ask all the time, and what they were answered.
struct Load {
    answers: Arc<Mutex<BTreeMap<(String, u32), u64>>>,
    failures: Arc<Mutex<Vec<Status>>>,
    over: Arc<AtomicBool>,
    /// Wakes those that wait for answers.
    answered: Arc<Notify>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(fleet: &Fleet) -> Result<Self> {
        let (answers, failures) = (Arc::<Mutex<BTreeMap<_, u64>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (over, answered) = (Arc::<AtomicBool>::default(), Arc::<Notify>::default());
        let clients = (0..CLIENTS).map(|_| {
            let (mut client, over, answered) = (client(fleet)?, Arc::clone(&over), Arc::clone(&answered));
            let (answers, failures) = (Arc::clone(&answers), Arc::clone(&failures));
            anyhow::Ok(tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    match client.model_infer(request(1, 3.0)).await {
                        Ok(answer) => {
                            let answer = answer.into_inner();
                            let bits = first(&answer).unwrap_or(f32::NAN).to_bits();
                            *answers.lock().expect("no panic").entry((answer.model_version, bits)).or_default() += 1;
                        }
                        Err(status) => failures.lock().expect("no panic").push(status),
                    }
                    answered.notify_waiters();
                }
            }))
        });
        let clients = clients.collect::<Result<_>>()?;
        Ok(Self { answers, failures, over, answered, clients })
    }

    /// Waits until the clients were answered so often again by a version.
    async fn answered_by(&self, version: &str) -> Result<()> {
        let count = || -> u64 {
            let answers = self.answers.lock().expect("no panic");
            answers.iter().filter(|((by, _), _)| by == version).map(|(_, count)| count).sum()
        };
        let before = count();
        let enough = async {
            loop {
                let answered = self.answered.notified();
                if count() >= before + 20 * CLIENTS as u64 {
                    return;
                }
                answered.await;
            }
        };
        tokio::time::timeout(marquee_e2e::DEADLINE, enough)
            .await
            .with_context(|| format!("no answers of version {version}"))
    }

    async fn stop(self) -> Result<BTreeMap<(String, u32), u64>> {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await?;
        }
        let failures = std::mem::take(&mut *self.failures.lock().expect("no panic"));
        ensure!(failures.is_empty(), "{} requests failed, for example: {}", failures.len(), failures[0]);
        Ok(std::mem::take(&mut *self.answers.lock().expect("no panic")))
    }
}

/// Returns a request to load the model with a file of a version.
fn upload(version: u32, bytes: Vec<u8>) -> RepositoryModelLoadRequest {
    let parameter = |choice| ModelRepositoryParameter { parameter_choice: Some(choice) };
    let parameters = HashMap::from([
        ("config".to_owned(), parameter(ParameterChoice::StringParam("{}".to_owned()))),
        (format!("file:{version}/model.onnx"), parameter(ParameterChoice::BytesParam(bytes.into()))),
    ]);
    RepositoryModelLoadRequest { model_name: NAME.to_owned(), parameters, ..RepositoryModelLoadRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_loaded_and_unloaded_under_load_without_a_failed_request() -> Result<()> {
    if runtime().is_none() {
        return Ok(());
    }
    let repository = tempfile::tempdir()?;
    write(repository.path(), "other", &step("Sub"))?;
    let fleet = fleet(repository.path(), 16 << 20).await?;
    let load = Load::start(&fleet)?;
    let mut administrator = client(&fleet)?;
    load.answered_by("1").await?;
    for _ in 0..5 {
        administrator.repository_model_load(upload(2, step("Mul"))).await?;
        load.answered_by("2").await?;

        // What cannot be loaded leaves the version that answers.
        let cut = step("Add")[..20].to_vec();
        let refused = administrator.repository_model_load(upload(3, cut)).await.expect_err("not a model");
        ensure!(refused.message().contains(NAME), "{refused}");
        load.answered_by("2").await?;

        // Another model goes away and comes back beside it.
        let (model_name, parameters) = ("other".to_owned(), HashMap::new());
        let gone = RepositoryModelUnloadRequest { model_name: model_name.clone(), ..Default::default() };
        administrator.repository_model_unload(gone).await?;
        let back = RepositoryModelLoadRequest { model_name, parameters, ..Default::default() };
        administrator.repository_model_load(back).await?;

        // Without files, the model of the folder answers again.
        let folder = RepositoryModelLoadRequest { model_name: NAME.to_owned(), ..Default::default() };
        administrator.repository_model_load(folder).await?;
        load.answered_by("1").await?;
    }
    let answers = load.stop().await?;
    println!("answers by version and value: {answers:?}");
    let known = [("1", 6.0_f32), ("2", 9.0)].map(|(version, value)| (version.to_owned(), value.to_bits()));
    assert!(answers.keys().all(|answer| known.contains(answer)), "{answers:?}");
    fleet.stop().await;
    Ok(())
}
