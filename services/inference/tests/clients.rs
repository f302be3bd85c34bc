//! The clients of Triton and of KServe, as they come from PyPI, against this role over real
//! listeners. `make clients` puts a Python that has them into the user's cache folder.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use marquee_inference::{Dependencies, Service, Settings};
use marquee_kit::{Closing, Context, Served, Server, ServerSettings, Services, Stop, Transport, bind, serve};
use marquee_onnx::Kind;
use marquee_onnx::testing::{model, runtime};
use marquee_ports::NoTracker;
use marquee_ports::memory::MemoryObjects;
use tonic::service::Routes;

/// The longest time that the clients may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// Returns a model whose outputs are its inputs, for each type, and some that compute.
fn models() -> BTreeMap<String, Vec<u8>> {
    let mut models = BTreeMap::new();
    for kind in Kind::ALL {
        let ports = |name| (name, kind, &["rows", "columns"][..]);
        let bytes = model(&[ports("x")], &[("Identity", &["x"], &["y"])], &[ports("y")]);
        models.insert(format!("same_{kind}/1/model.onnx"), bytes);
    }
    let floats = |name| (name, Kind::F32, &["rows", "2"][..]);
    let nodes: &[marquee_onnx::testing::Node<'_>] =
        &[("Add", &["a", "b"], &["sum"]), ("Sub", &["a", "b"], &["difference"])];
    let add = model(&[floats("a"), floats("b")], nodes, &[floats("sum"), floats("difference")]);
    models.insert("add/1/model.onnx".to_owned(), add.clone());
    models.insert("add/2/model.onnx".to_owned(), add);
    let batching = "max_batch_size: 16 instance_group { count: 2 } version_policy { all {} }
        dynamic_batching { priority_levels: 3 default_priority_level: 2 }";
    models.insert("add/config.pbtxt".to_owned(), batching.as_bytes().to_vec());
    models.insert("broken/1/model.onnx".to_owned(), b"\xff\xff".to_vec());
    models
}

/// Serves the role. Returns the addresses of gRPC and of HTTP.
async fn start(folder: &Path, stop: &Stop) -> Option<(SocketAddr, SocketAddr)> {
    let runtime = runtime()?;
    for (path, bytes) in models() {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writes");
        std::fs::write(path, bytes).expect("writes");
    }
    let mut settings = Settings::default();
    settings.repository.folder = folder.to_owned();
    settings.predictions.enabled = false;
    let dependencies = Dependencies {
        objects: Arc::new(MemoryObjects::default()),
        // No feature store is asked.
        features: vec![Transport::connect("http://127.0.0.1:9").expect("an address")],
        runtime,
        verifying_key: None,
        log: None,
        instance: "test".to_owned(),
        tracker: Arc::new(NoTracker),
    };
    let context = Context { stop: stop.clone(), ..Context::default() };
    let service = Service::start(settings, dependencies, &context).await.expect("starts");
    let services = Services {
        descriptors: marquee_proto::DESCRIPTORS,
        reads: &["Model", "Server"],
        writes: &[],
        collections: &[],
    };
    let server = Server::new(ServerSettings::default(), services, context.compute.clone()).expect("valid");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let [grpc, http] = [bind(any).await.expect("binds"), bind(any).await.expect("binds")];
    let addresses = (grpc.local_addr().expect("bound"), http.local_addr().expect("bound"));
    let routes = Routes::new(service.open_inference());
    let listeners = [
        (grpc, Served::grpc(routes, &server, &context.metrics)),
        (http, Served::http(service.http(), &server, &context.metrics)),
    ];
    for (listener, served) in listeners {
        let closing = Closing { stop: stop.clone(), drain: Duration::from_secs(1) };
        tokio::spawn(serve(listener, served, server.clone(), closing));
    }
    // The models of the repository are loaded.
    tokio::time::timeout(DEADLINE, context.health.ready()).await.expect("the role is ready");
    Some(addresses)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_of_triton_and_kserve_work() {
    let Some(python) = std::env::var_os("MARQUEE_CLIENTS_PYTHON") else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "MARQUEE_CLIENTS_PYTHON names a Python with clients");
        println!("skipped: MARQUEE_CLIENTS_PYTHON names no Python with clients: run `make clients`");
        return;
    };
    let (folder, stop) = (tempfile::tempdir().expect("a folder"), Stop::new());
    let Some((grpc, http)) = start(folder.path(), &stop).await else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients.py");
    for clients in ["kserve", "triton"] {
        let mut command = tokio::process::Command::new(&python);
        command.arg("-I").arg(&script).args([clients, &grpc.to_string(), &http.to_string()]);
        command.arg(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await.expect("in time").expect("runs");
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{text}");
        println!("{text}");
    }
    stop.cancel();
}
