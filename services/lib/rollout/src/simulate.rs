//! Replays recorded ratings through a specification: what would have happened.
//!
//! The fleet is one instance that follows every route at once, has no errors and answers without
//! delay. So the trajectory shows what the duel says.

use std::collections::BTreeMap;
use std::time::Duration;

use marquee_domain::{Route, RouteSpec, Salt, Timestamp, Version};

use crate::{
    Action, Command, Histogram, InstanceObservation, InstanceReport, Measure, Measurement, Observations,
    PairObservation, PairSums, Percent, Phase, Reason, Served, Spec, SpecError, Status, Verb, VersionObservation,
    VersionState, WantedRoute, decide,
};

/// The number of requests to the fleet for each rating.
const REQUESTS_PER_RATING: f64 = 10.0;

/// A rating that the stable version predicted from the history before it.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRating {
    /// When it arrived. Ratings come in the order of their times.
    pub time: Timestamp,
    /// The squared errors of the stable version and of the candidate, in square stars.
    pub squared: (f64, f64),
    /// Their absolute errors in stars.
    pub absolute: (f64, f64),
    /// Minus their log densities of the rating, in nats.
    pub log_loss: (f64, f64),
    /// The slices that the rating is in, besides `all`.
    pub slices: Vec<String>,
    /// The candidate failed to predict it. Then the errors do not count.
    pub failed: bool,
}

/// How ratings are replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The version that is compared with.
    pub stable: Version,
    /// The version on trial. It replaces the target of the specification.
    pub candidate: Version,
    /// Replays this number of ratings a second instead of in their own times.
    pub ratings_per_second: Option<f64>,
    /// Promotes the rollout in each pause without end. Otherwise the replay ends there.
    pub promotes: bool,
}

impl Replay {
    /// Replays ratings in their own times, and promotes the rollout in each pause.
    pub fn new(stable: Version, candidate: Version) -> Self {
        Self { stable, candidate, ratings_per_second: None, promotes: true }
    }
}

/// What would have happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Each change, in the order of time.
    pub points: Vec<Point>,
    /// The status at the end.
    pub status: Status,
    /// The number of ratings that were replayed until the rollout ended or waited for a person.
    pub ratings: u64,
    /// The ratings ended before the rollout did.
    pub is_exhausted: bool,
}

/// The rollout at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The time.
    pub time: Timestamp,
    /// The number of ratings so far.
    pub ratings: u64,
    /// The phase.
    pub phase: Phase,
    /// Why.
    pub reason: Reason,
    /// The index of the present step, or of the last one.
    pub step: u32,
    /// The candidate's share of users, in percent.
    pub weight: Percent,
    /// The last measurement of each metric, by its name. Of a metric in several places, the last
    /// place counts.
    pub measurements: BTreeMap<String, Measurement>,
}

/// Replays ratings through a specification, until the rollout ends, waits for a person or has no
/// more ratings to decide on.
///
/// # Errors
/// The specification makes no sense.
pub fn simulate(
    spec: &Spec,
    ratings: impl IntoIterator<Item = RecordedRating>,
    replay: &Replay,
) -> Result<Trajectory, SpecError> {
    let spec = Spec { version: Some(replay.candidate), follow: None, ..spec.clone() };
    spec.validate()?;
    let mut ratings = ratings.into_iter().peekable();
    let start = ratings.peek().map_or(Timestamp::EPOCH, |rating| rating.time);
    let mut fleet = Fleet::new(&spec, replay, start);
    let mut trajectory = Trajectory { points: Vec::new(), status: Status::default(), ratings: 0, is_exhausted: false };
    loop {
        while let Some(rating) = ratings.next_if(|rating| fleet.arrival(rating) <= fleet.now) {
            fleet.add(&rating);
        }
        fleet.decide();
        trajectory.add(&fleet);
        let status = &fleet.status;
        let is_waiting = status.phase == Phase::Paused && status.reason != Reason::PauseRunning;
        let is_over = status.phase.is_final() || (is_waiting && !fleet.may_promote());
        trajectory.is_exhausted = !is_over && ratings.peek().is_none() && status.reason == Reason::AnalysisRunning;
        if is_over || trajectory.is_exhausted {
            trajectory.status = fleet.status;
            return Ok(trajectory);
        }
        fleet.now = fleet.next;
    }
}

impl Trajectory {
    /// Adds a point if something changed since the last one.
    fn add(&mut self, fleet: &Fleet<'_>) {
        let status = &fleet.status;
        let measured = status.analysis.iter().filter_map(|metric| metric.last.clone().map(|last| (&metric.name, last)));
        let point = Point {
            time: fleet.now,
            ratings: fleet.ratings,
            phase: status.phase,
            reason: status.reason,
            step: status.rollout.as_ref().map_or(0, |run| run.step),
            weight: status.weights.wanted,
            measurements: measured.map(|(name, last)| (name.clone(), last)).collect(),
        };
        self.ratings = fleet.ratings;
        let is_same = |last: &Point| {
            let now = Point { time: last.time, ratings: last.ratings, ..point.clone() };
            *last == now
        };
        if !self.points.last().is_some_and(is_same) {
            self.points.push(point);
        }
    }
}

