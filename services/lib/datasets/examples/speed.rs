//! Measures how fast rating files are read.
//!
//! Usage: `cargo run --release -p marquee-datasets --example speed -- PATH…`

use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let dataset = marquee_datasets::open(Path::new(&path), marquee_datasets::Options::default())?;
        let start = Instant::now();
        let (mut rows, mut wrong, mut sum) = (0_u64, 0_u64, 0.0);
        for row in dataset.ratings()? {
            match row {
                Ok(row) => {
                    rows += 1;
                    sum += row.rating;
                }
                Err(_) => wrong += 1,
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let (name, estimate) = (&dataset.name, dataset.rating_count);
        println!(
            "{name}: {rows} rows, {wrong} wrong, mean {:.3}, {seconds:.3} s, {:.2} M rows/s, estimated {estimate:?}",
            sum / rows as f64,
            rows as f64 / seconds / 1e6
        );
    }
    Ok(())
}
