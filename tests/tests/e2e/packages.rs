//! Model packages that no training of the fleet makes: one of shuffled ratings, one that is slow,
//! and one whose encoder fails. They are signed with the key of the fleet that gets them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use marquee_domain::Version;
use marquee_e2e::{Fleet, World};
use marquee_model::{
    Catalogue, GOLDEN, GraphSignature, MANIFEST, Manifest, OnnxGraph, Package, RANKER, SigningKey, write_encoder,
    write_learner, write_ranker, write_scorer,
};
use marquee_posterior::{Posterior, Sample};
use marquee_proto::training::v1::{Algorithm, Parameters};
use prost::Message;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

const ENCODER: &str = "encoder.onnx";
const SCORER: &str = "scorer.onnx";
const LEARNER: &str = "learner.onnx";
const CATALOG: &str = "movies.parquet";

/// A package that was read from the folder of a fleet, to be changed and published.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    manifest: Manifest,
    files: BTreeMap<String, Bytes>,
}

fn place(folder: &Path, version: u64) -> PathBuf {
    folder.join("models/objects/models/ratings").join(version.to_string())
}

impl Draft {
    /// Reads a version of the model `ratings`.
    pub(super) fn read(folder: &Path, version: u64) -> Result<Self> {
        let place = place(folder, version);
        let manifest = std::fs::read(place.join(MANIFEST)).context("read the manifest")?;
        let manifest = Manifest::parse(&manifest)?;
        let file = |name: &String| Ok((name.clone(), std::fs::read(place.join(name))?.into()));
        let files = manifest.files.keys().map(file).collect::<Result<_>>()?;
        Ok(Self { manifest, files })
    }

    /// Signs it with the key of a fleet, and publishes it there as a version.
    pub(super) fn publish(mut self, folder: &Path, version: u64) -> Result<()> {
        let key = std::fs::read_to_string(folder.join("keys/signing.pem")).context("read the key")?;
        let (key, to) = (SigningKey::from_pem(&key)?, place(folder, version));
        self.manifest.version = Version(version);
        let mut files = Package::build(self.manifest, self.files, Some(&key)).into_files();
        let manifest = files.remove(MANIFEST).context("a package without a manifest")?;
        std::fs::create_dir_all(&to)?;
        for (name, bytes) in files {
            std::fs::write(to.join(&name), bytes).with_context(|| format!("write {name}"))?;
        }
        // A version exists once it has its manifest. The fleet runs, and must not see half of it.
        let temporary = to.join("manifest.tmp");
        std::fs::write(&temporary, manifest).context("write the manifest")?;
        std::fs::rename(temporary, to.join(MANIFEST)).context("publish the manifest")
    }

    /// Replaces its graphs by those of a model that takes a tenth of a second for each new user.
    pub(super) fn slow(mut self) -> Result<Self> {
        let movies = Catalogue::from_parquet(self.files[CATALOG].clone())?.len();
        let (samples, factors) = (64, 128);
        let sample = Sample {
            offset: 3.0,
            noise_precision: 1.0,
            prior_mean: vec![0.0; factors + 1],
            prior_precision: vec![5.0; factors + 1],
            movie_bias: vec![0.1; movies],
            factors: vec![0.05; movies * factors],
            ..Sample::default()
        };
        let posterior = Posterior { movies, factors, samples: vec![sample; samples], ..Posterior::default() };
        let learner = write_learner(&posterior)?;
        self.manifest.encoder = self.replace(ENCODER, write_encoder(&posterior)?);
        self.manifest.scorer = self.replace(SCORER, write_scorer(&posterior)?);
        self.manifest.learner = Some(self.replace(LEARNER, learner));
        self.replace(RANKER, write_ranker(&posterior)?);
        // It is another model than the one whose predictions were recorded.
        self.files.remove(GOLDEN);
        Ok(self)
    }

    fn replace(&mut self, name: &str, graph: OnnxGraph) -> GraphSignature {
        self.files.insert(name.to_owned(), graph.bytes.into());
        graph.signature
    }

    /// Makes its encoder fail for users who ever gave 4 stars or more. It loads, and answers for
    /// the histories that a version is warmed with.
    pub(super) fn failing(mut self) -> Self {
        let encoder = failing(&self.files[ENCODER]);
        self.files.insert(ENCODER.to_owned(), encoder.into());
        // The recorded predictions would be among those that fail.
        self.files.remove(GOLDEN);
        // A learner would answer in its place once it has a state.
        self.files.remove(LEARNER);
        self.manifest.learner = None;
        self
    }
}