/// A fleet of one instance.
struct Fleet<'a> {
    spec: &'a Spec,
    replay: &'a Replay,
    start: Timestamp,
    now: Timestamp,
    next: Timestamp,
    route: Option<Route>,
    slices: BTreeMap<String, PairSums>,
    ratings: u64,
    /// Requests to the stable version and to the candidate.
    requests: (f64, f64),
    status: Status,
}

impl<'a> Fleet<'a> {
    fn new(spec: &'a Spec, replay: &'a Replay, start: Timestamp) -> Self {
        let salt = Salt::try_new(spec.model.as_str()).ok();
        let route = salt.and_then(|salt| {
            let (model, stable) = (spec.model.clone(), replay.stable);
            Route::try_new(RouteSpec { model, stable, candidates: vec![], shadow: vec![], salt, revision: 1 }).ok()
        });
        let (slices, status) = (BTreeMap::new(), Status::default());
        Self { spec, replay, start, now: start, next: start, route, slices, ratings: 0, requests: (0.0, 0.0), status }
    }

    /// Returns when a rating arrives in the replay.
    fn arrival(&self, rating: &RecordedRating) -> Timestamp {
        let Some(rate) = self.replay.ratings_per_second.filter(|rate| *rate > 0.0) else { return rating.time };
        let seconds = (self.ratings as f64 + 1.0) / rate;
        self.start.plus(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    fn add(&mut self, rating: &RecordedRating) {
        self.ratings += 1;
        let RecordedRating { squared, absolute, log_loss, .. } = *rating;
        let all = std::iter::once(PairObservation::ALL).chain(rating.slices.iter().map(String::as_str));
        for slice in all {
            let sums = self.slices.entry(slice.to_owned()).or_default();
            if rating.failed {
                sums.failures += 1;
                continue;
            }
            for (measure, loss) in [(Measure::Rmse, squared), (Measure::Mae, absolute), (Measure::LogLoss, log_loss)] {
                sums.loss_mut(measure).add_rating(loss.0, loss.1);
            }
        }
        let share = self.status.weights.effective.fraction();
        self.requests.0 += REQUESTS_PER_RATING * (1.0 - share);
        self.requests.1 += REQUESTS_PER_RATING * share;
    }

    fn may_promote(&self) -> bool {
        self.replay.promotes && self.status.reason == Reason::WaitingForPromotion
    }

    /// Decides until nothing changes at this time any more.
    fn decide(&mut self) {
        loop {
            let decision = decide(self.spec, &self.status, &self.observations(), self.now);
            (self.status, self.next) = (decision.status, decision.next);
            let routes = decision.actions.into_iter().filter_map(|action| match action {
                Action::SetRoute { route, .. } => Some(route),
                Action::Event(_) => None,
            });
            match routes.last() {
                Some(route) => self.route = Some(route),
                None => return,
            }
        }
    }

    fn observations(&self) -> Observations {
        let (stable, candidate) = (self.replay.stable, self.replay.candidate);
        let id = format!("promote-{}", self.status.step.as_ref().map_or(0, |step| step.index));
        let promote = self.may_promote().then_some(Command { id, verb: Verb::Promote });
        Observations {
            route: self.route.clone().map_or(WantedRoute::Absent, WantedRoute::Present),
            instances: Some(vec![self.instance()]),
            published: Some(vec![stable, candidate]),
            latest: Some(candidate),
            duels: Some(vec![PairObservation { stable, candidate, slices: self.slices.clone() }]),
            refusal: None,
            commands: promote.into_iter().collect(),
        }
    }

    fn instance(&self) -> InstanceObservation {
        let warm =
            |version| VersionObservation { version, state: VersionState::Warm, reason: String::new(), retrying: false };
        // All requests are in a bucket up to no time at all.
        let served = |requests: f64| Served {
            requests: requests as u64,
            errors: 0,
            latency: Histogram { bounds: vec![Duration::ZERO], counts: vec![requests as u64, 0] },
        };
        let (stable, candidate) = (self.replay.stable, self.replay.candidate);
        let report = InstanceReport {
            incarnation: "1".to_owned(),
            started_at: self.start,
            effective: self.route.clone(),
            versions: vec![warm(stable), warm(candidate)],
            served: BTreeMap::from([(stable, served(self.requests.0)), (candidate, served(self.requests.1))]),
        };
        InstanceObservation { name: "simulated".to_owned(), ready: true, report: Some(report) }
    }
}

#[cfg(test)]
mod tests;
