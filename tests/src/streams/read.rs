//! Features read by name, beside Feast's gRPC server and beside plain pipelined GETs, all on the
//! same Redis.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http::uri::PathAndQuery;
use marquee::StoreBackend;
use marquee_e2e::servers::Stack;
use marquee_e2e::{Fleet, Launch};
use marquee_kit::Transport;
use marquee_proto::feast::serving::get_online_features_request::Kind;
use marquee_proto::feast::serving::{FeatureList, GetOnlineFeaturesRequest, GetOnlineFeaturesResponse};
use marquee_proto::feast::types::{RepeatedValue, Value, value::Val};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tonic::client::Grpc;

use super::figures::Figures;
use super::{apply, ingest};

const RATINGS: u64 = 250_000;
const USERS: u64 = RATINGS / 50;
const MOVIES: u64 = 2_000;

/// Questions that are under way at once where throughput is measured.
const TOGETHER: usize = 32;

/// Where a Feast server answers, and where a Feast client expects ours.
const FEAST: &str = "/GrpcFeatureServer/GetOnlineFeatures";
const OURS: &str = "/feast.serving.ServingService/GetOnlineFeatures";

/// A server in Python, which ends with its standard input.
struct Feast {
    address: String,
    _child: Child,
}

impl Feast {
    async fn start(redis: &str) -> Result<Self> {
        let python = std::env::var_os("MARQUEE_CLIENTS_PYTHON");
        let python = python.context("MARQUEE_CLIENTS_PYTHON names no Python: run `make bench-streams`")?;
        let port = redis.rsplit(':').next().context("an address with a port")?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/feast_server.py");
        let mut command = Command::new(python);
        command.args([script, port, &USERS.to_string(), &MOVIES.to_string()]).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("127.0.0.1:") {
                return Ok(Self { address: format!("http://{line}"), _child: child });
            }
        }
        bail!("Feast's server did not start")
    }
}

/// Entities of a turn: ids that differ from one to the next.
fn entities(count: u64, turn: u64) -> impl Iterator<Item = (String, String)> {
    (0..count).map(move |n| {
        let at = turn.wrapping_mul(7_919).wrapping_add(n * 104_729);
        (format!("u{}", at % USERS), format!("m{}", at % MOVIES))
    })
}

fn request(features: &[String], count: u64, turn: u64) -> GetOnlineFeaturesRequest {
    let text = |text: String| Value { val: Some(Val::StringVal(text)) };
    let (users, movies): (Vec<_>, Vec<_>) =
        entities(count, turn).map(|(user, movie)| (text(user), text(movie))).unzip();
    GetOnlineFeaturesRequest {
        kind: Some(Kind::Features(FeatureList { val: features.to_vec() })),
        entities: [
            ("user_id".to_owned(), RepeatedValue { val: users }),
            ("movie_id".to_owned(), RepeatedValue { val: movies }),
        ]
        .into(),
        full_feature_names: true,
        ..GetOnlineFeaturesRequest::default()
    }
}

/// Asks one question after the other for a while.
async fn ask(transport: &Transport, path: &'static str, features: &[String], count: u64) -> Result<Vec<Duration>> {
    const WHILE: Duration = Duration::from_secs(4);
    let mut client = Grpc::new(transport.clone()).max_decoding_message_size(64 << 20);
    let (mut all, begun) = (Vec::new(), Instant::now());
    for turn in 0.. {
        if begun.elapsed() > WHILE {
            break;
        }
        let request = request(features, count, turn);
        let started = Instant::now();
        client.ready().await.map_err(|error| anyhow::anyhow!("not ready: {error}"))?;
        let codec = tonic_prost::ProstCodec::<GetOnlineFeaturesRequest, GetOnlineFeaturesResponse>::default();
        let answer = client.unary(tonic::Request::new(request), PathAndQuery::from_static(path), codec).await?;
        all.push(started.elapsed());
        let results = answer.into_inner().results;
        ensure!(
            results.len() == 22 && results.iter().all(|vector| vector.values.len() as u64 == count),
            "an answer of another shape"
        );
    }
    Ok(all)
}

/// Asks with many questions under way at once, for a while; gives answers a second.
async fn ask_together(transport: &Transport, path: &'static str, features: &[String], count: u64) -> Result<f64> {
    let begun = Instant::now();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..TOGETHER {
        let (transport, features) = (transport.clone(), features.to_vec());
        askers.spawn(async move { ask(&transport, path, &features, count).await });
    }
    let mut answered = 0;
    while let Some(asked) = askers.join_next().await {
        answered += asked??.len();
    }
    Ok(answered as f64 / begun.elapsed().as_secs_f64())
}

