//! Samplers choose the values of the next trial.

mod parzen;
mod random;
mod tpe;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::record::{Direction, Record};
use crate::space::Space;
use crate::value::Values;

pub use tpe::Tpe;

/// How the values of the next trial are chosen.
#[derive(Debug, Clone, PartialEq)]
pub enum Sampler {
    /// Independent draws from the whole space.
    Random,
    /// Draws near good trials and away from bad ones.
    Tpe(Tpe),
}

impl Default for Sampler {
    fn default() -> Self {
        Self::Tpe(Tpe::default())
    }
}

impl Sampler {
    /// Returns the values of the trial with this number. They are a function of the arguments.
    pub(crate) fn sample(
        &self,
        space: &Space,
        direction: Direction,
        history: &[Record],
        (seed, number): (u64, u64),
    ) -> Values {
        let mut random = stream(seed, number);
        match self {
            Self::Random => random::sample(space, &mut random),
            Self::Tpe(tpe) => tpe.sample(space, direction, history, &mut random),
        }
    }
}

/// Returns the generator of one trial. No number depends on what other trials have drawn.
fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

#[cfg(test)]
mod tests;
