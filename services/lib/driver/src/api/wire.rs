//! Between the wire messages of inference and the monitor and the types of decisions.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::{BasisPoints, Candidate, ModelName, Route, RouteSpec, Salt, Timestamp, Version};
use marquee_proto::convert;
use marquee_proto::monitor::v1 as monitor;
use marquee_proto::rollout::v1 as pb;
use marquee_rollout::{
    Histogram, InstanceReport, LossSums, PairObservation, PairSums, Served, VersionObservation, VersionState,
};
use tonic::Status;

/// Describes a failed call in one line.
pub(crate) fn describe(status: &Status) -> String {
    let message = if status.message().is_empty() { "no message" } else { status.message() };
    format!("{} ({:?})", message, status.code())
}

/// Returns a route from the wire, or `None` if its parts contradict each other.
pub(crate) fn route(wire: &pb::Route) -> Option<Route> {
    let candidate = |one: &pb::Candidate| {
        Some(Candidate { version: Version(one.version), weight: BasisPoints::try_new(one.weight).ok()? })
    };
    let spec = RouteSpec {
        model: ModelName::try_new(&wire.model).ok()?,
        stable: Version(wire.stable),
        candidates: wire.candidates.iter().map(candidate).collect::<Option<_>>()?,
        shadow: wire.shadow.iter().copied().map(Version).collect(),
        salt: Salt::try_new(&wire.salt).ok()?,
        revision: wire.revision,
    };
    Route::try_new(spec).ok()
}

/// What one instance said.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) report: InstanceReport,
    /// The route in the table, as the instance read it last.
    pub(crate) wanted: Option<Route>,
    /// The instance has read the routing table since it started.
    pub(crate) has_read_table: bool,
}

/// Returns what an instance said about a model.
pub(crate) fn answer(model: &ModelName, mut status: pb::RoutingStatus) -> Answer {
    let at = status.models.iter().position(|one| one.model == model.as_str());
    let own = at.map(|at| status.models.swap_remove(at)).unwrap_or_default();
    let served = |one: &pb::VersionStatus| Some((Version(one.version), counters(one.served.as_ref()?)));
    let report = InstanceReport {
        incarnation: status.incarnation,
        started_at: status.started_at.as_ref().map_or(Timestamp::EPOCH, time),
        effective: own.effective.as_ref().and_then(route),
        versions: own.versions.iter().map(version).collect(),
        served: own.versions.iter().filter_map(served).collect(),
    };
    Answer { report, wanted: own.wanted.as_ref().and_then(route), has_read_table: status.table_read_at.is_some() }
}

fn time(wire: &marquee_proto::Timestamp) -> Timestamp {
    convert::from_timestamp("started_at", wire).unwrap_or(Timestamp::EPOCH)
}

fn version(wire: &pb::VersionStatus) -> VersionObservation {
    let state = match wire.state() {
        pb::VersionState::Stored => VersionState::Stored,
        pb::VersionState::Loading => VersionState::Loading,
        pb::VersionState::Warm => VersionState::Warm,
        pb::VersionState::Failed => VersionState::Failed,
        pb::VersionState::NotFound | pb::VersionState::Unspecified => VersionState::NotFound,
    };
    VersionObservation { version: Version(wire.version), state, reason: wire.reason.clone(), retrying: wire.retrying }
}

fn counters(wire: &pb::Served) -> Served {
    let errors = wire.errors.iter().map(|one| one.count).fold(0_u64, u64::saturating_add);
    let latency = wire.latency.as_ref().map(histogram).unwrap_or_default();
    Served { requests: wire.requests, errors: errors.min(wire.requests), latency }
}

/// Returns a histogram, or an empty one if its parts do not fit.
fn histogram(wire: &pb::Latency) -> Histogram {
    let bounds: Option<Vec<Duration>> =
        wire.bounds.iter().map(|seconds| Duration::try_from_secs_f64(*seconds).ok()).collect();
    match bounds {
        Some(bounds) if wire.counts.len() == bounds.len() + 1 => Histogram { bounds, counts: wire.counts.clone() },
        _ => Histogram::default(),
    }
}

/// Returns the duel of two versions, or `None` if they were never compared. A slice whose sums are
/// not finite stays: without it, its ratings would seem to be lost.
pub(crate) fn pair(stable: Version, candidate: Version, duel: &monitor::Duel) -> Option<PairObservation> {
    let slices: BTreeMap<String, PairSums> =
        duel.slices.iter().map(|slice| (slice.slice.clone(), pair_sums(slice))).collect();
    slices.contains_key(PairObservation::ALL).then_some(PairObservation { stable, candidate, slices })
}

fn pair_sums(wire: &monitor::DuelSlice) -> PairSums {
    let stable = wire.stable.as_ref();
    let other = wire.other.as_ref();
    let sums = |difference: &Option<monitor::Sums>, own: [Option<&monitor::Sums>; 2]| {
        let difference = difference.unwrap_or_default();
        let [stable, candidate] = own.map(|sums| sums.map_or(0.0, |sums| sums.sum));
        LossSums {
            ratings: difference.count,
            stable,
            candidate,
            difference: difference.sum,
            difference_squares: difference.sum_of_squares,
        }
    };
    PairSums {
        squared: sums(
            &wire.squared_error,
            [stable, other].map(|errors| errors.and_then(|errors| errors.squared_error.as_ref())),
        ),
        absolute: sums(
            &wire.absolute_error,
            [stable, other].map(|errors| errors.and_then(|errors| errors.absolute_error.as_ref())),
        ),
        log_loss: sums(
            &wire.log_score,
            [stable, other].map(|errors| errors.and_then(|errors| errors.log_score.as_ref())),
        ),
        failures: wire.other_failures,
    }
}