/// Plain GETs of the rows that the product reads for these entities, in one pipeline.
async fn gets(redis: &str, count: u64, partitions: u32) -> Result<Vec<Duration>> {
    const TURNS: u64 = 2_000;
    let address = redis.trim_start_matches("redis://");
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(1 << 20, stream);
    let mut all = Vec::new();
    let mut value = Vec::new();
    for turn in 0..TURNS.min(200_000 / count) {
        let mut commands = Vec::new();
        let mut keys = 0;
        let mut get = |key: String| {
            commands.extend_from_slice(format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()).as_bytes());
            keys += 1;
        };
        for (user, movie) in entities(count, turn) {
            let home = marquee_ports::partition_for(user.as_bytes(), partitions);
            get(format!("marquee:{{p{home}}}:u/{user}"));
            (0..partitions).for_each(|partition| get(format!("marquee:{{p{partition}}}:m/{movie}")));
        }
        let started = Instant::now();
        stream.get_mut().write_all(&commands).await?;
        for _ in 0..keys {
            let mut head = String::new();
            stream.read_line(&mut head).await?;
            let length: i64 =
                head.trim_start_matches('$').trim().parse().with_context(|| format!("an answer '{head}'"))?;
            if let Ok(length) = usize::try_from(length) {
                value.resize(length + 2, 0);
                stream.read_exact(&mut value).await?;
            }
        }
        all.push(started.elapsed());
    }
    Ok(all)
}

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let stack = Stack::start().await?;
    let folder = tempfile::tempdir()?;
    let ingest = ingest::start(&stack, &folder.path().join("ingest")).await?;
    ingest::send(&ingest.clients()?, 0..RATINGS).await?;
    let program = std::env::current_exe()?;
    let launch = Launch::new(program, &folder.path().join("features")).role("feature-store");
    let store = launch.variables(stack.variables()).start().await?;
    let clients = store.clients()?;
    let mut look = tokio::time::interval(Duration::from_millis(50));
    while !matches!(apply::progress(&clients).await?, (applied, end) if applied == end) {
        look.tick().await;
    }
    // The same feature store in this process: what a role that shares one with it pays.
    let within = Fleet::start_with(|settings| {
        stack.lead(settings);
        settings.backends.store = StoreBackend::Redis;
    })
    .await?;
    let moments = |view: &str| {
        let parts = ["count", "mean", "spread"];
        let all = ["", "_7d", "_30d"].into_iter().flat_map(move |window| parts.map(|part| format!("{part}{window}")));
        all.chain(["mean_90d".to_owned()]).map(|part| format!("{view}:rating_{part}")).collect::<Vec<_>>()
    };
    let ours = [moments("user"), moments("movie")].concat();
    let feast: Vec<String> =
        (0..10).map(|n| format!("user_stats:u{n}")).chain((0..10).map(|n| format!("movie_stats:m{n}"))).collect();
    let redis = stack.redis.urls().first().cloned().context("an address of Redis")?;
    let python = Feast::start(&redis).await?;
    let (remote, their) = (Transport::connect(&store.addresses().grpc)?, Transport::connect(&python.address)?);
    let partitions = marquee_kafka::Settings::default().partitions;
    for count in [1, 10, 100] {
        let name = |what: &str| format!("{count} × 20 features, {what}");
        let mut rates = Vec::new();
        for (what, transport, path, features) in [
            ("in this process", &within.in_process(), OURS, &ours),
            ("over gRPC", &remote, OURS, &ours),
            ("Feast over gRPC", &their, FEAST, &feast),
        ] {
            ask(transport, path, features, count).await?;
            let all = ask(transport, path, features, count).await?;
            let rate = all.len() as f64 / all.iter().sum::<Duration>().as_secs_f64();
            figures.say("read", &name(what), rate, "requests/s");
            let median = figures.latencies("read", &name(what), all);
            let together = ask_together(transport, path, features, count).await?;
            figures.say("read", &name(&format!("{what}, {TOGETHER} at once")), together, "requests/s");
            rates.push((together, median));
        }
        let raw =
            figures.latencies("read", &name("plain GETs of the same rows"), gets(&redis, count, partitions).await?);
        figures.say("read", &name("over gRPC, 32 at once, as a multiple of Feast's"), rates[1].0 / rates[2].0, "×");
        figures.say("read", &name("in this process, median as a multiple of plain GETs'"), rates[0].1 / raw, "×");
        figures.say("read", &name("over gRPC, median as a multiple of plain GETs'"), rates[1].1 / raw, "×");
    }
    within.stop().await;
    store.stop().await?;
    Ok(())
}
