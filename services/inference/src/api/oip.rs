//! The Open Inference Protocol, version 2, with Triton's extensions: over gRPC (`grpc`) and as REST
//! below `/v2` (`http`). Its clients are Triton's, KServe's and Seldon's.
//!
//! | module | contents |
//! |---|---|
//! | `datatype` | the names of element types |
//! | `raw` | tensors as little-endian bytes |
//! | `typed` | tensors in the typed fields of gRPC |
//! | `json` | tensors and requests in JSON, with bytes behind the JSON |
//! | `describe` | what models are |
//! | `failure` | errors of models as failures of requests |

mod datatype;
mod describe;
mod failure;
mod grpc;
mod http;
mod json;
mod raw;
mod typed;

use std::time::Duration;

use marquee_domain::Reason;
use marquee_kit::{CheckState, Failure};

pub(super) use http::routes;

use super::Service;
use super::served::RequestId;
use crate::models::{Answer, Call};

/// The largest message in bytes. The settings of the listeners have a lower limit for requests.
pub(super) const LARGEST: usize = 1 << 30;

/// Requests from this length on are converted off the async threads.
const LONG: usize = 128 << 10;

/// The extensions that this server has.
const EXTENSIONS: [&str; 6] =
    ["binary_tensor_data", "model_repository", "model_configuration", "parameters", "statistics", "schedule_policy"];

const SERVER: &str = "marquee";

/// The health checks of this role. The second one exists only if there is a model repository.
const CHECKS: [&str; 2] = ["marquee.prediction.v1.Predictions", "inference.GRPCInferenceService"];

impl Service {
    /// Runs a model. What users were predicted is logged like every other prediction.
    async fn oip_infer(&self, call: Call, id: &str) -> Result<Answer, Failure> {
        let begun = self.begin(RequestId::from_text(Some(id)));
        let answer = self.0.models.infer(call).await?;
        for (caller, prediction) in &answer.predicted {
            self.record(begun.clone(), caller, prediction);
        }
        Ok(answer)
    }

    /// Returns whether every model that should answer does so: those with a route, and those of the
    /// repository.
    fn is_oip_ready(&self) -> bool {
        let states = self.0.health.states();
        CHECKS.iter().filter_map(|check| states.get(check)).all(|state| matches!(state, CheckState::Ready))
    }
}

/// Returns the version that a request names, or `None` if it names none.
fn version(text: &str) -> Result<Option<u64>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    let refused = || {
        let text: String = text.chars().take(40).collect();
        Failure::field("model_version", Reason::Malformed, format!("is '{text}'; expected a number, or nothing"))
    };
    number.map(Some).ok_or_else(refused)
}

/// The parameters of a request that have a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Parameters {
    priority: u32,
    timeout: Option<Duration>,
    /// Outputs are sent behind the JSON, unless they say otherwise.
    is_binary: bool,
}

impl Parameters {
    /// Notes a number.
    fn note(&mut self, name: &str, number: Option<u64>) -> Result<(), Failure> {
        let refused = |what: &str| Err(Failure::field(format!("parameters.{name}"), Reason::Malformed, what));
        match (name, number) {
            ("priority", Some(number)) => self.priority = u32::try_from(number).unwrap_or(u32::MAX),
            // Without a timeout clients send 0.
            ("timeout", Some(number)) => self.timeout = (number > 0).then(|| Duration::from_micros(number)),
            ("priority" | "timeout", None) => return refused("is not a whole number of at least 0"),
            ("sequence_id", Some(0)) => {}
            ("sequence_id", _) => return refused("is set, but no model here keeps a state between requests"),
            _ => {}
        }
        Ok(())
    }
}

/// Refuses what an input or output asks for that this server does not have.
fn check_tensor_parameter(field: &str, name: &str) -> Result<(), Failure> {
    let what = match name {
        "shared_memory_region" => "is set, but tensors are sent in the request here",
        "classification" => "is set, but this server returns the output as it is",
        _ => return Ok(()),
    };
    Err(Failure::field(format!("{field}.parameters.{name}"), Reason::Malformed, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_or_absent() {
        assert_eq!(version("").expect("absent"), None);
        assert_eq!(version("17").expect("a number"), Some(17));
        for text in ["v1", "+1", "-1", "1.0", "99999999999999999999"] {
            assert!(version(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_without_a_meaning_here_are_refused_or_ignored() {
        let mut parameters = Parameters::default();
        for (name, number) in
            [("priority", Some(3)), ("timeout", Some(1_500)), ("sequence_id", Some(0)), ("other", None)]
        {
            parameters.note(name, number).expect(name);
        }
        assert_eq!((parameters.priority, parameters.timeout), (3, Some(Duration::from_micros(1_500))));
        parameters.note("timeout", Some(0)).expect("no timeout");
        assert_eq!(parameters.timeout, None);
        assert!(parameters.note("sequence_id", Some(1)).is_err() && parameters.note("timeout", None).is_err());
        assert!(check_tensor_parameter("inputs[0]", "shared_memory_region").is_err());
        assert!(check_tensor_parameter("inputs[0]", "binary_data_size").is_ok());
    }
}
