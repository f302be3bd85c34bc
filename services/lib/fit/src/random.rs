//! Random numbers addressed by what they are for: (seed, sweep, group, row). Threads share nothing, and no draw depends on the order of others.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// What numbers are drawn for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Group {
    /// Starting values.
    Start = 1,
    /// Users' states.
    Users = 2,
    /// Movies' states.
    Movies = 3,
    /// The parts that users add to the movies they rated.
    Sets = 4,
    /// Priors, noise and offset.
    Hyper = 5,
}

/// The generator of one row of one group in one sweep.
pub(super) fn stream(seed: u64, sweep: usize, group: Group, row: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(sweep as u64).to_le_bytes());
    key[16] = group as u8;
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(row as u64);
    random
}
