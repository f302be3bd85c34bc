//! Draws from the whole space: uniform, or uniform over the logarithm.

use rand::{Rng, RngExt};

use crate::space::{Domain, Space};
use crate::value::{Value, Values};

/// Draws values for every parameter whose condition holds.
pub(super) fn sample(space: &Space, random: &mut impl Rng) -> Values {
    let mut values = Values::new();
    for parameter in space.groups().into_iter().flatten() {
        // A number is drawn in any case, so that a condition does not change the draws after it.
        let value = draw(&parameter.domain, random);
        if parameter.is_active(&values) {
            values.insert(parameter.name.clone(), value);
        }
    }
    values
}

/// Draws a value of a domain. A domain with steps is widened by half a step at both ends, so that
/// every value has the same chance.
fn draw(domain: &Domain, random: &mut impl Rng) -> Value {
    let share: f64 = random.random();
    let code = match (domain.bounds(), domain) {
        (Some((low, high, step)), _) => {
            let (low, high) = (low - step / 2.0, high + step / 2.0);
            if domain.is_log() { (low.ln() + share * (high.ln() - low.ln())).exp() } else { low + share * (high - low) }
        }
        (None, Domain::Choice(choices)) => share * choices.len() as f64,
        (None, _) => 0.0,
    };
    domain.decode(code)
}
