//! Model packages as models of the protocol: `NAME` is the whole pipeline, `NAME.encoder` and
//! `NAME.scorer` are its graphs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use marquee_domain::{Clock, ModelName, MovieId, UserId, Version};
use marquee_kit::chain;
use marquee_model::GraphSignature;
use marquee_onnx::{Axis, Kind, Port, RunError, Tensor};
use tokio::time::{Instant, timeout_at};

use super::config::ModelConfig;
use super::error::{Error, LoadError};
use super::raw::{check_outputs, chosen};
use super::statistics::{Counters, Statistic};
use super::{Answer, Call, Description, Entry, Scheduling, State};
use crate::model::Model;
use crate::rating::{self, Caller, Predict, Rating};
use crate::repository::{Key, Repository, VersionState, port};
use crate::routing::Routing;

/// The most users of a request.
const MOST_USERS: usize = 64;

/// The most movies of a user.
const MOST_MOVIES: usize = 1_000;

const USER: &str = "user_id";
const MOVIE: &str = "movie_id";

/// A model of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Pipeline,
    Encoder,
    Scorer,
}

impl Part {
    const ALL: [Self; 3] = [Self::Pipeline, Self::Encoder, Self::Scorer];

    fn suffix(self) -> &'static str {
        match self {
            Self::Pipeline => "",
            Self::Encoder => ".encoder",
            Self::Scorer => ".scorer",
        }
    }
}

/// The packages of this instance.
#[derive(Debug)]
pub(crate) struct Packages {
    pub(crate) routing: Arc<Routing>,
    pub(crate) repository: Arc<Repository>,
    pub(crate) rating: Arc<Rating>,
    pub(crate) route_first: bool,
    /// How many requests may wait for a graph, and how many rows it takes at once.
    pub(crate) scheduling: Scheduling,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Mutex<BTreeMap<(String, u64), Arc<Counters>>>,
}

