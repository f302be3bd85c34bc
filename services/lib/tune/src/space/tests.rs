//! Tests of the search space.

use proptest::prelude::*;

use super::*;

const SPACE: &str = r#"
    [parameters.kernel]
    type = "choice"
    choices = ["linear", "poly"]
    [parameters.degree]
    type = "int"
    low = 2
    high = 10
    step = 2
    when = { parameter = "kernel", is = ["poly"] }
    [parameters.rate]
    type = "float"
    low = 1e-5
    high = 0.1
    log = true
    [parameters.share]
    type = "float"
    low = 0.1
    high = 0.7
    step = 0.1
"#;

fn space() -> Space {
    Space::parse(SPACE).expect("a space")
}

fn values(pairs: &[(&str, Value)]) -> Values {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[test]
fn a_space_is_the_same_after_it_was_written() {
    assert_eq!(Space::from_json(&space().to_json()), Ok(space()));
}

#[test]
fn an_error_names_the_key_and_the_fix() {
    let number = |lines: &str| format!("[parameters.a]\n{lines}");
    let two = |lines: &str| format!("[parameters.k]\ntype='choice'\nchoices=['x','y']\n[parameters.a]\n{lines}");
    for (text, key, fix) in [
        (String::new(), "parameters:", "describe 1 to 100"),
        ("a = 1".to_owned(), "a:", "[parameters.NAME]"),
        ("parameters = 1".to_owned(), "parameters:", "[parameters.NAME]"),
        ("[parameters.'a b']\ntype='int'\nlow=1\nhigh=2".to_owned(), "parameters.a b:", "letters, digits"),
        (number("type='real'"), "parameters.a:", "`float`, `int`, `choice`"),
        (number("low=1"), "parameters.a:", "type"),
        (number("type='int'\nlwo=1"), "parameters.a:", "lwo"),
        (number("type='int'\nlow=1"), "parameters.a.high:", "give one"),
        (number("type='int'\nlow=1.5\nhigh=2"), "parameters.a.low:", "whole number"),
        (number("type='int'\nlow=3\nhigh=2"), "parameters.a.high:", "larger"),
        (number("type='int'\nlow=1\nhigh=9007199254740993"), "parameters.a.high:", "whole number"),
        (number("type='int'\nlow=0\nhigh=2\nlog=true"), "parameters.a.low:", "raise it or remove log"),
        (number("type='int'\nlow=1\nhigh=9\nlog=true\nstep=2"), "parameters.a.step:", "remove step or log"),
        (number("type='int'\nlow=1\nhigh=9\nstep=3"), "parameters.a.step:", "divides"),
        (number("type='int'\nlow=1\nhigh=9\nstep=0"), "parameters.a.step:", "divides"),
        (number("type='float'\nlow=0.0\nhigh=inf"), "parameters.a.high:", "give one"),
        (number("type='float'\nlow=0\nhigh=1\nlog=true"), "parameters.a.low:", "raise it or remove log"),
        (number("type='float'\nlow=0\nhigh=1\nstep=0.3"), "parameters.a.step:", "divides"),
        (number("type='float'\nlow=0\nhigh=1\nchoices=[1]"), "parameters.a.choices:", "remove it"),
        (number("type='choice'\nchoices=[1]\nlow=0"), "parameters.a.low:", "remove it"),
        (number("type='choice'"), "parameters.a.choices:", "at least one"),
        (number("type='choice'\nchoices=[1,1]"), "parameters.a.choices:", "twice"),
        (two("type='int'\nlow=1\nhigh=2\nwhen={parameter='b',is=['x']}"), "parameters.a.when.parameter:", "name one"),
        (two("type='int'\nlow=1\nhigh=2\nwhen={parameter='a',is=['x']}"), "parameters.a.when.parameter:", "name one"),
        (two("type='int'\nlow=1\nhigh=2\nwhen={parameter='k',is=[]}"), "parameters.a.when.is:", "give values"),
        (two("type='int'\nlow=1\nhigh=2\nwhen={parameter='k',is=['z']}"), "parameters.a.when.is:", "choices of k"),
    ] {
        let error = Space::parse(&text).expect_err(&text).to_string();
        assert!(error.starts_with(key) && error.contains(fix), "{text}: {error}");
    }
    let error = Space::parse("parameters").expect_err("no TOML");
    assert!(matches!(error, SpaceError::Syntax(_)), "{error}");
}

#[test]
fn values_outside_the_space_are_named() {
    let (linear, poly) = (Value::Text("linear".to_owned()), Value::Text("poly".to_owned()));
    let base = [("rate", Value::Float(0.01)), ("share", Value::Float(0.3))];
    let with = |more: &[(&str, Value)]| values(&[&base[..], more].concat());
    assert_eq!(space().check(&with(&[("kernel", linear.clone())])), Ok(()));
    assert_eq!(space().check(&with(&[("kernel", poly.clone()), ("degree", Value::Int(4))])), Ok(()));
    for (wrong, words) in [
        (with(&[]), "kernel: has no value"),
        (with(&[("kernel", poly.clone())]), "degree: has no value"),
        (with(&[("kernel", linear.clone()), ("degree", Value::Int(4))]), "degree: has a value, but"),
        (with(&[("kernel", poly), ("degree", Value::Int(5))]), "from 2 to 10 in steps of 2"),
        (with(&[("kernel", linear.clone()), ("rate", Value::Float(0.2))]), "rate: 0.2 is not allowed"),
        (with(&[("kernel", linear.clone()), ("rate", Value::Float(f64::NAN))]), "rate: NaN is not allowed"),
        (with(&[("kernel", linear.clone()), ("share", Value::Float(0.35))]), "share: 0.35 is not allowed"),
        (with(&[("kernel", Value::Text("rbf".to_owned()))]), "one of linear, poly"),
        (with(&[("kernel", linear), ("depth", Value::Int(1))]), "depth: is not in the search space"),
    ] {
        let error = space().check(&wrong).expect_err(words).to_string();
        assert!(error.contains(words), "{words} is not in {error}");
    }
}

#[test]
fn parameters_with_one_condition_are_one_group() {
    let space = space();
    let names = |group: &Vec<&Parameter>| group.iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>();
    let groups: Vec<Vec<String>> = space.groups().iter().map(names).collect();
    assert_eq!(groups, [&["kernel", "rate", "share"][..], &["degree"]]);
}

proptest! {
    #[test]
    fn a_decoded_value_is_in_its_domain(code in prop::num::f64::ANY) {
        for parameter in space().parameters() {
            let value = parameter.domain.decode(if code.is_nan() { 0.0 } else { code });
            prop_assert!(parameter.domain.encode(&value).is_some(), "{} {value:?}", parameter.name);
        }
    }
}
