//! The custom resource `ModelRollout`.
//!
//! The specification and the status of a rollout are kept as JSON and read when they are needed. An
//! object that this release cannot read therefore never keeps it from seeing the others, and fields
//! of newer releases stay.

use std::collections::BTreeMap;

use kube::CustomResource;
use marquee_rollout::{Spec, SpecError, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The API version of the resource.
pub(crate) const API_VERSION: &str = "rollouts.marquee.dev/v1alpha1";

/// What is to be rolled out, where, by which steps, and what stops it.
#[expect(clippy::duplicated_attributes, reason = "several printed columns have the same type")]
#[derive(CustomResource, Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "rollouts.marquee.dev",
    version = "v1alpha1",
    kind = "ModelRollout",
    plural = "modelrollouts",
    shortname = "mr",
    category = "marquee",
    namespaced,
    status = "ModelRolloutStatus",
    doc = "Rolls out the versions of one model by evidence.",
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "STEP", type_ = "string", json_path = ".status.summary.step"),
    printcolumn(name = "STABLE", type_ = "integer", json_path = ".status.stable"),
    printcolumn(name = "CANDIDATE", type_ = "integer", json_path = ".status.candidate"),
    printcolumn(name = "WEIGHT", type_ = "string", json_path = ".status.summary.weight"),
    printcolumn(name = "RATINGS", type_ = "integer", json_path = ".status.summary.ratings"),
    printcolumn(name = "ΔRMSE", type_ = "string", json_path = ".status.summary.difference"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "REASON", type_ = "string", json_path = ".status.reason", priority = 1),
    printcolumn(name = "MESSAGE", type_ = "string", json_path = ".status.message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelRolloutSpec {
    /// The inference instances that answer for the model.
    #[serde(default)]
    pub(crate) instances: ServiceReference,
    /// The monitor, whose duels are the evidence of duel metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) monitor: Option<ServiceReference>,
    /// The specification of the rollout.
    #[serde(flatten)]
    #[schemars(with = "Spec")]
    pub(crate) rollout: Map<String, Value>,
}

impl ModelRollout {
    /// Reads the specification of the rollout.
    ///
    /// # Errors
    /// A field makes no sense to this release.
    pub(crate) fn read_spec(&self) -> Result<Spec, SpecError> {
        Spec::read(&self.spec.rollout)
    }

    /// Reads the last status of the rollout. It is the default one before the first decision.
    ///
    /// # Errors
    /// Another release wrote it, and this one cannot read it.
    pub(crate) fn read_status(&self) -> Result<Status, serde_json::Error> {
        self.status.as_ref().map_or_else(|| Ok(Status::default()), |stored| Status::deserialize(&stored.rollout))
    }
}

/// The processes behind a Service in the namespace of the rollout. They are found by its
/// EndpointSlices.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceReference {
    /// The name of the Service. Give this or `matchLabels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub(crate) service: Option<String>,
    /// Labels of the EndpointSlices, in place of the name of a Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) match_labels: BTreeMap<String, String>,
    /// The name or the number of the port that serves gRPC.
    #[serde(default = "default_port")]
    #[schemars(length(min = 1, max = 63))]
    pub(crate) port: String,
    /// Whether the processes encrypt.
    #[serde(default)]
    pub(crate) scheme: Scheme,
    /// The name that the certificates of the processes must have, for example that of the Service.
    /// The operator calls processes at their addresses, which certificates seldom name. Absent: the
    /// certificates must name these addresses. Only with the scheme `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub(crate) server_name: Option<String>,
}

fn default_port() -> String {
    "grpc".to_owned()
}

/// Whether a process encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    /// It does not.
    #[default]
    Http,
    /// It does, with a certificate that the operator trusts.
    Https,
}

impl Scheme {
    /// Returns the scheme of an address.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where the rollout is, why, and all that the next decision needs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ModelRolloutStatus {
    /// The generation of the specification that the status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    /// The columns of `kubectl get`.
    pub(crate) summary: Summary,
    /// The status of the rollout.
    #[serde(flatten)]
    #[schemars(with = "Status")]
    pub(crate) rollout: Map<String, Value>,
}

/// The columns of `kubectl get`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Summary {
    /// The present step, for example `2/5 setWeight 25`. Absent if no rollout runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// The candidate's share of users, and the share that is effective where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<String>,
    /// The ratings that both versions predicted during the running or last rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratings: Option<u64>,
    /// The RMSE of the candidate minus that of the stable version on these ratings, in stars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) difference: Option<String>,
}
