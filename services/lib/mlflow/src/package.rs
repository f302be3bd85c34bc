//! The files that make a model package a model of MLflow, which `mlflow.pyfunc` loads.
//!
//! The package lies unchanged in the folder `package`. `MLmodel` names a loader in the folder
//! `code`, which runs the graphs in ONNX Runtime. Nothing is pickled, so loading a model runs no
//! code but the loader's, and the model does not depend on the version of Python.

use bytes::Bytes;
use marquee_domain::Timestamp;
use serde_json::{Value, json};

/// The module that loads a package.
const LOADER: &str = include_str!("../python/marquee_pyfunc.py");

/// What the loader needs. The versions are the oldest ones that have what it uses.
const REQUIREMENTS: [&str; 4] = ["numpy>=1.26", "onnxruntime>=1.20", "pandas>=2.0", "pyarrow>=14"];

/// The folder of the package in the artifacts of a model.
pub(crate) const FOLDER: &str = "package";

/// What `MLmodel` says about a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// The id of the logged model.
    pub model: String,
    /// The run that made it, by its id.
    pub run: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The size of the package in bytes.
    pub bytes: u64,
}

impl ModelFiles {
    /// Returns the files beside the package, by their paths.
    pub fn files(&self) -> Vec<(&'static str, Bytes)> {
        let requirements = REQUIREMENTS.join("\n") + "\n";
        let environment = "python: '3.11'\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n";
        vec![
            ("code/marquee_pyfunc.py", Bytes::from_static(LOADER.as_bytes())),
            ("requirements.txt", Bytes::from(requirements)),
            ("python_env.yaml", Bytes::from_static(environment.as_bytes())),
            // Last: a model that has it is complete.
            ("MLmodel", Bytes::from(self.descriptor())),
        ]
    }

    /// Returns `MLmodel`. It is YAML, which every JSON is.
    fn descriptor(&self) -> String {
        let descriptor = json!({
            "flavors": {
                "python_function": {
                    "loader_module": "marquee_pyfunc",
                    "code": "code",
                    "data": FOLDER,
                    "env": {"virtualenv": "python_env.yaml"},
                    "python_version": "3.11.0",
                    "streamable": false,
                },
            },
            "model_id": self.model,
            "run_id": self.run,
            "model_size_bytes": self.bytes,
            "signature": {
                "inputs": inputs().to_string(),
                "outputs": outputs().to_string(),
                "params": Value::Null,
            },
            "utc_time_created": self.created_at.to_rfc3339(),
        });
        format!("{descriptor:#}\n")
    }
}

/// Returns the columns that the loader reads. A row is one prediction: the ratings that a user has
/// given, the oldest first, and a movie. A user without ratings has empty lists.
fn inputs() -> Value {
    let list = |of: &str| json!({"type": "array", "items": {"type": of}, "required": true});
    let named = |mut column: Value, name: &str| {
        column["name"] = Value::from(name);
        column
    };
    json!([
        named(list("string"), "history_movies"),
        named(list("double"), "history_ratings"),
        {"type": "string", "name": "movie", "required": true},
    ])
}

/// Returns the columns that the loader returns.
fn outputs() -> Value {
    json!([
        {"type": "double", "name": "rating", "required": true},
        {"type": "double", "name": "spread", "required": true},
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_names_the_loader_the_package_and_the_columns() {
        let files = ModelFiles {
            model: "m-1".to_owned(),
            run: "r-1".to_owned(),
            created_at: Timestamp::from_seconds(1_700_000_000),
            bytes: 7,
        };
        let files = files.files();
        let (last, descriptor) = files.last().expect("files");
        assert_eq!(*last, "MLmodel");
        let descriptor: Value = serde_json::from_slice(descriptor).expect("JSON");
        let flavor = &descriptor["flavors"]["python_function"];
        let path = |path: &str| files.iter().any(|(name, _)| *name == path);
        assert!(path(&format!("code/{}.py", flavor["loader_module"].as_str().expect("a module"))));
        assert!(path(flavor["env"]["virtualenv"].as_str().expect("a file")));
        let columns: Value =
            serde_json::from_str(descriptor["signature"]["inputs"].as_str().expect("a text")).expect("JSON in JSON");
        let names: Vec<&str> =
            columns.as_array().expect("columns").iter().filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(names, ["history_movies", "history_ratings", "movie"]);
        for name in names {
            assert!(LOADER.contains(&format!("\"{name}\"")), "the loader does not read {name}");
        }
    }
}
