//! Finds and loads ONNX Runtime's shared library.
//!
//! ONNX Runtime keeps one environment per process, and so does this module: the first [`Runtime::load`] that succeeds decides the library, loading the
//! same file again gives the same environment, and another file is refused. That is the one process-wide thing here; it is set once and
//! never changes, so any number of fleets in a process share it without seeing each other.
//! A missing, foreign or outdated file is an error that names the file and the fix, and leaves the process free to try another.

use std::env;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use thiserror::Error;
use tracing::{debug, error, warn};

use crate::session::EngineError;

/// Where `make onnxruntime` puts the library, below the user's cache folder.
const CACHED: &str = "marquee/onnxruntime-1.32.0/libonnxruntime.so.1.32.0";

/// The library of this process, once there is one. See the module's words on process-wide state.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// Why ONNX Runtime cannot be used.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// There is no such file.
    #[error("ONNX Runtime is not at {path}: run `make onnxruntime`, or name the library", path = .0.display())]
    Missing(PathBuf),
    /// Neither a path nor a home folder is known.
    #[error("ONNX Runtime's place is unknown, because neither XDG_CACHE_HOME nor HOME is set: name the library")]
    NoHome,
    /// The file is no library, another library, or too old.
    #[error("{path} is not a usable ONNX Runtime: run `make onnxruntime`, or name another library", path = .path.display())]
    Unusable {
        /// What was tried.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: EngineError,
    },
    /// A process has one ONNX Runtime.
    #[error(
        "{path} cannot be loaded, because this process already runs {loaded}: name one library everywhere",
        path = .path.display(),
        loaded = .loaded.display()
    )]
    AnotherLoaded {
        /// What was asked for.
        path: PathBuf,
        /// What there is.
        loaded: PathBuf,
    },
}

/// A loaded ONNX Runtime; clones are the same one.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    path: PathBuf,
}

impl Runtime {
    /// Loads the library at `explicit`, else from the user's cache folder; see [`Runtime::locate`]. Takes some 50 ms the first time.
    ///
    /// # Errors
    /// The file is missing, no ONNX Runtime or too old, or another one is loaded already.
    pub fn load(explicit: Option<&Path>) -> Result<Self, RuntimeError> {
        let path = Self::locate(explicit)?;
        let path = path.canonicalize().map_err(|_| RuntimeError::Missing(path))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            if runtime.path == path {
                return Ok(runtime.clone());
            }
            return Err(RuntimeError::AnotherLoaded { path, loaded: runtime.path.clone() });
        }
        // ort asserts on what a library answers; a foreign file must not bring the process down.
        let attempt = panic::catch_unwind(AssertUnwindSafe(|| start(&path)));
        let environment = attempt
            .unwrap_or_else(|_| Err(EngineError::new("the library does not answer as ONNX Runtime does")))
            .map_err(|source| RuntimeError::Unusable { path: path.clone(), source })?;
        let runtime = Self { environment, path };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// Where the library is expected: `explicit` if given, else `$XDG_CACHE_HOME` or `~/.cache` + `/marquee/onnxruntime-1.32.0/libonnxruntime.so.1.32.0`.
    ///
    /// # Errors
    /// There is no such file, or no home folder to look in.
    pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, RuntimeError> {
        let path = match explicit {
            Some(path) => path.to_path_buf(),
            None => cache_folder().ok_or(RuntimeError::NoHome)?.join(CACHED),
        };
        if path.is_file() { Ok(path) } else { Err(RuntimeError::Missing(path)) }
    }

    /// The library's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The XDG base directory for caches. A relative `XDG_CACHE_HOME` is to be ignored, says its specification.
fn cache_folder() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

fn start(path: &Path) -> Result<Environment, EngineError> {
    let builder = ort::init_from(path).map_err(|error| EngineError::new(&error.to_string()))?;
    let environment = builder
        .with_name("marquee")
        .with_telemetry(false)
        .with_logger(Arc::new(|level, _, session: &str, code: &str, message: &str| log(level, session, code, message)))
        .build()
        .map_err(|error| EngineError::new(error.message()))?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

/// ONNX Runtime's own words, in our log.
fn log(level: LogLevel, session: &str, code: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => debug!(target: "onnxruntime", session, code, "{message}"),
        LogLevel::Warning => warn!(target: "onnxruntime", session, code, "{message}"),
        LogLevel::Error | LogLevel::Fatal => error!(target: "onnxruntime", session, code, "{message}"),
    }
}
