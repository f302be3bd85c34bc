//! The form of a search space in TOML and in the header of a study file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Condition, Domain, Parameter, Space, SpaceError};
use crate::value::Value;

/// The largest number of parameters.
const MOST_PARAMETERS: usize = 100;

/// Whole numbers beyond it have no exact float.
const LARGEST_INT: i64 = 1 << 53;

/// A parameter as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "type")]
    domain: DomainType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    low: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    high: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<When>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DomainType {
    Float,
    Int,
    Choice,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    parameter: String,
    is: Vec<Value>,
}

impl Space {
    /// Reads a search space. Each parameter is a table:
    ///
    /// ```
    /// let space = marquee_tune::Space::parse(
    ///     r#"
    ///     [parameters.rate]
    ///     type = "float"
    ///     low = 1e-5
    ///     high = 0.1
    ///     log = true
    ///
    ///     [parameters.kernel]
    ///     type = "choice"
    ///     choices = ["linear", "poly"]
    ///
    ///     [parameters.degree]
    ///     type = "int"
    ///     low = 2
    ///     high = 10
    ///     step = 2
    ///     when = { parameter = "kernel", is = ["poly"] }
    ///     "#,
    /// )?;
    /// assert_eq!(space.parameters().len(), 3);
    /// # Ok::<(), marquee_tune::SpaceError>(())
    /// ```
    ///
    /// # Errors
    /// [`SpaceError`] names the key that is wrong and says how to fix it.
    pub fn parse(text: &str) -> Result<Self, SpaceError> {
        let mut file: toml::Table = text.parse().map_err(SpaceError::Syntax)?;
        let parameters = file.remove("parameters").unwrap_or(toml::Value::Table(toml::Table::new()));
        if let Some(key) = file.keys().next() {
            return Err(SpaceError::at(key, "is not known: describe parameters as tables [parameters.NAME]"));
        }
        let toml::Value::Table(parameters) = parameters else {
            return Err(SpaceError::at("parameters", "is not a table: describe each parameter as [parameters.NAME]"));
        };
        let entry = |(name, value): (String, toml::Value)| match value.try_into::<Entry>() {
            Ok(entry) => Ok((name, entry)),
            Err(error) => Err(SpaceError::at(format!("parameters.{name}"), error.message())),
        };
        Self::new(parameters.into_iter().map(entry).collect::<Result<_, _>>()?)
    }

    /// Reads the form in the header of a study file.
    pub(crate) fn from_json(json: &serde_json::Value) -> Result<Self, SpaceError> {
        let entries = BTreeMap::<String, Entry>::deserialize(json);
        Self::new(entries.map_err(|error| SpaceError::at("space", error.to_string()))?)
    }

    /// Returns the form in the header of a study file.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let entries = self.parameters.iter().map(|parameter| (parameter.name.as_str(), Entry::of(parameter)));
        // Maps with text keys and plain values always have a form in JSON.
        serde_json::to_value(entries.collect::<BTreeMap<_, _>>()).unwrap_or_default()
    }

    fn new(entries: BTreeMap<String, Entry>) -> Result<Self, SpaceError> {
        if entries.is_empty() || entries.len() > MOST_PARAMETERS {
            let problem = format!("has {} parameters: describe 1 to {MOST_PARAMETERS}", entries.len());
            return Err(SpaceError::at("parameters", problem));
        }
        let mut parameters = Vec::new();
        for (name, entry) in entries {
            let key = format!("parameters.{name}");
            let is_plain = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
            if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
                return Err(SpaceError::at(key, "is not a name: give 1 to 64 letters, digits, '_', '-' or '.'"));
            }
            let when = entry.when.clone().map(|When { parameter, is }| Condition { parameter, is });
            parameters.push(Parameter { domain: entry.domain(&key)?, name, when });
        }
        let space = Self { parameters };
        space.check_conditions()?;
        Ok(space)
    }

    fn check_conditions(&self) -> Result<(), SpaceError> {
        for parameter in &self.parameters {
            let Some(when) = &parameter.when else { continue };
            let wrong = |field: &str, problem: String| {
                Err(SpaceError::at(format!("parameters.{}.when.{field}", parameter.name), problem))
            };
            let other = self.parameter(&when.parameter);
            let Some(Parameter { domain: Domain::Choice(choices), when: None, .. }) = other else {
                return wrong("parameter", format!("{} is not a choice without a condition: name one", when.parameter));
            };
            if when.is.is_empty() {
                return wrong("is", format!("is empty: give values of {}", when.parameter));
            }
            if let Some(value) = when.is.iter().find(|value| !choices.contains(value)) {
                return wrong("is", format!("{value} is not one of the choices of {}", when.parameter));
            }
        }
        Ok(())
    }
}

