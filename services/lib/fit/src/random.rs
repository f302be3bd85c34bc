//! Random numbers that are addressed by their purpose: (seed, sweep, group, row).
//!
//! Threads share no generator, and no number depends on the order in which others are drawn.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// The purpose of random numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Group {
    /// The starting values.
    Start = 1,
    /// The states of users.
    Users = 2,
    /// The states of movies.
    Movies = 3,
    /// What users add to the movies that they rated.
    MovieSets = 4,
    /// Priors, noise and offset.
    Hyper = 5,
    /// What movies add to the users who rated them.
    UserSets = 6,
    /// The ratings that are held out to compare models.
    Split = 7,
    /// Movies that nobody has rated.
    Unrated = 8,
    /// The pairs whose predictions are watched.
    Probes = 9,
}

/// Returns the generator of one row of one group in one sweep.
pub(super) fn stream(seed: u64, sweep: usize, group: Group, row: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(sweep as u64).to_le_bytes());
    key[16] = group as u8;
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(row as u64);
    random
}
