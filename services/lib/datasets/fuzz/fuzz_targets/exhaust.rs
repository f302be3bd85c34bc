//! The part that all targets share: opens the input as a file with a given name, and reads
//! everything.

use marquee_datasets::{Options, open_bytes};

/// Reads all movies and ratings.
#[allow(dead_code, reason = "one target gives options")]
pub fn exhaust(name: &str, data: &[u8]) {
    exhaust_with(name, data, Options::default());
}

/// Reads all movies and ratings with options.
pub fn exhaust_with(name: &str, data: &[u8], options: Options) {
    let Ok(dataset) = open_bytes(name, data.to_vec().into(), options) else { return };
    let _ = dataset.movies();
    let _ = dataset.fingerprint();
    let Ok(ratings) = dataset.ratings() else { return };
    // A few bytes of a column can represent millions of rows. Reading them is slow but not an
    // error.
    ratings.take(100_000).for_each(drop);
}
