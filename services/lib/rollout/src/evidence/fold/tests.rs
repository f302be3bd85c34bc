//! Restarts of instances neither lose nor double what was counted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const STABLE: Version = Version(1);
const LIMIT: Duration = Duration::from_millis(50);

fn served(requests: u64, errors: u64) -> Served {
    // A tenth of the requests is in the bucket above 100 ms, a tenth in the one around the limit.
    let tenth = requests / 10;
    let bounds = vec![Duration::from_millis(10), Duration::from_millis(100)];
    Served { requests, errors, latency: Histogram { bounds, counts: vec![requests - 2 * tenth, tenth, tenth] } }
}

fn instance(name: &str, incarnation: u64, started: i64, served: Served) -> InstanceObservation {
    let report = InstanceReport {
        incarnation: incarnation.to_string(),
        started_at: Timestamp::from_seconds(started),
        effective: None,
        versions: Vec::new(),
        served: BTreeMap::from([(STABLE, served)]),
    };
    InstanceObservation { name: name.to_owned(), ready: true, report: Some(report) }
}

fn add(evidence: &mut Evidence, instances: &[InstanceObservation]) {
    let since = Timestamp::from_seconds(100);
    let scope = CounterScope { versions: &[STABLE], limits: &[LIMIT], since, now: Timestamp::from_seconds(200) };
    evidence.add_instances(instances, &scope);
}

fn requests(evidence: &Evidence) -> u64 {
    evidence.counters(STABLE).requests
}

#[test]
fn what_an_instance_counted_before_the_rollout_is_left_out() {
    let mut evidence = Evidence::default();
    add(&mut evidence, &[instance("a", 1, 0, served(1_000, 10))]);
    assert_eq!(requests(&evidence), 0);
    add(&mut evidence, &[instance("a", 1, 0, served(1_100, 15))]);
    let counters = evidence.counters(STABLE);
    assert_eq!((counters.requests, counters.errors), (100, 5));
    assert_eq!(counters.above(LIMIT), Above { limit: 50_000, requests: 100, least: 10, most: 20 });
}

#[test]
fn an_instance_that_started_later_counts_from_its_start() {
    let mut evidence = Evidence::default();
    add(&mut evidence, &[instance("a", 1, 150, served(70, 0))]);
    assert_eq!(requests(&evidence), 70);
}

#[test]
fn an_instance_that_was_away_counts_what_it_did_meanwhile_once() {
    let mut evidence = Evidence::default();
    add(&mut evidence, &[instance("a", 1, 150, served(70, 0))]);
    add(&mut evidence, &[InstanceObservation { name: "a".to_owned(), ready: true, report: None }]);
    add(&mut evidence, &[]);
    add(&mut evidence, &[instance("a", 1, 150, served(90, 0))]);
    assert_eq!(requests(&evidence), 90);
}

#[test]
fn a_limit_that_is_new_counts_from_now() {
    let mut evidence = Evidence::default();
    add(&mut evidence, &[instance("a", 1, 150, served(100, 0))]);
    let other = Duration::from_millis(10);
    let scope = CounterScope {
        versions: &[STABLE],
        limits: &[LIMIT, other],
        since: Timestamp::from_seconds(100),
        now: Timestamp::from_seconds(300),
    };
    evidence.add_instances(&[instance("a", 1, 150, served(200, 0))], &scope);
    assert_eq!(evidence.counters(STABLE).above(other).requests, 0);
    evidence.add_instances(&[instance("a", 1, 150, served(300, 0))], &scope);
    let above = evidence.counters(STABLE).above(other);
    assert_eq!((above.requests, above.least, above.most), (100, 20, 20));
    assert_eq!(evidence.counters(STABLE).above(LIMIT).requests, 300);
}

#[test]
fn the_memory_for_instances_is_bounded() {
    let mut evidence = Evidence::default();
    let many: Vec<_> = (0..600).map(|index| instance(&format!("i{index:03}"), 1, 150, served(1, 0))).collect();
    add(&mut evidence, &many);
    assert_eq!((evidence.instances.len(), requests(&evidence)), (MOST_INSTANCES, 600));
}

#[test]
fn a_monitor_that_lost_ratings_neither_adds_nor_takes_any() {
    let pair = |ratings: u64| {
        let mut sums = PairSums::default();
        (0..ratings).for_each(|_| sums.squared.add_rating(1.0, 1.5));
        PairObservation { stable: STABLE, candidate: Version(2), slices: BTreeMap::from([("all".to_owned(), sums)]) }
    };
    let mut evidence = Evidence::default();
    let slices = [("all", Measure::Rmse)];
    for ratings in [100, 150, 20, 30] {
        evidence.add_duel(Some(&pair(ratings)), &slices);
    }
    let total = evidence.duels["all"].total.squared;
    assert_eq!((total.ratings, total.difference), (60, 30.0));
    assert_eq!(evidence.duels["all"].squared.open_ratings, 60);
}

#[test]
fn numbers_without_sense_neither_panic_nor_stay() {
    let mut evidence = Evidence::default();
    for requests in [u64::MAX, 5, u64::MAX] {
        let counts = vec![requests, requests, requests];
        let latency = Histogram { bounds: vec![LIMIT], counts };
        add(&mut evidence, &[instance("a", requests, 150, Served { requests, errors: u64::MAX, latency })]);
    }
    assert_eq!(requests(&evidence), u64::MAX);
    let slices = [("all", Measure::Rmse)];
    for difference in [0.0, f64::NAN, f64::INFINITY, 1.0] {
        let squared = LossSums { ratings: 5, difference, ..LossSums::default() };
        let sums = PairSums { squared, ..PairSums::default() };
        let slices_seen = BTreeMap::from([("all".to_owned(), sums)]);
        let pair = PairObservation { stable: STABLE, candidate: Version(2), slices: slices_seen };
        evidence.add_duel(Some(&pair), &slices);
    }
    assert_eq!(evidence.duels["all"].total.squared.difference, 1.0);
}

proptest! {
    #[test]
    fn restarts_of_instances_lose_and_double_nothing(
        steps in prop::collection::vec((0_usize..3, 0_u64..50, any::<bool>(), any::<bool>()), 1..60)
    ) {
        // Each instance: incarnation, requests of it, and requests that were seen before it.
        let mut fleet = [(1_u64, 0_u64, 0_u64); 3];
        let (mut evidence, mut expected, mut seen) = (Evidence::default(), 0, [0_u64; 3]);
        for (index, more, restarts, visible) in steps {
            let (incarnation, requests, _) = &mut fleet[index];
            if restarts {
                (*incarnation, *requests, seen[index]) = (*incarnation + 1, 0, 0);
            }
            *requests += more;
            if visible {
                expected += *requests - seen[index];
                seen[index] = *requests;
                add(&mut evidence, &[instance(&index.to_string(), *incarnation, 150, served(*requests, 0))]);
            }
            prop_assert_eq!(super::tests::requests(&evidence), expected);
        }
    }
}
