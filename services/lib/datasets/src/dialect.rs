//! What was understood of a rating file, for people to check before it is imported.

use crate::names::Field;
use crate::options::Format;

/// What was understood of a rating file.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialect {
    /// The publisher or the program that writes such files, if the content tells it.
    pub preset: Option<&'static str>,
    /// The format.
    pub format: Format,
    /// What the file is packed with, from outside to inside.
    pub packed: Vec<&'static str>,
    /// The encoding of text.
    pub encoding: Option<String>,
    /// What stands between values.
    pub separator: Option<String>,
    /// Whether lines end with a carriage return alone.
    pub returns: bool,
    /// The line of the header, if there is one.
    pub header: Option<u64>,
    /// Where each field comes from.
    pub columns: Vec<(Field, String)>,
    /// Whether numbers have a decimal comma.
    pub decimal_comma: bool,
    /// The form of the times, if rows have times.
    pub time: Option<String>,
    /// The smallest and the largest value at the start of the file, and whether all are whole.
    pub values: Option<Values>,
    /// Other things that people should know.
    pub notes: Vec<String>,
}

/// The values at the start of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Values {
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The largest of 1, 0.5, 0.25 and 0.1 of which all values are multiples, or 0.
    pub step: f64,
}

impl Values {
    /// Returns the values of a sample, or `None` if it has none.
    pub(crate) fn of(sample: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = sample.filter(|value| value.is_finite()).collect();
        let min = values.iter().copied().reduce(f64::min)?;
        let max = values.iter().copied().reduce(f64::max)?;
        let is_multiple = |step: &f64| values.iter().all(|value| ((value / step).round() * step - value).abs() < 1e-5);
        let step = [1.0, 0.5, 0.25, 0.1].into_iter().find(is_multiple).unwrap_or(0.0);
        Some(Self { min, max, step })
    }
}

impl Dialect {
    /// Returns the facts with their names, in the order in which people read them.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        facts.extend(self.preset.map(|preset| ("recognized as", preset.to_owned())));
        let packed =
            if self.packed.is_empty() { String::new() } else { format!(", packed with {}", self.packed.join(" in ")) };
        facts.push(("format", format!("{}{packed}", self.format.name())));
        facts.extend(self.encoding.clone().map(|encoding| ("encoding", encoding)));
        facts.extend(self.separator.clone().map(|separator| ("separator", separator)));
        if self.returns {
            facts.push(("line ends", "carriage returns".to_owned()));
        }
        if self.separator.is_some() {
            facts.push(("header", self.header.map_or_else(|| "none".to_owned(), |line| format!("line {line}"))));
        }
        for (field, from) in &self.columns {
            facts.push((field.name(), from.clone()));
        }
        if self.decimal_comma {
            facts.push(("decimal sign", "comma".to_owned()));
        }
        facts.push(("times", self.time.clone().unwrap_or_else(|| "none: rows keep the order of the file".to_owned())));
        if let Some(Values { min, max, step }) = self.values {
            let steps = if step > 0.0 { format!("in steps of {step}") } else { "without steps".to_owned() };
            facts.push(("values", format!("{min} to {max} {steps}, at the start of the file")));
        }
        facts.extend(self.notes.iter().map(|note| ("note", note.clone())));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_of_values_is_the_largest_that_all_keep() {
        for (values, step) in [
            (&[1.0, 5.0][..], 1.0),
            (&[0.5, 4.0], 0.5),
            (&[0.25, 1.5], 0.25),
            (&[f64::from(0.3_f32), 4.2], 0.1),
            (&[0.123, 4.0], 0.0),
        ] {
            assert_eq!(Values::of(values.iter().copied()).map(|values| values.step), Some(step), "{values:?}");
        }
        assert_eq!(Values::of([f64::NAN].into_iter()), None);
    }
}
