//! What every target does: open the input as a file of some name and read all there is.

use marquee_datasets::{Options, open_bytes};

/// Reads everything; returns when the reader does.
pub fn exhaust(name: &str, data: &[u8]) {
    let Ok(dataset) = open_bytes(name, data.to_vec().into(), Options::default()) else { return };
    let _ = dataset.movies();
    let _ = dataset.fingerprint();
    let Ok(ratings) = dataset.ratings() else { return };
    // A few bytes of a column may stand for millions of rows: that is no fault, only slow.
    ratings.take(100_000).for_each(drop);
}
