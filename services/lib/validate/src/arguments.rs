//! Takes the arguments of an expectation one by one, so that a name that nothing takes is an error.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::value::parse_time;

/// Arguments that say nothing about a validation here.
pub(crate) const IGNORED: [&str; 2] = ["batch_id", "catch_exceptions"];

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) argument: String,
    pub(crate) reason: String,
}

/// The result of taking an argument.
pub(crate) type Taken<T> = Result<T, Wrong>;

/// A limit of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    Number(f64),
    /// Microseconds since 1970, UTC.
    Time(i64),
}

/// The limits of a value. A limit itself is allowed unless it is strict.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Bounds {
    pub(crate) min: Option<Bound>,
    pub(crate) max: Option<Bound>,
    pub(crate) is_strict_min: bool,
    pub(crate) is_strict_max: bool,
}

impl Bounds {
    /// Returns whether a value is within limits of its type. `None` if a limit has another type.
    pub(crate) fn hold(&self, value: Bound) -> Option<bool> {
        let compare = |limit: Bound| match (value, limit) {
            (Bound::Number(value), Bound::Number(limit)) => Some(value.partial_cmp(&limit)),
            (Bound::Time(value), Bound::Time(limit)) => Some(Some(value.cmp(&limit))),
            _ => None,
        };
        let above = match self.min {
            None => true,
            Some(min) => compare(min)?.is_some_and(|order| order.is_gt() || (order.is_eq() && !self.is_strict_min)),
        };
        let below = match self.max {
            None => true,
            Some(max) => compare(max)?.is_some_and(|order| order.is_lt() || (order.is_eq() && !self.is_strict_max)),
        };
        Some(above && below)
    }
}

/// The arguments of an expectation.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    given: &'a Map<String, Json>,
    taken: BTreeSet<&'static str>,
}

/// Returns whether a value is or has a parameter of the suite.
fn has_parameter(value: &Json) -> bool {
    match value {
        Json::Object(fields) => fields.contains_key("$PARAMETER") || fields.values().any(has_parameter),
        Json::Array(values) => values.iter().any(has_parameter),
        _ => false,
    }
}

/// Returns an error that names an argument.
pub(crate) fn wrong(argument: &str, reason: impl Into<String>) -> Wrong {
    Wrong { argument: argument.to_owned(), reason: reason.into() }
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(given: &'a Map<String, Json>) -> Self {
        Self { given, taken: BTreeSet::new() }
    }

    /// Takes an argument that may be absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Taken<Option<&'a Json>> {
        self.taken.insert(name);
        let value = self.given.get(name).filter(|value| !value.is_null());
        if value.is_some_and(has_parameter) {
            return Err(wrong(name, "parameters of suites are not supported; write the value into the suite"));
        }
        Ok(value)
    }

    fn need(&mut self, name: &'static str) -> Taken<&'a Json> {
        self.take(name)?.ok_or_else(|| wrong(name, "is missing"))
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Taken<String> {
        let text = self.need(name)?.as_str().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| wrong(name, "give a text"))
    }

    pub(crate) fn optional_text(&mut self, name: &'static str) -> Taken<Option<&'a str>> {
        let text = self.take(name)?;
        text.map(|text| text.as_str().ok_or_else(|| wrong(name, "give a text"))).transpose()
    }

    pub(crate) fn flag(&mut self, name: &'static str, default: bool) -> Taken<bool> {
        match self.take(name)? {
            None => Ok(default),
            Some(flag) => flag.as_bool().ok_or_else(|| wrong(name, "give true or false")),
        }
    }

    pub(crate) fn number(&mut self, name: &'static str) -> Taken<Option<f64>> {
        let number = self.take(name)?;
        number.map(|number| number.as_f64().ok_or_else(|| wrong(name, "give a number"))).transpose()
    }

    pub(crate) fn whole(&mut self, name: &'static str) -> Taken<Option<i64>> {
        let whole = |number: &Json| {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64);
            number.as_i64().or(whole).ok_or_else(|| wrong(name, "give a whole number"))
        };
        self.take(name)?.map(whole).transpose()
    }

    pub(crate) fn list(&mut self, name: &'static str) -> Taken<Option<&'a [Json]>> {
        let list = self.take(name)?;
        list.map(|list| list.as_array().map(Vec::as_slice).ok_or_else(|| wrong(name, "give a list"))).transpose()
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Taken<Option<Vec<String>>> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let texts: Option<Vec<_>> = list.iter().map(|text| text.as_str().map(str::to_owned)).collect();
        texts.map(Some).ok_or_else(|| wrong(name, "give a list of texts"))
    }

    /// Takes the share of rows that must meet the expectation.
    pub(crate) fn mostly(&mut self) -> Taken<f64> {
        let mostly = self.number("mostly")?.unwrap_or(1.0);
        if (0.0..=1.0).contains(&mostly) { Ok(mostly) } else { Err(wrong("mostly", "give a share from 0 to 1")) }
    }

    /// Takes limits that may be numbers or times.
    pub(crate) fn bounds(&mut self) -> Taken<Bounds> {
        let bounds = Bounds { min: self.bound("min_value")?, max: self.bound("max_value")?, ..Bounds::default() };
        self.strict(bounds)
    }

    /// Takes limits that are numbers.
    pub(crate) fn numbers(&mut self) -> Taken<Bounds> {
        let (min, max) = (self.number("min_value")?, self.number("max_value")?);
        self.strict(Bounds { min: min.map(Bound::Number), max: max.map(Bound::Number), ..Bounds::default() })
    }

    /// Takes limits that are whole numbers.
    pub(crate) fn wholes(&mut self) -> Taken<Bounds> {
        let bound = |whole: Option<i64>| whole.map(|whole| Bound::Number(whole as f64));
        let (min, max) = (bound(self.whole("min_value")?), bound(self.whole("max_value")?));
        self.strict(Bounds { min, max, ..Bounds::default() })
    }

    fn strict(&mut self, bounds: Bounds) -> Taken<Bounds> {
        let (is_strict_min, is_strict_max) = (self.flag("strict_min", false)?, self.flag("strict_max", false)?);
        Ok(Bounds { is_strict_min, is_strict_max, ..bounds })
    }

    fn bound(&mut self, name: &'static str) -> Taken<Option<Bound>> {
        let expected = || wrong(name, "give a number, or a time like 2026-11-25T14:30:00");
        let parse = |value: &Json| match value {
            Json::Number(number) => number.as_f64().map(Bound::Number).ok_or_else(expected),
            Json::String(text) => {
                let number = text.trim().parse::<f64>().ok().map(Bound::Number);
                number.or_else(|| parse_time(text).map(Bound::Time)).ok_or_else(expected)
            }
            _ => Err(expected()),
        };
        self.take(name)?.map(parse).transpose()
    }

    /// Takes what says nothing about a validation here.
    pub(crate) fn ignore(&mut self, names: &[&'static str]) {
        self.taken.extend(names);
    }

    /// Ends with an error if an argument was not taken.
    pub(crate) fn end(self) -> Taken<()> {
        match self.given.keys().find(|name| !self.taken.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let known: Vec<&str> = self.taken.iter().copied().filter(|name| !IGNORED.contains(name)).collect();
                Err(wrong(name, format!("is not supported; supported are {}", known.join(", "))))
            }
        }
    }
}