impl Packages {
    /// Splits a name into that of the package and its part. Returns `None` if there is no such
    /// package.
    fn find(&self, name: &str) -> Option<(ModelName, Part)> {
        let part = Part::ALL.into_iter().rev().find(|part| name.ends_with(part.suffix()))?;
        let package = ModelName::try_new(name.strip_suffix(part.suffix())?).ok()?;
        self.repository.knows(&package).then_some((package, part))
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(super) fn is_ready(&self, name: &str, version: Option<u64>) -> bool {
        let Some((package, part)) = self.find(name) else { return false };
        match (version, part) {
            (None, Part::Pipeline) => self.routing.is_effective(&package),
            _ => self.resolve(name, &package, version).is_ok(),
        }
    }

    pub(super) fn describe(&self, name: &str, version: Option<u64>) -> Result<Description, Error> {
        let (package, part) = self.find(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
        let model = self.resolve(name, &package, version)?;
        let axis = |name: &str| Axis::Dynamic(name.to_owned());
        let texts = |name: &str, axes| Port { name: name.to_owned(), kind: Kind::Text, axes };
        let floats =
            |name: &str| Port { name: name.to_owned(), kind: Kind::F32, axes: vec![axis("users"), axis("movies")] };
        let ports = |signature: &GraphSignature| {
            let [inputs, outputs] = [&signature.inputs, &signature.outputs];
            (inputs.iter().map(port).collect(), outputs.iter().map(port).collect())
        };
        let (inputs, outputs) = match part {
            Part::Pipeline => {
                let one = vec![axis("users"), Axis::Fixed(1)];
                let version = Port { name: "version".to_owned(), kind: Kind::I64, axes: one.clone() };
                let inputs = vec![texts(USER, one), texts(MOVIE, vec![axis("users"), axis("movies")])];
                (inputs, vec![floats("rating"), floats("spread"), version])
            }
            Part::Encoder => ports(&model.manifest().encoder),
            Part::Scorer => ports(&model.manifest().scorer),
        };
        let is_pipeline = part == Part::Pipeline;
        let (platform, backend) =
            if is_pipeline { ("marquee_pipeline", "marquee") } else { ("onnxruntime_onnx", "onnxruntime") };
        let max_batch_size = if is_pipeline { MOST_USERS } else { self.scheduling.max_batch_size };
        Ok(Description {
            name: name.to_owned(),
            versions: self.warm_versions(&package),
            platform,
            backend,
            inputs,
            outputs,
            scheduling: Scheduling { max_batch_size, ..self.scheduling },
            config: Arc::new(ModelConfig::default()),
        })
    }

    /// Returns the version that is named, or else the one that most users get.
    fn resolve(&self, name: &str, package: &ModelName, version: Option<u64>) -> Result<Arc<Model>, Error> {
        let routed = || self.routing.table().get(package).map(|route| route.stable());
        let newest = || self.warm_versions(package).last().map(|version| Version(*version));
        let wanted = version.map(Version).or_else(routed).or_else(newest);
        let Some(wanted) = wanted else {
            let reason = "no version is loaded yet".to_owned();
            return Err(Error::NotReady { name: name.to_owned(), reason });
        };
        let key = (package.clone(), wanted);
        if let Some(model) = self.repository.warm(&key) {
            return Ok(model);
        }
        if version.is_some() && !self.repository.stored().contains(&key) {
            return Err(Error::NoVersion { name: name.to_owned(), version: wanted.0 });
        }
        match self.repository.state(&key) {
            Some((VersionState::Loading, _)) => Err(Error::Loading { name: name.to_owned() }),
            _ => Err(Error::NotReady { name: name.to_owned(), reason: self.repository.explain(&key) }),
        }
    }

    fn warm_versions(&self, package: &ModelName) -> Vec<u64> {
        let stored = self.repository.stored();
        let warm = |key: &&Key| key.0 == *package && self.repository.warm(key).is_some();
        stored.iter().filter(warm).map(|key| key.1.0).collect()
    }

    /// Runs the pipeline or a graph.
    pub(super) async fn infer(&self, call: Call) -> Result<Answer, Error> {
        let Some((package, part)) = self.find(&call.name) else { return Err(Error::Unknown(call.name)) };
        let begin = Instant::now();
        let (name, end) = (call.name.clone(), call.timeout.and_then(|timeout| begin.checked_add(timeout)));
        let model = match (part, call.version) {
            (Part::Pipeline, None) => None,
            _ => Some(self.resolve(&name, &package, call.version)?),
        };
        let named = model.as_ref().map(|model| model.version);
        let running = async {
            match (part, model) {
                (Part::Pipeline, model) => self.predict(&package, call, model).await,
                (part, Some(model)) => run_graph(&model, part, call).await,
                (_, None) => Err(Error::Unknown(call.name)),
            }
        };
        let done = match end {
            Some(end) => timeout_at(end, running).await.unwrap_or(Err(Error::TimedOut)),
            None => running.await,
        };
        let counted = match &done {
            Ok(done) => done.version.map(Version).or(named),
            Err(_) => named,
        };
        let counted = counted.or_else(|| self.routing.table().get(&package).map(|route| route.stable()));
        if let Some(version) = counted {
            let rows = done.as_ref().ok().map(|done| {
                done.outputs.first().map_or(1, |(_, tensor)| tensor.shape().first().copied().unwrap_or(1) as u64)
            });
            self.counters(&name, version.0).count(rows, begin.elapsed(), self.clock.now());
        }
        done
    }

    fn counters(&self, name: &str, version: u64) -> Arc<Counters> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(counters.entry((name.to_owned(), version)).or_default())
    }

    /// Predicts for each row: a user and movies. Without a model, routing chooses the version of
    /// each user.
    async fn predict(&self, package: &ModelName, call: Call, model: Option<Arc<Model>>) -> Result<Answer, Error> {
        let rows = rows(&call.inputs)?;
        let model = model.as_ref();
        let caller = |user| Caller { model: package.clone(), user, after: Vec::new() };
        let caller = &caller;
        let predictions = rows.iter().map(|(user, movies)| async move {
            let request = Predict { caller: caller(user.clone()), movies: movies.clone() };
            match model {
                Some(model) => self.rating.predict_with(model, &request).await,
                None => self.rating.predict(&request).await,
            }
        });
        let answers = try_join_all(predictions).await.map_err(|error| match error {
            rating::Error::Encoder(RunError::Overloaded) | rating::Error::Scorer(RunError::Overloaded) => {
                Error::Overloaded(package.as_str().to_owned())
            }
            error => Error::Rating(Box::new(error)),
        })?;
        let all = |value: fn(&rating::Prediction) -> f64| -> Vec<f32> {
            answers.iter().flat_map(|answer| answer.value.iter().map(move |one| value(one) as f32)).collect()
        };
        let versions: Vec<u64> = answers.iter().map(|answer| answer.provenance.version.0).collect();
        let shape = |name: &str| {
            let input = call.inputs.iter().find(|(input, _)| input == name);
            input.map(|(_, tensor)| tensor.shape().to_vec()).unwrap_or_default()
        };
        let tensor = |name: &str, tensor: Result<Tensor, _>| {
            let internal = |error: marquee_onnx::TensorError| Error::Invalid(error.to_string());
            Ok::<_, Error>((name.to_owned(), tensor.map_err(internal)?))
        };
        let integers = versions.iter().map(|version| i64::try_from(*version).unwrap_or(i64::MAX)).collect();
        let outputs = vec![
            tensor("rating", Tensor::from_vec(shape(MOVIE), all(|one| one.rating)))?,
            tensor("spread", Tensor::from_vec(shape(MOVIE), all(|one| one.spread)))?,
            tensor("version", Tensor::from_vec(shape(USER), integers))?,
        ];
        check_outputs(&call.outputs, |name| outputs.iter().any(|(output, _)| output == name))?;
        let first = versions.first().copied();
        let version = first.filter(|first| versions.iter().all(|version| version == first));
        let predicted = match model {
            Some(_) => Vec::new(),
            None => rows.into_iter().zip(answers).map(|((user, _), answer)| (caller(user), answer)).collect(),
        };
        Ok(Answer { version, outputs: chosen(outputs, &call.outputs), predicted })
    }

    pub(super) fn index(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for key in self.repository.stored() {
            let (state, reason) = match self.repository.state(&key) {
                Some((VersionState::Warm(_), _)) => (State::Ready, String::new()),
                Some((VersionState::Loading, _)) => (State::Loading, String::new()),
                Some((VersionState::Failed { .. }, _)) => (State::Unavailable, self.repository.explain(&key)),
                None if self.repository.is_left_out(&key) => (State::Unavailable, self.repository.explain(&key)),
                None => (State::Unavailable, "no route needs it; load it to use it".to_owned()),
            };
            for part in Part::ALL {
                let name = format!("{}{}", key.0, part.suffix());
                entries.push(Entry { name, version: Some(key.1.0), state, reason: reason.clone() });
            }
        }
        entries
    }

    /// Returns the counters of the versions that are loaded.
    pub(super) fn statistics(&self) -> Vec<Statistic> {
        let warm = self.repository.stored().into_iter().filter(|key| self.repository.warm(key).is_some());
        let names =
            warm.flat_map(|(name, version)| Part::ALL.map(|part| (format!("{name}{}", part.suffix()), version.0)));
        names.map(|(name, version)| self.counters(&name, version).read(&name, version)).collect()
    }

    /// Loads the newest version of a package.
    pub(super) async fn load(&self, name: &str) -> Result<(), LoadError> {
        let failed = |message: String| Err(LoadError::Package(message));
        let Some((package, _)) = self.find(name) else { return failed(format!("'{name}' is no package")) };
        let newest = self.repository.stored().into_iter().rfind(|key| key.0 == package);
        let Some(key) = newest else { return failed(format!("'{name}' has no versions")) };
        if let Err(error) = self.repository.load(&key).await {
            return failed(format!("version {} was not loaded: {}", key.1, chain(&*error)));
        }
        self.routing.settle();
        if self.route_first {
            self.routing.route_first().await;
        }
        Ok(())
    }
}

/// Runs a graph as it is.
async fn run_graph(model: &Model, part: Part, call: Call) -> Result<Answer, Error> {
    let (graph, signature) = match part {
        Part::Scorer => (model.scorer(), &model.manifest().scorer),
        Part::Encoder | Part::Pipeline => (model.encoder(), &model.manifest().encoder),
    };
    check_outputs(&call.outputs, |name| signature.outputs.iter().any(|spec| spec.name == name))?;
    let outputs = graph.evaluate(call.inputs).await.map_err(|error| Error::of_run(&call.name, error))?;
    Ok(Answer { version: Some(model.version.0), outputs: chosen(outputs, &call.outputs), ..Answer::default() })
}

/// Returns the users and their movies.
fn rows(inputs: &[(String, Tensor)]) -> Result<Vec<(UserId, Vec<MovieId>)>, Error> {
    let invalid = |message: String| Err(Error::Invalid(message));
    if let Some((unknown, _)) = inputs.iter().find(|(name, _)| name != USER && name != MOVIE) {
        return invalid(format!("input '{unknown}' is unknown; expected '{USER}' and '{MOVIE}'"));
    }
    let [users, movies] = [USER, MOVIE].map(|name| inputs.iter().find(|(input, _)| input == name));
    let (Some((_, users)), Some((_, movies))) = (users, movies) else {
        return invalid(format!("an input is missing; expected '{USER}' and '{MOVIE}'"));
    };
    let (Some(user_texts), Some(movie_texts)) = (users.as_texts(), movies.as_texts()) else {
        return invalid(format!("'{USER}' and '{MOVIE}' are texts; expected BYTES"));
    };
    // A single user may come without the dimension of the batch.
    let is_batch = matches!(movies.shape(), [rows, _] if *rows == users.len());
    let is_single = users.len() == 1 && movies.shape().len() == 1;
    if !(is_batch || is_single) || !matches!(users.shape(), [_] | [_, 1]) {
        let (users, movies) = (users.shape(), movies.shape());
        return invalid(format!(
            "'{USER}' has shape {users:?} and '{MOVIE}' has shape {movies:?}; expected [users, 1] and [users, movies]"
        ));
    }
    let width = movies.shape().last().copied().unwrap_or(0);
    if users.len() > MOST_USERS || width > MOST_MOVIES || width == 0 {
        return invalid(format!(
            "the request has {} users and {width} movies each; give up to {MOST_USERS} users, and 1 to {MOST_MOVIES} movies",
            users.len()
        ));
    }
    let text = |bytes: &[u8], name: &str, at: usize| match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Error::Invalid(format!("'{name}' at {at} is not UTF-8"))),
    };
    let mut rows = Vec::with_capacity(users.len());
    for (row, (user, movies)) in user_texts.iter().zip(movie_texts.chunks(width)).enumerate() {
        let user = UserId::try_new(&text(user, USER, row)?);
        let user = user.map_err(|error| Error::Invalid(format!("'{USER}' at {row} {error}")))?;
        let movie = |(column, movie): (usize, &bytes::Bytes)| {
            let at = row * width + column;
            MovieId::try_new(&text(movie, MOVIE, at)?)
                .map_err(|error| Error::Invalid(format!("'{MOVIE}' at {at} {error}")))
        };
        rows.push((user, movies.iter().enumerate().map(movie).collect::<Result<_, _>>()?));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn texts(shape: &[usize], texts: &[&'static str]) -> Tensor {
        let texts = texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect();
        Tensor::from_texts(shape.to_vec(), texts).expect("fits")
    }

    fn inputs(users: Tensor, movies: Tensor) -> Vec<(String, Tensor)> {
        vec![(USER.to_owned(), users), (MOVIE.to_owned(), movies)]
    }

    #[test]
    fn users_and_their_movies_are_rows() {
        let two = inputs(texts(&[2, 1], &["ann", "bob"]), texts(&[2, 2], &["1", "2", "3", "4"]));
        let rows = rows(&two).expect("valid");
        let plain: Vec<(&str, Vec<&str>)> =
            rows.iter().map(|(user, movies)| (user.as_str(), movies.iter().map(MovieId::as_str).collect())).collect();
        assert_eq!(plain, [("ann", vec!["1", "2"]), ("bob", vec!["3", "4"])]);
        assert_eq!(super::rows(&inputs(texts(&[1], &["ann"]), texts(&[2], &["1", "2"]))).expect("valid").len(), 1);
    }

    #[test]
    fn inputs_that_are_no_rows_are_refused_with_the_fix() {
        let one = || texts(&[1, 1], &["1"]);
        for (inputs, message) in [
            (vec![(USER.to_owned(), one())], "an input is missing; expected 'user_id' and 'movie_id'"),
            (vec![("user".to_owned(), one())], "input 'user' is unknown; expected 'user_id' and 'movie_id'"),
            (
                inputs(texts(&[2, 1], &["a", "b"]), one()),
                "'user_id' has shape [2, 1] and 'movie_id' has shape [1, 1]; ",
            ),
            (inputs(one(), texts(&[1, 0], &[])), "the request has 1 users and 0 movies each; "),
            (inputs(texts(&[1, 1], &[""]), one()), "'user_id' at 0 "),
            (
                inputs(Tensor::from_vec(vec![1, 1], vec![1.0_f32]).expect("fits"), one()),
                "'user_id' and 'movie_id' are ",
            ),
        ] {
            let refused = rows(&inputs).expect_err(message).to_string();
            assert!(refused.starts_with(message), "{refused:?} is not {message:?}");
        }
    }
}
