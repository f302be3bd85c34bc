//! Tests of the samplers that hold for all of them.

use std::collections::BTreeMap;

use super::*;
use crate::record::State;
use crate::value::Value;

fn space() -> Space {
    let text = r#"
        [parameters.kind]
        type = "choice"
        choices = ["a", "b"]
        [parameters.depth]
        type = "int"
        low = 1
        high = 9
        step = 2
        when = { parameter = "kind", is = ["b"] }
        [parameters.rate]
        type = "float"
        low = 1e-4
        high = 1.0
        log = true
    "#;
    Space::parse(text).expect("a space")
}

/// Returns 30 complete trials, which are better with `kind = "b"` and a small `rate`.
fn history() -> Vec<Record> {
    let complete = |number| {
        let values = Sampler::Random.sample(&space(), Direction::Minimize, &[], (1, number));
        let rate = values["rate"].as_f64().expect("a number");
        let mut record = Record::running(number, values);
        record.value = Some(rate.ln() + if record.values.contains_key("depth") { 0.0 } else { 5.0 });
        record.state = State::Complete;
        record
    };
    (0..30).map(complete).collect()
}

#[test]
fn values_are_in_the_space_and_depend_on_seed_and_number_alone() {
    let history = history();
    for sampler in [Sampler::Random, Sampler::default()] {
        let sample = |seed, number| sampler.sample(&space(), Direction::Minimize, &history, (seed, number));
        for number in 0..200 {
            let values = sample(3, number);
            assert_eq!(space().check(&values), Ok(()), "{values:?}");
            assert_eq!(values, sample(3, number));
        }
        assert_ne!(sample(3, 0), sample(4, 0));
        assert_ne!(sample(3, 0), sample(3, 1));
    }
}

#[test]
fn tpe_prefers_what_was_good() {
    let count = |sampler: &Sampler| {
        let all = (0..200).map(|number| sampler.sample(&space(), Direction::Minimize, &history(), (5, number)));
        all.filter(|values| values["kind"] == Value::Text("b".to_owned()) && values["rate"].as_f64() < Some(0.01))
            .count()
    };
    let (random, tpe) = (count(&Sampler::Random), count(&Sampler::default()));
    assert!(random < 80 && tpe > 140, "{random} and {tpe} of 200");
}

#[test]
fn every_step_has_the_same_chance_at_random() {
    let mut counts = BTreeMap::<String, u32>::new();
    for number in 0..10_000 {
        let values = Sampler::Random.sample(&space(), Direction::Minimize, &[], (9, number));
        let depth = values.get("depth").map_or("none".to_owned(), ToString::to_string);
        *counts.entry(depth).or_default() += 1;
    }
    assert_eq!(counts.len(), 6, "{counts:?}");
    assert!((4_700..5_300).contains(&counts["none"]), "{counts:?}");
    assert!(counts.iter().all(|(depth, count)| depth == "none" || (850..1_150).contains(count)), "{counts:?}");
}