/// Trains a version of the same ratings in another order of their values, in a fleet of its own.
/// It is as fast and as free of errors as any other one.
pub(super) async fn shuffled(world: &World) -> Result<Draft> {
    let made = Fleet::start().await?;
    made.clients().add_movies(world.catalogue()).await?;
    let mut ratings = world.ratings();
    let mut values: Vec<Option<f64>> = ratings.iter().map(|rating| rating.rating).collect();
    rand::seq::SliceRandom::shuffle(values.as_mut_slice(), &mut ChaCha8Rng::seed_from_u64(5));
    ratings.iter_mut().zip(values).for_each(|(rating, value)| rating.rating = value);
    let answer = made.clients().rate_all(ratings).await?;
    made.clients().user("nobody", &answer.positions).await?;
    made.clients().train(Algorithm::Map, Parameters::default()).await?;
    let draft = Draft::read(made.folder(), 1)?;
    made.stop().await;
    Ok(draft)
}

/// The parts of ONNX's schema that a few nodes need.
mod onnx {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Model {
        #[prost(message, optional, tag = "7")]
        pub(super) graph: Option<Graph>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Graph {
        #[prost(message, repeated, tag = "1")]
        pub(super) node: Vec<Node>,
        #[prost(message, repeated, tag = "5")]
        pub(super) initializer: Vec<Tensor>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Node {
        #[prost(string, repeated, tag = "1")]
        pub(super) input: Vec<String>,
        #[prost(string, repeated, tag = "2")]
        pub(super) output: Vec<String>,
        #[prost(string, optional, tag = "4")]
        pub(super) op_type: Option<String>,
        #[prost(message, repeated, tag = "5")]
        pub(super) attribute: Vec<Attribute>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Attribute {
        #[prost(string, optional, tag = "1")]
        pub(super) name: Option<String>,
        #[prost(int64, optional, tag = "3")]
        pub(super) i: Option<i64>,
        #[prost(int32, optional, tag = "20")]
        pub(super) kind: Option<i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Tensor {
        #[prost(int64, repeated, packed = "false", tag = "1")]
        pub(super) dims: Vec<i64>,
        #[prost(int32, optional, tag = "2")]
        pub(super) data_type: Option<i32>,
        #[prost(string, optional, tag = "8")]
        pub(super) name: Option<String>,
        #[prost(bytes = "vec", optional, tag = "9")]
        pub(super) raw_data: Option<Vec<u8>>,
    }
}

/// Returns an encoder that first looks the stars of each rating up in a table that ends at 3.
///
/// Two encoded messages one after the other are one message whose lists have the elements of both,
/// so the new nodes are put in front of the others. They make the tensor that the others read under
/// a name of the same length as the one of the input.
fn failing(encoder: &[u8]) -> Vec<u8> {
    let node = |operator: &str, input: &[&str], output: &str| onnx::Node {
        input: input.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        op_type: Some(operator.to_owned()),
        attribute: Vec::new(),
    };
    // The number 7 is that of 64-bit integers, 2 says that the attribute is an integer, and 1 is
    // the number of single precision.
    let to = onnx::Attribute { name: Some("to".to_owned()), i: Some(7), kind: Some(2) };
    let cast = onnx::Node { attribute: vec![to], ..node("Cast", &["rating"], "stars") };
    let look_up = node("Gather", &["table", "stars"], "nothing");
    let add = node("Add", &["rating", "nothing"], "ranted");
    let table =
        onnx::Tensor { dims: vec![4], data_type: Some(1), name: Some("table".to_owned()), raw_data: Some(vec![0; 16]) };
    let graph = onnx::Graph { node: vec![cast, look_up, add], initializer: vec![table] };
    let mut bytes = onnx::Model { graph: Some(graph) }.encode_to_vec();
    bytes.extend(renamed(encoder));
    bytes
}

/// Renames the tensor `rating` everywhere but where the graph declares it as its input, which is
/// behind all nodes.
fn renamed(encoder: &[u8]) -> Vec<u8> {
    let mut bytes = encoder.to_vec();
    while let Some(at) = bytes.windows(6).position(|window| window == b"rating") {
        bytes[at..at + 6].copy_from_slice(b"ranted");
    }
    let declared = bytes.windows(8).rposition(|window| window == b"\x0a\x06ranted").expect("an input");
    bytes[declared + 2..declared + 8].copy_from_slice(b"rating");
    bytes
}
