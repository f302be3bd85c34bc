//! Finds and loads the shared library of ONNX Runtime.
//!
//! ONNX Runtime keeps one environment for each process, and so does this module. The first
//! successful [`Runtime::load`] decides the library. Loading the same file again returns the same
//! environment. Another file is refused. The environment is set once and never changes, so all
//! parts of a process can share it.
//!
//! A missing, foreign or outdated file is an error that names the file and the fix. After such an
//! error the process can try another file.

use std::env;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use thiserror::Error;
use tracing::{debug, error, warn};

use crate::error::EngineError;

/// The place where `make onnxruntime` puts the library, below the user's cache folder.
const CACHED: &str = "marquee/onnxruntime-1.32.0/libonnxruntime.so.1.32.0";

/// The library of this process after it was loaded. The documentation of the module explains why it
/// is process-wide.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// Why ONNX Runtime cannot be used.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// The file does not exist.
    #[error("ONNX Runtime is not at {path}; run `make onnxruntime`, or name the library", path = .0.display())]
    Missing(PathBuf),
    /// No path was given, and no home folder is known.
    #[error("ONNX Runtime cannot be found, because neither XDG_CACHE_HOME nor HOME is set; name the library")]
    NoHome,
    /// The file is not a library, is another library, or is too old.
    #[error("{path} is not a usable ONNX Runtime; run `make onnxruntime`, or name another library", path = .path.display())]
    Unusable {
        /// The file that was tried.
        path: PathBuf,
        /// The message of the loader.
        #[source]
        source: EngineError,
    },
    /// The process already uses another file. A process has one ONNX Runtime.
    #[error(
        "{path} cannot be loaded, because this process already runs {loaded}; name the same library everywhere",
        path = .path.display(),
        loaded = .loaded.display()
    )]
    AnotherLoaded {
        /// The file that was asked for.
        path: PathBuf,
        /// The file that is loaded.
        loaded: PathBuf,
    },
}

/// A loaded ONNX Runtime. Clones refer to the same one.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    path: PathBuf,
}

impl Runtime {
    /// Loads the library at `explicit`, or from the user's cache folder if it is `None`; see
    /// [`Runtime::locate`]. The first call takes about 50 ms.
    ///
    /// # Errors
    /// The file is missing, is not ONNX Runtime or is too old, or another file is already loaded.
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
        // ort asserts what a library returns. A foreign file must not end the process.
        let attempt = panic::catch_unwind(AssertUnwindSafe(|| start(&path)));
        let environment = attempt
            .unwrap_or_else(|_| Err(EngineError::new("the library does not behave like ONNX Runtime")))
            .map_err(|source| RuntimeError::Unusable { path: path.clone(), source })?;
        let runtime = Self { environment, path };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// Returns the path of the library: `explicit` if it is given, otherwise
    /// `marquee/onnxruntime-1.32.0/libonnxruntime.so.1.32.0` below `$XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// # Errors
    /// The file does not exist, or no cache folder is known.
    pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, RuntimeError> {
        let path = match explicit {
            Some(path) => path.to_path_buf(),
            None => cache_folder().ok_or(RuntimeError::NoHome)?.join(CACHED),
        };
        if path.is_file() { Ok(path) } else { Err(RuntimeError::Missing(path)) }
    }

    /// Returns the path of the library.
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

/// Returns the XDG base directory for caches. Its specification says that a relative
/// `XDG_CACHE_HOME` is ignored.
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

/// Writes a message of ONNX Runtime to the log.
fn log(level: LogLevel, session: &str, code: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => debug!(target: "onnxruntime", session, code, "{message}"),
        LogLevel::Warning => warn!(target: "onnxruntime", session, code, "{message}"),
        LogLevel::Error | LogLevel::Fatal => error!(target: "onnxruntime", session, code, "{message}"),
    }
}
