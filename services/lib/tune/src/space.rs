//! The search space: which parameters there are and which values they may have.

mod text;

use thiserror::Error;

use crate::value::{Value, Values};

/// Parameters and their domains, sorted by name. Read from TOML by [`Space::parse`].
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    parameters: Vec<Parameter>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// The values that it may have.
    pub domain: Domain,
    /// When the parameter has a value. `None`: always.
    pub when: Option<Condition>,
}

/// The values that a parameter may have.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// Real numbers.
    Float {
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
        /// Whether values are spread evenly over the logarithm.
        log: bool,
        /// The distance between two values, counted from `low`. `None`: every value is allowed.
        step: Option<f64>,
    },
    /// Whole numbers.
    Int {
        /// The smallest value.
        low: i64,
        /// The largest value.
        high: i64,
        /// Whether values are spread evenly over the logarithm.
        log: bool,
        /// The distance between two values, counted from `low`. It is 1 if `log`.
        step: i64,
    },
    /// One of these values, which have no order.
    Choice(Vec<Value>),
}

/// A parameter has a value only if another parameter has one of these values.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The other parameter: a choice without a condition of its own.
    pub parameter: String,
    /// Its values.
    pub is: Vec<Value>,
}

/// What is wrong with a search space, or with values for it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SpaceError {
    /// The text is not TOML.
    #[error("the search space is not valid TOML")]
    Syntax(#[source] toml::de::Error),
    /// A key is wrong.
    #[error("{key}: {problem}")]
    Key {
        /// The dotted key.
        key: String,
        /// What is wrong and how to fix it.
        problem: String,
    },
}

impl SpaceError {
    pub(crate) fn at(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { key: key.into(), problem: problem.into() }
    }
}

impl Space {
    /// Returns the parameters, sorted by name.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Returns a parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Checks that every parameter whose condition holds has a value of its domain, and that there
    /// are no other values.
    ///
    /// # Errors
    /// [`SpaceError::Key`] names the first value that is missing or wrong.
    pub fn check(&self, values: &Values) -> Result<(), SpaceError> {
        for name in values.keys() {
            if self.parameter(name).is_none() {
                let known: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
                let problem = format!("is not in the search space; it has {}", known.join(", "));
                return Err(SpaceError::at(name, problem));
            }
        }
        for parameter in &self.parameters {
            match (values.get(&parameter.name), parameter.is_active(values)) {
                (None, false) => {}
                (None, true) => return Err(SpaceError::at(&parameter.name, "has no value: give one")),
                (Some(_), false) => {
                    let problem = "has a value, but its condition does not hold: leave it out";
                    return Err(SpaceError::at(&parameter.name, problem));
                }
                (Some(value), true) if parameter.domain.encode(value).is_none() => {
                    let problem = format!("{value} is not allowed: give {}", parameter.domain);
                    return Err(SpaceError::at(&parameter.name, problem));
                }
                (Some(_), true) => {}
            }
        }
        Ok(())
    }

    /// Returns the parameters in groups that have the same condition, those without one first. The
    /// parameters of a group always have values together.
    pub(crate) fn groups(&self) -> Vec<Vec<&Parameter>> {
        let mut groups: Vec<Vec<&Parameter>> = Vec::new();
        let (free, bound): (Vec<_>, Vec<_>) = self.parameters.iter().partition(|parameter| parameter.when.is_none());
        for parameter in free.into_iter().chain(bound) {
            match groups.iter_mut().find(|group| group[0].when == parameter.when) {
                Some(group) => group.push(parameter),
                None => groups.push(vec![parameter]),
            }
        }
        groups
    }
}

impl Parameter {
    /// Returns whether the parameter has a value, given those of the others.
    pub fn is_active(&self, values: &Values) -> bool {
        let holds = |when: &Condition| values.get(&when.parameter).is_some_and(|value| when.is.contains(value));
        self.when.as_ref().is_none_or(holds)
    }
}

impl Domain {
    /// Returns the code of a value that samplers work with: the number itself, or the index of the
    /// choice. Returns `None` for a value outside the domain.
    pub(crate) fn encode(&self, value: &Value) -> Option<f64> {
        match *self {
            Self::Float { low, high, step, .. } => {
                let value = value.as_f64().filter(|value| (low..=high).contains(value))?;
                let steps = step.map_or(0.0, |step| (value - low) / step);
                ((steps - steps.round()).abs() < 1e-6).then_some(value)
            }
            Self::Int { low, high, step, .. } => {
                let value = value.as_i64().filter(|value| (low..=high).contains(value))?;
                ((value - low) % step == 0).then_some(value as f64)
            }
            Self::Choice(ref choices) => choices.iter().position(|choice| choice == value).map(|index| index as f64),
        }
    }

    /// Returns the value of a code, or the nearest one that is allowed.
    pub(crate) fn decode(&self, code: f64) -> Value {
        let nearest = |low: f64, high: f64, step: f64| (low + ((code - low) / step).round() * step).clamp(low, high);
        match *self {
            Self::Float { low, high, step: Some(step), .. } => Value::Float(nearest(low, high, step)),
            Self::Float { low, high, step: None, .. } => Value::Float(code.clamp(low, high)),
            Self::Int { low, high, step, .. } => Value::Int(nearest(low as f64, high as f64, step as f64) as i64),
            Self::Choice(ref choices) => {
                // The cast of a negative number or NaN is 0.
                let index = (code as usize).min(choices.len().saturating_sub(1));
                choices.get(index).cloned().unwrap_or(Value::Bool(false))
            }
        }
    }

    /// Returns the bounds and the step of the codes, or `None` for a choice. A domain without steps
    /// has the step 0.
    pub(crate) fn bounds(&self) -> Option<(f64, f64, f64)> {
        match *self {
            Self::Float { low, high, step, .. } => Some((low, high, step.unwrap_or(0.0))),
            Self::Int { low, high, step, .. } => Some((low as f64, high as f64, step as f64)),
            Self::Choice(_) => None,
        }
    }

    /// Returns whether numbers are spread evenly over the logarithm.
    pub fn is_log(&self) -> bool {
        matches!(self, Self::Float { log: true, .. } | Self::Int { log: true, .. })
    }
}

/// Describes the domain for people, for example "a whole number from 4 to 64 in steps of 4".
impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float { low, high, step, .. } => {
                write!(f, "a number from {low} to {high}")?;
                step.map_or(Ok(()), |step| write!(f, " in steps of {step}"))
            }
            Self::Int { low, high, step, .. } => {
                write!(f, "a whole number from {low} to {high}")?;
                if *step > 1 { write!(f, " in steps of {step}") } else { Ok(()) }
            }
            Self::Choice(choices) => {
                let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
                write!(f, "one of {}", choices.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