impl Entry {
    fn of(parameter: &Parameter) -> Self {
        let when = parameter.when.clone().map(|Condition { parameter, is }| When { parameter, is });
        let entry =
            Self { domain: DomainType::Choice, low: None, high: None, step: None, log: None, choices: None, when };
        match parameter.domain.clone() {
            Domain::Float { low, high, log, step } => Self {
                domain: DomainType::Float,
                low: Some(Value::Float(low)),
                high: Some(Value::Float(high)),
                step: step.map(Value::Float),
                log: Some(log),
                ..entry
            },
            Domain::Int { low, high, log, step } => Self {
                domain: DomainType::Int,
                low: Some(Value::Int(low)),
                high: Some(Value::Int(high)),
                step: Some(Value::Int(step)),
                log: Some(log),
                ..entry
            },
            Domain::Choice(choices) => Self { choices: Some(choices), ..entry },
        }
    }

    fn domain(&self, key: &str) -> Result<Domain, SpaceError> {
        let given = [
            ("low", self.low.is_some()),
            ("high", self.high.is_some()),
            ("step", self.step.is_some()),
            ("log", self.log.is_some()),
            ("choices", self.choices.is_some()),
        ];
        let is_choice = self.domain == DomainType::Choice;
        let foreign = given.iter().find(|(field, given)| *given && is_choice != (*field == "choices"));
        if let Some((field, _)) = foreign {
            let why = if is_choice { "a choice has choices only" } else { "only a choice has choices" };
            return Err(SpaceError::at(format!("{key}.{field}"), format!("{why}: remove it")));
        }
        match self.domain {
            DomainType::Choice => choice(key, self.choices.as_deref().unwrap_or_default()),
            DomainType::Float => self.float(key),
            DomainType::Int => self.int(key),
        }
    }

    fn float(&self, key: &str) -> Result<Domain, SpaceError> {
        let number = |field: &str, value: &Option<Value>| {
            let value = value.as_ref().and_then(Value::as_f64).filter(|value| value.is_finite());
            value.ok_or_else(|| SpaceError::at(format!("{key}.{field}"), "is not a number: give one"))
        };
        let (low, high, log) = (number("low", &self.low)?, number("high", &self.high)?, self.log.unwrap_or(false));
        ordered(key, low < high, log && low <= 0.0)?;
        let Some(step) = self.step.as_ref().map(|_| number("step", &self.step)).transpose()? else {
            return Ok(Domain::Float { low, high, log, step: None });
        };
        let step_key = format!("{key}.step");
        if log {
            return Err(SpaceError::at(step_key, "a logarithmic domain has no steps: remove step or log"));
        }
        let steps = (high - low) / step;
        if step <= 0.0 || (steps - steps.round()).abs() > 1e-6 {
            let problem = "does not lead from low to high: give a positive step that divides high less low";
            return Err(SpaceError::at(step_key, problem));
        }
        Ok(Domain::Float { low, high, log, step: Some(step) })
    }

    fn int(&self, key: &str) -> Result<Domain, SpaceError> {
        let number = |field: &str, value: &Option<Value>| {
            let value = value.as_ref().and_then(Value::as_i64).filter(|value| value.abs() <= LARGEST_INT);
            value.ok_or_else(|| SpaceError::at(format!("{key}.{field}"), "is not a whole number: give one"))
        };
        let (low, high, log) = (number("low", &self.low)?, number("high", &self.high)?, self.log.unwrap_or(false));
        ordered(key, low < high, log && low <= 0)?;
        let step = self.step.as_ref().map(|_| number("step", &self.step)).transpose()?.unwrap_or(1);
        let step_key = format!("{key}.step");
        if log && step != 1 {
            return Err(SpaceError::at(step_key, "a logarithmic domain has no steps: remove step or log"));
        }
        if step < 1 || (high - low) % step != 0 {
            let problem = "does not lead from low to high: give a positive step that divides high less low";
            return Err(SpaceError::at(step_key, problem));
        }
        Ok(Domain::Int { low, high, log, step })
    }
}

fn ordered(key: &str, is_ordered: bool, is_log_of_nothing: bool) -> Result<(), SpaceError> {
    if !is_ordered {
        return Err(SpaceError::at(format!("{key}.high"), "is not above low: give a larger number"));
    }
    if is_log_of_nothing {
        return Err(SpaceError::at(
            format!("{key}.low"),
            "is not above 0, as a logarithm needs: raise it or remove log",
        ));
    }
    Ok(())
}

fn choice(key: &str, choices: &[Value]) -> Result<Domain, SpaceError> {
    let wrong = |problem: String| Err(SpaceError::at(format!("{key}.choices"), problem));
    if choices.is_empty() {
        return wrong("is empty: give at least one value".to_owned());
    }
    for (index, choice) in choices.iter().enumerate() {
        if matches!(choice, Value::Float(value) if !value.is_finite()) {
            return wrong(format!("{choice} is not a finite number: remove it"));
        }
        if choices[..index].contains(choice) {
            return wrong(format!("{choice} is there twice: remove one of them"));
        }
    }
    Ok(Domain::Choice(choices.to_vec()))
}
